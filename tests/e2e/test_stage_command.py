"""``cantilena stage`` as it is typed: steps in processes of their own, through files and through pipes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.voicebanks.build import TinyBank, build_voicebank

ROOT = Path(__file__).resolve().parents[2]
HYMN = ROOT / "examples" / "amazing-grace.musicxml"
COMMAND = Path(sys.executable).with_name("cantilena")
LINE = ("--measures", "1-2", "--seed", "5", "--expression", "0.5")
FULL = TinyBank(name="Full", pitch="word", variance="phoneme", curves=("breathiness", "tension"), depth=True)
STEPS = ("durations", "pitch", "variance", "synthesize_audio")


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("banks")
    build_voicebank(folder, FULL)
    return folder


@pytest.fixture(scope="module")
def pitch_json(banks: Path) -> bytes:
    """What ``align | durations | pitch`` wrote."""
    document = b""
    for step, begin in (("align", ("--from", str(HYMN), *LINE)), ("durations", ()), ("pitch", ())):
        done = stage(banks, step, *begin, given=document)
        assert done.returncode == 0, done.stderr
        document = done.stdout
    return document


def environment(banks: Path, **more: str) -> dict[str, str]:
    return os.environ | {"VOICEBANK_DIR": str(banks), "CANTILENA_THREADS": "1"} | more


def stage(banks: Path, *arguments: object, given: bytes = b"", **more: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [COMMAND, "stage", *map(str, arguments)], input=given, capture_output=True, timeout=100,
        env=environment(banks, **more),
    )  # fmt: skip


def test_six_piped_steps_write_the_file_that_sing_writes(tmp_path: Path, banks: Path) -> None:
    at_once, by_steps = tmp_path / "at-once.wav", tmp_path / "by-steps.wav"
    sung = subprocess.run(
        [COMMAND, "sing", HYMN, *LINE, "--format", "wav", "-o", at_once], capture_output=True, timeout=100,
        env=environment(banks),
    )  # fmt: skip
    assert sung.returncode == 0, sung.stderr
    pipe = " | ".join(
        [
            f'"$0" stage align --from "$1" {" ".join(LINE)}',
            *(f'"$0" stage {step}' for step in STEPS),
            '"$0" stage postprocess -o "$2"',
        ]
    )
    done = subprocess.run(
        ["sh", "-c", pipe, COMMAND, HYMN, by_steps], capture_output=True, timeout=100, env=environment(banks)
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == f"{by_steps}\n"
    assert by_steps.read_bytes() == at_once.read_bytes()


def test_a_result_is_written_whole_and_never_over_another(tmp_path: Path, banks: Path, pitch_json: bytes) -> None:
    before, out = tmp_path / "pitch.json", tmp_path / "variance.json"
    before.write_bytes(pitch_json)
    done = stage(banks, "variance", "--from", before, "-o", out)
    assert (done.returncode, done.stdout.decode()) == (0, f"{out}\n"), done.stderr
    assert json.loads(out.read_bytes())["step"] == "variance"
    again = stage(banks, "variance", "--from", before, "-o", out)
    assert again.returncode == 2
    assert b"exists already" in again.stderr
    assert stage(banks, "variance", "--from", before, "-o", out, "--force").returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pitch.json", "variance.json"]


def test_an_edit_that_does_not_fit_ends_with_the_exit_code_of_the_contract(banks: Path, pitch_json: bytes) -> None:
    song: Any = json.loads(pitch_json)
    song["phrases"][0]["pitch"]["f0"].pop()
    done = stage(banks, "variance", given=json.dumps(song).encode())
    assert (done.returncode, done.stdout) == (5, b"")
    n_frames = sum(phoneme["frames"] for phoneme in song["phrases"][0]["durations"]["phonemes"])
    assert done.stderr.decode() == (
        f"cantilena: phrases[0]: f0 has {n_frames - 1} values, but its durations sum to {n_frames} frames.\n"
        f"  Run cantilena stage pitch again, or give {n_frames} values.\n"
    )


def test_what_is_dropped_is_said_and_the_step_is_logged(banks: Path, pitch_json: bytes) -> None:
    done = stage(banks, "durations", given=pitch_json, LOG_FORMAT="json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["step"] == "durations"
    told = done.stderr.decode().splitlines()
    assert [line for line in told if "[stage_results_dropped]" in line] == told[-1:]
    logged = [json.loads(line) for line in told if line.startswith("{")]
    (step,) = [line for line in logged if line["event"].startswith("synthesize_")]
    assert (step["event"], step["step"], step["outcome"]) == ("synthesize_step", "durations", "ok")
    assert step["phrases"] == len(json.loads(pitch_json)["phrases"])
    assert step["frames"] > 100


@pytest.mark.parametrize(
    ("arguments", "given", "code", "message"),
    [
        (("pitch",), b"", 5, "there is nothing at all"),
        (("pitch", "--from", HYMN), b"", 5, "line 1, column 1"),
        (("pitch", "--from", "missing.json"), b"", 2, "missing.json cannot be read"),
        (("pitch", "--seed", "3"), b"", 2, "--seed"),
        (("sing",), b"", 2, "sing"),
        (("align",), b"", 2, "--from"),
        (("align", "--from", "missing.musicxml"), b"", 3, "missing.musicxml"),
        (("postprocess", "-o", "out.txt"), b"", 2, "'.txt'"),
        ((), b"", 2, "synthesize_audio"),
    ],
)
def test_a_wrong_call_is_told(
    banks: Path, arguments: tuple[object, ...], given: bytes, code: int, message: str
) -> None:
    done = stage(banks, *arguments, given=given)
    assert (done.returncode, done.stdout) == (code, b"")
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_postprocess_tells_as_sing_does(tmp_path: Path, banks: Path, pitch_json: bytes) -> None:
    document = pitch_json
    for step in ("variance", "synthesize_audio"):
        document = stage(banks, step, given=document).stdout
    out = tmp_path / "song.flac"
    done = stage(banks, "postprocess", "-o", out, "--json", given=document)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["path"], told["format"], told["sample_rate"], told["seed"]) == (str(out), "flac", 44_100, 5)
    assert told["voicebank"] == json.loads(document)["voicebank"]
    assert out.stat().st_size > 1000


def test_the_worked_example_of_the_reference_works(tmp_path: Path, banks: Path, pitch_json: bytes) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(import json\n.*?)```", page, re.DOTALL)
    (tmp_path / "pitch.json").write_bytes(pitch_json)
    subprocess.run([sys.executable, "-c", example], cwd=tmp_path, check=True, timeout=100)
    done = stage(banks, "variance", "--from", tmp_path / "bent.json")
    assert done.returncode == 0, done.stderr
    before, after = (np.array(json.loads(text)["phrases"][0]["pitch"]["f0"]) for text in (pitch_json, done.stdout))
    bend = 12 * np.log2(after / before)
    assert -2 <= bend.min() < -1.9
    assert np.count_nonzero(bend) == pytest.approx(0.5 * 44_100 / 512, abs=2)
