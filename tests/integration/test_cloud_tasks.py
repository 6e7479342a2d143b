"""Jobs dispatched through Cloud Tasks: Google's client against an emulator whose tokens are the tests' own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cantilena.adapters.cloud_tasks import SAME_TASK_SECONDS, CloudTasks
from cantilena.adapters.google_identity import TasksIdentity
from cantilena.adapters.google_keys import SigningKeys
from cantilena.ports.dispatch import DispatchError
from cantilena.tracing import log_context
from tests.emulators.outage import run_outage_proxy
from tests.emulators.tasks import QUEUE, TasksEmulator, run_tasks
from tests.tokens import Mint, run_key_server
from tests.workers.processes import wait_until

ACCOUNT = "tasks@song-1.iam.gserviceaccount.com"
AUDIENCE = "https://sing.example/internal"


class Service:
    """Somebody who is called: answers as the test says, and remembers what came."""

    def __init__(self) -> None:
        self.statuses = [204]
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def answer(self, path: str, headers: dict[str, str]) -> int:
        self.requests.append((path, headers))
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]


@contextmanager
def run_service() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(service.answer(self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield service
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def mint() -> Mint:
    return Mint()


@pytest.fixture
def emulator(mint: Mint) -> Iterator[TasksEmulator]:
    with run_tasks(mint, first_pause=0.02, longest_pause=0.1) as emulator:
        yield emulator


@pytest.fixture
def service() -> Iterator[Service]:
    with run_service() as service:
        yield service


@contextmanager
def opened(host: str, service: Service, **changes: object) -> Iterator[CloudTasks]:
    tasks = CloudTasks(
        **{
            "queue": QUEUE,
            "url": service.url,
            "audience": AUDIENCE,
            "service_account": ACCOUNT,
            "deadline_seconds": 60.0,
            "emulator": host,
        }
        | changes
    )
    yield tasks
    tasks.close()


def test_a_job_comes_back_as_a_request_with_a_token_that_is_believed(emulator, service, mint):
    with opened(emulator.host, service) as tasks, log_context(request_id="r", trace=f"00-{'a' * 32}-{'b' * 16}-01"):
        tasks.dispatch("job-1")
        wait_until(lambda: emulator.deliveries != [])
    (path, headers), *more = service.requests
    assert (path, more) == ("/internal/jobs/job-1/run", [])
    assert (headers["x-request-id"], headers["traceparent"]) == ("r", f"00-{'a' * 32}-{'b' * 16}-01")
    with run_key_server(mint) as keys:
        identity = TasksIdentity(audience=AUDIENCE, account=ACCOUNT, keys=SigningKeys(keys.url))
        assert identity.recognise(headers["authorization"].removeprefix("Bearer ")).owner == ACCOUNT


def test_a_job_comes_again_until_it_is_done(emulator, service):
    service.statuses = [429, 409, 503, 204]
    with opened(emulator.host, service) as tasks:
        tasks.dispatch("job-1")
        wait_until(lambda: emulator.waiting == 0)
    assert [delivery.status for delivery in emulator.deliveries] == [429, 409, 503, 204]


def test_a_job_is_told_of_once_however_often_it_is_told(emulator, service):
    clock = [0.0]
    with opened(emulator.host, service, now=lambda: clock[0]) as tasks:
        for _ in range(3):
            tasks.dispatch("job-1")
        tasks.dispatch("job-2")
        wait_until(lambda: len(service.requests) == 2)
        clock[0] = SAME_TASK_SECONDS
        tasks.dispatch("job-1")
        wait_until(lambda: len(service.requests) == 3)


def test_a_queue_that_is_not_there_is_named(emulator, service):
    with opened(emulator.host, service, queue=f"{QUEUE}-of-others") as tasks:
        for ask in (tasks.ping, lambda: tasks.dispatch("job-1")):
            with pytest.raises(DispatchError, match="queues/songs-of-others") as denied:
                ask()
            assert (denied.value.code, denied.value.retryable) == ("dispatch_denied", False)


def test_a_queue_out_of_reach_is_given_up_in_time_and_found_again(emulator, service):
    with run_outage_proxy(emulator.host) as proxy, opened(proxy.host, service) as tasks:
        tasks.ping()
        for cut in (proxy.stop, proxy.refuse):
            cut()
            with pytest.raises(DispatchError) as unreachable:
                tasks.dispatch("job-1")
            assert (unreachable.value.code, unreachable.value.retryable) == ("dispatch_unreachable", True)
            proxy.resume()
            wait_until(lambda: _answers(tasks))
        tasks.dispatch("job-2")
        wait_until(lambda: any(path == "/internal/jobs/job-2/run" for path, _ in service.requests))


def _answers(tasks: CloudTasks) -> bool:
    try:
        tasks.ping()
    except DispatchError:
        return False
    return True
