"""What singing a song gives: its sound, where each phrase lies in it, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cantilena.audio.files import AudioFormat, WrittenFile, write_audio
from cantilena.findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a song is.

    Attributes
    ----------
    phrase, phrases : int
        Phrases finished, and all of them.
    onset, offset : float
        Seconds in the audio's clock of the phrase just finished.
    cached : bool
        Whether that phrase had been sung before.
    """

    phrase: int
    phrases: int
    onset: float
    offset: float
    cached: bool


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseSpan:
    """Where a phrase lies in the audio.

    Attributes
    ----------
    onset, offset : float
        Seconds in the audio's clock: beginning of the first note, end of the last.
    notes : int
        How many notes it has.
    """

    onset: float
    offset: float
    notes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseTake:
    """One sung phrase of a song that is still being sung.

    Added up where they belong, the phrases of a song are the song itself, but for its final levelling: that takes one
    gain from the loudness of the whole song, which nobody knows yet. Here the gain is 1, the voicebank's own level, so
    samples may reach beyond -1..1.

    Attributes
    ----------
    index, phrases : int
        Which phrase it is, from 0, and how many there are.
    onset, offset : float
        Seconds in the audio's clock: beginning of its first note, end of its last.
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Mono, with the score's dynamics, faded in and out. A phrase may begin before the one before has ended.
    sample_rate : int
        Hz.
    offset_seconds : float
        Where the samples begin, in the audio's clock: ``round(offset_seconds * sample_rate)`` samples from its start.
    cached : bool
        Whether the phrase had been sung before.
    findings : tuple of Finding
        What was noticed; with the first phrase also what was noticed about the song.
    """

    index: int
    phrases: int
    onset: float
    offset: float
    samples: NDArray[np.float32]
    sample_rate: int
    offset_seconds: float
    cached: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SongReport:
    """What is known of a song once it is sung.

    Attributes
    ----------
    duration_seconds : float
        Length of the audio.
    lead_in_seconds : float
        Audio before the score's first beat.
    sample_rate : int
        Hz, of the audio.
    voicebank, version, speaker : str
        Who sang; ``speaker`` is None for a voicebank that has only one.
    seed : int
        The one it was sung with.
    phrases : tuple of PhraseSpan
        In order.
    cache_hits : int
        How many of them had been sung before.
    timings_ms : mapping of str to float
        Milliseconds of each step, and ``total``.
    warnings : tuple of Finding
        What was not sung, or sung otherwise than written.
    """

    duration_seconds: float
    lead_in_seconds: float
    sample_rate: int
    voicebank: str
    version: str
    speaker: str | None
    seed: int
    phrases: tuple[PhraseSpan, ...]
    cache_hits: int
    timings_ms: Mapping[str, float]
    warnings: tuple[Finding, ...]

    @property
    def rtf(self) -> float:
        """Seconds of work for a second of audio."""
        return round(self.timings_ms["total"] / 1000.0 / self.duration_seconds, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A sung song, in memory.

    Attributes
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Mono, -1..1.
    report : SongReport
        Everything else; its fields can be read from the take itself.
    """

    samples: NDArray[np.float32]
    report: SongReport

    @property
    def sample_rate(self) -> int:
        return self.report.sample_rate

    @property
    def phrases(self) -> tuple[PhraseSpan, ...]:
        return self.report.phrases

    @property
    def cache_hits(self) -> int:
        return self.report.cache_hits

    @property
    def timings_ms(self) -> Mapping[str, float]:
        return self.report.timings_ms

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return self.report.warnings

    @property
    def lead_in_seconds(self) -> float:
        return self.report.lead_in_seconds

    @property
    def duration_seconds(self) -> float:
        return self.report.duration_seconds

    def save(self, path: str | Path, *, format: AudioFormat | None = None, force: bool = False) -> WrittenFile:
        """Write the audio; the format is told by the suffix unless given.

        Raises
        ------
        OutputError
            When the file exists and ``force`` is not set, or cannot be written.
        """
        return write_audio(_blocks(self.samples), Path(path), sample_rate=self.sample_rate, format=format, force=force)


@dataclass(frozen=True, slots=True, kw_only=True)
class SungFile:
    """A sung song, in a file."""

    file: WrittenFile
    report: SongReport

    def to_json(self) -> dict[str, Any]:
        """The document that ``sing --json`` prints."""
        report = self.report
        return {
            "path": str(self.file.path),
            "duration_seconds": round(self.file.duration_seconds, 3),
            "lead_in_seconds": round(report.lead_in_seconds, 4),
            "sample_rate": self.file.sample_rate,
            "format": self.file.format,
            "voicebank": {"id": report.voicebank, "version": report.version},
            "speaker": report.speaker,
            "seed": report.seed,
            "rtf": report.rtf,
            "timings_ms": dict(report.timings_ms),
            "phrases": len(report.phrases),
            "cache": {"hits": report.cache_hits, "misses": len(report.phrases) - report.cache_hits},
            "warnings": [
                {"code": warning.code, "message": warning.message, "part": warning.part, "measure": warning.measure}
                for warning in report.warnings
            ],
        }


def _blocks(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Blocks of a second or so, as an encoder likes them."""
    size = 65_536
    for begin in range(0, len(samples), size):
        yield samples[begin : begin + size]
