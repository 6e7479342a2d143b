"""How a server is reached: over the standard streams of its process, or over HTTP.

Conventions
-----------
The standard output belongs to the protocol: while the server runs, whatever else is printed goes to standard error.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import anyio
from anyio import to_thread
from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cantilena.errors import OptionError

MAX_REQUEST_BYTES: Final = 16 * 2**20  # the longest score as text, every sign of it escaped
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_ANYWHERE: Final = ("0.0.0.0", "::")

OnReady = Callable[[str], None]


def serve_stdio(server: Server[Any], on_ready: OnReady, clean_up: Callable[[], None]) -> None:
    """Serve one client on standard input and output until it goes.

    Parameters
    ----------
    server : Server
        What is served.
    on_ready : callable
        Called with "stdio" when requests are read.
    clean_up : callable
        Called when the process is told to stop (SIGTERM, SIGINT), which it then does at once.
    """

    async def serve() -> None:
        async with stdio_server() as (read, write), anyio.create_task_group() as group:
            if sys.platform != "win32":
                group.start_soon(_stop_when_told, clean_up)
            on_ready("stdio")
            await server.run(read, write, server.create_initialization_options())
            group.cancel_scope.cancel()

    anyio.run(serve)


async def _stop_when_told(clean_up: Callable[[], None]) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for number in signals:
            await to_thread.run_sync(clean_up)
            os._exit(128 + number)  # the thread that waits for standard input cannot be woken


def serve_http(server: Server[Any], on_ready: OnReady, *, host: str, port: int, token: str) -> None:
    """Serve any number of clients over streamable HTTP at ``/mcp`` until the process is told to stop.

    Raises
    ------
    OptionError
        ``mcp_token_missing``: others than this machine could reach the server, and nothing keeps them out.
        ``option_invalid``: the address cannot be listened on.
    """
    require_token(host, token)
    import uvicorn

    app: ASGIApp = server.streamable_http_app(
        host=host, transport_security=transport_security(host), max_request_body_size=MAX_REQUEST_BYTES
    )
    if token:
        app = RequireToken(app, token)

    class Announced(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 -- as uvicorn has it
            await super().startup(sockets)
            if self.started:
                listening = self.servers[0].sockets[0].getsockname()
                shown = f"[{host}]" if ":" in host else host
                on_ready(f"http://{shown}:{listening[1]}/mcp")

    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=3)
    uvicorn_server = Announced(config)
    # uvicorn sends itself the signal again once it has shut down: by then it shall end this function, not the process
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with suppress(KeyboardInterrupt):
            uvicorn_server.run()
    except SystemExit as error:
        raise OptionError(
            "option_invalid", f"{host}:{port} cannot be listened on.", hint="Choose another --port or --host."
        ) from error
    finally:
        signal.signal(signal.SIGTERM, before)


def require_token(host: str, token: str) -> None:
    """Refuse to be reached by others without a token."""
    if host not in _LOOPBACK and not token:
        raise OptionError(
            "mcp_token_missing",
            f"The server would be reached from other machines on {host}, and no token is set.",
            hint="Set MCP_TOKEN to a secret of at least 16 characters, or leave --host out.",
        )


def transport_security(host: str) -> TransportSecuritySettings:
    """Which Host and Origin a request may name, so that no web page reaches the server by a name of its own.

    Where it is bound to all addresses its names are not known; there the token, which no page has, keeps them out.
    """
    if host in _ANYWHERE:
        return TransportSecuritySettings(enable_dns_rebinding_protection=False)
    names = _LOOPBACK if host in _LOOPBACK else (host,)
    hosts = [f"[{name}]" if ":" in name else name for name in names]
    return TransportSecuritySettings(
        allowed_hosts=[*hosts, *(f"{name}:*" for name in hosts)],
        allowed_origins=[origin for name in hosts for origin in (f"http://{name}", f"http://{name}:*")],
    )


class RequireToken:
    """Lets through only requests that bear the token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            given = Headers(scope=scope).get("authorization", "").encode()
            if not secrets.compare_digest(given, self._expected):
                refusal = JSONResponse(
                    {"error": "invalid_token"}, status_code=401, headers={"WWW-Authenticate": "Bearer"}
                )
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)
