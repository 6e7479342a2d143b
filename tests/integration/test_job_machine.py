"""Every store of jobs against a model of it: whatever workers do in whatever order, with what they read long ago."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cantilena.ports.jobs import Job, JobProblem, JobStore, JobStoreError, StoredJob
from cantilena.service import job_changes as change
from cantilena.service.job_changes import LEASE_SECONDS, JobResult, TooLate
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.stores import DOCUMENT_STORES, open_jobs

BEGIN = 1_795_000_000.0
JOB_SECONDS = 10 * LEASE_SECONDS
RESULT = JobResult(
    voicebank=("Vesper_1.0", "abc"), outputs=(), warnings=(), timings_ms={"total": 1.5}, audio_seconds=2.0, rtf=0.125,
    audio_url="/a",
)  # fmt: skip
PROBLEM = JobProblem(code="score_not_xml", message="This is not XML.")
Change = Callable[[Job, str, float], Job]
CHANGES: dict[str, Change] = {
    "claim": lambda job, who, now: change.claim(job, holder=who, now=now),
    "renew": lambda job, who, now: change.renew(job, holder=who, now=now),
    "release": lambda job, who, now: change.release(job, holder=who, now=now),
    "advance": lambda job, who, now: change.advance(
        job, holder=who, now=now, step="pitch", message="phrase 3 of 12", progress=0.25
    ),
    "succeed": lambda job, who, now: change.succeed(job, holder=who, now=now, result=RESULT),
    "fail": lambda job, who, now: change.fail(job, holder=who, now=now, problem=PROBLEM),
    "give up": lambda job, who, now: change.give_up(job, holder=who, now=now),
    "cancel": lambda job, who, now: change.request_cancel(job, now=now),
}


@dataclass
class Kept:
    """What the model holds of a job: how it is, and how often it was written."""

    job: Job
    writes: int = 0


class JobMachine(RuleBasedStateMachine):
    """Three workers who read, and write what they make of it whenever they get to it."""

    open_store: ClassVar[Callable[[ExitStack, Callable[[], float]], JobStore]]

    jobs = st.sampled_from(["j1", "j2", "j3"])
    sessions = st.sampled_from(["s1", "s2"])
    owners = st.sampled_from(["o1", "o2"])
    workers = st.sampled_from(["w1", "w2", "w3"])

    @initialize()
    def begin(self) -> None:
        self.now = BEGIN
        self.stack = ExitStack()
        self.store = type(self).open_store(self.stack, lambda: self.now)
        self.model: dict[str, Kept] = {}
        self.read_by: dict[str, tuple[StoredJob, Kept, int]] = {}
        self.seen: dict[str, Job] = {}

    def teardown(self) -> None:
        self.stack.close()

    def living(self) -> list[Job]:
        jobs = [kept.job for kept in self.model.values() if kept.job.expires_at > self.now]
        return sorted(jobs, key=lambda job: (job.created_at, job.job_id))

    @rule(job_id=jobs, session_id=sessions, owner=owners)
    def create(self, job_id: str, session_id: str, owner: str) -> None:
        job = Job(
            job_id=job_id, session_id=session_id, owner=owner, created_at=self.now, updated_at=self.now,
            expires_at=self.now + JOB_SECONDS, request={"part": "Sopran", "pronunciations": {"__a__": "x", "": "y"}},
        )  # fmt: skip
        expected = "job_exists" if any(one.job_id == job_id for one in self.living()) else ""
        assert code_of(lambda: self.store.create(job)) == expected
        if not expected:
            self.model[job_id] = Kept(job)
            self.seen.pop(job_id, None)

    @rule(job_id=jobs, worker=workers)
    def read(self, job_id: str, worker: str) -> None:
        stored = self.store.read(job_id)
        expected = next((job for job in self.living() if job.job_id == job_id), None)
        assert (stored.job if stored else None) == expected
        if stored is not None:
            kept = self.model[job_id]
            self.read_by[worker] = (stored, kept, kept.writes)

    @rule(worker=workers, verb=st.sampled_from(sorted(CHANGES)))
    def write(self, worker: str, verb: str) -> None:
        if worker not in self.read_by:
            return
        stored, kept, writes = self.read_by.pop(worker)
        try:
            job = CHANGES[verb](stored.job, worker, self.now)
        except TooLate:
            return
        there = self.model.get(job.job_id)
        is_first = there is kept and kept.writes == writes
        code = code_of(lambda: self.store.write(job, revision=stored.revision))
        if there is None:
            assert code == "job_missing"
        elif there.job.expires_at <= self.now:  # removed, or not yet
            assert code in ("job_missing", "" if is_first else "job_changed")
        else:
            assert code == ("" if is_first else "job_changed")
        if not code:
            kept.job, kept.writes = job, writes + 1

    @rule(job_id=jobs)
    def delete(self, job_id: str) -> None:
        self.store.delete(job_id)
        self.model.pop(job_id, None)
        self.seen.pop(job_id, None)

    @rule(leases=st.sampled_from([0.25, 1.0, 4.0]))
    def wait(self, leases: float) -> None:
        self.now += leases * LEASE_SECONDS

    @rule(session_id=sessions, limit=st.integers(1, 3), before=st.none() | jobs)
    def list_session(self, session_id: str, limit: int, before: str | None) -> None:
        if before is not None and not any(job.job_id == before for job in self.living()):
            return  # an expired one may be there still, or not
        newest = [job for job in reversed(self.living()) if job.session_id == session_id]
        if before is not None:
            place = self.model[before].job
            newest = [job for job in newest if (job.created_at, job.job_id) < (place.created_at, place.job_id)]
        assert self.store.of_session(session_id, limit=limit, before=before) == tuple(newest[:limit])

    @rule(limit=st.integers(1, 3), owner=st.none() | owners)
    def list_unfinished(self, limit: int, owner: str | None) -> None:
        waiting = [job for job in self.living() if not job.is_finished and owner in (None, job.owner)]
        assert self.store.unfinished(limit=limit, owner=owner) == tuple(waiting[:limit])

    @invariant()
    def what_clients_see_never_goes_back(self) -> None:
        for job in self.living():
            before = self.seen.get(job.job_id, job)
            assert job.seq >= before.seq
            assert job.progress >= before.progress
            assert job.attempt >= before.attempt
            assert not before.is_finished or job == before
            self.seen[job.job_id] = job


def code_of(work: Callable[[], object]) -> str:
    """Code of the error that the work ends with; empty when it ends well."""
    try:
        work()
    except JobStoreError as error:
        return error.code
    return ""


TIMES = int(os.environ.get("CANTILENA_TEST_TIMES", "1"))
EXAMPLES = {"memory": 50 * TIMES, "sqlite": 25 * TIMES, "firestore": 8 * TIMES}


@pytest.mark.parametrize("kind", DOCUMENT_STORES)
def test_a_store_does_what_its_model_does(kind: str, request: pytest.FixtureRequest, tmp_path_factory) -> None:
    def emulator() -> FirestoreEmulator:
        return request.getfixturevalue("firestore_emulator")

    def open_store(stack: ExitStack, now: Callable[[], float]) -> JobStore:
        folder: Path = tmp_path_factory.mktemp("jobs")
        return stack.enter_context(open_jobs(kind, folder, emulator, now))

    class Machine(JobMachine):
        pass

    Machine.open_store = staticmethod(open_store)
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES[kind], stateful_step_count=40, deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
