"""The results of a phrase as they are written to JSON, and back: each step's under the name of the step.

Conventions
-----------
What a step gave is written as :mod:`cantilena.singing.results` has it, but for two things: the durations stand beside
their phonemes, in frames (the seconds next to them are only for reading), and samples are base64. Times count on the
phrase's own clock. Types are checked when a phrase is read; whether values make sense and fit each other is checked by
:mod:`cantilena.singing.exchange.consistency` before anything is sung from them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from cantilena.audio.waveform import Waveform
from cantilena.findings import Finding
from cantilena.score.melody import Syllable
from cantilena.singing.exchange.plain import invalid
from cantilena.singing.phrase import PerformedNote, Phrase
from cantilena.singing.pipeline import PhraseResults
from cantilena.singing.results import (
    Phoneme,
    PhonemeSequence,
    PhonemeTiming,
    PitchCurve,
    VarianceCurves,
    read_only,
)
from cantilena.voicebank.dictionary import Kind

RESULTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "align": "sequence",
        "durations": "timing",
        "pitch": "pitch",
        "variance": "variance",
        "synthesize_audio": "waveform",
    }
)
"""Each step's field of :class:`~cantilena.singing.pipeline.PhraseResults`, in the order of the steps."""

_SAMPLE_BYTES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPhoneme:
    """One phoneme of a timing: ``frames`` counts, ``seconds`` is for reading."""

    symbol: str
    kind: Kind
    note: int | None
    frames: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenTiming:
    """A :class:`PhonemeTiming`; the length of a frame is that of the whole document."""

    offset: float
    phonemes: tuple[WrittenPhoneme, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenWaveform:
    """Samples as the base64 of little-endian float32; they begin with the first frame."""

    encoding: Literal["float32-base64"]
    samples: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenPhrase:
    """A phrase of a document.

    Attributes
    ----------
    index : int
        From 0, in order.
    onset : float
        Seconds on the audio's own clock; everything below counts from here.
    breath_before, notes, carried_vowel
        As in :class:`~cantilena.singing.phrase.Phrase`.
    align, durations, pitch, variance, synthesize_audio
        Results of the steps; None: not run yet.
    warnings : tuple of Finding
        What the steps noticed.
    """

    index: int
    onset: float
    breath_before: float
    notes: tuple[PerformedNote, ...]
    carried_vowel: Syllable | None
    align: PhonemeSequence | None = None
    durations: WrittenTiming | None = None
    pitch: PitchCurve | None = None
    variance: VarianceCurves | None = None
    synthesize_audio: WrittenWaveform | None = None
    warnings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SongGrid:
    """What all phrases of a document share.

    Attributes
    ----------
    part : str
        Printed name of the part that is sung.
    sample_rate, hop_size : int
        Hz, and samples of a frame.
    lead_in_seconds : float
        What the audio's clock shows at the score's first beat.
    """

    part: str
    sample_rate: int
    hop_size: int
    lead_in_seconds: float

    @property
    def frame_seconds(self) -> float:
        return self.hop_size / self.sample_rate

    def to_audio_clock(self, seconds: float) -> float:
        """A moment of the score, in whole microseconds, on the audio's clock."""
        return round(seconds + self.lead_in_seconds, 9)

    def to_score_clock(self, seconds: float) -> float:
        """The way back; nothing is lost as long as a score's times are whole microseconds."""
        return round(seconds - self.lead_in_seconds, 6)


def write_phrase(results: PhraseResults, grid: SongGrid) -> WrittenPhrase:
    """The results of a phrase as they are written."""
    phrase = results.phrase
    return WrittenPhrase(
        index=phrase.index,
        onset=grid.to_audio_clock(results.onset),
        breath_before=phrase.breath_before,
        notes=phrase.notes,
        carried_vowel=phrase.carried_vowel,
        align=results.sequence,
        durations=_write_timing(results.timing) if results.timing is not None else None,
        pitch=results.pitch,
        variance=results.variance,
        synthesize_audio=_write_waveform(results.waveform) if results.waveform is not None else None,
        warnings=results.findings,
    )


def read_phrase(written: WrittenPhrase, grid: SongGrid, where: str) -> PhraseResults:
    """The results of a phrase from what was written.

    Raises
    ------
    StageError
        ``stage_invalid``: the samples are not base64, or there are samples without durations.
    """
    timing = _read_timing(written.durations, grid) if written.durations is not None else None
    waveform = None
    if written.synthesize_audio is not None:
        if timing is None:
            raise invalid(where, "has samples but no durations")
        samples = _read_samples(written.synthesize_audio, f"{where}.synthesize_audio.samples")
        waveform = Waveform(samples=samples, sample_rate=grid.sample_rate, offset=timing.offset)
    phrase = Phrase(
        index=written.index,
        notes=written.notes,
        breath_before=written.breath_before,
        carried_vowel=written.carried_vowel,
        part=grid.part,
    )
    return PhraseResults(
        phrase=phrase,
        onset=grid.to_score_clock(written.onset),
        sequence=written.align,
        timing=timing,
        pitch=written.pitch,
        variance=written.variance,
        waveform=waveform,
        findings=written.warnings,
    )


def steps_of(results: PhraseResults) -> tuple[str, ...]:
    """The steps whose results a phrase has, in order."""
    return tuple(step for step, field in RESULTS.items() if getattr(results, field) is not None)


def rewind(results: PhraseResults, step: str) -> PhraseResults:
    """The phrase as it was before a step; the first step's findings go with it."""
    steps = list(RESULTS)
    later = {RESULTS[name]: None for name in steps[steps.index(step) :]}
    return replace(results, **later, findings=() if step == steps[0] else results.findings)  # type: ignore[arg-type]


def written_bytes(frames: Sequence[int], hop_size: int) -> int:
    """About how many bytes the samples of so many frames take when they are written."""
    return sum(frames) * hop_size * _SAMPLE_BYTES * 4 // 3


def _write_timing(timing: PhonemeTiming) -> WrittenTiming:
    return WrittenTiming(
        offset=timing.offset,
        phonemes=tuple(
            WrittenPhoneme(
                symbol=phoneme.symbol,
                kind=phoneme.kind,
                note=phoneme.note,
                frames=int(frames),
                seconds=round(int(frames) * timing.frame_seconds, 4),
            )
            for phoneme, frames in zip(timing.phonemes, timing.durations, strict=True)
        ),
    )


def _read_timing(written: WrittenTiming, grid: SongGrid) -> PhonemeTiming:
    return PhonemeTiming(
        phonemes=tuple(Phoneme(symbol=p.symbol, kind=p.kind, note=p.note) for p in written.phonemes),
        durations=read_only(np.array([p.frames for p in written.phonemes], dtype=np.int64)),
        frame_seconds=grid.frame_seconds,
        offset=written.offset,
    )


def _write_waveform(waveform: Waveform) -> WrittenWaveform:
    raw = waveform.samples.astype("<f4").tobytes()
    return WrittenWaveform(encoding="float32-base64", samples=base64.b64encode(raw).decode("ascii"))


def _read_samples(written: WrittenWaveform, where: str) -> np.typing.NDArray[np.float32]:
    try:
        raw = base64.b64decode(written.samples, validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(where, "is not base64") from error
    if len(raw) % _SAMPLE_BYTES:
        raise invalid(where, f"holds {len(raw)} bytes, which is no whole number of float32")
    return read_only(np.frombuffer(raw, dtype="<f4").astype(np.float32))
