"""The one home of unit conversions: hertz and MIDI numbers, seconds and frames, decibels and factors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

A4_MIDI = 69
A4_HZ = 440.0


def midi_to_hz(midi: ArrayLike) -> NDArray[np.float64]:
    """Frequency of a (fractional) MIDI number.

    >>> float(midi_to_hz(69))
    440.0
    >>> round(float(midi_to_hz(60)), 3)
    261.626
    """
    return np.asarray(A4_HZ * np.exp2((np.asarray(midi, dtype=np.float64) - A4_MIDI) / 12.0))


def hz_to_midi(hz: ArrayLike) -> NDArray[np.float64]:
    """(Fractional) MIDI number of a frequency > 0.

    >>> round(float(hz_to_midi(261.626)), 3)
    60.0
    """
    return np.asarray(A4_MIDI + 12.0 * np.log2(np.asarray(hz, dtype=np.float64) / A4_HZ))


def db_to_factor(db: ArrayLike) -> NDArray[np.float64]:
    """Amplitude factor of a level difference in dB.

    >>> round(float(db_to_factor(-6.0)), 4)
    0.5012
    """
    return np.asarray(np.power(10.0, np.asarray(db, dtype=np.float64) / 20.0))


def factor_to_db(factor: float) -> float:
    """Level difference in dB of an amplitude factor; minus infinity for 0."""
    return 20.0 * math.log10(factor) if factor > 0 else -math.inf


_STEPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def midi_to_name(midi: float) -> str:
    """Scientific pitch name of the nearest semitone.

    >>> midi_to_name(60), midi_to_name(57.2)
    ('C4', 'A3')
    """
    nearest = round(midi)
    return f"{_STEPS[nearest % 12]}{nearest // 12 - 1}"


def seconds_to_frames(seconds: ArrayLike, *, frame_seconds: float) -> NDArray[np.int64]:
    """Durations in seconds as durations in whole frames, rounded once on their cumulative sum.

    The rule of DiffSinger and OpenUtau: ``frame_k = round_half_even(seconds_k / frame_seconds + 0.5)`` on the
    cumulative sums, then first differences; it acts like a ceiling except on exact integers, and drifts by at
    most one frame however long the sequence is.

    Parameters
    ----------
    seconds : array_like [shape=(n,)]
        Durations, each >= 0.
    frame_seconds : float > 0
        ``hop_size / sample_rate``.

    Returns
    -------
    NDArray[np.int64] [shape=(n,)]
        Frames; their sum is the rounded total.

    Examples
    --------
    >>> [int(seconds_to_frames([x], frame_seconds=1.0)[0]) for x in (7.0, 8.0, 8.2, 9.0)]
    [8, 8, 9, 10]
    """
    edges = np.rint(np.cumsum(np.asarray(seconds, dtype=np.float64)) / frame_seconds + 0.5)
    return np.diff(edges, prepend=0.0).astype(np.int64)
