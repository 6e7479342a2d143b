"""The server: listens, says where, and ends within seconds when it is told to."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from cantilena.errors import OptionError
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
_MOST_HEADER_BYTES: Final = 64 * 1024


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serve until the process is told to stop.

    Raises
    ------
    CantilenaError
        Something is missing or cannot be opened; ``option_invalid``: the address cannot be listened on.
    """
    app, service, singing = open_app(settings)
    server = _Server(server_config(app, host=host, port=port), service=service, singing=singing)
    # uvicorn sends itself the signal again once it has shut down: by then it shall end this function, not the process
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with suppress(KeyboardInterrupt):
            server.run()
    except SystemExit as error:
        raise OptionError(
            "option_invalid", f"{host}:{port} cannot be listened on.", hint="Choose another --port or --host."
        ) from error
    finally:
        signal.signal(signal.SIGTERM, before)


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

    async def shutdown(self, sockets: Any = None) -> None:  # noqa: ANN401 -- as uvicorn has it
        self._service.watch.close()
        self._closing = asyncio.create_task(self._singing.close())
        await super().shutdown(sockets)
        await self._closing
