"""The Python interface: load a score, check it, sing it.

Composes the library with this process's settings; every other interface calls what stands here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cantilena.audio.files import AudioFormat, check_output, resolve_format, write_audio
from cantilena.errors import CantilenaError, LyricError
from cantilena.findings import Finding
from cantilena.rendering import SongRequest, rendering, resolve_score
from cantilena.score import Score, read_score
from cantilena.singing.control_settings import ControlSetting, make_controls
from cantilena.singing.options import Device, Precision, Quality, SingOptions
from cantilena.song import ChordNote, LineOptions, SongPlan, plan_song
from cantilena.takes import OnProgress, PhraseTake, SungFile, Take
from cantilena.voicebanks import resolve_voicebank

if TYPE_CHECKING:
    from cantilena.distribution.fetch import OnDownload
    from cantilena.voicebank import Voicebank


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
    precision: Precision = "fp32",
    device: Device = "cpu",
    controls: Mapping[str, ControlSetting] | None = None,
    cache: bool = True,
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
    speaker, language, transpose, tempo, expression, pronunciations, seed, quality, steps, precision, device
        How it is sung; see :class:`cantilena.singing.options.SingOptions`.
    controls : mapping of str to number or curve, optional
        What is turned; see :func:`cantilena.singing.control_settings.make_controls`.
    cache : bool
        Whether phrases that were sung before are taken from the cache, and new ones kept there. The samples are the
        same either way.
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
        precision=precision,
        device=device,
        controls=make_controls(controls or {}),
    )
    request = SongRequest(score=score, line=line, options=options, voicebank=voicebank, cache=cache)
    with rendering(request) as song, song.track(on_progress) as track:
        return Take(samples=track.samples(), report=song.report())


def sing_phrases(
    score: Score | str | Path,
    *,
    line: LineOptions | None = None,
    options: SingOptions | None = None,
    voicebank: str | Path | Voicebank | None = None,
    cache: bool = True,
) -> Iterator[PhraseTake]:
    """Sing a score phrase by phrase: the first one can be heard while the next ones are sung.

    Each phrase is sung when it is asked for; an iterator that is closed or forgotten sings no more.

    Parameters
    ----------
    score, voicebank, cache
        As :func:`sing` takes them.
    line : LineOptions, optional
        Which line is sung.
    options : SingOptions, optional
        How it is sung.

    Yields
    ------
    PhraseTake
        In order.

    Raises
    ------
    ScoreError, LyricError, OptionError, VoicebankError
        When the first phrase is asked for: the song cannot be sung like this.
    InferenceError
        At any phrase.

    Examples
    --------
    >>> for phrase in sing_phrases("examples/amazing-grace.musicxml"):  # doctest: +SKIP
    ...     print(phrase.offset_seconds, len(phrase.samples))
    """
    with rendering(_request(score, line=line, options=options, voicebank=voicebank, cache=cache)) as song:
        yield from song.phrase_takes()


def sing_to_file(
    score: Score | str | Path,
    path: Path,
    *,
    line: LineOptions | None = None,
    options: SingOptions | None = None,
    voicebank: str | Path | Voicebank | None = None,
    format: AudioFormat | None = None,
    force: bool = False,
    cache: bool = True,
    on_progress: OnProgress | None = None,
    on_download: OnDownload | None = None,
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
    request = _request(score, line=line, options=options, voicebank=voicebank, cache=cache, on_download=on_download)
    with rendering(request) as song, song.track(on_progress) as track:
        with song.trace.timed("encode"):
            written = write_audio(track.blocks(), path, sample_rate=track.sample_rate, format=format, force=force)
        return SungFile(file=written, report=song.report())


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


def check(
    score: Score | str | Path,
    *,
    line: LineOptions | None = None,
    options: SingOptions | None = None,
    voicebank: str | Path | Voicebank | None = None,
) -> Check:
    """Find out whether a score can be sung as asked, without rendering anything."""
    try:
        song = plan(score, line=line, options=options, voicebank=voicebank)
    except CantilenaError as error:
        errors = (error, *error.others) if isinstance(error, LyricError) else (error,)
        return Check(findings=tuple(map(Finding.from_error, errors)), phrases=0, duration_seconds=0.0, error=error)
    return Check(
        findings=song.findings,
        phrases=len(song.performance.phrases),
        duration_seconds=round(song.performance.duration, 3),
        error=None,
    )


def plan(
    score: Score | str | Path,
    *,
    line: LineOptions | None = None,
    options: SingOptions | None = None,
    voicebank: str | Path | Voicebank | None = None,
) -> SongPlan:
    """Decide everything that can be decided before singing: who sings what, and when.

    Raises
    ------
    ScoreError, LyricError, OptionError, VoicebankError
        When the song cannot be sung like this.
    """
    options = options or SingOptions()
    bank = resolve_voicebank(voicebank, options)
    return plan_song(resolve_score(score), line=line or LineOptions(), voicebank=bank, options=options)


def _request(
    score: Score | str | Path,
    *,
    line: LineOptions | None,
    options: SingOptions | None,
    voicebank: str | Path | Voicebank | None,
    cache: bool,
    on_download: OnDownload | None = None,
) -> SongRequest:
    return SongRequest(
        score=score,
        line=line or LineOptions(),
        options=options or SingOptions(),
        voicebank=voicebank,
        cache=cache,
        on_download=on_download,
    )
