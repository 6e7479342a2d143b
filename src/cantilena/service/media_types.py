"""What the files of songs are called on the web, by format."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MEDIA_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "wav": "audio/wav",
        "flac": "audio/flac",
        "mp3": "audio/mpeg",
        "opus": "audio/ogg",
        "json": "application/json",
        "musicxml": "application/vnd.recordare.musicxml+xml",
        "mxl": "application/vnd.recordare.musicxml",
    }
)
