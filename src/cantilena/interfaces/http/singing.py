"""The singing of this process: its workers, the jobs they are given, and the search for jobs that were forgotten.

Conventions
-----------
The server answers before its workers run: what starts them, the protocol's SDK, takes a second to import, and a song
can wait for it. Everything here lives in the event loop of the server.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Final

import anyio
from anyio import to_thread

from cantilena.adapters.local_queue import LocalQueue
from cantilena.errors import CantilenaError, InferenceError
from cantilena.interfaces.http.composition import Service, song_seconds
from cantilena.ports.jobs import JobStore
from cantilena.ports.objects import ObjectStore
from cantilena.ports.singers import OnProgress, Singer, SongOrder, SungSong
from cantilena.process_folders import process_folder
from cantilena.service.job_runs import JobRunOptions, JobRuns, Outcome
from cantilena.service.job_sweep import SWEEP_SECONDS, JobSweep
from cantilena.settings import Settings, child_environment
from cantilena.settings.service import object_store
from cantilena.tracing import log_event

_TIDY_SECONDS: Final = 600.0
_FIRST_TIDY_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.1


class LateSinger:
    """A :class:`~cantilena.ports.singers.Singer` that comes some time after it is asked for."""

    def __init__(self) -> None:
        self._singer: Singer | None = None

    def arrive(self, singer: Singer | None) -> None:
        """From now on this one sings; None: nobody."""
        self._singer = singer

    async def is_ready(self, *, seconds: float) -> bool:
        with anyio.move_on_after(seconds):
            while self._singer is None:
                await anyio.sleep(_POLL_SECONDS)
            return await self._singer.is_ready(seconds=seconds)
        return False

    async def sing(self, order: SongOrder, *, on_progress: OnProgress) -> SungSong:
        if self._singer is None:
            raise InferenceError(
                "worker_unavailable", "Nobody sings here yet.", hint="Try again in a moment.", retryable=True
            )
        return await self._singer.sing(order, on_progress=on_progress)


class Singing:
    """What sings in this process.

    Parameters
    ----------
    settings : Settings
        How many workers, and who tells of jobs.
    jobs, objects
        Where jobs and their files are kept.

    Attributes
    ----------
    queue : LocalQueue
        Who is told of jobs that this process is to sing.
    is_ready : bool
        Whether a song would be begun at once.
    has_failed : bool
        Whether the workers cannot be kept, by a mistake of ours: this process had better end.
    """

    def __init__(self, settings: Settings, jobs: JobStore, objects: ObjectStore) -> None:
        self._settings = settings
        self._jobs = jobs
        self._objects = objects
        self._runs: JobRuns | None = None
        self._singer = LateSinger()
        self._stop = anyio.Event()
        self._closed = anyio.Event()
        self._is_closing = False
        self.is_ready = False
        self.has_failed = False
        self.queue = LocalQueue(self.run, lanes=settings.workers)

    @asynccontextmanager
    async def begun(self, service: Service) -> AsyncIterator[None]:
        """Sing as long as the block lasts; at its end songs that are sung are left to others, and the workers end."""
        with process_folder() as files:
            async with anyio.create_task_group() as group:
                self._runs = self._new_runs(files)
                lease = self._settings.job_lease_seconds
                sweep = JobSweep(service.jobs, service.dispatcher, seconds=min(SWEEP_SECONDS, lease / 2.0))
                group.start_soon(self._keep_workers, files)
                group.start_soon(sweep.run)
                group.start_soon(_keep_tidy, service)
                async with self.queue:
                    try:
                        yield
                    finally:
                        with anyio.CancelScope(shield=True):
                            await self.close()
                self._stop.set()
                group.cancel_scope.cancel()

    async def run(self, job_id: str) -> Outcome:
        """As :meth:`JobRuns.run`."""
        return "busy" if self._runs is None else await self._runs.run(job_id)

    async def close(self) -> None:
        """Take no more songs on, and give those that are sung a moment; whoever calls second waits for the first."""
        if not self._is_closing:
            self._is_closing = True
            try:
                if self._runs is not None:
                    await self._runs.close(seconds=_DRAIN_SECONDS)
            finally:
                self._closed.set()
        await self._closed.wait()

    def _new_runs(self, files: Path) -> JobRuns:
        settings = self._settings
        options = JobRunOptions(lanes=settings.workers, lease_seconds=settings.job_lease_seconds)
        seconds = song_seconds(settings)
        if seconds is not None:
            options = replace(options, song_seconds=seconds)
        return JobRuns(self._jobs, self._objects, self._singer, folder=files, holder="api", options=options)

    async def _keep_workers(self, files: Path) -> None:
        """Start the workers, and end them when the singing ends; without them there is nothing to serve for."""
        try:
            await self._live_with_workers(files)
        except Exception as error:  # whatever it is, another process may do better
            self.has_failed = True
            log_event("internal_error", severity="error", exc_info=error)

    async def _live_with_workers(self, files: Path) -> None:
        await to_thread.run_sync(import_module, "cantilena.worker.singer")
        from cantilena.worker import Worker, WorkerOptions
        from cantilena.worker.singer import WorkerSinger

        gc.freeze()  # a full collection over all these classes would stop every poll for sixty milliseconds
        options = WorkerOptions(drain_seconds=_DRAIN_SECONDS, end_seconds=_DRAIN_SECONDS)
        environment = child_environment(self._settings)
        async with AsyncExitStack() as stack:
            workers = [
                await stack.enter_async_context(
                    Worker(files=files, environment=environment, name=f"worker-{number}", options=options)
                )
                for number in range(self._settings.workers)
            ]
            self._singer.arrive(WorkerSinger(workers, files=files))
            stack.callback(self._singer.arrive, None)
            while not self._stop.is_set():
                self.is_ready = any(one.is_ready for one in workers)
                with anyio.move_on_after(_POLL_SECONDS):
                    await self._stop.wait()
            self.is_ready = False


async def _keep_tidy(service: Service) -> None:
    """Remove what has expired, now and then."""
    await anyio.sleep(_FIRST_TIDY_SECONDS)
    while True:
        try:
            removed = await to_thread.run_sync(service.sessions.remove_expired, abandon_on_cancel=True)
            if removed:
                log_event("sessions_removed", sessions=removed)
            if object_store(service.settings) == "folder":
                await to_thread.run_sync(service.sessions.remove_left_files, abandon_on_cancel=True)
        except CantilenaError as error:  # the next time, or another process
            log_event("sessions_not_removed", severity="warning", error_code=error.code)
        except Exception as error:  # whatever it is, the service goes on
            log_event("internal_error", severity="error", exc_info=error)
        await anyio.sleep(_TIDY_SECONDS)
