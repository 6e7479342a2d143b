"""What lies in Firestore: fields that people, rules and expiry can read, and what reading them costs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cantilena.adapters.firestore_client import FirestoreDatabase
from cantilena.adapters.firestore_jobs import FirestoreJobs
from cantilena.adapters.firestore_sessions import FirestoreSessions
from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobOutput, JobProblem, JobWarning, Lease
from cantilena.ports.sessions import Session, SessionScore
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.stores import open_database

NOW = 1_795_369_348.25
MOMENT = datetime(2026, 11, 22, 17, 42, 28, 250_000, tzinfo=UTC)


@pytest.fixture
def database(firestore_emulator: FirestoreEmulator) -> Iterator[FirestoreDatabase]:
    with open_database(firestore_emulator.host) as opened:
        yield opened


@pytest.fixture
def jobs(database: FirestoreDatabase) -> FirestoreJobs:
    return FirestoreJobs(database, now=lambda: NOW)


def make_job(job_id: str = "j", **values: object) -> Job:
    return Job(**{"job_id": job_id, "session_id": "s", "owner": "o", "created_at": NOW, "updated_at": NOW,
                  "expires_at": NOW + 60, **values})  # fmt: skip


def test_a_jobs_document_has_the_fields_that_are_promised(jobs: FirestoreJobs, database: FirestoreDatabase) -> None:
    jobs.create(make_job(
        status="failed", lease=Lease(holder="h", until=NOW), voicebank=("Vesper_1.0", "ab"), started_at=NOW,
        error=JobProblem(code="c", message="m", hint="h", retryable=True), request={"part": "Sopran"},
        outputs=(JobOutput(name="audio.flac", kind="audio", format="flac", bytes=3, sha256="00",
                           duration_seconds=1.5, sample_rate=44_100),),
        warnings=(JobWarning(code="w", message="m", measure="3"),), timings_ms={"align": 0.5},
    ))  # fmt: skip
    fields = database.read("jobs", "j").fields
    assert set(fields) == {
        "job_id", "session_id", "owner", "status", "step", "message", "progress", "audio_url", "error", "created_at",
        "started_at", "updated_at", "finished_at", "expires_at", "seq", "attempt", "lease", "cancel_requested",
        "request", "request_hash", "score_sha256", "voicebank", "outputs", "warnings", "timings_ms", "audio_seconds",
        "rtf",
    }  # fmt: skip
    assert (fields["created_at"], fields["started_at"], fields["finished_at"]) == (MOMENT, MOMENT, None)
    assert (fields["expires_at"] - MOMENT).total_seconds() == 60.0
    assert fields["lease"] == {"holder": "h", "until": MOMENT}
    assert fields["voicebank"] == {"id": "Vesper_1.0", "version": "ab"}
    assert {"code", "message", "hint", "retryable"} <= set(fields["error"])
    assert set(fields["outputs"][0]) == {
        "name", "kind", "format", "bytes", "sha256", "duration_seconds", "sample_rate"}  # fmt: skip
    assert fields["warnings"] == [{"code": "w", "message": "m", "part": None, "measure": "3"}]
    assert (fields["timings_ms"], fields["request"]) == ({"align": 0.5}, '{"part": "Sopran"}')


def test_a_sessions_document_can_be_read_by_people(database: FirestoreDatabase) -> None:
    score = SessionScore(name="Hymn.mxl", sha256="ab", bytes=7, seconds=61.5)
    FirestoreSessions(database).create(
        Session(session_id="s", owner="o", created_at=NOW, updated_at=NOW, expires_at=NOW, score=score)
    )
    assert database.read("sessions", "s").fields == {
        "session_id": "s", "owner": "o", "created_at": MOMENT, "updated_at": MOMENT, "expires_at": MOMENT,
        "is_closing": False, "score": {"name": "Hymn.mxl", "sha256": "ab", "bytes": 7, "seconds": 61.5},
    }  # fmt: skip


def test_the_bill_counts_one_document_for_progress_and_one_for_a_count(
    jobs: FirestoreJobs, database: FirestoreDatabase
) -> None:
    for n in range(5):
        jobs.create(make_job(f"j{n}", created_at=NOW + n))
    stored = jobs.read("j0")
    costs = {}
    for what, ask in {
        "a job": lambda: jobs.read("j1"),
        "a job that is not there": lambda: jobs.read("nobody"),
        "progress: the newest job": lambda: jobs.of_session("s", limit=1),
        "a session without jobs": lambda: jobs.of_session("t", limit=1),
        "a list of three": lambda: jobs.of_session("s", limit=3),
        "a count of sessions": lambda: FirestoreSessions(database).count("o", limit=200),
        "writing a job that was read": lambda: jobs.write(stored.job, revision=stored.revision),
    }.items():
        before = database.document_reads
        ask()
        costs[what] = database.document_reads - before
    assert costs == {
        "a job": 1, "a job that is not there": 1, "progress: the newest job": 1, "a session without jobs": 1,
        "a list of three": 3, "a count of sessions": 1, "writing a job that was read": 0,
    }  # fmt: skip


def test_expired_jobs_that_still_lie_there_hide_no_others(jobs: FirestoreJobs) -> None:
    for n in range(12):
        jobs.create(make_job(f"j{n:02}", created_at=NOW + n, expires_at=NOW + (60 if n % 4 == 0 else -60)))
    assert [job.job_id for job in jobs.of_session("s", limit=2)] == ["j08", "j04"]
    assert [job.job_id for job in jobs.of_session("s", limit=9)] == ["j08", "j04", "j00"]
    assert [job.job_id for job in jobs.unfinished(limit=2, owner="o")] == ["j00", "j04"]


def test_a_project_must_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    with pytest.raises(OptionError) as caught:
        FirestoreDatabase("")
    assert caught.value.code == "project_missing"
