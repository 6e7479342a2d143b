"""The routes of sessions: made, given a score, deleted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, Final, Literal

import anyio
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from cantilena.interfaces.http.answers import bare, binary, documented, problems
from cantilena.interfaces.http.bodies import read_score_file
from cantilena.interfaces.http.callers import Desk
from cantilena.interfaces.http.documents import session_document
from cantilena.interfaces.http.headers import content_disposition
from cantilena.interfaces.http.models import ScoreDocument, SessionDocument
from cantilena.service.sessions import SCORE_TYPES, media_type_of

_UPLOADS: Final = 16
_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_SCORE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "MusicXML, plain or compressed (.mxl): as the body, or as the field `file` of a form.",
        "content": {
            "application/vnd.recordare.musicxml+xml": _FILE,
            "application/vnd.recordare.musicxml": _FILE,
            "application/octet-stream": _FILE,
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            },
        },
    }
}


def session_routes(desk: Desk) -> APIRouter:
    """Routes of sessions and of their scores."""
    router = APIRouter(tags=["sessions"])
    sessions = desk.service.sessions
    slots = anyio.CapacityLimiter(_UPLOADS)

    @router.post(
        "/sessions",
        status_code=201,
        response_model=None,
        responses={**documented(201, SessionDocument, "A new session.", Location="Where it is."), **problems()},
    )
    async def create_session(request: Request) -> Response:
        """Make a session: what one user works on."""
        owner = await desk.caller(request)
        session = await desk.ask(partial(sessions.create, owner))
        return JSONResponse(
            session_document(session), status_code=201, headers={"Location": f"/sessions/{session.session_id}"}
        )

    @router.get(
        "/sessions/{session_id}",
        response_model=None,
        responses={**documented(200, SessionDocument, "The session."), **problems(404)},
    )
    async def get_session(session_id: str, request: Request) -> Response:
        """A session, and what its score is called."""
        owner = await desk.caller(request)
        return JSONResponse(session_document(await desk.ask(partial(sessions.get, session_id, owner))))

    @router.delete(
        "/sessions/{session_id}",
        status_code=204,
        response_model=None,
        responses={**bare(204, "Nothing of it is left."), **problems(404)},
    )
    async def delete_session(session_id: str, request: Request) -> Response:
        """Stop what is sung in a session, and remove it with its score, jobs and audio."""
        owner = await desk.caller(request)
        await desk.ask_long(partial(sessions.delete, session_id, owner))
        return Response(status_code=204)

    @router.put(
        "/sessions/{session_id}/score",
        response_model=None,
        openapi_extra=_SCORE_BODY,
        responses={**documented(200, ScoreDocument, "What is in it."), **problems(400, 404, 408, 413, 415)},
    )
    async def put_score(
        session_id: str,
        request: Request,
        name: Annotated[str, Query(max_length=1000, description="What the file is called.")] = "",
    ) -> Response:
        """Give the session a score; one that cannot be read leaves it as it is."""
        owner = await desk.caller(request)
        await desk.ask(partial(sessions.get, session_id, owner))
        file, sent_name = await read_score_file(request, max_bytes=desk.service.settings.max_upload_bytes, slots=slots)
        description = await desk.read_score(partial(sessions.put_score, session_id, owner, file, name or sent_name))
        return JSONResponse(description.to_json())

    @router.get(
        "/sessions/{session_id}/score",
        response_class=Response,
        response_model=None,
        responses={
            **binary(200, SCORE_TYPES, "The file.", ETag="Its sha256, in quotes."),
            **bare(304, "It has not changed."),
            **problems(404),
        },
    )
    async def get_score(
        session_id: str,
        request: Request,
        form: Annotated[
            Literal["musicxml"] | None, Query(alias="format", description="`musicxml` inflates a compressed score.")
        ] = None,
    ) -> Response:
        """The score as it came."""
        owner = await desk.caller(request)
        score, blocks = await desk.ask(partial(sessions.score, session_id, owner))
        etag = f'"{score.sha256}{".musicxml" if form else ""}"'
        headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        first = await desk.ask(lambda: next(blocks, b""))
        if form is None or not first.startswith(b"PK"):
            headers |= {"Content-Disposition": content_disposition(score.name), "Content-Length": str(score.bytes)}
            return StreamingResponse(_after(first, blocks), media_type=media_type_of(first), headers=headers)

        def unpacked() -> bytes:
            from cantilena.score.container import unpack_score

            return unpack_score(first + b"".join(blocks), name=score.name)

        plain = await desk.read_score(unpacked)
        headers["Content-Disposition"] = content_disposition(f"{score.name.removesuffix('.mxl')}.musicxml")
        return Response(plain, media_type="application/vnd.recordare.musicxml+xml", headers=headers)

    return router


def _after(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from blocks
