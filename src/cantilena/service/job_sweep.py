"""Jobs that nobody sings though somebody should: whoever was told of them, or sang them, is gone."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

import anyio
from anyio import to_thread

from cantilena.errors import CantilenaError
from cantilena.ports.dispatch import Dispatcher
from cantilena.ports.jobs import Job, JobStore
from cantilena.service.job_changes import is_claimable
from cantilena.tracing import log_context, log_event

SWEEP_SECONDS: Final = 20.0
_MOST_FOUND: Final = 100
_JITTER: Final = 0.25  # of the pause: processes that were started together do not look together


class JobSweep:
    """Looks for such jobs now and then, and tells the dispatcher of them; every process of a service has one.

    Parameters
    ----------
    jobs : JobStore
        Where they are kept.
    dispatcher : Dispatcher
        Who is told.
    seconds : float
        How often to look; a job that waits longer may have been forgotten.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        jobs: JobStore,
        dispatcher: Dispatcher,
        *,
        seconds: float = SWEEP_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._jobs = jobs
        self._dispatcher = dispatcher
        self._seconds = seconds
        self._now = now

    async def run(self) -> None:
        """Look at once, and then now and then, until cancelled."""
        while True:
            try:
                await to_thread.run_sync(self.look, abandon_on_cancel=True)
            except CantilenaError as error:  # the store may answer the next time
                log_event("job_sweep_failed", severity="warning", error_code=error.code)
            except Exception as error:  # whatever it is, the next look may do better
                log_event("internal_error", severity="error", exc_info=error)
            await anyio.sleep(self._seconds * random.uniform(1.0 - _JITTER, 1.0 + _JITTER))

    def look(self) -> tuple[str, ...]:
        """Look once; gives the ids of the jobs that were told of.

        Raises
        ------
        JobStoreError
            ``jobs_unreachable``.
        DispatchError
            Nobody could be told.
        """
        now = self._now()
        found = [job for job in self._jobs.unfinished(limit=_MOST_FOUND) if self._is_left(job, now)]
        for job in found:
            with log_context(job_id=job.job_id, session_id=job.session_id):
                self._dispatcher.dispatch(job.job_id)
        return tuple(job.job_id for job in found)

    def _is_left(self, job: Job, now: float) -> bool:
        """Whether nobody sings it, and nobody is likely to be about to."""
        return is_claimable(job, now=now) and (job.status == "running" or job.updated_at <= now - self._seconds)
