"""Processes of the service and their workers, killed while they sing: no job is lost, and none sung twice at once."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.phrases import FULL, PHRASES, song_file
from tests.serving.fleet import Api, Client, Fleet, running_fleet
from tests.voicebanks.build import TinyBank, build_voicebank

JOBS = int(os.environ.get("CANTILENA_TEST_JOBS", "8"))
LEASE_SECONDS = 5
SONG = song_file(PHRASES * 12)
"""A second or two of work."""
REASONS = {"job_lost", "worker_died", "worker_unavailable"}
ENDS = {"job_finished", "job_lost", "job_canceled"}


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    (tmp_path / "banks").mkdir()
    (tmp_path / "temporary").mkdir()
    build_voicebank(tmp_path / "banks", TinyBank(name="Full", **FULL))
    for name in ("PORT", "FIRESTORE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    environment = {
        "APP_ENV": "local", "DATA_DIR": str(tmp_path / "data"), "VOICEBANK_DIR": str(tmp_path / "banks"),
        "CANTILENA_THREADS": "1", "CANTILENA_CACHE_MAX_BYTES": "0", "TMPDIR": str(tmp_path / "temporary"),
        "JOB_LEASE_SECONDS": str(LEASE_SECONDS), "MAX_JOBS": "100",
    }  # fmt: skip
    with running_fleet(tmp_path, 2, environment) as fleet:
        yield fleet


@pytest.mark.timeout(120 + 30 * JOBS)
def test_no_job_is_lost_or_sung_twice_at_once_whoever_is_killed(fleet):
    client = Client(fleet)
    session = client.ask("POST", "/sessions").json()["session_id"]
    assert client.ask("PUT", f"/sessions/{session}/score", content=SONG).status_code == 200
    jobs = [
        client.ask(
            "POST", f"/sessions/{session}/jobs", json={"seed": number, "cache": False},
            headers={"Idempotency-Key": f"song-{number}"},
        ).json()["job_id"]
        for number in range(JOBS)
    ]  # fmt: skip
    killer = Killer(fleet, random.Random(20261122))
    killer.start()
    ended = {job_id: wait_for(client, f"/sessions/{session}/jobs/{job_id}") for job_id in jobs}
    killer.end()
    assert killer.processes + killer.workers >= JOBS / 2
    assert len(set(jobs)) == len(ended) == JOBS

    for job_id, job in ended.items():
        if job["status"] == "failed":
            assert job["error"]["code"] in REASONS
            assert job["error"]["retryable"]
            continue
        assert job["status"] == "succeeded"
        for output in job["outputs"]:
            answer = client.ask("GET", f"/sessions/{session}/jobs/{job_id}/outputs/{output['name']}")
            assert (len(answer.content), hashlib.sha256(answer.content).hexdigest()) == (
                output["bytes"], output["sha256"],
            )  # fmt: skip
    assert sum(job["status"] == "succeeded" for job in ended.values()) >= JOBS / 2
    assert max(job["attempt"] for job in ended.values()) == 2  # a process was killed that sang
    for api in list(fleet.living):
        fleet.kill(api)
    client.close()
    print(
        f"{killer.processes} processes and {killer.workers} workers killed,", Counter(map(outcome_of, ended.values()))
    )

    sung = [attempt for api in fleet.all for attempt in attempts_of(api)]
    assert {attempt.job_id for attempt in sung} == set(jobs)
    assert len(sung) > JOBS
    by_job = defaultdict(list)
    for attempt in sorted(sung, key=lambda attempt: attempt.begin):
        by_job[attempt.job_id].append(attempt)
    for attempts in by_job.values():
        assert [attempt.number for attempt in attempts] == list(range(1, len(attempts) + 1))
        for one, other in itertools.pairwise(attempts):
            assert one.end < other.begin


def outcome_of(job: dict) -> str:
    return f"{job['error']['code'] if job['error'] else job['status']} at attempt {job['attempt']}"


def wait_for(client: Client, path: str) -> dict:
    """A job once it is finished; it goes no step back meanwhile, whoever tells of it."""
    seq, progress = -1, 0.0
    while True:
        answer = client.ask("GET", path)
        assert answer.status_code == 200, answer.text
        job = answer.json()
        assert (job["seq"], job["progress"]) >= (seq, progress)
        assert job["progress"] >= progress
        seq, progress = job["seq"], job["progress"]
        if job["status"] in ("succeeded", "failed", "canceled"):
            return job
        time.sleep(0.1)


class Killer(threading.Thread):
    """Kills processes of the service, and workers of it, now and then."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        super().__init__(name="killer")
        self._fleet = fleet
        self._chance = chance
        self._is_over = threading.Event()
        self.processes = self.workers = 0

    def run(self) -> None:
        while not self._is_over.wait(self._chance.uniform(0.5, 3.0)):
            api = self._chance.choice(self._fleet.living)
            if self._chance.random() < 0.5:
                self._fleet.kill(api)
                self._fleet.start()
                self.processes += 1
            else:
                for pid in api.serve.children():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        self.workers += 1

    def end(self) -> None:
        self._is_over.set()
        self.join()


@dataclass(frozen=True)
class Attempt:
    """An attempt at a job as the log of one process tells it; seconds of the wall clock."""

    job_id: str
    number: int
    begin: float
    end: float


def attempts_of(api: Api) -> Iterator[Attempt]:
    """From each claim to the line that says how it ended, or to the death of the process."""
    begun: dict[tuple[str, int], float] = {}
    for line in api.lines():
        if line["event"] == "job_claimed":
            begun[line["job_id"], line["attempt"]] = seconds_of(line["time"])
        elif line["event"] in ENDS and (line["job_id"], line.get("attempt")) in begun:
            key = (line["job_id"], line["attempt"])
            yield Attempt(*key, begin=begun.pop(key), end=seconds_of(line["time"]))
    for (job_id, number), begin in begun.items():
        assert api.killed_at is not None
        yield Attempt(job_id, number, begin=begin, end=api.killed_at)


def seconds_of(time_of_line: str) -> float:
    return datetime.fromisoformat(time_of_line).timestamp()
