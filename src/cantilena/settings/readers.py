"""How the text of a variable is read; each reader gives None for a text that is not allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

Reader = Callable[[str], object | None]

TOKEN_LENGTH: Final = 16
SIGNING_KEY_LENGTH: Final = 32
_LONGEST_SECRET: Final = 4096
_BYTE_UNITS: Final = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def read_choice(*choices: str) -> Reader:
    """One of a few words, in upper or lower case."""
    return lambda text: next((choice for choice in choices if choice.casefold() == text.casefold()), None)


def read_number(low: int, high: int) -> Reader:
    """A whole number within limits, both included."""
    return lambda text: int(text) if re.fullmatch("[0-9]{1,18}", text) and low <= int(text) <= high else None


def read_matching(pattern: str) -> Reader:
    """A text that matches as a whole."""
    return lambda text: text if re.fullmatch(pattern, text) else None


def read_secret(shortest: int) -> Reader:
    """Something to be known by those who should, and long enough not to be guessed."""
    return lambda text: (
        text if text.isascii() and text.isprintable() and shortest <= len(text) <= _LONGEST_SECRET else None
    )


def read_bytes(low: int = 0, high: int | None = None) -> Reader:
    """A number of bytes, or of kilo-, mega- or gigabytes: ``500M``."""

    def read(text: str) -> int | None:
        match = re.fullmatch("([0-9]{1,18})([kmg]?)", text.casefold())
        if match is None:
            return None
        size = int(match[1]) * _BYTE_UNITS[match[2]]
        return size if low <= size and (high is None or size <= high) else None

    return read


def read_text(text: str) -> str:
    """Anything."""
    return text


def read_folder(text: str) -> Path:
    """A path, with ``~`` for the home."""
    return Path(text).expanduser()


def read_prefix(text: str) -> str | None:
    """A folder in a bucket, slashes at its ends left out."""
    prefix = text.strip("/")
    return prefix if prefix and not {"", ".", ".."} & set(prefix.split("/")) else None


def read_switch(text: str) -> bool | None:
    """Yes or no."""
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.casefold())


def read_origin(text: str) -> str | None:
    """An address without a path, as browsers name who asks: ``https://studio.example``."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not re.fullmatch(r"[a-z0-9.:-]+", host):
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        return None
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if port is None else f":{port}")


def read_origins(text: str) -> tuple[str, ...] | None:
    """Several of them with commas between."""
    origins = [read_origin(part.strip()) for part in text.split(",")]
    return None if None in origins else tuple(origin for origin in origins if origin is not None)


def read_address(text: str) -> str | None:
    """An address to fetch something from."""
    parts = urlsplit(text)
    return text if parts.scheme in ("http", "https") and parts.hostname else None
