"""``cantilena voicebank push, pull, verify, prune``: the voicebanks of the bucket."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cantilena.interfaces.cli import options as o
from cantilena.interfaces.cli.console import print_json, start_logging
from cantilena.interfaces.cli.problems import DONE, VOICEBANK
from cantilena.interfaces.cli.progress import download_progress
from cantilena.interfaces.cli.voicebank_text import as_text, info_document

if TYPE_CHECKING:
    from cantilena.distribution.catalogue import RemoteVoicebank

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

    with download_progress("bar" if sys.stderr.isatty() else "none") as on_progress:
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
        print_json([remote_document(remote) for remote in found])
        return
    for remote in found:
        typer.echo(_describe(remote))


def show_remote(voicebank: str, *, json: bool) -> None:
    """What ``voicebank info --remote`` prints."""
    from cantilena.publishing import remote_voicebank_info

    document = remote_document(remote_voicebank_info(voicebank))
    if json:
        print_json(document)
        return
    for name, value in document.items():
        typer.echo(f"{name}: {as_text(value)}")


def remote_document(remote: RemoteVoicebank) -> dict[str, object]:
    """A voicebank of the bucket as JSON."""
    document = info_document(remote.info)
    del document["folder"], document["colours"]  # nobody knows them before it is fetched
    return {**document, "kind": remote.kind, "files": remote.files, "published": remote.published}


def _describe(remote: RemoteVoicebank) -> str:
    info = remote.info
    if info.problem:
        return f"{info.id}: {info.problem}"
    speakers = f": {', '.join(info.speakers)}" if info.speakers else ""
    told = "vocoder" if remote.kind == "vocoder" else ", ".join(info.languages) or "language not told"
    return f"{info.id}{speakers} ({told}, {info.bytes / 1e6:.0f} MB{'' if remote.published else ', no manifest'})"


def _tell(path: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"uploaded {path}\n")
