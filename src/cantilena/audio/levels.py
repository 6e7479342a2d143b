"""The gain that brings a track to its loudness without clipping: one factor, and a look-ahead limiter for rare peaks.

Conventions
-----------
A hop is ``HOP`` samples. Peaks are taken between the samples too, on a signal of twice the rate. Gains are factors
unless the name says ``_db``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from cantilena.units import db_to_factor, factor_to_db

TARGET_LUFS: Final = -16.0
"""Loudness of a finished track."""
CEILING_DB: Final = -1.0
"""Highest peak of a finished track, in dB below full scale."""
MAX_REDUCTION_DB: Final = 3.0
"""What the limiter may take off a peak; a track that would need more stays quieter."""
MAX_GAIN_DB: Final = 30.0
"""A track that needs more is noise rather than song."""

HOP: Final = 256
_OVERSAMPLING: Final = 2

# A limiter that moves within one period of the voice distorts it. The gain is held for 30 ms on both sides of a peak,
# more than a period of the lowest bass note (E2 has 12 ms), and then smoothed over as much.
_HOLD_SECONDS: Final = 0.03


class PeakMeter:
    """Highest absolute value of each hop, between the samples too.

    Parameters
    ----------
    sample_rate : int
        Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._finer = soxr.ResampleStream(sample_rate, _OVERSAMPLING * sample_rate, 1, dtype="float32", quality="MQ")
        self._coarse = _HopPeaks(HOP)
        self._fine = _HopPeaks(HOP * _OVERSAMPLING)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take the next samples [shape=(n,)]."""
        self._coarse.add(samples)
        self._fine.add(self._finer.resample_chunk(samples))

    def finish(self) -> NDArray[np.float32]:
        """Peaks [shape=(n_hops,)] of everything taken, the last hop perhaps a partial one."""
        self._fine.add(self._finer.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
        coarse, fine = self._coarse.finish(), self._fine.finish()
        n_both = min(len(coarse), len(fine))
        coarse[:n_both] = np.maximum(coarse[:n_both], fine[:n_both])
        return coarse


class _HopPeaks:
    def __init__(self, hop: int) -> None:
        self._hop = hop
        self._peaks: list[NDArray[np.float32]] = []
        self._rest: NDArray[np.float32] = np.zeros(0, dtype=np.float32)

    def add(self, samples: NDArray[np.float32]) -> None:
        magnitudes = np.concatenate((self._rest, np.abs(samples)))
        n_whole = len(magnitudes) // self._hop * self._hop
        self._peaks.append(magnitudes[:n_whole].reshape(-1, self._hop).max(axis=1))
        self._rest = magnitudes[n_whole:]

    def finish(self) -> NDArray[np.float32]:
        rest = [np.array([self._rest.max()], dtype=np.float32)] if len(self._rest) else []
        return np.concatenate([np.zeros(0, dtype=np.float32), *self._peaks, *rest])


@dataclass(frozen=True, slots=True, kw_only=True)
class Levelling:
    """What a track is multiplied with.

    Attributes
    ----------
    gain : float
        For the whole track.
    reduction : NDArray[np.float32] [shape=(n_hops + 1,)] or None
        Factor at the edges of the hops, linear between them, where peaks have to come down; None: nowhere.
    """

    gain: float
    reduction: NDArray[np.float32] | None

    def apply(self, samples: NDArray[np.float32], *, hop_index: int) -> NDArray[np.float32]:
        """Level samples [shape=(n,)] that begin with hop ``hop_index``."""
        levelled = samples * np.float32(self.gain)
        if self.reduction is None:
            return levelled
        edges = self.reduction[hop_index : hop_index + math.ceil(len(samples) / HOP) + 1]
        if np.all(edges == 1.0):
            return levelled
        return levelled * ramps(edges, HOP)[: len(samples)]


NEUTRAL: Final = Levelling(gain=1.0, reduction=None)


def plan_levelling(loudness: float | None, peaks: NDArray[np.float32], *, sample_rate: int) -> Levelling:
    """Find the gain that brings a track to ``TARGET_LUFS`` below ``CEILING_DB``.

    Parameters
    ----------
    loudness : float or None
        Integrated loudness of the track in LUFS; None: silence, which is left alone.
    peaks : NDArray[np.float32] [shape=(n_hops,)]
        As :class:`PeakMeter` gives them.
    sample_rate : int
        Hz.
    """
    highest = float(peaks.max(initial=0.0))
    if loudness is None or highest == 0.0:
        return NEUTRAL
    gain_db = min(TARGET_LUFS - loudness, CEILING_DB + MAX_REDUCTION_DB - factor_to_db(highest), MAX_GAIN_DB)
    gain = float(db_to_factor(gain_db))
    ceiling = float(db_to_factor(CEILING_DB))
    if gain * highest <= ceiling:
        return Levelling(gain=gain, reduction=None)
    allowed = np.minimum(1.0, ceiling / np.maximum(gain * peaks, ceiling))
    return Levelling(gain=gain, reduction=_smooth_reduction(allowed, sample_rate))


def _smooth_reduction(allowed: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """A slow gain curve that is nowhere above ``allowed``.

    The least allowed value is held over a neighbourhood, then averaged over a smaller one: every average holds only
    values that are low enough for the hop in the middle.
    """
    n_smooth = math.ceil(_HOLD_SECONDS * sample_rate / HOP)
    n_hold = n_smooth + 1
    padded = np.pad(allowed, n_hold + n_smooth, constant_values=1.0)
    held = np.lib.stride_tricks.sliding_window_view(padded, 2 * n_hold).min(axis=1)  # around the edges of the hops
    window = np.hanning(2 * n_smooth + 3)[1:-1]
    smooth = np.convolve(held, window / window.sum(), mode="valid")
    return np.minimum(smooth, 1.0).astype(np.float32)


def ramps(knots: NDArray[np.float32], hop: int) -> NDArray[np.float32]:
    """Straight lines of ``hop`` samples from knot to knot.

    Parameters
    ----------
    knots : NDArray[np.float32] [shape=(n + 1,)]
        Values at the edges.
    hop : int
        Samples between two of them.

    Returns
    -------
    NDArray[np.float32] [shape=(n * hop,)]
    """
    rise = np.arange(hop, dtype=np.float32) / np.float32(hop)
    lines = knots[:-1, None] + np.diff(knots)[:, None] * rise[None, :]
    return np.asarray(lines.reshape(-1))
