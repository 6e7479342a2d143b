"""A process that is ready, as those who call it see it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import anyio
import mcp_types as types
from mcp import Client, MCPError

from cantilena.worker.child import Child


class Connection:
    """A process that is ready, the client that talks to it, and whether it is believed to be alive.

    Parameters
    ----------
    child : Child
        The process.
    client : Client
        Connected to it.
    tools : mapping of str to Tool
        What it offers.
    """

    def __init__(self, child: Child, client: Client, tools: Mapping[str, types.Tool]) -> None:
        self.child = child
        self.client = client
        self.tools = tools
        self._calls = 0
        self._asked_at = -math.inf
        self._suspected = anyio.Event()

    @property
    def is_trusted(self) -> bool:
        """Whether calls may be sent: it is not gone, and nothing speaks against it."""
        return not self.child.gone.is_set() and not self._suspected.is_set()

    def suspect(self) -> None:
        """Something speaks against it: it is to be asked whether it is alive."""
        self._suspected.set()

    @contextmanager
    def calling(self) -> Iterator[None]:
        """A call is under way; one that is given up makes the process suspect."""
        self._calls += 1
        self._asked_at = anyio.current_time()
        try:
            yield
        except anyio.get_cancelled_exc_class():
            self.suspect()
            raise
        finally:
            self._calls -= 1

    async def doubted(self, quiet_seconds: float) -> None:
        """Wait until there is reason to ask whether the process is alive."""
        while True:
            with anyio.move_on_after(quiet_seconds / 4):
                await self._suspected.wait()
                return
            silence = anyio.current_time() - max(self.child.heard_at, self._asked_at)
            if self._calls and silence > quiet_seconds:
                return

    async def is_alive(self, answer_seconds: float) -> bool:
        """Ask; who answers is trusted again."""
        try:
            with anyio.fail_after(answer_seconds):
                await self.client.list_tools()
        except TimeoutError:
            return False
        except MCPError as error:
            if error.code == types.CONNECTION_CLOSED:
                return False
        self._suspected = anyio.Event()
        return True
