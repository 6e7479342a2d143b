"""Syllables joined to words, whatever their markings."""

from __future__ import annotations

import pytest

from tests.unit.score.engraving import codes, lyric, note, said, sing, sung


def line(*syllables: tuple[str, str]) -> str:
    return "".join(note(words=lyric(text, syllabic)) for text, syllabic in syllables)


def test_a_word_over_three_notes_is_one_object():
    melody = sing(line(("al", "begin"), ("le", "middle"), ("lu,", "end"), ("ja!", "single")))
    first, second, third = (one.syllables[0] for one in melody.notes[:3])
    assert first.word is second.word is third.word
    assert first.word.text == "allelu"
    assert first.word.syllables == ("al", "le", "lu")
    assert [first.index, second.index, third.index] == [0, 1, 2]
    assert third.original == "lu,"
    assert first.word.measure == "1"
    assert codes(melody) == []


@pytest.mark.parametrize(
    ("syllables", "words"),
    [
        ([("la", "begin"), ("la", "begin")], ["la", "la"]),
        ([("la", "begin"), ("lo", "single")], ["la", "lo"]),
        ([("la", "begin")], ["la"]),
        ([("la", "end")], ["la"]),
        ([("la", "middle"), ("lo", "end")], ["lalo"]),
        ([("la", "end"), ("lo", "end")], ["la", "lo"]),
    ],
)
def test_broken_markings_are_mended_and_told(syllables, words):
    melody = sing(line(*syllables))
    assert said(melody) == words
    assert set(codes(melody)) == {"syllabic_repaired"}


@pytest.mark.parametrize(
    ("syllables", "words"),
    [
        ([("Hal-", "single"), ("le-", "single"), ("lu", "single"), ("oh", "single")], ["Hallelu", "oh"]),
        ([("Her   -", "single"), ("-  an,", "single")], ["Heran"]),
        ([("Hin   -", "single"), ("weg", "single")], ["Hinweg"]),
        ([("Au", "single"), ("-", "single"), ("gen", "end")], ["Augen"]),
        ([("Ah", "single"), ("-", "single"), ("Lord", "single")], ["Ah", "Lord"]),
        ([("Ach \u2013", "single"), ("wie", "single")], ["Ach", "wie"]),
        ([("Ach", "single"), ("\u2013", "single"), ("wie", "single")], ["Ach", "wie"]),
    ],
)
def test_hyphens_typed_by_hand(syllables, words):
    assert said(sing(line(*syllables))) == words


def test_a_word_without_end_is_cut_off_somewhere():
    melody = sing(line(("la", "begin"), *[("la", "middle")] * 100))
    assert max(len(one.syllables[0].word.syllables) for one in melody.notes) == 40


def test_an_elision_ends_one_word_and_begins_the_next():
    second = "<elision>\u203f</elision><syllabic>begin</syllabic><text>e</text>"
    both = lyric("mor", "end", more=second)
    melody = sing(note(words=lyric("a", "begin")) + note(words=both) + note(words=lyric("ra", "end")))
    assert said(melody) == ["amor", "era"]
    assert sung(melody) == ["a", "mor e", "ra"]
    assert codes(melody) == []


def test_the_language_of_a_lyric_goes_with_its_word():
    german = '<lyric><text xml:lang="de">ach</text></lyric>'
    assert sing(note(words=german)).notes[0].syllables[0].word.language == "de"
