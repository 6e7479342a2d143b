"""Which phoneme of a table comes nearest to one that the table lacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from cantilena.voicebank.phonetics import Kind, distance, kind_of_sounds, sounds_of

SILENCE: Final = "SP"
BREATH: Final = "AP"

EQUIVALENTS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = MappingProxyType(
    {
        "a": (("aa",),),
        "aa": (("a",), ("ao",), ("ah",)),
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
        "hh": (("h",),),
        "ih": (("iy",),),
        "iy": (("ih",),),
        "jh": (("d", "zh"), ("ch",)),
        "ng": (("n",),),
        "dz": (("d", "z"),),
        "ow": (("ao", "uw"), ("ao",)),
        "oy": (("ao", "iy"), ("ao", "ih")),
        "th": (("t",), ("s",)),
        "tr": (("t", "r"),),
        "ts": (("t", "s"),),
        "uh": (("uw",), ("ah",)),
        "uw": (("uh",),),
        "v": (("b",), ("f",)),
        "w": (("uw",), ("u",)),
        "y": (("iy",), ("i",)),
        "z": (("s",),),
        "zh": (("jh",), ("z",), ("sh",)),
    }
)
"""What singers of ARPAbet banks put in a phoneme's place, best first; one phoneme may become two."""

# Sounds without a mouth of their own: whatever their names, each stands for the others of its line.
_CLOSURES: Final = ("cl", "q", "Q", "vf", "VF", "GS", "?")
_FAMILIES: Final[tuple[tuple[str, ...], ...]] = (
    (SILENCE, "pau", "sil"),
    (BREATH, "br", "EP", "ExAP", "exh"),
    _CLOSURES,
)

_OTHER_LANGUAGE = 0.01  # decides between equally near symbols


def bare(symbol: str) -> str:
    """A symbol without the prefix of its language.

    >>> bare("en/ah"), bare("SP")
    ('ah', 'SP')
    """
    return symbol.rpartition("/")[2]


def is_rest(symbol: str) -> bool:
    """Whether a symbol is silence or breath, under any name."""
    return _family_of(symbol) in _FAMILIES[:2]


def kind_by_name(symbol: str) -> Kind:
    """What kind of sound a symbol is by the way it is written; silence and breath count as vowels.

    >>> [kind_by_name(symbol) for symbol in ("en/ah", "iang", "ky", "w", "AP")]
    ['vowel', 'vowel', 'consonant', 'glide', 'vowel']
    """
    if is_rest(symbol):
        return "vowel"
    return kind_of_sounds(sounds_of(symbol, None))


def find_namesake(symbol: str, table: Iterable[str]) -> str | None:
    """The same symbol bare, under another prefix, or in another case, where the case does not tell two sounds apart.

    >>> find_namesake("en/ah", ["ja/a", "de/ah", "ah"]), find_namesake("AH", ["ja/ah"]), find_namesake("S", ["s"])
    ('ah', 'ja/ah', None)
    """
    name = bare(symbol)
    sounds = sounds_of(symbol, None)
    is_vowel = kind_of_sounds(sounds) == "vowel"
    same = [one for one in table if bare(one).casefold() == name.casefold()]
    like = [
        one
        for one in same
        if sounds_of(one, None) == sounds
        or (bare(one) == name and (kind_of_sounds(sounds_of(one, None)) == "vowel") == is_vowel)
    ]
    return min(like, key=lambda one: (bare(one) != name, "/" in one), default=None)


def equivalents(symbol: str) -> tuple[tuple[str, ...], ...]:
    """What is usually sung in place of a symbol; () for one that only looks like a phoneme we know.

    >>> equivalents("en/v"), equivalents("zh/v")
    ((('b',), ('f',)), ())
    """
    name = bare(symbol)
    alike = sounds_of(name, None) == sounds_of(symbol, None)
    return EQUIVALENTS.get(name.casefold() if name.isupper() else name, ()) if alike else ()


def nearest_symbol(symbol: str, table: Iterable[str], kinds: Mapping[str, Kind] | None = None) -> str:
    """The symbol of a table that comes nearest to one that it lacks.

    In order: the same symbol bare, under another prefix or in another case; another name of the same silence, breath
    or closure; another name of the same sound; what is usually sung in its place; the nearest sound of its kind; any
    vowel, a breath, silence.

    Parameters
    ----------
    symbol : str
        What is missing.
    table : iterable of str
        What there is, at least one symbol.
    kinds : mapping of str to {"vowel", "glide", "consonant"}, optional
        What a dictionary says of symbols; where it is silent, their names tell.

    Examples
    --------
    >>> table = ["SP", "AP", "a", "i", "u", "e", "o", "k", "s", "sh", "t", "n", "h", "m", "r", "w", "d", "b"]
    >>> [nearest_symbol(f"en/{x}", table) for x in ("aa", "ih", "ow", "hh", "th", "l", "dx", "ng", "v")]
    ['a', 'i', 'o', 'h', 't', 'r', 'd', 'n', 'b']
    """
    kinds = kinds or {}
    known = [one for one in table if not (one.startswith("<") and one.endswith(">"))]
    if (namesake := find_namesake(symbol, known)) is not None:
        return namesake
    family = _family_of(symbol)
    kin = [one for one in known if family and _family_of(one) == family]
    if kin:
        return min(kin, key=lambda one: family.index(bare(one)))
    if is_rest(symbol):
        return SILENCE if SILENCE in known else known[0]
    sounds = sounds_of(symbol, kinds.get(symbol))
    same = [one for one in known if sounds and sounds_of(one, kinds.get(one)) == sounds and not _family_of(one)]
    if same:
        return min(same, key=lambda one: one.rpartition("/")[0] != symbol.rpartition("/")[0])
    for instead in equivalents(symbol):
        if len(instead) == 1 and (found := _under_any_prefix(instead[0], symbol, known)) is not None:
            return found
    return _nearest_by_sound(symbol, known, kinds)


def _family_of(symbol: str) -> tuple[str, ...]:
    """The silences, breaths or closures that a symbol is one of; () for a sound, such as the q of pinyin."""
    family = next((family for family in _FAMILIES if bare(symbol) in family), ())
    return family if family is not _CLOSURES or sounds_of(symbol, None) == sounds_of("cl", None) else ()


def _under_any_prefix(name: str, symbol: str, known: list[str]) -> str | None:
    prefix = symbol.rpartition("/")[0]
    same = [one for one in known if bare(one) == name]
    return min(same, key=lambda one: (one.rpartition("/")[0] != prefix, "/" in one), default=None)


def _nearest_by_sound(symbol: str, known: list[str], kinds: Mapping[str, Kind]) -> str:
    wanted = sounds_of(symbol, kinds.get(symbol))
    is_vowel = kinds.get(symbol, kind_of_sounds(wanted)) == "vowel"
    prefix = symbol.rpartition("/")[0]
    # A closure is a stop that is never released: nobody would hear a consonant.
    voiced = [one for one in known if not _family_of(one)]
    vowels = [one for one in voiced if kinds.get(one, kind_by_name(one)) == "vowel"]
    same_kind = vowels if is_vowel else [one for one in voiced if one not in vowels]

    def rank(one: str) -> tuple[float, str]:
        other = one.rpartition("/")[0] not in (prefix, "")
        return distance(wanted, sounds_of(one, kinds.get(one))) + _OTHER_LANGUAGE * other, one

    if same_kind or vowels:
        return min(same_kind or vowels, key=rank)
    return next((one for one in (BREATH, SILENCE) if one in known), known[0])
