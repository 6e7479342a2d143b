"""A pitch curve drawn by rule, for voicebanks without a pitch model.

Conventions
-----------
A layer each for the notes and the way between them, for the beginning and end of a phrase, for vibrato and for
drift, summed in semitones. The middle three fifths of a note hold its pitch but for vibrato and drift. Nothing is
random: the same notes give the same curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

_EDGE_SHARE: Final = 0.18  # of a note, at either end, that transitions may use
_GLIDE_SECONDS: Final = (0.04, 0.04)  # before and after a new note
_SLUR_SECONDS: Final = (0.05, 0.06)
_SCOOP_SEMITONES: Final = 0.5
_SCOOP_SECONDS: Final = (0.06, 0.05)
_FALL_SEMITONES: Final = 0.3
_FALL_SECONDS: Final = 0.08

_VIBRATO_RATE: Final = 5.5
_VIBRATO_SEMITONES: Final = 0.25
_VIBRATO_LEAST_NOTE: Final = 0.7
_VIBRATO_ONSET: Final = (0.3, 0.55, 1.5)  # seconds at least; share of the note; seconds at most
_VIBRATO_FADE_IN: Final = 0.25
_VIBRATO_FADE_OUT: Final = 0.1

_DRIFT_RATES: Final = (0.37, 0.83, 1.51, 2.71)
_DRIFT_SEMITONES: Final = 0.025  # root of the mean square


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnNote:
    """A note as the curve sees it: seconds, MIDI number, and whether a slur leads to it."""

    onset: float
    offset: float
    midi: float
    slurred: bool

    @property
    def duration(self) -> float:
        return self.offset - self.onset


def draw_pitch(notes: Sequence[DrawnNote], times: Curve, *, expression: float | Curve) -> Curve:
    """Draw the pitch of a phrase.

    Parameters
    ----------
    notes : sequence of DrawnNote
        In order, at least one.
    times : NDArray[np.float64] [shape=(n_frames,)]
        Seconds, on the notes' clock.
    expression : float or NDArray[np.float64] [shape=(n_frames,)]
        0..1: scales everything but the notes and the way between them.

    Returns
    -------
    NDArray[np.float64] [shape=(n_frames,)]
        Fractional MIDI numbers, before the first and after the last note too.
    """
    curve = _draw_notes(notes, times)
    if np.any(expression):
        ornament = _draw_edges(notes, times) + _draw_drift(times - notes[0].onset)
        for note in notes:
            ornament += _draw_vibrato(note, times)
        curve += expression * ornament
    return curve


def _draw_notes(notes: Sequence[DrawnNote], times: Curve) -> Curve:
    """Steps from note to note, each taken along half a sine."""
    curve = np.full(len(times), notes[0].midi, dtype=np.float64)
    for before, after in pairwise(notes):
        lead, lag = _SLUR_SECONDS if after.slurred else _GLIDE_SECONDS
        # A rest between the two is crossed just before the new note.
        begin = after.onset - min(lead, _EDGE_SHARE * before.duration + max(after.onset - before.offset, 0.0))
        end = after.onset + min(lag, _EDGE_SHARE * after.duration)
        curve += (after.midi - before.midi) * _rise(times, begin, end)
    return curve


def _draw_edges(notes: Sequence[DrawnNote], times: Curve) -> Curve:
    """A phrase is begun from a little below and let go at its end."""
    first, last = notes[0], notes[-1]
    begin, end = first.onset - _SCOOP_SECONDS[0], first.onset + min(_SCOOP_SECONDS[1], _EDGE_SHARE * first.duration)
    release = last.offset - min(_FALL_SECONDS, _EDGE_SHARE * last.duration)
    scoop = _SCOOP_SEMITONES * (_rise(times, begin, end) - 1.0)
    return scoop - _FALL_SEMITONES * _rise(times, release, last.offset)


def _draw_vibrato(note: DrawnNote, times: Curve) -> Curve:
    """A sine that fades in late in a long note."""
    if note.duration < _VIBRATO_LEAST_NOTE:
        return np.zeros(len(times))
    least, share, most = _VIBRATO_ONSET
    begin = note.onset + min(max(share * note.duration, least), most)
    fade = np.minimum(
        np.clip((times - begin) / _VIBRATO_FADE_IN, 0.0, 1.0),
        np.clip((note.offset - times) / _VIBRATO_FADE_OUT, 0.0, 1.0),
    )
    return _VIBRATO_SEMITONES * fade * np.sin(2.0 * np.pi * _VIBRATO_RATE * (times - begin))


def _draw_drift(times: Curve) -> Curve:
    """Slow sines that never meet twice in the same way."""
    amplitudes = np.array(_DRIFT_RATES) ** -0.5
    amplitudes *= _DRIFT_SEMITONES * np.sqrt(2.0 / np.square(amplitudes).sum())
    waves = np.sin(2.0 * np.pi * np.outer(times, _DRIFT_RATES) + np.arange(len(_DRIFT_RATES)))
    return np.asarray(waves @ amplitudes)


def _rise(times: Curve, begin: float, end: float) -> Curve:
    """0 before ``begin``, 1 after ``end``, half a cosine between."""
    position = np.clip((times - begin) / max(end - begin, 1e-6), 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * position))
