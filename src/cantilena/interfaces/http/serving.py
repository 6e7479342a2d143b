"""The server: listens, says where, and ends within seconds when it is told to."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from cantilena.errors import InferenceError, OptionError
from cantilena.interfaces.http.app import open_app
from cantilena.interfaces.http.protocol import PatientProtocol
from cantilena.settings import Settings
from cantilena.tracing import log_event

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cantilena.interfaces.http.composition import Service
    from cantilena.interfaces.http.singing import Singing

_GRACE_SECONDS: Final = 4
_KEEP_ALIVE_SECONDS: Final = 65  # longer than the front ends of clouds keep theirs
_BACKLOG: Final = 2048
_MOST_HEADER_BYTES: Final = 64 * 1024


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until the process is told to stop.

    Raises
    ------
    CantilenaError
        Something is missing or cannot be opened; ``option_invalid``: the address cannot be listened on.
    """
    with _listening(host, port) as listener:
        app, service, singing = open_app(settings)
        server = _Server(server_config(app, host=host, port=port), service=service, singing=singing)
        # uvicorn sends itself the signal again once it has shut down: by then it shall end this function alone
        before = signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            with suppress(KeyboardInterrupt):
                server.run(sockets=[listener])
        except SystemExit as error:  # it could not start
            raise _failed() from error
        finally:
            signal.signal(signal.SIGTERM, before)
        if singing.has_failed:
            raise _failed()


def _listening(host: str, port: int) -> socket.socket:
    """An address of this machine, before anything else is opened."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise OptionError(
            "option_invalid",
            f"{host}:{port} cannot be listened on: {error.strerror or error}.",
            hint="Choose another --port or --host.",
        ) from error


def _failed() -> InferenceError:
    return InferenceError(
        "internal_error", "What sings cannot be kept running.", hint="The log says why; please report it."
    )


def server_config(app: FastAPI, *, host: str, port: int) -> uvicorn.Config:
    """How the server treats its connections."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


class _Server(uvicorn.Server):
    """Says where it listens, and lets those go who wait for news before it waits for them."""

    def __init__(self, config: uvicorn.Config, *, service: Service, singing: Singing) -> None:
        super().__init__(config)
        self._service = service
        self._singing = singing
        self._closing: asyncio.Task[None] | None = None

    async def startup(self, sockets: Any = None) -> None:  # noqa: ANN401 -- as uvicorn has it
        await super().startup(sockets)
        if self.started:
            host, port = self.config.host, self.servers[0].sockets[0].getsockname()[1]
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            log_event("http_started", address=address)
            sys.stdout.write(f"Cantilena sings at {address}\n")
            sys.stdout.flush()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._singing.has_failed

    async def shutdown(self, sockets: Any = None) -> None:  # noqa: ANN401 -- as uvicorn has it
        self._service.watch.close()
        self._closing = asyncio.create_task(self._singing.close())
        await super().shutdown(sockets)
        await self._closing
