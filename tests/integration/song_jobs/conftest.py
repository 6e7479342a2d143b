"""What sings in the background: a tiny voicebank, a store, and processes that share it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.ports.jobs import JobStore
from cantilena.service.song_jobs import SongJobs
from tests.integration.phrases import FULL
from tests.integration.song_jobs.songs import Clock
from tests.voicebanks.build import TinyBank, build_voicebank


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_voicebank(tmp_path_factory.mktemp("banks"), TinyBank(name="Full", **FULL))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, bank: Path) -> None:
    monkeypatch.setenv("CANTILENA_THREADS", "1")
    monkeypatch.setenv("VOICEBANK_DIR", str(bank.parent))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> JobStore:
    kind = getattr(request, "param", "memory")
    return MemoryJobs(now=clock) if kind == "memory" else SqliteJobs(tmp_path / "jobs.sqlite", now=clock)


@pytest.fixture
def make(store: JobStore, tmp_path: Path, clock: Clock) -> Iterator[Callable[..., SongJobs]]:
    """Makes a process that sings; all of them share store and folder."""
    made: list[SongJobs] = []

    def make_jobs(**options: object) -> SongJobs:
        jobs = SongJobs(options.pop("store", store), tmp_path / "jobs", holder="test", now=clock, **options)
        made.append(jobs)
        return jobs

    yield make_jobs
    for jobs in made:
        jobs.close(seconds=0.0)


@pytest.fixture
def jobs(make: Callable[..., SongJobs]) -> SongJobs:
    return make()
