"""Step ``pitch``: the pitch of every frame, by the voicebank's model or drawn by rule.

Conventions
-----------
Pitch is continuous: rests and consonants hold or approach the pitch of their neighbours, and nothing is 0 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from cantilena.singing.controls import NEUTRAL, SCALES
from cantilena.singing.drawing import DrawnNote, draw_pitch
from cantilena.singing.frames import on_grid, resample
from cantilena.singing.linguistic import encode_phonemes, encoder_inputs
from cantilena.singing.results import PhonemeTiming, PitchCurve, read_only
from cantilena.singing.sampling import noise_input, sampling_inputs
from cantilena.singing.speaker_mix import speaker_input
from cantilena.units import midi_to_hz, seconds_to_frames
from cantilena.voicebank.nearest import is_rest

if TYPE_CHECKING:
    from cantilena.singing.controls import Controls
    from cantilena.singing.phrase import PerformedNote, Phrase
    from cantilena.voicebank import Voicebank
    from cantilena.voicebank.bundle import Stage

_MIDI_RANGE: Final = (12.0, 120.0)  # beyond it no model was trained, and f0 loses its meaning


def predict_pitch(
    phrase: Phrase,
    timing: PhonemeTiming,
    voicebank: Voicebank,
    *,
    speaker: str | None,
    expression: float,
    steps: int,
    generator: np.random.Generator,
    controls: Controls = NEUTRAL,
) -> PitchCurve:
    """Give the pitch of a phrase.

    Parameters
    ----------
    phrase : Phrase
        Its notes.
    timing : PhonemeTiming
        From ``durations``.
    voicebank : Voicebank
        Whose pitch model is used when it has one.
    speaker : str or None
        Who sings.
    expression : float
        0..1.
    steps : int
        Sampling steps of the model.
    generator : numpy Generator
        Source of the model's noise.
    controls : Controls
        What is turned, on the phrase's clock; here, ``pitch_expression`` and who else sings.
    """
    if voicebank.pitch is None:
        notes = [
            DrawnNote(onset=note.onset, offset=note.offset, midi=note.midi, slurred=note.slurred)
            for note in phrase.notes
        ]
        midi = draw_pitch(notes, timing.frame_times, expression=expression * _liveliness(controls, timing))
    else:
        own = on_grid(timing, voicebank.pitch.frame_seconds)
        predicted = _run_model(phrase, own, voicebank.pitch, speaker, controls, expression, steps, generator)
        midi = resample(predicted, source=own, target=timing).astype(np.float64)
    return PitchCurve(f0=_to_f0(midi), source="drawn" if voicebank.pitch is None else "model")


def shift_tone(pitch: PitchCurve, controls: Controls, timing: PhonemeTiming) -> PitchCurve:
    """The pitch that ``tone_shift`` makes a phrase take its timbre from; the same one when it is not turned."""
    if "tone_shift" not in controls.curves:
        return pitch
    return replace(pitch, f0=_to_f0(pitch.midi + controls.at("tone_shift", timing.control_times) / 100.0))


def _to_f0(midi: NDArray[np.float64]) -> NDArray[np.float32]:
    return read_only(midi_to_hz(np.clip(midi, *_MIDI_RANGE)).astype(np.float32))


def _liveliness(controls: Controls, timing: PhonemeTiming) -> NDArray[np.float64]:
    """``pitch_expression`` as a factor, 0..1."""
    return controls.at("pitch_expression", timing.control_times) / SCALES["pitch_expression"].high


def _run_model(
    phrase: Phrase,
    timing: PhonemeTiming,
    stage: Stage,
    speaker: str | None,
    controls: Controls,
    expression: float,
    steps: int,
    generator: np.random.Generator,
) -> NDArray[np.float32]:
    """Semitones of each frame of ``timing``, which is on the stage's own grid."""
    model = stage.models["pitch"]
    n_frames = timing.n_frames
    notes = note_inputs(phrase.notes, timing)
    results = model.run(
        {
            **encoder_inputs(encode_phonemes(stage, timing), n_frames),
            "ph_dur": timing.durations[None, :],
            "note_midi": notes.midi[None, :],
            "note_rest": notes.is_rest[None, :],
            "note_dur": notes.durations[None, :],
            "note_glide": np.zeros((1, len(notes.midi)), dtype=np.int64),
            "pitch": np.full((1, n_frames), 60.0, dtype=np.float32),
            "expr": (expression * _liveliness(controls, timing)).astype(np.float32)[None],
            "retake": np.ones((1, n_frames), dtype=np.bool_),
            **sampling_inputs(model, steps=steps),
            **noise_input(model, n_frames, generator),
            **speaker_input(stage, model, speaker, controls, timing.control_times),
        },
        outputs=("pitch_pred",),
        size=n_frames,
        generator=generator,
    )
    return results["pitch_pred"].reshape(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteInputs:
    """Notes and rests as a pitch model takes them, each [shape=(n_notes,)].

    Attributes
    ----------
    midi : NDArray[np.float32]
        Rests have the pitch of the nearest note.
    is_rest : NDArray[np.bool_]
        Whether nothing is sung, or nothing that has a pitch.
    durations : NDArray[np.int64]
        Frames, each >= 1.
    """

    midi: NDArray[np.float32]
    is_rest: NDArray[np.bool_]
    durations: NDArray[np.int64]


def note_inputs(notes: Sequence[PerformedNote], timing: PhonemeTiming) -> NoteInputs:
    """Lay out the notes of a phrase, the rests before, between and after them made explicit.

    Parameters
    ----------
    notes : sequence of PerformedNote
        In order.
    timing : PhonemeTiming
        Where the phonemes lie on the model's grid; tells where the phrase begins and which notes have no vowel.
    """
    midi: list[float] = []
    rests: list[bool] = []
    borders = [timing.offset]
    vowels = _vowel_spans(timing)
    for note in notes:
        if note.onset - borders[-1] > 1e-6:
            midi.append(np.nan)
            rests.append(True)
            borders.append(note.onset)
        midi.append(note.midi)
        held = not note.syllables and bool(rests) and not rests[-1]
        rests.append(not held and not any(begin < note.offset and end > note.onset for begin, end in vowels))
        borders.append(note.offset)
    midi.append(np.nan)
    rests.append(True)
    durations = seconds_to_frames(np.diff(borders), frame_seconds=timing.frame_seconds)
    durations = _fit_total(np.append(durations, 0), timing.n_frames)
    return NoteInputs(midi=_fill_rests(midi), is_rest=np.array(rests), durations=durations)


def _vowel_spans(timing: PhonemeTiming) -> list[tuple[float, float]]:
    """Seconds at which vowels of notes begin and end; a note of breath or silence has none.

    The last frame of each is left off: rounding may put it into the next note.
    """
    ends = timing.onsets + (timing.durations - 1) * timing.frame_seconds
    return [
        (float(begin), float(end))
        for phoneme, begin, end in zip(timing.phonemes, timing.onsets, ends, strict=True)
        if phoneme.kind == "vowel" and phoneme.note is not None and not is_rest(phoneme.symbol)
    ]


def _fit_total(durations: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Give the last item what is missing; each item gets a frame at least, taken from those before it."""
    edges = np.concatenate([[0], np.cumsum(durations)])
    edges[-1] = total
    for k in range(len(edges) - 2, 0, -1):
        edges[k] = min(edges[k], edges[k + 1] - 1)
    for k in range(1, len(edges) - 1):
        edges[k] = max(edges[k], edges[k - 1] + 1)
    return np.diff(edges)


def _fill_rests(midi: Sequence[float]) -> NDArray[np.float32]:
    """Rests (NaN) take the pitch of the nearest note; of two equally near, the first half goes to the one before.

    Examples
    --------
    >>> nan = float("nan")
    >>> _fill_rests([nan, 60, nan, nan, 64, nan]).tolist()
    [60.0, 60.0, 60.0, 64.0, 64.0, 64.0]
    """
    values = np.array(midi, dtype=np.float32)
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.full(len(values), 60.0, dtype=np.float32)
    at = np.arange(len(values))
    after = np.searchsorted(known, at)
    right = known[np.minimum(after, len(known) - 1)]
    left = known[np.maximum(after - 1, 0)]
    nearest = np.where(np.abs(at - left) <= np.abs(right - at), left, right)
    return values[np.where(after == 0, right, nearest)]
