"""Every store of jobs keeps the same promises, also when many write at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cantilena.adapters.job_documents import from_document, to_document
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobOutput, JobProblem, JobStore, JobStoreError, JobWarning, Lease
from cantilena.service import job_changes as change
from cantilena.service.job_changes import TooLate
from cantilena.service.jobs import change_job
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.stores import DOCUMENT_STORES, open_jobs


class Clock:
    seconds = 1000.0


@pytest.fixture(params=DOCUMENT_STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[JobStore]:
    def emulator() -> FirestoreEmulator:
        return request.getfixturevalue("firestore_emulator")

    with open_jobs(request.param, tmp_path, emulator, lambda: Clock.seconds) as opened:
        yield opened


def make_job(job_id: str = "one", **values: object) -> Job:
    return Job(**{"job_id": job_id, "session_id": "s", "owner": "o", "created_at": 1.0, "updated_at": 1.0,
                  "expires_at": 2000.0, **values})  # fmt: skip


def test_what_is_written_is_read(store: JobStore) -> None:
    job = make_job(
        status="failed", step="pitch", message="phrase 3 of 12", progress=0.25, audio_url="/a",
        error=JobProblem(code="c", message="m", measure="3"), started_at=2.5, finished_at=3.5, seq=7, attempt=2,
        lease=Lease(holder="h", until=9.0), cancel_requested=True, request={"part": "Sopran", "tempo": 1.5},
        request_hash="ab", score_sha256="cd", voicebank=("Vesper_1.0", "ef"),
        outputs=(JobOutput(name="a.flac", kind="audio", format="flac", bytes=3, sha256="00", sample_rate=44100),),
        warnings=(JobWarning(code="w", message="ü"),), timings_ms={"align": 0.5}, audio_seconds=1.5, rtf=0.1,
    )  # fmt: skip
    store.create(job)
    assert store.read("one").job == job
    assert store.read("two") is None


@pytest.mark.parametrize("text", ["", "__name__", "a.b`c", "\0", "half a character: \ud800", "ü" * 1_500])
def test_whatever_a_client_writes_is_kept(store: JobStore, text: str) -> None:
    store.create(make_job(request={"pronunciations": {text: text}, "controls": {text: [[0, text], [1, 2.5]]}}))
    kept = store.read("one")
    assert kept.job.request == {"pronunciations": {text: text}, "controls": {text: [[0, text], [1, 2.5]]}}
    problem, warning = JobProblem(code="c", message=text), JobWarning(code="w", message=text)
    store.write(replace(kept.job, message=text, error=problem, warnings=(warning,)), revision=kept.revision)
    whole, shown = text.removesuffix("\ud800"), store.read("one").job
    assert shown.message.startswith(whole)
    assert shown.error.message.startswith(whole)
    assert shown.warnings[0].message.startswith(whole)


@pytest.mark.parametrize("text", ["", "a/b", "../one", "one/", ".", "..", "__one__", "o\0ne", "\ud800", "x" * 2_000])
def test_what_is_no_id_is_nobodys(store: JobStore, text: str) -> None:
    store.create(make_job())
    assert store.read(text) is None
    assert store.of_session(text, limit=9) == ()
    assert store.of_session("s", limit=9, before=text) == ()
    store.delete(text)
    assert store.read("one") is not None


def test_what_a_later_version_wrote_is_read() -> None:
    job = make_job(lease=Lease(holder="h", until=9.0), warnings=(JobWarning(code="w", message="m"),))
    document = to_document(job)
    document["mood"] = "hopeful"
    document["lease"]["since"] = 3.0
    document["warnings"][0]["colour"] = "red"
    assert from_document(document) == job


def test_an_id_is_given_once(store: JobStore) -> None:
    store.create(make_job())
    with pytest.raises(JobStoreError) as caught:
        store.create(make_job(owner="somebody else"))
    assert caught.value.code == "job_exists"
    assert store.read("one").job.owner == "o"


def test_who_comes_second_must_read_again(store: JobStore) -> None:
    store.create(make_job())
    first, second = store.read("one"), store.read("one")
    revision = store.write(replace(first.job, message="first"), revision=first.revision)
    with pytest.raises(JobStoreError) as caught:
        store.write(replace(second.job, message="second"), revision=second.revision)
    assert caught.value.code == "job_changed"
    assert store.read("one") == replace(store.read("one"), revision=revision)
    assert store.read("one").job.message == "first"


def test_a_job_that_is_gone_cannot_be_written(store: JobStore) -> None:
    store.create(make_job())
    stored = store.read("one")
    store.delete("one")
    store.delete("one")
    with pytest.raises(JobStoreError) as caught:
        store.write(stored.job, revision=stored.revision)
    assert caught.value.code == "job_missing"
    with pytest.raises(OptionError):
        change_job(store, "one", lambda job: change.request_cancel(job, now=1.0))


def test_a_sessions_jobs_come_newest_first_a_page_at_a_time(store: JobStore) -> None:
    for n in range(5):
        store.create(make_job(f"j{n}", created_at=float(n // 2)))
    store.create(make_job("other", session_id="t", created_at=9.0))
    assert [job.job_id for job in store.of_session("s", limit=2)] == ["j4", "j3"]
    assert [job.job_id for job in store.of_session("s", limit=9, before="j3")] == ["j2", "j1", "j0"]
    assert store.of_session("s", limit=9, before="nobody") == ()
    assert store.of_session("nobody's", limit=9) == ()


def test_expired_jobs_are_not_there_any_more(store: JobStore) -> None:
    store.create(make_job("old", expires_at=999.0))
    store.create(make_job("new"))
    assert store.read("old") is None
    assert [job.job_id for job in store.of_session("s", limit=9)] == ["new"]
    assert [job.job_id for job in store.unfinished(limit=9)] == ["new"]


def test_an_id_is_free_again_when_its_job_has_expired(store: JobStore) -> None:
    store.create(make_job(expires_at=999.0, owner="once"))
    store.create(make_job(owner="now"))
    assert store.read("one").job.owner == "now"
    assert [job.owner for job in store.of_session("s", limit=9)] == ["now"]


def test_of_many_who_create_the_same_job_one_does(store: JobStore) -> None:
    created: list[str] = []
    refused: list[str] = []
    gate = threading.Barrier(16)

    def create(owner: str) -> None:
        gate.wait()
        try:
            store.create(make_job(owner=owner))
        except JobStoreError as error:
            refused.append(error.code)
            return
        created.append(owner)

    run(*[lambda owner=f"o{n}": create(owner) for n in range(16)])
    assert created == [store.read("one").job.owner]
    assert refused == ["job_exists"] * 15


def test_unfinished_jobs_come_oldest_first(store: JobStore) -> None:
    for n, status in enumerate(("running", "succeeded", "queued", "canceled", "failed")):
        store.create(make_job(f"j{n}", created_at=10.0 - n, status=status))
    assert [job.job_id for job in store.unfinished(limit=9)] == ["j2", "j0"]
    assert [job.job_id for job in store.unfinished(limit=1)] == ["j2"]


def test_of_thirty_two_claimers_one_wins(store: JobStore) -> None:
    store.create(make_job())
    won: list[str] = []
    gate = threading.Barrier(32)

    def claim(holder: str) -> None:
        gate.wait()
        try:
            change_job(store, "one", lambda job: change.claim(job, holder=holder, now=1000.0))
        except TooLate:
            return
        won.append(holder)

    run(*[lambda holder=f"h{n}": claim(holder) for n in range(32)])
    assert won == [store.read("one").job.lease.holder]
    assert store.read("one").job.attempt == 1


def test_cancel_against_finish_has_one_outcome(store: JobStore) -> None:
    for n in range(20):
        store.create(make_job(f"j{n}"))
        change_job(store, f"j{n}", lambda job: change.claim(job, holder="h", now=1000.0))

        def finish(job_id: str = f"j{n}") -> None:
            problem = JobProblem(code="c", message="m")
            change_job(store, job_id, lambda job: change.fail(job, holder="h", now=1001.0, problem=problem))

        def cancel(job_id: str = f"j{n}") -> None:
            try:
                change_job(store, job_id, lambda job: change.request_cancel(job, now=1001.0))
                change_job(store, job_id, lambda job: change.give_up(job, holder="h", now=1002.0))
            except TooLate:
                return

        run(lambda finish=finish: attempt(finish), cancel)
        ended = store.read(f"j{n}").job
        assert (ended.status, ended.error is None) in [("failed", False), ("canceled", True)]


def attempt(work: Callable[[], None]) -> None:
    try:
        work()
    except TooLate:
        return


def run(*works: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_store_that_answers_says_nothing(store: JobStore) -> None:
    store.ping()


def test_a_document_that_is_too_large_for_firestore_is_said(firestore_emulator: FirestoreEmulator) -> None:
    def emulator() -> FirestoreEmulator:
        return firestore_emulator

    words = {f"word {n}": "a" * 1_000 for n in range(1_200)}
    with open_jobs("firestore", Path(), emulator, lambda: Clock.seconds) as store:
        with pytest.raises(JobStoreError) as caught:
            store.create(make_job(request={"pronunciations": words}))
        assert (caught.value.code, caught.value.retryable) == ("job_too_large", False)
        store.create(make_job())
        stored = store.read("one")
        with pytest.raises(JobStoreError) as caught:
            store.write(replace(stored.job, request={"pronunciations": words}), revision=stored.revision)
        assert caught.value.code == "job_too_large"
        assert store.read("one") == stored


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"not a database, by any means" * 100)
    with pytest.raises(JobStoreError) as caught:
        SqliteJobs(tmp_path / "jobs.sqlite")
    assert caught.value.code == "jobs_unreachable"


def test_a_new_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    openers = 8
    for attempt in range(150):  # SQLite refuses somebody in one of thirty where nobody tries again
        opened: list[SqliteJobs] = []
        gate = threading.Barrier(openers)

        def open_store(file: Path, gate: threading.Barrier = gate, opened: list[SqliteJobs] = opened) -> None:
            gate.wait()
            opened.append(SqliteJobs(file))

        run(*[lambda file=tmp_path / f"{attempt}.sqlite": open_store(file)] * openers)
        assert len(opened) == openers
        for store in opened:
            store.close()
