"""``cantilena mcp``: singing for assistants, over the Model Context Protocol."""

from __future__ import annotations

import gc
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from cantilena.errors import OptionError
from cantilena.interfaces.cli.console import start_logging


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP at /mcp instead of stdio.")] = False,
    host: Annotated[str, typer.Option(help="With --http: other hosts than 127.0.0.1 need MCP_TOKEN.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="With --http; 0: any that is free.")] = 8765,
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "--files",
            metavar="DIR",
            help="Folder whose scores may be read and where songs are written; may be given several times. "
            "[default: the folder Cantilena in your home]",
        ),
    ] = None,
    jobs_dir: Annotated[
        Path | None,
        typer.Option("--jobs", metavar="DIR", help="Where songs lie until they are saved. [default: temporary files]"),
    ] = None,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print what to paste into the usual assistants, and leave.")
    ] = False,
) -> None:
    """Serve the tools of singing to assistants (MCP)."""
    if print_config:
        from cantilena.interfaces.mcp.hosts import describe_hosts

        sys.stdout.write(describe_hosts(str(Path(sys.argv[0]).absolute()), files or ()))
        return
    if find_spec("mcp") is None:
        raise OptionError(
            "extra_missing",
            "The MCP server needs packages that are not installed.",
            hint="Run pip install 'cantilena[mcp]'.",
        )
    start_logging(always=True)
    gc.disable()  # a seventh of the start is spent looking for garbage among classes that stay
    from cantilena.interfaces.mcp.process import serve

    gc.freeze()
    gc.enable()
    serve(http=http, host=host, port=port, files=files or (), jobs_dir=jobs_dir)
