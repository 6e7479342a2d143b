"""Keeping a process alive: start, watch, end, start again."""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import anyio
from mcp import Client

from cantilena.process_folders import process_folder
from cantilena.tracing import log_event
from cantilena.worker.child import Child
from cantilena.worker.connection import Connection
from cantilena.worker.errors import shutting_down, worker_unavailable
from cantilena.worker.options import Traffic, WorkerOptions


class Keeper:
    """Keeps one process of a worker alive until it is told to end it.

    Parameters
    ----------
    worker, device : str
        For the log.
    command : callable
        From a folder that lives as long as the process to the command that starts it.
    environment : mapping
        All of its environment; its temporary files go into that folder, its log lines are JSON.
    options : WorkerOptions
        Limits.

    Attributes
    ----------
    restarts : int
        How often a process was started after the first.
    changed : Event
        Set, and made anew, whenever something changes that a caller may wait for.
    """

    def __init__(
        self,
        worker: str,
        device: str,
        *,
        command: Callable[[Path], Sequence[str]],
        environment: Mapping[str, str],
        options: WorkerOptions,
    ) -> None:
        self._worker = worker
        self._device = device
        self._command = command
        self._environment = environment
        self._options = options
        self._child: Child | None = None
        self._past = Traffic(sent=0, received=0)
        self._resumes_at: float | None = None
        self.connection: Connection | None = None
        self.stopping = anyio.Event()
        self.changed = anyio.Event()
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Of the process that is ready, or getting so."""
        return None if self._child is None else self._child.pid

    @property
    def traffic(self) -> Traffic:
        """Bytes to and from all processes so far."""
        if self._child is None:
            return self._past
        return Traffic(sent=self._past.sent + self._child.sent, received=self._past.received + self._child.received)

    def notify(self) -> None:
        """Let those who wait look again."""
        self.changed.set()
        self.changed = anyio.Event()

    def stop(self) -> None:
        """End the process, and start none any more."""
        self.stopping.set()
        self.notify()

    async def connected(self) -> Connection:
        """A process that is ready, once there is one.

        Raises
        ------
        WorkerError
            ``worker_unavailable``: none is started for a while. ``shutting_down``.
        """
        while True:
            if self.stopping.is_set():
                raise shutting_down(self._worker)
            if self._resumes_at is not None:
                raise worker_unavailable(self._worker, max(self._resumes_at - anyio.current_time(), 0.0))
            if self.connection is not None and self.connection.is_trusted:
                return self.connection
            await self.changed.wait()

    async def run(self) -> None:
        """Keep a process alive until :meth:`stop`."""
        restarts: list[float] = []
        while True:
            await self._live()
            if self.stopping.is_set():
                return
            now = anyio.current_time()
            following = self._options.restarts.next_start(restarts, now)
            if not following.is_soon:
                self._resumes_at = now + following.seconds
                self.notify()
                log_event(
                    "mcp_worker_unavailable",
                    severity="error",
                    worker=self._worker,
                    restarts=self.restarts,
                    pause_s=round(following.seconds, 1),
                )
            with anyio.move_on_after(following.seconds):
                await self.stopping.wait()
                return
            self._resumes_at = None
            self.restarts += 1
            restarts = [*restarts[-self._options.restarts.limit :], anyio.current_time()]

    async def _live(self) -> None:
        """The life of one process, from its start to its end."""
        with process_folder() as folder:
            temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
            environment = {**self._environment, "LOG_FORMAT": "json", **temporary}
            child = Child(
                self._worker,
                self._command(folder),
                environment=environment,
                end_seconds=self._options.end_seconds,
            )
            self._child = child
            log_event("mcp_start_begin", side="client", worker=self._worker, device=self._device)
            begin = anyio.current_time()
            try:
                await self._serve(child, begin)
            except Exception as error:  # whatever it was, the process is gone; the next may do better
                if not self.stopping.is_set():
                    log_event("mcp_start_failed", severity="error", worker=self._worker, message=_first_cause(error))
            finally:
                self.connection = None
                self._past = self.traffic
                self._child = None
                self.notify()
                log_event(
                    "mcp_worker_exit",
                    severity="info" if self.stopping.is_set() else "warning",
                    worker=self._worker,
                    exit_code=child.exit_code,
                    signal=child.signal,
                    restarts=self.restarts,
                    uptime_s=round(anyio.current_time() - begin, 3),
                )

    async def _serve(self, child: Child, begin: float) -> None:
        """Connect to a process and wait until it is over."""
        with anyio.CancelScope(deadline=begin + self._options.ready_seconds) as starting:
            async with anyio.create_task_group() as group:
                group.start_soon(_cancel_after, self.stopping.wait, group.cancel_scope)
                async with Client(child.streams(), cache=None) as client:
                    connected_at = anyio.current_time()
                    listed = await client.list_tools()
                    ready_at = anyio.current_time()
                    starting.deadline = math.inf
                    log_event(
                        "mcp_start_ready",
                        side="client",
                        worker=self._worker,
                        mcp_start_ms=round((connected_at - begin) * 1000.0, 1),
                        tools_list_ms=round((ready_at - connected_at) * 1000.0, 1),
                        tools=[tool.name for tool in listed.tools],
                    )
                    self.connection = Connection(child, client, {tool.name: tool for tool in listed.tools})
                    self.notify()
                    group.start_soon(self._watch, self.connection)
                    await child.gone.wait()
                group.cancel_scope.cancel()
        if starting.cancelled_caught:
            log_event(
                "mcp_start_failed", severity="error", worker=self._worker, message="It did not get ready in time."
            )

    async def _watch(self, connection: Connection) -> None:
        """Kill a process that does not answer."""
        while True:
            await connection.doubted(self._options.quiet_seconds)
            if not await connection.is_alive(self._options.answer_seconds):
                connection.child.kill()
                return
            self.notify()


async def _cancel_after(wait: Callable[[], Awaitable[object]], scope: anyio.CancelScope) -> None:
    await wait()
    scope.cancel()


def _first_cause(error: BaseException) -> str:
    """One sentence out of what a task group raises."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"[:300]


def default_command(files: Path) -> Callable[[Path], Sequence[str]]:
    """How `cantilena mcp` is started so that it shares a folder with its callers."""

    def command(folder: Path) -> Sequence[str]:
        start = "from cantilena.interfaces.cli.main import run; run()"
        return [sys.executable, "-P", "-c", start, "mcp", "--files", str(files), "--jobs", str(folder / "jobs")]

    return command
