"""The route of outputs: audio as players want it, in parts, by its owner's token or by a link."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse

from cantilena.interfaces.http.answers import bare, binary, problems
from cantilena.interfaces.http.callers import Desk
from cantilena.interfaces.http.documents import is_known
from cantilena.interfaces.http.headers import content_disposition, read_range
from cantilena.interfaces.http.problems import problem
from cantilena.ports.jobs import Job
from cantilena.service.jobs import job_unknown
from cantilena.service.media_types import MEDIA_TYPES
from cantilena.service.songs import JOB_ID, is_of

_MOST_WITH_LENGTH: Final = 30 * 2**20
"""Cloud Run refuses longer answers unless they come in chunks, which those without a length do."""
_PATH: Final = "/sessions/{session_id}/jobs/{job_id}/outputs/{name}"
_OR_A_LINK: Final[dict[str, Any]] = {"security": [{"bearer": []}, {}]}
_HEADERS: Final = {"ETag": "Its sha256, in quotes.", "Accept_Ranges": "bytes"}


def output_routes(desk: Desk) -> APIRouter:
    """The route of the files that jobs make."""
    router = APIRouter(tags=["outputs"])
    songs, links = desk.service.songs, desk.service.links

    async def find_job(request: Request, session_id: str, job_id: str, name: str, token: str | None) -> Job:
        """The job, for its owner or for whoever has a link to this output of it."""
        if token is None:
            owner = await desk.caller(request)
            return await desk.ask(partial(songs.get, session_id, job_id, owner))
        links.check(token, job_id, name)
        stored = await desk.ask(partial(desk.service.jobs.read, job_id)) if JOB_ID.fullmatch(job_id) else None
        if stored is None or not is_of(stored.job, session_id, stored.job.owner):
            raise job_unknown(job_id)
        return stored.job

    async def output(
        session_id: str,
        job_id: str,
        name: str,
        request: Request,
        token: Annotated[str | None, Query(description="Of a link; instead of a bearer token.")] = None,
        range: Annotated[str | None, Header(description="One range of bytes.")] = None,
        if_range: Annotated[str | None, Header(description="The ETag of what the client has a part of.")] = None,
        if_none_match: Annotated[str | None, Header(description="The ETag of what the client has.")] = None,
    ) -> Response:
        """A file that a job made."""
        job = await find_job(request, session_id, job_id, name, token)
        found, stored_as = songs.find_output(job, name)
        etag = f'"{found.sha256}"'
        headers = {
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=3600, immutable",
            "Content-Disposition": content_disposition(found.name),
        }
        if is_known(if_none_match, etag):
            return Response(status_code=304, headers=headers)
        try:
            asked = range if request.method == "GET" and if_range in (None, etag) else None
            part = read_range(asked, found.bytes)
        except ValueError:
            return problem(
                416,
                "range_not_satisfiable",
                f"There is no such part of {found.bytes} bytes.",
                headers={"Content-Range": f"bytes */{found.bytes}", "Accept-Ranges": "bytes"},
            )
        start, end = (part.start, part.end) if part else (0, found.bytes)
        if request.method == "HEAD" or end - start <= _MOST_WITH_LENGTH:
            headers["Content-Length"] = str(end - start)
        if part is not None:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.bytes}"
        status, media_type = 206 if part else 200, MEDIA_TYPES[found.format]
        if request.method == "HEAD" or start == end:
            return Response(status_code=status, media_type=media_type, headers=headers)
        blocks = await desk.ask(partial(songs.read_output, stored_as, start=start, end=end))
        return StreamingResponse(blocks, status_code=status, media_type=media_type, headers=headers)

    responses = {
        **binary(200, sorted(set(MEDIA_TYPES.values())), "All of it.", **_HEADERS),
        **binary(
            206, sorted(set(MEDIA_TYPES.values())), "The part asked for.", **_HEADERS, Content_Range="Which part."
        ),
        **bare(304, "It has not changed."),
        **problems(404, 416),
    }
    for method in ("GET", "HEAD"):
        router.add_api_route(
            _PATH,
            output,
            methods=[method],
            name=f"{method.lower()}_output",
            openapi_extra=_OR_A_LINK,
            response_class=Response,
            response_model=None,
            responses=responses,
        )
    return router
