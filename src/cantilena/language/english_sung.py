"""How the form of an English word changes when it is sung: endings held, vowels left out or kept clear."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from cantilena.language.english_words import ARPABET_VOWELS
from cantilena.language.graphones import Graphone, align, letter_positions

Phonemes = tuple[str, ...]

_CLEAR_I = re.compile("[iy](?![aeou])")
_CLEAR_ENDINGS: tuple[tuple[str, Phonemes, Phonemes], ...] = (
    ("es", ("ah", "z"), ("ih", "z")),
    ("ed", ("ah", "d"), ("ih", "d")),
    ("est", ("ah", "s", "t"), ("ih", "s", "t")),
    ("ge", ("ah", "jh"), ("ih", "jh")),
    ("ges", ("ah", "jh", "ih", "z"), ("ih", "jh", "ih", "z")),
)


def count_vowels(phonemes: Sequence[str]) -> int:
    """How many notes a pronunciation can open."""
    return sum(phoneme in ARPABET_VOWELS for phoneme in phonemes)


def phonemes_of(sounds: Sequence[str]) -> Phonemes:
    """The phonemes of a dictionary entry, stress taken off, its r told one way.

    Before a stressed vowel an unstressed ``ER0`` is a neutral vowel and an r that opens the next syllable
    ("around"); before a consonant the dictionary wavers between ``IY R`` and ``IH R`` ("hear", "dear").
    """
    spoken: list[str] = []
    for index, sound in enumerate(sounds):
        following = sounds[index + 1] if index + 1 < len(sounds) else ""
        before_vowel = sounds[index + 2][:2].lower() in ARPABET_VOWELS if index + 2 < len(sounds) else False
        if sound == "ER0" and following.endswith(("1", "2")):
            spoken += ("ah", "r")
        elif sound[:2] == "IY" and following == "R" and not before_vowel:
            spoken.append("ih")
        else:
            spoken.append(sound.rstrip("012").lower())
    return tuple(spoken)


def with_full_ending(phonemes: Phonemes) -> Phonemes:
    """A past form with its "-ed" sung as a syllable, as "blessèd" asks for."""
    if len(phonemes) < 2 or phonemes[-1] not in ("t", "d") or phonemes[-2] in ("ih", "ah"):
        return phonemes
    return (*phonemes[:-1], "ih", "d")


def with_fewer_vowels(phonemes: Phonemes, wanted: int) -> Phonemes:
    """A word with a vowel left out where English does it: "ev'ry", "mem'ry"; "glo-rious" with a y for the i.

    Only as often as needed; what still has too many vowels is sung on one note.
    """
    for vowel, instead in (("er", "r"), ("iy", "y")):
        for index in range(len(phonemes) - 2, 0, -1):
            if count_vowels(phonemes) <= wanted:
                return phonemes
            if phonemes[index] == vowel and phonemes[index + 1] in ARPABET_VOWELS:
                phonemes = (*phonemes[:index], instead, *phonemes[index + 1 :])
    return phonemes


def with_clear_vowels(letters: str, phonemes: Phonemes, costs: Mapping[Graphone, float]) -> Phonemes:
    """A word with the neutral vowel sung as ``ih`` where an i or y writes it, and in "-es", "-ed", "-est", "-age".

    Speech lets them fall together; held on a note the difference is heard ("spirit", "village"). Where the i only
    softens a consonant ("mission"), and before a final l ("evil"), the neutral vowel stays.

    Parameters
    ----------
    letters : str
        Lower case, nothing but letters.
    """
    if "ah" not in phonemes:
        return phonemes
    for ending, spoken, sung in _CLEAR_ENDINGS:
        if letters.endswith(ending) and phonemes[-len(spoken) :] == spoken:
            phonemes = (*phonemes[: -len(spoken)], *sung)
    if not ("i" in letters or "y" in letters):
        return phonemes
    positions = letter_positions(align(letters, phonemes, costs))
    return tuple(
        "ih" if phoneme == "ah" and _CLEAR_I.match(letters, position) and phonemes[index + 1 :] != ("l",) else phoneme
        for index, (phoneme, position) in enumerate(zip(phonemes, positions, strict=True))
    )
