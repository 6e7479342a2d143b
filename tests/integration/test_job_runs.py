"""Jobs of a service, sung by a real worker with a tiny voicebank, whatever happens meanwhile."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from cantilena.adapters.folder_objects import FolderObjects
from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.ports.jobs import Job, JobStoreError, Lease, StoredJob
from cantilena.ports.objects import StorageError
from cantilena.service import job_changes as change
from cantilena.service.job_changes import LEASE_SECONDS
from cantilena.service.jobs import change_job
from cantilena.service.object_names import output_object
from cantilena.tracing import STEPS, log_context
from tests.integration.phrases import PHRASES, song_file
from tests.workers.logs import logged
from tests.workers.processes import wait_until
from tests.workers.studio import LONG, MIDDLING, Studio, ask, tiny_studio


class Clock:
    """The wall clock, put forward at will."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Jobs(MemoryJobs):
    """Jobs whose store may be out of reach, and that remember everything that was written."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        super().__init__(now=now)
        self.is_away = False
        self.loses_answers = False
        self.reads = 0
        self.written: list[tuple[float, Job]] = []

    def read(self, job_id: str) -> StoredJob | None:
        self._reach()
        self.reads += 1
        return super().read(job_id)

    def write(self, job: Job, *, revision: str) -> str:
        self._reach()
        new = super().write(job, revision=revision)
        self.written.append((time.monotonic(), job))
        if self.loses_answers and job.is_finished:
            self.loses_answers = False
            raise away()
        return new

    def _reach(self) -> None:
        if self.is_away:
            raise away()


class Objects(FolderObjects):
    """Objects that may be out of reach."""

    is_away = False

    def replace(self, name: str, source: Path | bytes, **options: str) -> None:
        if self.is_away:
            raise StorageError("storage_unreachable", "Nobody answers.", retryable=True)
        super().replace(name, source, **options)


def away() -> JobStoreError:
    return JobStoreError("jobs_unreachable", "Nobody answers.", retryable=True)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    with tiny_studio(tmp_path_factory.mktemp("studio")) as studio:
        yield studio


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(clock: Clock) -> Jobs:
    return Jobs(now=clock)


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects")


def read(jobs: MemoryJobs, job_id: str = "j") -> Job:
    return MemoryJobs.read(jobs, job_id).job


def begun(jobs: MemoryJobs, job_id: str = "j") -> Job:
    """The job as soon as some of it is sung."""
    wait_until(lambda: read(jobs, job_id).step == "postprocess", 30.0)
    return read(jobs, job_id)


def files_of(objects: FolderObjects) -> list[str]:
    return [found.name for found in objects.find("sessions/s/jobs/")]


@pytest.mark.parametrize("store", [MemoryJobs, SqliteJobs])
def test_a_job_is_sung_and_its_files_are_stored(studio, objects, clock, store, tmp_path):
    jobs = store(now=clock) if store is MemoryJobs else store(tmp_path / "jobs.sqlite", now=clock)
    runs = studio.runs(jobs, objects, now=clock)
    ask(jobs, objects, now=clock(), format="flac", seed=7, measures="1-2")
    assert studio.run(runs, "j") == "done"
    job = jobs.read("j").job
    assert (job.status, job.progress, job.attempt, job.message) == ("succeeded", 1.0, 1, "done")
    assert job.audio_url == "/sessions/s/jobs/j/outputs/audio.flac"
    assert job.voicebank[0] == "Full"
    assert {*STEPS, "parse", "voicebank", "queue", "encode", "upload", "total"} <= set(job.timings_ms)
    assert [(output.name, output.kind) for output in job.outputs] == [
        ("audio.flac", "audio"), ("timings.json", "timings"),
    ]  # fmt: skip
    contents = [b"".join(objects.stream(output_object("s", "j", 1, output.name))) for output in job.outputs]
    for output, content in zip(job.outputs, contents, strict=True):
        assert (output.bytes, output.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    sound = soundfile.info(io.BytesIO(contents[0]))
    assert job.audio_seconds == pytest.approx(sound.duration, abs=0.01)
    assert job.outputs[0].duration_seconds == pytest.approx(sound.duration, abs=0.01)
    assert job.outputs[0].sample_rate == sound.samplerate
    assert len(json.loads(contents[1])["phrases"]) == 2
    assert list(studio.files.iterdir()) == []
    with log_context(session_id="s"):
        assert studio.call("list_jobs").content["jobs"] == []
    assert studio.run(runs, "j") == "done"
    assert jobs.read("j").job == job


def test_progress_is_written_when_the_step_moves_on_and_now_and_then(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=song_file(PHRASES * 25))
    runs, begin = studio.runs(jobs, objects, now=clock), time.monotonic()
    studio.run(runs, "j")
    assert jobs.reads <= 2 + 2 * (time.monotonic() - begin)  # which is what the cloud bills
    written = [job for _, job in jobs.written]
    assert written[-1].status == "succeeded"
    assert [job.seq for job in written] == sorted({job.seq for job in written})
    for before, after in itertools.pairwise(written):
        assert before.progress <= after.progress
        assert before.step == after.step or STEPS.index(after.step) > (STEPS.index(before.step) if before.step else -1)
    inside = [at for at, job in jobs.written if job.status == "running" and job.step == "postprocess"]
    assert len(inside) >= 2
    assert all(after - before > 1.9 for before, after in itertools.pairwise(inside))


def test_a_song_that_cannot_be_sung_says_why(studio, jobs, objects, clock):
    ask(jobs, objects, "gone", now=clock(), score=song_file(PHRASES[:1]))
    for stored in objects.find("sessions/s/scores/"):
        objects.delete(stored.name)
    ask(jobs, objects, "k", now=clock(), part="Tuba")
    runs = studio.runs(jobs, objects, now=clock)
    for job_id in ("gone", "k"):
        assert studio.run(runs, job_id) == "done"
    assert (read(jobs, "gone").status, read(jobs, "gone").error.code) == ("failed", "score_lost")
    assert (read(jobs, "k").status, read(jobs, "k").error.code) == ("failed", "part_unknown")
    assert "Tuba" in read(jobs, "k").error.message


@pytest.mark.parametrize("while_singing", [False, True])
def test_a_job_is_stopped_and_so_is_its_song(studio, jobs, objects, clock, while_singing):
    ask(jobs, objects, now=clock(), score=LONG)
    runs = studio.runs(jobs, objects, now=clock)
    with logged() as lines:
        running = studio.begin(runs, "j")
        if while_singing:
            begun(jobs)
        else:
            wait_until(lambda: read(jobs).status == "running")
        change_job(jobs, "j", lambda job: change.request_cancel(job, now=clock()))
        assert running.result(10) == "done"
        wait_until(lambda: not while_singing or any(line["event"] == "synthesize_total" for line in lines))
    assert all(line["outcome"] == "canceled" for line in lines if line["event"] == "synthesize_total")
    assert (read(jobs).status, read(jobs).error) == ("canceled", None)
    assert [line["event"] for line in lines if line["event"].startswith("job_")] == ["job_claimed", "job_canceled"]
    assert list(studio.files.iterdir()) == []
    assert files_of(objects) == []
    ask(jobs, objects, "next", now=clock())
    studio.run(runs, "next")
    assert read(jobs, "next").status == "succeeded"


def test_a_job_in_other_hands_is_left_to_them(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=LONG)
    running = studio.begin(studio.runs(jobs, objects, now=clock), "j")
    begun(jobs)
    thief = Lease(holder="thief", until=clock() + LEASE_SECONDS)
    stolen = change_job(jobs, "j", lambda job: replace(job, attempt=2, lease=thief))
    assert running.result(10) == "elsewhere"
    assert read(jobs) == stolen
    assert files_of(objects) == []


def test_a_job_that_is_deleted_is_stopped(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=LONG)
    running = studio.begin(studio.runs(jobs, objects, now=clock), "j")
    begun(jobs)
    jobs.delete("j")
    assert running.result(10) == "elsewhere"
    assert files_of(objects) == []


def test_stores_that_are_out_of_reach_stop_no_song(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=MIDDLING)
    running = studio.begin(studio.runs(jobs, objects, now=clock), "j")
    begun(jobs)
    jobs.is_away = objects.is_away = True
    clock.ahead = 2 * LEASE_SECONDS  # its lease runs out, and nobody takes it
    time.sleep(1.0)
    while list(studio.files.glob("*/audio.wav")) == []:
        time.sleep(0.05)
    objects.is_away = False
    time.sleep(1.0)
    assert not running.done()
    jobs.is_away = False
    assert running.result(20) == "done"
    assert (read(jobs).status, read(jobs).attempt) == ("succeeded", 1)


def test_an_answer_that_is_lost_costs_no_song(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock())
    jobs.loses_answers = True
    studio.run(studio.runs(jobs, objects, now=clock), "j")
    assert not jobs.loses_answers
    assert read(jobs).status == "succeeded"
    assert len(files_of(objects)) == 2


def test_a_worker_that_dies_is_not_noticed(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=MIDDLING)
    running = studio.begin(studio.runs(jobs, objects, now=clock), "j")
    begun(jobs)
    os.kill(studio.worker.pid, signal.SIGKILL)
    assert running.result(60) == "done"
    assert (read(jobs).status, read(jobs).attempt) == ("succeeded", 1)
    written = [job for _, job in jobs.written]
    assert all(before.progress <= after.progress for before, after in itertools.pairwise(written))


def test_a_process_that_ends_leaves_its_job_to_others_at_once(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=MIDDLING)
    one, other = (studio.runs(jobs, objects, now=clock) for _ in range(2))
    running = studio.begin(one, "j")
    begun(jobs)
    studio.portal.call(lambda: one.close(seconds=0.0))
    assert running.result(1) == "busy"
    assert studio.run(one, "j") == "busy"
    assert read(jobs).status == "running"
    with logged() as lines:
        assert studio.run(other, "j") == "done"
    assert (read(jobs).status, read(jobs).attempt) == ("succeeded", 2)
    assert [line["event"] for line in lines if line["event"].startswith("job_")] == [
        "job_lost", "job_claimed", "job_finished",
    ]  # fmt: skip


def test_a_job_that_was_lost_twice_fails_with_a_reason(studio, jobs, objects, clock):
    job = ask(jobs, objects, now=clock())
    jobs.write(replace(job, status="running", attempt=2, lease=Lease(holder="dead", until=clock() - 1)), revision="0")
    assert studio.run(studio.runs(jobs, objects, now=clock), "j") == "done"
    assert (read(jobs).status, read(jobs).error.code) == ("failed", "job_lost")


def test_only_one_song_at_a_time_and_each_by_one_process(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock(), score=LONG)
    ask(jobs, objects, "k", now=clock())
    one, other = (studio.runs(jobs, objects, now=clock) for _ in range(2))
    running = studio.begin(one, "j")
    begun(jobs)
    assert studio.run(one, "k") == "busy"
    assert studio.run(one, "j") == "elsewhere"
    change_job(jobs, "j", lambda job: change.request_cancel(job, now=clock()))
    assert running.result(10) == "done"
    lease = Lease(holder="another", until=clock() + 10.0)
    change_job(jobs, "k", lambda job: replace(job, status="running", attempt=1, lease=lease))
    assert studio.run(other, "k") == "elsewhere"
    assert studio.run(other, "no-such-job") == "done"


def test_the_life_of_a_job_is_in_the_log(studio, jobs, objects, clock):
    ask(jobs, objects, now=clock() - 3.0)
    runs = studio.runs(jobs, objects, now=clock)

    async def run() -> None:
        with log_context(request_id="r", trace="0af7651916cd43dd8448eb211c80319c"):
            await runs.run("j")

    with logged() as lines:
        studio.portal.call(run)
        wait_until(lambda: any(line["event"] == "synthesize_total" for line in lines))
    of_job = [line for line in lines if line.get("job_id") == "j"]
    events = [line for line in of_job if line["event"].startswith("job_")]
    assert [line["event"] for line in events] == ["job_claimed", "job_finished"]
    assert (events[1]["status"], events[1]["error_code"]) == ("succeeded", None)
    assert events[1]["queue_ms"] > 3000.0
    assert events[1]["elapsed_ms"] > 0.0
    assert [line["step"] for line in of_job if line["event"] == "synthesize_step"] == list(STEPS)
    for line in of_job:
        assert (line["session_id"], line["attempt"], line["request_id"]) == ("s", 1, "r")
        assert line["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
