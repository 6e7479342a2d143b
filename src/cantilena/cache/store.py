"""Files on disk that are named by what they were computed from.

Conventions
-----------
An entry has a kind (a folder) and a key (a hash in hexadecimal digits); what is stored under a key never changes, so
an entry may be dropped at any time and computed again. Nothing here ever fails a song: what cannot be read counts as
missing, what cannot be written is not kept and leaves a :attr:`ContentStore.problem`.

An entry lies in ``kind/ke/key.checksum``, complete from the moment it has that name. Its time of modification is that
of its last use. ``journal`` in the folder itself holds a number of bytes for each entry written since the folder was
last looked through, and so tells its size to every process without looking.
"""

from __future__ import annotations

import math
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_KEY: Final = re.compile(r"[0-9a-f]{16,128}")
_SHARD: Final = re.compile(r"[0-9a-f]{2}")
_ENTRY_NAME: Final = re.compile(r"[0-9a-f]{16,128}\.[0-9a-f]+-[0-9a-f]{8}")
_PART_NAME: Final = re.compile(r"\.[0-9a-f]{16}\.part")
_JOURNAL: Final = "journal"
_CHUNK: Final = 2**20

# Eviction leaves room for a while of writing, or every further entry would cost a look through the folder.
_SHARE_KEPT: Final = 0.9
_LONGEST_JOURNAL: Final = 2**16
# A part of an entry as old as this has lost its writer.
_ABANDONED_SECONDS: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSize:
    """What is in a store: how many entries, and their bytes."""

    entries: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    path: str
    bytes: int
    used: float


class ContentStore:
    """A folder of entries, bounded in size, shared by any number of threads and processes.

    Parameters
    ----------
    folder : Path
        Made when the first entry is written, for the user alone.
    max_bytes : int
        Of all entries; the ones unused for longest go first. An entry that is larger by itself is not kept.

    Attributes
    ----------
    problem : str or None
        Why the last entry could not be written, as part of a sentence; None: it could.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.problem: str | None = None

    def read(self, kind: str, key: str) -> bytes | None:
        """What is stored under a key; None: nothing, or nothing whole."""
        for path in self._find(kind, key):
            with suppress(OSError):
                content = path.read_bytes()
                if _checksum(content) == path.suffix:
                    _touch(path)
                    return content
                path.unlink()
        return None

    def holds(self, kind: str, key: str) -> bool:
        """Whether something is stored under a key, whole or not."""
        return bool(self._find(kind, key))

    def file(self, kind: str, key: str) -> Path | None:
        """The file that holds what is stored under a key and nothing else, found whole; None as with :meth:`read`.

        It was just used and so is the last to be evicted; who opens it must still be ready to find it gone.
        """
        for path in self._find(kind, key):
            with suppress(OSError):
                with path.open("rb") as stream:
                    checksum = _Checksum(iter(lambda: stream.read(_CHUNK), b""))
                    for _ in checksum:
                        pass
                if checksum.suffix == path.suffix:
                    _touch(path)
                    return path
                path.unlink()
        return None

    def write(self, kind: str, key: str, parts: Iterable[bytes]) -> None:
        """Store the joined parts under a key; nobody ever reads some of them without the rest."""
        shard = self._shard(kind, key)
        part = shard / f".{os.urandom(8).hex()}.part"
        try:
            self._require_own_folder()
            for folder in (shard.parent, shard):
                folder.mkdir(mode=0o700, exist_ok=True)
            try:
                written = _Checksum(parts)
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                    stream.writelines(written)
                if 0 < written.size <= self.max_bytes:
                    part.replace(shard / f"{key}{written.suffix}")
                    self._account(written.size)
            finally:
                part.unlink(missing_ok=True)
            self.problem = None
        except OSError as error:
            self.problem = error.strerror or str(error)

    def try_out(self) -> str | None:
        """Why nothing can be kept, as part of a sentence, found out by trying; None: it can."""
        kind, key = "trials", "0" * 16
        self.write(kind, key, (b"la",))
        for trial in self._find(kind, key):
            with suppress(OSError):
                trial.unlink()
        return self.problem

    def size(self) -> StoreSize:
        """What is kept now; looks through the whole folder."""
        entries = list(self._entries())
        return StoreSize(entries=len(entries), bytes=sum(entry.bytes for entry in entries))

    def _shard(self, kind: str, key: str) -> Path:
        if not _KIND.fullmatch(kind) or not _KEY.fullmatch(key):
            raise ValueError(f"{kind!r} and {key!r} are no kind and key of an entry")
        return self.folder / kind / key[:2]

    def _find(self, kind: str, key: str) -> list[Path]:
        """Files of a key: at most one, unless two writers disagreed about what belongs there."""
        shard = self._shard(kind, key)
        try:
            self._require_own_folder()
            return [shard / name for name in sorted(os.listdir(shard)) if name.startswith(f"{key}.")]  # noqa: PTH208
        except OSError:
            return []

    def _require_own_folder(self) -> None:
        """Make the folder; refuse one that another user made, who could put anything into it."""
        try:
            owner = self.folder.stat()
        except FileNotFoundError:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            owner = self.folder.stat()
        if not stat.S_ISDIR(owner.st_mode):
            raise NotADirectoryError(0, "it is not a folder")
        if hasattr(os, "geteuid") and os.geteuid() not in (0, owner.st_uid) and owner.st_uid != 0:
            raise PermissionError(0, "it belongs to another user")

    def _account(self, size: int) -> None:
        """Note what was written, and evict when the folder has grown too large."""
        journal = os.open(self.folder / _JOURNAL, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(journal, "r+b", buffering=0) as stream:
            noted = stream.read()
            stream.write(b"%d\n" % size)  # one short write at the end of the file: no process disturbs another's
            if not 0 < len(noted) < _LONGEST_JOURNAL or _sum(noted) + size > self.max_bytes:
                total = self._evict(abandoned=os.fstat(journal).st_mtime - _ABANDONED_SECONDS)
                stream.truncate(0)
                stream.write(b"%d\n" % total)

    def _evict(self, *, abandoned: float) -> int:
        """Drop what was unused for longest, if need be, and what was abandoned before a moment; give what is left."""
        for file in self._files(_PART_NAME):
            with suppress(OSError):
                if file.stat().st_mtime < abandoned:
                    os.unlink(file.path)  # noqa: PTH108 -- a Path for each of thousands of files takes longer
        entries = sorted(self._entries(), key=lambda entry: entry.used)
        total = sum(entry.bytes for entry in entries)
        least = self.max_bytes * _SHARE_KEPT if total > self.max_bytes else total
        for entry in entries[:-1]:  # the newest is what was just written
            if total <= least:
                break
            with suppress(OSError):  # another process was quicker, or reads it where that keeps a file alive
                os.unlink(entry.path)  # noqa: PTH108
            total -= entry.bytes
        return total

    def _entries(self) -> Iterator[_Entry]:
        for file in self._files(_ENTRY_NAME):
            with suppress(OSError):
                status = file.stat()
                yield _Entry(path=file.path, bytes=status.st_size, used=status.st_mtime)

    def _files(self, name: re.Pattern[str]) -> Iterator[os.DirEntry[str]]:
        """Files of the store whose name fits; whatever else lies in the folder is somebody else's."""
        for kind in _scan(str(self.folder)):
            if _KIND.fullmatch(kind.name) and kind.is_dir(follow_symlinks=False):
                for shard in _scan(kind.path):
                    if _SHARD.fullmatch(shard.name) and shard.is_dir(follow_symlinks=False):
                        yield from (file for file in _scan(shard.path) if name.fullmatch(file.name))


class _Checksum:
    """Passes parts on and sums them up as they go by."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self._crc = 0
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self._crc = zlib.crc32(part, self._crc)
            self.size += len(part)
            yield part

    @property
    def suffix(self) -> str:
        """The size too, so that no run of zeros stands for another."""
        return f".{self.size:x}-{self._crc:08x}"


def _checksum(content: bytes) -> str:
    checksum = _Checksum((content,))
    for _ in checksum:
        pass
    return checksum.suffix


def _touch(path: Path) -> None:
    with suppress(OSError):  # a store that can only be read
        os.utime(path)


def _sum(journal: bytes) -> float:
    """Bytes noted in a journal; more than any limit when it is damaged."""
    try:
        return sum(map(int, journal.split()))
    except ValueError:
        return math.inf


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
