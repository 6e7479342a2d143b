"""Jobs of a service sung by this process, while others do the same: claimed, sung, and written to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal

import anyio
from anyio import to_thread

from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobStore
from cantilena.ports.objects import ObjectStore
from cantilena.ports.singers import Singer
from cantilena.service import job_changes as change
from cantilena.service.job_attempt import JobAttempt, JobRunOptions
from cantilena.service.job_changes import TooLate
from cantilena.service.job_log import log_job
from cantilena.service.jobs import change_job, holder_name
from cantilena.tracing import log_context

__all__ = ["JobRunOptions", "JobRuns", "Outcome"]

Outcome = Literal["done", "elsewhere", "busy"]
"""Of the wish to have a job sung: nothing is left to do, another process does it, or this one cannot now."""

_STOPPING_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05


class JobRuns:
    """Sings jobs; used from one event loop.

    Parameters
    ----------
    jobs : JobStore
        Where jobs are kept.
    objects : ObjectStore
        Where scores and songs are kept.
    singer : Singer
        Sings.
    folder : Path
        What is shared with the singer; made when it is not there.
    holder : str
        What this process is called in leases.
    options : JobRunOptions
        Limits.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        jobs: JobStore,
        objects: ObjectStore,
        singer: Singer,
        *,
        folder: Path,
        holder: str,
        options: JobRunOptions | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._objects = objects
        self._singer = singer
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._holder = holder_name(holder)
        self._options = options or JobRunOptions()
        self._now = now
        self._running: dict[str, JobAttempt | None] = {}  # None: not claimed yet
        self._is_closing = False
        self._threads = anyio.CapacityLimiter(2 * self._options.lanes)

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the jobs that this process sings."""
        return tuple(self._running)

    async def run(self, job_id: str) -> Outcome:
        """Sing a job, if it wants singing and there is nobody else who does.

        Raises
        ------
        JobStoreError
            ``jobs_unreachable``.
        """
        if job_id in self._running:
            return "elsewhere"
        if self._is_closing or len(self._running) >= self._options.lanes:
            return "busy"
        with self._lane(job_id):
            if not await self._singer.is_ready(seconds=self._options.ready_seconds) or self._is_closing:
                return "busy"
            job = await self._claim(job_id)
            if not isinstance(job, Job):
                return job
            with log_context(job_id=job_id, session_id=job.session_id, attempt=job.attempt):
                log_job("job_claimed", job, holder=self._holder)
                left = await self._attempt(job).run()
        if left is None:
            return "elsewhere"
        return "done" if left.is_finished else "busy"

    async def close(self, *, seconds: float) -> None:
        """Take no more jobs on, sing those there are for so long at most, and leave the rest to others."""
        self._is_closing = True
        await self._drained(seconds)
        for attempt in self._running.values():
            if attempt is not None:
                attempt.leave()
        await self._drained(_STOPPING_SECONDS)

    @contextmanager
    def _lane(self, job_id: str) -> Iterator[None]:
        self._running[job_id] = None
        try:
            yield
        finally:
            del self._running[job_id]

    async def _claim(self, job_id: str) -> Job | Outcome:
        """The job, begun by this process."""
        claim = partial(change.claim, holder=self._holder, now=self._now(), seconds=self._options.lease_seconds)
        before: Job | None = None

        def claim_it(job: Job) -> Job:
            nonlocal before
            before = job
            return claim(job)

        try:
            job = await to_thread.run_sync(partial(change_job, self._jobs, job_id, claim_it), limiter=self._threads)
        except OptionError:  # deleted, or expired
            return "done"
        except TooLate:
            return "done" if before is None or before.is_finished else "elsewhere"
        assert before is not None
        with log_context(job_id=job_id, session_id=job.session_id, attempt=before.attempt):
            if before.status == "running":
                log_job("job_lost", before, severity="warning")
            if job.is_finished:
                log_job("job_canceled" if job.status == "canceled" else "job_finished", job)
                return "done"
        return job

    def _attempt(self, job: Job) -> JobAttempt:
        attempt = JobAttempt(
            job, jobs=self._jobs, objects=self._objects, singer=self._singer, folder=self._folder, holder=self._holder,
            options=self._options, now=self._now,
        )  # fmt: skip
        self._running[job.job_id] = attempt
        return attempt

    async def _drained(self, seconds: float) -> None:
        with anyio.move_on_after(seconds):
            while self._running:
                await anyio.sleep(_POLL_SECONDS)
