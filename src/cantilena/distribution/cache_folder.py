"""The files of a voicebank cache: where each thing lies, and how it is read, written and made to disappear.

Conventions
-----------
The folder belongs to one user and holds, for each voicebank,

- ``<id>@<version>/``: its files, and beside it ``<id>@<version>.json``, its manifest: written last of all, it says that
  the folder is whole;
- ``.state/<id>.json``: the version last seen in the bucket, and when;
- ``.partial/<id>@<version>/``: a download under way, or one that was killed;
- ``.locks/``: one lock an id (who downloads), one a version (who sings with it).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from cantilena.distribution.manifest import Manifest, read_manifest
from cantilena.errors import VoicebankError


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteState:
    """What was last seen of a voicebank in the bucket.

    Attributes
    ----------
    version : str
        Empty: it was not there.
    checked_at : float
        Seconds of the wall clock.
    reached : bool
        Whether the bucket answered.
    """

    version: str
    checked_at: float
    reached: bool


class CacheFolder:
    """Paths and plain operations of one cache; knows no bucket and takes no locks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._prepared = False

    def prepare(self) -> None:
        """Make the folder, or make sure that it is ours alone: what lies in it is believed.

        Raises
        ------
        VoicebankError
            ``voicebank_cache_unsafe``.
        """
        if self._prepared:
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = self.folder.lstat()
        ours = not hasattr(os, "geteuid") or about.st_uid == os.geteuid()
        if not stat.S_ISDIR(about.st_mode) or not ours or about.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise VoicebankError(
                "voicebank_cache_unsafe",
                f"The voicebank cache {self.folder} is a link, belongs to somebody else, or may be written by others.",
                hint="Set VOICEBANK_CACHE_DIR to a folder that only this user may write.",
            )
        for name in (".state", ".partial", ".locks"):
            (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        self._prepared = True

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.folder).free

    @property
    def disk_bytes(self) -> int:
        return shutil.disk_usage(self.folder).total

    def version(self, voicebank_id: str, version: str) -> Path:
        """Folder of a version."""
        return self.folder / f"{voicebank_id}@{version}"

    def partial(self, voicebank_id: str, version: str) -> Path:
        """Where a version is being downloaded."""
        return self.folder / ".partial" / f"{voicebank_id}@{version}"

    def id_lock(self, voicebank_id: str) -> Path:
        """Held alone by whoever asks the bucket about an id and downloads."""
        return self.folder / ".locks" / f"{voicebank_id}.download"

    def use_lock(self, voicebank_id: str, version: str) -> Path:
        """Shared by all who use a version; when it was last written is when the version was last used."""
        return self.folder / ".locks" / f"{voicebank_id}@{version}.use"

    def manifests(self) -> tuple[Manifest, ...]:
        """Every version that is whole."""
        found = (self.read_manifest(*_id_and_version(marker.stem)) for marker in sorted(self.folder.glob("*@*.json")))
        return tuple(manifest for manifest in found if manifest is not None)

    def read_manifest(self, voicebank_id: str, version: str) -> Manifest | None:
        """Of a version that is whole; None: it is not."""
        marker = self._marker(voicebank_id, version)
        try:
            return read_manifest(marker.read_bytes(), voicebank_id=voicebank_id, place=str(marker))
        except (OSError, VoicebankError):
            return None

    def write_manifest(self, manifest: Manifest) -> None:
        """Say that a version is whole."""
        _write_whole(self._marker(manifest.id, manifest.version), manifest.to_json())

    def holds(self, manifest: Manifest) -> bool:
        """Whether every file of a version lies in its folder with its size."""
        folder = self.version(manifest.id, manifest.version)
        return all(_size(folder / file.path) == file.size for file in manifest.files)

    def used_at(self, voicebank_id: str, version: str) -> float:
        """When a version was last used, seconds; 0: never."""
        try:
            return self.use_lock(voicebank_id, version).stat().st_mtime
        except OSError:
            return 0.0

    def mark_used(self, voicebank_id: str, version: str) -> None:
        """Note that a version is used now."""
        with suppress(OSError):
            os.utime(self.use_lock(voicebank_id, version))

    def read_state(self, voicebank_id: str) -> RemoteState | None:
        """What was last seen; None: nothing, or nothing that can be read."""
        try:
            told = json.loads((self.folder / ".state" / f"{voicebank_id}.json").read_bytes())
            return RemoteState(
                version=str(told["version"]), checked_at=float(told["checked_at"]), reached=bool(told["reached"])
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write_state(self, voicebank_id: str, state: RemoteState) -> None:
        """Note what was seen."""
        _write_whole(self.folder / ".state" / f"{voicebank_id}.json", json.dumps(asdict(state)).encode())

    def drop(self, voicebank_id: str, version: str) -> None:
        """Make a version disappear at once, then remove its files."""
        self._marker(voicebank_id, version).unlink(missing_ok=True)
        trash = self.partial(voicebank_id, f"dropped-{secrets.token_hex(4)}")
        with suppress(FileNotFoundError):
            self.version(voicebank_id, version).replace(trash)
        self.remove(trash)

    def partials(self, voicebank_id: str | None = None) -> tuple[tuple[str, Path], ...]:
        """Downloads that are under way or were killed, of one voicebank or all: id and folder."""
        with suppress(OSError):
            found = [(_id_and_version(path.name)[0], path) for path in sorted((self.folder / ".partial").iterdir())]
            return tuple(item for item in found if voicebank_id in (None, item[0]))
        return ()

    def touched_at(self, partial: Path) -> float:
        """When something was last added to a download, seconds."""
        try:
            return max(
                path.stat().st_mtime for path in (partial, partial / "files", partial / "parts") if path.exists()
            )
        except (OSError, ValueError):
            return 0.0

    def remove(self, folder: Path) -> None:
        """Remove a folder and all in it; what cannot be removed stays."""
        shutil.rmtree(folder, ignore_errors=True)

    def _marker(self, voicebank_id: str, version: str) -> Path:
        return self.folder / f"{voicebank_id}@{version}.json"


def bytes_in(folder: Path) -> int:
    """Of all files below a folder; 0 when it is not there."""
    return sum(max(0, _size(file)) for file in folder.rglob("*"))


def _id_and_version(name: str) -> tuple[str, str]:
    voicebank_id, _, version = name.rpartition("@")
    return voicebank_id, version


def _write_whole(file: Path, content: bytes) -> None:
    part = file.with_name(f".{secrets.token_hex(6)}.part")
    try:
        part.write_bytes(content)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _size(file: Path) -> int:
    """Of a regular file; -1: it is none."""
    try:
        about = file.lstat()
    except OSError:
        return -1
    return about.st_size if stat.S_ISREG(about.st_mode) else -1
