"""Stopping what is under way: whoever waits no longer says so, and whoever works finds out.

Conventions
-----------
Work that can be stopped runs inside :func:`stoppable`; what it calls, however deep, asks :func:`check_canceled` between
two steps and wraps what cannot ask by itself (the run of a model, another program) in :func:`interrupted_by`. Outside
of :func:`stoppable` both do nothing. A token belongs to one piece of work and is never used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Final

from cantilena.errors import CanceledError


class CancelToken:
    """Says once and for all that some work is not wanted any more; safe under threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._canceled = False
        self._calls: list[Callable[[], None]] = []

    @property
    def is_canceled(self) -> bool:
        return self._canceled

    def cancel(self) -> None:
        """Stop the work; a second time changes nothing."""
        with self._lock:
            if self._canceled:
                return
            self._canceled = True
            for call in self._calls:  # under the lock: none is called once its block has ended
                call()

    def check(self) -> None:
        """Go on, unless the work is to stop.

        Raises
        ------
        CanceledError
            It is.
        """
        if self._canceled:
            raise CanceledError("canceled", "The song was stopped because somebody asked for it.")

    @contextmanager
    def calling(self, call: Callable[[], None]) -> Iterator[None]:
        """Have something called, from another thread, if the token is canceled while the block runs.

        Parameters
        ----------
        call : callable
            Quick, and without errors; it must not use the token.

        Raises
        ------
        CanceledError
            The token is canceled already: the block is not begun.
        """
        with self._lock:
            self.check()
            self._calls.append(call)
        try:
            yield
        finally:
            with self._lock:
                self._calls.remove(call)


_current: Final[ContextVar[CancelToken | None]] = ContextVar("cantilena_cancel", default=None)


@contextmanager
def stoppable(token: CancelToken | None) -> Iterator[None]:
    """Let a token stop what this thread does inside the block; None: nothing does."""
    reset = _current.set(token)
    try:
        yield
    finally:
        _current.reset(reset)


def check_canceled() -> None:
    """Go on, unless what this thread does is to stop; raises CanceledError."""
    token = _current.get()
    if token is not None:
        token.check()


@contextmanager
def interrupted_by(call: Callable[[], None]) -> Iterator[None]:
    """Run a block that ``call`` can end from another thread, and call it when the work is to stop.

    Whatever error the block ends with is then a CanceledError, as is its success: nobody wants the result any more.

    Raises
    ------
    CanceledError
        The work is to stop.
    """
    token = _current.get()
    if token is None:
        yield
        return
    with token.calling(call):
        try:
            yield
        except Exception:
            token.check()
            raise
    token.check()
