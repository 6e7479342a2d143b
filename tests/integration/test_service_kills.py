"""Processes of the service and their workers, killed while they sing: no job is lost, and none sung twice at once."""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import secrets
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from cantilena.publishing import push_voicebank
from tests.buckets.server import make_bucket, run_bucket_server
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.tasks import QUEUE, run_tasks
from tests.integration.phrases import FULL, PHRASES, song_file
from tests.serving.fleet import Api, Client, Fleet, running_fleet
from tests.tokens import PROJECT, Mint, run_key_server
from tests.voicebanks.build import TinyBank, build_voicebank

FEW = 8
JOBS = int(os.environ.get("CANTILENA_TEST_JOBS", FEW))
LEASE_SECONDS = 6
ADDRESS = "http://songs.test"
NOWHERE = "http://127.0.0.1:9"
SONG = song_file(PHRASES * 12)
"""A second or two of work."""
REASONS = {"job_lost", "worker_died", "worker_unavailable"}
ENDS = {"job_finished", "job_lost", "job_canceled"}


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    (tmp_path / "banks").mkdir()
    (tmp_path / "temporary").mkdir()
    build_voicebank(tmp_path / "banks", TinyBank(name="Full", **FULL))
    for name in ("PORT", "FIRESTORE_EMULATOR_HOST", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    return {
        "APP_ENV": "local", "DATA_DIR": str(tmp_path / "data"), "VOICEBANK_DIR": str(tmp_path / "banks"),
        "CANTILENA_THREADS": "1", "CANTILENA_CACHE_MAX_BYTES": "0", "TMPDIR": str(tmp_path / "temporary"),
        "JOB_LEASE_SECONDS": str(LEASE_SECONDS), "MAX_JOBS": "100",
    }  # fmt: skip


@pytest.fixture(params=["cloud"] if JOBS == FEW else ["cloud", "laptop"])
def client(request: pytest.FixtureRequest, tmp_path: Path, environment: dict[str, str]) -> Iterator[Client]:
    """Asks two processes, which share either what a laptop has or what the cloud has, queue and users included."""
    fleet = Fleet(folder=tmp_path, environment=environment)
    with ExitStack() as stack:
        mint = Mint()
        if request.param == "cloud":
            emulator = request.getfixturevalue("firestore_emulator")
            fleet.environment = {**environment, **stack.enter_context(cloud(tmp_path, fleet, mint, emulator))}
        stack.enter_context(running_fleet(fleet, 2))
        yield stack.enter_context(Client(fleet, token=mint.firebase("clara")))


@contextmanager
def cloud(folder: Path, fleet: Fleet, mint: Mint, firestore: FirestoreEmulator) -> Iterator[dict[str, str]]:
    """The environment of processes in a cloud of their own, whose queue calls whoever of them lives."""
    turn = itertools.count()

    def to_whoever_lives(url: str) -> str:
        living = list(fleet.living)
        return url.replace(ADDRESS, living[next(turn) % len(living)].serve.url if living else NOWHERE)

    with (
        run_bucket_server(folder / "bucket") as bucket,
        run_key_server(mint) as keys,
        run_tasks(mint, route=to_whoever_lives) as tasks,
        pytest.MonkeyPatch.context() as patch,
    ):
        make_bucket(bucket, "songs")
        place = {"STORAGE_EMULATOR_HOST": bucket.url, "STORAGE_BUCKET": "songs", "NO_GCE_CHECK": "true"}
        for name, value in place.items():
            patch.setenv(name, value)
        push_voicebank(folder / "banks" / "Full")
        yield place | {
            "APP_ENV": "prod", "ALLOW_EMULATORS": "rehearsal", "GOOGLE_CLOUD_PROJECT": f"kills-{secrets.token_hex(6)}",
            "FIRESTORE_EMULATOR_HOST": firestore.host, "VOICEBANK_CACHE_DIR": str(folder / "voicebanks"),
            "LINK_SIGNING_KEY": secrets.token_hex(32), "IDENTITY": "firebase", "FIREBASE_PROJECT": PROJECT,
            "IDENTITY_CERTS_URL": keys.url, "DISPATCH": "tasks", "TASKS_QUEUE": QUEUE,
            "TASKS_SERVICE_ACCOUNT": "tasks@songs.test", "SERVICE_URL": ADDRESS, "TASKS_EMULATOR_HOST": tasks.host,
            "MAX_REQUESTS_PER_MINUTE": "0",
        }  # fmt: skip
        assert 204 in {delivery.status for delivery in tasks.deliveries}


@pytest.mark.timeout(120 + 30 * JOBS)
def test_no_job_is_lost_or_sung_twice_at_once_whoever_is_killed(client):
    fleet = client.fleet
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
    assert killer.processes >= 2
    assert killer.workers >= 1
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
    """Kills processes that sing, and workers that do, as often as there are jobs."""

    def __init__(self, fleet: Fleet, chance: random.Random) -> None:
        super().__init__(name="killer")
        self._fleet = fleet
        self._chance = chance
        self._is_over = threading.Event()
        self.processes = self.workers = 0

    def run(self) -> None:
        while self.processes + self.workers < JOBS and not self._is_over.wait(self._chance.uniform(0.2, 1.5)):
            singing = [api for api in self._fleet.living if is_singing(api)]
            if not singing:
                continue
            api = self._chance.choice(singing)
            if self.processes <= self.workers:
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


def is_singing(api: Api) -> bool:
    claimed = {(line["job_id"], line["attempt"]) for line in api.lines() if line["event"] == "job_claimed"}
    return bool(claimed - {(line["job_id"], line.get("attempt")) for line in api.lines() if line["event"] in ENDS})


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
