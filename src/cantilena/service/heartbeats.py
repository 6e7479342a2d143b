"""When a song that is being sung is written into its job: at once when its step moves on, now and then otherwise."""

from __future__ import annotations

from time import monotonic
from typing import Final

from cantilena.ports.jobs import Job
from cantilena.service import job_changes as change
from cantilena.service.job_changes import LEASE_SECONDS
from cantilena.service.song_progress import Moment

POLL_SECONDS: Final = 0.5
"""How late it may be noticed that somebody else wants a job to stop."""
WRITE_SECONDS: Final = 2.0
"""Progress inside a step is written no more often."""


class Heartbeats:
    """What was written of one song, and what is to be written next.

    Parameters
    ----------
    holder : str
        Who sings it, as its lease has it.
    lease_seconds : float
        How long whoever sings is believed to be alive; renewed when a third of it is over.
    """

    def __init__(self, holder: str, *, lease_seconds: float = LEASE_SECONDS) -> None:
        self._holder = holder
        self._lease_seconds = lease_seconds
        self._written: Moment | None = None
        self._written_at = float("-inf")
        self._sending: Moment | None = None

    def holds(self, job: Job) -> bool:
        """Whether the job is still this holder's."""
        return job.status == "running" and job.lease is not None and job.lease.holder == self._holder

    def due(self, job: Job, moment: Moment, *, now: float) -> Job | None:
        """The job as it is to be written now; None: not yet.

        Parameters
        ----------
        job : Job
            As it was just read; this holder's.
        moment : Moment
            How far the song is.
        now : float
            Seconds of the wall clock.
        """
        self._sending = None
        is_further = self._written is None or moment.step != self._written.step
        if moment != self._written and (is_further or monotonic() - self._written_at >= WRITE_SECONDS):
            self._sending = moment
            return change.advance(
                job, holder=self._holder, now=now, step=moment.step, message=moment.message, progress=moment.progress,
                seconds=self._lease_seconds,
            )  # fmt: skip
        if job.lease is not None and job.lease.until - now < self._lease_seconds * 2.0 / 3.0:
            return change.renew(job, holder=self._holder, now=now, seconds=self._lease_seconds)
        return None

    def wrote(self) -> None:
        """What was due is written; what is not is due again."""
        if self._sending is not None:
            self._written, self._written_at = self._sending, monotonic()
