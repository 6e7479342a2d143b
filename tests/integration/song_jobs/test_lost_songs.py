"""Songs whose process ends, whose store falls silent or whose time is up: sung once more, given up, or cleared away."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.errors import OptionError
from cantilena.ports.jobs import Job, JobStore, JobStoreError, Lease
from cantilena.service.job_changes import LEASE_SECONDS
from cantilena.service.song_jobs import SongJobs
from tests.integration.phrases import PHRASES, song_file
from tests.integration.song_jobs.songs import LONG, Clock, begun, files_of, in_every_store, wanted


@in_every_store
def test_another_process_can_wait_for_a_job_and_stop_it(make: Callable[..., SongJobs]) -> None:
    one, other = make(), make()
    begun(one, asked := one.submit(wanted(LONG)))
    assert other.cancel(asked.job_id).cancel_requested
    assert other.wait(asked.job_id, seconds=60).status == "canceled"
    sung = other.wait(one.submit(wanted()).job_id, seconds=60)
    assert sung.status == "succeeded"
    assert other.output(sung.job_id, "audio.wav").is_file()


def left_behind(jobs: SongJobs, store: JobStore, clock: Clock, *, attempt: int) -> Job:
    """A job whose process ended while it was sung, some time ago."""
    asked = jobs.submit(replace(wanted(), job_id="left"))
    jobs.close(seconds=60)
    stored = store.read(asked.job_id)
    dead = replace(
        stored.job, status="running", attempt=attempt, outputs=(), finished_at=None,
        lease=Lease(holder="dead", until=clock() - 1.0),
    )  # fmt: skip
    store.write(dead, revision=stored.revision)
    return dead


@in_every_store
def test_a_job_whose_process_ended_is_sung_once_more(
    make: Callable[..., SongJobs], store: JobStore, clock: Clock, tmp_path: Path
) -> None:
    dead = left_behind(make(), store, clock, attempt=1)
    (tmp_path / "jobs" / "left" / "1" / ".cantilena-abc.part").write_bytes(b"half a file")
    sung = make().wait(dead.job_id, seconds=60)
    assert (sung.status, sung.attempt) == ("succeeded", 2)
    assert files_of(tmp_path) == {"audio.wav", "timings.json", "take.json", "score.musicxml"}


_SINGS_UNTIL_KILLED = """
import sys, time
from pathlib import Path
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.service.song_jobs import SongJobRequest, SongJobs
from cantilena.service.song_wishes import SongWishes

score, store, folder = map(Path, sys.argv[1:])
jobs = SongJobs(SqliteJobs(store), folder, holder="killed")
jobs.submit(SongJobRequest(score=score, job_id="left", session_id="s", wishes=SongWishes(cache=False)))
jobs.wait("left", seconds=60, on_change=lambda job: print(job.message, flush=True))
"""


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_process_is_killed_while_it_sings_and_another_one_sings_the_song(
    make: Callable[..., SongJobs], tmp_path: Path, clock: Clock
) -> None:
    score = tmp_path / "song.musicxml"
    score.write_bytes(song_file(PHRASES * 10))
    singing = subprocess.Popen(
        [sys.executable, "-c", _SINGS_UNTIL_KILLED, score, tmp_path / "jobs.sqlite", tmp_path / "jobs"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with singing:
        for line in singing.stdout:
            if line.startswith("phrase 5 "):
                break
        singing.kill()
    clock.ahead = LEASE_SECONDS + 1.0
    sung = make().wait("left", seconds=60)
    assert (sung.status, sung.attempt, sung.message) == ("succeeded", 2, "done")
    assert files_of(tmp_path) == {"audio.wav", "timings.json", "take.json", "score.musicxml"}


@in_every_store
def test_a_job_that_was_lost_twice_fails_with_a_reason(
    make: Callable[..., SongJobs], store: JobStore, clock: Clock
) -> None:
    dead = left_behind(make(), store, clock, attempt=2)
    lost = make().wait(dead.job_id, seconds=60)
    assert (lost.status, lost.error.code, lost.error.retryable) == ("failed", "job_lost", True)


@in_every_store
def test_a_job_whose_process_lives_is_left_to_it(make: Callable[..., SongJobs], clock: Clock) -> None:
    one = make()
    begun(one, asked := one.submit(wanted(LONG)))
    waits = one.submit(wanted())
    other = make()
    time.sleep(0.3)
    assert other.waiting == 0
    assert one.get(asked.job_id).attempt == 1
    assert other.get(waits.job_id).status == "queued"
    one.cancel(asked.job_id)


@in_every_store
def test_who_lost_a_lease_writes_no_more(make: Callable[..., SongJobs], store: JobStore, clock: Clock) -> None:
    jobs = make()
    begun(jobs, asked := jobs.submit(wanted(LONG)))
    while True:  # against the heartbeats
        stored = store.read(asked.job_id)
        stolen = replace(stored.job, attempt=2, lease=Lease(holder="thief", until=clock() + LEASE_SECONDS))
        try:
            store.write(stolen, revision=stored.revision)
        except JobStoreError:
            continue
        break
    while jobs._songs.find(asked.job_id) is not None:
        time.sleep(0.05)
    assert store.read(asked.job_id).job == stolen


@in_every_store
def test_a_job_expires_with_its_files(
    make: Callable[..., SongJobs], store: JobStore, clock: Clock, tmp_path: Path
) -> None:
    jobs = make(keep_seconds=100.0)
    kept = jobs.wait(jobs.submit(wanted()).job_id, seconds=60)
    clock.ahead = 101.0
    with pytest.raises(OptionError):
        jobs.get(kept.job_id)
    (tmp_path / "jobs" / "never-was").mkdir()
    clock.ahead = 200.0
    make()
    end = time.monotonic() + 30
    while list((tmp_path / "jobs").iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    assert list((tmp_path / "jobs").iterdir()) == []


class Unreachable(MemoryJobs):
    """A store that does not answer for a while."""

    failures = 0

    def read(self, job_id: str):
        if self.failures:
            self.failures -= 1
            raise JobStoreError("jobs_unreachable", "Nobody answers.", retryable=True)
        return super().read(job_id)


def test_a_store_that_does_not_answer_for_a_while_loses_no_song(make: Callable[..., SongJobs], clock: Clock) -> None:
    store = Unreachable(now=clock)
    jobs = make(store=store)
    begun(jobs, asked := jobs.submit(wanted(song_file(PHRASES * 5))))
    store.failures = 3
    while store.failures:
        time.sleep(0.05)
    assert jobs.wait(asked.job_id, seconds=60).status == "succeeded"
