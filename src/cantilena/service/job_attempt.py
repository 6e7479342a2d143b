"""One attempt at a job: its score is fetched, a singer sings it, its files are stored, and how it ended is written.

Conventions
-----------
Beside the singing somebody looks after the job: its lease is renewed, progress written, and the song stopped when it is
not wanted any more or is in other hands. A store that is out of reach stops nothing: what a song has cost is worth some
patience, and a lease that ran out meanwhile is renewed unless somebody else took the job.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Final, Literal, TypeVar

import anyio
from anyio import to_thread

from cantilena.errors import CantilenaError, InferenceError, OptionError
from cantilena.ports.jobs import Job, JobOutput, JobStore, JobStoreError, StoredJob
from cantilena.ports.objects import ObjectStore, StorageError
from cantilena.ports.singers import Singer, SongFile, SongOrder, SungSong
from cantilena.service import job_changes as change
from cantilena.service.heartbeats import POLL_SECONDS, Heartbeats
from cantilena.service.job_changes import LEASE_SECONDS, MOST_ATTEMPTS, JobResult, TooLate
from cantilena.service.job_files import file_sha256
from cantilena.service.job_log import log_job
from cantilena.service.job_problems import problem_of
from cantilena.service.jobs import change_job
from cantilena.service.media_types import MEDIA_TYPES
from cantilena.service.object_names import output_object, output_route, score_object
from cantilena.service.song_progress import Moment
from cantilena.tracing import log_event, stopwatch

_LEAVING_SECONDS: Final = 3.0
"""What a process that has to stop spends on saying so."""
_PAUSES: Final = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between tries to reach a store; the last one again and again."""

_NOT_SUNG: Final = frozenset({"worker_unavailable", "shutting_down", "queue_full"})
"""What has nothing to do with the song: another process may sing it."""

Stop = Literal["canceled", "lost", "leaving"]
Ending = Callable[[Job], Job]
ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRunOptions:
    """How much at once, and how long things may take.

    Attributes
    ----------
    lanes : int
        Songs at once.
    ready_seconds : float
        How long a singer that is not ready is waited for.
    song_seconds : float
        What the singing of one song may take.
    lease_seconds : float
        How long a process is believed to be alive that is not heard of.
    patience_seconds : float
        How long a store is waited for with a song that is sung.
    """

    lanes: int = 1
    ready_seconds: float = 20.0
    song_seconds: float = 6 * 3600.0
    lease_seconds: float = LEASE_SECONDS
    patience_seconds: float = 600.0


class JobAttempt:
    """One attempt, begun by a claim; :meth:`run` is called once.

    Parameters
    ----------
    job : Job
        As it was claimed.
    jobs : JobStore
        Where it is kept.
    objects : ObjectStore
        Where its score is, and its files go.
    singer : Singer
        Sings.
    folder : Path
        What is shared with the singer.
    holder : str
        Who claimed it.
    options : JobRunOptions
        Limits.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        job: Job,
        *,
        jobs: JobStore,
        objects: ObjectStore,
        singer: Singer,
        folder: Path,
        holder: str,
        options: JobRunOptions,
        now: Callable[[], float],
    ) -> None:
        self._job = job
        self._jobs = jobs
        self._objects = objects
        self._singer = singer
        self._folder = folder
        self._holder = holder
        self._options = options
        self._now = now
        self._heartbeats = Heartbeats(holder, lease_seconds=options.lease_seconds)
        self._moment = Moment(step=job.step, message=job.message, progress=job.progress)
        self._news = anyio.Event()
        self._seen: StoredJob | None = None
        self._song = anyio.CancelScope()
        self._stop: Stop | None = None
        self._stored: list[str] = []
        self._threads = anyio.CapacityLimiter(4)  # its own: those of the requests may all wait for a store

    async def run(self) -> Job | None:
        """Sing the job, and write how that ended.

        Returns
        -------
        Job or None
            As it was left: finished, or still running where somebody else is to go on; None: it is in other hands, or
            gone.

        Raises
        ------
        JobStoreError
            ``jobs_unreachable``: how it ended could not be written. Once its lease ran out it is begun again.
        """
        try:
            ending = await self._sing_looked_after()
            job = None if ending is None else await self._write_ending(ending)
        except anyio.get_cancelled_exc_class():
            release = partial(change.release, holder=self._holder, now=self._now())
            with anyio.move_on_after(_LEAVING_SECONDS, shield=True), suppress(CantilenaError, TooLate):
                await self._in_thread(partial(change_job, self._jobs, self._job.job_id, release))
            raise
        except JobStoreError as error:
            log_job("job_lost", self._job, severity="error", error_code=error.code)
            raise
        if job is None or job.status != "succeeded":
            await self._remove_stored()
        self._log_end(job)
        return job

    def leave(self) -> None:
        """Stop the song: this process ends. Somebody else may go on at once."""
        self._stop_song("leaving")

    # --- the song -----------------------------------------------------------------------------------------------

    async def _sing_looked_after(self) -> Ending | None:
        """How the job is to be written that it ended; None: it is in other hands, or gone."""
        ending: Ending | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._look_after)
            with self._song:
                ending = await self._sing()
            group.cancel_scope.cancel()
        match self._stop:
            case "canceled":
                return partial(change.give_up, holder=self._holder, now=self._now())
            case "leaving" if ending is None:
                return partial(change.release, holder=self._holder, now=self._now())
            case "lost":
                return None
        return ending

    async def _sing(self) -> Ending:
        asked = {name: value for name, value in self._job.request.items() if name != "score_name"}
        try:
            with self._shared_folder() as folder:
                score = folder / "score.musicxml"
                await self._patiently(partial(self._fetch, score))
                order = SongOrder(score=score, wishes=asked, folder=folder, seconds=self._options.song_seconds)
                song = await self._singer.sing(order, on_progress=self._heard)
                with stopwatch() as uploading:
                    outputs = [await self._patiently(partial(self._store, file)) for file in song.files]
        except Exception as error:  # whatever nobody foresaw: the job fails, no more
            if isinstance(error, CantilenaError) and error.code in _NOT_SUNG and self._job.attempt < MOST_ATTEMPTS:
                return partial(change.release, holder=self._holder, now=self._now())
            return partial(change.fail, holder=self._holder, now=self._now(), problem=problem_of(error))
        return partial(
            change.succeed, holder=self._holder, now=self._now(), result=self._result(song, outputs, uploading[0])
        )

    @contextmanager
    def _shared_folder(self) -> Iterator[Path]:
        """A folder for the files of this attempt; what a thread that was left behind still writes goes with it."""
        folder = Path(mkdtemp(prefix=f"{self._job.job_id}-{self._job.attempt}-", dir=self._folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _heard(self, step: str, message: str, progress: float) -> None:
        is_further = step != self._moment.step
        self._moment = Moment(step=step, message=message, progress=progress)
        if is_further:
            self._news.set()

    def _fetch(self, score: Path) -> None:
        name = score_object(self._job.session_id, self._job.score_sha256)
        try:
            with score.open("wb") as file:
                file.writelines(self._objects.stream(name))
        except StorageError as error:
            if error.code == "storage_object_missing":
                raise _score_lost() from error
            raise
        if file_sha256(score) != self._job.score_sha256:
            raise _score_lost()

    def _store(self, file: SongFile) -> JobOutput:
        name = output_object(self._job.session_id, self._job.job_id, self._job.attempt, file.path.name)
        self._stored.append(name)
        self._objects.replace(name, file.path, media_type=MEDIA_TYPES[file.format])
        return JobOutput(
            name=file.path.name,
            kind=file.kind,
            format=file.format,
            bytes=file.path.stat().st_size,
            sha256=file_sha256(file.path),
            duration_seconds=file.duration_seconds,
            sample_rate=file.sample_rate,
        )

    def _result(self, song: SungSong, outputs: list[JobOutput], upload_ms: float) -> JobResult:
        job = self._job
        waited = 1000.0 * ((job.started_at or job.created_at) - job.created_at)
        return JobResult(
            voicebank=song.voicebank,
            outputs=tuple(outputs),
            warnings=song.warnings,
            timings_ms={**song.timings_ms, "queue": round(waited, 1), "upload": round(upload_ms, 1)},
            audio_seconds=song.audio_seconds,
            rtf=song.rtf,
            audio_url=output_route(job.session_id, job.job_id, outputs[0].name),
        )

    # --- beside the song ----------------------------------------------------------------------------------------

    async def _look_after(self) -> None:
        while True:
            try:
                await self._look()
            except JobStoreError:  # it may answer the next time
                pass
            except Exception as error:  # whatever it is, the song needs its lease
                log_event("internal_error", severity="error", exc_info=error)
            with anyio.move_on_after(POLL_SECONDS):
                await self._news.wait()
            self._news = anyio.Event()

    async def _look(self) -> None:
        """Renew the lease, write how far the song is, and find out whether it is still wanted.

        What can be written at the revision that was seen last has been changed by nobody, which spares a reading.
        """
        if self._seen is not None and await self._write_due(self._seen):
            return
        self._seen = await self._in_thread(partial(self._jobs.read, self._job.job_id))
        if self._seen is None or not self._heartbeats.holds(self._seen.job):
            self._stop_song("lost")
        elif self._seen.job.cancel_requested:
            self._stop_song("canceled")
        else:
            await self._write_due(self._seen)

    async def _write_due(self, seen: StoredJob) -> bool:
        """Whether something was due, and is written."""
        changed = self._heartbeats.due(seen.job, self._moment, now=self._now())
        if changed is None:
            return False
        self._seen = None  # whatever goes wrong, it may have been written
        try:
            revision = await self._in_thread(partial(self._jobs.write, changed, revision=seen.revision))
        except JobStoreError as error:
            if error.code in ("job_changed", "job_missing"):
                return False
            raise
        self._heartbeats.wrote()
        self._seen = StoredJob(job=changed, revision=revision)
        return True

    def _stop_song(self, stop: Stop) -> None:
        if self._stop is None:
            self._stop = stop
            self._song.cancel()

    # --- its end ------------------------------------------------------------------------------------------------

    async def _write_ending(self, ending: Ending) -> Job | None:
        """Write how the song ended; None: the job is in other hands, or gone."""
        written: Job | None = None

        def change_once(job: Job) -> Job:
            nonlocal written
            if written is not None and job.is_finished and (job.status, job.seq) == (written.status, written.seq):
                return job  # it was written, and the answer got lost
            written = ending(job)
            return written

        with suppress(TooLate, OptionError):
            return await self._patiently(partial(change_job, self._jobs, self._job.job_id, change_once))
        return None

    async def _remove_stored(self) -> None:
        """Leave nothing of an attempt that nobody will ask for."""
        for name in self._stored:
            with suppress(StorageError):
                await self._in_thread(partial(self._objects.delete, name))

    def _log_end(self, job: Job | None) -> None:
        if job is None:
            log_job("job_lost", self._job, severity="warning", status="unknown")
        elif job.status == "running":
            log_job("job_lost", job, severity="warning")
        else:
            log_job("job_canceled" if job.status == "canceled" else "job_finished", job)

    # --- patience -----------------------------------------------------------------------------------------------

    async def _patiently(self, work: Callable[[], ResultT]) -> ResultT:
        """Do something with a store in a thread, again and again while it is out of reach."""
        end, pauses = monotonic() + self._options.patience_seconds, iter(_PAUSES)
        while True:
            try:
                return await self._in_thread(work)
            except (StorageError, JobStoreError) as error:
                if not error.retryable or monotonic() >= end:
                    raise
                log_event("job_store_waited_for", severity="warning", error_code=error.code)
            await anyio.sleep(next(pauses, _PAUSES[-1]))

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        return await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)


def _score_lost() -> InferenceError:
    return InferenceError("score_lost", "The score of this job is not there any more.", hint="Ask for the song again.")
