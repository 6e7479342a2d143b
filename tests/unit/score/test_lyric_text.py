"""Lyric text as engraved to words as sung."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score.lyric_text import clean_lyric, clean_text
from cantilena.score.model import Lyric


def lyric(*texts: tuple[str, str | None]) -> Lyric:
    return Lyric("1", texts, "", "text", None)


def cleaned(*texts: tuple[str, str | None]) -> list[tuple[str, str]]:
    return [(one.text, one.syllabic) for one in clean_lyric(lyric(*texts))]


@pytest.mark.parametrize(
    ("written", "sung"),
    [
        ("la", "la"),
        ("1.\u00a0Und", "Und"),
        ("1. & 2. Oh", "Oh"),
        ("(2) Oh", "Oh"),
        ("1.-3. Oh", "Oh"),
        ("2)", ""),
        ("«Ave,", "Ave"),
        ("»Ach!«", "Ach"),
        ("„Komm“", "Komm"),
        ("heart,", "heart"),
        ("Glo-", "Glo"),
        ("-ry", "ry"),
        ("________", ""),
        ("\u2013", ""),
        ("-", ""),
        ("…", ""),
        ("\u200b", ""),
        ("·", ""),
        (" ", ""),
        ("o\u2019er", "o'er"),
        ("\u2019tis", "'tis"),
        ("th\u2019", "th'"),
        ("\u2018Come\u2019", "Come"),
        ("so\u00adft", "soft"),
        ("Fu\u0308r", "Für"),
        ("hold__", "hold"),
        ("ラー", "ラー"),
        ("are you", "are you"),
        ("and/or", "and or"),
        ("<b>x</b>", "b x b"),
        ("♪la♪", "la"),
    ],
)
def test_clean_text(written, sung):
    assert clean_text(written) == sung


class TestSyllables:
    def test_as_written_is_kept_for_display(self):
        assert [one.original for one in clean_lyric(lyric(("1.\u00a0Und,", "single")))] == ["1.\u00a0Und,"]

    def test_a_missing_syllabic_means_a_whole_word(self):
        assert cleaned(("la", None)) == [("la", "single")]

    @pytest.mark.parametrize("sign", ["\u203f", "\ue551", " ", "\u00a0"])
    def test_an_elision_inside_a_text(self, sign):
        assert cleaned((f"se{sign}en", "single")) == [("se", "single"), ("en", "single")]
        assert cleaned((f"te{sign}in", "end")) == [("te", "end"), ("in", "single")]
        assert cleaned((f"e{sign}an", "begin")) == [("e", "single"), ("an", "begin")]
        assert cleaned((f"te{sign}an", "middle")) == [("te", "end"), ("an", "begin")]

    def test_an_elision_between_texts_that_share_one_syllabic(self):
        assert cleaned(("te", "middle"), ("an", None)) == [("te", "end"), ("an", "begin")]

    def test_an_elision_between_texts_with_their_own(self):
        assert cleaned(("te", "end"), ("an", "begin")) == [("te", "end"), ("an", "begin")]

    def test_three_at_once(self):
        assert cleaned(("f", None), ("g", None), ("h", None)) == [("f", "single"), ("g", "single"), ("h", "single")]

    def test_a_hyphen_inside_parts_syllables_of_one_word(self):
        assert cleaned(("ho-ly", "single")) == [("ho", "begin"), ("ly", "end")]
        assert cleaned(("le-lu", "middle")) == [("le", "middle"), ("lu", "middle")]

    def test_humming(self):
        assert clean_lyric(Lyric("1", (), "", "humming", None))[0].text == "mm"

    def test_typed_hyphens_are_remembered(self):
        (one,) = clean_lyric(lyric(("- an,", "single")))
        assert (one.text, one.hyphen_before, one.hyphen_after) == ("an", True, False)


@given(st.text(max_size=40))
def test_whatever_is_written_no_blank_word_comes_out(text):
    for one in clean_lyric(lyric((text, "single"))):
        assert one.text.strip("'")
        assert not any(character.isspace() or character == "-" for character in one.text)
