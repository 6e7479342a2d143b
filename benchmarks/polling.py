"""A client that asks at a steady rate, over connections that it keeps, and tells how long each answer took.

An answer is timed from the moment when its request was due: one that has to wait for a connection, or for this very
client, took longer. ``python -m benchmarks.polling --bare`` is a server that answers 304 and looks nothing up.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_CONNECTIONS = 32


@dataclass(slots=True, kw_only=True)
class Polls:
    """What came of asking: milliseconds of each answer, and how many answers there were by status."""

    elapsed_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def percentile(self, share: float) -> float:
        """Milliseconds within which this share of all answers came."""
        ordered = sorted(self.elapsed_ms)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


async def poll(host: str, port: int, paths: Sequence[str], *, rate: float, seconds: float) -> Polls:
    """Ask for each path in turn, with the tag that its last answer brought.

    Parameters
    ----------
    paths : sequence of str
    rate : float
        Requests a second, all paths together.
    seconds : float
        How long.
    """
    polls = Polls()
    tags: dict[str, bytes] = {}
    due: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()

    async def work() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        while (one := await due.get()) is not None:
            due_at, path = one
            tag = b"If-None-Match: " + tags[path] + b"\r\n" if path in tags else b""
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n".encode() + tag + b"\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
            named = {name.lower(): value for name, value in headers.items()}
            await reader.readexactly(int(named.get(b"content-length", 0)))
            polls.elapsed_ms.append(1000.0 * (time.perf_counter() - due_at))
            polls.statuses[int(head[9:12])] += 1
            if b"etag" in named:
                tags[path] = named[b"etag"]
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(work())
        begin = time.perf_counter()
        for number in range(int(rate * seconds)):
            due_at = begin + number / rate
            if (pause := due_at - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            due.put_nowait((due_at, paths[number % len(paths)]))
        for _ in range(_CONNECTIONS):
            due.put_nowait(None)
    return polls


async def _bare(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 -- as ASGI has it
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"1"')]})
        await send({"type": "http.response.body"})


def serve_bare() -> None:
    """The server of the same kind that does nothing; it prints its address."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 -- as uvicorn has it
            await super().startup(sockets)
            print(f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}", flush=True)

    Server(uvicorn.Config(_bare, port=0, http="h11", lifespan="off", log_level="error")).run()


if __name__ == "__main__" and "--bare" in sys.argv:
    serve_bare()
