"""``cantilena voicebank``: the voicebanks at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, show_help, start_logging

if TYPE_CHECKING:
    from cantilena.voicebank import VoicebankInfo

app = typer.Typer(help="The voicebanks at hand.")


@app.callback(invoke_without_command=True)
def _group(context: typer.Context) -> None:
    show_help(context)


@app.command("list")
def list_(json: o.Json = False) -> None:
    """List the voicebanks at hand."""
    start_logging()
    from cantilena.voicebanks import list_voicebanks

    infos = list_voicebanks()
    if json:
        print_json([_document(info) for info in infos])
        return
    for info in infos:
        if info.problem:
            typer.echo(f"{info.id}: broken: {info.problem}")
            continue
        speakers = f": {', '.join(info.speakers)}" if info.speakers else ""
        typer.echo(f"{info.id}{speakers} ({', '.join(info.languages) or 'language not told'})")


@app.command("info")
def info(
    voicebank: Annotated[str, typer.Argument(metavar="ID|DIR", help="A voicebank, by id or folder.")],
    json: o.Json = False,
) -> None:
    """Tell what a voicebank is: speakers, languages, range, licence and credits."""
    start_logging()
    from cantilena.voicebanks import voicebank_info

    found = voicebank_info(voicebank)
    if json:
        print_json(_document(found))
        return
    for name, value in _document(found).items():
        typer.echo(f"{name}: {_as_text(value)}")


def _as_text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_as_text(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "-"
    return "-" if value is None or value == "" else str(value)


def _document(info: VoicebankInfo) -> dict[str, object]:
    return {
        "id": info.id,
        "name": info.name,
        "version": info.version,
        "languages": list(info.languages),
        "speakers": list(info.speakers),
        "ranges": {speaker: {"low": low, "high": high} for speaker, (low, high) in info.ranges.items()},
        "licence": info.licence,
        "credits": info.credits,
        "bytes": info.bytes,
        "folder": str(info.folder),
        "problem": info.problem,
    }
