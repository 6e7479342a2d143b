"""Jobs in one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from cantilena.adapters.job_documents import from_document, to_document
from cantilena.ports.jobs import Job, JobStoreError, StoredJob

_BUSY_SECONDS: Final = 5.0
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    finished INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_session ON jobs (session_id, created_at DESC, job_id DESC);
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (finished, created_at, job_id);
CREATE INDEX IF NOT EXISTS jobs_by_expiry ON jobs (expires_at);
"""


class SqliteJobs:
    """A :class:`~cantilena.ports.jobs.JobStore`.

    Parameters
    ----------
    file : Path
        Made when it is not there; its folder must be.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        self._file = file
        self._now = now
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # readers do not wait for a writer
            connection.executescript(_SCHEMA)

    def create(self, job: Job) -> None:
        values = (
            job.job_id, job.session_id, job.created_at, job.expires_at, job.is_finished, 0, _to_text(job),
        )  # fmt: skip
        with self._connected() as connection:
            connection.execute("DELETE FROM jobs WHERE expires_at <= ?", (self._now(),))
            try:
                connection.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            except sqlite3.IntegrityError as error:
                raise JobStoreError("job_exists", f"There is a job {job.job_id!r} already.") from error

    def read(self, job_id: str) -> StoredJob | None:
        with self._connected() as connection:
            row = connection.execute(
                "SELECT document, revision FROM jobs WHERE job_id = ? AND expires_at > ?", (job_id, self._now())
            ).fetchone()
        return StoredJob(job=_from_text(row[0]), revision=str(row[1])) if row else None

    def write(self, job: Job, *, revision: str) -> str:
        with self._connected() as connection:
            changed = connection.execute(
                "UPDATE jobs SET document = ?, finished = ?, expires_at = ?, revision = revision + 1 "
                "WHERE job_id = ? AND revision = ?",
                (_to_text(job), job.is_finished, job.expires_at, job.job_id, int(revision)),
            ).rowcount
            if changed:
                return str(int(revision) + 1)
            there = connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (job.job_id,)).fetchone()
        if there is None:
            raise JobStoreError("job_missing", f"There is no job {job.job_id!r}.")
        raise JobStoreError("job_changed", f"The job {job.job_id!r} was changed meanwhile.", retryable=True)

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        with self._connected() as connection:
            place = (float("inf"), "")
            if before is not None:
                row = connection.execute("SELECT created_at, job_id FROM jobs WHERE job_id = ?", (before,)).fetchone()
                if row is None:
                    return ()
                place = row
            rows = connection.execute(
                "SELECT document FROM jobs WHERE session_id = ? AND expires_at > ? AND (created_at, job_id) < (?, ?) "
                "ORDER BY created_at DESC, job_id DESC LIMIT ?",
                (session_id, self._now(), *place, limit),
            ).fetchall()
        return tuple(_from_text(row[0]) for row in rows)

    def unfinished(self, *, limit: int) -> tuple[Job, ...]:
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT document FROM jobs WHERE finished = 0 AND expires_at > ? ORDER BY created_at, job_id LIMIT ?",
                (self._now(), limit),
            ).fetchall()
        return tuple(_from_text(row[0]) for row in rows)

    def delete(self, job_id: str) -> None:
        with self._connected() as connection:
            connection.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    def ping(self) -> None:
        with self._connected() as connection:
            connection.execute("SELECT 1 FROM jobs LIMIT 1")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection of this thread for one transaction; whatever SQLite raises becomes an error of ours."""
        try:
            with closing(sqlite3.connect(self._file, timeout=_BUSY_SECONDS)) as connection, connection:
                yield connection
        except sqlite3.Error as error:
            raise JobStoreError(
                "jobs_unreachable",
                f"The jobs in {self._file} cannot be read or written: {error}.",
                hint="Look whether the disk is full, or the file belongs to another user.",
                retryable=True,
            ) from error


def _to_text(job: Job) -> str:
    return json.dumps(to_document(job), ensure_ascii=False)


def _from_text(text: str) -> Job:
    return from_document(json.loads(text))
