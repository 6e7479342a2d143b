"""The Python interface: load a score, check it, sing it.

Composes the library with this process's settings; every other interface calls what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cantilena.audio.files import AudioFormat, WrittenFile, check_output, resolve_format, write_audio
from cantilena.errors import CantilenaError, InferenceError, LyricError
from cantilena.findings import Finding
from cantilena.score import Score, read_score
from cantilena.singing.options import Device, Quality, SingOptions
from cantilena.singing.pipeline import lead_in_seconds
from cantilena.singing.postprocess import lay_out
from cantilena.song import ChordNote, LineOptions, SongPlan, plan_song, sing_phrases
from cantilena.tracing import Outcome, SongTrace
from cantilena.voicebank import Voicebank
from cantilena.voicebanks import resolve_voicebank

if TYPE_CHECKING:
    from cantilena.audio.track import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a song is.

    Attributes
    ----------
    phrase, phrases : int
        Phrases finished, and all of them.
    onset, offset : float
        Seconds in the audio's clock of the phrase just finished.
    """

    phrase: int
    phrases: int
    onset: float
    offset: float


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
class Check:
    """The answer to "can it be sung like this?".

    Attributes
    ----------
    findings : tuple of Finding
        Errors first.
    phrases : int
        How many would be sung; 0 when it cannot be.
    duration_seconds : float
        Of the song from its first beat; 0 when it cannot be sung.
    error : CantilenaError or None
        What stands in the way.
    """

    findings: tuple[Finding, ...]
    phrases: int
    duration_seconds: float
    error: CantilenaError | None

    @property
    def singable(self) -> bool:
        return self.error is None


def load_score(source: str | Path | bytes) -> Score:
    """Read a MusicXML file (.musicxml, .xml, .mxl), or its bytes.

    Raises
    ------
    ScoreError
        When it is missing, broken, hostile or no score.
    """
    return read_score(source if isinstance(source, bytes) else Path(source))


def sing(
    score: Score | str | Path,
    *,
    part: str | None = None,
    verse: str | None = None,
    measures: tuple[str, str] | None = None,
    chord_note: ChordNote = "top",
    vocalise: str | None = None,
    voicebank: str | Path | Voicebank | None = None,
    speaker: str | None = None,
    language: str = "en",
    transpose: int = 0,
    tempo: float = 1.0,
    expression: float = 1.0,
    pronunciations: Mapping[str, tuple[str, ...]] | None = None,
    seed: int = 0,
    quality: Quality = "normal",
    steps: int | None = None,
    device: Device = "cpu",
    on_progress: OnProgress | None = None,
) -> Take:
    """Sing a score.

    Parameters
    ----------
    score : Score, str or Path
        As :func:`load_score` gives it, or a file.
    part, verse, measures, chord_note, vocalise
        Which line is sung; see :class:`cantilena.song.LineOptions`.
    voicebank : str, Path, Voicebank or None
        An id, a folder, an open voicebank; None: the built-in one.
    speaker, language, transpose, tempo, expression, pronunciations, seed, quality, steps, device
        How it is sung; see :class:`cantilena.singing.options.SingOptions`.
    on_progress : callable, optional
        Called after each phrase.

    Returns
    -------
    Take
        All samples, and what was noticed.

    Raises
    ------
    ScoreError, LyricError, OptionError, VoicebankError, InferenceError
        See :mod:`cantilena.errors`.

    Examples
    --------
    >>> take = sing("examples/amazing-grace.musicxml", verse="1")  # doctest: +SKIP
    >>> take.save("amazing-grace.flac")  # doctest: +SKIP
    """
    line = LineOptions(part=part, verse=verse, measures=measures, chord_note=chord_note, vocalise=vocalise)
    options = SingOptions(
        speaker=speaker,
        language=language,
        transpose=transpose,
        tempo=tempo,
        expression=expression,
        pronunciations=pronunciations or {},
        seed=seed,
        quality=quality,
        steps=steps,
        device=device,
    )
    with _rendered(score, line=line, voicebank=voicebank, options=options, on_progress=on_progress) as song:
        return Take(samples=song.track.samples(), report=song.report())


@dataclass(frozen=True, slots=True, kw_only=True)
class SungFile:
    """A sung song, in a file."""

    file: WrittenFile
    report: SongReport


def sing_to_file(
    score: Score | str | Path,
    path: Path,
    *,
    line: LineOptions,
    options: SingOptions,
    voicebank: str | Path | Voicebank | None = None,
    format: AudioFormat | None = None,
    force: bool = False,
    on_progress: OnProgress | None = None,
) -> SungFile:
    """Sing a score to a file, in memory for a phrase rather than for the song.

    Whether the file can be written is found out before anything is sung.

    Raises
    ------
    CantilenaError
        As :func:`sing`, and OutputError.
    """
    resolve_format(path, format)
    check_output(path, force=force)
    with _rendered(score, line=line, voicebank=voicebank, options=options, on_progress=on_progress) as song:
        with song.trace.timed("encode"):
            written = write_audio(
                song.track.blocks(), path, sample_rate=song.track.sample_rate, format=format, force=force
            )
        return SungFile(file=written, report=song.report())


def check(
    score: Score | str | Path,
    *,
    line: LineOptions | None = None,
    options: SingOptions | None = None,
    voicebank: str | Path | Voicebank | None = None,
) -> Check:
    """Find out whether a score can be sung as asked, without rendering anything."""
    try:
        bank = resolve_voicebank(voicebank, options or SingOptions())
        plan = plan_song(
            _resolve_score(score), line=line or LineOptions(), voicebank=bank, options=options or SingOptions()
        )
    except CantilenaError as error:
        errors = (error, *error.others) if isinstance(error, LyricError) else (error,)
        return Check(findings=tuple(map(Finding.from_error, errors)), phrases=0, duration_seconds=0.0, error=error)
    return Check(
        findings=plan.findings,
        phrases=len(plan.performance.phrases),
        duration_seconds=round(plan.performance.duration, 3),
        error=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendered:
    plan: SongPlan
    track: Track
    trace: SongTrace
    warnings: tuple[Finding, ...]

    def report(self) -> SongReport:
        lead_in = lead_in_seconds(self.plan.singer.voicebank)
        return SongReport(
            duration_seconds=round(self.track.duration_seconds, 3),
            lead_in_seconds=lead_in,
            sample_rate=self.track.sample_rate,
            voicebank=self.plan.singer.voicebank.id,
            version=self.plan.singer.voicebank.version,
            speaker=self.plan.singer.options.speaker,
            seed=self.plan.singer.options.seed,
            phrases=tuple(
                PhraseSpan(onset=round(p.onset + lead_in, 4), offset=round(p.offset + lead_in, 4), notes=len(p.notes))
                for p in self.plan.performance.phrases
            ),
            timings_ms=self.trace.timings_ms(),
            warnings=self.warnings,
        )


@contextmanager
def _rendered(
    score: Score | str | Path,
    *,
    line: LineOptions,
    voicebank: str | Path | Voicebank | None,
    options: SingOptions,
    on_progress: OnProgress | None,
) -> Iterator[_Rendered]:
    """Sing a song into a track that lives as long as the block, logging its steps however it ends."""
    trace = SongTrace()
    outcome: Outcome = "failed"
    audio_seconds = 0.0
    bank_id = str(voicebank) if isinstance(voicebank, str | Path) else None
    try:
        with trace.timed("parse"):
            score = _resolve_score(score)
        with trace.timed("voicebank"):
            bank = resolve_voicebank(voicebank, options)
            bank_id = bank.id
        with trace.timed("plan"):
            plan = plan_song(score, line=line, voicebank=bank, options=options)
        with lay_out(plan.performance, sample_rate=bank.sample_rate, lead_in_seconds=lead_in_seconds(bank)) as layout:
            warnings = list(plan.findings)
            for sung in sing_phrases(plan, trace):
                warnings += sung.findings
                with trace.timed("postprocess", phrase=sung.phrase.index):
                    layout.add(sung.placed_waveform)
                if on_progress is not None:
                    on_progress(_progress(plan, sung.phrase.index))
            with trace.timed("postprocess"):
                track = layout.finish()
            audio_seconds = track.duration_seconds
            yield _Rendered(plan=plan, track=track, trace=trace, warnings=_once(warnings))
        outcome = "ok"
    except KeyboardInterrupt:
        outcome = "canceled"
        raise
    except MemoryError as error:
        raise InferenceError(
            "out_of_memory",
            "There was not enough memory to sing this song.",
            hint="Close other programs, or sing fewer measures with --measures.",
            retryable=True,
        ) from error
    finally:
        trace.finish(
            audio_seconds=audio_seconds, outcome=outcome, voicebank=bank_id, device=options.device, cache_hits=0
        )


def _progress(plan: SongPlan, index: int) -> Progress:
    lead_in = lead_in_seconds(plan.singer.voicebank)
    phrase = plan.performance.phrases[index]
    return Progress(
        phrase=index + 1,
        phrases=len(plan.performance.phrases),
        onset=round(phrase.onset + lead_in, 3),
        offset=round(phrase.offset + lead_in, 3),
    )


def _once(findings: list[Finding]) -> tuple[Finding, ...]:
    """Drop repetitions, as a verse sung three times makes them; the order stays."""
    return tuple(dict.fromkeys(findings))


def _resolve_score(score: Score | str | Path) -> Score:
    return load_score(score) if isinstance(score, str | Path) else score


def _blocks(samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Blocks of a second or so, as an encoder likes them."""
    size = 65_536
    for begin in range(0, len(samples), size):
        yield samples[begin : begin + size]
