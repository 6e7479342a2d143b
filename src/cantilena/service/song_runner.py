"""The threads that sing: a song of each device at a time, from its claim to its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Thread, get_native_id
from typing import Final

from cantilena.errors import CanceledError, InferenceError, OptionError
from cantilena.ports.jobs import Job, JobStore, JobStoreError
from cantilena.service import job_changes as change
from cantilena.service.job_changes import TooLate
from cantilena.service.job_files import JobFiles, file_sha256
from cantilena.service.job_problems import problem_of
from cantilena.service.jobs import change_job
from cantilena.service.live_songs import LiveSong, LiveSongs
from cantilena.service.open_voicebanks import OpenVoicebanks
from cantilena.service.song_keeper import SongKeeper
from cantilena.service.song_wishes import SongWishes
from cantilena.tracing import log_context, log_event

_NICENESS: Final = 10
_PATIENCE: Final = (0.2, 0.5, 1.0, 2.0, 4.0)  # seconds between tries to write how a song ended


class SongRunner:
    """Sings what waits.

    One song at a time: two on the same cores take as long as one after the other, and the first is heard later.

    Parameters
    ----------
    store, files, songs, holder, now
        As :class:`~cantilena.service.song_keeper.SongKeeper` takes them.
    keeper : SongKeeper
        Looks after a song while it is sung.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        files: JobFiles,
        songs: LiveSongs,
        holder: str,
        now: Callable[[], float],
        keeper: SongKeeper,
    ) -> None:
        self._store = store
        self._files = files
        self._songs = songs
        self._holder = holder
        self._now = now
        self._keeper = keeper
        self._voicebanks = OpenVoicebanks()
        self._lanes: list[Thread] = []

    def join(self, *, seconds: float) -> None:
        """Wait for the threads, each so long at most."""
        for lane in self._lanes:
            lane.join(timeout=seconds)

    def begin_lane(self, device: str) -> None:
        lane = Thread(target=self._sing_in_order, args=(device,), name=f"songs-{device}", daemon=True)
        self._lanes.append(lane)
        lane.start()

    def _sing_in_order(self, device: str) -> None:
        _step_back()
        while (song := self._songs.next(device)) is not None:
            with log_context(**song.fields):
                try:
                    self._sing(song)
                except JobStoreError as error:  # nobody knows what becomes of it: once its lease ran out it is found
                    log_event("job_lost", severity="error", error_code=error.code)
                except BaseException as error:  # whatever it is, the next song is to be sung
                    log_event("internal_error", severity="error", exc_info=error)
                finally:
                    self._songs.end(song)

    def _sing(self, song: LiveSong) -> None:
        try:
            job = change_job(self._store, song.job_id, partial(change.claim, holder=self._holder, now=self._now()))
        except (TooLate, OptionError):  # canceled, expired, or sung by another process
            return
        if job.is_finished:
            self._finished(job, song)
            return
        with log_context(**{"attempt": job.attempt, **song.fields}):
            song.attempt = job.attempt
            song.log("job_claimed", job)
            ending = self._attempt(job, song)
            try:
                job = self._write_ending(job.job_id, ending)
            except (TooLate, OptionError, JobStoreError) as error:
                self._files.remove_attempt(job.job_id, job.attempt)
                if isinstance(error, JobStoreError):
                    raise
                song.log("job_lost", job, severity="warning", status="unknown")
                return
            self._finished(job, song)

    def _attempt(self, job: Job, song: LiveSong) -> Callable[[Job], Job]:
        """Sing a job; gives how it is to be written that it ended."""
        from cantilena.service.song_run import sing_job

        def began(step: str, phrase: int | None) -> None:
            before = song.progress.now.step
            if song.progress.begin(step, phrase):
                self._songs.tell(song)
            if song.progress.now.step != before:
                self._keeper.wake()

        try:
            asked = dict(job.request)
            score_name = str(asked.pop("score_name", "score"))
            score = self._files.score(job.job_id)
            if score is None or file_sha256(score) != job.score_sha256:
                raise InferenceError(
                    "score_lost", "The score of this job is not there any more.", hint="Ask for the song again."
                )
            result = sing_job(
                job,
                SongWishes.from_json(asked),
                score=score,
                score_name=score_name,
                folder=self._files.begin_attempt(job.job_id, job.attempt),
                voicebanks=self._voicebanks,
                cancel=song.cancel,
                on_plan=song.progress.plan,
                on_step=began,
            )
        except CanceledError:
            return partial(change.give_up, holder=self._holder, now=self._now())
        except BaseException as error:  # memory that ran out, and whatever nobody foresaw: the job fails, no more
            return partial(change.fail, holder=self._holder, now=self._now(), problem=problem_of(error))
        return partial(change.succeed, holder=self._holder, now=self._now(), result=result)

    def _write_ending(self, job_id: str, ending: Callable[[Job], Job]) -> Job:
        """Write how a song ended, with patience: the work of minutes hangs on it."""
        for seconds in _PATIENCE:
            try:
                return change_job(self._store, job_id, ending)
            except JobStoreError:
                time.sleep(seconds)
        return change_job(self._store, job_id, ending)

    def _finished(self, job: Job, song: LiveSong) -> None:
        """Leave of a job only what somebody may still want, and log its end."""
        if job.status == "canceled":
            self._files.remove(job.job_id)
            song.log("job_canceled", job)
            return
        if job.status == "failed":
            self._files.remove_attempt(job.job_id, job.attempt)
        song.log("job_finished", job)


def _step_back() -> None:
    """Let short answers of this process go before its songs on cores that they share.

    On Linux a thread has a priority of its own, and hands it to those it begins: the threads of the models.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, get_native_id(), _NICENESS)
