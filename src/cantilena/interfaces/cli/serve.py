"""``cantilena serve``: singing over HTTP, and a page to try it on."""

from __future__ import annotations

import gc
from importlib.util import find_spec
from typing import Annotated

import typer

from cantilena.errors import OptionError
from cantilena.interfaces.cli.console import start_logging

_PORT = 8080
_NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "mcp")


def serve(
    host: Annotated[
        str | None,
        typer.Option(help="[default: 127.0.0.1; 0.0.0.0 where PORT is set] Others than this machine's need IDENTITY."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="[default: PORT, else 8080] 0: any that is free.")
    ] = None,
) -> None:
    """Serve the HTTP interface and its page."""
    if any(find_spec(module) is None for module in _NEEDED):
        raise OptionError(
            "extra_missing",
            "Serving HTTP needs packages that are not installed.",
            hint="Run pip install 'cantilena[serve]'.",
        )
    from cantilena.settings import load_settings
    from cantilena.settings.service import require_closed_door, require_service

    settings = load_settings()
    start_logging(always=True)
    require_service(settings)
    chosen_host = host or ("0.0.0.0" if settings.port is not None else "127.0.0.1")
    require_closed_door(settings, chosen_host)
    gc.disable()  # a seventh of the start is spent looking for garbage among classes that stay
    from cantilena.interfaces.http.serving import serve as serve_http

    gc.freeze()
    gc.enable()
    serve_http(settings, host=chosen_host, port=port if port is not None else settings.port or _PORT)
