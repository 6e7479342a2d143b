"""What every route may answer beside its own, as OpenAPI describes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cantilena.interfaces.http.models import ProblemDocument
from cantilena.interfaces.http.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]

_SENTENCES: Final = {
    400: "The body cannot be read.",
    401: "No token, or one that is not accepted.",
    403: "A link that is not good, or a page of another host.",
    404: "Not there, or somebody else's.",
    408: "The body came too slowly.",
    409: "Somebody else sings it.",
    413: "Too large.",
    415: "Not a kind of body that is taken here.",
    416: "No such range.",
    421: "Asked for by a name that this service does not have.",
    422: "A value is wrong, or the score cannot be sung like this.",
    429: "Too many requests, sessions or jobs; see Retry-After.",
    503: "Something is out of reach for the moment; see Retry-After.",
}
_ALWAYS: Final = (401, 403, 421, 422, 429, 503)
_SCHEMA: Final = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}


def problems(*statuses: int) -> Responses:
    """The problem documents that a route may answer with: those named, and those that any route may."""
    return {
        status: {"description": _SENTENCES[status], "content": {MEDIA_TYPE: {"schema": _SCHEMA}}}
        for status in sorted({*statuses, *_ALWAYS})
    }


def documented(status: int, model: type, description: str, **headers: str) -> Responses:
    """A document as the answer of a route, and the headers that come with it by what they say."""
    return {status: {"model": model, "description": description, "headers": _headers(headers)}}


def bare(status: int, description: str, **headers: str) -> Responses:
    """An answer without a document."""
    return {status: {"description": description, "headers": _headers(headers)}}


def binary(status: int, media_types: Iterable[str], description: str, **headers: str) -> Responses:
    """A file as the answer of a route."""
    content = {name: {"schema": {"type": "string", "format": "binary"}} for name in media_types}
    return {status: {"description": description, "content": content, "headers": _headers(headers)}}


def _headers(headers: dict[str, str]) -> dict[str, Any]:
    return {
        name.replace("_", "-"): {"description": sentence, "schema": {"type": "string"}}
        for name, sentence in headers.items()
    }
