"""Voicebanks that stay open between two songs, so that only the first one waits for their models."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cantilena.distribution.fetch import OnDownload
    from cantilena.singing.options import SingOptions
    from cantilena.voicebank import Voicebank

MOST_OPEN: Final = 2
"""Two people may ask in turn for different voices; each more costs the memory of its models."""


class OpenVoicebanks:
    """The voicebanks that sang last; safe under threads."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Voicebank] = {}  # the least recently used first
        self._lock = Lock()

    def resolve(
        self,
        voicebank: str | Path | Voicebank | None,
        options: SingOptions,
        *,
        cache: bool = True,
        on_download: OnDownload | None = None,
    ) -> Voicebank:
        """As :func:`~cantilena.voicebanks.resolve_voicebank`, with models open already where they were used lately.

        Who is meant, and whether its files are still the same, is found out each time; that opens no model.
        """
        from cantilena.voicebanks import resolve_voicebank

        found = resolve_voicebank(voicebank, options, cache=cache, on_download=on_download)
        engine = found.engine
        key = (
            found.folder, found.content_key, found.findings, engine.threads, engine.device, engine.precision,
            engine.low_memory, engine.store is None,
        )  # fmt: skip
        with self._lock:
            kept = self._open.pop(key, found)
            self._open[key] = kept
            while len(self._open) > MOST_OPEN:
                del self._open[next(iter(self._open))]
        return kept
