"""Jobs dispatched to this very process: they wait in memory, and are sung in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from threading import Lock
from types import TracebackType
from typing import Any, Final, Self

import anyio

from cantilena.errors import CantilenaError
from cantilena.ports.dispatch import DispatchError
from cantilena.tracing import log_context, log_event, log_fields

_MOST_WAITING: Final = 1000


class LocalQueue:
    """A :class:`~cantilena.ports.dispatch.Dispatcher`; an async context manager whose event loop runs the jobs.

    What is lost with the process is found again by whoever looks for jobs that wait too long.

    Parameters
    ----------
    run : callable
        Has a job sung, and comes back when that is over.
    lanes : int
        How many at once.
    most_waiting : int
        How many may wait.
    """

    def __init__(
        self, run: Callable[[str], Awaitable[object]], *, lanes: int = 1, most_waiting: int = _MOST_WAITING
    ) -> None:
        self._run = run
        self._lanes = lanes
        self._most_waiting = most_waiting
        self._waiting: dict[str, Mapping[str, Any]] = {}  # by job, what the log knows of whoever told of it
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived: asyncio.Queue[str] = asyncio.Queue()
        self._life = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(anyio.create_task_group())
            stack.callback(group.cancel_scope.cancel)
            stack.callback(self._close)
            for _ in range(self._lanes):
                group.start_soon(self._run_in_order)
            with self._lock:
                self._loop = asyncio.get_running_loop()
            self._life = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._life.__aexit__(kind, error, traceback)

    def dispatch(self, job_id: str) -> None:
        with self._lock:
            if self._loop is None:
                raise _closed()
            if job_id in self._waiting:
                return
            if len(self._waiting) >= self._most_waiting:
                raise DispatchError(
                    "queue_full",
                    f"{self._most_waiting} jobs are waiting already.",
                    hint="Try again when some of them are sung.",
                    retryable=True,
                )
            self._waiting[job_id] = log_fields()
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, job_id)

    def ping(self) -> None:
        with self._lock:
            if self._loop is None:
                raise _closed()

    async def _run_in_order(self) -> None:
        while True:
            job_id = await self._arrived.get()
            with self._lock:
                fields = self._waiting.pop(job_id)
            with log_context(**fields):
                try:
                    await self._run(job_id)
                except CantilenaError as error:  # it is found again
                    log_event("job_run_failed", severity="warning", job_id=job_id, error_code=error.code)
                except Exception as error:  # whatever it is, the next job is to be sung
                    log_event("internal_error", severity="error", job_id=job_id, exc_info=error)

    def _close(self) -> None:
        with self._lock:
            self._loop = None


def _closed() -> DispatchError:
    return DispatchError(
        "shutting_down", "This process takes no jobs now.", hint="Try again in a moment.", retryable=True
    )
