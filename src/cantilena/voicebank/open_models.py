"""Which models of a voicebank are open: one for files that are equal, and no more than fit a limit.

Authors copy one encoder into three folders; it is opened once. Under a limit, models that were not used for longest
are closed before another is opened, and opened again when they are needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import onnxruntime

LOW_MEMORY_BYTES: Final = 160 * 1024**2
"""Enough for all models of a usual voicebank but the two largest, which are then alone with the memory they need."""

_CHUNK = 1024**2

Key = tuple[Path, str]


@dataclass(slots=True)
class _Open:
    session: onnxruntime.InferenceSession
    size: int


@dataclass(slots=True)
class _File:
    path: Path
    size: int


@dataclass(slots=True)
class OpenModels:
    """The open models of one voicebank; safe under threads.

    Whoever runs a model holds its session, so that closing it only means that nobody will be given it any more.
    """

    _open: dict[Key, _Open] = field(default_factory=dict)  # the least recently used first
    _gates: dict[Key, Lock] = field(default_factory=dict)
    _files: list[_File] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def session(
        self, key: Key, *, size: int, max_bytes: int | None, opened: Callable[[], onnxruntime.InferenceSession]
    ) -> onnxruntime.InferenceSession:
        """The session of a model, opened if it is not.

        Parameters
        ----------
        key : tuple of Path and str
            What is the same for models that can share a session: the file, and how it is run.
        size : int
            Of the file in bytes, which tells about its memory.
        max_bytes : int or None
            Of all open models; None: no limit.
        opened : callable
            Opens it.
        """
        with self._lock:
            gate = self._gates.setdefault(key, Lock())
        with gate:
            with self._lock:
                found = self._open.pop(key, None)
                if found is not None:
                    self._open[key] = found
                    return found.session
                if max_bytes is not None:
                    self._make_room(max_bytes - size)
            session = opened()  # other models may be used and opened meanwhile
            with self._lock:
                self._open[key] = _Open(session, size)
            return session

    def same_file(self, file: Path) -> Path:
        """The first file met that is equal to this one byte for byte, itself if there is none."""
        size = file.stat().st_size
        with self._lock:
            for known in self._files:
                if known.path == file or (known.size == size and _equal(known.path, file)):
                    return known.path
            self._files.append(_File(file, size))
            return file

    @property
    def open_bytes(self) -> int:
        """Sizes of the files whose models are open."""
        with self._lock:
            return sum(entry.size for entry in self._open.values())

    def _make_room(self, left: int) -> None:
        total = sum(entry.size for entry in self._open.values())
        for key in list(self._open):
            if total <= max(left, 0):
                break
            total -= self._open.pop(key).size


def _equal(one: Path, other: Path) -> bool:
    if one.samefile(other):
        return True
    with one.open("rb") as first, other.open("rb") as second:
        while True:
            chunk = first.read(_CHUNK)
            if chunk != second.read(_CHUNK):
                return False
            if not chunk:
                return True
