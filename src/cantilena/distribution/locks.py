"""Locks between threads and processes of one machine; the system lets go of them when their holder dies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import portalocker

from cantilena.errors import VoicebankError

_POLL_SECONDS: Final = (0.005, 0.1)


class SharedLock:
    """A lock that many may hold at once, as long as nobody holds it alone; held until :meth:`release`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def try_acquire(cls, path: Path) -> SharedLock | None:
        """The lock at once; None: somebody holds it alone."""
        file = _try_lock(path, portalocker.LockFlags.SHARED)
        return cls(file) if file is not None else None

    def release(self) -> None:
        """Let go; once is enough."""
        self._file.close()


@contextmanager
def alone(path: Path, *, seconds: float, purpose: str) -> Iterator[None]:
    """Hold a lock alone, waiting for it.

    Parameters
    ----------
    path : Path
        Its file, made when it is not there.
    seconds : float
        How long to wait.
    purpose : str
        What is waited for, for the message.

    Raises
    ------
    VoicebankError
        ``voicebank_busy``, retryable: somebody else held it all the time.
    """
    deadline = time.monotonic() + seconds
    pause = _POLL_SECONDS[0]
    while (file := _try_lock(path, portalocker.LockFlags.EXCLUSIVE)) is None:
        if time.monotonic() > deadline:
            raise VoicebankError(
                "voicebank_busy", f"Another process has been busy with {purpose} for {seconds:.0f} s.",
                hint="Try again later.", retryable=True,
            )  # fmt: skip
        time.sleep(pause)
        pause = min(2 * pause, _POLL_SECONDS[1])
    try:
        yield
    finally:
        file.close()


@contextmanager
def alone_if_free(path: Path) -> Iterator[bool]:
    """Hold a lock alone if nobody holds it now; says whether."""
    file = _try_lock(path, portalocker.LockFlags.EXCLUSIVE)
    try:
        yield file is not None
    finally:
        if file is not None:
            file.close()


def _try_lock(path: Path, kind: portalocker.LockFlags) -> IO[bytes] | None:
    file = path.open("ab")
    try:
        portalocker.lock(file, kind | portalocker.LockFlags.NON_BLOCKING)
    except portalocker.LockException:
        file.close()
        return None
    except BaseException:
        file.close()
        raise
    return file
