"""The frame grids of a phrase: every stage of a voicebank may have one of its own.

Conventions
-----------
A grid is a :class:`~cantilena.singing.results.PhonemeTiming`. On another grid the silence at either end keeps its
number of frames, and everything between stays where it is in time, to the nearest frame; curves pass from grid to grid
by time, never by index.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cantilena.singing.results import read_only

if TYPE_CHECKING:
    from cantilena.singing.results import PhonemeTiming


def on_grid(timing: PhonemeTiming, frame_seconds: float) -> PhonemeTiming:
    """The same phonemes on a grid of frames of another length.

    Parameters
    ----------
    timing : PhonemeTiming
        Padded with silence at either end.
    frame_seconds : float
        Length of a frame of the other grid.

    Returns
    -------
    PhonemeTiming
        Every phoneme has a frame at least.
    """
    if frame_seconds == timing.frame_seconds:
        return timing
    head, tail = timing.durations[0], timing.durations[-1]
    seconds = np.concatenate([[0], np.cumsum(timing.durations[1:-1])]) * timing.frame_seconds
    edges = np.rint(seconds / frame_seconds).astype(np.int64)
    sung = np.diff(keep_apart(edges, np.ones(len(edges) - 1, dtype=np.int64)))
    return replace(
        timing,
        durations=read_only(np.concatenate([[head], sung, [tail]]).astype(np.int64)),
        frame_seconds=frame_seconds,
        offset=timing.offset + float(head) * (timing.frame_seconds - frame_seconds),
    )


def resample(curve: NDArray[Any], *, source: PhonemeTiming, target: PhonemeTiming) -> NDArray[np.float32]:
    """A curve on one grid of a phrase as a curve on another, linear in time and constant beyond its ends."""
    values = np.asarray(curve, dtype=np.float32).reshape(-1)
    if source is target:
        return values
    return np.interp(target.frame_times, source.frame_times, values).astype(np.float32)


def keep_apart(edges: NDArray[np.int64], least: NDArray[np.int64]) -> NDArray[np.int64]:
    """Move edges as little as needed for each distance to reach its least; the first edge stays.

    Examples
    --------
    >>> keep_apart(np.array([0, 5, 5, 9]), np.array([1, 1, 1])).tolist()
    [0, 4, 5, 9]
    """
    apart = edges.copy()
    for k in range(len(apart) - 2, 0, -1):
        apart[k] = min(apart[k], apart[k + 1] - least[k])
    for k in range(1, len(apart)):
        apart[k] = max(apart[k], apart[k - 1] + least[k - 1])
    return apart
