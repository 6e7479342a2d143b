"""Who calls, and whether they may call so often; and how a route does its work beside the event loop.

Conventions
-----------
Stores are asked in threads. A request that waits for them is answered within :data:`ANSWER_SECONDS`, whatever they do:
a store out of reach is a 503, never a request that hangs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import anyio
from anyio import to_thread
from starlette.requests import Request

from cantilena.errors import CantilenaError
from cantilena.interfaces.http.composition import Service
from cantilena.service.limits import LimitError

ANSWER_SECONDS: Final = 2.8
MOST_WAITING: Final = 20
"""Requests of one owner that wait for news at the same time, in each process."""

_WAITING_RETRY_SECONDS: Final = 5
_STORE_THREADS: Final = 64
_READER_THREADS: Final = 4
_PATIENT_THREADS: Final = 16

ResultT = TypeVar("ResultT")


class SlowStoreError(CantilenaError):
    """``store_unreachable`` (retryable): what a request waits for did not come in time."""


class Desk:
    """Does the work of requests in threads, for one application.

    Parameters
    ----------
    service : Service
        What they work with.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self._is_anybody = service.settings.identity == "none"
        self._waiting: Counter[str] = Counter()
        self._stores = anyio.CapacityLimiter(_STORE_THREADS)
        self._readers = anyio.CapacityLimiter(_READER_THREADS)  # reading scores is work for a processor
        self._patient = anyio.CapacityLimiter(_PATIENT_THREADS)
        self._unlimited = anyio.CapacityLimiter(math.inf)

    async def caller(self, request: Request) -> str:
        """The owner under whom the caller's things are filed.

        Raises
        ------
        IdentityError, LimitError
            As :meth:`Identity.recognise` and :meth:`Limits.admit`.
        """
        sent = bearer_token(request)
        recognise = self.service.identity.recognise
        caller = recognise(sent) if self._is_anybody else await self.ask(lambda: recognise(sent))
        self.service.limits.admit(caller.owner)
        return caller.owner

    def require_place(self, owner: str) -> None:
        """Refuse somebody of whom many requests wait already: they would keep everybody else out.

        Raises
        ------
        LimitError
            ``too_many_waiting``.
        """
        if not self._is_anybody and self._waiting[owner] >= MOST_WAITING:
            raise LimitError(
                "too_many_waiting",
                f"{MOST_WAITING} requests of yours wait here already.",
                hint="Listen to a job once, or poll with If-None-Match.",
                retry_after=_WAITING_RETRY_SECONDS,
            )

    @contextmanager
    def waiting(self, owner: str) -> Iterator[None]:
        """A request of somebody's waits for news."""
        self._waiting[owner] += 1
        try:
            yield
        finally:
            self._waiting[owner] -= 1
            self._waiting += Counter()  # forgets those who are at nought

    async def ask(self, work: Callable[[], ResultT]) -> ResultT:
        """Do something short that asks a store, in a thread.

        Raises
        ------
        SlowStoreError
            ``store_unreachable``.
        """
        with anyio.move_on_after(ANSWER_SECONDS):
            return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._stores)
        raise slow_store()

    async def watched(self, looking: Awaitable[ResultT], *, seconds: float = 0.0) -> ResultT:
        """What a watch gives; it may wait for so long by itself.

        Raises
        ------
        SlowStoreError
            ``store_unreachable``.
        """
        with anyio.move_on_after(seconds + ANSWER_SECONDS):
            return await looking
        raise slow_store()

    async def read_score(self, work: Callable[[], ResultT]) -> ResultT:
        """Do something in a thread that takes a processor for a while.

        Raises
        ------
        SlowStoreError
            ``store_unreachable``: those before it do not get done.
        """
        return await self._taking_its_time(work, self._readers)

    async def ask_long(self, work: Callable[[], ResultT]) -> ResultT:
        """Do something in a thread that asks stores many times; raises as :meth:`read_score`."""
        return await self._taking_its_time(work, self._patient)

    async def _taking_its_time(self, work: Callable[[], ResultT], places: anyio.CapacityLimiter) -> ResultT:
        """Begin within the time that somebody waits for an answer, or not at all; then take as long as it takes."""
        place = object()
        with anyio.move_on_after(ANSWER_SECONDS):
            await places.acquire_on_behalf_of(place)
            try:
                with anyio.CancelScope(shield=True):
                    return await to_thread.run_sync(work, limiter=self._unlimited)
            finally:
                places.release_on_behalf_of(place)
        raise slow_store()


def bearer_token(request: Request) -> str | None:
    """The token that a request brings; None: none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.casefold() == "bearer" else None


def slow_store() -> SlowStoreError:
    """The error of a request that waited long enough."""
    return SlowStoreError(
        "store_unreachable",
        "What this request asks for cannot be reached at the moment.",
        hint="Try again in a moment.",
        retryable=True,
    )
