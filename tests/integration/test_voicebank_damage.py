"""Damaged and hostile voicebanks: one sentence with the file and the reason, exit code 4, and nothing written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.score.engraving import document, lyric, note, part
from tests.voicebanks.build import build_voicebank
from tests.voicebanks.damage import DAMAGES, MODELS, WHOLE, damaged, flip

VOICEBANK_AT_FAULT, ENGINE_FAILED = 4, 6

# Runs the command line many times in one process: what kills it shows, and nobody waits for a hundred start-ups.
DRIVER = """
import contextlib, io, json, sys
from cantilena.interfaces.cli.main import run
for line in sys.stdin:
    arguments = json.loads(line)
    sys.argv = ["cantilena", *arguments]
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            run()
    except SystemExit as leaving:
        code = leaving.code
    print(json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue()}), flush=True)
"""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("pristine"), WHOLE)


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("score") / "hello.musicxml"
    hello = note(words=lyric("hel", "begin")) + note("E4", words=lyric("lo", "end"))
    file.write_bytes(document(part(hello)))
    return file


class Commands:
    """The command line, run again and again in one process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *arguments: object) -> dict[str, object]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(argument) for argument in arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the process died with {self._process.wait()}"
        return json.loads(answer)

    def close(self) -> int:
        self._process.communicate()
        return self._process.returncode


@pytest.fixture(scope="module")
def commands():
    started = Commands()
    yield started
    assert started.close() == 0


def test_the_whole_voicebank_is_sung_with(pristine, score, commands, tmp_path):
    out = tmp_path / "out.wav"
    done = commands.run("sing", score, "--voicebank", pristine, "-o", out, "--no-cache")
    assert done["code"] == 0, done["err"]
    assert out.stat().st_size > 44_100


@pytest.mark.parametrize("name", DAMAGES)
def test_singing_with_it_is_refused_in_one_sentence(name, pristine, score, commands, tmp_path):
    bank, out = damaged(pristine, tmp_path / "bank", name), tmp_path / "out.wav"
    done = commands.run("sing", score, "--voicebank", bank, "-o", out, "--no-cache", "--json")
    error = json.loads(done["out"])["error"]
    assert done["code"] == VOICEBANK_AT_FAULT, error
    assert error["code"].startswith("voicebank_")
    assert re.search(DAMAGES[name].file, error["message"]), error["message"]
    assert re.search(DAMAGES[name].reason, error["message"]), error["message"]
    assert "\n" not in error["message"]
    assert len(error["message"]) < 1000
    assert "Traceback" not in done["err"]
    assert list(tmp_path.glob("out*")) == []


@pytest.mark.parametrize("name", DAMAGES)
def test_the_check_finds_it_too(name, pristine, commands, tmp_path):
    bank = damaged(pristine, tmp_path / "bank", name)
    done = commands.run("voicebank", "check", bank)
    assert done["code"] == VOICEBANK_AT_FAULT, done["out"]
    said = str(done["out"]) + str(done["err"])
    assert re.search(DAMAGES[name].file, said), said
    assert re.search(DAMAGES[name].reason, said), said
    assert "Traceback" not in said


@pytest.mark.parametrize("entries", ["[{grapheme: : :\n\t}", "[" * 50_000], ids=["no YAML", "nested deeply"])
def test_words_that_cannot_be_read_are_told_and_the_rest_sings(entries, pristine, score, commands, tmp_path):
    bank, out = Path(shutil.copytree(pristine, tmp_path / WHOLE.name)), tmp_path / "out.wav"
    (bank / "dsdur/dsdict.yaml").write_text(f"entries: {entries}\n")
    done = commands.run("voicebank", "check", bank)
    told = [line for line in str(done["out"]).splitlines() if "dsdur/dsdict.yaml" in line]
    assert told
    assert all(line.startswith("warning") and len(line) < 1000 for line in told)
    assert commands.run("sing", score, "--voicebank", bank, "-o", out, "--no-cache")["code"] == 0


@pytest.mark.parametrize("model", MODELS)
def test_flipped_bytes_never_end_the_process(model, pristine, score, commands, tmp_path):
    """A changed weight may go unnoticed, and a changed rule fails when it is run; anything else is told as damage."""
    for seed in range(2):
        bank = Path(shutil.copytree(pristine, tmp_path / str(seed) / WHOLE.name))
        flip(bank / model, seed)
        out = tmp_path / f"out{seed}.wav"
        done = commands.run("sing", score, "--voicebank", bank, "-o", out, "--no-cache")
        assert done["code"] in (0, VOICEBANK_AT_FAULT, ENGINE_FAILED), done["err"]
        assert "Traceback" not in done["err"]
        assert out.exists() == (done["code"] == 0)
        if done["code"]:
            assert model in str(done["err"]) or "phonemes" in str(done["err"]), done["err"]


def test_the_real_command_leaves_with_the_same_code(pristine, score, tmp_path):
    bank = damaged(pristine, tmp_path / "bank", "dsdur/dur.onnx is random")
    command = Path(sys.executable).with_name("cantilena")
    for arguments in (["sing", score, "--voicebank", bank, "-o", tmp_path / "out.wav"], ["voicebank", "check", bank]):
        done = subprocess.run([command, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        assert done.returncode == VOICEBANK_AT_FAULT
        assert "dsdur/dur.onnx" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.wav").exists()
