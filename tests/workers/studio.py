"""A real worker that sings with a tiny voicebank, and jobs for it: what is needed to try the running of jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from cantilena.ports.jobs import Job, JobStore
from cantilena.ports.objects import ObjectStore
from cantilena.service.job_runs import JobRunOptions, JobRuns
from cantilena.service.object_names import score_object
from cantilena.settings import child_environment, load_settings
from cantilena.tracing import log_context, log_fields
from cantilena.worker import Answer, Worker, WorkerOptions
from cantilena.worker.restarts import RestartPolicy
from cantilena.worker.singer import WorkerSinger
from tests.integration.phrases import FULL, PHRASES, song_file
from tests.voicebanks.build import TinyBank, build_voicebank

SHORT = song_file(PHRASES[:3])
MIDDLING = song_file(PHRASES * 10)
"""A second or two of work."""
LONG = song_file(PHRASES * 60)
"""So much work that whoever comes meanwhile finds it being sung."""
_RESTARTS = RestartPolicy(limit=1000, first_pause=0.01, longest_pause=0.01)


class Studio:
    """A worker in an event loop of its own, which runs jobs for the threads of tests."""

    def __init__(self, portal: BlockingPortal, worker: Worker, files: Path) -> None:
        self.portal = portal
        self.worker = worker
        self.files = files
        self.singer = WorkerSinger([worker], files=files)

    def runs(self, jobs: JobStore, objects: ObjectStore, *, now: Callable[[], float], **options: Any) -> JobRuns:
        """A process of the service that has this worker."""
        return JobRuns(
            jobs, objects, self.singer, folder=self.files, holder="test", now=now,
            options=JobRunOptions(**{"ready_seconds": 60.0, "patience_seconds": 30.0, **options}),
        )  # fmt: skip

    def run(self, runs: JobRuns, job_id: str) -> str:
        """Run a job to its end."""
        return self.portal.call(runs.run, job_id)

    def call(self, tool: str) -> Answer:
        """Ask the worker something."""
        said = log_fields()

        async def call() -> Answer:
            with log_context(**said):
                return await self.worker.call(tool, {}, seconds=60.0)

        return self.portal.call(call)

    def begin(self, runs: JobRuns, job_id: str) -> Future[str]:
        """Run a job, and come back at once."""
        return self.portal.start_task_soon(runs.run, job_id)


@contextmanager
def _open_studio(files: Path) -> Iterator[Studio]:
    files.mkdir()
    options = WorkerOptions(restarts=_RESTARTS)
    with start_blocking_portal() as portal:
        worker = Worker(files=files, environment=child_environment(load_settings()), name="cpu", options=options)
        with portal.wrap_async_context_manager(worker):
            portal.call(worker.wait_ready, 60.0)
            yield Studio(portal, worker, files)


@contextmanager
def tiny_studio(folder: Path) -> Iterator[Studio]:
    """A studio that has a tiny voicebank with every kind of model."""
    banks = folder / "banks"
    banks.mkdir()
    build_voicebank(banks, TinyBank(name="Full", **FULL))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANTILENA_THREADS", "1")
        patch.setenv("VOICEBANK_DIR", str(banks))
        with _open_studio(folder / "files") as studio:
            yield studio


def ask(
    jobs: JobStore, objects: ObjectStore, job_id: str = "j", *, now: float, score: bytes = SHORT, **wishes: Any
) -> Job:
    """A job that waits to be sung, and its score."""
    digest = hashlib.sha256(score).hexdigest()
    objects.replace(score_object("s", digest), score)
    job = Job(
        job_id=job_id, session_id="s", owner="o", message="waiting", created_at=now, updated_at=now,
        expires_at=now + 3600.0, request={"cache": False, "score_name": "hymn.musicxml", **wishes},
        score_sha256=digest,
    )  # fmt: skip
    jobs.create(job)
    return job
