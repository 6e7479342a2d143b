"""Jobs as many clients watch them: each is read once for all who wait, and no oftener than it must be.

Conventions
-----------
What is remembered is believed for a moment and never answers with less than a client knows already: who names a ``seq``
gets that one or a later one, who names none gets what the store says now. Used from one event loop; the store is read
in threads. What is written in this process is told, and needs no reading.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import anyio
from anyio import to_thread

from cantilena.ports.jobs import Job, JobStore

_MOST_PLACES: Final = 4096
_READERS: Final = 32
_NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a client has seen: a job, and how far it was."""

    job_id: str
    seq: int


@dataclass(slots=True)
class _Place:
    """What is remembered of one job, or of the newest job of one session; times of the event loop's clock."""

    job: Job | None = None
    read_at: float = _NEVER  # when the reading began
    reading: asyncio.Task[None] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0


class JobWatch:
    """What is known of jobs, for all who ask.

    Parameters
    ----------
    jobs : JobStore
        Where they are kept.
    seconds : float
        For how long a reading is believed.
    """

    def __init__(self, jobs: JobStore, *, seconds: float = 1.0) -> None:
        self._jobs = jobs
        self._seconds = seconds
        self._by_job: dict[str, _Place] = {}
        self._by_session: dict[str, _Place] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._readers = anyio.CapacityLimiter(_READERS)

    @property
    def is_closed(self) -> bool:
        """Whether nobody can wait any more."""
        return self._closed

    def start(self) -> None:
        """Begin to hear what :meth:`tell` is told; call it in the event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let everybody who waits go, and let nobody wait any more."""
        self._closed = True
        self._loop = None
        for place in self._by_job.values():
            place.changed.set()

    def tell(self, job: Job, seen_at: float) -> None:
        """A job was read or written, and was so at that moment of :func:`time.monotonic`; called by any thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._heard, job, seen_at)

    async def job(self, job_id: str, *, known_seq: int | None = None) -> Job | None:
        """A job; None: there is none.

        Parameters
        ----------
        job_id : str
            Which one.
        known_seq : int, optional
            What the client has seen: it is content with what was read a moment ago.

        Raises
        ------
        JobStoreError
            ``jobs_unreachable``.
        """
        place = self._place(self._by_job, job_id)
        await self._settle(place, known_seq, lambda: _read(self._jobs, job_id))
        return place.job

    async def newest(self, session_id: str, *, known: Known | None = None) -> Job | None:
        """The newest job of a session; None: there is none. Raises as :meth:`job`."""
        place = self._place(self._by_session, session_id)
        seq = known.seq if known is not None and place.job is not None and place.job.job_id == known.job_id else None
        await self._settle(place, seq, lambda: _newest(self._jobs, session_id))
        return place.job

    async def wait(self, job_id: str, *, after_seq: int | None, seconds: float) -> Job | None:
        """A job once there is something newer, or as it is when the time is up.

        Parameters
        ----------
        job_id : str
            Which one.
        after_seq : int or None
            What the client has seen; None: it waits until the job is finished.
        seconds : float
            How long.

        Raises
        ------
        JobStoreError
            ``jobs_unreachable``.
        """
        end = _now() + seconds
        job = await self.job(job_id, known_seq=after_seq)
        place = self._place(self._by_job, job_id)
        while not self._closed and job is not None and not job.is_finished and _now() < end:
            if after_seq is not None and job.seq > after_seq:
                break
            place.waiting += 1
            try:
                with anyio.move_on_after(min(end - _now(), max(place.read_at + self._seconds - _now(), 0.0))):
                    await place.changed.wait()
            finally:
                place.waiting -= 1
            if not self._closed:
                job = await self.job(job_id, known_seq=job.seq)
        return job

    async def _settle(self, place: _Place, known_seq: int | None, read: Callable[[], Job | None]) -> None:
        """Read unless what is remembered is enough; who comes while somebody reads shares what comes of it.

        A reading that was begun before a client asked is not enough for one that names no ``seq``: it may have changed
        something itself meanwhile. One that fails, fails for all who wait: there is no use in their trying one by one.
        """
        came = _now()
        since = came if known_seq is None else came - self._seconds
        while place.read_at < since or (known_seq is not None and place.job is not None and place.job.seq < known_seq):
            if known_seq is not None and place.read_at >= came:
                return  # nobody has seen that much: the client made it up
            if place.reading is None:
                place.reading = asyncio.get_running_loop().create_task(self._read(place, read))
                place.reading.add_done_callback(_heed)
            await asyncio.shield(place.reading)

    async def _read(self, place: _Place, read: Callable[[], Job | None]) -> None:
        begun = _now()
        try:
            job = await to_thread.run_sync(read, limiter=self._readers)
            self._keep(place, job, begun)
            if job is not None and place is not self._by_job.get(job.job_id):
                self._keep(self._place(self._by_job, job.job_id), job, begun)
        finally:
            place.reading = None

    def _heard(self, job: Job, seen_at: float) -> None:
        self._keep(self._place(self._by_job, job.job_id), job, seen_at)
        newest = self._by_session.get(job.session_id)
        if newest is None or newest.read_at == _NEVER:
            return
        if newest.job is None or (newest.job.created_at, newest.job.job_id) <= (job.created_at, job.job_id):
            self._keep(newest, job, seen_at)

    def _keep(self, place: _Place, job: Job | None, read_at: float) -> None:
        """Remember what was read, unless something later is known."""
        old = place.job
        if old is not None and job is not None and _is_later(old, job):
            job = old
        place.job, place.read_at = job, max(read_at, place.read_at)
        if old != job:
            place.changed.set()
            place.changed = asyncio.Event()

    def _place(self, places: dict[str, _Place], key: str) -> _Place:
        found = places.get(key)
        if found is None:
            if len(places) >= _MOST_PLACES:
                self._forget(places)
            found = places[key] = _Place()
        return found

    def _forget(self, places: dict[str, _Place]) -> None:
        """Drop what nobody looks at any more."""
        old = _now() - self._seconds
        for key in [key for key, place in places.items() if place.read_at < old and not _is_used(place)]:
            del places[key]


def _is_later(one: Job, other: Job) -> bool:
    """Whether one is a later state of the same job; an id may be given anew once its job has expired."""
    is_same = one.job_id == other.job_id and abs(one.created_at - other.created_at) < 1.0  # stores round times
    return is_same and one.seq > other.seq


def _heed(reading: asyncio.Task[None]) -> None:
    """Take note of how a reading ended: those who waited for it may all be gone."""
    if not reading.cancelled():
        reading.exception()


def _is_used(place: _Place) -> bool:
    return place.waiting > 0 or place.reading is not None


def _now() -> float:
    """The clock of asyncio's loops, which other threads can read as well."""
    return time.monotonic()


def _read(jobs: JobStore, job_id: str) -> Job | None:
    stored = jobs.read(job_id)
    return stored.job if stored is not None else None


def _newest(jobs: JobStore, session_id: str) -> Job | None:
    return next(iter(jobs.of_session(session_id, limit=1)), None)
