"""The voicebanks of a bucket, as their publishers describe them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from cantilena.distribution.cache import VoicebankCache
from cantilena.errors import VoicebankError
from cantilena.voicebank import VoicebankInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteVoicebank:
    """What a bucket has under one id.

    Attributes
    ----------
    info : VoicebankInfo
        What its publisher told, with a ``problem`` when it cannot be fetched. Without a manifest only its size is
        known.
    kind : {"voicebank", "vocoder"}
        A vocoder is shared by voicebanks and does not sing by itself.
    files : int
        How many there are.
    published : bool
        Whether it has a manifest.
    """

    info: VoicebankInfo
    kind: Literal["voicebank", "vocoder"] = "voicebank"
    files: int = 0
    published: bool = False


def list_remote(cache: VoicebankCache) -> tuple[RemoteVoicebank, ...]:
    """Everything in the bucket's folder of voicebanks, in order of ids.

    Raises
    ------
    VoicebankError
        ``voicebank_unreachable``.
    """
    found = []
    for voicebank_id in cache.remote_ids():
        try:
            found.append(describe_remote(cache, voicebank_id))
        except VoicebankError as error:
            found.append(RemoteVoicebank(info=replace(_untold(voicebank_id), problem=error.message)))
    return tuple(found)


def describe_remote(cache: VoicebankCache, voicebank_id: str) -> RemoteVoicebank:
    """What the bucket tells of one id, without downloading it.

    Raises
    ------
    VoicebankError
        As :meth:`~cantilena.distribution.cache.VoicebankCache.remote_manifest`.
    """
    manifest = cache.remote_manifest(voicebank_id)
    told = manifest.info  # written by others: nothing in it is relied on
    return RemoteVoicebank(
        info=replace(
            _untold(manifest.id),
            version=manifest.version,
            bytes=manifest.total_bytes,
            name=_text(told.get("name")) or manifest.id,
            licence=_text(told.get("licence")),
            credits=_text(told.get("credits")),
            languages=_texts(told.get("languages")),
            speakers=_texts(told.get("speakers")),
            ranges=_ranges(told.get("ranges")),
        ),
        kind="vocoder" if told.get("kind") == "vocoder" else "voicebank",
        files=len(manifest.files),
        published=manifest.source == "manifest",
    )


def _untold(voicebank_id: str) -> VoicebankInfo:
    return VoicebankInfo(
        id=voicebank_id, name=voicebank_id, version="", languages=(), speakers=(), ranges={}, licence="", credits="",
        bytes=0, folder=Path(voicebank_id),
    )  # fmt: skip


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _ranges(value: Any) -> dict[str, tuple[float, float]]:  # noqa: ANN401 -- whatever JSON can hold
    try:
        return {str(speaker): (float(span["low"]), float(span["high"])) for speaker, span in value.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        return {}
