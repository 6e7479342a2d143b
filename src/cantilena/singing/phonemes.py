"""From a language's phonemes to the symbols of a voicebank, and how a word's phonemes divide into syllables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cantilena.errors import LyricError
from cantilena.findings import Finding

if TYPE_CHECKING:
    from cantilena.language import Language
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.dictionary import Kind

# What comes nearest where a voicebank lacks a phoneme, best first; () leaves it out.
_NEAREST: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "aa": (("ao",), ("ah",)),
        "ae": (("eh",), ("aa",)),
        "ah": (("ax",), ("aa",)),
        "ao": (("aa",), ("ow",)),
        "aw": (("aa", "uw"), ("aa", "uh")),
        "ax": (("ah",), ("aa",)),
        "ay": (("aa", "iy"), ("aa", "ih")),
        "ch": (("t", "sh"),),
        "dh": (("d",), ("z",)),
        "dr": (("d", "r"),),
        "dx": (("d",), ("t",)),
        "eh": (("ae",), ("ey",)),
        "er": (("ah", "r"), ("ax", "r")),
        "ey": (("eh", "iy"), ("eh", "ih")),
        "hh": (("h",), ()),
        "ih": (("iy",),),
        "iy": (("ih",),),
        "jh": (("d", "zh"), ("ch",)),
        "ng": (("n",),),
        "ow": (("ao", "uw"), ("ao",)),
        "oy": (("ao", "iy"), ("ao", "ih")),
        "q": (("cl",), ()),
        "th": (("t",), ("s",)),
        "tr": (("t", "r"),),
        "uh": (("uw",), ("ah",)),
        "uw": (("uh",),),
        "v": (("b",), ("f",)),
        "w": (("uw",),),
        "y": (("iy",),),
        "z": (("s",),),
        "zh": (("jh",), ("z",), ("sh",)),
    }
)
_GLIDES: Final = frozenset({"w", "y", "r", "l"})
_NEVER_FIRST: Final = frozenset({"ng"})


class PhonemeResolver:
    """Finds the symbols that a voicebank sings for a language's phonemes.

    A symbol counts when every stage knows it. In order: what the voicebank's dictionary puts in its place, the
    phoneme under its language's prefix, the bare phoneme, and the nearest thing there is, which becomes a finding.
    """

    def __init__(self, voicebank: Voicebank, language: Language) -> None:
        self._voicebank = voicebank
        self._language = language
        self._dictionary = voicebank.dictionary(language.code)
        self._resolved: dict[str, tuple[str, ...]] = {}
        self.findings: list[Finding] = []

    def resolve(self, phoneme: str) -> tuple[str, ...]:
        """The symbols to sing for one phoneme, possibly none.

        Raises
        ------
        LyricError
            ``lyric_not_pronounceable``: the voicebank has nothing like it. The place is left for the caller to add.
        """
        if phoneme not in self._resolved:
            self._resolved[phoneme] = self._find(phoneme)
        return self._resolved[phoneme]

    def kind(self, symbol: str) -> Kind:
        """Kind of a symbol by the voicebank's dictionary, else by the language."""
        bare = symbol.rpartition("/")[2]
        for spelling in (symbol, bare):
            if spelling in self._dictionary.kinds:
                return self._dictionary.kinds[spelling]
        if bare in self._language.vowels:
            return "vowel"
        return "glide" if bare in _GLIDES else "consonant"

    def kind_of_phoneme(self, phoneme: str) -> Kind:
        """Kind of a language's phoneme: that of the first symbol sung for it."""
        symbols = self.resolve(phoneme)
        return self.kind(symbols[0]) if symbols else "consonant"

    def _find(self, phoneme: str) -> tuple[str, ...]:
        exact = self._known(phoneme)
        if exact is not None:
            return exact
        for nearest in _NEAREST.get(phoneme, ()):
            known = [self._known(item) for item in nearest]
            found = tuple(symbol for symbols in known if symbols is not None for symbol in symbols)
            if None not in known:
                self.findings.append(self._substituted(phoneme, found))
                return found
        raise LyricError(
            "lyric_not_pronounceable",
            f"The voicebank {self._voicebank.id} has no phoneme {phoneme!r} and nothing like it.",
            hint=f"Its phonemes are {' '.join(sorted(self._voicebank.durations.symbols.tokens))}; give the word other "
            "ones with --pronounce.",
        )

    def _known(self, phoneme: str) -> tuple[str, ...] | None:
        replaced = self._dictionary.replacements.get(phoneme)
        for candidate in (replaced, (f"{self._language.code}/{phoneme}",), (phoneme,)):
            if candidate is not None:
                spelled = [self._spelling(symbol) for symbol in candidate]
                if None not in spelled:
                    return tuple(symbol for symbol in spelled if symbol is not None)
        return None

    def _spelling(self, symbol: str) -> str | None:
        """The symbol as the duration stage spells it, when every stage knows it."""
        if all(stage.symbols.find(symbol) for stage in self._voicebank.stages):
            return self._voicebank.durations.symbols.find(symbol)
        return None

    def _substituted(self, phoneme: str, found: tuple[str, ...]) -> Finding:
        sung = f"{' '.join(found)} is sung in its place" if found else "it is left out"
        return Finding(
            code="phoneme_substituted",
            message=f"The voicebank {self._voicebank.id} has no phoneme {phoneme!r}; {sung}.",
            hint="Choose another --voicebank, or give the word other phonemes with --pronounce.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SyllablePhonemes:
    """Phonemes of one sung syllable.

    Attributes
    ----------
    lead : tuple of str
        Consonants before the beat.
    body : tuple of str
        From the sound on the beat on; empty when the syllable has none of its own and the vowel before goes on.
    """

    lead: tuple[str, ...] = ()
    body: tuple[str, ...] = ()


def divide_word(
    phonemes: Sequence[str], openings: Sequence[int | None], kinds: Sequence[Kind]
) -> tuple[SyllablePhonemes, ...]:
    """Phonemes of each written syllable of a word.

    Parameters
    ----------
    phonemes : sequence of str
        Of the whole word.
    openings : sequence of int or None
        Index of the vowel that opens each syllable, rising; None: the vowel before goes on.
    kinds : sequence of {"vowel", "glide", "consonant"}
        Of each phoneme, in this voicebank.

    Returns
    -------
    tuple of SyllablePhonemes
        One for each syllable; together they hold every phoneme once.
    """
    starts = [None if opening is None else _beat(opening, kinds) for opening in openings]
    opened = [syllable for syllable, start in enumerate(starts) if start is not None]
    pieces = [SyllablePhonemes()] * len(starts)
    begin = 0
    for syllable, after in zip(opened, [*opened[1:], None], strict=True):
        start = starts[syllable] or 0
        end = len(phonemes) if after is None else _first_of_lead(phonemes, start, starts[after] or 0, kinds)
        pieces[syllable] = SyllablePhonemes(lead=tuple(phonemes[begin:start]), body=tuple(phonemes[start:end]))
        begin = end
    return tuple(pieces)


def _beat(opening: int, kinds: Sequence[Kind]) -> int:
    """The sound on the beat: the vowel, or the glide between a consonant and the vowel ("k y uw")."""
    if opening >= 2 and kinds[opening - 1] == "glide" and kinds[opening - 2] != "vowel":
        return opening - 1
    return opening


def _first_of_lead(phonemes: Sequence[str], start: int, beat: int, kinds: Sequence[Kind]) -> int:
    """Where the consonants between two syllables divide: one goes to the later syllable, two when the second of them
    glides ("tr"), none when the later syllable already begins with a glide that has no consonant before it.
    """
    last_vowel = max((k for k in range(start, beat) if kinds[k] == "vowel"), default=start)
    cut = beat
    if cut - 1 > last_vowel and phonemes[cut - 1] not in _NEVER_FIRST:
        cut -= 1
        if kinds[cut] == "glide" and cut - 1 > last_vowel and kinds[cut - 1] == "consonant":
            cut -= 1
    return cut
