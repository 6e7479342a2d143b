"""The route that the task queue calls: the song is sung inside this request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response

from cantilena.interfaces.http.callers import Desk, bearer_token
from cantilena.interfaces.http.problems import problem
from cantilena.ports.identity import Identity, IdentityError
from cantilena.service.job_runs import Outcome
from cantilena.tracing import log_event


def internal_routes(desk: Desk, identity: Identity, run: Callable[[str], Awaitable[Outcome]]) -> APIRouter:
    """``POST /internal/jobs/{job_id}/run``: 2xx: nothing is left to do, else it may come again."""
    router = APIRouter(include_in_schema=False)

    @router.post("/internal/jobs/{job_id}/run", status_code=204, response_model=None)
    async def run_job(job_id: str, request: Request) -> Response:
        token = bearer_token(request)
        try:
            await desk.ask(lambda: identity.recognise(token))
        except IdentityError as error:  # all that the queue tells of it is that it came again
            log_event(
                "task_refused", severity="warning", job_id=job_id[:80], error_code=error.code, reason=error.message
            )
            raise
        match await run(job_id):
            case "done":
                return Response(status_code=204)
            case "elsewhere":  # not 429 or 503: Cloud Tasks would slow down the whole queue
                return problem(409, "job_elsewhere", "Another process sings this job.", retryable=True)
            case "busy":
                return problem(409, "worker_busy", "Nobody here can sing now.", retryable=True)

    return router
