"""Real scores by others: every one is read, described and, where it has words, gives a melody."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from cantilena.errors import ScoreError
from cantilena.score import Melody, Score, extract_melody, read_score
from cantilena.score.describe import describe_score
from cantilena.score.voices import all_lines

SCORES = Path(__file__).resolve().parents[3] / "shared" / "scores"
ROWS = list(csv.DictReader((SCORES / "scores.csv").read_text(encoding="utf-8").splitlines())) if SCORES.is_dir() else []
EVERY = [row["file"] for row in ROWS]
WITH_WORDS = [row["file"] for row in ROWS if row["lyric_notes"] != "0"]

every_score = pytest.mark.parametrize("file", EVERY)
every_song = pytest.mark.parametrize("file", WITH_WORDS)


@cache
def read(file: str) -> Score:
    return read_score(SCORES / file)


@cache
def sing(file: str) -> Melody:
    return extract_melody(read(file))


def find(name: str) -> str:
    return next(file for file in EVERY if name in file)


def words(melody: Melody) -> Iterator[str]:
    return (s.word.text for note in melody.notes for s in note.syllables if s.index == 0)


def test_there_are_scores_to_read(shared: Path) -> None:
    assert len(EVERY) == 88
    assert len(WITH_WORDS) == 68


@every_score
def test_is_read_and_described(file: str) -> None:
    score = read(file)
    description = describe_score(score, notes=True)
    document = json.loads(json.dumps(description.to_json()))
    row = next(row for row in ROWS if row["file"] == file)
    assert len(score.parts) == int(row["parts"])
    assert document["measures"] == int(row["measures"])
    assert document["duration_seconds"] > 0
    assert any(part["sung"] for part in document["parts"]) == (row["lyric_notes"] != "0")


@every_song
def test_gives_a_well_formed_melody(file: str) -> None:
    melody = sing(file)
    assert melody.notes
    assert [note.id for note in melody.notes] == list(range(len(melody.notes)))
    assert all(note.duration > 0 and 0 <= note.midi <= 127 for note in melody.notes)
    assert melody.notes[0].syllables
    assert melody.notes[-1].onset + melody.notes[-1].duration <= melody.duration
    for before, after in pairwise(melody.notes):
        assert before.onset + before.duration <= after.onset
        assert melody.tempo_map.beats_to_seconds(before.onset) < melody.tempo_map.beats_to_seconds(after.onset)
    for note in melody.notes:
        for syllable in note.syllables:
            word = syllable.word
            assert word.text == "".join(word.syllables)
            assert word.syllables[syllable.index]
            assert word.text == word.text.strip(" -_,.;:!?\u00a0")
    assert all(before.onset <= after.onset for before, after in pairwise(melody.dynamics))


@every_song
def test_every_line_of_it_can_be_asked_for(file: str) -> None:
    score = read(file)
    for line in all_lines(score):
        melody = extract_melody(score, part=line.id, vocalise=None if line.part.has_lyrics else "la")
        assert melody.part_id == line.id


@pytest.mark.parametrize("file", [row["file"] for row in ROWS if row["lyric_notes"] == "0" and row["notes"] != "0"])
def test_a_score_without_words_is_sung_on_a_syllable(file: str) -> None:
    with pytest.raises(ScoreError, match="no words") as caught:
        extract_melody(read(file))
    assert caught.value.code == "score_no_lyrics"
    if any(notes for part in read(file).parts for notes, _ in part.streams.values()):
        assert set(words(extract_melody(read(file), vocalise="la"))) == {"la"}


class TestSongs:
    """What is sung of some of them, word for word."""

    @pytest.fixture(autouse=True)
    def _needs(self, shared: Path) -> None:
        """These know the files by name."""

    def test_a_hymn_in_four_parts(self) -> None:
        score = read(find("lift-every-voice"))
        ranges = {}
        for name in ("Soprano", "Alto", "Tenor", "Bass"):
            melody = extract_melody(score, part=name)
            assert " ".join(words(melody)).startswith("Lift ev'ry voice and sing")
            ranges[name] = sum(note.midi for note in melody.notes) / len(melody.notes)
        assert sorted(ranges, key=ranges.__getitem__) == ["Bass", "Tenor", "Alto", "Soprano"]

    def test_another_verse(self) -> None:
        melody = extract_melody(read(find("lift-every-voice")), verse="2")
        assert " ".join(words(melody)).startswith("Stony the road we trod")
        assert {note.verse for note in melody.notes} == {"2"}

    def test_strophes_on_their_passes(self) -> None:
        lines = " ".join(words(sing(find("schubert-20"))))
        begins = ["Gute Ruh", "Will betten dich kühl", "Wenn ein Jagdhorn schallt", "Hinweg", "Gute Nacht"]
        places = [lines.index(begin) for begin in begins]
        assert places == sorted(places)

    def test_a_verse_for_each_pass_and_words_common_to_all(self) -> None:
        lines = " ".join(words(sing(find("davies-8"))))
        assert "and I took fourpence home" in lines
        assert "and I took twopence home" in lines
        assert "and I took nothing home" in lines

    def test_dal_segno_al_fine(self) -> None:
        score = read(find("donaudy-10"))
        order = [score.measures[visit.measure].number for visit in score.visits]
        assert order[66:68] == ["66", "8"]
        assert order[-1] == "50"

    def test_repeats_by_engraving_practice(self) -> None:
        assert len(read(find("45c")).visits) == 24

    def test_elisions(self) -> None:
        notes = sing(find("61j")).notes
        assert [[s.word.text for s in note.syllables] for note in notes] == [
            ["a"],
            ["b", "c"],
            ["d", "e"],
            ["f", "g", "h"],
        ]

    def test_a_song_in_kana(self) -> None:
        assert "".join(words(sing(find("haruga-kita")))).startswith("はるがきた")
