"""What Firestore refuses in life and the emulator never does: each is told with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from google.api_core import exceptions
from google.auth.exceptions import RefreshError, TransportError

from cantilena.adapters.firestore_client import FirestoreDatabase
from cantilena.adapters.firestore_jobs import FirestoreJobs
from cantilena.ports.jobs import Job, JobStoreError

JOB = Job(job_id="j", session_id="s", owner="o", created_at=1.0, updated_at=1.0, expires_at=2e9)


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[FirestoreDatabase]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    opened = FirestoreDatabase("p")
    yield opened
    opened.close()


def refuse_with(database: FirestoreDatabase, error: Exception, monkeypatch: pytest.MonkeyPatch) -> FirestoreJobs:
    """A store whose every call Google's client ends with this error."""

    def refuse(*_: object, **__: object) -> None:
        raise error

    document = SimpleNamespace(get=refuse, create=refuse, update=refuse, delete=refuse)
    query = SimpleNamespace(stream=refuse)
    query.limit = query.where = query.order_by = lambda *_, **__: query
    query.document = lambda _: document
    client = SimpleNamespace(collection=lambda _: query, write_option=lambda **_: None, close=database._client.close)
    monkeypatch.setattr(database, "_client", client)
    return FirestoreJobs(database)


@pytest.mark.parametrize(
    ("error", "hint", "retryable"),
    [
        (exceptions.FailedPrecondition("The query requires an index."), "firestore.indexes.json", True),
        (exceptions.PermissionDenied("Missing or insufficient permissions."), "Cloud Datastore User", False),
        (exceptions.Unauthenticated("no"), "Cloud Datastore User", False),
        (exceptions.NotFound("The database (default) does not exist"), "FIRESTORE_DATABASE", False),
        (exceptions.ResourceExhausted("Quota exceeded."), "in a moment", True),
        (exceptions.InternalServerError("oops"), "in a moment", True),
        (exceptions.Aborted("Too much contention."), "in a moment", True),
        (RefreshError("metadata server"), "in a moment", True),
        (TransportError("no network"), "in a moment", True),
    ],
)
def test_a_question_that_is_not_answered(
    database: FirestoreDatabase, error: Exception, hint: str, retryable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = refuse_with(database, error, monkeypatch)
    with pytest.raises(JobStoreError) as caught:
        jobs.of_session("s", limit=1)
    assert (caught.value.code, caught.value.retryable) == ("jobs_unreachable", retryable)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("error", "created", "written"),
    [
        (exceptions.Aborted("Too much contention."), "jobs_unreachable", "job_changed"),
        (exceptions.InvalidArgument("exceeds the maximum size"), "job_too_large", "job_too_large"),
        (exceptions.PermissionDenied("no"), "jobs_unreachable", "jobs_unreachable"),
        (exceptions.NotFound("No document to update"), "jobs_unreachable", "job_missing"),
    ],
)
def test_a_job_that_is_not_written(
    database: FirestoreDatabase, error: Exception, created: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = refuse_with(database, error, monkeypatch)
    monkeypatch.setattr(database, "read", lambda *_: "still there")
    with pytest.raises(JobStoreError) as caught:
        jobs.create(JOB)
    assert caught.value.code == created
    with pytest.raises(JobStoreError) as caught:
        jobs.write(JOB, revision="2026-11-22T17:42:28.349582Z")
    assert caught.value.code == written
