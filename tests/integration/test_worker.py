"""A worker and its process: calls, deaths, silence, and the end; with a small server that does what is hard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from cantilena.errors import CantilenaError
from cantilena.settings import child_environment, load_settings
from cantilena.tracing import log_context
from cantilena.worker import BlockingWorker, Depth, ToolError, Worker, WorkerError, WorkerOptions, start_workers
from cantilena.worker.restarts import RestartPolicy
from tests.workers.logs import logged
from tests.workers.processes import group_of, has_ended, is_gone, wait_until

ROOT = Path(__file__).resolve().parents[2]
EAGER = RestartPolicy(limit=50, first_pause=0.01, longest_pause=0.02)
SWIFT = WorkerOptions(quiet_seconds=1.0, answer_seconds=1.0, drain_seconds=0.3, end_seconds=1.0, restarts=EAGER)
LONG = 30.0
SECRET = "a secret of some length"


def make_worker(program: str = "server", *mode: str, options: WorkerOptions = SWIFT, **more: Any) -> Worker:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VOICEBANK_DEFAULT": "told", "MCP_TOKEN": SECRET}
    return Worker(
        files=Path("/nonexistent"),
        environment=child_environment(load_settings(), environment),
        command=[sys.executable, "-m", f"tests.workers.{program}", *mode],
        options=options,
        **more,
    )


@pytest.fixture(scope="module")
def worker() -> Iterator[BlockingWorker]:
    """One for many tests; its process babbles on the protocol's output before it is ready."""
    with BlockingWorker(make_worker("server", "babbles", name="cpu")) as running:
        running.wait_ready(LONG)
        yield running


# --- calls ------------------------------------------------------------------------------------------------------


def test_a_call_carries_what_is_known_of_the_caller_and_the_device(worker):
    trace = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    with log_context(job_id="j", session_id="s", request_id="r", trace=trace):
        answer = worker.call("parse_score", {"path": "a.xml"}, seconds=LONG)
    meta = {name: value for name, value in answer.content["meta"].items() if "/" not in name}
    assert meta == {"job_id": "j", "session_id": "s", "request_id": "r", "trace": trace}
    assert answer.content["arguments"] == {"path": "a.xml", "device": "cpu"}
    assert (answer.text, answer.attempt) == ("done", 1)


def test_the_process_is_told_the_settings_and_no_secret(worker):
    told = worker.call("parse_score", seconds=LONG).content["environment"]
    assert (told["VOICEBANK_DEFAULT"], told["LOG_FORMAT"]) == ("told", "json")
    assert SECRET not in told.values()


def test_progress_reaches_the_caller_in_order(worker):
    heard = []
    worker.call("synthesize", {"seconds": 0.3, "steps": 6}, seconds=LONG, on_progress=heard.append)
    values = [progress.value for progress in heard]
    assert values == sorted(set(values))
    assert (values[-1], heard[-1].total, heard[-1].message) == (1.0, 1.0, "step 5")


def test_a_slow_listener_hears_the_latest(worker):
    heard = []

    def listen(progress: Any) -> None:
        heard.append(progress.value)
        time.sleep(0.2)

    worker.call("synthesize", {"seconds": 0.4, "steps": 40}, seconds=LONG, on_progress=listen)
    assert len(heard) < 20
    assert heard[-1] == 1.0


def test_a_listener_that_fails_is_told_nothing_more_and_the_call_goes_on(worker):
    heard = []

    def listen(progress: Any) -> None:
        heard.append(progress)
        raise OSError("gone")

    assert worker.call("synthesize", {"steps": 5}, seconds=LONG, on_progress=listen).text == "done"
    assert len(heard) == 1


def test_an_error_of_a_tool_is_the_error_it_was(worker):
    with pytest.raises(ToolError) as caught:
        worker.call("fail", seconds=LONG)
    error = caught.value
    assert (error.code, error.message, error.hint) == ("score_not_found", "There is no file.", "Look again.")
    assert (str(error.place), error.retryable) == ("part P1, measure 3", False)


@pytest.mark.parametrize(("tool", "code"), [("nothing", "tool_unknown"), ("promise", "worker_answer_invalid")])
def test_what_cannot_be_answered_is_told(worker, tool, code):
    assert code_of(worker, tool) == (code, False)


def test_the_log_tells_each_call_and_passes_the_childs_lines_on(worker):
    with logged() as lines, log_context(job_id="j7"):
        worker.call("tell", seconds=LONG)
        with pytest.raises(ToolError):
            worker.call("fail", seconds=LONG)
        wait_until(lambda: any(line["event"] == "mcp_worker_text" for line in lines))
    told = next(line for line in lines if line["event"] == "told")
    assert told == {
        "event": "told", "log_level": "info", "time": "2026-01-02T03:04:05.678Z", "worker": "cpu", "job_id": "j7",
        "number": 7, "nested": {"a": [1]},
    }  # fmt: skip
    text = next(line for line in lines if line["event"] == "mcp_worker_text")
    assert (text["message"], text["worker"]) == ("plain text", "cpu")
    calls = [line for line in lines if line["event"] == "mcp_tool_call"]
    assert [(line["tool"], line["outcome"], line["error_code"], line["job_id"]) for line in calls] == [
        ("tell", "ok", None, "j7"),
        ("fail", "failed", "score_not_found", "j7"),
    ]
    assert all(line["elapsed_ms"] > 0 and line["attempt"] == 1 and line["side"] == "client" for line in calls)


# --- turns and deadlines ----------------------------------------------------------------------------------------


def test_time_runs_from_a_calls_turn_and_short_calls_do_not_wait_for_songs(worker):
    songs: list[Any] = []
    sing = partial(worker.call, "synthesize", {"seconds": 1.0}, seconds=2.5)
    threads = [threading.Thread(target=lambda: songs.append(outcome_of(sing))) for _ in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: worker.worker.depth["songs"] == Depth(running=1, waiting=2))
    worker.call("parse_score", seconds=LONG)
    assert worker.worker.depth["songs"].waiting == 2  # the first song is still being sung
    for thread in threads:
        thread.join()
    assert songs == ["done"] * 3


def test_a_call_out_of_time_is_told_so_and_stopped_and_the_next_is_answered(worker):
    begin = time.monotonic()
    assert code_of(worker, "synthesize", {"seconds": 60}, seconds=0.3) == ("worker_deadline", True)
    assert time.monotonic() - begin < 10.0
    pid = worker.worker.pid
    assert worker.call("parse_score", seconds=LONG).content["pid"] == pid  # it was not killed for that


def test_a_call_that_nobody_waits_for_any_more_is_stopped():
    async def main() -> None:
        async with make_worker() as worker:
            await worker.wait_ready(LONG)
            with logged() as lines:
                with anyio.move_on_after(0.2):
                    await worker.call("synthesize", {"seconds": 60}, seconds=LONG)
                assert worker.depth["songs"].running == 0
                assert (await worker.call("synthesize", {"seconds": 0.01}, seconds=LONG)).text == "done"
            assert next(line for line in lines if line["event"] == "mcp_tool_call")["outcome"] == "canceled"

    anyio.run(main)


# --- deaths -----------------------------------------------------------------------------------------------------


def test_a_call_whose_worker_died_is_tried_again_only_if_that_is_safe(worker):
    with logged() as lines:
        assert code_of(worker, "die") == ("worker_died", True)
        assert code_of(worker, "die_looking") == ("worker_died", True)
        assert worker.call("parse_score", seconds=LONG).text == "done"
    attempts = [line["attempt"] for line in lines if line["event"] == "mcp_tool_call"]
    assert attempts == [1, 2, 1]
    exits = [line for line in lines if line["event"] == "mcp_worker_exit"]
    assert [line["signal"] for line in exits] == ["SIGKILL"] * 3
    assert [line["restarts"] for line in exits] == list(range(exits[0]["restarts"], exits[0]["restarts"] + 3))


def test_a_second_attempt_says_so_and_its_progress_goes_on_from_the_first(worker):
    """The caller knows that a song under an id of its own may be asked for twice."""
    outcome: list[Any] = []
    heard: list[float] = []
    look = partial(
        worker.call, "synthesize", {"seconds": 1.0}, seconds=LONG, is_repeatable=True,
        on_progress=lambda progress: heard.append(progress.value),
    )  # fmt: skip
    thread = threading.Thread(target=lambda: outcome.append(look()))
    worker.wait_ready(LONG)
    thread.start()
    wait_until(lambda: len(heard) > 2)
    os.kill(worker.worker.pid, signal.SIGKILL)
    thread.join()
    assert outcome[0].attempt == 2
    assert heard == sorted(set(heard))


def test_what_a_dead_process_started_and_left_is_gone_too(worker):
    child = worker.call("start_child", seconds=LONG).content["child"]
    file = Path(worker.call("leave_file", seconds=LONG).content["file"])
    pid = worker.worker.pid
    assert file.exists()
    assert not has_ended(child)
    os.kill(pid, signal.SIGKILL)
    worker.call("parse_score", seconds=LONG)
    wait_until(lambda: is_gone(pid) and has_ended(child) and not file.parent.exists())


def test_a_stalled_process_is_found_out_while_a_call_waits_for_it(worker):
    """Nothing else would happen for half an hour."""
    worker.wait_ready(LONG)
    pid = worker.worker.pid
    os.kill(pid, signal.SIGSTOP)
    answer = worker.call("parse_score", seconds=1800)
    assert (answer.attempt, answer.content["pid"] != pid) == (2, True)
    wait_until(lambda: is_gone(pid))


def test_a_call_to_a_stalled_process_ends_in_time_and_the_next_is_answered(worker):
    worker.wait_ready(LONG)
    pid = worker.worker.pid
    os.kill(pid, signal.SIGSTOP)
    begin = time.monotonic()
    assert code_of(worker, "synthesize", {"text": "x" * 300_000}, seconds=0.3) == ("worker_deadline", True)
    assert time.monotonic() - begin < 4.5  # even though the pipe is full
    answer = worker.call("parse_score", seconds=LONG)
    assert (answer.attempt, answer.content["pid"] != pid) == (1, True)


def test_what_is_printed_among_the_messages_is_logged_and_harms_nobody(worker):
    with logged() as lines:
        assert worker.call("print", seconds=LONG).text == "done"
    stray = next(line for line in lines if line.get("stream") == "stdout")
    assert stray["message"] == "this is no message"


@pytest.mark.parametrize("mode", ["flood", "dies", "silent"])
def test_without_a_process_that_gets_ready_calls_are_told_so_soon(mode):
    policy = RestartPolicy(limit=1, first_pause=0.01, window_seconds=600)
    options = WorkerOptions(ready_seconds=1.5, end_seconds=0.2, restarts=policy)

    async def main() -> None:
        async with make_worker("broken", mode, options=options) as worker:
            with pytest.raises(WorkerError) as caught:
                await worker.call("parse_score", seconds=LONG)
            assert (caught.value.code, caught.value.retryable) == ("worker_unavailable", True)
            with anyio.fail_after(5.0), pytest.raises(WorkerError):  # not in ten minutes
                await worker.call("parse_score", seconds=LONG)

    with logged() as lines:
        anyio.run(main)
    events = [line["event"] for line in lines]
    assert events.count("mcp_start_begin") == 2
    assert events.count("mcp_worker_exit") == 2
    assert "mcp_worker_unavailable" in events
    if mode == "dies":
        assert next(line["exit_code"] for line in lines if line["event"] == "mcp_worker_exit") == 3


def test_a_worker_comes_back_once_what_ailed_it_is_mended(tmp_path):
    policy = RestartPolicy(limit=1, first_pause=0.01, window_seconds=3.0, longest_pause=0.01)

    async def main() -> None:
        async with make_worker(
            "broken", "dies", str(tmp_path / "mended"), options=WorkerOptions(restarts=policy)
        ) as worker:
            with pytest.raises(WorkerError):
                await worker.call("parse_score", seconds=LONG)
            (tmp_path / "mended").touch()
            with anyio.fail_after(LONG):
                while not worker.is_ready:
                    await anyio.sleep(0.05)
            assert (await worker.call("parse_score", seconds=LONG)).text == "done"

    anyio.run(main)


def test_a_command_that_is_not_there_is_no_reason_to_fail():
    async def main() -> None:
        worker = Worker(files=Path("/nonexistent"), environment={}, command=["/nonexistent/server"], options=SWIFT)
        async with worker:
            with pytest.raises(WorkerError) as caught:
                await worker.call("parse_score", seconds=0.5)
            assert caught.value.code == "worker_deadline"

    anyio.run(main)


# --- the end ----------------------------------------------------------------------------------------------------


def test_calls_under_way_are_finished_those_who_wait_are_refused_and_nothing_is_left():
    outcomes: dict[str, Any] = {}

    async def main() -> int:
        async with (
            anyio.create_task_group() as group,
            make_worker(options=WorkerOptions(drain_seconds=5.0, end_seconds=5.0)) as worker,
        ):

            async def call(name: str, seconds: float) -> None:
                outcomes[name] = await async_outcome(worker, "synthesize", {"seconds": seconds})

            await worker.wait_ready(LONG)
            pid = worker.pid
            group.start_soon(call, "sung", 0.5)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(call, "waits", 0.5)
            await anyio.sleep(0.1)
        assert pid is not None
        return pid

    before = folders()
    assert is_gone(anyio.run(main))
    assert outcomes == {"sung": "done", "waits": "shutting_down"}
    assert folders() <= before


def test_neither_a_long_call_nor_a_deaf_process_holds_the_end_up():
    outcomes: list[Any] = []

    async def main() -> int:
        options = WorkerOptions(drain_seconds=0.2, end_seconds=0.2)
        async with anyio.create_task_group() as group, make_worker("server", "deaf", options=options) as worker:

            async def call() -> None:
                outcomes.append(await async_outcome(worker, "synthesize", {"seconds": 60}))

            await worker.wait_ready(LONG)
            pid = worker.pid
            group.start_soon(call)
            await anyio.sleep(0.1)
        assert pid is not None
        return pid

    begin = time.monotonic()
    with logged() as lines:
        assert is_gone(anyio.run(main))
    assert outcomes == ["shutting_down"]
    assert lines[-1]["event"] == "mcp_worker_exit"
    assert lines[-1]["signal"] in ("SIGTERM", "SIGKILL")
    assert time.monotonic() - begin < 45.0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process ends when its input does")
def test_not_even_a_stalled_process_outlives_a_supervisor_that_is_killed(tmp_path):
    program = [sys.executable, "-m", "tests.workers.supervised"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}  # what it leaves is removed by the next one, not by us
    with subprocess.Popen(program, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        os.kill(pid, signal.SIGSTOP)  # so that it cannot notice by itself
        supervisor.kill()
        wait_until(lambda: has_ended(pid) and not group_of(pid))


def test_there_is_one_worker_for_each_device():
    async def main() -> None:
        environment = child_environment(load_settings()) | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "tests.workers.server"]
        async with start_workers(("cpu", "cuda"), files=ROOT, environment=environment, command=command) as workers:
            told = {
                device: (await worker.call("parse_score", seconds=LONG)).content["arguments"]["device"]
                for device, worker in workers.items()
            }
            pids = {worker.pid for worker in workers.values()}
        assert told == {"cpu": "cpu", "cuda": "cuda"}
        assert len(pids) == 2

    anyio.run(main)


def code_of(worker: BlockingWorker, tool: str, arguments: Any = None, *, seconds: float = LONG, **more: Any) -> Any:
    with pytest.raises(CantilenaError) as caught:
        worker.call(tool, arguments, seconds=seconds, **more)
    return caught.value.code, caught.value.retryable


def outcome_of(call: Any) -> str:
    try:
        return str(call().text)
    except CantilenaError as error:
        return error.code


async def async_outcome(worker: Worker, tool: str, arguments: Any) -> str:
    try:
        return (await worker.call(tool, arguments, seconds=LONG)).text
    except CantilenaError as error:
        return error.code


def folders() -> set[str]:
    return {entry.name for entry in Path(tempfile.gettempdir()).glob("cantilena-worker-*")}
