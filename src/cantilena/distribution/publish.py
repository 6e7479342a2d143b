"""A voicebank from a folder into a bucket, and from a bucket into a folder of one's own.

Conventions
-----------
Files are uploaded first and the manifest last, and a note beside them says that the voicebank is being published:
nobody takes what is only half there for a voicebank. Publishing that was broken off goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cantilena.distribution.fetch import OnDownload, disk_error, fetch_files, hash_file
from cantilena.distribution.locks import alone
from cantilena.distribution.manifest import FileEntry, Manifest, make_manifest, read_manifest
from cantilena.distribution.names import MANIFEST_NAME, PUBLISHING_NAME, check_id
from cantilena.errors import OutputError, VoicebankError
from cantilena.ports.objects import ObjectStore, StorageError

_PARALLEL: Final = 4
_WAIT_SECONDS: Final = 900.0
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What came of publishing.

    Attributes
    ----------
    manifest : Manifest
        As it lies in the bucket now.
    uploaded, kept : int
        Files sent, and files that lay there already.
    place : str
        Where the voicebank lies.
    """

    manifest: Manifest
    uploaded: int
    kept: int
    place: str


OnUpload = Callable[[str], None]
"""Told the path of each file that was uploaded."""


def publish(
    folder: Path,
    voicebank_id: str,
    *,
    objects: ObjectStore,
    prefix: str,
    info: Mapping[str, Any],
    replacing: bool = False,
    on_upload: OnUpload | None = None,
) -> Published:
    """Upload a voicebank's files as they are, and then its manifest.

    Parameters
    ----------
    folder : Path
        Of the voicebank, found to be one before.
    voicebank_id : str
        What it will be asked for by.
    objects : ObjectStore
        Where to.
    prefix : str
        Folder of voicebanks in the bucket.
    info : mapping
        What the manifest tells people.
    replacing : bool
        Whether another version under this id may be replaced.
    on_upload : callable, optional
        Told of each file.

    Raises
    ------
    VoicebankError
        ``voicebank_unpublishable``; ``voicebank_published``: there is another version and ``replacing`` is not set.
    StorageError
        The bucket refused, or could not be reached.
    """
    remote = f"{prefix.strip('/')}/{check_id(voicebank_id)}/"
    manifest = make_manifest(voicebank_id, _local_entries(folder), info=info)
    published = _published(objects, remote, voicebank_id)
    place = f"{objects.place}/{remote}"
    same = published is not None and published.version == manifest.version
    if published is not None and same and not missing_files(objects, remote, manifest):
        return Published(manifest=published, uploaded=0, kept=len(published.files), place=place)
    if published is not None and not same and not replacing:
        raise VoicebankError(
            "voicebank_published",
            f"Another version of {voicebank_id} is published in {place}.",
            hint="Publish this one under an id of its own with --id, or replace that one with --replace.",
        )
    _announce(objects, remote, manifest, replacing=replacing)
    objects.delete(remote + MANIFEST_NAME)
    missing = missing_files(objects, remote, manifest)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        for file, _ in zip(
            missing,
            pool.map(lambda file: objects.replace(remote + file.path, folder / file.path), missing),
            strict=True,
        ):
            if on_upload is not None:
                on_upload(file.path)
    if lost := missing_files(objects, remote, manifest):  # the manifest must be true when it appears
        raise VoicebankError(
            "voicebank_being_published",
            f"The file {lost[0].path} of {voicebank_id} is not in the bucket as it was sent: somebody else is "
            "publishing it too, or it changed on this disk meanwhile.",
            hint="Push again when nobody else does.",
            retryable=True,
        )
    if replacing:
        wanted = {remote + file.path for file in manifest.files} | {remote + PUBLISHING_NAME}
        for stored in objects.find(remote):
            if stored.name not in wanted:
                objects.delete(stored.name)
    objects.create(remote + MANIFEST_NAME, manifest.to_json(), media_type=_JSON)
    objects.delete(remote + PUBLISHING_NAME)
    return Published(manifest=manifest, uploaded=len(missing), kept=len(manifest.files) - len(missing), place=place)


def pull(
    manifest: Manifest,
    parent: Path,
    *,
    objects: ObjectStore,
    prefix: str,
    force: bool = False,
    on_progress: OnDownload | None = None,
) -> Path:
    """Download a voicebank into ``parent / id``, which appears whole or not at all.

    Raises
    ------
    OutputError
        ``output_exists``: the folder is there and ``force`` is not set.
    VoicebankError
        As :func:`~cantilena.distribution.fetch.fetch_files`.
    """
    target, remote = parent / manifest.id, f"{prefix.strip('/')}/{manifest.id}/"
    partial = parent / f".{manifest.id}.partial"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not force:
            raise OutputError(
                "output_exists", f"{target} exists already.", hint="Name another folder, or replace it with --force."
            )
        with alone(parent / f".{manifest.id}.lock", seconds=_WAIT_SECONDS, purpose=f"the voicebank {manifest.id}"):
            fetch_files(
                manifest,
                partial,
                objects=objects,
                remote=remote,
                on_progress=on_progress,
            )
            _put_in_place(partial, target)
        (parent / f".{manifest.id}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, parent) from error
    return target


def _put_in_place(partial: Path, target: Path) -> None:
    from shutil import rmtree

    if target.exists():
        target.replace(partial / "old")
    (partial / "files").replace(target)
    rmtree(partial)


def _local_entries(folder: Path) -> Iterator[FileEntry]:
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if any(part.startswith((".", "__MACOSX")) for part in name.parts):
            continue
        if file.is_symlink():
            raise VoicebankError(
                "voicebank_unpublishable", f"The voicebank has a link in it: {file}.",
                hint="Put the file itself in its place.",
            )  # fmt: skip
        if file.is_file() and name.as_posix() not in (MANIFEST_NAME, PUBLISHING_NAME):
            yield replace(hash_file(file), path=name.as_posix())


def _published(objects: ObjectStore, remote: str, voicebank_id: str) -> Manifest | None:
    try:
        content = objects.read(remote + MANIFEST_NAME)
    except StorageError as error:
        if error.code == "storage_object_missing":
            return None
        raise
    return read_manifest(content, voicebank_id=voicebank_id, place=f"{objects.place}/{remote}{MANIFEST_NAME}")


def _announce(objects: ObjectStore, remote: str, manifest: Manifest, *, replacing: bool) -> None:
    """Leave the note; somebody else's note about another version stands in the way."""
    note = json.dumps({"version": manifest.version, "files": len(manifest.files)}).encode()
    try:
        objects.create(remote + PUBLISHING_NAME, note, media_type=_JSON)
    except StorageError as error:
        if error.code != "storage_object_exists":
            raise
        if objects.read(remote + PUBLISHING_NAME) != note and not replacing:
            raise VoicebankError(
                "voicebank_being_published",
                f"Another version of {manifest.id} is being published, or its publishing was broken off.",
                hint="Wait for it; if nobody is publishing, take its place with --replace.",
                retryable=True,
            ) from error
        objects.replace(remote + PUBLISHING_NAME, note, media_type=_JSON)


def missing_files(objects: ObjectStore, remote: str, manifest: Manifest) -> list[FileEntry]:
    """The files that do not lie in the bucket as the manifest has them."""
    there = {stored.name.removeprefix(remote): stored for stored in objects.find(remote)}
    return [
        file
        for file in manifest.files
        if (stored := there.get(file.path)) is None or (stored.size, stored.crc32c) != (file.size, file.crc32c)
    ]
