"""A song step by step: each step's result as one JSON document, from which any later step goes on.

Conventions
-----------
Everything a later step needs travels in the document, so a song may rest between two steps and be sung on in another
process, with exactly the samples that singing it at once would have given. A step that was run may be run again: what
came after it is dropped, and said so. Whatever was edited is checked before anything is sung from it.

>>> from cantilena import stages
>>> document = stages.begin("song.musicxml")  # doctest: +SKIP
>>> for step in ("align", "durations", "pitch"):  # doctest: +SKIP
...     document = stages.run(document, step)
>>> Path("pitch.json").write_text(stages.to_json(document), encoding="utf-8")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cantilena.audio.files import AudioFormat, WrittenFile, check_output, resolve_format, write_audio
from cantilena.errors import OptionError, StageError
from cantilena.findings import Finding
from cantilena.score import Score, read_score
from cantilena.singing.control_effects import control_findings
from cantilena.singing.exchange.consistency import check_for_voicebank, check_song
from cantilena.singing.exchange.json_text import LARGEST_BYTES, read_json, too_large, write_json
from cantilena.singing.exchange.phrases import SongGrid, rewind, written_bytes
from cantilena.singing.exchange.plain import invalid
from cantilena.singing.exchange.songs import StageDocument, Step, song_from_plain, song_to_plain
from cantilena.singing.options import SingOptions
from cantilena.singing.pipeline import PHRASE_STEPS, PhraseResults, Singer, lead_in_seconds
from cantilena.singing.postprocess import lay_out
from cantilena.singing.variance import needed_curves
from cantilena.singing.words import find_language, require_symbols
from cantilena.song import LineOptions, plan_song
from cantilena.tracing import SongTrace
from cantilena.voicebanks import resolve_voicebank

if TYPE_CHECKING:
    from cantilena.audio.track import Track
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.sessions import Model

__all__ = ["StageDocument", "Step", "begin", "from_json", "laid_out", "run", "save", "to_json"]

_STEPS: tuple[Step, ...] = get_args(Step)


def begin(
    score: Score | str | Path,
    *,
    line: LineOptions | None = None,
    options: SingOptions | None = None,
    voicebank: str | Path | Voicebank | None = None,
) -> StageDocument:
    """Plan a song; no step is run yet.

    Parameters
    ----------
    score : Score, str or Path
        As :func:`cantilena.load_score` gives it, or a file.
    line : LineOptions, optional
        Which line is sung.
    options : SingOptions, optional
        How it is sung.
    voicebank : str, Path, Voicebank or None
        An id, a folder, an open voicebank; None: the built-in one.

    Raises
    ------
    ScoreError, LyricError, OptionError, VoicebankError
        When the song cannot be sung like this.
    """
    options = options or SingOptions()
    bank = resolve_voicebank(voicebank, options)
    if not isinstance(score, Score):
        score = read_score(Path(score))
    plan = plan_song(score, line=line or LineOptions(), voicebank=bank, options=options)
    performance = plan.performance
    return StageDocument(
        step=None,
        voicebank=bank.id,
        version=bank.version,
        options=replace(plan.singer.options, transpose=0, tempo=1.0),  # both are in the notes
        grid=SongGrid(
            part=performance.part,
            sample_rate=bank.sample_rate,
            hop_size=bank.mel.hop_size,
            lead_in_seconds=lead_in_seconds(bank),
        ),
        duration=performance.duration,
        loudness=performance.loudness,
        phrases=tuple(map(PhraseResults.of, performance.phrases)),
        warnings=plan.findings,
    )


def run(document: StageDocument, step: Step, *, voicebank: str | Path | Voicebank | None = None) -> StageDocument:
    """Run one step on every phrase.

    Parameters
    ----------
    document : StageDocument
        With the results of the steps before at least; those of ``step`` and of later ones are dropped.
    step : {"align", "durations", "pitch", "variance", "synthesize_audio"}
        The step.
    voicebank : str, Path, Voicebank or None
        Where the voicebank is; None: it is found by the id in the document.

    Returns
    -------
    StageDocument
        With the result of ``step``; its warnings say what was dropped, and whether the voicebank has changed.

    Raises
    ------
    StageError
        ``stage_missing``: a step before was not run. ``stage_invalid``, ``stage_lengths_differ``: what was edited
        makes no sense or does not fit. ``stage_too_large``: the samples would not fit into a document.
    LyricError, OptionError, VoicebankError, InferenceError
        As when singing.
    """
    document = _before(document, step)
    check_song(document)
    bank = resolve_voicebank(voicebank if voicebank is not None else document.voicebank, document.options)
    document = _cast_again(document, bank)
    language = find_language(bank, document.options.language)
    if step == "align":
        require_symbols(document.options.pronunciations, bank, language)
    if step == "synthesize_audio":
        _require_room(document)
    singer = Singer(
        voicebank=bank,
        language=language,
        options=document.options,
        controls=document.options.controls.shifted(-document.grid.lead_in_seconds),
    )
    return replace(document, step=step, phrases=tuple(_run_step(document, step, singer)))


def save(
    document: StageDocument, path: str | Path, *, format: AudioFormat | None = None, force: bool = False
) -> WrittenFile:
    """The last step, ``postprocess``: the phrases become one track, and the track a file.

    Raises
    ------
    StageError
        As :func:`run`.
    OptionError, OutputError
        The file cannot be written, or not in this format.
    """
    path = Path(path)
    resolve_format(path, format)
    check_output(path, force=force)
    with laid_out(document) as track:
        return write_audio(track.blocks(), path, sample_rate=track.sample_rate, format=format, force=force)


@contextmanager
def laid_out(document: StageDocument) -> Iterator[Track]:
    """The finished track of a song whose samples are there; it can be read until the block ends."""
    _require_step(document, "synthesize_audio", needed_by="postprocess")
    check_song(document)
    grid = document.grid
    trace = SongTrace()
    try:
        with lay_out(
            document.performance, sample_rate=grid.sample_rate, lead_in_seconds=grid.lead_in_seconds
        ) as layout:
            for results in document.phrases:
                with trace.timed("postprocess", phrase=results.phrase.index) as span:
                    layout.add(results.placed_waveform)
                    span.frames = results.n_frames
            with trace.timed("postprocess"):
                track = layout.finish()
            yield track
    finally:
        trace.log_step("postprocess")


def to_json(document: StageDocument) -> str:
    """The document as JSON text; every number survives exactly."""
    return write_json(song_to_plain(document))


def from_json(text: str | bytes) -> StageDocument:
    """Read a document. Whether edited values fit each other is checked when a step is run from them.

    Raises
    ------
    StageError
        ``stage_invalid``, ``stage_too_large``, ``stage_version_unknown``.
    """
    return song_from_plain(read_json(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text))


def _run_step(document: StageDocument, step: Step, singer: Singer) -> Iterator[PhraseResults]:
    trace = SongTrace()
    try:
        with trace.timed("voicebank"):  # so that no step's time holds the opening of its models
            for model in _models(step, singer.voicebank):
                model.open()
        for results in document.phrases:
            with trace.timed(step, phrase=results.phrase.index) as span:
                done = PHRASE_STEPS[step](results, singer)
                span.frames = done.n_frames
                if step == "variance" and not needed_curves(singer.voicebank):
                    span.outcome = "skipped"
            yield replace(done, findings=tuple(dict.fromkeys(done.findings)))
    finally:
        trace.log_step(step)


def _models(step: Step, voicebank: Voicebank) -> Iterator[Model]:
    """The models a step runs."""
    stages = {
        "durations": voicebank.durations,
        "pitch": voicebank.pitch,
        "variance": voicebank.variance,
        "synthesize_audio": voicebank.acoustic,
    }
    stage = stages.get(step)
    if stage is not None:
        yield from stage.models.values()
    if step == "synthesize_audio":
        yield voicebank.vocoder.model


def _before(document: StageDocument, step: Step) -> StageDocument:
    """The document as it was before a step, with a warning for what is dropped."""
    if step not in _STEPS:
        raise OptionError(
            "option_unknown_choice", f"There is no step {step!r}.", hint=f"Choose one of {', '.join(_STEPS)}."
        )
    at = _STEPS.index(step)
    if at:
        _require_step(document, _STEPS[at - 1], needed_by=step)
    done = _STEPS[: _STEPS.index(document.step) + 1] if document.step is not None else ()
    if at >= len(done):
        return document
    dropped = Finding(
        code="stage_results_dropped",
        message=f"The results of {' and '.join(done[at:])} were dropped, since {step} is run again.",
        hint="Run the steps after it again too.",
    )
    return replace(
        document,
        step=_STEPS[at - 1] if at else None,
        phrases=tuple(rewind(results, step) for results in document.phrases),
        warnings=tuple(dict.fromkeys((*document.warnings, dropped))),
    )


def _require_step(document: StageDocument, step: Step, *, needed_by: str) -> None:
    if document.step is None or _STEPS.index(document.step) < _STEPS.index(step):
        reached = f"ends with {document.step}" if document.step is not None else "has none at all"
        raise StageError(
            "stage_missing",
            f"The step {needed_by} needs the result of {step}, but the document {reached}.",
            hint=f"Run cantilena stage {step} first.",
        )


def _cast_again(document: StageDocument, voicebank: Voicebank) -> StageDocument:
    """The document with the voicebank that goes on singing it, which must be one that can."""
    grid = document.grid
    if (grid.sample_rate, grid.hop_size) != (voicebank.sample_rate, voicebank.mel.hop_size):
        raise invalid(
            "document",
            f"counts frames of {grid.hop_size} samples at {grid.sample_rate} Hz, but the voicebank {voicebank.id} "
            f"makes {voicebank.mel.hop_size} at {voicebank.sample_rate} Hz",
            hint="Begin again from the score with cantilena stage align.",
        )
    speaker = document.options.speaker
    if speaker is not None and speaker not in voicebank.speakers:
        known = ", ".join(voicebank.speakers) or "no speakers to choose from"
        raise OptionError(
            "speaker_unknown", f"The voicebank {voicebank.id} has no speaker {speaker!r}.", hint=f"It has {known}."
        )
    for k, results in enumerate(document.phrases):
        check_for_voicebank(results, voicebank, f"phrases[{k}]")
    findings = list(control_findings(voicebank, document.options.controls))
    if (document.voicebank, document.version) != (voicebank.id, voicebank.version):
        findings.append(
            Finding(
                code="stage_voicebank_changed",
                message=f"The document was made with {document.voicebank}, version {document.version}, and is sung on "
                f"by {voicebank.id}, version {voicebank.version}.",
                hint="Begin again from the score for what this voicebank would have sung.",
            )
        )
    return replace(
        document,
        voicebank=voicebank.id,
        version=voicebank.version,
        warnings=tuple(dict.fromkeys((*document.warnings, *findings))),
    )


def _require_room(document: StageDocument) -> None:
    size = written_bytes([results.n_frames for results in document.phrases], document.grid.hop_size)
    if size > LARGEST_BYTES:
        raise too_large(
            f"The samples of this song would take {size // 2**20} MB, more than the {LARGEST_BYTES // 2**20} MB "
            "a document may have."
        )
