"""The steps of one phrase, one after another, each timed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from cantilena.findings import Finding
from cantilena.singing.align import MAX_HEAD_SECONDS, align
from cantilena.singing.durations import predict_durations
from cantilena.singing.pitch import predict_pitch
from cantilena.singing.results import PADDING_FRAMES
from cantilena.singing.synthesize_audio import synthesize_audio
from cantilena.singing.variance import needed_curves, predict_variance

if TYPE_CHECKING:
    from cantilena.audio.waveform import Waveform
    from cantilena.language import Language
    from cantilena.singing.options import SingOptions
    from cantilena.singing.phrase import Phrase
    from cantilena.tracing import SongTrace
    from cantilena.voicebank import Voicebank

_STREAMS: Final = ("pitch", "variance", "synthesize_audio")


def sing_phrase(
    phrase: Phrase, voicebank: Voicebank, language: Language, options: SingOptions, trace: SongTrace
) -> tuple[Waveform, tuple[Finding, ...]]:
    """Sing one phrase.

    The same phrase sung with the same voicebank, options and seed gives the same samples, whatever was sung before.

    Parameters
    ----------
    phrase : Phrase
        What is sung.
    voicebank : Voicebank
        Who sings it.
    language : Language
        How its words are pronounced.
    options : SingOptions
        How it is sung.
    trace : SongTrace
        Where the five steps are timed.

    Returns
    -------
    tuple of Waveform and Findings
        The waveform begins before the first beat: with silence, a breath perhaps, and the first consonants.

    Raises
    ------
    LyricError, VoicebankError, InferenceError
        See the steps.
    """
    speaker, steps = options.speaker, options.sampling_steps
    streams = _noise_streams(phrase, options.seed)
    with trace.timed("voicebank"):  # so that no step's time holds the opening of models
        voicebank.open_all()
    with trace.timed("align", phrase=phrase.index):
        sequence, findings = align(phrase, voicebank, language, options.pronunciations)
    with trace.timed("durations", phrase=phrase.index) as span:
        timing = predict_durations(sequence, voicebank, speaker)
        span.frames = timing.n_frames
    with trace.timed("pitch", phrase=phrase.index) as span:
        span.frames = timing.n_frames
        pitch = predict_pitch(
            phrase,
            timing,
            voicebank,
            speaker=speaker,
            expression=options.expression,
            steps=steps.pitch,
            generator=streams["pitch"],
        )
    with trace.timed("variance", phrase=phrase.index) as span:
        span.frames = timing.n_frames
        span.outcome = "ok" if needed_curves(voicebank) else "skipped"
        variance = predict_variance(
            timing, pitch, voicebank, speaker=speaker, steps=steps.variance, generator=streams["variance"]
        )
    with trace.timed("synthesize_audio", phrase=phrase.index) as span:
        span.frames = timing.n_frames
        waveform = synthesize_audio(
            timing,
            pitch,
            variance,
            voicebank,
            speaker=speaker,
            steps=steps.acoustic,
            generator=streams["synthesize_audio"],
        )
    return waveform, (*findings, *_unknown_speaker(voicebank, speaker))


def lead_in_seconds(voicebank: Voicebank) -> float:
    """Seconds of audio before a score's first beat: what the longest head of a phrase needs."""
    return MAX_HEAD_SECONDS + PADDING_FRAMES * voicebank.frame_seconds


def _noise_streams(phrase: Phrase, seed: int) -> dict[str, np.random.Generator]:
    """A source of noise for each step, told by the seed and by what is sung, not by when."""
    content = hashlib.blake2b(digest_size=16)
    for note in phrase.notes:
        words = "|".join(f"{syllable.word.text}.{syllable.index}" for syllable in note.syllables)
        begin, end = note.onset - phrase.onset, note.offset - phrase.onset
        content.update(f"{begin:.5f} {end:.5f} {note.midi:.3f} {words}\n".encode())
    key = list(np.frombuffer(content.digest(), dtype=np.uint32))
    return {name: np.random.default_rng([seed, index, *map(int, key)]) for index, name in enumerate(_STREAMS)}


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
