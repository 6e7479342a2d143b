"""Having jobs sung: somebody is told of a job that waits, and sees to it that it is begun."""

from __future__ import annotations

from typing import Protocol

from cantilena.errors import CantilenaError


class DispatchError(CantilenaError):
    """Nobody could be told.

    ``dispatch_unreachable``, ``queue_full``, ``shutting_down`` (all retryable); ``dispatch_denied``: there is no such
    queue, or it may not be told.
    """


class Dispatcher(Protocol):
    """Whoever is told of jobs.

    Telling it twice of a job is safe: a job is claimed by one, and begun by nobody once it is finished.
    """

    def dispatch(self, job_id: str) -> None:
        """Tell of a job that waits; raises :class:`DispatchError`."""
        ...

    def ping(self) -> None:
        """Find out whether jobs can be told of; raises :class:`DispatchError`."""
        ...
