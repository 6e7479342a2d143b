"""What may become of a job: each change takes a job as it was read and gives it as it is to be written.

::

    queued ──claim──> running ──succeed──> succeeded
       │                 ├──fail──────────> failed
       │                 ├──give_up───────> canceled
       │                 └──(lease ran out) claim once more, then lose: failed
       │                 └──release: whoever comes next may claim it at once
       └──request_cancel──────────────────> canceled

Conventions
-----------
A change that comes too late (of a finished job, or of one that somebody else holds by now) raises :class:`TooLate`: its
author stops. ``seq`` rises by one with each change that a client can see; progress never falls, and a step never gives
way to an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from cantilena.ports.jobs import Job, JobOutput, JobProblem, JobStatus, JobWarning, Lease
from cantilena.service.song_progress import further_step

LEASE_SECONDS: Final = 45.0
"""Longer than a store may be away: a song that goes on meanwhile is still its holder's when the store is back."""

MOST_ATTEMPTS: Final = 2
"""A job that was lost is begun once more."""

LOST: Final = JobProblem(
    code="job_lost",
    message="The process that sang this song ended before it was done, twice.",
    hint="Try again; if it happens again, sing fewer measures at a time.",
    retryable=True,
)


class TooLate(Exception):
    """The job is finished, or in other hands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What a sung song leaves in its job."""

    voicebank: tuple[str, str]
    outputs: tuple[JobOutput, ...]
    warnings: tuple[JobWarning, ...]
    timings_ms: Mapping[str, float]
    audio_seconds: float
    rtf: float
    audio_url: str


def is_claimable(job: Job, *, now: float) -> bool:
    """Whether somebody may begin the job: it waits, or whoever ran it was not heard of for a lease."""
    if job.status == "queued":
        return True
    return job.status == "running" and (job.lease is None or job.lease.until <= now)


def claim(job: Job, *, holder: str, now: float, seconds: float = LEASE_SECONDS) -> Job:
    """Begin a job, or take it from a holder who is gone; the last attempt that was lost fails it."""
    if not is_claimable(job, now=now):
        raise TooLate
    if job.cancel_requested:
        return _finish(job, "canceled", now=now)
    if job.attempt >= MOST_ATTEMPTS:
        return replace(_finish(job, "failed", now=now), error=LOST)
    return replace(
        job,
        status="running",
        attempt=job.attempt + 1,
        lease=Lease(holder=holder, until=now + seconds),
        started_at=now if job.started_at is None else job.started_at,
        updated_at=now,
        seq=job.seq + 1,
        message="begun" if job.attempt == 0 else "begun again",
    )


def renew(job: Job, *, holder: str, now: float, seconds: float = LEASE_SECONDS) -> Job:
    """A heartbeat: the lease is longer, and nothing else that anybody sees."""
    _require_holder(job, holder)
    return replace(job, lease=Lease(holder=holder, until=now + seconds))


def release(job: Job, *, holder: str, now: float) -> Job:
    """Whoever ran it has to stop though nobody asked for that: somebody else may go on, and nothing is seen of it."""
    _require_holder(job, holder)
    return replace(job, lease=Lease(holder=holder, until=now))


def advance(
    job: Job,
    *,
    holder: str,
    now: float,
    step: str,
    message: str,
    progress: float,
    seconds: float = LEASE_SECONDS,
) -> Job:
    """Tell how far the song is, which is a heartbeat too."""
    _require_holder(job, holder)
    return replace(
        job,
        step=further_step(job.step, step),
        message=message,
        progress=max(job.progress, min(progress, 1.0)),
        updated_at=now,
        seq=job.seq + 1,
        lease=Lease(holder=holder, until=now + seconds),
    )


def succeed(job: Job, *, holder: str, now: float, result: JobResult) -> Job:
    """The song is sung."""
    _require_holder(job, holder)
    return replace(
        _finish(job, "succeeded", now=now),
        progress=1.0,
        voicebank=result.voicebank,
        outputs=result.outputs,
        warnings=result.warnings,
        timings_ms=dict(result.timings_ms),
        audio_seconds=result.audio_seconds,
        rtf=result.rtf,
        audio_url=result.audio_url,
    )


def fail(job: Job, *, holder: str, now: float, problem: JobProblem) -> Job:
    """The song cannot be sung."""
    _require_holder(job, holder)
    return replace(_finish(job, "failed", now=now), error=problem)


def request_cancel(job: Job, *, now: float) -> Job:
    """Somebody wants it to stop: at once while it waits, else whoever runs it is asked to."""
    if job.is_finished:
        raise TooLate
    asked = replace(job, cancel_requested=True)
    if job.status == "queued":
        return _finish(asked, "canceled", now=now)
    return asked if job.cancel_requested else replace(asked, updated_at=now, seq=job.seq + 1, message="stopping")


def give_up(job: Job, *, holder: str, now: float) -> Job:
    """Whoever ran it has stopped, because it was asked to."""
    _require_holder(job, holder)
    return _finish(replace(job, cancel_requested=True), "canceled", now=now)


def _require_holder(job: Job, holder: str) -> None:
    if job.status != "running" or job.lease is None or job.lease.holder != holder:
        raise TooLate


def _finish(job: Job, status: JobStatus, *, now: float) -> Job:
    message = "done" if status == "succeeded" else status
    return replace(job, status=status, message=message, lease=None, finished_at=now, updated_at=now, seq=job.seq + 1)
