"""The phoneme inventory of the voice: symbols, ids and classes.

**Conventions**: id 0 is padding and is never sung; symbols are lower-case ARPAbet plus ``SP`` (silence)
and ``AP`` (breath).
"""

from types import MappingProxyType
from typing import Final

PAD: Final = "<PAD>"
SILENCE: Final = "SP"
BREATH: Final = "AP"

VOWELS: Final = ("aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw")

TYPES: Final = MappingProxyType(
    {
        **dict.fromkeys(VOWELS, "vowel"),
        **dict.fromkeys(("w", "y"), "semivowel"),
        **dict.fromkeys(("l", "r"), "liquid"),
        **dict.fromkeys(("b", "d", "g", "k", "p", "t"), "stop"),
        **dict.fromkeys(("dh", "f", "s", "sh", "th", "v", "z", "zh"), "fricative"),
        **dict.fromkeys(("ch", "jh"), "affricate"),
        "hh": "aspirate",
        **dict.fromkeys(("m", "n", "ng"), "nasal"),
    }
)
"""Type of each phone, as ``dsdict.yaml`` names them."""

PHONES: Final = tuple(sorted(TYPES))
SYMBOLS: Final = (PAD, BREATH, SILENCE, *PHONES)
IDS: Final = MappingProxyType({symbol: i for i, symbol in enumerate(SYMBOLS)})

VOICELESS: Final = frozenset(("p", "t", "k", "ch", "f", "th", "s", "sh", "hh", SILENCE, BREATH))


def is_vowel(symbol: str) -> bool:
    """Say whether a symbol is a sung vowel (``SP`` and ``AP`` are not)."""
    return TYPES.get(symbol) == "vowel"
