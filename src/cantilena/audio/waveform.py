"""Sound as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Waveform:
    """Mono samples placed in time.

    Attributes
    ----------
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Nominal range -1..1.
    sample_rate : int
        Hz.
    offset : float
        Seconds from the score's first beat to the first sample; negative for what sounds before it.
    """

    samples: NDArray[np.float32]
    sample_rate: int
    offset: float
