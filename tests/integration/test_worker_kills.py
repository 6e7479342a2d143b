"""The real server, killed while it sings: every call ends in time, the next is answered, and nothing is left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

import anyio
import pytest

from cantilena.errors import CantilenaError
from cantilena.settings import child_environment, load_settings
from cantilena.worker import Worker, WorkerOptions
from cantilena.worker.restarts import RestartPolicy
from tests.workers.processes import group_of, is_gone

ROOT = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("CANTILENA_TEST_KILLS", "10"))
SONG = {"path": "song.musicxml", "measures": "1-8", "format": "wav"}
DEADLINE = 60.0
OPTIONS = WorkerOptions(restarts=RestartPolicy(limit=1000, first_pause=0.01, longest_pause=0.01))


@pytest.mark.timeout(120 + 20 * KILLS)
def test_a_worker_killed_at_any_moment_of_a_song_leaves_nothing_and_is_missed_by_nobody(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    files = tmp_path / "files"
    files.mkdir()
    shutil.copy(ROOT / "examples" / "amazing-grace.musicxml", files / "song.musicxml")
    chance = random.Random(20261122)
    outcomes: list[str] = []
    pids: list[int] = []

    async def sing(worker: Worker, seed: int, *, is_repeatable: bool) -> str:
        arguments = SONG | {"seed": seed, "wait_seconds": DEADLINE}
        try:
            answer = await worker.call("synthesize", arguments, seconds=DEADLINE, is_repeatable=is_repeatable)
        except CantilenaError as error:
            return error.code if error.retryable else f"{error.code}, for good"
        assert answer.content["status"] == "succeeded"
        return f"sung at attempt {answer.attempt}"

    async def main() -> None:
        environment = child_environment(load_settings())
        async with Worker(files=files, environment=environment, options=OPTIONS) as worker:
            await worker.wait_ready(DEADLINE)
            await sing(worker, 0, is_repeatable=False)  # the second time nothing needs to be imported
            begin = time.monotonic()
            await sing(worker, 1, is_repeatable=False)
            usual_seconds = time.monotonic() - begin
            for kill in range(KILLS):
                await worker.wait_ready(DEADLINE)
                assert worker.pid is not None
                pids.append(worker.pid)

                async def sing_once(seed: int = kill + 2) -> None:
                    outcomes.append(await sing(worker, seed, is_repeatable=bool(seed % 2)))

                with anyio.fail_after(DEADLINE + 1.0):
                    async with anyio.create_task_group() as group:
                        group.start_soon(sing_once)
                        await anyio.sleep(chance.uniform(0.0, 1.2 * usual_seconds))
                        os.kill(pids[-1], signal.SIGKILL)
                with anyio.fail_after(DEADLINE):
                    assert (await worker.call("parse_score", {"path": "song.musicxml"}, seconds=DEADLINE)).content
            pids.append(worker.pid or 0)

    anyio.run(main)
    assert len(outcomes) == KILLS
    assert set(outcomes) <= {"sung at attempt 1", "sung at attempt 2", "worker_died"}
    assert {"sung at attempt 2", "worker_died"} <= set(outcomes), outcomes
    assert all(is_gone(pid) and not group_of(pid) for pid in pids)
    assert list(temporary.iterdir()) == []
    assert [entry.name for entry in files.iterdir()] == ["song.musicxml"]
