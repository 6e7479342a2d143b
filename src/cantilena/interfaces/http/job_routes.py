"""The routes of jobs: asked for, watched, stopped."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import ValidationError

from cantilena.errors import CantilenaError, OptionError
from cantilena.interfaces.http.answers import bare, documented, problems
from cantilena.interfaces.http.bodies import read_json
from cantilena.interfaces.http.callers import Desk
from cantilena.interfaces.http.documents import IDLE, etag_of, is_known, job_document, known_of, progress_document
from cantilena.interfaces.http.events import MEDIA_TYPE as EVENT_STREAM
from cantilena.interfaces.http.events import job_events
from cantilena.interfaces.http.headers import preferred_wait
from cantilena.interfaces.http.models import MAX_WAIT_SECONDS, JobDocument, JobList, ProgressDocument, SongRequest
from cantilena.interfaces.http.problems import invalid
from cantilena.ports.jobs import Job
from cantilena.service.jobs import job_unknown
from cantilena.service.sessions import SESSION_ID, session_unknown
from cantilena.service.songs import JOB_ID, is_of

_MOST_KEY: Final = 255
_SONG_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": False,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{SongRequest.__name__}"}}},
    }
}
_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["event", "data"],
    "properties": {
        "event": {"enum": ["progress", "warning", "output", "done", "error"]},
        "id": {"type": "string", "description": "`seq`, on the last event of a change."},
        "data": {"type": "string", "description": "JSON."},
    },
}
_WAITED: Final = {"Preference-Applied": "wait"}
_STALE: Final = "Nothing has changed."
_IF_NONE_MATCH: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "description": "The ETag of what the client has: 304 as long as it is so.",
            "schema": {"type": "string"},
        }
    ]
}
"""Described, and read by the routes themselves: what FastAPI does for a header costs as much as the answer."""


def job_routes(desk: Desk) -> APIRouter:
    """Routes of the jobs of a session."""
    router = APIRouter(tags=["jobs"])
    songs, sessions, watch, links = desk.service.songs, desk.service.sessions, desk.service.watch, desk.service.links

    def shown(job: Job, *, status: int = 200, headers: dict[str, str] | None = None) -> JSONResponse:
        common = {"ETag": etag_of(job, links), "Cache-Control": "private, no-cache"}
        return JSONResponse(job_document(job, links), status_code=status, headers={**common, **(headers or {})})

    def unchanged(etag: str) -> Response:
        return Response(status_code=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})

    @router.get(
        "/sessions/{session_id}/progress",
        response_model=None,
        openapi_extra=_IF_NONE_MATCH,
        responses={
            **documented(200, ProgressDocument, "How far it is.", ETag="Another one whenever the job changes."),
            **bare(304, _STALE),
            **problems(404),
        },
    )
    async def get_progress(session_id: str, request: Request) -> Response:
        """How far the newest job of the session is."""
        if_none_match = request.headers.get("if-none-match")
        owner = await desk.caller(request)
        if not SESSION_ID.fullmatch(session_id):
            raise session_unknown(session_id)
        job = await desk.watched(watch.newest(session_id, known=known_of(if_none_match)))
        if job is None or job.owner != owner:
            await desk.ask(partial(sessions.get, session_id, owner))
            return JSONResponse(IDLE, headers={"Cache-Control": "private, no-cache"})
        etag = etag_of(job, links)
        if is_known(if_none_match, etag):
            return unchanged(etag)
        return JSONResponse(progress_document(job, links), headers={"ETag": etag, "Cache-Control": "private, no-cache"})

    @router.post(
        "/sessions/{session_id}/jobs",
        status_code=202,
        response_model=None,
        openapi_extra=_SONG_BODY,
        responses={
            **documented(200, JobDocument, "It is finished: the client preferred to wait.", ETag="Its state."),
            **documented(202, JobDocument, "It waits or is sung.", ETag="Its state.", Location="Where it is."),
            **problems(400, 404, 408, 413, 415),
        },
    )
    async def ask_for_song(
        session_id: str,
        request: Request,
        idempotency_key: Annotated[
            str | None,
            Header(
                min_length=1, max_length=_MOST_KEY, description="The same song under the same key is asked for once."
            ),
        ] = None,
        prefer: Annotated[
            str | None, Header(description="`wait=10`: answer when it is finished, or after 10 s.")
        ] = None,
    ) -> Response:
        """Have the session's score sung."""
        owner = await desk.caller(request)
        body = await read_json(request)
        try:
            asked = SongRequest.model_validate_json(body) if body.strip() else SongRequest()
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
            if errors[0]["type"] == "json_invalid":
                raise OptionError("body_invalid", "The body is not JSON.", hint="Send an object.") from error
            return invalid(errors)
        job = await desk.read_score(
            partial(songs.ask, session_id, owner, asked.wishes(), idempotency_key=idempotency_key)
        )
        headers = {"Location": f"/sessions/{session_id}/jobs/{job.job_id}"}
        seconds = preferred_wait(prefer)
        if seconds is not None:
            headers |= _WAITED
            seconds = min(seconds, MAX_WAIT_SECONDS)
            with suppress(CantilenaError):  # the job is there, whatever becomes of the waiting
                desk.require_place(owner)
                with desk.waiting(owner):
                    news = watch.wait(job.job_id, after_seq=None, seconds=seconds)
                    waited = await desk.watched(news, seconds=seconds)
                job = waited if waited is not None else job
        return shown(job, status=200 if job.is_finished and seconds is not None else 202, headers=headers)

    @router.get(
        "/sessions/{session_id}/jobs",
        response_model=None,
        responses={**documented(200, JobList, "A page of them."), **problems(404)},
    )
    async def list_jobs(
        session_id: str,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        cursor: Annotated[
            str | None, Query(pattern=f"^{JOB_ID.pattern}$", description="`next_cursor` of the page before.")
        ] = None,
    ) -> Response:
        """The jobs of a session, newest first."""
        owner = await desk.caller(request)
        found = await desk.ask(partial(songs.list, session_id, owner, limit=limit + 1, before=cursor))
        page = found[:limit]
        return JSONResponse(
            {
                "jobs": [job_document(job, links) for job in page],
                "next_cursor": page[-1].job_id if len(found) > limit else None,
            },
            headers={"Cache-Control": "private, no-cache"},
        )

    async def watched(request: Request, session_id: str, job_id: str, known_seq: int | None, wait: float | None) -> Job:
        """A job of the caller's, at once or when there is something newer."""
        owner = await desk.caller(request)
        if not JOB_ID.fullmatch(job_id):
            raise job_unknown(job_id)
        job = await desk.watched(watch.job(job_id, known_seq=known_seq))
        if job is None or not is_of(job, session_id, owner):
            raise job_unknown(job_id)
        if wait and not job.is_finished and (known_seq is None or job.seq <= known_seq):
            desk.require_place(owner)
            with desk.waiting(owner):
                later = await desk.watched(watch.wait(job_id, after_seq=known_seq, seconds=wait), seconds=wait)
            if later is None:
                raise job_unknown(job_id)
            job = later
        return job

    @router.get(
        "/sessions/{session_id}/jobs/{job_id}",
        response_model=None,
        openapi_extra=_IF_NONE_MATCH,
        responses={
            **documented(200, JobDocument, "The job.", ETag="Another one whenever the job changes."),
            **bare(304, _STALE),
            **problems(404),
        },
    )
    async def get_job(
        session_id: str,
        job_id: str,
        request: Request,
        wait: Annotated[
            float | None,
            Query(
                ge=0, le=MAX_WAIT_SECONDS, allow_inf_nan=False,
                description="Seconds to wait: with If-None-Match until the job changes, else until it is finished.",
            ),
        ] = None,
    ) -> Response:  # fmt: skip
        """A job as it is now, or once there is something new."""
        if_none_match = request.headers.get("if-none-match")
        known = known_of(if_none_match)
        seq = known.seq if known is not None and known.job_id == job_id else None
        job = await watched(request, session_id, job_id, seq, wait)
        etag = etag_of(job, links)
        return unchanged(etag) if is_known(if_none_match, etag) else shown(job)

    async def listened(job: Job, seen: int | None) -> AsyncIterator[bytes]:
        with desk.waiting(job.owner):
            async for event in job_events(job, seen, watch=watch, links=links):
                yield event

    @router.get(
        "/sessions/{session_id}/jobs/{job_id}/events",
        response_class=StreamingResponse,
        response_model=None,
        responses={
            200: {
                "description": "Server-sent events: `progress`, `warning`, `output`, then `done` or `error`.",
                "content": {EVENT_STREAM: {"schema": _EVENT}},
            },
            **bare(204, "There is nothing after what the client has: it need not come again."),
            **problems(404),
        },
    )
    async def get_events(
        session_id: str,
        job_id: str,
        request: Request,
        last_event_id: Annotated[str | None, Header(description="Where the stream before broke off.")] = None,
    ) -> Response:
        """Everything that happens to a job, as it happens."""
        job = await watched(request, session_id, job_id, None, None)
        seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 13 else None
        if job.is_finished and seen is not None and seen >= job.seq:
            return Response(status_code=204)
        desk.require_place(job.owner)
        return StreamingResponse(
            listened(job, seen),
            media_type=EVENT_STREAM,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @router.post(
        "/sessions/{session_id}/jobs/{job_id}/cancel",
        status_code=202,
        response_model=None,
        responses={**documented(202, JobDocument, "It stops within a second.", ETag="Its state."), **problems(404)},
    )
    async def cancel_job(session_id: str, job_id: str, request: Request) -> Response:
        """Stop a job; one that is finished stays as it is."""
        owner = await desk.caller(request)
        return shown(await desk.ask(partial(songs.cancel, session_id, job_id, owner)), status=202)

    return router
