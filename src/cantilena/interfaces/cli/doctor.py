"""``cantilena doctor``: what works here, what is missing, and how to get it."""

from __future__ import annotations

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, start_logging
from cantilena.interfaces.cli.problems import DONE, ENGINE


def doctor(json: o.Json = False) -> int:
    """Say what works here, what is missing, and how to get it."""
    start_logging()
    from cantilena.checkup import examine

    checkup = examine()
    if json:
        print_json(checkup.to_json())
    else:
        for item in checkup.items:
            typer.echo(f"{'ok     ' if item.ok else 'MISSING'} {item.name}: {item.message}")
            if item.hint:
                typer.echo(f"        {item.hint}")
        typer.echo("\nsettings")
        for setting in checkup.settings:
            typer.echo(f"        {setting.variable} = {setting.value} ({setting.origin}) {setting.description}")
    return DONE if checkup.healthy else ENGINE
