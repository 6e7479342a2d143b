"""When a song that is being sung is written into its job."""

from __future__ import annotations

import pytest

from cantilena.ports.jobs import Job
from cantilena.service import heartbeats, job_changes
from cantilena.service.heartbeats import WRITE_SECONDS, Heartbeats
from cantilena.service.song_progress import Moment

WAITING = Job(job_id="j", session_id="s", owner="o", created_at=0.0, updated_at=0.0, expires_at=1e9)
RUNNING = job_changes.claim(WAITING, holder="a", now=0.0, seconds=30.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(heartbeats, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def beats(clock: list[float]) -> Heartbeats:
    return Heartbeats("a", lease_seconds=30.0)


def at(progress: float, step: str = "pitch") -> Moment:
    return Moment(step=step, message="phrase 1 of 2", progress=progress)


def test_a_step_is_written_at_once_and_what_happens_in_it_now_and_then(beats, clock):
    assert beats.due(RUNNING, at(0.1), now=0.0).step == "pitch"
    beats.wrote()
    clock[0] = WRITE_SECONDS / 2
    assert beats.due(RUNNING, at(0.2), now=1.0) is None
    assert beats.due(RUNNING, at(0.3, "variance"), now=1.0).step == "variance"
    beats.wrote()
    clock[0] += WRITE_SECONDS
    assert beats.due(RUNNING, at(0.4, "variance"), now=3.0).progress == 0.4


def test_what_could_not_be_written_is_due_again(beats):
    for _ in range(2):
        assert beats.due(RUNNING, at(0.1), now=0.0).progress == 0.1
    beats.wrote()
    assert beats.due(RUNNING, at(0.1), now=0.0) is None


def test_a_lease_is_renewed_when_a_third_of_it_is_over(beats):
    beats.due(RUNNING, at(0.1), now=0.0)
    beats.wrote()
    assert beats.due(RUNNING, at(0.1), now=9.0) is None
    renewed = beats.due(RUNNING, at(0.1), now=11.0)
    assert (renewed.lease.until, renewed.seq) == (41.0, RUNNING.seq)


def test_whoever_lost_the_job_holds_it_no_more(beats):
    assert beats.holds(RUNNING)
    assert not beats.holds(WAITING)
    assert not beats.holds(job_changes.claim(RUNNING, holder="b", now=31.0))
