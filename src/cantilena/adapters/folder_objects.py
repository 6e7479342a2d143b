"""A folder as an :class:`~cantilena.ports.objects.ObjectStore`: what a laptop has for a bucket.

Conventions
-----------
An object is a file of its name. It is written beside, flushed and then given that name, so that nobody reads half of
one; empty folders are removed with the last object in them. Names come from outside: none leads out of the folder.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cantilena.ports.objects import ANY_TYPE, MAX_READ_BYTES, Download, StorageError, StoredObject

_BLOCK_BYTES: Final = 256 * 1024
_PARTIAL: Final = ".partial"
"""Folder of what is being written."""
_ABANDONED_SECONDS: Final = 3600.0
_LONGEST_PIECE: Final = 200
"""Bytes between two slashes; file systems take 255."""


class FolderObjects:
    """Objects in one folder.

    Parameters
    ----------
    folder : Path
        Made when it is not there. What killed processes left in it half written is removed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._remove_abandoned()

    @property
    def place(self) -> str:
        return str(self._folder)

    def read(self, name: str) -> bytes:
        with self._translated(name), self._file(name).open("rb") as file:
            content = file.read(MAX_READ_BYTES + 1)
        if len(content) > MAX_READ_BYTES:
            raise StorageError(
                "storage_object_too_large",
                f"{self.place}/{name} has more than {MAX_READ_BYTES // 1024**2} MB.",
                hint="Look who wrote it: what is read whole is always small.",
            )
        return content

    def find(self, prefix: str) -> tuple[StoredObject, ...]:
        found = []
        for folder, folders, files in os.walk(self._above(prefix)):
            folders[:] = [name for name in folders if name != _PARTIAL]
            for file in files:
                name = Path(folder, file).relative_to(self._folder).as_posix()
                if name.startswith(prefix) and (stored := self.find_one(name)) is not None:
                    found.append(stored)
        return tuple(sorted(found, key=lambda stored: stored.name))

    def folders(self, prefix: str) -> tuple[str, ...]:
        try:
            with self._translated(prefix):
                entries = list(self._above(prefix).iterdir())
        except StorageError as error:
            if error.code == "storage_object_missing":
                return ()
            raise
        return tuple(sorted(entry.name for entry in entries if entry.is_dir() and entry.name != _PARTIAL))

    def download(self, wanted: Sequence[Download]) -> tuple[Exception | None, ...]:
        return tuple(map(self._download, wanted))

    def find_one(self, name: str) -> StoredObject | None:
        try:
            with self._translated(name):
                status = self._file(name).stat()
        except StorageError as error:
            if error.code == "storage_object_missing":
                return None
            raise
        if not stat.S_ISREG(status.st_mode):
            return None
        return StoredObject(name=name, size=status.st_size, crc32c="", generation=_generation(status))

    def stream(self, name: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        if self.find_one(name) is None:
            raise self._missing(name)
        return self._blocks(name, start, end)

    def create(self, name: str, source: Path | bytes, *, media_type: str = ANY_TYPE) -> None:
        with self._written(source) as part:
            self._name(part, name, os.link)  # unlike a rename it fails when the name is taken

    def replace(self, name: str, source: Path | bytes, *, media_type: str = ANY_TYPE) -> None:
        with self._written(source) as part:
            self._name(part, name, os.replace)

    def delete(self, name: str) -> None:
        file = self._file(name)
        with self._translated(name):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # of the first folder that is not empty
            for folder in file.parents:
                if folder == self._folder:
                    break
                folder.rmdir()

    def ping(self) -> None:
        with self._translated(""):
            self._folder.mkdir(parents=True, exist_ok=True)
            with os.scandir(self._folder):
                pass

    def _blocks(self, name: str, start: int, end: int | None) -> Iterator[bytes]:
        """Opened by whoever takes the first block: of blocks that nobody takes nothing stays open."""
        with self._translated(name), self._file(name).open("rb") as file:
            file.seek(start)
            left = (os.fstat(file.fileno()).st_size if end is None else end) - start
            while left > 0 and (block := file.read(min(_BLOCK_BYTES, left))):
                left -= len(block)
                yield block

    def _download(self, wanted: Download) -> Exception | None:
        try:
            with self._translated(wanted.name), self._file(wanted.name).open("rb") as file:
                if wanted.generation not in (None, _generation(os.fstat(file.fileno()))):
                    return self._missing(wanted.name)
                while block := file.read(_BLOCK_BYTES):
                    wanted.sink.write(block)
        except Exception as error:  # whatever the sink raises is an answer too
            return error
        return None

    def _remove_abandoned(self) -> None:
        with suppress(OSError):
            for part in (self._folder / _PARTIAL).iterdir():
                if time.time() - part.stat().st_mtime > _ABANDONED_SECONDS:
                    part.unlink()

    @contextmanager
    def _written(self, source: Path | bytes) -> Iterator[Path]:
        """A file with the content of a source, as long as the block lasts."""
        part = self._folder / _PARTIAL / secrets.token_hex(8)
        content = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        with content:
            try:
                with self._translated(""):
                    part.parent.mkdir(parents=True, exist_ok=True)
                    with part.open("xb") as file:
                        shutil.copyfileobj(content, file, _BLOCK_BYTES)
                        file.flush()
                        os.fsync(file.fileno())
                yield part
            finally:
                with suppress(OSError):
                    part.unlink()

    def _name(self, part: Path, name: str, give: Callable[[Path, Path], None]) -> None:
        """Give what was written its name; begin anew when somebody removes its folder, empty as it was, meanwhile."""
        file = self._file(name)
        for is_last in (False, False, True):
            try:
                with self._translated(name):
                    file.parent.mkdir(parents=True, exist_ok=True)
                    give(part, file)
            except StorageError as error:
                if is_last or error.code != "storage_object_missing":
                    raise
            else:
                return

    def _file(self, name: str) -> Path:
        """Where an object of this name lies, or would."""
        pieces = name.split("/")
        if (
            not name.isprintable()
            or "\\" in name
            or any(piece in ("", ".", "..", _PARTIAL) or len(piece.encode()) > _LONGEST_PIECE for piece in pieces)
        ):
            raise StorageError("storage_object_missing", f"No object of {self.place} can be called {name[:80]!r}.")
        return self._folder.joinpath(*pieces)

    def _above(self, prefix: str) -> Path:
        """The deepest folder that holds every name that begins like this."""
        folder = prefix.rpartition("/")[0]
        return self._file(folder) if folder else self._folder

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise StorageError("storage_object_exists", f"There is an object {self.place}/{name} already.") from error
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            raise self._missing(name) from error
        except OSError as error:
            raise StorageError(
                "storage_unreachable",
                f"{self.place}/{name} cannot be read or written ({error.strerror or error}).",
                hint="Look whether the disk is full, or the folder belongs to another user.",
                retryable=True,
            ) from error

    def _missing(self, name: str) -> StorageError:
        return StorageError("storage_object_missing", f"There is no object {self.place}/{name}.")


def _generation(status: os.stat_result) -> int:
    return status.st_mtime_ns << 64 | status.st_ino  # a clock alone may tick too slowly
