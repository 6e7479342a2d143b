"""Files that appear whole or not at all, and what is said when they cannot.

Conventions
-----------
A file is written under a name of its own beside the target, flushed to the disk and then renamed, so that no reader
ever sees a part of it; whatever interrupts the writing removes what was written.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cantilena.errors import OutputError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def storage_error(error: OSError, where: str | Path) -> OutputError:
    """Say as an error of the tree that ``where`` could not be written."""
    if error.errno in _FULL:
        return OutputError(
            "output_disk_full",
            f"There is no room left to write {where} ({_reason(error)}).",
            hint="Free some space, or write to another disk.",
        )
    return _unwritable(where, _reason(error))


def check_output(path: Path, *, force: bool = False) -> None:
    """Find out before the work whether a file can be written.

    Raises
    ------
    OutputError
        ``output_exists`` when it is there and ``force`` is not set, ``output_unwritable`` when its folder is missing
        or closed, or when it is not a regular file.
    """
    target = _resolve(path)
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:
        raise _unwritable(path, _reason(error)) from error
    if mode is not None:
        if stat.S_ISDIR(mode):
            raise _unwritable(path, "it is a folder", hint="Name a file inside it.")
        if not stat.S_ISREG(mode):
            raise _unwritable(path, "it is not a regular file")
        if not force:
            raise _exists(path)
    folder = target.parent
    if not folder.is_dir():
        raise _unwritable(path, f"there is no folder {folder}", hint="Make the folder first, or name another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _unwritable(path, f"the folder {folder} may not be written to")


@contextmanager
def whole_file(path: Path, *, force: bool = False) -> Iterator[int]:
    """Write a file that appears at ``path`` when the block ends well, and not at all otherwise.

    Yields
    ------
    int
        Descriptor of an empty file, open for reading and writing.

    Raises
    ------
    OutputError
        As :func:`check_output`, ``output_disk_full``, and for every OSError of the block.
    """
    check_output(path, force=force)
    target = _resolve(path)
    part = target.with_name(f".cantilena-{secrets.token_hex(6)}.part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _publish(part, target, path, force=force)
    except OSError as error:
        raise storage_error(error, path) from error
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    _flush_folder(target.parent)


def _publish(part: Path, target: Path, path: Path, *, force: bool) -> None:
    """Give the finished file its name; without ``force`` never over a file that came meanwhile."""
    if not force:
        try:
            os.link(part, target)  # unlike a rename it fails when the name is taken
        except FileExistsError as error:
            raise _exists(path) from error
        except OSError:  # a file system without hard links: a rename, and a moment in which another may come first
            if target.exists():
                raise _exists(path) from None
        else:
            return
    part.replace(target)


def _flush_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _resolve(path: Path) -> Path:
    """Where the file really lies: a link stays a link, and its target is written."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:  # a name with a NUL in it, or links in a circle
        raise _unwritable(repr(str(path)), str(error)) from error


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _exists(path: Path) -> OutputError:
    return OutputError(
        "output_exists", f"{path} exists already.", hint="Name another file, or write over it with --force."
    )


def _unwritable(path: str | Path, reason: str, *, hint: str = "Write to another place.") -> OutputError:
    return OutputError("output_unwritable", f"{path} cannot be written: {reason}.", hint=hint)
