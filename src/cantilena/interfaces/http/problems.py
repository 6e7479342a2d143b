"""From errors to what a client sees: RFC 9457 problem documents, whatever went wrong and wherever.

Conventions
-----------
``code`` is the stable name of the problem, ``detail`` one sentence, ``hint`` what to do about it. Nothing that a client
sends is repeated at length, and no traceback ever leaves the process.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from cantilena.errors import CantilenaError, LyricError, OptionError, ScoreError, VoicebankError
from cantilena.ports.dispatch import DispatchError
from cantilena.ports.identity import IdentityError
from cantilena.ports.jobs import JobStoreError
from cantilena.ports.objects import StorageError
from cantilena.ports.sessions import SessionStoreError
from cantilena.service.limits import LimitError
from cantilena.service.links import LinkError
from cantilena.tracing import log_event

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = 2

_MISSING: Final = frozenset({
    "session_unknown", "job_unknown", "output_unknown", "score_missing", "route_unknown", "storage_object_missing",
})  # fmt: skip
_STATUS: Final = {
    "score_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "job_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "body_too_slow": HTTPStatus.REQUEST_TIMEOUT,
    "body_invalid": HTTPStatus.BAD_REQUEST,
    "body_incomplete": HTTPStatus.BAD_REQUEST,
    "media_type_unsupported": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "host_refused": HTTPStatus.MISDIRECTED_REQUEST,
    "origin_refused": HTTPStatus.FORBIDDEN,
    "range_not_satisfiable": HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
}
_OF_STORES: Final = (JobStoreError, SessionStoreError, StorageError, DispatchError, VoicebankError)
_SENTENCES: Final = {
    HTTPStatus.NOT_FOUND: ("route_unknown", "There is nothing at this address.", "See /openapi.json."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "method_not_allowed", "This address does not answer this method.", "See the header Allow.",
    ),
}  # fmt: skip
_MOST: Final = 300


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    hint: str = "",
    retryable: bool = False,
    headers: dict[str, str] | None = None,
    **more: Any,  # noqa: ANN401 -- members of the document
) -> JSONResponse:
    """A problem document as a response."""
    document: dict[str, Any] = {
        "type": f"urn:cantilena:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": _bounded(detail),
        "code": code,
        "hint": _bounded(hint),
        "retryable": retryable,
        **more,
    }
    return JSONResponse(
        document, status_code=status, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", **(headers or {})}
    )


def to_problem(error: CantilenaError) -> JSONResponse:
    """The problem document of an error of the tree."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if isinstance(error, LimitError):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer" if error.code == "token_missing" else 'Bearer error="invalid_token"'
    if status in (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT):
        headers["Connection"] = "close"  # what is left of the body is not waited for
    more: dict[str, Any] = {}
    if isinstance(error, ScoreError | LyricError) or error.place.part or error.place.measure:
        more = {"part": _short(error.place.part), "measure": _short(error.place.measure)}
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.SERVICE_UNAVAILABLE:
        log_event("internal_error", severity="error", error_code=error.code, exc_info=error)
    return problem(
        status,
        error.code,
        error.message,
        hint=error.hint,
        retryable=error.retryable or status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS),
        headers=headers,
        **more,
    )


def status_of(error: CantilenaError) -> HTTPStatus:
    """The status of an error.

    >>> status_of(ScoreError("score_not_xml", "This is not XML.")).value
    422
    """
    if error.code in _STATUS:
        return _STATUS[error.code]
    if error.code in _MISSING or (isinstance(error, VoicebankError) and error.code == "voicebank_unknown"):
        return HTTPStatus.NOT_FOUND
    if isinstance(error, LimitError):
        return HTTPStatus.TOO_MANY_REQUESTS
    if error.retryable or isinstance(error, _OF_STORES):  # that nobody lets us in is no fault of who asks, nor ours
        return HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, IdentityError):
        return HTTPStatus.UNAUTHORIZED
    if isinstance(error, LinkError):
        return HTTPStatus.FORBIDDEN
    if isinstance(error, ScoreError | LyricError | OptionError):
        return HTTPStatus.UNPROCESSABLE_ENTITY
    return HTTPStatus.INTERNAL_SERVER_ERROR


async def answer_known(request: Request, error: Exception) -> JSONResponse:
    """An error of the tree that a route raised.

    Where a store fails its place is for the log, and on a laptop (``app.state.shows_places``) for whoever asks.
    """
    assert isinstance(error, CantilenaError)
    if not isinstance(error, _OF_STORES) or status_of(error) != HTTPStatus.SERVICE_UNAVAILABLE:
        return to_problem(error)
    log_event(
        "store_failed", severity="warning" if error.retryable else "error", error_code=error.code,
        reason=error.message, hint=error.hint,
    )  # fmt: skip
    if getattr(request.app.state, "shows_places", False):
        return to_problem(error)
    return to_problem(
        CantilenaError(
            error.code,
            "What this request needs cannot be reached at the moment.",
            hint="Try again in a moment.",
            retryable=True,
        )
    )


async def answer_http(_: Request, error: Exception) -> JSONResponse:
    """What the router has to say: no such route, no such method."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code, detail, hint = _SENTENCES.get(status, (f"http_{status.value}", f"{status.phrase}.", ""))
    return problem(status, code, detail, hint=hint, headers=dict(error.headers or {}))


async def answer_invalid(_: Request, error: Exception) -> JSONResponse:
    """A value in the path, the query or a header that is of the wrong kind."""
    assert isinstance(error, RequestValidationError)
    return invalid(error.errors())


def invalid(errors: Any) -> JSONResponse:  # noqa: ANN401 -- as pydantic tells them
    """The problem document of values of the wrong kind; the first of them in the sentence, all in ``errors``."""
    told = [
        {"where": "/".join(map(str, one["loc"]))[:_MOST], "message": str(one["msg"])[:_MOST]} for one in errors[:20]
    ]
    first = told[0] if told else {"where": "the request", "message": "is not valid"}
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "option_invalid",
        f"{first['where']}: {first['message']}.",
        hint="/openapi.json says what belongs there.",
        errors=told,
    )


async def answer_unforeseen(_: Request, error: Exception) -> JSONResponse:
    """What nobody foresaw; its traceback is in the log."""
    log_event("internal_error", severity="error", exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "Something went wrong that should not.",
        hint="Please report it, with the X-Request-Id of this answer.",
    )


def _bounded(text: str) -> str:
    return text if len(text) <= _MOST * 2 else text[: _MOST * 2 - 1] + "…"


def _short(text: str | None) -> str | None:
    return None if text is None else text[:_MOST]
