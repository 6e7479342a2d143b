"""Jobs in the memory of one process, as long as it lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from threading import Lock

from cantilena.ports.jobs import Job, JobStoreError, StoredJob


class MemoryJobs:
    """A :class:`~cantilena.ports.jobs.JobStore`."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._jobs: dict[str, tuple[Job, int]] = {}
        self._revisions = count()  # none comes twice, not even of a job that takes the id of one that is gone
        self._lock = Lock()
        self._now = now

    def create(self, job: Job) -> None:
        with self._lock:
            now = self._now()
            self._jobs = {key: found for key, found in self._jobs.items() if found[0].expires_at > now}
            if job.job_id in self._jobs:
                raise JobStoreError("job_exists", f"There is a job {job.job_id!r} already.")
            self._jobs[job.job_id] = (job, next(self._revisions))

    def read(self, job_id: str) -> StoredJob | None:
        with self._lock:
            found = self._jobs.get(job_id)
        if found is None or found[0].expires_at <= self._now():
            return None
        return StoredJob(job=found[0], revision=str(found[1]))

    def write(self, job: Job, *, revision: str) -> str:
        with self._lock:
            found = self._jobs.get(job.job_id)
            if found is None:
                raise JobStoreError("job_missing", f"There is no job {job.job_id!r}.")
            if str(found[1]) != revision:
                raise JobStoreError("job_changed", f"The job {job.job_id!r} was changed meanwhile.", retryable=True)
            self._jobs[job.job_id] = (job, next(self._revisions))
            return str(self._jobs[job.job_id][1])

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        mine = sorted((job for job in self._living() if job.session_id == session_id), key=_age, reverse=True)
        if before is not None:
            with self._lock:
                found = self._jobs.get(before)
            mine = [job for job in mine if _age(job) < _age(found[0])] if found else []
        return tuple(mine[:limit])

    def unfinished(self, *, limit: int, owner: str | None = None) -> tuple[Job, ...]:
        waiting = [job for job in self._living() if not job.is_finished and owner in (None, job.owner)]
        return tuple(sorted(waiting, key=_age)[:limit])

    def delete(self, job_id: str) -> None:
        with self._lock:
            self._jobs.pop(job_id, None)

    def ping(self) -> None:
        return

    def _living(self) -> list[Job]:
        with self._lock:
            return [job for job, _ in self._jobs.values() if job.expires_at > self._now()]


def _age(job: Job) -> tuple[float, str]:
    return (job.created_at, job.job_id)
