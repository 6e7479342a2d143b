"""What the benchmarks measure with: tables that never invent a number, and scores that are what they claim to be."""

from __future__ import annotations

import pytest

from benchmarks.long_scores import write_long_score
from benchmarks.places import SONGS
from benchmarks.song_reference import read_reference
from benchmarks.table import Bar, Figure, Table
from cantilena.score import extract_melody, read_score

AT_MOST_TWO = Bar(sense="at most", value=2)


def test_a_figure_is_held_to_its_bar():
    assert Figure(value=2.0, bar=AT_MOST_TWO).met
    assert str(Figure(value=2.01, bar=AT_MOST_TWO)) == "2.01 !"
    assert Figure(value=0.97, bar=Bar(sense="at least", value=0.97)).met


def test_what_was_not_measured_neither_meets_nor_misses():
    unknown = Figure(value=None, bar=AT_MOST_TWO)
    assert unknown.met is None
    assert str(unknown) == "not measured"


def test_a_table_is_aligned_and_tells_what_misses():
    table = Table(title="Apples", columns=("tree", "kilograms"))
    table.add("old", Figure(value=1.5, digits=1, bar=AT_MOST_TWO))
    table.add("new one", Figure(value=12.0, digits=1, bar=AT_MOST_TWO))
    assert table.missed == 1
    assert str(table).splitlines() == [
        "Apples",
        "",
        "tree     kilograms",
        "-------  ---------",
        "old            1.5",
        "new one     12.0 !",
        "",
        "  ! misses its bar",
    ]


@pytest.mark.parametrize("seconds", [60.0, 90.0])
def test_a_long_score_is_as_long_as_asked(tmp_path, seconds):
    path = tmp_path / "long.musicxml"
    write_long_score(path, seconds=seconds)
    melody = extract_melody(read_score(path))
    assert melody.tempo_map.beats_to_seconds(melody.duration) == pytest.approx(seconds)
    assert melody.findings == ()


def test_a_long_score_is_made_of_whole_verses(tmp_path):
    with pytest.raises(ValueError, match="not a multiple of"):
        write_long_score(tmp_path / "long.musicxml", seconds=45)


@pytest.mark.parametrize("path", sorted(SONGS.glob("*.musicxml")), ids=lambda path: path.stem)
def test_the_reference_of_a_song_agrees_with_the_reader(path):
    reference, melody = read_reference(path), extract_melody(read_score(path))
    to_seconds = melody.tempo_map.beats_to_seconds
    assert [(note.onset, note.offset, note.midi) for note in reference.notes] == [
        pytest.approx((to_seconds(note.onset), to_seconds(note.onset + note.duration), note.midi))
        for note in melody.notes
    ]
    assert 20 <= reference.notes[-1].offset <= 30
    assert all(55 <= note.midi <= 74 for note in reference.notes)
