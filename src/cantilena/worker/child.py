"""One process of the server and the pipes to it, as a transport of the SDK's client.

The SDK has a transport for child processes of its own. It tells neither when nor how a process ended nor how much went
through the pipes, and it waits four seconds before it kills a process that is stopped; so this one takes its place, at
the seam that the client leaves for that.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import anyio
import mcp_types as types
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage

from cantilena.tracing import log_event
from cantilena.worker.log_lines import LONGEST_LINE, pass_on

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams

LONGEST_MESSAGE: Final = 32 * 1024**2
_MOST_STRAY_LINES: Final = 100
_TERM_SECONDS: Final = 2.0
_LAST_WORDS_SECONDS: Final = 0.5
_POLL_SECONDS: Final = 0.01
_GONE: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)
_TETHER: Final = Path(__file__).with_name("tether.py")


class Child:
    """One process, started once.

    Parameters
    ----------
    worker : str
        Name of the worker, for the log.
    command : sequence of str
        The server, speaking the protocol over its standard streams.
    environment : mapping
        All of its environment.
    end_seconds : float
        What it is given to end by itself once its input is closed.

    Attributes
    ----------
    gone : Event
        Set when it says nothing any more: it ended, or is about to be killed.
    heard_at : float
        When it last said something; seconds of the event loop's clock.
    sent, received : int
        Bytes.
    """

    def __init__(
        self, worker: str, command: Sequence[str], *, environment: Mapping[str, str], end_seconds: float
    ) -> None:
        self._worker = worker
        self._command = command
        self._environment = environment
        self._end_seconds = end_seconds
        self._process: Process | None = None
        self._is_killed = False
        self._stray_lines = 0
        self.gone = anyio.Event()
        self.heard_at = -math.inf
        self.sent = 0
        self.received = 0

    @property
    def pid(self) -> int | None:
        """Of the process, None before it is started."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None: with a signal, or not at all."""
        code = None if self._process is None else self._process.returncode
        return None if code is None or code < 0 else code

    @property
    def signal(self) -> str | None:
        """The signal that ended it, as SIGKILL; None: none did."""
        code = None if self._process is None else self._process.returncode
        return signal.Signals(-code).name if code is not None and code < 0 else None

    def kill(self) -> None:
        """End it at once, and whatever it started; safe to call at any time."""
        self._is_killed = True
        self._signal_group("SIGKILL")

    @asynccontextmanager
    async def streams(self) -> AsyncIterator[TransportStreams]:
        """Start the process, and end it when the block ends.

        Raises
        ------
        OSError
            It cannot be started.
        """
        heard, messages = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        # unbounded: a caller who goes away must not wait until a process that is stopped reads its pipe
        replies, to_send = anyio.create_memory_object_stream[SessionMessage](math.inf)
        with anyio.CancelScope(shield=True):  # a process that nobody knows of could not be ended
            self._process = await self._start()
        async with anyio.create_task_group() as group:
            last_words = anyio.Event()
            group.start_soon(self._read_messages, heard)
            group.start_soon(self._write_messages, to_send)
            group.start_soon(self._read_log, last_words)
            try:
                yield messages, replies
            finally:
                with anyio.CancelScope(shield=True):
                    messages.close()
                    replies.close()
                    await self._end()
                    with anyio.move_on_after(_LAST_WORDS_SECONDS):
                        await last_words.wait()
                group.cancel_scope.cancel()

    async def _start(self) -> Process:
        tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid())] if sys.platform == "linux" else []
        return await anyio.open_process(
            [*tether, *self._command],
            env=self._environment,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a signal of the terminal is for the supervisor; a kill reaches all of the group
        )

    # --- its voice ----------------------------------------------------------------------------------------------

    async def _read_messages(self, sink: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
        async with sink:
            async for line in self._lines("stdout", longest=LONGEST_MESSAGE):
                message = _parse_message(line)
                if message is None:
                    self._log_stray(line)
                    continue
                with suppress(*_GONE):  # nobody listens any more: read on, so that the process does not wait for that
                    await sink.send(message)
            self.gone.set()

    async def _read_log(self, last_words: anyio.Event) -> None:
        async for line in self._lines("stderr", longest=LONGEST_LINE):
            pass_on(line, worker=self._worker)
        last_words.set()

    async def _lines(self, name: Literal["stdout", "stderr"], *, longest: int) -> AsyncIterator[bytes]:
        """Whole lines until the pipe ends; what is longer than any line may be comes in pieces."""
        pipe = getattr(self._process, name)
        assert isinstance(pipe, ByteReceiveStream)
        rest = bytearray()
        while True:
            try:
                chunk = await pipe.receive()
            except _GONE:
                break
            if name == "stdout":
                self.heard_at = anyio.current_time()
                self.received += len(chunk)
            rest += chunk
            if b"\n" in chunk or len(rest) > longest:
                *lines, rest = rest.split(b"\n") if b"\n" in chunk else (rest, bytearray())
                for line in lines:
                    yield bytes(line)
        if rest:
            yield bytes(rest)

    def _log_stray(self, line: bytes) -> None:
        if line.strip():
            text = line[:200].decode("utf-8", "replace").strip()
            log_event("mcp_worker_text", severity="warning", worker=self._worker, message=text, stream="stdout")
        self._stray_lines += 1
        if self._stray_lines == _MOST_STRAY_LINES:
            self.kill()  # it does not speak the protocol

    # --- its ear ------------------------------------------------------------------------------------------------

    async def _write_messages(self, source: MemoryObjectReceiveStream[SessionMessage]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            async with source:
                async for item in source:
                    line = item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
                    await self._process.stdin.send(line)
                    self.sent += len(line)
        except _GONE:
            self.kill()  # it does not listen any more: nothing asked now would be answered

    # --- its end ------------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(*_GONE):
            await self._process.stdin.aclose()
        if not self._is_killed and not await self._has_ended(self._end_seconds):
            self._signal_group("SIGTERM")
            await self._has_ended(_TERM_SECONDS)
        self._signal_group("SIGKILL")  # what it started and left behind too
        await self._has_ended(math.inf)
        self.gone.set()

    async def _has_ended(self, seconds: float) -> bool:
        # polled: the wait of asyncio also waits for the pipes, which what the process started may hold open
        assert self._process is not None
        with anyio.move_on_after(seconds):
            while self._process.returncode is None:
                await anyio.sleep(_POLL_SECONDS)
        return self._process.returncode is not None

    def _signal_group(self, name: Literal["SIGTERM", "SIGKILL"]) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.Signals[name])


def _parse_message(line: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None
