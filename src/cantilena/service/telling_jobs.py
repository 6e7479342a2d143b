"""A store of jobs that tells what goes through it, so that nobody in this process need look for it again."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from cantilena.ports.jobs import Job, JobStore, StoredJob

OnWritten = Callable[[Job], None]
OnSeen = Callable[[Job, float], None]
"""Told of a job, and of the moment (seconds of :func:`time.monotonic`) from which on it was at least so far."""


class TellingJobs:
    """A :class:`~cantilena.ports.jobs.JobStore` over another one.

    Parameters
    ----------
    store : JobStore
        Where the jobs are.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._on_written: list[OnWritten] = []
        self._on_seen: list[OnSeen] = []
        self._reads = 0
        self._lock = Lock()

    @property
    def reads(self) -> int:
        """Documents read so far, which is what the cloud bills."""
        return self._reads

    def listen(self, *, on_written: OnWritten | None = None, on_seen: OnSeen | None = None) -> None:
        """Have every job told that is written from now on, or that is written or read, by the thread that does so."""
        self._on_written += [on_written] if on_written is not None else []
        self._on_seen += [on_seen] if on_seen is not None else []

    def create(self, job: Job) -> None:
        self._store.create(job)
        self._tell_written(job)

    def read(self, job_id: str) -> StoredJob | None:
        self._count(1)
        begun = time.monotonic()
        stored = self._store.read(job_id)
        if stored is not None:
            self._tell_seen(stored.job, begun)
        return stored

    def write(self, job: Job, *, revision: str) -> str:
        written = self._store.write(job, revision=revision)
        self._tell_written(job)
        return written

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        found = self._store.of_session(session_id, limit=limit, before=before)
        self._count(len(found))
        return found

    def unfinished(self, *, limit: int, owner: str | None = None) -> tuple[Job, ...]:
        found = self._store.unfinished(limit=limit, owner=owner)
        self._count(len(found))
        return found

    def delete(self, job_id: str) -> None:
        self._store.delete(job_id)

    def ping(self) -> None:
        self._store.ping()

    def _count(self, documents: int) -> None:
        with self._lock:
            self._reads += max(documents, 1)  # a question without an answer is billed as one

    def _tell_written(self, job: Job) -> None:
        self._tell_seen(job, time.monotonic())
        for listener in self._on_written:
            listener(job)

    def _tell_seen(self, job: Job, begun: float) -> None:
        for listener in self._on_seen:
            listener(job, begun)
