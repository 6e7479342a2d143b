"""English words that a dictionary lacks but that are made of words it has.

Conventions
-----------
Every function takes a word in lower case (letters and straight apostrophes) and a look-up, and answers None when
the word is not made its way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

from cantilena.language.english_words import ARPABET_VOWELS
from cantilena.language.graphones import Graphone, align, letter_positions

Phonemes = tuple[str, ...]
LookUp = Callable[[str], Phonemes | None]

_SIBILANTS = frozenset({"s", "z", "sh", "zh", "ch", "jh"})
_VOICELESS = frozenset({"p", "t", "k", "f", "th", "s", "sh", "ch"})
# Endings that sound the same after every stem, longest first.
_ENDINGS = (
    ("fulness", "f ah l n ah s"), ("lessly", "l ah s l iy"), ("fully", "f ah l iy"), ("ward", "w er d"),
    ("like", "l ay k"), ("less", "l ah s"), ("ness", "n ah s"), ("ment", "m ah n t"), ("hood", "hh uh d"),
    ("ship", "sh ih p"), ("some", "s ah m"), ("fold", "f ow l d"), ("most", "m ow s t"), ("wise", "w ay z"),
    ("able", "ah b ah l"), ("ful", "f ah l"), ("ing", "ih ng"), ("eth", "ih th"), ("est", "ih s t"),
    ("ish", "ih sh"), ("let", "l ah t"), ("man", "m ah n"), ("men", "m eh n"), ("ly", "l iy"), ("et", "ih t"),
    ("er", "er"), ("en", "ah n"), ("y", "iy"),
)  # fmt: skip
_BEGINNINGS = (
    ("counter", "k aw n t er"), ("under", "ah n d er"), ("inter", "ih n t er"), ("over", "ow v er"),
    ("fore", "f ao r"), ("out", "aw t"), ("mis", "m ih s"), ("non", "n aa n"), ("dis", "d ih s"), ("up", "ah p"),
    ("un", "ah n"), ("re", "r iy"), ("be", "b ih"), ("en", "eh n"), ("a-", "ah"), ("a", "ah"),
)  # fmt: skip
_CONTRACTIONS = (
    ("n't", "ah n t"), ("'ll", "ah l"), ("'ve", "ah v"), ("'re", "er"), ("'m", "m"), ("'t", "t"),
)  # fmt: skip
_CONSONANT_END = {"er": ("r",), "ow": ("w",), "uw": ("w",)}
# What an apostrophe inside a word may stand for, likeliest first.
_ELIDED = ("e", "o", "i", "a", "u", "v", "ve", "k", "er", "l", "th", "")
_SHORTEST_STEM = 3
_SHORTEST_PART = 3


def with_plural(stem: Phonemes) -> Phonemes:
    """A stem with the ending of plurals, possessives and the third person."""
    if stem[-1] in _SIBILANTS:
        return (*stem, "ih", "z")
    return (*stem, "s" if stem[-1] in _VOICELESS else "z")


def with_past(stem: Phonemes) -> Phonemes:
    """A stem with the ending of the past."""
    if stem[-1] in ("t", "d"):
        return (*stem, "ih", "d")
    return (*stem, "t" if stem[-1] in _VOICELESS else "d")


def inflected(word: str, look_up: LookUp) -> Phonemes | None:
    """A word with an ending: plural, past, participle, "-eth", "-ness" and the like."""
    if word.endswith("in'") and (stem := look_up(word[:-1] + "g")):
        return (*stem[:-1], "n")
    if word.endswith("'d") and (full := look_up(word[:-2] + "ed")):  # "rais'd": not Rais, but raised
        return full
    for ending, spoken in (("'s", with_plural), ("s'", with_plural), ("'d", with_past)):
        if word.endswith(ending) and (stem := look_up(word.removesuffix(ending))):
            return spoken(stem)
    for ending, spoken in (("s", with_plural), ("ed", with_past)):
        if word.endswith(ending) and not word.endswith(("ss", "us", "'s")):
            for stem_word in _stems(word, ending):
                if stem := look_up(stem_word):
                    return spoken(stem)
    for ending, sounds in _ENDINGS:
        if word.endswith(ending):
            for stem_word in _stems(word, ending):
                if stem := look_up(stem_word):
                    return (*_before_vowel(stem_word, stem, ending), *sounds.split())
    return None


def _before_vowel(stem_word: str, stem: Phonemes, ending: str) -> Phonemes:
    """A stem as it sounds before an ending: the vowel of a final "-le" goes when another follows ("girdling")."""
    if stem_word.endswith("le") and ending[0] in "aeiy" and stem[-2:] == ("ah", "l"):
        return (*stem[:-2], "l")
    return stem


def _stems(word: str, ending: str) -> list[str]:
    """Words that give ``word`` with ``ending``: hop-hopping, hope-hoping, glory-glories, enter-entering."""
    stem = word.removesuffix(ending)
    if len(stem) < _SHORTEST_STEM - 1:
        return []
    stems = [stem]
    if ending == "s":
        if stem.endswith("ie"):
            return [stem[:-2] + "y", stem]
        if stem.endswith(("she", "che", "sse", "xe", "oe", "zze")):
            stems.append(stem[:-1])
        return [candidate for candidate in stems if len(candidate) >= _SHORTEST_STEM]
    if ending[0] in "aeiy":
        # One vowel and one consonant before the ending: an e was dropped, or else the consonant would be doubled.
        drops_e = re.search(r"(^|[^aeiou])[aeiouy][^aeiouwxy]$|[cvzu]$|[^n]g$", stem)
        stems = [stem + "e", stem] if drops_e else [stem, stem + "e"]
        if re.search(r"([bdfglmnprtz])\1$", stem):
            stems.append(stem[:-1])
        if ending == "y" and not drops_e:
            stems = stems[:1]
    if stem.endswith("i"):
        stems.insert(0, stem[:-1] + "y")
    return [candidate for candidate in stems if len(candidate) >= _SHORTEST_STEM]


def prefixed(word: str, look_up: LookUp) -> Phonemes | None:
    """A word with a beginning: "un-", "re-", "a-" and the like."""
    for beginning, sounds in _BEGINNINGS:
        rest = word.removeprefix(beginning)
        if rest != word and len(rest) > _SHORTEST_STEM and (stem := look_up(rest)):
            return (*sounds.split(), *stem)
    return None


def compounded(word: str, look_up: LookUp, cuts: Collection[int] = ()) -> Phonemes | None:
    """Two words written as one; of several ways the one whose shorter part is longest.

    Parameters
    ----------
    cuts : collection of int
        Numbers of letters after which the word may be parted; empty: anywhere.
    """
    possible = [cut for cut in cuts or range(len(word)) if _SHORTEST_PART <= cut <= len(word) - _SHORTEST_PART]
    possible = [cut for cut in possible if "'" not in word[cut - 1 : cut + 1]]
    for cut in sorted(possible, key=lambda cut: (-min(cut, len(word) - cut), cut)):
        if (second := look_up(word[cut:])) and (first := look_up(word[:cut])):
            return (*first, *second)
    return None


def contracted(word: str, look_up: LookUp, costs: Mapping[Graphone, float]) -> Phonemes | None:
    """A word with an apostrophe: "you'll", "th'eternal", and with a vowel left out, "heav'n", "wand'ring"."""
    for ending, sounds in _CONTRACTIONS:
        stem_word = word.removesuffix(ending)
        if stem_word != word and (stem := look_up(stem_word)):
            spoken = sounds.split()
            # After a vowel the reduced one falls away: "they'll".
            return (*stem, *(spoken[1:] if stem[-1] in ARPABET_VOWELS and len(spoken) == 2 else spoken))
    for article, sounds in (("o'er", "ao r"), ("th'", "dh"), ("t'", "t"), ("d'", "d"), ("o'", "ah")):
        rest = word.removeprefix(article)
        if rest != word and (stem := look_up(rest)):
            return (*sounds.split(), *stem)
    if word.endswith("st"):
        stem_word = word.removesuffix("st").removesuffix("'")
        if stem := look_up(stem_word + "e") or look_up(stem_word):  # "mak'st", "know'st"
            return (*stem, "s", "t")
    before, mark, after = word.partition("'")
    if not (before and mark and after) or "'" in after:
        return None
    for elided in _ELIDED:
        if full := look_up(before + elided + after):
            return _without_vowel(before, elided, after, full, costs)
    return None


def _without_vowel(
    before: str, elided: str, after: str, phonemes: Phonemes, costs: Mapping[Graphone, float]
) -> Phonemes:
    """The phonemes of the full word less the vowel that the left-out letters write; its consonant end remains."""
    if not elided:
        return phonemes
    positions = letter_positions(align(before + elided + after, phonemes, costs))
    # Silent letters may shift the alignment by one ("list'ning"), so the nearest vowel is meant.
    distances = {
        index: abs(position - len(before))
        for index, position in enumerate(positions)
        if phonemes[index] in ARPABET_VOWELS and index > 0
    }
    nearest = min(distances, key=distances.__getitem__, default=None)
    if nearest is None or distances[nearest] > 1:
        return phonemes
    return (*phonemes[:nearest], *_CONSONANT_END.get(phonemes[nearest], ()), *phonemes[nearest + 1 :])
