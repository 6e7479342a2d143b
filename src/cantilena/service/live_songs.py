"""The jobs that this process sings or is about to: in which order, and what is heard of them meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition
from time import monotonic
from typing import Any

from cantilena.cancellation import CancelToken
from cantilena.errors import CantilenaError
from cantilena.ports.jobs import Job
from cantilena.service.heartbeats import Heartbeats
from cantilena.service.job_log import JobEvent, log_job
from cantilena.service.song_progress import Moment, SongProgress
from cantilena.tracing import Severity


class QueueError(CantilenaError):
    """No song is taken on now: ``queue_full``, ``shutting_down``."""


@dataclass(slots=True, eq=False)
class LiveSong:
    """A job of this process, from the moment it is asked for until it is finished.

    Attributes
    ----------
    job_id, device : str
        Which job; songs of one device are sung one after another.
    fields : mapping
        What each line that is logged for it says.
    heartbeats : Heartbeats
        What of it was written into the store.
    cancel : CancelToken
        Stops it.
    progress : SongProgress
        How far it is.
    attempt : int
        0: it waits.
    moments : list of Moment
        Everything that was told of it.
    told_at : float
        When, by a clock of no date, the last of them was.
    is_over : bool
        Whether this process has nothing more to do with it.
    """

    job_id: str
    device: str
    fields: Mapping[str, Any]
    heartbeats: Heartbeats
    cancel: CancelToken = field(default_factory=CancelToken)
    progress: SongProgress = field(default_factory=SongProgress)
    attempt: int = 0
    moments: list[Moment] = field(default_factory=list)
    told_at: float = field(default_factory=monotonic)
    is_over: bool = False

    def log(self, event: JobEvent, job: Job, *, severity: Severity = "info", **fields: object) -> None:
        """Log what becomes of its job; of an attempt at a job of the caller's, the caller does."""
        if "attempt" not in self.fields:
            log_job(event, job, severity=severity, **fields)


class LiveSongs:
    """All of them; safe under threads.

    Parameters
    ----------
    limit : int
        How many may wait.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._songs: dict[str, LiveSong] = {}
        self._lanes: dict[str, deque[LiveSong]] = {}
        self._changed = Condition()
        self._closing = False

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._changed:
            return self._count_waiting()

    def find(self, job_id: str) -> LiveSong | None:
        with self._changed:
            return self._songs.get(job_id)

    def all(self) -> tuple[LiveSong, ...]:
        with self._changed:
            return tuple(self._songs.values())

    @contextmanager
    def entering(self, song: LiveSong, begin_lane: Callable[[str], None]) -> Iterator[None]:
        """Take a song on: its place is held while the block writes it down, and it waits once the block ends well.

        ``begin_lane`` is called for the first song of a device.

        Raises
        ------
        QueueError
            ``queue_full``, ``shutting_down``; and ``job_busy``: this process has a song of that job.
        """
        with self._changed:
            self._require_room(song)
            self._songs[song.job_id] = song
        try:
            yield
        except BaseException:
            self.end(song)
            raise
        with self._changed:
            is_first = song.device not in self._lanes
            self._lanes.setdefault(song.device, deque()).append(song)
            self._changed.notify_all()
        if is_first:
            begin_lane(song.device)

    def next(self, device: str) -> LiveSong | None:
        """The next song of a device, waited for; None: there will be no more."""
        with self._changed:
            lane = self._lanes[device]
            while not lane and not self._closing:
                self._changed.wait()
            return lane.popleft() if lane else None

    def tell(self, song: LiveSong) -> None:
        """Let everybody who waits know how far a song is."""
        with self._changed:
            song.moments.append(song.progress.now)
            song.told_at = monotonic()
            self._changed.notify_all()

    def end(self, song: LiveSong) -> None:
        """Nothing more is to be done with a song here."""
        with self._changed:
            song.is_over = True
            if self._songs.get(song.job_id) is song:
                del self._songs[song.job_id]
            lane = self._lanes.get(song.device)
            if lane is not None and song in lane:
                lane.remove(song)
            self._changed.notify_all()

    def news(self, song: LiveSong | None, seen: int, *, seconds: float, stop: CancelToken) -> tuple[Moment, ...]:
        """What was told of a song after the first ``seen`` moments, waited for; nothing once it is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: stop.is_canceled or (song is not None and (song.is_over or len(song.moments) > seen)),
                timeout=max(seconds, 0.0),
            )
            return tuple(song.moments[seen:]) if song is not None else ()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Take no more songs on."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def drained(self, *, seconds: float) -> bool:
        """Wait until there is none left; whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._songs, timeout=max(seconds, 0.0))

    def _require_room(self, song: LiveSong) -> None:
        if self._closing:
            raise QueueError(
                "shutting_down",
                "This process is about to end and takes no more songs.",
                hint="Try again in a moment.",
                retryable=True,
            )
        if song.job_id in self._songs:
            raise QueueError("job_busy", f"The job {song.job_id!r} is being sung already.", retryable=True)
        if self._count_waiting() >= self._limit:
            raise QueueError(
                "queue_full",
                f"{self._limit} songs are waiting already.",
                hint="Try again when some of them are sung.",
                retryable=True,
            )

    def _count_waiting(self) -> int:
        return sum(song.attempt == 0 for song in self._songs.values())
