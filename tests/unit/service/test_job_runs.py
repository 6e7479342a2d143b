"""What a process of the service does with a job whose singer or stores fail in ways that a real one seldom does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from cantilena.adapters.folder_objects import FolderObjects
from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.errors import InferenceError
from cantilena.ports.objects import StorageError
from cantilena.ports.singers import OnProgress, SongFile, SongOrder, SungSong
from cantilena.service.job_runs import JobRunOptions, JobRuns
from tests.workers.logs import logged
from tests.workers.studio import ask


class Scripted:
    """A singer who sings at once, or fails."""

    def __init__(self, error: Exception | None = None, *, is_ready: bool = True) -> None:
        self.error = error
        self.ready = is_ready
        self.begun = anyio.Event()
        self.may_end = anyio.Event()
        self.may_end.set()

    async def is_ready(self, *, seconds: float) -> bool:
        return self.ready

    async def sing(self, order: SongOrder, *, on_progress: OnProgress) -> SungSong:
        self.begun.set()
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        audio, timings = order.folder / "audio.wav", order.folder / "timings.json"
        audio.write_bytes(b"sound")
        timings.write_bytes(b"{}")
        return SungSong(
            files=(SongFile(path=audio, kind="audio", format="wav", duration_seconds=1.0, sample_rate=44100),
                   SongFile(path=timings, kind="timings", format="json")),
            voicebank=("Vesper_1.0", "abc"), warnings=(), timings_ms={}, audio_seconds=1.0, rtf=0.1,
        )  # fmt: skip


class Failing(FolderObjects):
    """Objects that cannot be written any more after some."""

    def __init__(self, folder: Path, *, takes: int, error: StorageError) -> None:
        super().__init__(folder)
        self.left = takes
        self.error = error

    def replace(self, name: str, source: Path | bytes, **options: str) -> None:
        if self.left == 0:
            raise self.error
        self.left -= 1
        super().replace(name, source, **options)


@pytest.fixture
def jobs() -> MemoryJobs:
    return MemoryJobs(now=lambda: 0.0)


@pytest.fixture
def make(jobs: MemoryJobs, tmp_path: Path) -> Callable[..., JobRuns]:
    def make_runs(singer: Scripted, objects: FolderObjects | None = None, **options: object) -> JobRuns:
        objects = objects or FolderObjects(tmp_path / "objects")
        ask(jobs, objects, now=0.0)
        return JobRuns(
            jobs, objects, singer, folder=tmp_path / "files", holder="test", options=JobRunOptions(**options),
            now=lambda: 0.0,
        )  # fmt: skip

    return make_runs


def run(runs: JobRuns) -> str:
    return anyio.run(runs.run, "j")


def unavailable() -> InferenceError:
    return InferenceError("worker_unavailable", "Nobody sings.", retryable=True)


def test_a_job_that_nobody_here_can_sing_is_handed_back_once(make, jobs):
    runs = make(Scripted(unavailable()))
    assert run(runs) == "busy"
    left = jobs.read("j").job
    assert (left.status, left.attempt, left.lease.until) == ("running", 1, 0.0)
    assert run(runs) == "done"
    assert (jobs.read("j").job.status, jobs.read("j").job.error.code) == ("failed", "worker_unavailable")


def test_a_job_is_not_begun_while_nobody_is_ready(make, jobs):
    assert run(make(Scripted(is_ready=False))) == "busy"
    assert jobs.read("j").job.status == "queued"


def test_what_nobody_foresaw_fails_the_job_and_is_logged(make, jobs):
    runs = make(Scripted(KeyError("secret")))
    with logged() as lines:
        assert run(runs) == "done"
    error = jobs.read("j").job.error
    assert (error.code, "secret" in error.message) == ("internal_error", False)
    assert [line["event"] for line in lines] == ["job_claimed", "internal_error", "job_finished"]


@pytest.mark.parametrize("code", ["storage_denied", "storage_unreachable"])
def test_a_song_that_cannot_be_stored_fails_and_leaves_nothing(make, jobs, tmp_path, code):
    error = StorageError(code, "It cannot be written.", retryable=code == "storage_unreachable")
    objects = Failing(tmp_path / "objects", takes=2, error=error)  # the score, and the audio
    assert run(make(Scripted(), objects, patience_seconds=0.1)) == "done"
    assert (jobs.read("j").job.status, jobs.read("j").job.error.code) == ("failed", code)
    assert objects.find("sessions/s/jobs/") == ()
    assert list((tmp_path / "files").iterdir()) == []


def test_whoever_is_cancelled_hands_the_job_back(make, jobs):
    async def main() -> None:
        singer = Scripted()
        singer.may_end = anyio.Event()
        runs = make(singer)
        async with anyio.create_task_group() as group:
            group.start_soon(runs.run, "j")
            await singer.begun.wait()
            assert runs.running == ("j",)
            group.cancel_scope.cancel()
        assert runs.running == ()

    anyio.run(main)
    left = jobs.read("j").job
    assert (left.status, left.lease.until) == ("running", 0.0)


def test_a_song_that_is_soon_over_is_waited_for_by_a_process_that_ends(make, jobs):
    async def main() -> None:
        singer = Scripted()
        singer.may_end = anyio.Event()
        runs = make(singer)
        async with anyio.create_task_group() as group:
            group.start_soon(runs.run, "j")
            await singer.begun.wait()
            group.start_soon(lambda: runs.close(seconds=60.0))
            await anyio.sleep(0.01)
            singer.may_end.set()

    anyio.run(main)
    assert jobs.read("j").job.status == "succeeded"
