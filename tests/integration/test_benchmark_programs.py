"""The programs that measure a voicebank of usual size, tried out with one that is tiny.

What they print is not looked at: figures of a tiny voicebank mean nothing. They run, and their tables have no gaps.
"""

from __future__ import annotations

import subprocess
import sys

import onnxruntime
import pytest

from benchmarks import one_word_changed, usual_bank_memory, usual_bank_speed
from benchmarks.phrase_songs import write_phrases
from benchmarks.places import ROOT
from benchmarks.usual_bank import SMALL, usual_bank
from cantilena.score import extract_melody, read_score
from cantilena.singing.performance import perform


@pytest.mark.parametrize("program", [one_word_changed, usual_bank_memory, usual_bank_speed])
def test_a_program_of_child_processes_fills_its_tables(program, capsys):
    assert program.main(["--small"]) == 0
    assert "not measured" not in capsys.readouterr().out.lower()


@pytest.mark.parametrize("program", ["quality", "usual_bank_precision", "mcp_worker", "http_polls"])
def test_a_program_that_watches_its_own_process_fills_its_tables(program):
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{program}", "--small"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not measured" not in done.stdout.lower()


def test_phrases_are_as_long_as_asked_and_no_two_alike(tmp_path):
    path = tmp_path / "song.musicxml"
    write_phrases(path, (40, 16, 16))
    phrases = _phrases(path)
    assert [round(phrase.offset - phrase.onset, 3) for phrase in phrases] == [20.0, 8.0, 8.0]
    assert len({tuple(_sung(phrase)) for phrase in phrases}) == 3


def test_one_word_can_be_another(tmp_path):
    songs = []
    for name, other in (("as it was", None), ("changed", 1)):
        path = tmp_path / f"{name}.musicxml"
        write_phrases(path, (4, 4, 4), other_word_in=other)
        songs.append([tuple(_sung(phrase)) for phrase in _phrases(path)])
    was, changed = songs
    assert [a == b for a, b in zip(was, changed, strict=True)] == [True, False, True]
    assert sum(a != b for a, b in zip(was[1], changed[1], strict=True)) == 1


def test_a_bank_is_written_once_and_the_same_each_time(tmp_path):
    first, second = (usual_bank(SMALL, parent=tmp_path / name) for name in ("a", "b"))
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert [(first / file).read_bytes() for file in files] == [(second / file).read_bytes() for file in files]
    (first / "acoustic.onnx").unlink()
    assert usual_bank(SMALL, parent=tmp_path / "a") == first
    assert not (first / "acoustic.onnx").exists()


def test_its_models_are_asked_as_those_of_the_format_are(tmp_path):
    acoustic = usual_bank(SMALL, parent=tmp_path) / "acoustic.onnx"
    session = onnxruntime.InferenceSession(str(acoustic))
    assert [given.name for given in session.get_inputs()] == [
        "tokens", "languages", "durations", "f0", "energy", "breathiness", "voicing", "tension", "gender", "velocity",
        "spk_embed", "depth", "steps",
    ]  # fmt: skip


def _phrases(path):
    return perform(extract_melody(read_score(path))).phrases


def _sung(phrase):
    return [(note.midi, note.syllables[0].word.text) for note in phrase.notes]
