"""Clients of the MCP server that nobody here wrote: the SDK's own, over both transports, against the real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import anyio
import mcp_types as types
from mcp import Client
from mcp.client.stdio import StdioServerParameters

ROOT = Path(__file__).resolve().parents[2]
HYMN = ROOT / "examples" / "amazing-grace.musicxml"
COMMAND = Path(sys.executable).with_name("cantilena")
SHORT = {"path": "amazing-grace.musicxml", "verse": "1", "measures": "1-4", "cache": False}
LONG = {"path": "amazing-grace.musicxml", "quality": "best", "cache": False}
"""What the tests have sung: some measures, and a song that takes a while."""
ResultT = TypeVar("ResultT")


def stdio(files: Path, **environment: str) -> StdioServerParameters:
    """The server as a host starts it."""
    environment = {"LOG_LEVEL": "ERROR", **environment}
    return StdioServerParameters(
        command=str(COMMAND), args=["mcp", "--files", str(files)], env=dict(os.environ) | environment
    )


@contextmanager
def http(files: Path, *arguments: str, **environment: str) -> Iterator[str]:
    """The address of a server over HTTP, as long as the block runs; told to stop, it must leave well."""
    command = [str(COMMAND), "mcp", "--http", "--port", "0", "--files", str(files), *arguments]
    with serving(command, environment) as (address, process):
        yield address.rpartition(" ")[2]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=15) == 0


@contextmanager
def serving(command: list[str], environment: dict[str, str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A program, and the first line that it writes to standard error."""
    process = subprocess.Popen(
        command, env=dict(os.environ) | environment, cwd=ROOT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        first = process.stderr.readline().strip()
        drain = threading.Thread(target=process.stderr.read, daemon=True)
        drain.start()
        yield first, process
    finally:
        process.kill()
        process.wait()
        drain.join(timeout=5)
        process.stderr.close()


def with_client(
    server: Any, work: Callable[[Client], Awaitable[ResultT]], *, mode: str = "auto", seconds: float = 100
) -> ResultT:
    """What a client finds out about a server, within a time."""

    async def connected() -> ResultT:
        with anyio.fail_after(seconds):
            async with Client(server, mode=mode) as client:
                return await work(client)

    return anyio.run(connected)


def structured(result: types.CallToolResult) -> dict[str, Any]:
    assert result.structured_content is not None
    return result.structured_content
