"""``cantilena mcp`` as a program: its log, who it lets in, how it ends, and what it says where the extra lacks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from tests.assistants.clients import COMMAND, HYMN, LONG, SHORT, http, stdio, structured, with_client


@pytest.fixture
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / HYMN.name).write_bytes(HYMN.read_bytes())
    return folder


def test_the_log_says_what_was_called_and_for_whom(files: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = stdio(files, LOG_FORMAT="json", LOG_LEVEL="INFO")
    meta: Any = {"session_id": "s1", "job_id": "j1", "request_id": "r1", "trace": f"00-{'a' * 32}-{'b' * 16}-01"}

    async def ask(client: Client) -> None:
        await client.call_tool("synthesize", SHORT, meta=meta)
        await client.call_tool("get_job", {"job_id": "no-such-job"})
        jobs = structured(await client.call_tool("list_jobs", {}, meta={"session_id": "s1"}))["jobs"]  # type: ignore[typeddict-unknown-key]
        assert [job["job_id"] for job in jobs] == ["j1"]

    with_client_logging(server, ask, log)
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    events = [line["event"] for line in lines]
    assert events[0] == "mcp_start_begin"
    ready = next(line for line in lines if line["event"] == "mcp_start_ready")
    assert ready["tools"] == 9
    assert ready["mcp_start_ms"] > 0
    assert ready["tools_list_ms"] > 0
    sung, failed, _ = (line for line in lines if line["event"] == "mcp_tool_call")
    assert (sung["tool"], sung["outcome"], sung["error_code"], sung["job_id"]) == ("synthesize", "ok", None, "j1")
    assert (failed["tool"], failed["outcome"], failed["error_code"]) == ("get_job", "failed", "job_unknown")
    steps = [line for line in lines if line["event"] == "synthesize_step"]
    assert len(steps) == 6
    for line in [*steps, sung]:
        assert (line["job_id"], line["session_id"], line["request_id"]) == ("j1", "s1", "r1")
        assert line["logging.googleapis.com/trace"].endswith("a" * 32)


def with_client_logging(server: Any, work: Any, log: Path) -> None:
    """The same, with the server's standard error in a file."""
    from mcp.client.stdio import stdio_client

    with log.open("w") as file:
        with_client(stdio_client(server, errlog=file), work)


def test_strangers_are_kept_out_of_the_http_server(files: Path) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}

    def post(url: str, **more: str) -> int:
        return httpx2.post(url, json=request, headers=headers | more, timeout=20).status_code

    with http(files) as address:
        assert post(address, Host="evil.example") == 421
        assert post(address, Origin="https://evil.example") == 403
        large = httpx2.post(address, content=b" " * (17 * 2**20), headers=headers, timeout=20)
        assert large.status_code == 413
    with http(files, MCP_TOKEN="correct horse battery") as guarded:
        assert post(guarded) == 401
        assert post(guarded, Authorization="Bearer wrong horse battery") == 401
        assert post(guarded, Authorization="Bearer correct horse battery") != 401
    refused = subprocess.run(
        [COMMAND, "mcp", "--http", "--host", "0.0.0.0", "--files", files], capture_output=True, text=True, timeout=60
    )
    assert refused.returncode == 2
    assert "MCP_TOKEN" in refused.stderr


@pytest.mark.parametrize("how", ["leaves", "SIGTERM"])
def test_when_the_client_leaves_in_the_middle_of_a_song_nothing_is_left(files: Path, tmp_path: Path, how: str) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    process = subprocess.Popen(
        [COMMAND, "mcp", "--files", files], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=os.environ | {"TMPDIR": str(folder)}, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    messages = [
        {"id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "synthesize", "arguments": LONG}},
        {"id": 3, "method": "tools/call", "params": {"name": "parse_score", "arguments": {"path": HYMN.name}}},
    ]  # fmt: skip
    try:
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
            process.stdin.flush()
        answers = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert [answer["id"] for answer in answers] == [1, 3]
        assert list(folder.iterdir()), "the song is being sung"
        begin = time.monotonic()
        if how == "leaves":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == (0 if how == "leaves" else 128 + signal.SIGTERM)
        assert time.monotonic() - begin < 8
        assert list(folder.iterdir()) == []
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def test_a_folder_for_songs_keeps_what_else_is_in_it(files: Path, tmp_path: Path) -> None:
    (tmp_path / "mine" / "letters").mkdir(parents=True)
    server = stdio(files)
    server.args += ["--jobs", str(tmp_path)]

    async def sing(client: Client) -> None:
        job_id = structured(await client.call_tool("synthesize", SHORT))["job_id"]
        (songs,) = (folder for folder in tmp_path.iterdir() if folder.name != "mine")
        assert [folder.name for folder in songs.iterdir()] == [job_id]

    with_client(server, sing)
    assert [folder.name for folder in tmp_path.rglob("*")] == ["mine", "letters"]


def test_without_the_extra_the_command_says_what_to_install() -> None:
    hidden = "import sys, importlib.util as u; u.find_spec = lambda name, *_: None; "
    run = "from cantilena.interfaces.cli.main import run; sys.argv = ['cantilena', 'mcp']; run()"
    done = subprocess.run([COMMAND.with_name("python"), "-c", hidden + run], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "cantilena[mcp]" in done.stderr


def test_the_configuration_to_paste_names_this_command(files: Path) -> None:
    done = subprocess.run(
        [COMMAND, "mcp", "--print-config", "--files", files], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert str(COMMAND) in done.stdout
    assert str(files) in done.stdout
