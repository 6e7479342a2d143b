"""A language that only a voicebank's own dictionary knows: what the dictionary has, sings.

Conventions
-----------
Its phonemes are the symbols of the voicebank. A word is looked up as it is written, then syllable by syllable, then,
where its script sets no spaces, piece by piece; a word that is itself a symbol of the voicebank is sung as that symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cantilena.errors import LyricError
from cantilena.language.graphones import Graphone
from cantilena.language.spelling import clean_word, foreign_script
from cantilena.language.syllables import place_syllables

Symbols = tuple[str, ...]

_HOLDS = frozenset("ー〜～~+-")  # noqa: RUF001 -- marks that hold the vowel before
_LONGEST = 45  # letters; what is longer is no word


class DictionaryLanguage:
    """See :class:`cantilena.language.registry.Language`.

    Parameters
    ----------
    code : str
        As the voicebank's files and prefixes spell it.
    look_up : callable
        The symbols of a word in the dictionary; None: it is not there.
    is_symbol : callable
        Whether the voicebank sings a symbol.
    is_vowel : callable
        Whether a symbol can open a syllable.
    """

    inventory: frozenset[str] = frozenset()
    vowels: frozenset[str] = frozenset()

    def __init__(
        self,
        code: str,
        *,
        look_up: Callable[[str], Symbols | None],
        is_symbol: Callable[[str], bool],
        is_vowel: Callable[[str], bool],
    ) -> None:
        self.code = code
        self._look_up = look_up
        self._is_symbol = is_symbol
        self._is_vowel = is_vowel

    def pronounce(
        self, word: str, *, next_word: str | None = None, syllables: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        found = self._find(word) or self._join(syllables or ()) or self._read_pieces(word) or self._read_symbols(word)
        if not found:
            raise LyricError(
                "lyric_not_pronounceable",
                f"The voicebank's dictionary of the language {self.code!r} does not have the word {word[:_LONGEST]!r}.",
                hint="Write the lyrics as the dictionary does (kana or romaji, hanzi or pinyin), or give the word's "
                'sounds with --pronounce "WORD=PH PH".',
            )
        return found

    def place_syllables(self, phonemes: Sequence[str], syllables: Sequence[str]) -> tuple[int | None, ...]:
        pieces = [self._read_syllable(syllable) for syllable in syllables]
        if pieces and pieces[0] and None not in pieces and self._join(syllables) == tuple(phonemes):
            return tuple(self._openings([piece or () for piece in pieces]))
        letters = [clean_word(syllable) for syllable in syllables]
        costs: dict[Graphone, float] = {}
        for phoneme in phonemes:  # a symbol is likeliest written by its own first letter
            costs[phoneme.rpartition("/")[2][:1].lower(), (phoneme,)] = 1.0
        vowels = frozenset(phoneme for phoneme in phonemes if self._is_vowel(phoneme))
        return place_syllables(phonemes, letters, vowels=vowels, costs=costs)

    def foreign_words(self, words: Sequence[str]) -> tuple[int, ...]:
        return ()

    def is_guess(self, word: str) -> bool:
        return False

    def _openings(self, pieces: Sequence[Symbols]) -> Iterator[int | None]:
        """The first vowel of each syllable; the first sound of one without a vowel, which fills its note."""
        begin = 0
        for piece in pieces:
            if not piece:
                yield None
                continue
            yield begin + next((k for k, symbol in enumerate(piece) if self._is_vowel(symbol)), 0)
            begin += len(piece)

    def _find(self, word: str) -> Symbols | None:
        return self._look_up(word) or self._look_up(clean_word(word)) if len(word) <= _LONGEST else None

    def _join(self, syllables: Sequence[str]) -> Symbols:
        """A word from its written syllables; empty when one is not in the dictionary."""
        pieces = [self._read_syllable(syllable) for syllable in syllables]
        return () if None in pieces else tuple(symbol for piece in pieces for symbol in piece or ())

    def _read_syllable(self, syllable: str) -> Symbols | None:
        if syllable and not set(syllable) - _HOLDS:
            return ()
        return self._find(syllable) or self._read_pieces(syllable) or self._read_symbols(syllable)

    def _read_pieces(self, word: str) -> Symbols | None:
        """Words of the dictionary written together, the longest first: kana and hanzi set no spaces."""
        if not foreign_script(word) or len(word) > _LONGEST:
            return None
        symbols: list[str] = []
        at = 0
        while at < len(word):
            if word[at] in _HOLDS and symbols:
                at += 1
                continue
            for end in range(len(word), at, -1):
                if found := self._find(word[at:end]):
                    symbols += found
                    at = end
                    break
            else:
                return None
        return tuple(symbols)

    def _read_symbols(self, word: str) -> Symbols | None:
        """A lyric that spells its own phonemes."""
        symbols = tuple(word.split())
        return symbols if symbols and all(map(self._is_symbol, symbols)) else None
