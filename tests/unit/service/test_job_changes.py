"""A job's life as a machine of states: whatever happens in whatever order, its promises hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.ports.jobs import Job, JobProblem
from cantilena.service import job_changes as change
from cantilena.service.job_changes import LEASE_SECONDS, LOST, JobResult, TooLate
from cantilena.service.jobs import change_job
from cantilena.service.song_progress import further_step
from cantilena.tracing import STEPS

RESULT = JobResult(
    voicebank=("Vesper_1.0", "abc"), outputs=(), warnings=(), timings_ms={"total": 1.0}, audio_seconds=2.0, rtf=0.1,
    audio_url="/a",
)  # fmt: skip
PROBLEM = JobProblem(code="score_not_xml", message="This is not XML.")


def make_job(**values: object) -> Job:
    return Job(**{"job_id": "j", "session_id": "s", "owner": "o", "created_at": 0.0, "updated_at": 0.0,
                  "expires_at": 1e9, **values})  # fmt: skip


def running(holder: str = "a", now: float = 0.0) -> Job:
    return change.claim(make_job(), holder=holder, now=now)


def test_a_job_is_begun_by_one() -> None:
    job = running("a")
    assert (job.status, job.attempt, job.lease.holder) == ("running", 1, "a")
    with pytest.raises(TooLate):
        change.claim(job, holder="b", now=LEASE_SECONDS - 1)


def test_a_job_that_was_lost_is_begun_once_more_and_then_fails_with_a_reason() -> None:
    again = change.claim(running("a"), holder="b", now=LEASE_SECONDS)
    assert (again.attempt, again.message) == (2, "begun again")
    lost = change.claim(again, holder="c", now=2 * LEASE_SECONDS)
    assert (lost.status, lost.error) == ("failed", LOST)


def test_what_a_dead_attempt_writes_late_changes_nothing() -> None:
    again = change.claim(running("a"), holder="b", now=LEASE_SECONDS)
    for late in (
        lambda: change.succeed(again, holder="a", now=99, result=RESULT),
        lambda: change.fail(again, holder="a", now=99, problem=PROBLEM),
        lambda: change.advance(again, holder="a", now=99, step="pitch", message="", progress=0.5),
        lambda: change.renew(again, holder="a", now=99),
    ):
        with pytest.raises(TooLate):
            late()


def test_a_waiting_job_is_canceled_at_once_and_a_running_one_is_asked_to_stop() -> None:
    assert change.request_cancel(make_job(), now=1).status == "canceled"
    asked = change.request_cancel(running(), now=1)
    assert (asked.status, asked.cancel_requested, asked.message) == ("running", True, "stopping")
    assert change.request_cancel(asked, now=2) == asked
    assert change.give_up(asked, holder="a", now=3).status == "canceled"


def test_a_heartbeat_is_not_seen() -> None:
    assert change.renew(running(), holder="a", now=5).seq == running().seq


def test_a_step_never_gives_way_to_an_earlier_one() -> None:
    far = change.advance(running(), holder="a", now=1, step="postprocess", message="phrase 9 of 12", progress=0.8)
    again = change.claim(far, holder="b", now=2 * LEASE_SECONDS)
    behind = change.advance(again, holder="b", now=99, step="align", message="phrase 1 of 12", progress=0.1)
    assert (behind.step, behind.progress, behind.message) == ("postprocess", 0.8, "phrase 1 of 12")


def test_a_job_that_is_left_may_be_begun_at_once_and_nothing_is_seen_of_it() -> None:
    left = change.release(running("a"), holder="a", now=5)
    assert left.seq == running().seq
    assert change.claim(left, holder="b", now=5).attempt == 2
    with pytest.raises(TooLate):
        change.release(running("a"), holder="b", now=5)


class JobMachine(RuleBasedStateMachine):
    """Three workers, an impatient owner and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.store = MemoryJobs(now=lambda: self.now)
        self.store.create(make_job())
        self.seen = [self.job]

    @property
    def job(self) -> Job:
        return self.store.read("j").job

    def apply(self, make) -> None:
        before = self.job
        try:
            change_job(self.store, "j", make)
        except TooLate:
            assert self.job == before
        self.seen.append(self.job)

    holders = st.sampled_from("abc")

    @rule(holder=holders)
    def claim(self, holder: str) -> None:
        self.apply(lambda job: change.claim(job, holder=holder, now=self.now))

    @rule(holder=holders)
    def renew(self, holder: str) -> None:
        self.apply(lambda job: change.renew(job, holder=holder, now=self.now))

    @rule(holder=holders)
    def release(self, holder: str) -> None:
        self.apply(lambda job: change.release(job, holder=holder, now=self.now))

    @rule(holder=holders, step=st.sampled_from(("", *STEPS)), progress=st.floats(0, 1))
    def advance(self, holder: str, step: str, progress: float) -> None:
        self.apply(lambda job: change.advance(
            job, holder=holder, now=self.now, step=step, message="", progress=progress))  # fmt: skip

    @rule(holder=holders)
    def succeed(self, holder: str) -> None:
        self.apply(lambda job: change.succeed(job, holder=holder, now=self.now, result=RESULT))

    @rule(holder=holders)
    def fail(self, holder: str) -> None:
        self.apply(lambda job: change.fail(job, holder=holder, now=self.now, problem=PROBLEM))

    @rule(holder=holders)
    def give_up(self, holder: str) -> None:
        self.apply(lambda job: change.give_up(job, holder=holder, now=self.now))

    @rule()
    def cancel(self) -> None:
        self.apply(lambda job: change.request_cancel(job, now=self.now))

    @rule(seconds=st.floats(0, 2 * LEASE_SECONDS))
    @precondition(lambda self: self.now < 1e6)
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def promises(self) -> None:
        for before, after in zip(self.seen, self.seen[1:], strict=False):
            assert after.progress >= before.progress
            assert further_step(before.step, after.step) == after.step
            assert after.seq - before.seq in (0, 1)
            assert after.attempt - before.attempt in (0, 1)
            assert not before.is_finished or after == before
        job = self.job
        assert job.attempt <= change.MOST_ATTEMPTS
        assert (job.lease is not None) == (job.status == "running")
        assert (job.finished_at is not None) == job.is_finished
        assert (job.error is not None) == (job.status == "failed")
        self.seen = self.seen[-1:]


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
