"""How loud a performance is over time: the score's dynamics and accents as points of gain.

Conventions
-----------
dB relative to mezzo-forte. A sudden change is over when the beat comes, so that the vowel on the beat has the new
loudness. Where the score says nothing at all, every phrase swells and falls a little, as singers do unasked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cantilena.score.melody import DynamicPoint, Melody
from cantilena.singing.phrase import LoudnessPoint, PerformedNote, Phrase

JUMP_SECONDS: Final = 0.03
"""A sudden change takes this long: at once would click."""
ACCENT_DB: Final = {"accent": 3.0, "strong-accent": 5.0}
"""What an accent adds at the beginning of its note; it has died away at the note's end."""

_ACCENT_RISE_SECONDS: Final = 0.05
_ACCENT_FALL_SECONDS: Final = 1.0

# The unasked arch of a phrase: dB at its beginning, top and end, the top at 65 % of it. Short phrases have less.
_ARCH_DB: Final = (-0.5, 1.0, -1.0)
_ARCH_TOP: Final = 0.65
_ARCH_FULL_SECONDS: Final = 4.0

_Curve = list[tuple[float, float]]


def shape_loudness(
    melody: Melody, phrases: Sequence[Phrase], seconds: Callable[[Fraction], float]
) -> tuple[LoudnessPoint, ...]:
    """Gain over a performance.

    Parameters
    ----------
    melody : Melody
        Gives dynamics and accents.
    phrases : sequence of Phrase
        The notes as they sound.
    seconds : callable
        Beats to seconds of the performance.

    Returns
    -------
    tuple of LoudnessPoint
        In strictly rising order of time, to the microsecond.
    """
    base = _to_microseconds(_written(melody.dynamics, seconds) if melody.dynamics else _arches(phrases))
    marks = {
        note.id: max((ACCENT_DB.get(mark, 0.0) for mark in note.articulations), default=0.0) for note in melody.notes
    }
    accents = _to_microseconds(_accents([note for phrase in phrases for note in phrase.notes], marks))
    times = sorted({time for time, _ in (*base, *accents)})
    gains = _at(times, base) + _at(times, accents)
    return tuple(LoudnessPoint(time=time, gain=float(gain)) for time, gain in zip(times, gains, strict=True))


def _written(points: Sequence[DynamicPoint], seconds: Callable[[Fraction], float]) -> _Curve:
    """The score's dynamics; before the first of them the singer sings mezzo-forte."""
    curve: _Curve = []
    for point in points:
        time = seconds(point.onset)
        if not curve:
            if time <= 0.0:
                curve.append((time, point.level))
                continue
            curve.append((0.0, 0.0))
        last_time, last_level = curve[-1]
        if not point.ramp:
            begin = max(last_time, time - JUMP_SECONDS)
            if begin > last_time:
                curve.append((begin, last_level))
            time = max(time, begin + JUMP_SECONDS)
        if time > last_time:
            curve.append((time, point.level))
        else:
            curve[-1] = (last_time, point.level)
    return curve


def _arches(phrases: Sequence[Phrase]) -> _Curve:
    curve: _Curve = []
    for phrase in phrases:
        length = phrase.offset - phrase.onset
        share = min(1.0, length / _ARCH_FULL_SECONDS)
        times = (phrase.onset, phrase.onset + _ARCH_TOP * length, phrase.offset)
        curve += [
            (time, share * gain)
            for time, gain in zip(times, _ARCH_DB, strict=True)
            if not curve or time > curve[-1][0]  # a divided phrase goes on where the one before ended
        ]
    return curve


def _accents(notes: Sequence[PerformedNote], marks: Mapping[int, float]) -> _Curve:
    curve: _Curve = []
    accented: set[int] = set()
    for note in notes:
        if not marks[note.id] or note.id in accented:  # a divided note is accented where it begins
            continue
        accented.add(note.id)
        rise = note.onset - _ACCENT_RISE_SECONDS
        fall = min(note.onset + _ACCENT_FALL_SECONDS, note.offset - _ACCENT_RISE_SECONDS)
        fall = max(fall, 0.5 * (note.onset + note.offset))
        if curve:
            rise = max(rise, curve[-1][0])
        curve += [(rise, 0.0), (note.onset, marks[note.id]), (fall, 0.0)]
    return curve


def _to_microseconds(curve: _Curve) -> _Curve:
    return [(round(time, 6), gain) for time, gain in curve]


def _at(times: Sequence[float], curve: _Curve) -> NDArray[np.float64]:
    if not curve:
        return np.zeros(len(times))
    return np.asarray(np.interp(times, [time for time, _ in curve], [gain for _, gain in curve]))
