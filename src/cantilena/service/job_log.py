"""What becomes of jobs, as lines of the log."""

from __future__ import annotations

from typing import Literal

from cantilena.ports.jobs import Job
from cantilena.tracing import Severity, log_event

JobEvent = Literal["job_created", "job_claimed", "job_finished", "job_lost", "job_canceled"]


def log_job(event: JobEvent, job: Job, *, severity: Severity = "info", **fields: object) -> None:
    """Log what happened to a job: how long it waited, how long it was sung, and how it ended.

    Parameters
    ----------
    event : str
        What.
    job : Job
        As it is now.
    severity : str
        How bad that is.
    **fields
        What else there is to say; wins over what the job says.
    """
    code = job.error.code if job.error is not None else None
    log_event(event, severity=severity, **{"status": job.status, "error_code": code, **_times(job), **fields})


def _times(job: Job) -> dict[str, float]:
    """Milliseconds that a job waited, and that it was sung."""
    begun = job.started_at if job.started_at is not None else job.finished_at
    times: dict[str, float] = {}
    if begun is not None:
        times["queue_ms"] = round(1000.0 * (begun - job.created_at), 1)
    if job.finished_at is not None and begun is not None:
        times["elapsed_ms"] = round(1000.0 * (job.finished_at - begun), 1)
    return times
