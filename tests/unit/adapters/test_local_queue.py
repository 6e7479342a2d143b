"""Jobs that wait in memory for this very process."""

from __future__ import annotations

import threading

import anyio
import pytest
from anyio import to_thread

from cantilena.adapters.local_queue import LocalQueue
from cantilena.ports.dispatch import DispatchError
from cantilena.tracing import log_context, log_fields
from tests.workers.logs import logged


class Runs:
    """Jobs that take as long as the test wants."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.said: list[object] = []
        self.may_end = anyio.Event()
        self.now, self.most = 0, 0

    async def run(self, job_id: str) -> None:
        self.begun.append(job_id)
        self.said.append(log_fields().get("request_id"))
        self.now += 1
        self.most = max(self.most, self.now)
        await self.may_end.wait()
        self.now -= 1
        if job_id == "fails":
            raise KeyError(job_id)
        if job_id == "away":
            raise DispatchError("jobs_unreachable", "Nobody answers.", retryable=True)


async def until(condition) -> None:
    with anyio.fail_after(10):
        while not condition():
            await anyio.sleep(0.001)


@pytest.mark.parametrize("lanes", [1, 2])
def test_jobs_are_run_in_order_so_many_at_once_and_each_with_what_is_known_of_its_caller(lanes):
    async def main() -> None:
        runs = Runs()
        async with LocalQueue(runs.run, lanes=lanes) as queue:
            for job_id in "abcd":
                with log_context(request_id=f"r-{job_id}"):
                    queue.dispatch(job_id)
            await until(lambda: runs.now == lanes)
            runs.may_end.set()
            await until(lambda: len(runs.begun) == 4)
        assert runs.begun == list("abcd")
        assert runs.said == ["r-a", "r-b", "r-c", "r-d"]
        assert runs.most == lanes

    anyio.run(main)


def test_a_job_is_told_of_from_any_thread_and_waits_once():
    async def main() -> None:
        runs = Runs()
        async with LocalQueue(runs.run) as queue:
            assert threading.current_thread() is threading.main_thread()
            for job_id in "abbab":
                await to_thread.run_sync(queue.dispatch, job_id)
            await until(lambda: runs.begun == ["a"])
            runs.may_end.set()
            await until(lambda: len(runs.begun) == 3)
            await anyio.sleep(0.02)
        assert runs.begun == ["a", "b", "a"]  # the first was being run when it was told of again

    anyio.run(main)


def test_whatever_becomes_of_one_job_the_next_is_run():
    async def main() -> None:
        runs = Runs()
        runs.may_end.set()
        async with LocalQueue(runs.run) as queue:
            for job_id in ("fails", "away", "a"):
                queue.dispatch(job_id)
            await until(lambda: len(runs.begun) == 3)

    with logged() as lines:
        anyio.run(main)
    assert [(line["event"], line["job_id"]) for line in lines] == [
        ("internal_error", "fails"),
        ("job_run_failed", "away"),
    ]


def test_no_more_wait_than_there_is_room_for_and_none_when_it_is_closed():
    async def main() -> None:
        runs = Runs()
        queue = LocalQueue(runs.run, most_waiting=2)
        with pytest.raises(DispatchError) as closed:
            queue.dispatch("a")
        assert closed.value.code == "shutting_down"
        async with queue:
            queue.ping()
            queue.dispatch("a")
            await until(lambda: runs.begun == ["a"])
            queue.dispatch("b")
            queue.dispatch("c")
            with pytest.raises(DispatchError) as full:
                queue.dispatch("d")
            assert (full.value.code, full.value.retryable) == ("queue_full", True)
        with pytest.raises(DispatchError):
            queue.ping()

    anyio.run(main)
