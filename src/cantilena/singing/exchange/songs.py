"""A song between two steps, and the document it is written as.

Conventions
-----------
In memory, times are on the score's clock, in the document on the audio's own, which begins ``lead_in_seconds`` earlier;
a phrase's are on its own in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PureWindowsPath
from typing import Final, Literal

from cantilena.errors import OptionError, StageError
from cantilena.findings import Finding
from cantilena.singing.control_settings import make_controls
from cantilena.singing.controls import ControlCurve
from cantilena.singing.exchange.phrases import RESULTS, SongGrid, WrittenPhrase, read_phrase, steps_of, write_phrase
from cantilena.singing.exchange.plain import Plain, from_plain, invalid, to_plain
from cantilena.singing.options import Device, Precision, Quality, SingOptions
from cantilena.singing.phrase import LoudnessPoint, Performance, shifted
from cantilena.singing.pipeline import PhraseResults

FORMAT: Final = "cantilena-stage"
VERSION: Final = 1

Step = Literal["align", "durations", "pitch", "variance", "synthesize_audio"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageDocument:
    """A song as far as it is sung.

    Attributes
    ----------
    step : str or None
        The last step that was run; None: the song is only planned.
    voicebank, version : str
        Who sings: id and version of the voicebank.
    options : SingOptions
        How; transposition and tempo are in the notes already.
    grid : SongGrid
        Part, frame grid and lead-in.
    duration : float
        Seconds from the score's first beat to the end of the last note.
    loudness : tuple of LoudnessPoint
        What the score's dynamics ask for.
    phrases : tuple of PhraseResults
        In order; each with the results of every step up to ``step``.
    warnings : tuple of Finding
        What was noticed of the song as a whole, and on the way here.
    """

    step: Step | None
    voicebank: str
    version: str
    options: SingOptions
    grid: SongGrid
    duration: float
    loudness: tuple[LoudnessPoint, ...]
    phrases: tuple[PhraseResults, ...]
    warnings: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All warnings, those of the phrases too, each once."""
        of_phrases = (finding for phrase in self.phrases for finding in phrase.findings)
        return tuple(dict.fromkeys((*self.warnings, *of_phrases)))

    @property
    def performance(self) -> Performance:
        """What is sung and when."""
        return Performance(
            part=self.grid.part,
            phrases=tuple(shifted(results.phrase, results.onset) for results in self.phrases),
            loudness=self.loudness,
            duration=self.duration,
            findings=(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenVoicebank:
    id: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenOptions:
    """What of :class:`SingOptions` a later step needs; times of controls are on the audio's own clock."""

    language: str
    expression: float
    pronunciations: Mapping[str, tuple[str, ...]]
    quality: Quality
    steps: int | None
    precision: Precision
    device: Device
    controls: Mapping[str, ControlCurve]


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenPerformance:
    part: str
    duration: float
    loudness: tuple[LoudnessPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenSong:
    format: Literal["cantilena-stage"]
    version: int
    step: Step | None
    voicebank: _WrittenVoicebank
    speaker: str | None
    seed: int
    options: _WrittenOptions
    sample_rate: int
    hop_size: int
    frame_seconds: float
    lead_in_seconds: float
    performance: _WrittenPerformance
    warnings: tuple[Finding, ...]
    phrases: tuple[WrittenPhrase, ...]


def song_to_plain(song: StageDocument) -> Plain:
    """A song as the plain values of its document."""
    options, grid = song.options, song.grid
    return to_plain(
        _WrittenSong(
            format=FORMAT,
            version=VERSION,
            step=song.step,
            voicebank=_WrittenVoicebank(id=song.voicebank, version=song.version),
            speaker=options.speaker,
            seed=options.seed,
            options=_WrittenOptions(
                language=options.language,
                expression=options.expression,
                pronunciations=options.pronunciations,
                quality=options.quality,
                steps=options.steps,
                precision=options.precision,
                device=options.device,
                controls=dict(options.controls),
            ),
            sample_rate=grid.sample_rate,
            hop_size=grid.hop_size,
            frame_seconds=grid.frame_seconds,
            lead_in_seconds=grid.lead_in_seconds,
            performance=_WrittenPerformance(
                part=grid.part,
                duration=grid.to_audio_clock(song.duration),
                loudness=tuple(replace(point, time=grid.to_audio_clock(point.time)) for point in song.loudness),
            ),
            warnings=song.warnings,
            phrases=tuple(write_phrase(results, grid) for results in song.phrases),
        )
    )


def song_from_plain(plain: Plain) -> StageDocument:
    """A song from the plain values of its document; types are checked, and what makes the values readable.

    Raises
    ------
    StageError
        ``stage_invalid``.
    """
    _check_kind(plain)
    written = from_plain(_WrittenSong, plain, "document")
    grid = _read_grid(written)
    performance = written.performance
    song = StageDocument(
        step=written.step,
        voicebank=written.voicebank.id,
        version=written.voicebank.version,
        options=_read_options(written),
        grid=grid,
        duration=grid.to_score_clock(performance.duration),
        loudness=tuple(replace(point, time=grid.to_score_clock(point.time)) for point in performance.loudness),
        phrases=tuple(read_phrase(phrase, grid, f"phrases[{k}]") for k, phrase in enumerate(written.phrases)),
        warnings=written.warnings,
    )
    name = song.voicebank
    if name in ("", ".", "..") or name != PureWindowsPath(name).name:  # a stranger's document may name no folder here
        raise invalid("document.voicebank.id", f"must be the name of a voicebank, not {name[:60]!r}")
    _check_steps(song)
    return song


def _check_kind(plain: Plain) -> None:
    """Say what a document is when it is none of ours, rather than which field it lacks."""
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise invalid("The document", f"does not name the format {FORMAT!r}", hint="Give what cantilena stage wrote.")
    if plain.get("version") != VERSION:
        raise StageError(
            "stage_version_unknown",
            f"The document is of another version of the format than {VERSION}, the one known here.",
            hint="Begin again from the score with cantilena stage align.",
        )


def _read_grid(written: _WrittenSong) -> SongGrid:
    for name, given, low, high in (
        ("sample_rate", written.sample_rate, 8_000, 192_000),
        ("hop_size", written.hop_size, 1, 16_384),
        ("lead_in_seconds", written.lead_in_seconds, 0, 2),
    ):
        if not low <= given <= high:
            raise invalid(f"document.{name}", f"must be from {low} to {high}, not {given}")
    grid = SongGrid(
        part=written.performance.part,
        sample_rate=written.sample_rate,
        hop_size=written.hop_size,
        lead_in_seconds=written.lead_in_seconds,
    )
    if abs(written.frame_seconds - grid.frame_seconds) > 1e-9:
        raise invalid("document.frame_seconds", f"must be hop_size / sample_rate, {grid.frame_seconds:.9f}")
    return grid


def _read_options(written: _WrittenSong) -> SingOptions:
    options = written.options
    try:
        return SingOptions(
            speaker=written.speaker,
            language=options.language,
            expression=options.expression,
            pronunciations=options.pronunciations,
            seed=written.seed,
            quality=options.quality,
            steps=options.steps,
            precision=options.precision,
            device=options.device,
            controls=make_controls(options.controls),
        )
    except OptionError as error:
        raise StageError("stage_invalid", f"document.options: {error.message}", hint=error.hint) from error


def _check_steps(song: StageDocument) -> None:
    """Every phrase must have the results of the same steps, those up to the one the document names."""
    steps = list(RESULTS)
    expected = tuple(steps[: steps.index(song.step) + 1]) if song.step is not None else ()
    for k, results in enumerate(song.phrases):
        if (given := steps_of(results)) != expected:
            raise invalid(
                f"phrases[{k}]",
                f"has the results of {', '.join(given) or 'no step'}, but a document at the step {song.step} "
                f"has those of {', '.join(expected) or 'none'}",
            )
