"""What a published voicebank consists of: each file with its size and hashes, and the version they make together."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from cantilena.distribution.names import MANIFEST_NAME, PUBLISHING_NAME, check_id, find_clash, is_safe_path
from cantilena.errors import VoicebankError
from cantilena.ports.objects import StoredObject

FORMAT: Final = 1
MAX_MANIFEST_BYTES: Final = 4 * 1024 * 1024
_MOST_FILES: Final = 10_000
_MOST_BYTES: Final = 64 * 1024**3
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One file of a voicebank.

    Attributes
    ----------
    path : str
        Inside the voicebank, with slashes.
    size : int
        Bytes.
    sha256 : str
        Hexadecimal; empty when only a listing told of the file.
    crc32c : str
        Base64, as the bucket has it; empty when unknown.
    generation : int or None
        Which writing of the object is meant; None: whichever there is.
    """

    path: str
    size: int
    sha256: str = ""
    crc32c: str = ""
    generation: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A version of a voicebank.

    Attributes
    ----------
    id : str
        Of the voicebank.
    version : str
        Hash of the list of files.
    files : tuple of FileEntry
        In order of path.
    info : mapping
        What a person wants to know before fetching it: name, languages, speakers, licence, credits, ...
    source : {"manifest", "listing"}
        Whether it was published, or put together from what lies in the bucket.
    """

    id: str
    version: str
    files: tuple[FileEntry, ...]
    info: Mapping[str, Any] = field(default_factory=dict)
    source: Literal["manifest", "listing"] = "manifest"

    @property
    def total_bytes(self) -> int:
        return sum(file.size for file in self.files)

    def to_json(self) -> bytes:
        """The manifest as it lies in the bucket."""
        document = {
            "format": FORMAT,
            "id": self.id,
            "version": self.version,
            "source": self.source,
            "info": dict(self.info),
            "files": [
                {"path": f.path, "size": f.size, "sha256": f.sha256, "crc32c": f.crc32c} for f in self.files
            ],
        }  # fmt: skip
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


def make_manifest(voicebank_id: str, files: Iterable[FileEntry], *, info: Mapping[str, Any] | None = None) -> Manifest:
    """The manifest of files whose hashes are known.

    Raises
    ------
    VoicebankError
        ``voicebank_unpublishable``: a name that cannot be kept everywhere, or none at all.
    """
    ordered = tuple(sorted(files, key=lambda file: file.path))
    if problem := _problem(ordered):
        raise VoicebankError(
            "voicebank_unpublishable", f"The voicebank {voicebank_id} cannot be published: {problem}.",
            hint="Rename the file and push again.",
        )  # fmt: skip
    return Manifest(id=check_id(voicebank_id), version=_version(ordered), files=ordered, info=info or {})


def read_manifest(content: bytes, *, voicebank_id: str, place: str) -> Manifest:
    """Read what lies in a bucket; nothing in it is believed unseen.

    Parameters
    ----------
    content : bytes
        Of the object.
    voicebank_id : str
        Whose manifest it should be.
    place : str
        Where it was read, for messages.

    Raises
    ------
    VoicebankError
        ``voicebank_manifest_broken``.
    """
    try:
        document = json.loads(content) if len(content) <= MAX_MANIFEST_BYTES else None
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise _broken(place, "it is not a manifest of this format")
    files = tuple(_read_entry(item, place) for item in _list(document.get("files"), place))
    if problem := _problem(files):
        raise _broken(place, problem)
    if document.get("id") != voicebank_id:
        raise _broken(place, f"it is the manifest of {document.get('id')!r}")
    source: Literal["manifest", "listing"] = "listing" if document.get("source") == "listing" else "manifest"
    if source == "manifest" and not all(file.sha256 for file in files):
        raise _broken(place, "it lacks the sha256 of a file")
    if document.get("version") != _version(files):
        raise _broken(place, "its version is not that of its files")
    info = document.get("info")
    return Manifest(
        id=voicebank_id, version=_version(files), files=files, info=info if isinstance(info, dict) else {},
        source=source,
    )  # fmt: skip


def manifest_of_listing(voicebank_id: str, folder: str, objects: Sequence[StoredObject], *, place: str) -> Manifest:
    """A manifest for a folder that was copied into a bucket without one.

    Parameters
    ----------
    voicebank_id : str
        Name of the folder.
    folder : str
        Beginning of the objects' names, ending in a slash.
    objects : sequence of StoredObject
        All of them.
    place : str
        For messages.
    """
    files = tuple(
        FileEntry(path=path, size=stored.size, crc32c=stored.crc32c, generation=stored.generation)
        for stored in sorted(objects, key=lambda stored: stored.name)
        if (path := stored.name.removeprefix(folder)) not in ("", MANIFEST_NAME, PUBLISHING_NAME)
        and not path.endswith("/")  # consoles make such objects to show an empty folder
    )
    if problem := _problem(files):
        raise _broken(place, problem)
    return Manifest(id=voicebank_id, version=_version(files), files=files, source="listing")


def _version(files: Sequence[FileEntry]) -> str:
    lines = (f"{file.path}\0{file.size}\0{file.sha256 or 'crc32c:' + file.crc32c}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _problem(files: Sequence[FileEntry]) -> str:
    """Why files cannot be those of a voicebank; empty when they can."""
    if not files:
        return "it has no files"
    if len(files) > _MOST_FILES:
        return f"it has more than {_MOST_FILES} files"
    for file in files:
        if not is_safe_path(file.path) or file.path in (MANIFEST_NAME, PUBLISHING_NAME):
            return f"the file name {file.path[:200]!r} is not allowed"
    clash = find_clash(file.path for file in files)
    if clash:
        return f"the file names {clash[0]!r} and {clash[1]!r} cannot stand side by side everywhere"
    if sum(file.size for file in files) > _MOST_BYTES:
        return f"its files are larger than {_MOST_BYTES // 1024**3} GB"
    return ""


def _read_entry(item: object, place: str) -> FileEntry:
    if isinstance(item, dict):
        path, size, sha256, crc32c = (item.get(key) for key in ("path", "size", "sha256", "crc32c"))
        if (
            isinstance(path, str)
            and type(size) is int
            and size >= 0
            and isinstance(sha256, str)
            and (not sha256 or _SHA256.fullmatch(sha256))
            and isinstance(crc32c, str)
            and _is_crc32c(crc32c)
        ):
            return FileEntry(path=path, size=size, sha256=sha256, crc32c=crc32c)
    raise _broken(place, "a file in it lacks a proper path, size, sha256 or crc32c")


def _is_crc32c(text: str) -> bool:
    try:
        return not text or len(base64.b64decode(text, validate=True)) == 4
    except (binascii.Error, ValueError):
        return False


def _list(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise _broken(place, "it has no list of files")
    return value


def _broken(place: str, reason: str) -> VoicebankError:
    return VoicebankError(
        "voicebank_manifest_broken",
        f"The manifest {place} cannot be used: {reason}.",
        hint="Publish the voicebank again with 'cantilena voicebank push'.",
    )
