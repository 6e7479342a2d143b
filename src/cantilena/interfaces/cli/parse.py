"""``cantilena parse``: what is in a score."""

from __future__ import annotations

from typing import Annotated

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, print_warnings, start_logging


def parse(
    score: o.Score,
    json: o.Json = False,
    notes: Annotated[bool, typer.Option("--notes", help="With --json: list each part's sung notes too.")] = False,
) -> None:
    """Describe SCORE: its parts, verses, ranges and length; anything readable is described, singable or not."""
    start_logging()
    from cantilena.score import read_score
    from cantilena.score.describe import describe_score
    from cantilena.units import midi_to_name

    description = describe_score(read_score(score), notes=notes)
    if json:
        print_json(description.to_json())
        return
    print_warnings(description.warnings)
    title = description.title or score.name
    typer.echo(f"{title}, {description.composer}" if description.composer else title)
    typer.echo(
        f"{description.measures} measures, {description.expanded_measures} as sung, "
        f"{description.duration_seconds:.0f} s"
    )
    for part in description.parts:
        span = "no notes"
        if part.low is not None and part.high is not None:
            span = f"{midi_to_name(part.low)} to {midi_to_name(part.high)}"
        verses = f", verses {', '.join(part.verses)}" if part.verses else ", no words"
        typer.echo(f"{'*' if part.sung else ' '} {part.name or part.id}: {part.notes} notes, {span}{verses}")
