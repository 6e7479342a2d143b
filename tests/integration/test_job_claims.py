"""Processes that want the same jobs at the same moment: each job is one's, and what a dead one writes late is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cantilena.ports.jobs import Job, JobStore, JobStoreError
from cantilena.service import job_changes as change
from cantilena.service.job_changes import LEASE_SECONDS, JobResult, TooLate
from cantilena.service.jobs import change_job
from tests.conftest import ROOT
from tests.emulators.claimers import open_store
from tests.emulators.stores import DOCUMENT_STORES

PROCESSES, THREADS = 2, 16
JOBS = [f"job-{n}" for n in range(10)]


def make_job(job_id: str) -> Job:
    now = time.time()
    return Job(job_id=job_id, session_id="s", owner="o", created_at=now, updated_at=now, expires_at=now + 600)


@pytest.fixture(params=[kind for kind in DOCUMENT_STORES if kind != "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "cantilena.sqlite")
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore_emulator").host)
    return f"firestore:claims-{os.getpid()}-{time.time_ns()}"


def test_of_thirty_two_claimers_in_two_processes_one_wins_each_job(place: str) -> None:
    store = open_store(place)
    for job_id in JOBS:
        store.create(make_job(job_id))
    command = [sys.executable, "-m", "tests.emulators.claimers", place]
    crowd = [
        subprocess.Popen([*command, f"p{n}", str(THREADS), *JOBS], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)
        for n in range(PROCESSES)
    ]  # fmt: skip
    for process in crowd:
        assert process.stdout.readline() == "ready\n"
    for process in crowd:
        process.stdin.write("go\n")
        process.stdin.flush()
    won = [line.split() for process in crowd for line in process.communicate(timeout=60)[0].splitlines()]
    assert [process.returncode for process in crowd] == [0] * PROCESSES
    assert Counter(job_id for job_id, _ in won) == dict.fromkeys(JOBS, 1)
    for job_id, holder in won:
        job = store.read(job_id).job
        assert (job.lease.holder, job.attempt, job.seq) == (holder, 1, 1)
    store.close()


def test_what_a_dead_attempt_writes_late_changes_nothing(place: str) -> None:
    store = open_store(place)
    store.create(make_job("one"))
    now = time.time()
    claim(store, "dead", now)
    dead = store.read("one")
    claim(store, "next", now + LEASE_SECONDS + 1)
    after = store.read("one")
    result = JobResult(voicebank=("v", "1"), outputs=(), warnings=(), timings_ms={}, audio_seconds=1.0, rtf=1.0,
                       audio_url="/late")  # fmt: skip
    late = {
        "succeed": lambda job: change.succeed(job, holder="dead", now=now + 60, result=result),
        "advance": lambda job: change.advance(job, holder="dead", now=now + 60, step="pitch", message="", progress=0.9),
        "renew": lambda job: change.renew(job, holder="dead", now=now + 60),
        "give up": lambda job: change.give_up(job, holder="dead", now=now + 60),
    }
    for written in late.values():
        with pytest.raises(JobStoreError, check=lambda error: error.code == "job_changed"):
            store.write(written(dead.job), revision=dead.revision)
        with pytest.raises(TooLate):
            change_job(store, "one", written)
    assert store.read("one") == after
    store.close()


def claim(store: JobStore, holder: str, now: float) -> None:
    change_job(store, "one", lambda job: change.claim(job, holder=holder, now=now))
