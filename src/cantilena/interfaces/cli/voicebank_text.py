"""Voicebanks as text and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cantilena.voicebank import VoicebankInfo


def as_text(value: object) -> str:
    """A value as people read it."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {as_text(item)}" for key, item in value.items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "-"
    return "-" if value is None or value == "" else str(value)


def info_document(info: VoicebankInfo) -> dict[str, object]:
    """What is known of a voicebank, as JSON."""
    return {
        "id": info.id,
        "name": info.name,
        "version": info.version,
        "languages": list(info.languages),
        "speakers": list(info.speakers),
        "colours": dict(info.colours),
        "ranges": {speaker: {"low": low, "high": high} for speaker, (low, high) in info.ranges.items()},
        "licence": info.licence,
        "credits": info.credits,
        "bytes": info.bytes,
        "folder": str(info.folder),
        "problem": info.problem,
    }
