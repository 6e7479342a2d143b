"""What surrounds every request: its id and trace, its line in the log, headers that browsers obey, and the front door.

Conventions
-----------
Plain ASGI: whatever is done here is done for every poll.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Collection
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cantilena.errors import OptionError
from cantilena.interfaces.http.problems import answer_unforeseen, problem, to_problem
from cantilena.settings.service import is_loopback
from cantilena.tracing import log_context, log_event, stopwatch

OnRequest = Callable[[str, str, int, float], None]
"""Told of every request: method, route, status, milliseconds."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Envelope:
    """Gives every request an id, a line in the log and safe headers, and turns what nobody foresaw into an answer.

    Parameters
    ----------
    app : ASGI application
        What is surrounded.
    on_request : callable
        Told of every request.
    headers : mapping of str to str
        Beside the usual ones.
    """

    def __init__(self, app: ASGIApp, *, on_request: OnRequest, headers: dict[str, str] | None = None) -> None:
        self._app = app
        self._on_request = on_request
        self._headers = [
            (name.lower().encode(), value.encode()) for name, value in {**_SAFE_HEADERS, **(headers or {})}.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        status, sent = 0, 0

        async def send_marked(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                given = {name for name, _ in message["headers"]}
                added = [(name, value) for name, value in self._headers if name not in given]
                message["headers"] = [*message["headers"], *added, (b"x-request-id", request_id.encode())]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        trace = headers.get("traceparent") or headers.get("x-cloud-trace-context")
        with log_context(request_id=request_id, trace=trace):
            with stopwatch() as elapsed:
                app = self._app if not _is_ambiguous(headers) else _answer_ambiguous
                try:
                    await app(scope, receive, send_marked)
                except Exception as error:  # the last door before the client: whatever gets here is our fault
                    if status:
                        raise
                    await (await answer_unforeseen(Request(scope), error))(scope, receive, send_marked)
            route = getattr(scope.get("route"), "path", "unknown")
            self._on_request(scope["method"], route, status, elapsed[0])
            log_event(
                "http_request", method=scope["method"], route=route, status=status,
                elapsed_ms=round(elapsed[0], 1), bytes=sent,
            )  # fmt: skip


def _is_ambiguous(headers: Headers) -> bool:
    """Whether somebody between the client and us may have read where the request ends otherwise than we do."""
    return "transfer-encoding" in headers and "content-length" in headers


async def _answer_ambiguous(scope: Scope, receive: Receive, send: Send) -> None:
    refusal = problem(
        400,
        "request_ambiguous",
        "The request says in two ways how long it is.",
        hint="Send either Content-Length or Transfer-Encoding.",
        headers={"Connection": "close"},  # what follows may be a request that was hidden in this one
    )
    await refusal(scope, receive, send)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


class FrontDoor:
    """Where nobody is asked who they are: lets in only what was meant for this machine, by pages of its own.

    A page of any host could otherwise reach the service through the browser of whoever runs it: under a name of its own
    that leads to this machine (DNS rebinding), or with requests that need no reading of their answers.

    Parameters
    ----------
    app : ASGI application
        What lies behind the door.
    origins : collection of str
        Other hosts whose pages may come in.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            refusal = self._refusal(Headers(scope=scope))
            if refusal is not None:
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not is_loopback(_hostname(f"//{host}")):
            return to_problem(
                OptionError("host_refused", "This service is not called that.", hint="Ask for it at 127.0.0.1.")
            )
        if origin is None or origin in self._origins or _authority(origin) == host:
            return None
        return to_problem(
            OptionError(
                "origin_refused", "Pages of other hosts may not use this service.", hint="Name them in ALLOWED_ORIGINS."
            )
        )


def _authority(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _hostname(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""
