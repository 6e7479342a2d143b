"""The routes of whoever runs the service: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from cantilena.interfaces.http.answers import documented, problems
from cantilena.interfaces.http.metrics import MEDIA_TYPE, Metrics
from cantilena.interfaces.http.models import HealthDocument, ReadyDocument
from cantilena.interfaces.http.readiness import Readiness
from cantilena.version import package_version

_FOR_ANYBODY: Final[dict[str, Any]] = {"security": []}


def system_routes(readiness: Readiness, metrics: Metrics) -> APIRouter:
    """``/health``, ``/ready`` and ``/metrics``."""
    router = APIRouter(tags=["system"])
    alive = {"status": "ok", "version": package_version()}

    @router.get(
        "/health",
        response_model=None,
        openapi_extra=_FOR_ANYBODY,
        responses={**documented(200, HealthDocument, "The process answers."), **problems()},
    )
    async def health() -> Response:
        """Whether the process answers; it asks nobody else."""
        return JSONResponse(alive)

    @router.get(
        "/ready",
        response_model=None,
        openapi_extra=_FOR_ANYBODY,
        responses={
            **problems(),
            **documented(200, ReadyDocument, "Songs can be asked for, and are sung."),
            **documented(503, ReadyDocument, "Something is missing; `checks` says what."),
        },
    )
    async def ready() -> Response:
        """Whether everything is there that singing needs."""
        checks = await readiness.checks()
        is_ready = all(found == "ok" for found in checks.values())
        return JSONResponse(
            {"status": "ready" if is_ready else "not_ready", "checks": checks},
            status_code=200 if is_ready else 503,
            headers={} if is_ready else {"Retry-After": "2"},
        )

    @router.get(
        "/metrics",
        response_class=Response,
        response_model=None,
        openapi_extra=_FOR_ANYBODY,
        responses={
            200: {"description": "Text of Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **problems(),
        },
    )
    async def numbers() -> Response:
        """Requests, jobs and documents read, counted by this process."""
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return router
