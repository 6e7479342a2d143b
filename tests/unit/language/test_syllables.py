"""Vowels on notes, when the dictionary and the score count syllables differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.language import load_language

english = load_language("en")


def opened(syllables: str, phonemes: str) -> list[str | None]:
    """What each syllable opens on, the phonemes given: ``ev-ery`` with ``eh v er iy``."""
    sounds = phonemes.split()
    placed = english.place_syllables(sounds, syllables.split("-"))
    return [None if index is None else sounds[index] for index in placed]


def test_one_vowel_for_each_syllable() -> None:
    assert opened("a-maz-ing", "ah m ey z ih ng") == ["ah", "ey", "ih"]
    assert english.place_syllables(("ah", "m", "ey", "z", "ih", "ng"), ("a", "maz", "ing")) == (0, 2, 4)


@pytest.mark.parametrize(
    ("syllables", "phonemes", "vowels"),
    [
        ("ev-ery", "eh v er iy", ["eh", "er"]),
        ("heav-enly", "hh eh v ah n l iy", ["eh", "ah"]),
        ("heavenly", "hh eh v ah n l iy", ["eh"]),
        ("glo-rious", "g l ao r iy ah s", ["ao", "iy"]),
        ("glori-ous", "g l ao r iy ah s", ["ao", "ah"]),
        ("fire", "f ay er", ["ay"]),
        ("mem-ory", "m eh m er iy", ["eh", "er"]),
        ("beau-teous", "b y uw t iy ah s", ["uw", "iy"]),
        ("Is-rael", "ih z r ey eh l", ["ih", "ey"]),
    ],
)
def test_surplus_vowels_stay_where_they_are_spelled(syllables: str, phonemes: str, vowels: list[str]) -> None:
    assert opened(syllables, phonemes) == vowels


@pytest.mark.parametrize(
    ("syllables", "phonemes", "vowels"),
    [
        ("fi-re", "f ay r", ["ay", None]),
        ("love-d", "l ah v d", ["ah", None]),
        ("pow-er", "p aw r", ["aw", None]),
        ("ev-er-y", "eh v r iy", ["eh", None, "iy"]),
        ("Al-le-lu-i-a", "aa l eh l uw y ah", ["aa", "eh", "uw", None, "ah"]),
        ("lit-t-le", "l ih t ah l", ["ih", None, "ah"]),
    ],
)
def test_surplus_syllables_hold_the_vowel_before(syllables: str, phonemes: str, vowels: list[str | None]) -> None:
    assert opened(syllables, phonemes) == vowels


def test_a_word_without_vowels_opens_on_its_first_sound() -> None:
    assert english.place_syllables(("m",), ("mm",)) == (0,)
    assert english.place_syllables(("m",), ("m", "m")) == (0, None)


def test_nothing_to_place() -> None:
    assert english.place_syllables((), ("x",)) == (None,)
    assert english.place_syllables(("ah",), ()) == ()


def test_accents_digits_and_capitals_are_spelling_too() -> None:
    assert opened("BLESS-èd", "b l eh s ih d") == ["eh", "ih"]
    assert opened("4-2", "f ao r t iy t uw") == ["ao", "iy"]


syllable_texts = st.lists(st.text(st.sampled_from("abdehiklmnorstuwy'è1"), max_size=5), min_size=1, max_size=6)
phoneme_lists = st.lists(st.sampled_from(sorted(english.inventory)), min_size=1, max_size=12)


@given(phonemes=phoneme_lists, syllables=syllable_texts)
def test_whatever_is_written_the_order_is_kept(phonemes: list[str], syllables: list[str]) -> None:
    placed = english.place_syllables(phonemes, syllables)
    vowels = [index for index, phoneme in enumerate(phonemes) if phoneme in english.vowels]
    indices = [index for index in placed if index is not None]
    assert len(placed) == len(syllables)
    assert indices == sorted(set(indices))
    assert placed[0] == (vowels[0] if vowels else 0)
    assert len(indices) == max(1, min(len(vowels), len(syllables)))
    assert set(indices) <= set(vowels or [0])
