"""Jobs watched by many: how often the store is read, and that nobody is told less than he knows."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import anyio
import pytest

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.ports.jobs import Job, JobStoreError, StoredJob
from cantilena.service import job_changes as change
from cantilena.service.job_watch import JobWatch, Known
from cantilena.service.jobs import change_job
from cantilena.service.telling_jobs import TellingJobs

NOW = 1_000_000.0
ASKED = Job(job_id="j", session_id="s", owner="o", created_at=NOW, updated_at=NOW, expires_at=NOW + 1000)


class Store(MemoryJobs):
    """A store of jobs that others write to, as well; it counts readings, and can be slow or out of reach."""

    def __init__(self) -> None:
        super().__init__(now=lambda: NOW)
        self.readings = 0
        self.slowness = 0.0
        self.is_out_of_reach = False

    def read(self, job_id: str) -> StoredJob | None:
        self.readings += 1
        time.sleep(self.slowness)
        if self.is_out_of_reach:
            raise JobStoreError("jobs_unreachable", "No.", retryable=True)
        return super().read(job_id)

    def of_session(self, session_id: str, *, limit: int, before: str | None = None) -> tuple[Job, ...]:
        self.readings += 1
        return super().of_session(session_id, limit=limit, before=before)


@pytest.fixture
def store() -> Store:
    store = Store()
    store.create(ASKED)
    return store


def watched(store: Store, test: Callable[[JobWatch, TellingJobs], Awaitable[None]], *, seconds: float = 1.0) -> None:
    """Run a test in an event loop, with a watch over the store as this process uses it."""

    async def run() -> None:
        jobs = TellingJobs(store)
        watch = JobWatch(jobs, seconds=seconds)
        jobs.listen(on_seen=watch.tell)
        watch.start()
        try:
            with anyio.fail_after(10):
                await test(watch, jobs)
        finally:
            watch.close()

    anyio.run(run)


def begin(store: MemoryJobs | TellingJobs) -> Job:
    return change_job(store, "j", partial(change.claim, holder="h", now=NOW))


def test_who_names_what_he_knows_shares_one_reading(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        await watch.job("j")
        for _ in range(100):
            job = await watch.job("j", known_seq=0)
            assert job is not None
            assert job.seq == 0
        assert store.readings == 1

    watched(store, test)


def test_who_names_nothing_gets_what_the_store_says_now(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        await watch.job("j")
        begin(store)  # by another instance
        job = await watch.job("j")
        assert job is not None
        assert job.status == "running"

    watched(store, test)


def test_nobody_gets_less_than_he_knows(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        await watch.job("j")
        begin(store)  # and the client was told so there
        job = await watch.job("j", known_seq=1)
        assert job is not None
        assert job.seq == 1

    watched(store, test)


def test_a_number_that_nobody_gave_out_costs_one_reading(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        await watch.job("j")
        job = await watch.job("j", known_seq=999_999)
        assert job is not None
        assert job.seq == 0
        assert store.readings == 2

    watched(store, test)


def test_many_who_ask_at_once_share_the_readings(store: Store) -> None:
    store.slowness = 0.05

    async def test(watch: JobWatch, _: TellingJobs) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(200):
                group.start_soon(watch.job, "j")
        assert store.readings <= 2  # what was begun before somebody came is not enough for him

    watched(store, test)


def test_a_store_out_of_reach_fails_all_who_wait_together(store: Store) -> None:
    store.slowness, store.is_out_of_reach = 0.1, True
    failures: list[str] = []

    async def ask(watch: JobWatch) -> None:
        try:
            await watch.job("j")
        except JobStoreError as error:
            failures.append(error.code)

    async def test(watch: JobWatch, _: TellingJobs) -> None:
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(ask, watch)
        assert failures == ["jobs_unreachable"] * 50
        assert store.readings == 1
        store.is_out_of_reach = False
        assert await watch.job("j") is not None

    watched(store, test)


def test_what_is_written_here_is_known_without_a_reading(store: Store) -> None:
    async def test(watch: JobWatch, jobs: TellingJobs) -> None:
        await watch.job("j", known_seq=0)
        readings = store.readings

        def write() -> None:
            time.sleep(0.05)
            begin(jobs)

        writer = threading.Thread(target=write)
        writer.start()
        job = await watch.wait("j", after_seq=0, seconds=5)
        writer.join()
        assert job is not None
        assert job.status == "running"
        assert store.readings <= readings + 1  # the writer's own

    watched(store, test, seconds=60.0)


def test_many_who_wait_cost_one_reading_at_a_time(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        found: list[Job | None] = []

        async def wait() -> None:
            found.append(await watch.wait("j", after_seq=0, seconds=5))

        async with anyio.create_task_group() as group:
            for _ in range(100):
                group.start_soon(wait)
            await anyio.sleep(0.35)
            begin(store)  # by another instance
        assert [job.seq for job in found if job] == [1] * 100
        assert store.readings <= 7  # every tenth of a second, for half a second or so

    watched(store, test, seconds=0.1)


def test_polls_long_polls_and_streams_cost_two_readings_a_second(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        end = time.monotonic() + 2.0
        seq = 0

        async def poll() -> None:
            nonlocal seq
            while time.monotonic() < end:
                job = await watch.newest("s", known=Known(job_id="j", seq=seq))
                assert job is not None
                assert job.seq >= seq
                seq = job.seq
                await anyio.sleep(0.02)

        async def listen() -> None:
            seen = 0
            while (left := end - time.monotonic()) > 0:
                job = await watch.wait("j", after_seq=seen, seconds=min(left, 0.3))
                assert job is not None
                assert job.seq >= seen
                seen = job.seq

        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(poll)
                group.start_soon(listen)
            await anyio.sleep(0.7)
            begin(store)  # by another instance
        assert seq == 1
        assert store.readings <= 1 + 2 * 2

    watched(store, test)


def test_waiting_ends_in_time_and_when_the_server_does(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        begun = time.monotonic()
        job = await watch.wait("j", after_seq=0, seconds=0.1)
        assert job is not None
        assert job.seq == 0
        assert time.monotonic() - begun >= 0.1
        async with anyio.create_task_group() as group:
            group.start_soon(partial(watch.wait, "j", after_seq=None, seconds=1000))
            await anyio.sleep(0.05)
            watch.close()

    watched(store, test)


def test_the_newest_job_of_a_session(store: Store) -> None:
    async def test(watch: JobWatch, jobs: TellingJobs) -> None:
        assert await watch.newest("nobody's") is None
        first = await watch.newest("s")
        assert first is not None
        readings = store.readings
        for _ in range(10):
            await watch.newest("s", known=Known(job_id="j", seq=0))
        assert store.readings == readings

        second = replace(ASKED, job_id="k", created_at=NOW + 1)
        await anyio.to_thread.run_sync(jobs.create, second)
        await anyio.sleep(0.01)
        found = await watch.newest("s", known=Known(job_id="j", seq=0))
        assert found is not None
        assert found.job_id == "k"

    watched(store, test)


def test_a_deleted_job_is_not_there(store: Store) -> None:
    async def test(watch: JobWatch, jobs: TellingJobs) -> None:
        await watch.job("j")
        jobs.delete("j")
        assert await watch.job("j") is None

    watched(store, test)


def test_an_id_given_anew_is_another_job(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        begin(store)
        await watch.job("j")
        store.delete("j")
        store.create(replace(ASKED, created_at=NOW + 900))
        job = await watch.job("j")
        assert job is not None
        assert (job.status, job.seq) == ("queued", 0)

    watched(store, test)


def test_what_nobody_looks_at_is_forgotten(store: Store) -> None:
    async def test(watch: JobWatch, _: TellingJobs) -> None:
        for number in range(5000):
            await watch.job(f"unknown-{number}")
        assert len(watch._by_job) <= 4200

    watched(store, test, seconds=0.01)
