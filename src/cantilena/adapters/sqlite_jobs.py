"""Jobs in one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cantilena.adapters.job_documents import from_document, to_document
from cantilena.adapters.sqlite_file import Row, RowExists, SqliteError, SqliteFile, make_revision
from cantilena.ports.jobs import Job, JobStoreError, StoredJob

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY,
    session_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    finished INTEGER NOT NULL,
    revision TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_by_session ON jobs (session_id, created_at DESC, job_id DESC);
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (created_at, job_id) WHERE finished = 0;
CREATE INDEX IF NOT EXISTS jobs_by_expiry ON jobs (expires_at);
"""


class SqliteJobs:
    """A :class:`~cantilena.ports.jobs.JobStore`.

    Parameters
    ----------
    file : Path
        Made when it is not there; its folder must be. Other tables may lie in it.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        with _translated(file):
            self._database = SqliteFile(file, _SCHEMA)

    def create(self, job: Job) -> None:
        values = (
            job.job_id, job.session_id, job.owner, job.created_at, job.expires_at, job.is_finished,
            make_revision(), _to_text(job),
        )  # fmt: skip
        with _translated(self._database.file):
            try:
                with self._database.writing() as connection:
                    connection.execute("DELETE FROM jobs WHERE expires_at <= ?", (self._now(),))
                    connection.execute("INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            except RowExists as error:
                raise JobStoreError("job_exists", f"There is a job {job.job_id!r} already.") from error

    def read(self, job_id: str) -> StoredJob | None:
        rows = self._rows(
            "SELECT document, revision FROM jobs WHERE job_id = ? AND expires_at > ?", (job_id, self._now())
        )
        return StoredJob(job=_from_text(rows[0][0]), revision=rows[0][1]) if rows else None

    def write(self, job: Job, *, revision: str) -> str:
        written = make_revision()
        with _translated(self._database.file), self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE jobs SET document = ?, finished = ?, expires_at = ?, revision = ? "
                "WHERE job_id = ? AND revision = ?",
                (_to_text(job), job.is_finished, job.expires_at, written, job.job_id, revision),
            ).rowcount
            there = connection.execute("SELECT 1 FROM jobs WHERE job_id = ?", (job.job_id,)).fetchone()
        if changed:
            return written
        if there is None:
            raise JobStoreError("job_missing", f"There is no job {job.job_id!r}.")
        raise JobStoreError("job_changed", f"The job {job.job_id!r} was changed meanwhile.", retryable=True)

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        place: Row = (float("inf"), "")
        if before is not None:
            rows = self._rows("SELECT created_at, job_id FROM jobs WHERE job_id = ?", (before,))
            if not rows:
                return ()
            place = rows[0]
        rows = self._rows(
            "SELECT document FROM jobs WHERE session_id = ? AND expires_at > ? AND (created_at, job_id) < (?, ?) "
            "ORDER BY created_at DESC, job_id DESC LIMIT ?",
            (session_id, self._now(), *place, limit),
        )
        return tuple(_from_text(row[0]) for row in rows)

    def unfinished(self, *, limit: int, owner: str | None = None) -> tuple[Job, ...]:
        rows = self._rows(
            "SELECT document FROM jobs WHERE finished = 0 AND expires_at > ?1 AND (?2 IS NULL OR owner = ?2) "
            "ORDER BY created_at, job_id LIMIT ?3",
            (self._now(), owner, limit),
        )
        return tuple(_from_text(row[0]) for row in rows)

    def delete(self, job_id: str) -> None:
        with _translated(self._database.file):
            self._database.change("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    def ping(self) -> None:
        self._rows("SELECT 1 FROM jobs LIMIT 1")

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _rows(self, query: str, values: Row = ()) -> list[Row]:
        with _translated(self._database.file):
            return self._database.rows(query, values)


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except SqliteError as error:
        raise JobStoreError(
            "jobs_unreachable",
            f"The jobs in {file} cannot be read or written: {error}.",
            hint="Look whether the disk is full, or the file belongs to another user.",
            retryable=True,
        ) from error


def _to_text(job: Job) -> str:
    return json.dumps(to_document(job))


def _from_text(text: str) -> Job:
    return from_document(json.loads(text))
