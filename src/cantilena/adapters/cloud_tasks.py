"""Jobs dispatched through Cloud Tasks, which calls this service for each; the only module that imports its client.

Conventions
-----------
A task is a request ``POST {url}/internal/jobs/{job_id}/run`` with a token of the queue's account, and comes again until
it is answered with 2xx. It is named after its job and the time, so that many processes that tell of a job again and
again make few tasks of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from cantilena.ports.dispatch import DispatchError
from cantilena.tracing import log_fields, trace_header

if TYPE_CHECKING:
    from google.cloud.tasks_v2 import CloudTasksClient, Task

CALL_SECONDS: Final = 2.5
SAME_TASK_SECONDS: Final = 600.0
"""A job is told of once in so long, whoever tells and however often."""
_CHANNEL: Final = (("grpc.max_reconnect_backoff_ms", 1_000), ("grpc.keepalive_time_ms", 30_000))


class CloudTasks:
    """A :class:`~cantilena.ports.dispatch.Dispatcher`.

    Parameters
    ----------
    queue : str
        ``projects/P/locations/L/queues/Q``.
    url : str
        Public address of this service, without a slash at its end.
    audience : str
        What the tokens are made for.
    service_account : str
        Who the queue calls as.
    deadline_seconds : float
        What one call may take.
    emulator : str
        ``host:port`` of an emulator; empty: Google's.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(
        self,
        *,
        queue: str,
        url: str,
        audience: str,
        service_account: str,
        deadline_seconds: float,
        emulator: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._queue = queue
        self._url = url
        self._audience = audience
        self._service_account = service_account
        self._deadline_seconds = deadline_seconds
        self._emulator = emulator
        self._now = now
        self._opened: CloudTasksClient | None = None
        self._lock = Lock()

    def dispatch(self, job_id: str) -> None:
        from google.api_core.exceptions import AlreadyExists

        with self._translated():
            try:
                self._client().create_task(parent=self._queue, task=self._task(job_id), **_limits())
            except AlreadyExists:
                return

    def ping(self) -> None:
        from google.api_core.exceptions import Forbidden

        with self._translated():
            try:
                self._client().get_queue(name=self._queue, **_limits())
            except Forbidden:  # it answers; whoever may only fill a queue may not look at it
                return

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._opened is not None:
                self._opened.transport.close()  # type: ignore[no-untyped-call]
                self._opened = None

    def _task(self, job_id: str) -> Task:
        from google.cloud.tasks_v2 import HttpMethod, HttpRequest, OidcToken, Task
        from google.protobuf.duration_pb2 import Duration

        trace = trace_header() or ""
        name_of_trace = "traceparent" if "-" in trace else "X-Cloud-Trace-Context"
        told = {"X-Request-Id": log_fields().get("request_id"), name_of_trace: trace}
        return Task(
            name=f"{self._queue}/tasks/{job_id}-{int(self._now() // SAME_TASK_SECONDS)}",
            dispatch_deadline=Duration(seconds=int(self._deadline_seconds)),
            http_request=HttpRequest(
                http_method=HttpMethod.POST,
                url=f"{self._url}/internal/jobs/{job_id}/run",
                headers={name: str(value) for name, value in told.items() if value},
                oidc_token=OidcToken(service_account_email=self._service_account, audience=self._audience),
            ),
        )

    def _client(self) -> CloudTasksClient:
        """The client, made on first use: its import takes half a second."""
        with self._lock:
            if self._opened is None:
                from google.cloud.tasks_v2 import CloudTasksClient

                self._opened = CloudTasksClient(transport=self._emulated() if self._emulator else None)
            return self._opened

    def _emulated(self) -> Any:  # noqa: ANN401 -- a transport of the client
        import grpc
        from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

        return CloudTasksGrpcTransport(channel=grpc.insecure_channel(self._emulator, options=_CHANNEL))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        from google.api_core import exceptions
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, TransportError

        try:
            yield
        except (exceptions.ClientError, DefaultCredentialsError) as error:
            if isinstance(error, exceptions.TooManyRequests):
                raise self._unreachable(error) from error
            raise DispatchError(
                "dispatch_denied",
                f"The queue {self._queue} takes no tasks from here ({type(error).__name__}).",
                hint="Look whether TASKS_QUEUE names it, and give the service's account the roles Cloud Tasks Enqueuer "
                "on it and Service Account User on TASKS_SERVICE_ACCOUNT.",
            ) from error
        except (exceptions.GoogleAPICallError, exceptions.RetryError, GoogleAuthError, TransportError) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> DispatchError:
        return DispatchError(
            "dispatch_unreachable",
            f"The queue {self._queue} could not be reached ({type(error).__name__}).",
            hint="Try again in a moment.",
            retryable=True,
        )


def _limits() -> dict[str, Any]:
    return {"timeout": CALL_SECONDS, "retry": None}
