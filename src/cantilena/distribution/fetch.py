"""The files of one voicebank from a bucket into a folder, each hashed as it comes.

Conventions
-----------
A file lies under ``files/<path>`` only after its size and hash were right; what is still coming lies under ``parts/``.
So a download that was killed goes on at the file where it stopped.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Protocol

import google_crc32c

from cantilena.distribution.manifest import FileEntry, Manifest
from cantilena.errors import VoicebankError
from cantilena.ports.objects import Download, ObjectStore, StorageError
from cantilena.tracing import log_voicebank


class Hash(Protocol):
    """Of hashlib's shape."""

    def update(self, content: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


_TRIES: Final = 2
_BLOCK: Final = 1024 * 1024
_LEAST_SECONDS: Final = 120.0
_LEAST_BYTES_PER_SECOND: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadProgress:
    """How far a download is.

    Attributes
    ----------
    voicebank : str
        Id of what is downloaded.
    bytes, bytes_total : int
        Received, what lay here already included, and in all.
    """

    voicebank: str
    bytes: int
    bytes_total: int


OnDownload = Callable[[DownloadProgress], None]


def fetch_files(
    manifest: Manifest, folder: Path, *, objects: ObjectStore, remote: str, on_progress: OnDownload | None = None
) -> int:
    """Bring every file of a voicebank into ``folder / "files"``.

    Parameters
    ----------
    manifest : Manifest
        What to bring.
    folder : Path
        Ours alone; what an earlier call brought is kept.
    objects : ObjectStore
        Where from.
    remote : str
        Beginning of the objects' names, ending in a slash.
    on_progress : callable, optional
        Called from several threads, as bytes come.

    Returns
    -------
    int
        Bytes downloaded.

    Raises
    ------
    VoicebankError
        ``voicebank_corrupt``: a file came wrong twice. ``voicebank_incomplete``: one is not there.
        ``voicebank_no_space``, ``voicebank_cache_unwritable``. ``voicebank_unreachable`` (retryable): the bucket does
        not answer, or too slowly.
    """
    missing = [file for file in manifest.files if not _is_here(folder, file)]
    counter = _Counter(manifest, sum(file.size for file in missing), on_progress)
    for _ in range(_TRIES):
        missing = _fetch_once(missing, folder, objects=objects, remote=remote, counter=counter)
        if not missing:
            return counter.received
        log_voicebank(
            "voicebank_corrupt",
            voicebank=manifest.id,
            version=manifest.version,
            files=len(missing),
        )
    raise VoicebankError(
        "voicebank_corrupt",
        f"The file {missing[0].path} of the voicebank {manifest.id} came from {objects.place} with another content "
        f"than its {manifest.source} says, {_TRIES} times.",
        hint="Publish the voicebank again, or ask who did.",
    )


def hash_file(file: Path) -> FileEntry:
    """Size and hashes of a file on disk; its ``path`` is its name."""
    sha256, crc32c, size = hashlib.sha256(), _crc32c(), 0
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            sha256.update(block)
            crc32c.update(block)
            size += len(block)
    return FileEntry(path=file.name, size=size, sha256=sha256.hexdigest(), crc32c=_base64(crc32c.digest()))


def is_intact(file: Path, entry: FileEntry) -> bool:
    """Whether a file on disk has the size and the hash of its entry."""
    try:
        if file.is_symlink() or file.stat().st_size != entry.size:
            return False
        found = hash_file(file)
    except OSError:
        return False
    return found.sha256 == entry.sha256 if entry.sha256 else found.crc32c == entry.crc32c


def _is_here(folder: Path, file: FileEntry) -> bool:
    try:
        return (folder / "files" / file.path).stat().st_size == file.size
    except OSError:
        return False


def _fetch_once(
    wanted: Sequence[FileEntry], folder: Path, *, objects: ObjectStore, remote: str, counter: _Counter
) -> list[FileEntry]:
    """Fetch some files in parallel; those that came wrong are given back."""
    parts = folder / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + _LEAST_SECONDS + sum(file.size for file in wanted) / _LEAST_BYTES_PER_SECOND
    sinks = [
        _HashingFile(parts / str(n), folder / "files" / file.path, file, counter, deadline)
        for n, file in enumerate(wanted)
    ]
    try:
        results = objects.download(
            [
                Download(name=remote + file.path, sink=sink, generation=file.generation)
                for file, sink in zip(wanted, sinks, strict=True)
            ]
        )
    finally:
        for sink in sinks:
            sink.close()
    wrong = []
    for file, sink, result in zip(wanted, sinks, results, strict=True):
        if sink.is_done or (result is None and file.size == 0 and sink.finish()):
            continue
        if result is not None and not isinstance(result, _WrongContentError):
            raise _failure(result, file, counter.manifest, folder)
        counter.add(-sink.received)
        wrong.append(file)
    return wrong


class _Counter:
    """Bytes received by all threads, and who is told of them."""

    def __init__(self, manifest: Manifest, missing: int, on_progress: OnDownload | None) -> None:
        self.manifest = manifest
        self.received = 0
        self._before = manifest.total_bytes - missing
        self._on_progress = on_progress

    def add(self, n: int) -> None:
        self.received += n  # a count that is off by a block now and then hurts nobody
        if self._on_progress is not None:
            done = min(self._before + self.received, self.manifest.total_bytes)
            self._on_progress(
                DownloadProgress(voicebank=self.manifest.id, bytes=done, bytes_total=self.manifest.total_bytes)
            )


class _WrongContentError(Exception):
    """The bytes are not those of the file, or too many."""


class _TooSlowError(Exception):
    """The download as a whole took too long."""


class _HashingFile:
    """A file that is hashed while it is written, and gets its name as soon as its last byte came and all was right.

    Opened at its first byte, so that thousands may wait.
    """

    def __init__(self, part: Path, target: Path, entry: FileEntry, counter: _Counter, deadline: float) -> None:
        self.received = 0
        self.is_done = False
        self._part = part
        self._target = target
        self._entry = entry
        self._counter = counter
        self._deadline = deadline
        self._hash: Hash = hashlib.sha256() if entry.sha256 else _crc32c()
        self._block = bytearray()
        self._file: IO[bytes] | None = None

    def write(self, content: bytes, /) -> int:
        self._block += content
        if len(self._block) >= _BLOCK or self.received + len(self._block) >= self._entry.size:
            self._flush()
        return len(content)

    def _flush(self) -> None:
        if time.monotonic() > self._deadline:
            raise _TooSlowError
        if self.received + len(self._block) > self._entry.size:
            raise _WrongContentError
        if self._file is None:
            self._file = self._part.open("wb", buffering=0)
        block = bytes(self._block)
        self._block.clear()
        self._file.write(block)
        self._hash.update(block)
        self.received += len(block)
        self._counter.add(len(block))
        if self.received == self._entry.size and not self.finish():
            raise _WrongContentError

    def finish(self) -> bool:
        """Give the file its name if all of it came as its entry says."""
        self.close()
        digest = self._hash.digest()
        found = digest.hex() if self._entry.sha256 else _base64(digest)
        if found != (self._entry.sha256 or self._entry.crc32c or found):
            return False
        self._target.parent.mkdir(parents=True, exist_ok=True)
        self._part.touch()  # an empty file never had a first byte
        self._part.replace(self._target)
        self.is_done = True
        return True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _failure(error: Exception, file: FileEntry, manifest: Manifest, folder: Path) -> Exception:
    """What went wrong with a file, as an error of ours; what nobody foresaw stays as it is."""
    named = f"the file {file.path} of the voicebank {manifest.id}"
    if isinstance(error, _TooSlowError):
        return VoicebankError(
            "voicebank_unreachable", f"Downloading {named} took too long.", hint="Try again later.", retryable=True
        )
    if isinstance(error, StorageError):
        if error.code == "storage_object_missing":
            return VoicebankError(
                "voicebank_incomplete",
                f"The bucket has lost {named}, or it was replaced while it was being read.",
                hint="Try again; if it stays so, publish the voicebank again.",
                retryable=True,
            )
        return VoicebankError(
            "voicebank_unreachable", error.message, hint=error.hint or "Try again later.", retryable=error.retryable
        )
    if isinstance(error, OSError):
        return disk_error(error, folder)
    return error


def disk_error(error: OSError, folder: Path) -> VoicebankError:
    """Say that the cache's disk is full, or cannot be written."""
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return VoicebankError(
            "voicebank_no_space", f"There is no room left in {folder} for the voicebank.",
            hint="Free some space, or set VOICEBANK_CACHE_DIR to a larger disk.",
        )  # fmt: skip
    return VoicebankError(
        "voicebank_cache_unwritable", f"The voicebank cache {folder} cannot be written: {error.strerror or error}.",
        hint="Set VOICEBANK_CACHE_DIR to a folder of your own.",
    )  # fmt: skip


def _crc32c() -> Hash:
    make: Callable[[], Hash] = google_crc32c.Checksum  # untyped, but of the shape of hashlib's
    return make()


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
