"""How the form of an English word changes when it is sung: endings held, vowels left out or kept clear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cantilena.language.english_words import ARPABET_VOWELS
from cantilena.language.graphones import Graphone, align, letter_positions

Phonemes = tuple[str, ...]


def count_vowels(phonemes: Sequence[str]) -> int:
    """How many notes a pronunciation can open."""
    return sum(phoneme in ARPABET_VOWELS for phoneme in phonemes)


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
    """A word with the neutral vowel sung as ``ih`` where an i or y writes it ("spirit"), and in "-es" and "-ed".

    Speech lets them fall together; held on a note the difference is heard. Before a final l ("evil") it stays.

    Parameters
    ----------
    letters : str
        Lower case, nothing but letters.
    """
    if "ah" not in phonemes:
        return phonemes
    if (letters[-2:], phonemes[-2:]) in (("es", ("ah", "z")), ("ed", ("ah", "d"))):
        phonemes = (*phonemes[:-2], "ih", phonemes[-1])
    if not ("i" in letters or "y" in letters):
        return phonemes
    positions = letter_positions(align(letters, phonemes, costs))
    return tuple(
        "ih" if phoneme == "ah" and letters[position] in "iy" and phonemes[index + 1 :] != ("l",) else phoneme
        for index, (phoneme, position) in enumerate(zip(phonemes, positions, strict=True))
    )
