"""Songs that the tests of background singing ask for, and the clock that they live by."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cantilena.cancellation import CancelToken
from cantilena.ports.jobs import Job
from cantilena.service.song_jobs import SongJobRequest, SongJobs
from cantilena.service.song_wishes import SongWishes
from tests.integration.phrases import PHRASES, song_file

SHORT = song_file(PHRASES[:3])
LONG = song_file(PHRASES * 60)
"""Some seconds of work: whoever comes meanwhile finds it being sung."""


in_every_store = pytest.mark.parametrize("store", ["memory", "sqlite"], indirect=True)


class Clock:
    """The wall clock, put forward at will."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def wanted(score: bytes = SHORT, **wishes: object) -> SongJobRequest:
    return SongJobRequest(score=score, session_id="s", wishes=SongWishes(cache=False, **wishes))


def begun(jobs: SongJobs, job: Job) -> Job:
    """The job as soon as its second phrase is sung."""
    stop, seen = CancelToken(), []

    def look(told: Job) -> None:
        if told.message.startswith("phrase 2 "):
            seen.append(told)
            stop.cancel()

    jobs.wait(job.job_id, seconds=60, on_change=look, stop=stop)
    return seen[0]


def files_of(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "jobs").rglob("*") if path.is_file()}
