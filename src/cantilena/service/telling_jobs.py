"""A store of jobs that tells what is written to it, so that nobody in this process need look for it."""

from __future__ import annotations

from collections.abc import Callable

from cantilena.ports.jobs import Job, JobStore, StoredJob

OnJob = Callable[[Job], None]


class TellingJobs:
    """A :class:`~cantilena.ports.jobs.JobStore` over another one.

    Parameters
    ----------
    store : JobStore
        Where the jobs are.
    """

    def __init__(self, store: JobStore) -> None:
        self._store = store
        self._listeners: list[OnJob] = []
        self.reads = 0
        """Documents read so far, which is what the cloud bills."""

    def listen(self, listener: OnJob) -> None:
        """Have every job told that is written from now on, by the thread that writes it."""
        self._listeners.append(listener)

    def create(self, job: Job) -> None:
        self._store.create(job)
        self._tell(job)

    def read(self, job_id: str) -> StoredJob | None:
        self.reads += 1
        return self._store.read(job_id)

    def write(self, job: Job, *, revision: str) -> str:
        written = self._store.write(job, revision=revision)
        self._tell(job)
        return written

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        found = self._store.of_session(session_id, limit=limit, before=before)
        self.reads += max(len(found), 1)
        return found

    def unfinished(self, *, limit: int, owner: str | None = None) -> tuple[Job, ...]:
        found = self._store.unfinished(limit=limit, owner=owner)
        self.reads += max(len(found), 1)
        return found

    def delete(self, job_id: str) -> None:
        self._store.delete(job_id)

    def ping(self) -> None:
        self._store.ping()

    def _tell(self, job: Job) -> None:
        for listener in self._listeners:
            listener(job)
