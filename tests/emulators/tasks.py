"""Cloud Tasks on this machine's loopback: takes tasks as Google's client sends them, and delivers them with a token.

Like the service it takes a name once, calls again until it is answered with 2xx, waits longer each time, ends a call at
its deadline, and makes no promise of order. The tokens are minted by the tests.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
from google.cloud.tasks_v2.types import CreateTaskRequest, GetQueueRequest, Queue, Task

from tests.tokens import Mint

QUEUE = "projects/song-1/locations/europe-west1/queues/songs"
_SERVICE = "google.cloud.tasks.v2.CloudTasks"


@dataclass
class Delivery:
    """One call of a task, and its answer: a status, or 0 where there was none."""

    task: str
    url: str
    headers: dict[str, str]
    status: int


@dataclass
class TasksEmulator:
    """Where it listens (``host`` is what TASKS_EMULATOR_HOST wants), and what it did."""

    host: str = ""
    names: set[str] = field(default_factory=set)
    waiting: int = 0
    deliveries: list[Delivery] = field(default_factory=list)


class _Queue:
    """Tasks that wait until they are due, and threads that deliver them."""

    def __init__(
        self, emulator: TasksEmulator, mint: Mint, route: Callable[[str], str], pauses: tuple[float, float]
    ) -> None:
        self._emulator = emulator
        self._mint = mint
        self._route = route
        self._pauses = pauses
        self._due: list[tuple[float, int, int, Task]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._is_closed = False

    def add(self, request: CreateTaskRequest, context: grpc.ServicerContext) -> Task:
        task = request.task
        if request.parent != QUEUE:
            context.abort(grpc.StatusCode.NOT_FOUND, "Queue does not exist.")
        with self._changed:
            if task.name in self._emulator.names:
                context.abort(grpc.StatusCode.ALREADY_EXISTS, "Requested entity already exists")
            self._emulator.names.add(task.name)
            self._emulator.waiting += 1
            self._push(task, tries=0, pause=0.0)
        return task

    def find(self, request: GetQueueRequest, context: grpc.ServicerContext) -> Queue:
        if request.name != QUEUE:
            context.abort(grpc.StatusCode.NOT_FOUND, "Queue does not exist.")
        return Queue(name=QUEUE)

    def deliver(self) -> None:
        """Deliver what is due, until the queue is closed."""
        while True:
            with self._changed:
                while not self._is_closed and not (self._due and self._due[0][0] <= time.monotonic()):
                    left = self._due[0][0] - time.monotonic() if self._due else None
                    self._changed.wait(left)
                if self._is_closed:
                    return
                _, _, tries, task = heapq.heappop(self._due)
            status = self._call(task)
            with self._changed:
                if 200 <= status < 300:
                    self._emulator.waiting -= 1
                else:
                    first, longest = self._pauses
                    self._push(task, tries=tries + 1, pause=min(first * 2.0**tries, longest))

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _push(self, task: Task, *, tries: int, pause: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + pause, next(self._order), tries, task))
        self._changed.notify()

    def _call(self, task: Task) -> int:
        request = task.http_request
        token = self._mint.task(audience=request.oidc_token.audience, account=request.oidc_token.service_account_email)
        headers = {**request.headers, "Authorization": f"Bearer {token}", "X-CloudTasks-TaskName": task.name}
        call = urllib.request.Request(self._route(request.url), data=b"", headers=headers, method="POST")
        status = 0
        try:
            with urllib.request.urlopen(call, timeout=task.dispatch_deadline.total_seconds()) as answer:
                answer.read()
                status = answer.status
        except urllib.error.HTTPError as error:
            with error:
                status = error.code
        except OSError:  # nobody listens, or the process died
            pass
        self._emulator.deliveries.append(Delivery(task.name, request.url, headers, status))
        return status


@contextmanager
def run_tasks(
    mint: Mint,
    *,
    at_once: int = 8,
    first_pause: float = 0.2,
    longest_pause: float = 2.0,
    route: Callable[[str], str] = lambda url: url,
) -> Iterator[TasksEmulator]:
    """Start the emulator and stop it again.

    Parameters
    ----------
    mint : Mint
        Signs the tokens.
    at_once : int
        How many calls are made at once.
    first_pause, longest_pause : float
        Seconds before a task comes again, doubled each time.
    route : callable
        Where a call of an address really goes, as a load balancer knows.
    """
    emulator = TasksEmulator()
    queue = _Queue(emulator, mint, route, (first_pause, longest_pause))
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler(
                _SERVICE,
                {
                    "CreateTask": _unary(queue.add, CreateTaskRequest, Task),
                    "GetQueue": _unary(queue.find, GetQueueRequest, Queue),
                },
            )
        ]
    )
    emulator.host = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    threads = [threading.Thread(target=queue.deliver, name="tasks", daemon=True) for _ in range(at_once)]
    server.start()
    for thread in threads:
        thread.start()
    try:
        yield emulator
    finally:
        server.stop(grace=None).wait()
        queue.close()
        for thread in threads:
            thread.join(timeout=5.0)


def _unary(call: Callable[..., object], asks: type, answers: type) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        call, request_deserializer=asks.deserialize, response_serializer=answers.serialize
    )
