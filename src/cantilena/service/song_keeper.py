"""What goes on beside the singing: leases are renewed, progress is written, lost jobs picked up, old files removed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from time import monotonic
from typing import Final

from cantilena.errors import CantilenaError
from cantilena.ports.jobs import Job, JobStore, JobStoreError
from cantilena.service.heartbeats import POLL_SECONDS
from cantilena.service.job_changes import LEASE_SECONDS, is_claimable
from cantilena.service.job_files import JobFiles
from cantilena.service.live_songs import LiveSong, LiveSongs
from cantilena.tracing import log_context, log_event

TICK_SECONDS: Final = 2.0
"""Whoever waits hears something at least so often."""
_LOOK_SECONDS: Final = LEASE_SECONDS / 3
_SWEEP_SECONDS: Final = 60.0
_MOST_FOUND: Final = 100


class SongKeeper:
    """A thread that looks after the songs of this process, and after the store.

    Parameters
    ----------
    store : JobStore
        Where jobs are kept.
    files : JobFiles
        Their files.
    songs : LiveSongs
        The songs of this process.
    now : callable
        Seconds of the wall clock.
    adopt : callable
        Takes on a job that nobody sings.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: JobFiles,
        songs: LiveSongs,
        now: Callable[[], float],
        adopt: Callable[[Job], None],
    ) -> None:
        self._store = store
        self._files = files
        self._songs = songs
        self._now = now
        self._adopt = adopt
        self._woken = Event()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="song-keeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to write."""
        self._woken.set()

    def close(self) -> None:
        self._ended.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        looked = swept = float("-inf")
        while not self._ended.is_set():
            clock = monotonic()
            if clock - looked >= _LOOK_SECONDS:
                looked = clock
                self._guarded(self.pick_up)
            if clock - swept >= _SWEEP_SECONDS:
                swept = clock
                self._guarded(self.sweep)
            for song in self._songs.all():
                if clock - song.told_at >= TICK_SECONDS:
                    song.progress.tick()
                    self._songs.tell(song)
                if song.attempt:
                    with log_context(**song.fields):
                        self._guarded(partial(self._keep, song))
            self._woken.wait(POLL_SECONDS)
            self._woken.clear()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A store that does not answer now may do so the next time."""
        try:
            work()
        except JobStoreError:
            return
        except Exception as error:  # whatever it is, songs need their leases
            log_event("internal_error", severity="error", exc_info=error)

    def _keep(self, song: LiveSong) -> None:
        """Renew the lease of a song, write how far it is, and find out whether it is still wanted."""
        stored = self._store.read(song.job_id)
        if stored is None or stored.job.cancel_requested or not song.heartbeats.holds(stored.job):
            song.cancel.cancel()  # not wanted any more, or in other hands; a song that is just over does not mind
            return
        changed = song.heartbeats.due(stored.job, song.progress.now, now=self._now())
        if changed is None:
            return
        try:
            self._store.write(changed, revision=stored.revision)
        except JobStoreError as error:
            if error.code not in ("job_changed", "job_missing"):  # then it is read again the next time
                raise
        else:
            song.heartbeats.wrote()

    def pick_up(self) -> None:
        """Take on the jobs that nobody sings: their process is gone, or they have waited for a lease."""
        now = self._now()
        for job in self._store.unfinished(limit=_MOST_FOUND):
            if self._songs.find(job.job_id) is not None or not is_claimable(job, now=now):
                continue
            if job.status == "queued" and job.updated_at > now - LEASE_SECONDS:
                continue  # whoever took it on is most likely alive
            with suppress(CantilenaError):  # no room now
                self._adopt(job)

    def sweep(self) -> None:
        """Remove what is left of jobs that have expired, or never were."""
        for job_id in list(self._files.job_ids(before=self._now() - LEASE_SECONDS)):
            if self._songs.find(job_id) is None and self._store.read(job_id) is None:
                self._files.remove(job_id)
                self._store.delete(job_id)
