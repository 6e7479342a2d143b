"""Passing progress on in order, each time further; a slow listener gets the latest, and delays nobody."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.dispatcher import ProgressFnT

from cantilena.tracing import log_event
from cantilena.worker.options import OnProgress, Progress


class Listener:
    """Whoever wants to know how far a call is.

    Parameters
    ----------
    on_progress : callable or None
        Told; once it raised it is told nothing more, and the call goes on.
    """

    def __init__(self, on_progress: OnProgress | None) -> None:
        self._on_progress = on_progress
        self._furthest = -math.inf

    @asynccontextmanager
    async def told(self) -> AsyncIterator[ProgressFnT | None]:
        """What the client is to call while the block runs; all is told when the block ends."""
        if self._on_progress is None:
            yield None
            return
        send, receive = anyio.create_memory_object_stream[Progress](math.inf)

        async def hear(progress: float, total: float | None, message: str | None) -> None:
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):  # nobody listens any more
                send.send_nowait(Progress(value=progress, total=total, message=message or ""))

        async with anyio.create_task_group() as group:
            group.start_soon(self._tell, self._on_progress, receive)
            with send:
                yield hear

    async def _tell(self, on_progress: OnProgress, receive: MemoryObjectReceiveStream[Progress]) -> None:
        with receive:
            async for heard in receive:
                latest = heard
                while receive.statistics().current_buffer_used:
                    latest = receive.receive_nowait()
                if latest.value <= self._furthest:  # a second attempt begins anew
                    continue
                self._furthest = latest.value
                try:
                    await on_progress(latest)
                except Exception as error:
                    log_event("mcp_progress_failed", severity="error", exc_info=error)
                    return
