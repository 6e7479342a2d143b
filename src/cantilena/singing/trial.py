"""Sings a few notes and every phoneme with a voicebank, to find out what fails before a song does.

Conventions
-----------
A step that fails is told, and the next goes on from a stand-in for its result: all failures are found, each once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from cantilena.errors import CantilenaError, InferenceError, VoicebankError
from cantilena.singing.durations import predict_durations
from cantilena.singing.linguistic import encode_phonemes, encode_words
from cantilena.singing.phrase import PerformedNote, Phrase
from cantilena.singing.pitch import predict_pitch
from cantilena.singing.results import (
    PADDING_FRAMES,
    Phoneme,
    PhonemeGroup,
    PhonemeSequence,
    PhonemeTiming,
    PitchCurve,
    VarianceCurves,
)
from cantilena.singing.synthesize_audio import synthesize_audio, synthesize_mel
from cantilena.singing.variance import needed_curves, predict_variance
from cantilena.voicebank.files import broken
from cantilena.voicebank.symbols import BREATH, SILENCE

if TYPE_CHECKING:
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.bundle import Stage
    from cantilena.voicebank.dictionary import Kind

_Result = TypeVar("_Result")

_STEPS: Final = 1
_SHOWN: Final = 8
_NOTES: Final = ((0.0, 0.3, 60.0), (0.3, 0.6, 64.0))
_PHRASE: Final = Phrase(
    index=0,
    notes=tuple(
        PerformedNote(id=k, onset=onset, offset=offset, midi=midi, syllables=(), slurred=False, measure="1")
        for k, (onset, offset, midi) in enumerate(_NOTES)
    ),
    breath_before=0.0,
    carried_vowel=None,
    part="",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What failed, and the file that was in use."""

    error: CantilenaError
    file: Path


def try_voicebank(voicebank: Voicebank) -> tuple[Failure, ...]:
    """Run every model of a voicebank.

    Parameters
    ----------
    voicebank : Voicebank
        One whose models can all be opened.

    Returns
    -------
    tuple of Failure
        Empty: it sings.
    """
    failures = (*_try_phrase(voicebank), *_try_phonemes(voicebank))
    told = {failure.error.message: failure for failure in reversed(failures)}
    return tuple(reversed(told.values()))


def _try_phrase(voicebank: Voicebank) -> tuple[Failure, ...]:
    """Two notes, step by step."""
    speaker = voicebank.speakers[0] if voicebank.speakers else None
    noise = np.random.default_rng(0)
    failures: list[Failure] = []

    def attempt(stage: Stage, role: str, action: Callable[[], _Result]) -> _Result | None:
        try:
            return action()
        except (VoicebankError, InferenceError) as error:
            failures.append(Failure(error=error, file=stage.models[role].file))
            return None

    sequence = _sequence(voicebank.durations)
    timing = attempt(
        voicebank.durations, _timing_role(voicebank), lambda: predict_durations(sequence, voicebank, speaker)
    ) or _stand_in(sequence, voicebank)  # fmt: skip
    pitch = attempt(
        *((voicebank.pitch, "pitch") if voicebank.pitch else (voicebank.acoustic, "acoustic")),
        lambda: predict_pitch(
            _PHRASE, timing, voicebank, speaker=speaker, expression=1.0, steps=_STEPS, generator=noise
        ),
    ) or _flat_pitch(timing)  # fmt: skip
    variance = attempt(
        *((voicebank.variance, "variance") if voicebank.variance else (voicebank.acoustic, "acoustic")),
        lambda: predict_variance(timing, pitch, voicebank, speaker=speaker, steps=_STEPS, generator=noise),
    ) or _flat_curves(timing, voicebank)  # fmt: skip
    attempt(
        voicebank.acoustic, "acoustic",
        lambda: synthesize_audio(timing, pitch, variance, voicebank, speaker=speaker, steps=_STEPS, generator=noise),
    )  # fmt: skip
    return tuple(failures)


def _timing_role(voicebank: Voicebank) -> str:
    return "acoustic" if voicebank.durations is voicebank.acoustic else "dur"


def _try_phonemes(voicebank: Voicebank) -> Iterator[Failure]:
    """Whether each stage knows every phoneme that its own table lists."""
    speaker = voicebank.speakers[0] if voicebank.speakers else None

    def sing(stage: Stage, symbols: Sequence[str]) -> object:
        timing = _timing(stage, symbols)
        return synthesize_mel(
            timing, _flat_pitch(timing), _flat_curves(timing, voicebank), voicebank, speaker=speaker, steps=_STEPS,
            generator=np.random.default_rng(0),
        )  # fmt: skip

    def encode_unsung(stage: Stage, symbols: Sequence[str]) -> object:
        n = len(symbols)
        return encode_words(stage, symbols, word_div=[1] * n, word_dur=np.ones(n, dtype=np.int64))

    def encode(stage: Stage, symbols: Sequence[str]) -> object:
        return encode_phonemes(stage, _timing(stage, symbols))

    if voicebank.durations is not voicebank.acoustic:
        yield from _try_symbols(voicebank.durations, "linguistic", encode_unsung)
    for stage in filter(None, (voicebank.pitch, voicebank.variance)):
        yield from _try_symbols(stage, "linguistic", encode)
    yield from _try_symbols(voicebank.acoustic, "acoustic", sing)


def _try_symbols(stage: Stage, role: str, run: Callable[[Stage, Sequence[str]], object]) -> Iterator[Failure]:
    """All symbols of a stage at once, and each by itself when that fails."""
    model = stage.models[role]
    symbols = list({stage.symbols.tokens[symbol]: symbol for symbol in stage.symbols.sung}.values())

    def fails_on(*sung: str) -> CantilenaError | None:
        try:
            run(stage, [SILENCE, *sung, SILENCE])
        except (VoicebankError, InferenceError) as error:
            return error
        return None

    error = fails_on(*symbols)
    if error is None:
        return
    refused = [symbol for symbol in symbols if fails_on(symbol)] if fails_on(SILENCE) is None else []
    if refused:
        named = ", ".join(f"{symbol} ({stage.symbols.tokens[symbol]})" for symbol in refused[:_SHOWN])
        more = f" and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
        error = broken(
            model.file,
            f"fails on phonemes that {stage.symbols.file.name} lists, here with their ids: {named}{more}",
            hint="Their ids, or those of their languages, lie beyond what the model was trained on: the table is not "
            "the one that belongs to it. Ask the voicebank's author for the right one.",
        )
    yield Failure(error=error, file=model.file)


def _sequence(stage: Stage) -> PhonemeSequence:
    """A consonant and a vowel on either note, as the voicebank's own dictionary tells them apart."""
    names = [symbol for symbol in stage.symbols.sung if symbol not in (SILENCE, BREATH)] or [SILENCE]
    vowels = [symbol for symbol in names if stage.kinds.get(symbol) == "vowel"] or names
    consonants = [symbol for symbol in names if stage.kinds.get(symbol, "vowel") != "vowel"] or names

    def phoneme(symbol: str, kind: Kind, note: int | None) -> Phoneme:
        return Phoneme(symbol=symbol, kind=kind, note=note)

    first, second = phoneme(consonants[0], "consonant", 0), phoneme(consonants[-1], "consonant", 1)
    groups = (
        PhonemeGroup(onset=-0.2, midi=60.0, phonemes=(phoneme(SILENCE, "vowel", None), first)),
        PhonemeGroup(onset=0.0, midi=60.0, phonemes=(phoneme(vowels[0], "vowel", 0), second)),
        PhonemeGroup(onset=0.3, midi=64.0, phonemes=(phoneme(vowels[-1], "vowel", 1),)),
    )
    return PhonemeSequence(groups=groups, offset=0.6, head_room=0.2)


def _stand_in(sequence: PhonemeSequence, voicebank: Voicebank) -> PhonemeTiming:
    """Every phoneme as long as the silence around a phrase."""
    sung = tuple(phoneme for group in sequence.groups for phoneme in group.phonemes)
    phonemes = (*sung, Phoneme(symbol=SILENCE, kind="vowel", note=None))
    return PhonemeTiming(
        phonemes=phonemes,
        durations=np.full(len(phonemes), PADDING_FRAMES, dtype=np.int64),
        frame_seconds=voicebank.frame_seconds,
        offset=-PADDING_FRAMES * voicebank.frame_seconds,
    )


def _timing(stage: Stage, symbols: Sequence[str]) -> PhonemeTiming:
    """Symbols of one frame each, on a stage's own grid."""
    kinds = stage.kinds
    return PhonemeTiming(
        phonemes=tuple(Phoneme(symbol=s, kind=kinds.get(s, "consonant"), note=None) for s in symbols),
        durations=np.ones(len(symbols), dtype=np.int64),
        frame_seconds=stage.frame_seconds,
        offset=0.0,
    )


def _flat_pitch(timing: PhonemeTiming) -> PitchCurve:
    return PitchCurve(f0=np.full(timing.n_frames, 261.6, dtype=np.float32), source="drawn")


def _flat_curves(timing: PhonemeTiming, voicebank: Voicebank) -> VarianceCurves:
    """Values that curves may well have: decibels, and no tension."""
    levels = {name: 0.0 if name == "tension" else -30.0 for name in needed_curves(voicebank)}
    return VarianceCurves(
        **{name: np.full(timing.n_frames, level, dtype=np.float32) for name, level in levels.items()}
    )  # fmt: skip
