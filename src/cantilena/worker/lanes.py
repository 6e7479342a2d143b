"""Who runs at once and who waits: songs one after the other, short calls beside them, and nobody without end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio

from cantilena.worker.errors import WorkerError
from cantilena.worker.options import Depth

QUICK_SLOTS: Final = 8
PATIENT_SLOTS: Final = 64
_SONGS: Final = frozenset({"synthesize"})


class Lane:
    """Calls of one kind, first come first served.

    Parameters
    ----------
    slots : int
        How many run at once.
    most_waiting : int
        How many may wait beside those.
    when_full : callable
        From the number of those who wait to the error for one more.
    """

    def __init__(self, slots: int, *, most_waiting: int, when_full: Callable[[int], WorkerError]) -> None:
        self._slots = anyio.Semaphore(slots)
        self._most_waiting = most_waiting
        self._when_full = when_full
        self._running = 0
        self._waiting = 0
        self._closed: Callable[[], WorkerError] | None = None
        self._waits: set[anyio.CancelScope] = set()

    @property
    def depth(self) -> Depth:
        return Depth(running=self._running, waiting=self._waiting)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a slot and hold it.

        Raises
        ------
        WorkerError
            ``queue_full``, or what the lane was closed with.
        """
        await self._take()
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._slots.release()

    def close(self, error: Callable[[], WorkerError]) -> None:
        """Refuse everybody who waits or comes, with an error of his own; who runs goes on."""
        self._closed = error
        for scope in self._waits:
            scope.cancel()

    async def _take(self) -> None:
        if self._closed is not None:
            raise self._closed()
        try:
            self._slots.acquire_nowait()
        except anyio.WouldBlock:
            if self._waiting >= self._most_waiting:
                raise self._when_full(self._waiting) from None
            await self._wait()

    async def _wait(self) -> None:
        self._waiting += 1
        try:
            with anyio.CancelScope() as scope:
                self._waits.add(scope)
                await self._slots.acquire()
        finally:
            self._waiting -= 1
            self._waits.discard(scope)
        if scope.cancelled_caught:
            assert self._closed is not None
            raise self._closed()


class Lanes:
    """The lanes of a worker.

    Songs are sung one after the other, so that the time a song is given begins when its singing does. Calls that wait
    for a song do nothing meanwhile: they get in nobody's way, and nobody in theirs.
    """

    def __init__(self, *, songs_waiting: int, calls_waiting: int, when_full: Callable[[int], WorkerError]) -> None:
        self.songs = Lane(1, most_waiting=songs_waiting, when_full=when_full)
        self.patient = Lane(PATIENT_SLOTS, most_waiting=0, when_full=when_full)
        self.quick = Lane(QUICK_SLOTS, most_waiting=calls_waiting, when_full=when_full)

    def lane_of(self, tool: str, arguments: Mapping[str, Any]) -> Lane:
        """Where a call belongs."""
        if tool in _SONGS:
            return self.songs
        return self.patient if arguments.get("wait_seconds") else self.quick

    @property
    def depth(self) -> Mapping[str, Depth]:
        return {"songs": self.songs.depth, "patient": self.patient.depth, "quick": self.quick.depth}

    def close(self, error: Callable[[], WorkerError]) -> None:
        """Close every lane."""
        for lane in (self.songs, self.patient, self.quick):
            lane.close(error)
