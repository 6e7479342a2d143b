"""Jobs that nobody sings are told of again, and no others."""

from __future__ import annotations

from dataclasses import replace

import anyio
import pytest

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.ports.dispatch import DispatchError
from cantilena.ports.jobs import Job, JobStoreError
from cantilena.service import job_changes as change
from cantilena.service.job_sweep import SWEEP_SECONDS, JobSweep
from tests.workers.logs import logged


class Told:
    """A dispatcher that remembers."""

    def __init__(self) -> None:
        self.jobs: list[str] = []

    def dispatch(self, job_id: str) -> None:
        self.jobs.append(job_id)

    def ping(self) -> None:
        return


def make_job(job_id: str, *, at: float = 0.0) -> Job:
    return Job(job_id=job_id, session_id="s", owner="o", created_at=at, updated_at=at, expires_at=1e9)


@pytest.fixture
def jobs() -> MemoryJobs:
    return MemoryJobs(now=lambda: 0.0)


def look(jobs: MemoryJobs, now: float) -> tuple[str, ...]:
    return JobSweep(jobs, Told(), now=lambda: now).look()


def test_a_job_that_waits_too_long_is_told_of(jobs):
    jobs.create(make_job("old"))
    jobs.create(make_job("new", at=SWEEP_SECONDS - 1))
    assert look(jobs, now=SWEEP_SECONDS) == ("old",)


def test_a_job_is_told_of_once_its_lease_ran_out(jobs):
    jobs.create(change.claim(make_job("j"), holder="a", now=0.0, seconds=30.0))
    assert look(jobs, now=29.0) == ()
    assert look(jobs, now=30.0) == ("j",)


def test_a_job_that_is_finished_is_left_alone(jobs):
    jobs.create(change.request_cancel(make_job("j"), now=0.0))
    jobs.create(replace(make_job("k"), status="failed"))
    assert look(jobs, now=1e6) == ()


class Failing(Told):
    """A dispatcher that fails at first."""

    def dispatch(self, job_id: str) -> None:
        super().dispatch(job_id)
        if len(self.jobs) == 1:
            raise DispatchError("dispatch_unreachable", "Nobody answers.", retryable=True)
        if len(self.jobs) == 2:
            raise KeyError(job_id)
        raise KeyboardInterrupt


def test_nothing_ends_the_looking(jobs):
    jobs.create(make_job("j"))
    told = Failing()
    sweep = JobSweep(jobs, told, seconds=0.01, now=lambda: 99.0)
    with logged() as lines, pytest.raises(KeyboardInterrupt):
        anyio.run(sweep.run)
    assert told.jobs == ["j", "j", "j"]
    assert [line["event"] for line in lines] == ["job_sweep_failed", "internal_error"]


def test_a_store_out_of_reach_is_said_in_the_log(jobs, monkeypatch):
    def read(**_: object) -> None:
        raise JobStoreError("jobs_unreachable", "Nobody answers.", retryable=True)

    monkeypatch.setattr(jobs, "unfinished", read)

    async def run() -> None:
        with anyio.move_on_after(0.05):
            await JobSweep(jobs, Told(), seconds=0.01).run()

    with logged() as lines:
        anyio.run(run)
    assert {line["error_code"] for line in lines} == {"jobs_unreachable"}
