"""The worker: from its start to ready, short calls beside a song of three minutes, and the bytes that go over the pipe.

``--small`` tries the program out with a short song and few calls; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import structlog
from structlog.testing import capture_logs

from benchmarks.long_scores import VERSE_SECONDS, write_long_score
from benchmarks.places import missing_tools
from benchmarks.table import Bar, Figure, bar_table, load_average
from cantilena.settings import child_environment, load_settings

if TYPE_CHECKING:
    from cantilena.worker import Worker

START_MS = Bar(sense="at most", value=1500.0)
LIST_MS = Bar(sense="at most", value=50.0)
PARSE_MS = Bar(sense="at most", value=150.0)
PIPE_KB = Bar(sense="at most", value=100.0)
STARTS = 6
EVERY_SECONDS = 0.1
SONG_SECONDS = 180.0
_SCORE = "song.musicxml"
_PATIENCE = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Song:
    """A song sung by a worker while its score was parsed again and again.

    Attributes
    ----------
    seconds : float
        What singing took.
    parse_ms : list of float
        What each parsing took, from the moment when it was due.
    pipe_bytes : int
        Over the pipes, both ways, without those calls: for asking, progress, the answer, and saving the audio.
    """

    seconds: float
    parse_ms: list[float]
    pipe_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mcp_worker", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a short song, one start")
    small = parser.parse_args(arguments).small
    if absent := missing_tools("mcp"):
        print(f"The worker\n\n  Not measured: {absent}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder)
        write_long_score(files / _SCORE, seconds=VERSE_SECONDS if small else SONG_SECONDS)
        ready_ms, list_ms = anyio.run(_start_again_and_again, files, 1 if small else STARTS)
        alone, beside = anyio.run(_sing_twice, files)
    parses = sorted(beside.parse_ms)
    table = bar_table(
        "The worker",
        {
            "start to ready, ms": Figure(value=statistics.median(ready_ms), digits=0, bar=START_MS),
            "tools/list, ms": Figure(value=statistics.median(list_ms), digits=1, bar=LIST_MS),
            "over the pipe for the song, kB": Figure(value=alone.pipe_bytes / 1000.0, digits=1, bar=PIPE_KB),
            "parse_score while it is sung, median ms": Figure(value=statistics.median(parses), digits=0),
            "the same, 95th percentile": Figure(
                value=parses[min(int(len(parses) * 0.95), len(parses) - 1)], digits=0, bar=PARSE_MS
            ),
            "the same, longest": Figure(value=parses[-1], digits=0),
            "the song, s": Figure(value=alone.seconds, digits=1),
            "the song with the calls beside it, s": Figure(value=beside.seconds, digits=1),
        },
    )
    table.remarks.append(
        f"{len(ready_ms)} starts, medians; a song of {VERSE_SECONDS if small else SONG_SECONDS:.0f} s, nothing cached, "
        f"its score parsed {len(parses)} times, due every {EVERY_SECONDS * 1000:.0f} ms; load {load_average()}."
    )
    print(table)
    return 0


def _environment() -> dict[str, str]:
    """As on a user's machine: compiled modules are kept. Nothing that was sung is."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["CANTILENA_CACHE_MAX_BYTES"] = "0"
    return child_environment(load_settings(environment), environment)


async def _start_again_and_again(files: Path, starts: int) -> tuple[list[float], list[float]]:
    """Milliseconds from the start of a process to the list of its tools, and of that list alone."""
    from cantilena.worker import Worker

    ready_ms, list_ms = [], []
    for turn in range(starts):
        with capture_logs() as lines:
            begin = time.perf_counter()
            async with Worker(files=files, environment=_environment()) as worker:
                await worker.wait_ready(_PATIENCE)
                elapsed_ms = 1000.0 * (time.perf_counter() - begin)
        if turn or starts == 1:  # the first one compiles what was never imported
            ready_ms.append(elapsed_ms)
            list_ms += [line["tools_list_ms"] for line in lines if _is_ours(line, "mcp_start_ready")]
    structlog.reset_defaults()  # nothing is logged from here on
    return ready_ms, list_ms


def _is_ours(line: Any, event: str) -> bool:  # noqa: ANN401 -- a captured line
    return line["event"] == event and line.get("side") == "client"


async def _sing_twice(files: Path) -> tuple[Song, Song]:
    """Sing the song alone, then with short calls beside it."""
    from cantilena.worker import Worker

    async with Worker(files=files, environment=_environment()) as worker:
        await worker.call("parse_score", {"path": _SCORE}, seconds=_PATIENCE)  # imports
        return await _sing(worker, parse_beside=False), await _sing(worker, parse_beside=True)


async def _sing(worker: Worker, *, parse_beside: bool) -> Song:
    before = worker.traffic
    parse_ms: list[float] = []

    async def parse(due: float) -> None:
        await worker.call("parse_score", {"path": _SCORE}, seconds=_PATIENCE)
        parse_ms.append(1000.0 * (time.perf_counter() - due))

    async with anyio.create_task_group() as group:

        async def parse_again_and_again() -> None:
            while True:
                group.start_soon(parse, time.perf_counter())
                await anyio.sleep(EVERY_SECONDS)

        if parse_beside:
            group.start_soon(parse_again_and_again)
        begin = time.perf_counter()
        answer = await worker.call(
            "synthesize", {"path": _SCORE, "wait_seconds": _PATIENCE}, seconds=_PATIENCE, on_progress=_listen
        )
        seconds = time.perf_counter() - begin
        group.cancel_scope.cancel()
    saved = {"job_id": answer.content["job_id"], "path": "song.flac", "overwrite": True}
    await worker.call("save_audio", saved, seconds=_PATIENCE)
    after = worker.traffic
    pipe_bytes = after.sent - before.sent + after.received - before.received
    return Song(seconds=seconds, parse_ms=parse_ms, pipe_bytes=pipe_bytes)


async def _listen(_: object) -> None:
    """Somebody wants to know how far the song is."""


if __name__ == "__main__":
    sys.exit(main())
