"""The key that a laptop signs its links with, made at the first start and kept beside what it keeps."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Final

from cantilena.errors import OptionError

_NAME: Final = "link.key"
_KEY_BYTES: Final = 32


def read_or_make_key(folder: Path) -> str:
    """The key of a folder; processes that start side by side are given the same one.

    Raises
    ------
    OptionError
        ``link_key_exposed``: others may read it. ``link_key_unreadable``: it cannot be read or made.
    """
    path = folder / _NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            _make(path)
        mode, key = path.stat().st_mode, path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(
            "link_key_unreadable",
            f"The key of links in {path} cannot be read or made ({type(error).__name__}).",
            hint="Point DATA_DIR at a folder that can be written, or set LINK_SIGNING_KEY.",
        ) from error
    if os.name == "posix" and mode & 0o077:
        raise OptionError(
            "link_key_exposed",
            f"The key of links in {path} can be read by others.",
            hint="Remove the file: a new one is made, and links given out before are no longer good.",
        )
    if len(key) < _KEY_BYTES:
        raise OptionError(
            "link_key_unreadable", f"The key of links in {path} is damaged.", hint="Remove it: a new one is made."
        )
    return key


def _make(path: Path) -> None:
    """Write a key whole, unless there is one: FileExistsError."""
    if path.exists():
        raise FileExistsError
    handle, temporary = mkstemp(dir=path.parent, prefix=f".{_NAME}.")  # readable by its owner alone
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
