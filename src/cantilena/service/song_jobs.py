"""Songs sung in the background: asked for, waited for, stopped, and found again.

Conventions
-----------
The store says what is true of a job. What this process knows better, because it sings the job, is how far it is; that
is told in memory at every step of every phrase, and written now and then. Importing this module loads neither the
engine nor the reader of scores.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from cantilena.cancellation import CancelToken
from cantilena.errors import CanceledError, CantilenaError, OptionError
from cantilena.ports.jobs import Job, JobStore, JobStoreError
from cantilena.service import job_changes as change
from cantilena.service.heartbeats import Heartbeats
from cantilena.service.job_changes import TooLate
from cantilena.service.job_files import JobFiles, read_json
from cantilena.service.job_log import log_job
from cantilena.service.jobs import change_job, holder_name, job_unknown
from cantilena.service.live_songs import LiveSong, LiveSongs, QueueError
from cantilena.service.song_keeper import SongKeeper
from cantilena.service.song_progress import Moment
from cantilena.service.song_runner import SongRunner
from cantilena.service.song_wishes import SongWishes
from cantilena.tracing import log_context, log_fields

__all__ = ["QueueError", "SongJobRequest", "SongJobs"]

KEEP_SECONDS: Final = 24 * 3600.0
"""How long a job and its files are kept."""

_JOB_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MOST_NAME: Final = 200
_POLL_SECONDS: Final = 0.25  # of a job that another process sings
_STOPPING_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SongJobRequest:
    """A song that somebody wants.

    Attributes
    ----------
    score : bytes or Path
        The file as it came, or where it lies: a place that the caller has checked.
    score_name : str
        What messages call it.
    wishes : SongWishes
        How it is to be sung.
    session_id, owner : str
        Whose list the job stands in, and whose it is.
    job_id : str or None
        Its id, where it has one already; None: a new one.
    """

    score: bytes | Path
    score_name: str = "score.musicxml"
    wishes: SongWishes = field(default_factory=SongWishes)
    session_id: str = "local"
    owner: str = ""
    job_id: str | None = None


class SongJobs:
    """Songs sung in the background, one after another for each device; safe under threads.

    Parameters
    ----------
    store : JobStore
        Where jobs are kept.
    folder : Path
        For the files of the store's jobs alone: what belongs to none of them is removed.
    holder : str
        What this process is called in leases.
    limit : int
        How many songs may wait.
    keep_seconds : float
        How long a job and its files are kept.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        store: JobStore,
        folder: Path,
        *,
        holder: str,
        limit: int = 16,
        keep_seconds: float = KEEP_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._files = JobFiles(folder)
        self._keep_seconds = keep_seconds
        self._now = now
        self._songs = LiveSongs(limit=limit)
        self._holder = holder_name(holder)
        self._keeper = SongKeeper(store=store, files=self._files, songs=self._songs, now=now, adopt=self._adopt)
        self._runner = SongRunner(
            store=store, files=self._files, songs=self._songs, holder=self._holder, now=now, keeper=self._keeper
        )
        self._keeper.start()

    @property
    def waiting(self) -> int:
        """How many songs wait in this process."""
        return self._songs.waiting

    def submit(self, request: SongJobRequest) -> Job:
        """Ask for a song; quick, for nothing is read or sung yet.

        The same request under the same id gives the job that is there already: asking again is safe.

        Raises
        ------
        OptionError
            A wish is wrong; ``job_exists``: there is another job of that id; ``option_invalid``: it is no id.
        QueueError
            ``queue_full``, ``shutting_down``; both retryable.
        JobStoreError
            ``jobs_unreachable``.
        """
        request.wishes.line_options()
        request.wishes.sing_options()
        score = request.score if isinstance(request.score, bytes) else request.score.read_bytes()
        job = self._new_job(request, score)
        known = self._store.read(job.job_id) if request.job_id is not None else None
        if known is not None:
            return _same(known.job, job)
        song = self._new_song(job)
        try:
            with self._songs.entering(song, self._runner.begin_lane), log_context(**song.fields):
                self._files.keep_score(job.job_id, score)
                self._store.create(job)
                song.log("job_created", job)
        except (JobStoreError, QueueError) as error:
            if error.code in ("job_exists", "job_busy"):  # somebody asked for the same at the same moment
                return _same(self.get(job.job_id), job)
            if isinstance(error, JobStoreError):
                self._files.remove(job.job_id)
            raise
        return job

    def get(self, job_id: str) -> Job:
        """A job as it is now.

        Raises
        ------
        OptionError
            ``job_unknown``.
        JobStoreError
            ``jobs_unreachable``.
        """
        stored = self._store.read(job_id)
        if stored is None:
            raise job_unknown(job_id)
        song = self._songs.find(job_id)
        return stored.job if song is None else _at(stored.job, song.progress.now)

    def list(self, session_id: str, *, limit: int) -> tuple[Job, ...]:
        """Jobs of a session, newest first."""
        return self._store.of_session(session_id, limit=limit)

    def wait(
        self,
        job_id: str,
        *,
        seconds: float,
        on_change: Callable[[Job], None] | None = None,
        stop: CancelToken | None = None,
    ) -> Job:
        """A job once it is finished, or as it is when the time is up.

        Parameters
        ----------
        job_id : str
            Which one.
        seconds : float
            How long to wait.
        on_change : callable, optional
            Told of every step of every phrase, and every other second in between; ``progress`` is higher each time.
        stop : CancelToken, optional
            Ends the waiting, not the song.

        Raises
        ------
        OptionError, JobStoreError
            As :meth:`get`.
        """
        end, stop = monotonic() + seconds, stop or CancelToken()
        with suppress(CanceledError), stop.calling(self._songs.wake):
            return self._wait(job_id, end, on_change, stop)
        return self.get(job_id)  # nobody waits any more, before it has begun

    def cancel(self, job_id: str) -> Job:
        """Stop a job: at once where it waits, within a second where it is sung; one that is finished stays as it is.

        Raises
        ------
        OptionError, JobStoreError
            As :meth:`get`.
        """
        song = self._songs.find(job_id)
        try:
            job = change_job(self._store, job_id, partial(change.request_cancel, now=self._now()))
        except TooLate:
            return self.get(job_id)
        if song is not None:
            song.cancel.cancel()
        if job.is_finished:  # nobody had begun it
            if song is not None:
                self._songs.end(song)
            self._files.remove(job_id)
            with log_context(**self._fields(job)):
                log_job("job_canceled", job)
        return job

    def score(self, job_id: str) -> Path:
        """The score of a job as it came.

        Raises
        ------
        OptionError
            ``job_unknown``; ``output_unknown``: it is not kept any more.
        """
        self.get(job_id)
        return _there(self._files.score(job_id), job_id, "score")

    def output(self, job_id: str, name: str) -> Path:
        """A file of a job that succeeded.

        Raises
        ------
        OptionError
            ``job_unknown``, ``output_unknown``.
        """
        job = self.get(job_id)
        output = next((output for output in job.outputs if output.name == name), None)
        if output is None:
            raise _output_unknown(job_id, name)
        if output.kind == "score":
            return _there(self._files.score(job_id), job_id, name)
        return _there(self._files.attempt(job_id, job.attempt) / output.name, job_id, name)

    def take(self, job_id: str) -> Mapping[str, Any]:
        """What is known of a song that was sung: the document of ``sing --json``.

        Raises
        ------
        OptionError
            ``job_unknown``; ``output_unknown``: it has not succeeded.
        """
        from cantilena.service.song_run import TAKE

        job = self.get(job_id)
        if job.status != "succeeded":
            raise _output_unknown(job_id, TAKE)
        document: Mapping[str, Any] = read_json(_there(self._files.attempt(job_id, job.attempt) / TAKE, job_id, TAKE))
        return document

    def forget(self, job_id: str) -> None:
        """Leave nothing of a job whose caller has had what there is; one that is sung is stopped.

        Raises
        ------
        JobStoreError
            ``jobs_unreachable``.
        """
        song = self._songs.find(job_id)
        self._store.delete(job_id)
        if song is not None:
            song.cancel.cancel()  # its runner finds the job gone, and removes what that attempt wrote
        self._files.remove(job_id)

    def close(self, *, seconds: float) -> None:
        """Take no more songs on, sing those there are for so long at most, and cancel the rest."""
        self._songs.close()
        self._songs.drained(seconds=seconds)
        for song in self._songs.all():
            with suppress(CantilenaError):
                self.cancel(song.job_id)
            song.cancel.cancel()
        self._songs.drained(seconds=_STOPPING_SECONDS)
        self._keeper.close()
        self._runner.join(seconds=_STOPPING_SECONDS)

    def _new_job(self, request: SongJobRequest, score: bytes) -> Job:
        job_id = request.job_id if request.job_id is not None else secrets.token_hex(10)
        if not _JOB_ID.fullmatch(job_id):
            raise OptionError(
                "option_invalid",
                f"{job_id[:80]!r} cannot be the id of a job.",
                hint="Use up to 64 letters, digits, hyphens and underscores.",
            )
        asked = {**request.wishes.to_json(), "score_name": request.score_name[:_MOST_NAME]}
        digest = hashlib.sha256(score).hexdigest()
        text = json.dumps([asked, digest, request.session_id, request.owner], sort_keys=True, ensure_ascii=False)
        now = self._now()
        return Job(
            job_id=job_id,
            session_id=request.session_id,
            owner=request.owner,
            message="waiting",
            created_at=now,
            updated_at=now,
            expires_at=now + self._keep_seconds,
            request=asked,
            request_hash=hashlib.sha256(text.encode()).hexdigest(),
            score_sha256=digest,
        )

    def _new_song(self, job: Job) -> LiveSong:
        return LiveSong(
            job_id=job.job_id,
            device=str(job.request.get("device", "cpu")),
            fields=self._fields(job),
            heartbeats=Heartbeats(self._holder),
        )

    def _fields(self, job: Job) -> dict[str, Any]:
        """What every line about a job says: whose it is, and for which call this thread works."""
        return {**log_fields(), "job_id": job.job_id, "session_id": job.session_id}

    def _adopt(self, job: Job) -> None:
        """Take on a job that nobody sings."""
        song = self._new_song(job)
        with self._songs.entering(song, self._runner.begin_lane), log_context(**song.fields, attempt=job.attempt):
            if job.status == "running":
                song.log("job_lost", job, severity="warning")

    def _wait(self, job_id: str, end: float, on_change: Callable[[Job], None] | None, stop: CancelToken) -> Job:
        job = self.get(job_id)
        told, seen, last_song = job.progress, 0, None
        while not (job.is_finished or stop.is_canceled or monotonic() >= end):
            song = self._songs.find(job_id)
            if song is not last_song:
                seen, last_song = 0, song
            left = end - monotonic()
            news = self._songs.news(
                song, seen, seconds=left if song is not None else min(left, _POLL_SECONDS), stop=stop
            )
            seen += len(news)
            if song is None or song.is_over:
                job = self.get(job_id)
                news = (Moment(step=job.step, message=job.message, progress=job.progress),)
            for moment in news:
                if on_change is not None and moment.progress > told and not job.is_finished:
                    told = moment.progress
                    running = song is not None and song.attempt > 0
                    on_change(_at(replace(job, status="running") if running else job, moment))
        return job if job.is_finished else self.get(job_id)


def _at(job: Job, moment: Moment) -> Job:
    """A job that is not finished, as far as it is by now."""
    if job.is_finished or moment.progress <= job.progress:
        return job
    message = job.message if job.cancel_requested else moment.message
    return replace(job, step=moment.step or job.step, message=message, progress=moment.progress)


def _same(known: Job, asked: Job) -> Job:
    if known.request_hash != asked.request_hash:
        raise OptionError(
            "job_exists", f"There is another job {asked.job_id!r} already.", hint="Give each song an id of its own."
        )
    return known


def _there(file: Path | None, job_id: str, name: str) -> Path:
    if file is None or not file.is_file():
        raise _output_unknown(job_id, name)
    return file


def _output_unknown(job_id: str, name: str) -> OptionError:
    return OptionError(
        "output_unknown",
        f"The job {job_id[:80]!r} has no {name[:80]!r}.",
        hint="Look at its outputs; a job has them once it has succeeded.",
    )
