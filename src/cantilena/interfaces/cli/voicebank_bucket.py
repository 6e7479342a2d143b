"""``cantilena voicebank push, pull, verify, prune``: the voicebanks of the bucket."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, start_logging
from cantilena.interfaces.cli.problems import DONE, VOICEBANK

if TYPE_CHECKING:
    from cantilena.distribution.fetch import DownloadProgress
    from cantilena.publishing import RemoteVoicebank

Id = Annotated[str, typer.Argument(metavar="ID", help="A voicebank of the bucket.")]


def push(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a voicebank, or of a shared vocoder.")],
    id: Annotated[
        str | None, typer.Option("--id", help="Publish it under this id. [default: the folder's name]")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace another version that is published under the id.")
    ] = False,
    json: o.Json = False,
) -> None:
    """Publish the voicebank in DIR in the bucket: try it, upload its files, and its manifest last."""
    start_logging()
    from cantilena.publishing import push_voicebank

    published = push_voicebank(folder, voicebank_id=id, replacing=replace, on_upload=_tell)
    if json:
        print_json(
            {
                "id": published.manifest.id,
                "version": published.manifest.version,
                "place": published.place,
                "bytes": published.manifest.total_bytes,
                "uploaded": published.uploaded,
                "kept": published.kept,
            }
        )
        return
    typer.echo(published.place)


def pull(
    voicebank: Id,
    to: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that will hold it. [default: the local voicebanks]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder of that name.")] = False,
    json: o.Json = False,
) -> None:
    """Download a voicebank of the bucket into a folder of your own, with the vocoder it names."""
    start_logging()
    from cantilena.publishing import pull_voicebank

    with download_bar() as on_progress:
        folders = pull_voicebank(voicebank, to=to, force=force, on_progress=on_progress)
    if json:
        print_json({"folders": [str(folder) for folder in folders]})
        return
    for folder in folders:
        typer.echo(str(folder))


def verify(voicebank: Id, json: o.Json = False) -> int:
    """Hash the cached copy of a voicebank again, and compare the bucket's files with its manifest."""
    start_logging()
    from cantilena.publishing import verify_voicebank

    found = verify_voicebank(voicebank)
    if json:
        print_json({"id": found.id, "intact": found.intact, "cached": list(found.cached), "bucket": list(found.remote)})
    else:
        for path in found.cached:
            typer.echo(f"{path}: damaged in the cache; it will be fetched again")
        for path in found.remote:
            typer.echo(f"{path}: not in the bucket as the manifest has it; publish the voicebank again")
        if found.intact:
            typer.echo(f"{found.id} is as it was published.")
    return DONE if found.intact else VOICEBANK


def prune(
    everything: Annotated[bool, typer.Option("--all", help="Remove every version that nobody is using.")] = False,
    json: o.Json = False,
) -> None:
    """Remove old versions and leftovers of downloads from the cache of the bucket's voicebanks."""
    start_logging()
    from cantilena.publishing import prune_voicebanks

    removed = prune_voicebanks(everything=everything)
    if json:
        print_json([{"id": entry.id, "version": entry.version, "bytes": entry.bytes} for entry in removed])
        return
    for entry in removed:
        typer.echo(f"{entry.id}@{entry.version} removed ({entry.bytes / 1e6:.0f} MB)")


def list_remote(*, json: bool) -> None:
    """What ``voicebank list --remote`` prints."""
    from cantilena.publishing import list_remote_voicebanks

    found = list_remote_voicebanks()
    if json:
        print_json([remote_document(voicebank) for voicebank in found])
        return
    for voicebank in found:
        if voicebank.problem:
            typer.echo(f"{voicebank.id}: {voicebank.problem}")
            continue
        about = voicebank.info
        speakers = f": {', '.join(about['speakers'])}" if about.get("speakers") else ""
        kind = about.get("kind") if about.get("kind") != "voicebank" else ", ".join(about.get("languages") or ())
        told = kind or ("language not told" if voicebank.published else "without a manifest")
        typer.echo(f"{voicebank.id}{speakers} ({told}, {voicebank.bytes / 1e6:.0f} MB)")


def remote_document(voicebank: RemoteVoicebank) -> dict[str, object]:
    """A voicebank of the bucket as JSON."""
    return {
        "id": voicebank.id,
        "version": voicebank.version,
        "bytes": voicebank.bytes,
        "files": voicebank.files,
        "published": voicebank.published,
        **{key: voicebank.info.get(key) for key in ("kind", "name", "languages", "speakers", "ranges")},
        "licence": voicebank.info.get("licence", ""),
        "credits": voicebank.info.get("credits", ""),
        "problem": voicebank.problem,
    }


def _tell(path: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"uploaded {path}\n")


@contextmanager
def download_bar() -> Iterator[Callable[[DownloadProgress], None] | None]:
    """The callback that shows a download on a terminal; None where nobody is looking."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, object] = {}

        def advance(progress: DownloadProgress) -> None:
            if progress.voicebank not in tasks:
                tasks[progress.voicebank] = bar.add_task(progress.voicebank, total=progress.bytes_total)
            bar.update(tasks[progress.voicebank], completed=progress.bytes)  # type: ignore[arg-type]

        yield advance
