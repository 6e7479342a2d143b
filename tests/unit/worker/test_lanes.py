"""Who runs at once and who waits."""

from __future__ import annotations

import anyio
import pytest

from cantilena.worker.errors import WorkerError, queue_full, shutting_down
from cantilena.worker.lanes import QUICK_SLOTS, Lanes
from cantilena.worker.options import Depth


def make_lanes(waiting: int = 2) -> Lanes:
    return Lanes(songs_waiting=waiting, calls_waiting=waiting, when_full=lambda count: queue_full("cpu", count))


@pytest.mark.parametrize(
    ("tool", "arguments", "lane"),
    [
        ("synthesize", {"wait_seconds": 45}, "songs"),
        ("get_job", {"job_id": "a", "wait_seconds": 25}, "patient"),
        ("get_job", {"job_id": "a", "wait_seconds": 0}, "quick"),
        ("parse_score", {}, "quick"),
        ("list_voicebanks", {}, "quick"),
    ],
)
def test_each_call_has_its_lane(tool, arguments, lane):
    lanes = make_lanes()
    assert lanes.lane_of(tool, arguments) is getattr(lanes, lane)


def test_songs_are_sung_one_after_the_other_in_the_order_they_came():
    order: list[str] = []

    async def main() -> None:
        lanes = make_lanes()

        async def sing(name: str) -> None:
            async with lanes.songs.turn():
                order.append(f"{name} begins")
                await anyio.sleep(0)
                order.append(f"{name} ends")

        async with anyio.create_task_group() as group:
            for name in "abc":
                group.start_soon(sing, name)
                await anyio.lowlevel.checkpoint()

    anyio.run(main)
    assert order == [f"{name} {what}" for name in "abc" for what in ("begins", "ends")]


def test_one_more_than_may_wait_is_told_so_at_once_and_the_depth_is_seen():
    async def main() -> None:
        lanes = make_lanes(waiting=2)
        async with anyio.create_task_group() as group, lanes.songs.turn():
            for _ in range(2):
                group.start_soon(hold, lanes)
            await anyio.wait_all_tasks_blocked()
            assert lanes.depth["songs"] == Depth(running=1, waiting=2)
            with pytest.raises(WorkerError) as caught:
                await hold(lanes)
            assert (caught.value.code, caught.value.retryable) == ("queue_full", True)
            async with lanes.quick.turn():  # a short call is not stuck behind songs
                assert lanes.depth["quick"] == Depth(running=1, waiting=0)
            group.cancel_scope.cancel()
        assert lanes.depth["songs"] == Depth(running=0, waiting=0)

    anyio.run(main)


def test_who_gives_up_waiting_leaves_the_place_to_others():
    async def main() -> None:
        lanes = make_lanes()
        async with lanes.songs.turn():
            with anyio.move_on_after(0.01):
                await hold(lanes)
            assert lanes.depth["songs"] == Depth(running=1, waiting=0)
        with anyio.fail_after(1):
            await hold(lanes)

    anyio.run(main)


def test_closed_lanes_refuse_those_who_wait_and_let_those_who_run_finish():
    codes: list[str] = []

    async def main() -> None:
        lanes = make_lanes()

        async def refused() -> None:
            with pytest.raises(WorkerError) as caught:
                await hold(lanes)
            codes.append(caught.value.code)

        async with anyio.create_task_group() as group, lanes.songs.turn():
            group.start_soon(refused)
            await anyio.wait_all_tasks_blocked()
            lanes.close(lambda: shutting_down("cpu"))
            await anyio.wait_all_tasks_blocked()
            await refused()
            assert lanes.depth["songs"].running == 1

    anyio.run(main)
    assert codes == ["shutting_down"] * 2


def test_many_short_calls_run_at_once():
    async def main() -> None:
        lanes = make_lanes()
        async with anyio.create_task_group() as group:
            for _ in range(QUICK_SLOTS):
                group.start_soon(hold_in, lanes.quick)
            await anyio.wait_all_tasks_blocked()
            assert lanes.depth["quick"] == Depth(running=QUICK_SLOTS, waiting=0)
            group.cancel_scope.cancel()

    anyio.run(main)


async def hold(lanes: Lanes) -> None:
    async with lanes.songs.turn():
        pass


async def hold_in(lane) -> None:
    async with lane.turn():
        await anyio.sleep_forever()
