"""``cantilena serve`` as a newcomer meets it: the real command, with nothing else installed, and songs sung by it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import soundfile
from typer.testing import CliRunner

from cantilena.interfaces.cli import serve as serve_module
from cantilena.interfaces.cli.main import app
from tests.serving.process import ServeProcess, serve_process
from tests.serving.server import HYMN
from tests.workers.processes import has_ended

SHORT = {"verse": "1", "measures": "1-4", "format": "flac"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    with serve_process(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture
def client(server: ServeProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=90.0) as client:
        yield client


def new_session(client: httpx2.Client) -> str:
    session_id: str = client.post("/sessions").json()["session_id"]
    client.put(f"/sessions/{session_id}/score", content=HYMN.read_bytes()).raise_for_status()
    return session_id


def test_a_hymn_is_sung_and_heard(client: httpx2.Client, server: ServeProcess) -> None:
    session_id = new_session(client)
    asked = client.post(
        f"/sessions/{session_id}/jobs", json=SHORT, headers={"Prefer": "wait=60", "X-Request-Id": "hymn-1"}
    )
    assert (asked.status_code, asked.json()["status"]) == (200, "succeeded"), asked.text
    job = asked.json()
    audio = client.get(job["audio_url"]).content
    assert hashlib.sha256(audio).hexdigest() == job["outputs"][0]["sha256"]
    samples, sample_rate = soundfile.read(io.BytesIO(audio))
    assert abs(samples).max() > 0.05
    assert len(samples) / sample_rate == pytest.approx(job["audio_seconds"], abs=0.01)
    assert job["voicebank"]["id"] == "Vesper_1.0"
    assert {"align", "synthesize_audio", "queue", "upload"} <= set(job["timings_ms"])

    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    mine = {line["event"] for line in lines if line.get("job_id") == job["job_id"]}
    assert {"job_created", "job_claimed", "synthesize_total", "job_finished"} <= mine
    assert {line.get("request_id") for line in lines if line["event"] == "synthesize_total"} == {"hymn-1"}


def test_it_is_ready_and_shows_a_page(client: httpx2.Client) -> None:
    assert client.get("/ready").json()["status"] == "ready"
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"


def test_nothing_of_the_engine_is_in_it(server: ServeProcess, client: httpx2.Client) -> None:
    new_session(client)
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "python" in maps
    assert "onnxruntime" not in maps


def test_a_song_is_stopped_within_a_second(client: httpx2.Client) -> None:
    session_id = new_session(client)
    route = f"/sessions/{session_id}/jobs"
    job = client.post(route, json={"quality": "best", "cache": False, "steps": 1000}).json()
    etag = '"none.0"'
    while job["status"] == "queued":
        job = client.get(f"{route}/{job['job_id']}").json()
        time.sleep(0.05)
    asked_at = time.monotonic()
    client.post(f"{route}/{job['job_id']}/cancel")
    done = client.get(f"{route}/{job['job_id']}", params={"wait": 10}, headers={"If-None-Match": etag})
    while done.json()["status"] == "running":
        done = client.get(f"{route}/{job['job_id']}", params={"wait": 10})
    assert done.json()["status"] == "canceled"
    assert time.monotonic() - asked_at < 5.0  # a second, on a machine that does nothing else


def test_it_ends_in_time_and_the_next_one_goes_on_with_its_song(tmp_path: Path) -> None:
    with serve_process(tmp_path) as server, httpx2.Client(base_url=server.url, timeout=60.0) as client:
        session_id = new_session(client)
        wishes = {"quality": "best", "verse": "1", "measures": "1-8", "cache": False}
        job = client.post(f"/sessions/{session_id}/jobs", json=wishes).json()
        route = f"/sessions/{session_id}/jobs/{job['job_id']}"
        while client.get(route).json()["status"] == "queued":
            time.sleep(0.02)
        children = server.children()
        assert children
        assert server.stop() == 0
        assert all(map(has_ended, children))

    with serve_process(tmp_path / "again", {"DATA_DIR": str(tmp_path / "data")}) as again:
        done = httpx2.get(f"{again.url}{route}", params={"wait": 60}, timeout=90.0)
        assert done.json()["status"] == "succeeded"
        assert again.stop(signal.SIGINT) == 0


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with (
            pytest.raises(AssertionError, match="cannot be listened on"),
            serve_process(tmp_path, arguments=("--port", port)),
        ):
            pass


def test_it_ends_when_nothing_can_sing(tmp_path: Path) -> None:
    program = (
        "from cantilena.interfaces.http import singing\n"
        "singing.import_module = lambda name: 1 / 0\n"
        "from cantilena.interfaces.cli.main import run\n"
        "run()\n"
    )
    environment = {**os.environ, "DATA_DIR": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", program, "serve", "--port", "0"],
        capture_output=True, text=True, env=environment, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 6
    assert "ZeroDivisionError" in ended.stderr
    assert "What sings cannot be kept running." in ended.stderr


def test_nobody_elses_machine_is_let_in_without_identity() -> None:
    outcome = CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"])
    assert outcome.exit_code != 0
    assert getattr(outcome.exception, "code", "") == "option_bad_environment"


def test_what_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve_module, "_NEEDED", ("fastapi", "no_such_module"))
    outcome = CliRunner().invoke(app, ["serve"])
    assert getattr(outcome.exception, "hint", "") == "Run pip install 'cantilena[serve]'."


def test_what_the_server_imports() -> None:
    program = (
        "import sys; import cantilena.interfaces.http.serving; "
        "print([name for name in ('onnxruntime', 'mcp', 'google.cloud', 'lxml', 'soundfile') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
