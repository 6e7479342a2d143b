"""The first page: one file each of HTML, CSS and JavaScript, and a sample song; nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Response

_MEDIA_TYPES: Final = {
    "index.html": "text/html; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "sample.musicxml": "application/vnd.recordare.musicxml+xml",
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}


def page_router() -> APIRouter:
    """``/`` and the files it needs below ``/page``; not part of the API's description."""
    router = APIRouter(include_in_schema=False)
    for name, media_type in _MEDIA_TYPES.items():
        route = "/" if name == "index.html" else f"/page/{name}"
        router.add_api_route(route, _answer(name, media_type), methods=["GET", "HEAD"], response_class=Response)
    return router


def _answer(name: str, media_type: str) -> Callable[[], Awaitable[Response]]:
    content = files(__name__).joinpath(name).read_bytes()

    async def answer() -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return answer
