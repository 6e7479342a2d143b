# ruff: noqa: RUF001, RUF002 -- the letters of the International Phonetic Alphabet look like others
"""The sounds behind the names that voicebanks give to their phonemes, and how far two of them are apart.

Conventions
-----------
A symbol is read as one or more sounds of the International Phonetic Alphabet, whatever its author's way of writing:
ARPAbet, X-SAMPA, IPA, romanised Japanese, pinyin or Korean; what nobody listed is read letter by letter. Vowels differ
by height, backness and rounding, consonants by place, manner and voice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final, Literal, NamedTuple
from unicodedata import normalize

Kind = Literal["vowel", "glide", "consonant"]


class _Vowel(NamedTuple):
    """Each 0..1: close is high, back is 1."""

    height: float
    back: float
    rounded: float


class _Consonant(NamedTuple):
    """Place from the lips (0) to the glottis (1); voiced 0 or 1."""

    place: float
    manner: str
    voiced: float


_VOWELS: Final[Mapping[str, _Vowel]] = {
    name: _Vowel(height, back, rounded)
    for name, height, back, rounded in (
        ("i", 1.0, 0.0, 0), ("y", 1.0, 0.0, 1), ("ɨ", 1.0, 0.5, 0), ("ʉ", 1.0, 0.5, 1), ("ɯ", 1.0, 1.0, 0),
        ("u", 1.0, 1.0, 1), ("ɪ", 0.85, 0.2, 0), ("ʏ", 0.85, 0.2, 1), ("ʊ", 0.85, 0.8, 1), ("e", 0.6, 0.0, 0),
        ("ø", 0.6, 0.0, 1), ("ɤ", 0.6, 1.0, 0), ("o", 0.6, 1.0, 1), ("ə", 0.5, 0.5, 0), ("ɛ", 0.4, 0.1, 0),
        ("œ", 0.4, 0.1, 1), ("ɜ", 0.45, 0.5, 0), ("ʌ", 0.4, 0.8, 0), ("ɔ", 0.4, 1.0, 1), ("æ", 0.17, 0.1, 0),
        ("ɐ", 0.17, 0.5, 0), ("a", 0.0, 0.4, 0), ("ɑ", 0.0, 0.9, 0), ("ɒ", 0.0, 1.0, 1),
    )
}  # fmt: skip

_CONSONANTS: Final[Mapping[str, _Consonant]] = {
    sound: _Consonant(place, manner, voiced)
    for place, manner, voiceless, voiced_ones in (
        (0.0, "stop", "p", "b"), (0.0, "nasal", "", "m"), (0.0, "fricative", "ɸ", "β"),
        (0.1, "fricative", "f", "v"), (0.1, "approximant", "", "ʋ"), (0.2, "fricative", "θ", "ð"),
        (0.3, "stop", "t", "d"), (0.3, "nasal", "", "n"), (0.3, "fricative", "sɬ", "z"), (0.3, "affricate", "ʦ", "ʣ"),
        (0.3, "tap", "", "ɾ"), (0.3, "trill", "", "r"), (0.3, "lateral", "", "lɫ"), (0.35, "approximant", "", "ɹɻ"),
        (0.45, "fricative", "ʃʂ", "ʒʐ"), (0.45, "affricate", "ʧ", "ʤ"), (0.5, "fricative", "ɕ", "ʑ"),
        (0.6, "fricative", "ç", "ʝ"), (0.6, "nasal", "", "ɲ"), (0.6, "lateral", "", "ʎ"),
        (0.6, "approximant", "", "jɥ"), (0.75, "stop", "k", "gɡ"), (0.75, "nasal", "", "ŋ"),
        (0.75, "fricative", "x", "ɣ"), (0.8, "approximant", "", "w"), (0.85, "stop", "q", "ɢ"),
        (0.85, "nasal", "", "ɴ"), (0.85, "fricative", "χ", "ʁ"), (0.85, "trill", "", "ʀ"),
        (1.0, "fricative", "h", "ɦ"), (1.0, "stop", "ʔ", ""),
    )
    for voiced, sounds in ((0.0, voiceless), (1.0, voiced_ones))
    for sound in sounds
}  # fmt: skip

_RHOTICS: Final = frozenset("ɹɻɾrʁʀ")
_GLIDES: Final = frozenset("jɥwʋɹɻlɫʎɾr")

_MANNERS: Final[Mapping[frozenset[str], float]] = {
    frozenset(pair.split()): distance
    for pair, distance in (
        ("stop affricate", 0.35), ("affricate fricative", 0.35), ("stop fricative", 0.6), ("stop nasal", 0.7),
        ("stop tap", 0.45), ("tap trill", 0.1), ("tap lateral", 0.3), ("tap approximant", 0.35), ("tap nasal", 0.7),
        ("trill lateral", 0.4), ("trill approximant", 0.3), ("trill fricative", 0.6), ("lateral approximant", 0.35),
        ("lateral nasal", 0.6), ("fricative approximant", 0.65),
    )
}  # fmt: skip
_UNLIKE = 0.9  # two manners that have nothing in common
_VOICE = 0.2
_OTHER_R = 0.2  # an r is an r, wherever it is made
_OTHER_SOUND = 3.0  # between a vowel and a consonant
_LATER = 0.4  # what the second and later sounds of a symbol weigh beside the first
_NO_SOUND = 1.0  # for a later sound that one of two symbols lacks

_NAMES: Final[Mapping[str, str]] = {
    # ARPAbet and what English voicebanks add to it
    "aa": "ɑ", "ae": "æ", "ah": "ɐ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "əɹ", "ay": "aɪ", "eh": "ɛ", "er": "əɹ",
    "ey": "eɪ", "ih": "ɪ", "ix": "ɨ", "iy": "i", "ow": "oʊ", "oy": "ɔɪ", "uh": "ʊ", "uw": "u", "ux": "ʉ",
    "ch": "ʧ", "dh": "ð", "dr": "ʤɹ", "dx": "ɾ", "hh": "h", "jh": "ʤ", "ng": "ŋ", "r": "ɹ", "sh": "ʃ", "th": "θ",
    "tr": "ʧɹ", "y": "j", "zh": "ʒ",
    # closures, as the stop that they cut short
    "cl": "ʔ", "q": "ʔ", "Q": "ʔ", "vf": "ʔ", "VF": "ʔ", "GS": "ʔ",
    # romanised Japanese
    "ts": "ʦ", "dz": "ʣ", "j": "ʤ", "N": "ɴ",
}  # fmt: skip
_PINYIN: Final[Mapping[str, str]] = {
    "zh": "ʤ", "q": "ʧ", "x": "ʃ", "j": "ʤ", "c": "ʦ", "z": "ʣ", "r": "ʒ", "h": "x", "v": "y", "er": "ɑɹ", "ir": "ɨ",
    "i0": "ɨ", "e": "ɤ", "en": "ən", "eng": "əŋ", "ao": "aʊ", "ou": "oʊ",
}  # fmt: skip
_NAMES_OF_LANGUAGE: Final[Mapping[str, Mapping[str, str]]] = {
    "zh": _PINYIN,
    "yue": _PINYIN,
    "ja": {"r": "ɾ", "f": "ɸ"},
    "ko": {"eo": "ʌ", "eu": "ɯ", "ae": "ɛ", "oe": "ø", "r": "ɾ", "j": "ʤ", "jj": "ʤ"},
    "fr": {"y": "y", "uu": "y", "eu": "ø", "ou": "u", "r": "ʁ", "rh": "ʁ", "an": "ɑn", "on": "ɔn", "j": "ʒ"},
    "de": {"r": "ʁ", "j": "j", "ue": "y", "oe": "ø", "x": "x", "cc": "ç"},
}  # fmt: skip
_X_SAMPA: Final[Mapping[str, str]] = dict(
    zip("A{EIOQUV@32SZTDNJRLBCGHMXY4?9&", "ɑæɛɪɔɒʊʌəɜøʃʒθðŋɲʁʎβçɣɥɯχʏɾʔœœ", strict=True)
)
_LETTERS: Final[Mapping[str, str]] = {"c": "k", "y": "j", "r": "ɹ", "q": "k"}
_UMLAUTS: Final[Mapping[str, str]] = {"ü": "y", "ö": "ø", "ä": "ɛ"}
_PAIRS: Final[Mapping[str, str]] = {
    "sh": "ʃ", "ch": "ʧ", "zh": "ʒ", "th": "θ", "dh": "ð", "ng": "ŋ", "ts": "ʦ", "dz": "ʣ", "tS": "ʧ", "dZ": "ʤ",
    "tʃ": "ʧ", "dʒ": "ʤ", "tɕ": "ʧ", "dʑ": "ʤ", "ph": "p", "kh": "k",
}  # fmt: skip


@cache
def sounds_of(symbol: str, kind: Kind | None) -> str:
    """The sounds of a symbol in IPA; of two readings the one of the kind that a dictionary tells ("y" is i or j)."""
    prefix, _, name = symbol.rpartition("/")
    stem = name.rstrip("0123456789:ː") or name  # stress, tone and length
    own = _NAMES_OF_LANGUAGE.get(prefix, {})
    # "AH" is "ah", but the S of X-SAMPA's "tS" is none of "ts".
    folded = stem.casefold() if len(stem) > 1 and (stem.isupper() or stem.istitle()) else stem
    named = own.get(name) or own.get(stem) or _NAMES.get(name) or _NAMES.get(folded)
    readings = [named] if named else []
    readings += [_spell_out(stem, _LETTERS), _spell_out(stem, {})]
    for reading in readings:
        if reading and (kind is None or kind_of_sounds(reading) == kind):
            return reading
    return readings[0]


def kind_of_sounds(sounds: str) -> Kind:
    """Kind of a symbol with these sounds.

    >>> kind_of_sounds("aɪ"), kind_of_sounds("kj"), kind_of_sounds("w")
    ('vowel', 'consonant', 'glide')
    """
    if any(sound in _VOWELS for sound in sounds):
        return "vowel"
    return "glide" if len(sounds) == 1 and sounds in _GLIDES else "consonant"


def distance(one: str, other: str) -> float:
    """How far two symbols are apart, by their sounds in order: 0 for the same sounds, below 1 for like ones."""
    total = 0.0
    for k in range(max(len(one), len(other))):
        weight = _LATER if k else 1.0
        if k < len(one) and k < len(other):
            total += weight * _distance_of_sounds(one[k], other[k])
        else:
            total += weight * _NO_SOUND
    return total


def _spell_out(name: str, letters: Mapping[str, str]) -> str:
    """A name read letter by letter, two at a time where they write one sound; a letter doubled counts once."""
    sounds = ""
    at = 0
    while at < len(name):
        pair, letter = name[at : at + 2], name[at]
        if pair in _PAIRS:
            sounds += _PAIRS[pair]
            at += 2
            continue
        plain = normalize("NFD", letter)[0].casefold()  # without its accents
        sound = _X_SAMPA.get(letter) or _UMLAUTS.get(letter.casefold()) or letters.get(plain) or plain
        if (sound in _VOWELS or sound in _CONSONANTS) and not sounds.endswith(sound):
            sounds += sound
        at += 1
    return sounds


def _distance_of_sounds(one: str, other: str) -> float:
    if one in _VOWELS and other in _VOWELS:
        a, b = _VOWELS[one], _VOWELS[other]
        return abs(a.height - b.height) + 0.6 * abs(a.back - b.back) + 0.3 * abs(a.rounded - b.rounded)
    if one in _CONSONANTS and other in _CONSONANTS:
        c, d = _CONSONANTS[one], _CONSONANTS[other]
        manner = 0.0 if c.manner == d.manner else _MANNERS.get(frozenset((c.manner, d.manner)), _UNLIKE)
        if one in _RHOTICS and other in _RHOTICS:
            return _OTHER_R * (one != other)
        return abs(c.place - d.place) + manner + _VOICE * abs(c.voiced - d.voiced)
    return _OTHER_SOUND
