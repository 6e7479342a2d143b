"""The five steps of one phrase, one after another.

Conventions
-----------
A phrase is sung on its own clock, which begins at its first onset: what it sounds like does not depend on where in the
song it stands, nor on what was sung before. Each step takes the results so far and adds its own; one may stop after any
of them, change a result and go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from cantilena.findings import Finding
from cantilena.singing.align import MAX_HEAD_SECONDS, align
from cantilena.singing.durations import predict_durations
from cantilena.singing.phrase import in_own_clock
from cantilena.singing.phrase_cache import (
    KeptPhrase,
    in_itself,
    is_phrase_kept,
    keep_phrase,
    phrase_key,
    read_phrase,
    settled,
)
from cantilena.singing.pitch import predict_pitch
from cantilena.singing.results import PADDING_FRAMES
from cantilena.singing.synthesize_audio import synthesize_audio
from cantilena.singing.variance import needed_curves, predict_variance

if TYPE_CHECKING:
    from cantilena.audio.waveform import Waveform
    from cantilena.cache import ContentStore
    from cantilena.language import Language
    from cantilena.singing.controls import Controls
    from cantilena.singing.options import SingOptions
    from cantilena.singing.phrase import Phrase
    from cantilena.singing.results import PhonemeSequence, PhonemeTiming, PitchCurve, VarianceCurves
    from cantilena.tracing import SongTrace
    from cantilena.voicebank import Voicebank

_Result = TypeVar("_Result")

_LONGEST_FRAME_SECONDS: Final = 0.05  # of any stage: by as much its grid may reach beyond the phrase
_STREAMS: Final = ("pitch", "variance", "synthesize_audio")


@dataclass(frozen=True, slots=True, kw_only=True)
class Singer:
    """Who sings and how: what every step needs beside the phrase.

    Attributes
    ----------
    voicebank : Voicebank
        Who sings.
    language : Language
        How words are pronounced.
    options : SingOptions
        How it is sung.
    controls : Controls
        What is turned, on the score's clock.
    """

    voicebank: Voicebank
    language: Language
    options: SingOptions
    controls: Controls


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseResults:
    """A phrase and what the steps made of it so far, all on the phrase's own clock.

    Attributes
    ----------
    phrase : Phrase
        On its own clock.
    onset : float
        Seconds from the score's first beat to the phrase's first onset, to the microsecond.
    sequence, timing, pitch, variance, waveform
        Results of the five steps in order; None: not run yet.
    findings : tuple of Finding
        What was noticed so far.
    """

    phrase: Phrase
    onset: float
    sequence: PhonemeSequence | None = None
    timing: PhonemeTiming | None = None
    pitch: PitchCurve | None = None
    variance: VarianceCurves | None = None
    waveform: Waveform | None = None
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, phrase: Phrase) -> PhraseResults:
        """The beginning: a phrase of a performance, and nothing done."""
        return cls(phrase=in_own_clock(phrase), onset=round(phrase.onset, 6))

    @property
    def n_frames(self) -> int:
        """Frames of the phrase; 0 as long as its durations are unknown."""
        return self.timing.n_frames if self.timing is not None else 0

    @property
    def placed_waveform(self) -> Waveform:
        """The waveform on the score's clock."""
        waveform = _present(self.waveform, "synthesize_audio")
        return replace(waveform, offset=self.onset + waveform.offset)


def _align(so_far: PhraseResults, singer: Singer) -> PhraseResults:
    options = singer.options
    sequence, findings = align(
        so_far.phrase, singer.voicebank, singer.language, options.pronunciations, expression=options.expression
    )
    return replace(so_far, sequence=sequence, findings=so_far.findings + findings)


def _durations(so_far: PhraseResults, singer: Singer) -> PhraseResults:
    sequence = _present(so_far.sequence, "align")
    controls = phrase_controls(so_far, singer)
    return replace(so_far, timing=predict_durations(sequence, singer.voicebank, singer.options.speaker, controls))


def _pitch(so_far: PhraseResults, singer: Singer) -> PhraseResults:
    pitch = predict_pitch(
        so_far.phrase,
        _present(so_far.timing, "durations"),
        singer.voicebank,
        speaker=singer.options.speaker,
        expression=singer.options.expression,
        steps=singer.options.sampling_steps.pitch,
        generator=_generator(so_far.phrase, singer, "pitch"),
        controls=phrase_controls(so_far, singer),
    )
    return replace(so_far, pitch=pitch)


def _variance(so_far: PhraseResults, singer: Singer) -> PhraseResults:
    variance = predict_variance(
        _present(so_far.timing, "durations"),
        _present(so_far.pitch, "pitch"),
        singer.voicebank,
        speaker=singer.options.speaker,
        steps=singer.options.sampling_steps.variance,
        generator=_generator(so_far.phrase, singer, "variance"),
        controls=phrase_controls(so_far, singer),
    )
    return replace(so_far, variance=variance)


def _synthesize_audio(so_far: PhraseResults, singer: Singer) -> PhraseResults:
    waveform = synthesize_audio(
        _present(so_far.timing, "durations"),
        _present(so_far.pitch, "pitch"),
        _present(so_far.variance, "variance"),
        singer.voicebank,
        speaker=singer.options.speaker,
        steps=singer.options.sampling_steps.acoustic,
        generator=_generator(so_far.phrase, singer, "synthesize_audio"),
        depth=singer.options.sampling_steps.depth,
        controls=phrase_controls(so_far, singer),
    )
    findings = so_far.findings + _unknown_speaker(singer.voicebank, singer.options.speaker)
    return replace(so_far, waveform=waveform, findings=findings)


PHRASE_STEPS: Final[Mapping[str, Callable[[PhraseResults, Singer], PhraseResults]]] = MappingProxyType(
    {
        "align": _align,
        "durations": _durations,
        "pitch": _pitch,
        "variance": _variance,
        "synthesize_audio": _synthesize_audio,
    }
)
"""What each step adds, in order; every one raises the errors of its module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SungPhrase:
    """A phrase and its sound.

    Attributes
    ----------
    phrase : Phrase
        On the score's clock.
    waveform : Waveform
        On the score's clock too.
    findings : tuple of Finding
        What was noticed on the way.
    cached : bool
        Whether it had been sung before and was kept.
    """

    phrase: Phrase
    waveform: Waveform
    findings: tuple[Finding, ...]
    cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPhrase:
    """A phrase that is aligned, and whether it was sung before; made by :func:`prepare_phrase`.

    Attributes
    ----------
    phrase : Phrase
        On the score's clock.
    aligned : PhraseResults
        After the first step.
    alone : PhraseResults
        The same without all that its sound does not depend on.
    singer : Singer
        Of the phrase alone.
    key : str or None
        What it is kept under; None: nowhere.
    is_kept : bool
        Whether something was kept under its key when it was prepared.
    """

    phrase: Phrase
    aligned: PhraseResults
    alone: PhraseResults
    singer: Singer
    key: str | None
    is_kept: bool


def prepare_phrase(
    phrase: Phrase, singer: Singer, trace: SongTrace, store: ContentStore | None = None
) -> PreparedPhrase:
    """Run the step ``align`` and look whether the rest was done before.

    Parameters
    ----------
    phrase, singer, trace, store
        As :func:`sing_phrase` takes them.
    """
    step = next(iter(PHRASE_STEPS))
    with trace.timed(step, phrase=phrase.index):
        aligned = PHRASE_STEPS[step](PhraseResults.of(phrase), singer)
    alone, singer_alone = in_itself(aligned, singer, phrase_controls(aligned, singer))
    key, is_kept = None, False
    if store is not None:
        with trace.timed("cache"):
            key = phrase_key(alone, singer_alone)
            is_kept = is_phrase_kept(store, key)
    return PreparedPhrase(phrase=phrase, aligned=aligned, alone=alone, singer=singer_alone, key=key, is_kept=is_kept)


def sing_prepared(prepared: PreparedPhrase, trace: SongTrace, store: ContentStore | None = None) -> SungPhrase:
    """Run the other steps, or take what they gave when the phrase was sung before."""
    phrase, key = prepared.phrase, prepared.key
    _, *rest = PHRASE_STEPS
    if store is not None and key is not None:
        with trace.timed("cache"):
            found = read_phrase(store, key)
        if found is not None:
            n_frames = round(len(found.waveform.samples) / prepared.singer.voicebank.mel.hop_size)
            for step in rest:
                with trace.timed(step, phrase=phrase.index) as span:
                    span.frames, span.outcome = n_frames, "cached"
            return _placed(found, phrase, prepared.aligned, cached=True)
    kept = _sing_alone(prepared.alone, prepared.singer, rest, phrase.index, trace)
    if store is not None and key is not None:
        with trace.timed("cache"):
            keep_phrase(store, key, kept)
    return _placed(kept, phrase, prepared.aligned, cached=False)


def sing_phrase(phrase: Phrase, singer: Singer, trace: SongTrace, store: ContentStore | None = None) -> SungPhrase:
    """Sing one phrase, or find it sung.

    The same phrase sung with the same voicebank, options and seed gives the same samples, whatever was sung before.

    Parameters
    ----------
    phrase : Phrase
        What is sung, on the score's clock.
    singer : Singer
        Who sings it, and how.
    trace : SongTrace
        Where the five steps are timed.
    store : ContentStore, optional
        Where sung phrases are kept; models are opened only for one that is not there.

    Raises
    ------
    LyricError, VoicebankError, InferenceError
        See the steps.
    """
    return sing_prepared(prepare_phrase(phrase, singer, trace, store), trace, store)


def _sing_alone(
    results: PhraseResults, singer: Singer, steps: Sequence[str], index: int, trace: SongTrace
) -> KeptPhrase:
    """Run steps on a phrase of which they see only what its sound depends on."""
    with trace.timed("voicebank"):  # so that no step's time holds the opening of models
        singer.voicebank.open_all()
    for step in steps:
        with trace.timed(step, phrase=index) as span:
            results = PHRASE_STEPS[step](results, singer)
            span.frames = results.n_frames
            if step == "variance" and not needed_curves(singer.voicebank):
                span.outcome = "skipped"
    return KeptPhrase(waveform=_present(results.waveform, "synthesize_audio"), findings=results.findings)


def _placed(kept: KeptPhrase, phrase: Phrase, aligned: PhraseResults, *, cached: bool) -> SungPhrase:
    waveform = replace(kept.waveform, offset=aligned.onset + kept.waveform.offset)
    return SungPhrase(phrase=phrase, waveform=waveform, findings=aligned.findings + kept.findings, cached=cached)


def phrase_controls(so_far: PhraseResults, singer: Singer) -> Controls:
    """What is turned while a phrase sounds, on the phrase's own clock; nothing that is turned elsewhere is in it."""
    head = so_far.sequence.head_room if so_far.sequence is not None else MAX_HEAD_SECONDS
    margin = PADDING_FRAMES * singer.voicebank.frame_seconds + _LONGEST_FRAME_SECONDS
    begin = so_far.onset - head - margin
    end = so_far.onset + so_far.phrase.offset + margin
    return settled(singer.controls.between(begin, end).shifted(-so_far.onset))


def lead_in_seconds(voicebank: Voicebank) -> float:
    """Seconds of audio before a score's first beat: what the longest head of a phrase needs."""
    return MAX_HEAD_SECONDS + PADDING_FRAMES * voicebank.frame_seconds


def _generator(phrase: Phrase, singer: Singer, step: str) -> np.random.Generator:
    """A source of noise for one step, told by the seed and by what is sung, not by when."""
    content = hashlib.blake2b(digest_size=16)
    for note in phrase.notes:
        words = "|".join(f"{syllable.word.text}.{syllable.index}" for syllable in note.syllables)
        content.update(f"{note.onset:.6f} {note.offset:.6f} {note.midi:.3f} {words}\n".encode())
    key = map(int, np.frombuffer(content.digest(), dtype=np.uint32))
    return np.random.default_rng([singer.options.seed, _STREAMS.index(step), *key])


def _present(result: _Result | None, step: str) -> _Result:
    if result is None:
        raise ValueError(f"the step {step} has not been run")
    return result


def _unknown_speaker(voicebank: Voicebank, speaker: str | None) -> tuple[Finding, ...]:
    stages = [stage.config.folder.name for stage in voicebank.stages if not stage.has_speaker(speaker)]
    if not stages:
        return ()
    return (
        Finding(
            code="speaker_not_in_stage",
            message=f"The voicebank {voicebank.id} has no speaker {speaker!r} in {' and '.join(stages)}; the first "
            "one there is used.",
            hint="The voicebank's stages name their speakers differently; ask its author.",
        ),
    )
