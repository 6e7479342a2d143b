"""A worker for code that has no event loop: the same calls, waited for by the thread that makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from anyio import to_thread
from anyio.from_thread import start_blocking_portal

from cantilena.tracing import log_context, log_fields
from cantilena.worker.options import Answer, Progress
from cantilena.worker.supervisor import Worker


class BlockingWorker:
    """A worker in an event loop of its own; a context manager, and safe under threads.

    Parameters
    ----------
    worker : Worker
        Not yet entered.
    """

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal(name=f"worker-{self.worker.name}"))
            stack.enter_context(self._portal.wrap_async_context_manager(self.worker))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def wait_ready(self, seconds: float) -> None:
        """As :meth:`Worker.wait_ready`."""
        self._portal.call(self.worker.wait_ready, seconds)

    def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        seconds: float,
        on_progress: Callable[[Progress], None] | None = None,
        is_repeatable: bool | None = None,
    ) -> Answer:
        """As :meth:`Worker.call`; ``on_progress`` is called in a thread of its own."""
        said = log_fields()

        async def tell(progress: Progress) -> None:
            assert on_progress is not None
            await to_thread.run_sync(on_progress, progress)

        async def call() -> Answer:
            with log_context(**said):
                return await self.worker.call(
                    tool,
                    arguments,
                    seconds=seconds,
                    on_progress=tell if on_progress else None,
                    is_repeatable=is_repeatable,
                )

        return self._portal.call(call)
