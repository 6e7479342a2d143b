"""Stopping what is under way: whoever waits no longer says so, and whoever works finds out.

Conventions
-----------
Work that can be stopped runs inside :func:`stoppable`; what it calls, however deep, asks :func:`check_canceled` between
two steps. What cannot ask by itself is ended from outside: another program by :func:`interrupted_by`, the run of a
model by :func:`run_stoppable`. Outside of :func:`stoppable` none of them does anything. A token belongs to one piece of
work and is never used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Event, Lock
from typing import Final, TypeVar

from cantilena.errors import CanceledError

PATIENCE_SECONDS: Final = 0.4
"""One node of a graph cannot be interrupted, and the largest take longer where cores are slow or shared."""

ResultT = TypeVar("ResultT")


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


@dataclass(frozen=True, slots=True)
class _Scope:
    """What can be stopped, and the thread for what does not stop at once."""

    token: CancelToken
    runner: ThreadPoolExecutor


_current: Final[ContextVar[_Scope | None]] = ContextVar("cantilena_cancel", default=None)


@contextmanager
def stoppable(token: CancelToken) -> Iterator[None]:
    """Let a token stop what this thread does inside the block."""
    runner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stoppable")  # a thread only once there is work
    reset = _current.set(_Scope(token, runner))
    try:
        yield
    finally:
        _current.reset(reset)
        runner.shutdown(wait=False)


def check_canceled() -> None:
    """Go on, unless what this thread does is to stop; raises CanceledError."""
    scope = _current.get()
    if scope is not None:
        scope.token.check()


@contextmanager
def interrupted_by(call: Callable[[], None]) -> Iterator[None]:
    """Run a block that ``call`` can end from another thread, and call it when the work is to stop.

    Whatever error the block ends with is then a CanceledError, as is its success: nobody wants the result any more.

    Raises
    ------
    CanceledError
        The work is to stop.
    """
    scope = _current.get()
    if scope is None:
        yield
        return
    with scope.token.calling(call):
        try:
            yield
        except Exception:
            scope.token.check()
            raise
    scope.token.check()


def run_stoppable(work: Callable[[], ResultT], *, stop: Callable[[], None]) -> ResultT:
    """Do something that ``stop`` ends from another thread, though perhaps not at once.

    What has not ended :data:`PATIENCE_SECONDS` after it was told to is left to itself: it goes on in a thread of its
    own until it notices, and nobody waits for it.

    Raises
    ------
    CanceledError
        The work is to stop.
    """
    scope = _current.get()
    if scope is None:
        return work()
    news = Event()

    def stop_it() -> None:
        stop()
        news.set()

    with scope.token.calling(stop_it):
        running = scope.runner.submit(work)
        running.add_done_callback(lambda _: news.set())
        news.wait()
    if scope.token.is_canceled:
        wait([running], timeout=PATIENCE_SECONDS)
    scope.token.check()
    return running.result()
