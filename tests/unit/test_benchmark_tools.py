"""What the benchmarks measure with: tables that never invent a number, and scores that are what they claim to be."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from benchmarks.long_scores import write_long_score
from benchmarks.places import LINES, TUNING_LINES
from benchmarks.song_reference import read_reference
from benchmarks.spectrograms import HEIGHT, RATE, draw, png
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


EVERY_LINE = sorted([*LINES.glob("*.musicxml"), *TUNING_LINES.glob("*.musicxml")])


@pytest.mark.parametrize("path", EVERY_LINE, ids=lambda path: path.stem)
def test_the_reference_of_a_song_agrees_with_the_reader(path):
    reference, melody = read_reference(path), extract_melody(read_score(path))
    to_seconds = melody.tempo_map.beats_to_seconds
    assert [(note.onset, note.offset, note.midi) for note in reference.notes] == [
        pytest.approx((to_seconds(note.onset), to_seconds(note.onset + note.duration), note.midi))
        for note in melody.notes
    ]
    assert all(55 <= note.midi <= 74 for note in reference.notes)
    assert all(note.offset - note.onset >= 0.25 for note in reference.notes)  # the judge looks 0.2 s past each beat


def test_the_lines_are_of_every_tempo_and_register():
    tempi, registers = (("slow", "medium", "fast"), ("low", "middle", "high"))
    kinds = Counter(tuple(path.stem.split("-")[:2]) for path in LINES.glob("*.musicxml"))
    assert kinds == dict.fromkeys(product(tempi, registers), 2)


def test_no_line_shares_a_run_of_four_words_with_what_the_voice_was_trained_on(shared):
    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z']+", text.lower())
        return set(zip(words, words[1:], words[2:], words[3:], strict=False))

    labels = (shared / "voice" / "corpus").glob("labels-*.jsonl")
    read = set().union(
        *(runs(json.loads(row)["text"]) for path in labels for row in path.read_text("utf-8").splitlines())
    )
    assert read
    for path in EVERY_LINE:
        assert not runs(read_reference(path).lyrics) & read, path.stem


def test_no_line_that_judges_was_there_to_choose_by():
    def words(folder: Path) -> set[str]:
        return {read_reference(path).lyrics for path in folder.glob("*.musicxml")}

    assert len(words(TUNING_LINES)) == 42
    assert not words(LINES) & words(TUNING_LINES)


def test_a_spectrogram_shows_a_tone_where_it_is():
    tone = np.sin(2 * np.pi * 4_000 * np.arange(RATE) / RATE)
    picture = draw(tone)
    brightest = HEIGHT - 1 - picture[:-8, 20:-20].argmax(0)
    assert brightest == pytest.approx(4_000 / (RATE / 2) * (HEIGHT - 1), abs=3)
    file = png(picture)
    assert file.startswith(b"\x89PNG")
    assert (int.from_bytes(file[16:20], "big"), int.from_bytes(file[20:24], "big")) == picture.shape[::-1]
