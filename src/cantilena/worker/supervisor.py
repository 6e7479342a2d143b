"""A worker: one device's `cantilena mcp`, kept alive and asked to sing.

Conventions
-----------
Calls wait for their turn in a lane; from then on the time they are given runs, whatever happens: a restart, a second
attempt. Every call ends with an answer or an error of the tree. What is known of the caller (:func:`log_context`)
travels with the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import anyio
import mcp_types as types
from mcp import MCPError

from cantilena.errors import CantilenaError
from cantilena.tracing import log_event, stopwatch
from cantilena.worker.connection import Connection
from cantilena.worker.errors import (
    WorkerError,
    answer_invalid,
    queue_full,
    shutting_down,
    tool_error,
    tool_unknown,
    worker_deadline,
    worker_died,
    worker_unavailable,
)
from cantilena.worker.keeper import Keeper, default_command
from cantilena.worker.lanes import Lanes
from cantilena.worker.meta import call_meta
from cantilena.worker.options import Answer, Depth, OnProgress, Traffic, WorkerOptions
from cantilena.worker.telling import Listener

_ATTEMPTS: Final = 2


@dataclass(slots=True, kw_only=True)
class _Call:
    """One call on its way."""

    tool: str
    arguments: Mapping[str, Any]
    listener: Listener
    is_repeatable: bool | None
    meta: Mapping[str, str]
    attempt: int = 0
    queue_ms: float = 0.0


class Worker:
    """Sings in a process of its own; an async context manager.

    Parameters
    ----------
    files : Path
        The folder through which scores and songs are passed: paths in calls are relative to it.
    environment : mapping
        All of the child's environment, as :func:`cantilena.settings.child_environment` gives it.
    name : str
        How the log calls it.
    device : str
        ``cpu``, ``cuda``, ...: what tools that take a device are told.
    command : sequence of str, optional
        Another server than ``cantilena mcp``.
    options : WorkerOptions
        Limits.
    """

    def __init__(
        self,
        *,
        files: Path,
        environment: Mapping[str, str],
        name: str = "worker",
        device: str = "cpu",
        command: Sequence[str] | None = None,
        options: WorkerOptions | None = None,
    ) -> None:
        self.name = name
        self.device = device
        self._options = options or WorkerOptions()
        self._keeper = Keeper(
            name,
            device,
            command=default_command(files) if command is None else lambda folder: command,
            environment=environment,
            options=self._options,
        )
        self._lanes = Lanes(
            songs_waiting=self._options.songs_waiting,
            calls_waiting=self._options.calls_waiting,
            when_full=lambda waiting: queue_full(name, waiting),
        )
        self._life = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            group = await stack.enter_async_context(anyio.create_task_group())
            group.start_soon(self._keeper.run)
            stack.push_async_callback(self.stop)
            self._life = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._life.__aexit__(None, None, None)

    @property
    def is_ready(self) -> bool:
        """Whether a call would be sent at once."""
        return self._keeper.connection is not None and self._keeper.connection.is_trusted

    @property
    def tools(self) -> tuple[str, ...]:
        """Names of the tools of the process that is ready, none while there is none."""
        return () if self._keeper.connection is None else tuple(self._keeper.connection.tools)

    @property
    def pid(self) -> int | None:
        """Of the process that is ready, or getting so."""
        return self._keeper.pid

    @property
    def restarts(self) -> int:
        """How often a process was started after the first."""
        return self._keeper.restarts

    @property
    def depth(self) -> Mapping[str, Depth]:
        """How many calls run and wait: ``songs``, ``patient`` (those who wait for a song), ``quick``."""
        return self._lanes.depth

    @property
    def traffic(self) -> Traffic:
        """Bytes over the pipes so far."""
        return self._keeper.traffic

    async def wait_ready(self, seconds: float) -> None:
        """Wait until a call would be sent at once.

        Raises
        ------
        WorkerError
            ``worker_unavailable``, ``shutting_down``.
        """
        with anyio.move_on_after(seconds):
            await self._keeper.connected()
            return
        raise worker_unavailable(self.name)

    async def call(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        seconds: float,
        on_progress: OnProgress | None = None,
        is_repeatable: bool | None = None,
        meta: Mapping[str, str] | None = None,
    ) -> Answer:
        """Call a tool.

        Parameters
        ----------
        tool : str
            Its name.
        arguments : mapping, optional
            As its input schema says; ``device`` is filled in.
        seconds : float
            What it is given, from the moment on when it is this call's turn.
        on_progress : callable, optional
            Told how far it is, each time further.
        is_repeatable : bool, optional
            Whether it may be called once more when the worker dies; None: if the tool says that it only reads, or that
            twice is as good as once. A song under a job id of the caller's is repeatable.
        meta : mapping, optional
            What else travels beside the call.

        Raises
        ------
        ToolError
            The tool's own error.
        WorkerError
            There is no answer.
        """
        call = _Call(
            tool=tool, arguments=arguments or {}, listener=Listener(on_progress), is_repeatable=is_repeatable,
            meta=meta or {},
        )  # fmt: skip
        async with AsyncExitStack() as stack:
            stack.callback(self._keeper.notify)  # who waits for the last call to end looks again
            stack.enter_context(self._logged(call))
            with stopwatch() as queued:
                await stack.enter_async_context(self._lanes.lane_of(tool, call.arguments).turn())
            call.queue_ms = queued[0]
            with anyio.move_on_after(seconds):
                return await self._answer(call)
            raise worker_deadline(self.name, tool, seconds)
        raise AssertionError("unreachable")

    async def stop(self) -> None:
        """Take no more calls, let those under way finish for a while, and end the process."""
        with anyio.CancelScope(shield=True):
            self._lanes.close(lambda: shutting_down(self.name))
            with anyio.move_on_after(self._options.drain_seconds):
                while any(depth.running for depth in self.depth.values()):
                    await self._keeper.changed.wait()
            self._keeper.stop()

    async def _answer(self, call: _Call) -> Answer:
        for attempt in range(1, _ATTEMPTS + 1):
            call.attempt = attempt
            connection = await self._keeper.connected()
            tool = connection.tools.get(call.tool)
            if tool is None:
                raise tool_unknown(self.name, call.tool)
            result = await self._ask(connection, call, tool)
            if result is not None:
                return _read(result, attempt)
            if not _is_repeatable(call, tool):
                break
        raise (
            shutting_down(self.name)
            if self._keeper.stopping.is_set()
            else worker_died(self.name, call.tool, call.attempt)
        )

    async def _ask(self, connection: Connection, call: _Call, tool: types.Tool) -> types.CallToolResult | None:
        """The tool's result; None: the process was lost before it came."""
        arguments = dict(call.arguments)
        if "device" in tool.input_schema.get("properties", {}):
            arguments.setdefault("device", self.device)
        problem: Exception | None = None
        with connection.calling():
            async with call.listener.told() as hear:
                try:
                    return await connection.client.call_tool(
                        call.tool, arguments, progress_callback=hear, meta=call_meta(**call.meta)
                    )
                except (MCPError, RuntimeError, ValueError) as error:  # the last two: not as its schema says
                    problem = error
        if isinstance(problem, MCPError) and problem.code == types.CONNECTION_CLOSED:
            connection.suspect()
            return None
        raise answer_invalid(self.name, call.tool, str(problem)) from problem

    @contextmanager
    def _logged(self, call: _Call) -> Iterator[None]:
        outcome, error_code, is_fault = "canceled", None, False
        try:
            with stopwatch() as elapsed:
                yield
            outcome = "ok"
        except CantilenaError as error:
            outcome, error_code, is_fault = "failed", error.code, isinstance(error, WorkerError)
            raise
        finally:
            log_event(
                "mcp_tool_call",
                severity="warning" if is_fault else "info",
                side="client",
                worker=self.name,
                tool=call.tool,
                attempt=call.attempt,
                queue_ms=round(call.queue_ms, 1),
                elapsed_ms=round(elapsed[0] - call.queue_ms, 1),
                outcome=outcome,
                error_code=error_code,
            )


def _is_repeatable(call: _Call, tool: types.Tool) -> bool:
    if call.is_repeatable is not None:
        return call.is_repeatable
    told = tool.annotations
    return told is not None and bool(told.read_only_hint or told.idempotent_hint)


def _read(result: types.CallToolResult, attempt: int) -> Answer:
    text = next((block.text for block in result.content if isinstance(block, types.TextContent)), "")
    content: Mapping[str, Any] = result.structured_content or {}
    if result.is_error:
        problem = content.get("error")
        raise tool_error(problem if isinstance(problem, Mapping) else {}, text)
    return Answer(content=content, text=text, attempt=attempt)
