"""English: words to the 39 phonemes of ARPAbet, lower case, without stress."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from cantilena.errors import LyricError
from cantilena.language.english_numbers import number_words
from cantilena.language.english_reader import LONGEST, EnglishReader
from cantilena.language.english_recognition import foreign_words
from cantilena.language.english_sung import count_vowels, with_fewer_vowels, with_full_ending
from cantilena.language.english_words import ARPABET_CONSONANTS, ARPABET_VOWELS
from cantilena.language.spelling import clean_word, plain_letters
from cantilena.language.syllables import place_syllables


def load() -> English:
    """The language, for :func:`cantilena.language.load_language`."""
    return English()


class English:
    """See :class:`cantilena.language.registry.Language`."""

    code = "en"
    vowels = ARPABET_VOWELS
    inventory = ARPABET_VOWELS | ARPABET_CONSONANTS

    def __init__(self) -> None:
        self._reader = EnglishReader()

    def pronounce(
        self, word: str, *, next_word: str | None = None, syllables: Sequence[str] | None = None
    ) -> tuple[str, ...]:
        text = clean_word(word)
        if text == "the" and next_word is not None:
            following = self._read_text(clean_word(next_word))
            return ("dh", "iy") if following and following[0] in self.vowels else ("dh", "ah")
        spelled = [_letters_of(syllable) for syllable in syllables or ()]
        phonemes = self._read_text(text, spelled)
        if not phonemes:
            raise LyricError(
                "lyric_not_pronounceable",
                f"The word {_shown(word)} cannot be read as English.",
                hint='Give its sounds with --pronounce "WORD=PH PH", or correct it in the score.',
            )
        return self._fit(text, phonemes, spelled) if spelled else phonemes

    def place_syllables(self, phonemes: Sequence[str], syllables: Sequence[str]) -> tuple[int | None, ...]:
        spelled = [_letters_of(syllable) for syllable in syllables]
        return place_syllables(phonemes, spelled, vowels=self.vowels, costs=self._reader.costs)

    def foreign_words(self, words: Sequence[str]) -> tuple[int, ...]:
        return foreign_words([clean_word(word) for word in words], self.is_known)

    def is_known(self, word: str) -> bool:
        """Whether English has a word; compounds and letter-to-sound rules are left out, for they read anything."""
        parts = _parts_of(clean_word(word))
        return bool(parts) and all(self._reader.is_known(part) for part in parts)

    def is_guess(self, word: str) -> bool:
        return any(self._reader.is_guess(part) for part in _parts_of(clean_word(word)))

    def _read_text(self, text: str, spelled: Sequence[str] = ()) -> tuple[str, ...]:
        """The phonemes of a cleaned word, its hyphenated parts one after the other; empty when one cannot be read."""
        parts = _parts_of(text)
        # An engraver's hyphens tell where a compound may part, as long as the syllables spell the very word.
        cuts = tuple(accumulate(map(len, spelled[:-1]))) if "".join(spelled) == plain_letters(text) else ()
        read = [self._reader.read(part, cuts if len(parts) == 1 else ()) for part in parts]
        return tuple(phoneme for phonemes in read for phoneme in phonemes or ()) if all(read) else ()

    def _fit(self, text: str, phonemes: tuple[str, ...], spelled: Sequence[str]) -> tuple[str, ...]:
        """The form of a word with as many vowels as syllables are written, where English has such a form."""
        surplus = count_vowels(phonemes) - len(spelled)
        if surplus == -1 and spelled[-1].endswith("ed"):
            return with_full_ending(phonemes)
        if surplus < 0 and "'" in text:  # "bow'-rs" on two notes has its vowel back
            full = self._read_text(text.replace("'", "e"))
            return full if count_vowels(full) == len(spelled) else phonemes
        if surplus:
            for variant in self._reader.variants(text):
                if count_vowels(variant) == len(spelled):
                    return variant
        return with_fewer_vowels(phonemes, len(spelled)) if surplus > 0 else phonemes


def _shown(word: str) -> str:
    """A word for a message, cut short when it is no word."""
    return repr(word if len(word) <= LONGEST else word[: LONGEST - 1] + "\u2026")


def _letters_of(syllable: str) -> str:
    return re.sub("[^a-z]", "", plain_letters(clean_word(syllable)))


def _parts_of(text: str) -> list[str]:
    """What a cleaned word is read as: its hyphenated parts, its numbers in words ("3" is three)."""
    pieces = [piece for part in re.split(r"[\s-]+", text) for piece in re.findall(r"[0-9]+|[^0-9]+", part)]
    return [word for piece in pieces for word in (number_words(piece) if piece.isdigit() else [piece])]
