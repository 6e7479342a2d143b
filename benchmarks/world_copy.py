"""Copies of recordings by the vocoder WORLD: what a voice loses that way is a measure of how much there was to lose."""

from __future__ import annotations

import numpy as np
import pyworld
from numpy.typing import NDArray


def copy_by_world(
    samples: NDArray[np.float64], sample_rate: int, times: NDArray[np.float64], f0: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Analyse a recording and synthesise it again.

    Parameters
    ----------
    samples : NDArray[np.float64] [shape=(n_samples,)]
    sample_rate : int
        Hz.
    times, f0 : NDArray[np.float64] [shape=(n_frames,)]
        Seconds, equally spaced, and Hz, 0 where unvoiced.

    Returns
    -------
    NDArray[np.float64] [shape=(n,)]
        Of the same rate, and about as long.
    """
    envelope = pyworld.cheaptrick(samples, f0, times, sample_rate)
    aperiodicity = pyworld.d4c(samples, f0, times, sample_rate)
    copy: NDArray[np.float64] = pyworld.synthesize(
        f0, envelope, aperiodicity, sample_rate, frame_period=float(times[1] - times[0]) * 1000
    )
    return copy
