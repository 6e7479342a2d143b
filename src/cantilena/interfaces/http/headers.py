"""Headers that take more than a line to write or to read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_PLAIN: Final = re.compile(r"[A-Za-z0-9._ -]+")
_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.IGNORECASE)
_WAIT: Final = re.compile(r"wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """Part of a file, from ``start`` up to ``end`` (exclusive)."""

    start: int
    end: int


def content_disposition(name: str) -> str:
    """How a browser calls a file that it saves.

    >>> content_disposition("Ave Maria.mxl")
    'inline; filename="Ave Maria.mxl"'
    >>> content_disposition("Frühling.mxl")
    "inline; filename*=UTF-8''Fr%C3%BChling.mxl"
    """
    if _PLAIN.fullmatch(name):
        return f'inline; filename="{name}"'
    return f"inline; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def read_range(header: str | None, size: int) -> ByteRange | None:
    """The part that a Range asks for; None: the whole, for it asks for nothing that is answered in parts.

    Parameters
    ----------
    header : str or None
        Several ranges, or another unit than bytes, are ignored, as RFC 9110 allows.
    size : int
        Bytes of the file.

    Raises
    ------
    ValueError
        There is no such part.

    Examples
    --------
    >>> read_range("bytes=-100", 1000), read_range("bytes=900-", 1000)
    (ByteRange(start=900, end=1000), ByteRange(start=900, end=1000))
    """
    found = _RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or found[1] == found[2] == "":
        return None
    if found[1] == "":
        length = int(found[2])
        if length == 0 or size == 0:
            raise ValueError("an empty range")
        return ByteRange(start=max(size - length, 0), end=size)
    start, last = int(found[1]), int(found[2]) if found[2] else size - 1
    if found[2] and last < start:
        return None  # RFC 9110: such a header is invalid, and ignored
    if start >= size:
        raise ValueError("a range beyond the end")
    return ByteRange(start=start, end=min(last + 1, size))


def preferred_wait(prefer: str | None) -> int | None:
    """Seconds that a client would like to wait (RFC 7240).

    >>> preferred_wait("respond-async, wait=10"), preferred_wait(None)
    (10, None)
    """
    for preference in (prefer or "").split(","):
        found = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if found is not None:
            return int(found[1])
    return None
