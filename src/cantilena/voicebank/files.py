"""Files of a voicebank, as its author names them: in any case, with either slash, and never outside its folder."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final
from unicodedata import normalize

from cantilena.errors import VoicebankError
from cantilena.voicebank.plain_yaml import PlainYamlError, parse_yaml

LARGEST_TEXT: Final = 64 * 1024 * 1024
"""Bytes; no text of a voicebank is larger."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

EDITOR_ENCODINGS: Final = ("utf-8", "cp932", "gb18030")
"""What people's editors make of files written by hand: UTF-8, and what Windows uses in Japan and China."""


def broken(file: Path | str, reason: str, *, hint: str = "") -> VoicebankError:
    """The error ``voicebank_broken`` for one file.

    Parameters
    ----------
    file : Path or str
        The file at fault; the error carries it.
    reason : str
        The rest of the sentence, without a full stop.
    """
    error = VoicebankError(
        "voicebank_broken",
        f"The voicebank file {file} {reason}.",
        hint=hint or "Install the voicebank again, or ask its author for a working copy.",
    )
    error.file = Path(file)
    return error


def unreadable(file: Path | str, error: OSError) -> VoicebankError:
    """The error ``voicebank_broken`` for a file or folder that the system does not let us read."""
    return broken(file, f"cannot be read: {error.strerror or error}")


def find_file(root: Path, base: Path, written: str) -> Path | None:
    """The file or folder that a voicebank means by a path it wrote.

    Parameters
    ----------
    root : Path
        Folder of the voicebank; nothing outside it is ever found.
    base : Path
        Folder the path counts from, inside ``root``.
    written : str
        Relative path; upper and lower case may differ from the disk, and backslashes count as slashes.

    Returns
    -------
    Path or None
        None: there is no such file.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: the path is absolute or leads out of the voicebank, or cannot be followed.
    """
    windows = PureWindowsPath(written)
    if windows.drive or windows.root:
        raise broken(base, f"names the absolute path {written!r}; only paths inside the voicebank are allowed")
    here = base
    try:
        for name in windows.parts:
            if name == "..":
                here = here.parent
                if not here.is_relative_to(root):
                    raise broken(base, f"names {written!r}, which lies outside the voicebank")
                continue
            found = find_child(here, name)
            if found is None:
                return None
            here = found
        inside = here.resolve().is_relative_to(root.resolve())
    except OSError as error:
        raise unreadable(here, error) from error
    except (RuntimeError, ValueError) as error:  # links in a circle; a name that no file can have
        raise broken(base, f"names {written[:200]!r}, which cannot be followed") from error
    if not inside:
        raise broken(here, "is a link that leads out of the voicebank")
    return here


def find_child(folder: Path, name: str) -> Path | None:
    """A file or folder by its name in any case; OSError where the system does not let us look."""
    exact = folder / name
    if exact.exists():
        return exact
    if not folder.is_dir():
        return None
    same = sorted(child.name for child in folder.iterdir() if _same_name(child.name, name))
    return next((folder / spelled for spelled in same if (folder / spelled).exists()), None)


def _same_name(one: str, other: str) -> bool:
    """Whether two names differ in case alone, or in how accents are spelled, as archives from a Mac do."""
    return normalize("NFC", one).casefold() == normalize("NFC", other).casefold()


def require_file(root: Path, base: Path, written: str, *, purpose: str) -> Path:
    """As :func:`find_file`, for a file that must be there; ``purpose`` says what it is, for the message."""
    found = find_file(root, base, written)
    if found is None or not found.is_file():
        raise broken(base / written.replace("\\", "/"), f"is missing ({purpose})")
    return found


def is_hidden(name: str) -> bool:
    """Whether a file or folder is what a system or an archiver left behind."""
    return name.startswith(".") or name.casefold() == "__macosx"


def read_text(file: Path, *, encodings: tuple[str, ...] = ("utf-8",)) -> str:
    """Text of a file in the encoding that its byte order mark tells, else in the first one given that fits."""
    try:
        if file.stat().st_size > LARGEST_TEXT:
            raise broken(file, f"is larger than {LARGEST_TEXT // 1024**2} MB, which no text of a voicebank is")
        raw = file.read_bytes()
    except OSError as error:
        raise unreadable(file, error) from error
    marked = tuple(encoding for mark, encoding in _MARKS if raw.startswith(mark))[:1]
    for encoding in marked or encodings:
        try:
            text = raw.decode(encoding)
        except (ValueError, LookupError):  # also an encoding that a voicebank names and nobody knows
            continue
        if "\0" not in text:
            return text
    raise broken(file, f"is not text in {' or '.join(marked or encodings)}")


def read_yaml(file: Path, *, text: str | None = None) -> Mapping[str, Any]:
    """A YAML file as nested mappings and lists of strings: ``no`` stays "no", ``10`` stays "10".

    Parameters
    ----------
    file : Path
        For the message when it is broken, and to be read when ``text`` is not given.
    text : str, optional
        Its content.
    """
    try:
        content = parse_yaml(read_text(file, encodings=EDITOR_ENCODINGS) if text is None else text)
    except PlainYamlError as error:
        raise broken(file, str(error)) from error
    if content is None or content == "":
        return {}
    if not isinstance(content, dict):
        raise broken(file, "must hold keys and values, but holds something else")
    return content
