"""Files of a voicebank, as its author names them: in any case, with either slash, and never outside its folder."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from cantilena.errors import VoicebankError

if TYPE_CHECKING:
    import yaml

_LARGEST_TEXT = 64 * 1024 * 1024


def broken(file: Path | str, reason: str, *, hint: str = "") -> VoicebankError:
    """The error ``voicebank_broken`` for one file.

    Parameters
    ----------
    file : Path or str
        The file at fault.
    reason : str
        The rest of the sentence, without a full stop.
    """
    return VoicebankError(
        "voicebank_broken",
        f"The voicebank file {file} {reason}.",
        hint=hint or "Install the voicebank again, or ask its author for a working copy.",
    )


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
        ``voicebank_broken``: the path is absolute or leads out of the voicebank.
    """
    windows = PureWindowsPath(written)
    if windows.drive or windows.root:
        raise broken(base, f"names the absolute path {written!r}; only paths inside the voicebank are allowed")
    here = base
    for name in windows.parts:
        if name == "..":
            here = here.parent
            if not here.is_relative_to(root):
                raise broken(base, f"names {written!r}, which lies outside the voicebank")
            continue
        found = _child(here, name)
        if found is None:
            return None
        here = found
    if not here.resolve().is_relative_to(root.resolve()):
        raise broken(here, "is a link that leads out of the voicebank")
    return here


def _child(folder: Path, name: str) -> Path | None:
    exact = folder / name
    if exact.exists():
        return exact
    if not folder.is_dir():
        return None
    same = sorted(child.name for child in folder.iterdir() if child.name.casefold() == name.casefold())
    return folder / same[0] if same else None


def require_file(root: Path, base: Path, written: str, *, purpose: str) -> Path:
    """As :func:`find_file`, for a file that must be there; ``purpose`` says what it is, for the message."""
    found = find_file(root, base, written)
    if found is None or not found.is_file():
        raise broken(base / written.replace("\\", "/"), f"is missing ({purpose})")
    return found


def read_text(file: Path, *, encodings: tuple[str, ...] = ("utf-8-sig",)) -> str:
    """Text of a file in the first of the encodings that fits."""
    try:
        if file.stat().st_size > _LARGEST_TEXT:
            raise broken(file, f"is larger than {_LARGEST_TEXT // 1024**2} MB, which no text of a voicebank is")
        raw = file.read_bytes()
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    for encoding in encodings:
        try:
            return raw.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    raise broken(file, f"is not text in {' or '.join(encodings)}")


def read_yaml(file: Path, *, text: str | None = None) -> Mapping[str, Any]:
    """A YAML file as nested mappings and lists of strings: ``no`` stays "no", ``10`` stays "10".

    Parameters
    ----------
    file : Path
        For the message when it is broken, and to be read when ``text`` is not given.
    text : str, optional
        Its content.
    """
    import yaml

    try:
        content = yaml.load(read_text(file) if text is None else text, Loader=_loader())  # builds plain strings only
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark is not None else ""
        raise broken(file, f"is not valid YAML{where}") from error
    if content is None or content == "":
        return {}
    if not isinstance(content, dict):
        raise broken(file, "must hold keys and values, but holds something else")
    return {str(key): value for key, value in content.items()}


@cache
def _loader() -> type[yaml.BaseLoader]:
    """The loader in C where PyYAML was built with it: ten times as fast."""
    import yaml

    return getattr(yaml, "CBaseLoader", yaml.BaseLoader)
