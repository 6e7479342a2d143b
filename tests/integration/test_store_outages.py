"""Stores out of reach: whoever asks is told within three seconds, and served again soon after they are back."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from cantilena.adapters.firestore_jobs import FirestoreJobs
from cantilena.adapters.firestore_sessions import FirestoreSessions
from cantilena.adapters.gcs_objects import PROMPT, GcsObjects
from cantilena.errors import CantilenaError
from cantilena.ports.jobs import Job
from cantilena.ports.objects import Download
from cantilena.ports.sessions import Session
from tests.buckets.server import BucketServer, make_bucket, run_bucket_server
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.outage import OutageProxy, run_outage_proxy
from tests.emulators.stores import open_database

MOST_SECONDS = 3.0
Call = Callable[[], object]


@pytest.fixture
def emulator_proxy(firestore_emulator: FirestoreEmulator) -> Iterator[OutageProxy]:
    with run_outage_proxy(firestore_emulator.host) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as running:
        make_bucket(running, "songs")
        yield running


@pytest.fixture
def bucket_proxy(server: BucketServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OutageProxy]:
    with run_outage_proxy(server.url.removeprefix("http://")) as proxy:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{proxy.host}")
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        yield proxy


def make_job(job_id: str) -> Job:
    now = time.time()
    return Job(job_id=job_id, session_id="s", owner="o", created_at=now, updated_at=now, expires_at=now + 600)


def make_session(session_id: str) -> Session:
    now = time.time()
    return Session(session_id=session_id, owner="o", created_at=now, updated_at=now, expires_at=now + 600)


def told(call: Call) -> tuple[str, bool]:
    """What a call ends with: a code and whether it may be tried again, or the words "too late"."""
    begin = time.monotonic()
    try:
        call()
    except CantilenaError as error:
        in_time = time.monotonic() - begin <= MOST_SECONDS
        return (error.code if in_time else "too late", error.retryable)
    return ("done", False)


def all_told(calls: dict[str, Call]) -> dict[str, tuple[str, bool]]:
    with ThreadPoolExecutor(len(calls)) as crowd:
        return dict(zip(calls, crowd.map(told, calls.values()), strict=True))


def wait_until_done(calls: dict[str, Call], seconds: float = 5.0) -> set[str]:
    """Names of the calls that do not end well within so many seconds."""
    deadline = time.monotonic() + seconds
    left = dict(calls)
    while left and time.monotonic() < deadline:
        left = {name: call for name, call in left.items() if told(call)[0] != "done"}
    return set(left)


def document_calls(stack: ExitStack, proxy: OutageProxy) -> dict[str, Call]:
    """Everything stores of documents can be asked, each over a connection of its own that worked before."""
    project = f"outage-{secrets.token_hex(4)}"

    def jobs() -> FirestoreJobs:
        store = FirestoreJobs(stack.enter_context(open_database(proxy.host, project=project)))
        store.ping()
        return store

    def sessions() -> FirestoreSessions:
        store = FirestoreSessions(stack.enter_context(open_database(proxy.host, project=project)))
        store.ping()
        return store

    jobs().create(make_job("one"))
    sessions().create(make_session("one"))
    job, session = jobs().read("one"), sessions().read("one")
    stores = [jobs() for _ in range(7)]
    more = [sessions() for _ in range(7)]
    return {
        "jobs.create": lambda: stores[0].create(make_job(secrets.token_hex(8))),
        "jobs.read": lambda: stores[1].read("one"),
        "jobs.write": lambda: stores[2].write(job.job, revision=job.revision),
        "jobs.of_session": lambda: stores[3].of_session("s", limit=1),
        "jobs.unfinished": lambda: stores[4].unfinished(limit=9),
        "jobs.delete": lambda: stores[5].delete("nobody"),
        "jobs.ping": lambda: stores[6].ping(),
        "sessions.create": lambda: more[0].create(make_session(secrets.token_hex(8))),
        "sessions.read": lambda: more[1].read("one"),
        "sessions.write": lambda: more[2].write(session.session, revision=session.revision),
        "sessions.count": lambda: more[3].count("o", limit=9),
        "sessions.expired": lambda: more[4].expired(limit=9),
        "sessions.delete": lambda: more[5].delete("nobody"),
        "sessions.ping": lambda: more[6].ping(),
    }


def object_calls(stack: ExitStack, folder: Path) -> dict[str, Call]:
    """Everything a bucket can be asked by whoever waits for an answer."""
    (folder / "score.mxl").write_bytes(secrets.token_bytes(16 * 1024 * 1024))

    def bucket() -> GcsObjects:
        opened = GcsObjects("songs", patience=PROMPT)
        stack.callback(opened.close)
        opened.ping()
        return opened

    buckets = [bucket() for _ in range(10)]
    buckets[0].replace("sessions/one", b"x" * 100)
    names = iter(range(1_000))
    return {
        "read": lambda: buckets[0].read("sessions/one"),
        "find": lambda: buckets[1].find("sessions/"),
        "folders": lambda: buckets[2].folders("sessions/"),
        "find_one": lambda: buckets[3].find_one("sessions/one"),
        "stream": lambda: list(buckets[4].stream("sessions/one")),
        "create": lambda: buckets[5].create(f"sessions/new-{next(names)}", b"x"),
        "create, 16 MB": lambda: buckets[6].create(f"sessions/large-{next(names)}", folder / "score.mxl"),
        "replace": lambda: buckets[7].replace("sessions/two", b"x"),
        "delete": lambda: buckets[8].delete("sessions/nothing"),
        "ping": lambda: buckets[9].ping(),
    }


@pytest.mark.parametrize("outage", ["stop", "refuse"])
def test_documents_out_of_reach_are_said_to_be(emulator_proxy: OutageProxy, outage: str) -> None:
    with ExitStack() as stack:
        calls = document_calls(stack, emulator_proxy)
        getattr(emulator_proxy, outage)()
        assert all_told(calls) == {name: (f"{name.partition('.')[0]}_unreachable", True) for name in calls}
        emulator_proxy.resume()
        # what was held when the server fell silent may have been written after all
        assert wait_until_done({name: call for name, call in calls.items() if not name.endswith("write")}) == set()


@pytest.mark.parametrize("outage", ["stop", "refuse"])
def test_objects_out_of_reach_are_said_to_be(bucket_proxy: OutageProxy, outage: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        calls = object_calls(stack, tmp_path)
        getattr(bucket_proxy, outage)()
        assert all_told(calls) == dict.fromkeys(calls, ("storage_unreachable", True))
        bucket_proxy.resume()
        assert wait_until_done(calls) == set()


def test_a_download_into_sinks_ends_too(bucket_proxy: OutageProxy) -> None:
    with ExitStack() as stack:
        bucket = GcsObjects("songs", patience=PROMPT)
        stack.callback(bucket.close)
        bucket.replace("sessions/one", b"x" * 100)
        bucket_proxy.stop()
        begin = time.monotonic()
        (failure,) = bucket.download([Download(name="sessions/one", sink=(lambda: None))])
        assert (failure.code, time.monotonic() - begin <= MOST_SECONDS) == ("storage_unreachable", True)


def test_while_a_server_is_silent_only_one_thread_waits_for_it(emulator_proxy: OutageProxy) -> None:
    with open_database(emulator_proxy.host) as database:
        jobs = FirestoreJobs(database)
        jobs.create(make_job("one"))
        emulator_proxy.stop()
        assert told(lambda: jobs.read("one")) == ("jobs_unreachable", True)
        waited: list[float] = []

        def ask() -> None:
            begin = time.monotonic()
            assert told(lambda: jobs.read("one")) == ("jobs_unreachable", True)
            waited.append(time.monotonic() - begin)

        crowd = [threading.Thread(target=ask) for _ in range(20)]
        for thread in crowd:
            thread.start()
        for thread in crowd:
            thread.join()
        assert len([seconds for seconds in waited if seconds > 1.0]) <= 1
        emulator_proxy.resume()
        assert wait_until_done({"read": lambda: jobs.read("one")}) == set()
        assert jobs.read("one").job.job_id == "one"
