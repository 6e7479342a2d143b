"""Folders for the temporary files of processes, gone with them, even if nobody was left to see to it."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import IO, Final

if sys.platform != "win32":
    import fcntl

_PREFIX: Final = "cantilena-worker-"
_LOCK: Final = ".in-use"
_YOUNG_SECONDS: Final = 60.0


@contextmanager
def process_folder() -> Iterator[Path]:
    """A folder that is removed when the block ends, or by the next one after this process was killed."""
    remove_abandoned()
    with (
        TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder,
        (Path(folder) / _LOCK).open("wb") as lock,
    ):
        _take(lock)
        yield Path(folder)


def remove_abandoned() -> None:
    """Remove folders whose lock nobody holds; young ones may be about to be locked."""
    for folder in Path(gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG_SECONDS:
                continue
            with (folder / _LOCK).open("ab") as lock:
                if _take(lock):
                    shutil.rmtree(folder, ignore_errors=True)


def _take(lock: IO[bytes]) -> bool:
    """Hold a lock until its file is closed, or this process ends; False: somebody else does."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
