"""Jobs in Firestore: ``jobs/{job_id}``, for every instance of the service."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from cantilena.adapters.firestore_client import (
    Condition,
    Document,
    DocumentError,
    Fields,
    FirestoreDatabase,
    Query,
    is_document_id,
)
from cantilena.adapters.firestore_documents import from_fields, to_fields, told
from cantilena.adapters.job_documents import from_document, to_document
from cantilena.ports.jobs import Job, JobStoreError, StoredJob

_JOBS: Final = "jobs"
_UNFINISHED: Final = ["queued", "running"]


class FirestoreJobs:
    """A :class:`~cantilena.ports.jobs.JobStore`.

    Parameters
    ----------
    database : FirestoreDatabase
        Where they are kept.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(self, database: FirestoreDatabase, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def create(self, job: Job) -> None:
        fields = _to_fields(job)
        with _translated(job.job_id):
            try:
                self._database.create(_JOBS, job.job_id, fields)
            except DocumentError as error:
                if error.reason != "exists":
                    raise
                self._create_anew(job.job_id, fields)

    def read(self, job_id: str) -> StoredJob | None:
        with _translated(job_id):
            document = self._database.read(_JOBS, job_id)
        if document is None:
            return None
        job = _from_fields(document.fields)
        return StoredJob(job=job, revision=document.revision) if job.expires_at > self._now() else None

    def write(self, job: Job, *, revision: str) -> str:
        with _translated(job.job_id):
            return self._database.write(_JOBS, job.job_id, _to_fields(job), revision=revision)

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        if not is_document_id(session_id):
            return ()
        after = None
        if before is not None:
            with _translated(before):
                document = self._database.read(_JOBS, before)
            if document is None:
                return ()
            after = _place(document)
        query = Query(
            collection=_JOBS,
            where=(("session_id", "==", session_id),),
            order=(("created_at", "DESCENDING"), ("__name__", "DESCENDING")),
            limit=limit,
        )
        return self._living(query, after)

    def unfinished(self, *, limit: int, owner: str | None = None) -> tuple[Job, ...]:
        waiting: Condition = ("status", "in", _UNFINISHED)
        query = Query(
            collection=_JOBS,
            where=(waiting,) if owner is None else (("owner", "==", owner), waiting),
            order=(("created_at", "ASCENDING"), ("__name__", "ASCENDING")),
            limit=limit,
        )
        return self._living(query, None)

    def delete(self, job_id: str) -> None:
        with _translated(job_id):
            self._database.delete(_JOBS, job_id)

    def ping(self) -> None:
        self.read("ping")

    def close(self) -> None:
        """Close the connection to the database."""
        self._database.close()

    def _create_anew(self, job_id: str, fields: Fields) -> None:
        """Write over a job that has expired and still lies there, as Firestore removes such ones within a day or so."""
        document = self._database.read(_JOBS, job_id)
        if document is None or _from_fields(document.fields).expires_at > self._now():
            raise _exists(job_id)
        try:
            self._database.write(_JOBS, job_id, fields, revision=document.revision)
        except DocumentError as error:
            if error.reason in ("changed", "missing"):
                raise _exists(job_id) from error
            raise

    def _living(self, query: Query, after: Mapping[str, Any] | None) -> tuple[Job, ...]:
        """The jobs of a query that have not expired; asks on until there are enough of them."""
        found: list[Job] = []
        while True:
            with _translated(""):
                documents = self._database.find(query, after=after)
            now = self._now()
            found += [job for job in map(_from_fields, (one.fields for one in documents)) if job.expires_at > now]
            if len(found) >= query.limit or len(documents) < query.limit:
                return tuple(found[: query.limit])
            after = _place(documents[-1])


def _place(document: Document) -> Fields:
    """Where a document stands among those in order of their creation."""
    return {"created_at": document.fields["created_at"], "__name__": document.id}


def _to_fields(job: Job) -> Fields:
    document = to_document(job)
    document["request"] = json.dumps(
        document["request"]
    )  # its names are a client's, and Firestore's rules for names not
    return to_fields(document)


def _from_fields(fields: Fields) -> Job:
    document = from_fields(fields)
    document["request"] = json.loads(document["request"])
    return from_document(document)


def _exists(job_id: str) -> JobStoreError:
    return JobStoreError("job_exists", f"There is a job {job_id!r} already.")


@contextmanager
def _translated(job_id: str) -> Iterator[None]:
    try:
        yield
    except DocumentError as error:
        _raise(error, job_id)


def _raise(error: DocumentError, job_id: str) -> NoReturn:
    if error.reason == "missing":
        raise JobStoreError("job_missing", f"There is no job {job_id!r}.") from error
    if error.reason == "changed":
        raise JobStoreError("job_changed", f"The job {job_id!r} was changed meanwhile.", retryable=True) from error
    if error.reason == "refused":
        raise JobStoreError(
            "job_too_large",
            f"The job {job_id!r} holds more than a document may.",
            hint="Ask for fewer pronunciations at once.",
        ) from error
    why, hint, is_retryable = told(error)
    raise JobStoreError(
        "jobs_unreachable", f"The jobs cannot be read or written ({why}).", hint=hint, retryable=is_retryable
    ) from error
