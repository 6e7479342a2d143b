"""``make dev``: the service over emulators, all of it started by one command and stopped again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from contextlib import nullcontext, suppress
from pathlib import Path

import httpx2
import pytest

from tests.emulators.firestore import find_jar
from tests.serving import dev
from tests.serving.server import HYMN
from tests.workers.processes import has_ended, wait_until

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


@pytest.fixture
def started(tmp_path, monkeypatch):
    """The program as a newcomer starts it, where there is an emulator."""
    if find_jar() is None or shutil.which("java") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("the Firestore emulator is missing")
    for name in ("PORT", "FIRESTORE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    out = tmp_path / "out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.serving.dev", "--port", "0"],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, process_group=0,
        )  # fmt: skip
    yield process, out
    if process.poll() is None:
        process.terminate()
    process.wait(30)


def descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *descendants(child)]
    return found


def is_java(pid: int) -> bool:
    with suppress(OSError):
        return b"CloudFirestore" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def listens(host: str) -> bool:
    address, _, port = host.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((address, int(port))) == 0


def test_it_sings_over_emulators_and_ctrl_c_stops_all_of_them(started):
    process, out = started
    wait_until(lambda: "sings at" in out.read_text() or process.poll() is not None, seconds=60)
    hosts = ADDRESS.findall(out.read_text())
    assert len(hosts) == 3, out.read_text()
    documents, _, api = hosts
    with httpx2.Client(base_url=f"http://{api}", timeout=90) as client:
        session = client.post("/sessions").json()["session_id"]
        client.put(f"/sessions/{session}/score", content=HYMN.read_bytes()).raise_for_status()
        wishes = {"verse": "1", "measures": "1-4"}
        job = client.post(f"/sessions/{session}/jobs", json=wishes, headers={"Prefer": "wait=60"}).json()
        assert job["status"] == "succeeded", job
        assert client.get(job["audio_url"]).content.startswith(b"RIFF")
    kept = f"http://{documents}/v1/projects/{dev.PROJECT}/databases/(default)/documents/jobs/{job['job_id']}"
    with urllib.request.urlopen(kept, timeout=10) as document:
        assert b"succeeded" in document.read()

    children = descendants(process.pid)
    assert len(children) >= 3
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of the group
    assert process.wait(30) == 0
    assert out.read_text().endswith("Stopped.\n")
    assert all(map(has_ended, children))
    assert not any(map(listens, hosts))


def test_sigterm_stops_it_while_it_starts(started):
    process, out = started
    wait_until(lambda: any(map(is_java, descendants(process.pid))), seconds=30)
    children = descendants(process.pid)
    process.terminate()
    assert process.wait(30) == 0
    assert out.read_text().endswith("Stopped.\n")
    wait_until(lambda: all(map(has_ended, children)), seconds=10)


def test_what_is_missing_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("FIRESTORE_EMULATOR_JAR", str(tmp_path / "no.jar"))
    assert dev.main([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("make dev cannot start: the Firestore emulator is missing: install the Debian package")
    assert said.count("\n") == 1


def test_java_that_is_missing_is_said(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dev.main([]) == 2
    assert "a Java runtime" in capsys.readouterr().err


def test_an_api_that_cannot_start_ends_it(monkeypatch, capfd, tmp_path):
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(dev, "_stores", lambda: nullcontext({"APP_ENV": "local", "DATA_DIR": str(tmp_path)}))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert dev.main(["--port", str(taken.getsockname()[1])]) == 2
    said = capfd.readouterr().err
    assert "cannot be listened on" in said
    assert "The api ended by itself with 2" in said


def test_the_makefile_starts_it():
    dry = subprocess.run(
        ["make", "--dry-run", "--always-make", "dev"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "-m tests.serving.dev" in dry.stdout
