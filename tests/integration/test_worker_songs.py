"""The real server as a worker: songs by reference, every line with its caller's ids, and little over the pipe."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import soundfile

from cantilena.settings import child_environment, load_settings
from cantilena.tracing import STEPS, log_context
from cantilena.worker import Answer, Progress, Worker
from tests.workers.logs import logged

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 100.0
TRACES = {"one": "a" * 32, "two": "b" * 32}


def test_songs_are_sung_for_two_callers_at_once(tmp_path):
    shutil.copy(ROOT / "examples" / "amazing-grace.musicxml", tmp_path / "song.musicxml")
    answers: dict[str, Answer] = {}
    heard: list[Progress] = []
    depths: list[int] = []
    priorities: set[int] = set()

    async def listen(progress: Progress) -> None:
        heard.append(progress)

    async def sing(worker: Worker, job_id: str) -> None:
        arguments = {"path": "song.musicxml", "measures": "1-4", "format": "wav", "seed": len(job_id)}
        with log_context(job_id=job_id, session_id=f"s-{job_id}", trace=f"00-{TRACES[job_id]}-{'c' * 16}-01"):
            answers[job_id] = await worker.call(
                "synthesize", arguments, seconds=PATIENCE, is_repeatable=True, on_progress=listen
            )
            await worker.call("save_audio", {"job_id": job_id, "path": f"{job_id}.wav"}, seconds=PATIENCE)

    async def look(worker: Worker) -> None:
        while len(answers) < 2:
            depths.append(worker.depth["songs"].running + worker.depth["songs"].waiting)
            await worker.call("parse_score", {"path": "song.musicxml"}, seconds=PATIENCE)
            priorities.update(niceness_of_threads(worker.pid))

    async def main() -> int:
        async with Worker(files=tmp_path, environment=child_environment(load_settings()), name="cpu") as worker:
            await worker.wait_ready(PATIENCE)
            async with anyio.create_task_group() as group:
                for job_id in TRACES:
                    group.start_soon(sing, worker, job_id)
                group.start_soon(look, worker)
            before = worker.traffic.received + worker.traffic.sent
            with log_context(job_id="three"):
                await worker.call("synthesize", {"path": "song.musicxml"}, seconds=PATIENCE, on_progress=listen)
            return worker.traffic.received + worker.traffic.sent - before

    with logged() as lines:
        pipe_bytes = anyio.run(main)
    assert max(depths) == 2
    assert len(priorities) == 2 or sys.platform != "linux"  # short calls go before songs
    assert pipe_bytes < 60_000  # 100 s of song
    for job_id in TRACES:
        assert answers[job_id].content["job_id"] == job_id
        assert soundfile.info(tmp_path / f"{job_id}.wav").duration > 5.0
        assert_belong_together([line for line in lines if line.get("job_id") == job_id], job_id)
    assert {line["job_id"] for line in lines if line["event"] == "synthesize_step"} == {"one", "two", "three"}
    said = [re.split("[: ]", progress.message)[0] for progress in heard]
    assert {"align", "durations", "pitch", "synthesize_audio"} <= set(said)
    assert lines[-1]["event"] == "mcp_worker_exit"
    assert lines[-1]["exit_code"] == 0


def niceness_of_threads(pid: int | None) -> set[int]:
    found = set()
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            found.add(int(stat.read_text().rpartition(")")[2].split()[16]))
    return found


def assert_belong_together(lines: list[Mapping[str, Any]], job_id: str) -> None:
    """The lines of a job, of the supervisor and of the worker, have one session and one trace."""
    assert {(line["session_id"], line["trace_id"]) for line in lines} == {(f"s-{job_id}", TRACES[job_id])}
    assert [line["step"] for line in lines if line["event"] == "synthesize_step"] == list(STEPS)
    assert sum(line["event"] == "synthesize_total" for line in lines) == 1
    calls = [(line["tool"], line.get("side")) for line in lines if line["event"] == "mcp_tool_call"]
    assert sorted(calls, key=str) == [
        ("save_audio", "client"), ("save_audio", None), ("synthesize", "client"), ("synthesize", None),
    ]  # fmt: skip
