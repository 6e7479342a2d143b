"""Names that may become files: ids of voicebanks and the paths inside them.

A bucket is written by others. What is read there becomes a path only after it passed here, so that nothing ever lands
outside its folder, on a name that the system treats in its own way, or on a file that two names mean.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

from cantilena.errors import VoicebankError

MANIFEST_NAME: Final = "manifest.json"
PUBLISHING_NAME: Final = "publishing.json"
"""Beside a voicebank in the bucket: its manifest; and, while it is being published, a note that it is."""

_LONGEST_ID: Final = 100
_LONGEST_PART: Final = 200  # bytes; file systems allow 255, and a part file has a longer name
_LONGEST_PATH: Final = 1000
_MOST_PARTS: Final = 16
_RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))}
)
_FORBIDDEN: Final = frozenset('\\/:*?"<>|')


def check_id(voicebank_id: str) -> str:
    """An id that may be the name of a folder.

    Letters, digits, ``.``, ``_``, ``-``, ``+`` and spaces inside; in composed form, as most systems write it.

    Raises
    ------
    VoicebankError
        ``voicebank_unknown``: no voicebank is ever called that.

    Examples
    --------
    >>> check_id("Raine_Rena_2.01")
    'Raine_Rena_2.01'
    """
    allowed = all(char.isalnum() or char in "._-+ " for char in voicebank_id)
    if not allowed or not _is_safe_part(voicebank_id) or len(voicebank_id) > _LONGEST_ID:
        raise VoicebankError(
            "voicebank_unknown",
            f"{voicebank_id[:120]!r} cannot be the id of a voicebank.",
            hint="An id has letters, digits, dots, hyphens and underscores, such as Vesper_1.0.",
        )
    return voicebank_id


def is_safe_path(path: str) -> bool:
    """Whether a path may be made inside a voicebank's folder.

    Examples
    --------
    >>> is_safe_path("dsdur/dsdict-en.yaml"), is_safe_path("../secret"), is_safe_path("/etc/passwd")
    (True, False, False)
    """
    parts = path.split("/")
    return len(path.encode()) <= _LONGEST_PATH and len(parts) <= _MOST_PARTS and all(map(_is_safe_part, parts))


def find_clash(paths: Iterable[str]) -> tuple[str, str] | None:
    """Two paths that some system would take for the same file, or one that another needs as a folder."""
    seen: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        plain = unicodedata.normalize("NFC", path).casefold()
        if plain in seen:
            return seen[plain], path
        seen[plain] = path
        parts = plain.split("/")
        for end in range(1, len(parts)):
            folders.setdefault("/".join(parts[:end]), path)
    for plain, path in folders.items():
        if plain in seen:
            return seen[plain], path
    return None


def _is_safe_part(part: str) -> bool:
    return (
        bool(part)
        and part not in (".", "..")
        and part == unicodedata.normalize("NFC", part)
        and len(part.encode("utf-8", "surrogatepass")) <= _LONGEST_PART
        and not part.startswith((" ", "-"))
        and not part.endswith((" ", "."))
        and part.split(".")[0].casefold() not in _RESERVED
        and not any(char in _FORBIDDEN or unicodedata.category(char)[0] == "C" for char in part)
    )
