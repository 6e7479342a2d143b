"""Malformed and malicious scores: each gets the answer it should, in words, in under a second."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from cantilena.errors import CantilenaError, LyricError, ScoreError
from cantilena.score import Melody, extract_melody, read_score
from cantilena.score.describe import describe_score

HOSTILE = Path(__file__).resolve().parents[3] / "shared" / "scores" / "hostile"

EXPECTED = (
    {row["file"]: row for row in csv.DictReader((HOSTILE / "expected.csv").read_text(encoding="utf-8").splitlines())}
    if HOSTILE.is_dir()
    else {}
)

# What only singing needs is the answer of check; parse describes such a score.
OF_SINGING = {
    "lyric_too_long", "pitch_out_of_range", "score_no_lyrics", "score_no_sung_notes", "score_no_vocal_part",
}  # fmt: skip

# What the expected answers call accepted with a warning, and the finding that says so.
FINDINGS = {
    "attack-xinclude.musicxml": "include_ignored",
    "attack-xslt-pi.musicxml": "instruction_ignored",
    "enc-utf7.musicxml": "encoding_unusual",
    "lyr-begin-never-ends.musicxml": "syllabic_repaired",
    "lyr-empty-text.musicxml": "lyric_blank",
    "lyr-end-without-begin.musicxml": "syllabic_repaired",
    "lyr-every-chord-member.musicxml": "chord_reduced",
    "lyr-extend-forever.musicxml": "extend_unclosed",
    "lyr-humming-laughing.musicxml": "laugh_not_sung",
    "lyr-number-collision.musicxml": "lyric_repeated",
    "lyr-verse-2-only.musicxml": "verse_one_missing",
    "mxl-absolute-path.mxl": "container_repaired",
    "mxl-container-broken-xml.mxl": "container_repaired",
    "mxl-container-missing-target.mxl": "container_repaired",
    "mxl-is-plain-xml.mxl": "file_type_mismatch",
    "mxl-no-container.mxl": "container_repaired",
    "mxl-path-traversal.mxl": "container_repaired",
    "num-alter-huge.musicxml": "pitch_unusual",
    "num-divisions-missing.musicxml": "divisions_missing",
    "num-divisions-negative.musicxml": "divisions_ignored",
    "num-divisions-zero.musicxml": "divisions_ignored",
    "num-duration-decimal.musicxml": "duration_decimal",
    "num-duration-missing.musicxml": "duration_from_type",
    "num-duration-negative.musicxml": "note_dropped",
    "num-duration-zero.musicxml": "note_dropped",
    "num-tempo-huge.musicxml": "tempo_clamped",
    "num-tempo-negative.musicxml": "tempo_ignored",
    "num-tempo-text.musicxml": "tempo_ignored",
    "num-tempo-zero.musicxml": "tempo_ignored",
    "num-time-0-0.musicxml": "time_signature_ignored",
    "str-ds-loop.musicxml": "jump_taken_once",
    "str-first-note-is-chord.musicxml": "chord_flag_ignored",
    "str-namespaced.musicxml": "namespace_ignored",
    "str-no-part-list.musicxml": "part_unlisted",
    "str-part-id-mismatch.musicxml": "part_unlisted",
    "str-parts-unequal-length.musicxml": "part_shorter",
    "str-timewise.musicxml": "timewise_converted",
    "xml-named-zip.musicxml": "file_type_mismatch",
}

# Two of its syllables are nothing but a dot and an invisible space.
ACCEPTED_BUT_BLANK = {"enc-nfd.musicxml": ["lyric_blank"]}

every_file = pytest.mark.parametrize("file", sorted(EXPECTED))


def check(path: Path) -> Melody:
    return extract_melody(read_score(path))


def test_there_are_files_to_read(shared: Path) -> None:
    assert len(EXPECTED) == 88
    assert {name for name, row in EXPECTED.items() if row["expected"] == "accept_with_warning"} == set(FINDINGS)


@every_file
def test_the_expected_answer_in_time(file: str) -> None:
    expected = EXPECTED[file]
    begin = time.process_time()
    try:
        melody = check(HOSTILE / file)
        answer: CantilenaError | None = None
    except CantilenaError as error:
        answer = error
    assert time.process_time() - begin < 1.0

    if expected["expected"] == "reject":
        assert answer is not None
        assert answer.code == expected["code_or_warning"]
        assert isinstance(answer, LyricError if answer.code.startswith("lyric_") else ScoreError)
        assert answer.message.endswith(".")
        assert len(answer.message) < 300
        assert answer.hint.endswith(".")
    else:
        assert answer is None
        found = [finding.code for finding in melody.findings]
        if expected["expected"] == "accept":
            assert found == ACCEPTED_BUT_BLANK.get(file, [])
        else:
            assert FINDINGS[file] in found


@every_file
def test_reading_answers_for_the_file_and_singing_for_the_song(file: str) -> None:
    row = EXPECTED[file]
    if row["expected"] == "reject" and row["code_or_warning"] not in OF_SINGING:
        with pytest.raises(CantilenaError) as caught:
            read_score(HOSTILE / file)
        assert caught.value.code == row["code_or_warning"]
    else:
        described = describe_score(read_score(HOSTILE / file), notes=True)
        codes = [warning.code for warning in described.warnings]
        assert (row["code_or_warning"] in codes) == (row["expected"] == "reject")
        assert described.to_json()["measures"] == described.measures


def test_the_bytes_of_a_file_get_the_same_answer_as_the_file(shared: Path) -> None:
    for file in ("mxl-lying-size.mxl", "xml-truncated.musicxml", "enc-unknown-name.musicxml"):
        with pytest.raises(ScoreError) as caught:
            read_score((HOSTILE / file).read_bytes(), name=file)
        assert caught.value.code == EXPECTED[file]["code_or_warning"]


def test_text_from_a_score_stays_text(shared: Path) -> None:
    melody = check(HOSTILE / "lyr-html-injection.musicxml")
    assert melody.notes[0].syllables[0].original.startswith("<img")
    assert all(
        character.isalnum() or character == "'"
        for one in melody.notes
        for s in one.syllables
        for character in s.word.text
    )
