"""Numbers for whoever watches the service, in the text format of Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from cantilena.interfaces.http.composition import Service
from cantilena.ports.jobs import Job

MEDIA_TYPE: Final = CONTENT_TYPE_LATEST
_BUCKETS: Final = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0, 30.0, 120.0, 600.0, 1800.0)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
"""Anybody can make up more, and each would be a series of its own."""


class Metrics:
    """What is counted of one application."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "cantilena_http_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "cantilena_http_request_seconds", "What answering took.", ("route",), buckets=_BUCKETS,
            registry=self._registry,
        )  # fmt: skip
        self._jobs = Counter("cantilena_jobs", "Jobs that ended here, by how.", ("status",), registry=self._registry)
        self._registry.register(_Reads(lambda: service.jobs.reads))
        service.jobs.listen(on_written=self._written)

    def request(self, method: str, route: str, status: int, elapsed_ms: float) -> None:
        """A request was answered."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(elapsed_ms / 1000.0)

    def _written(self, job: Job) -> None:
        if job.is_finished:
            self._jobs.labels(job.status).inc()

    def text(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)


class _Reads(Collector):
    """Documents of jobs that were read, counted where they are read."""

    def __init__(self, reads: Callable[[], int]) -> None:
        self._reads = reads

    def collect(self) -> list[Metric]:
        counted = CounterMetricFamily("cantilena_job_documents_read", "Documents of jobs that were read.")
        counted.add_metric([], self._reads())
        return [counted]
