"""How loud a programme is: integrated loudness by ITU-R BS.1770-4, measured in a stream.

Conventions
-----------
Mono, one channel of weight 1. A full-scale 997 Hz sine measures -3.01 LUFS. Blocks of 400 ms overlap by 75 %, gated at
-70 LUFS and then 10 LU below the mean of what is left.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

ABSOLUTE_GATE_LUFS: Final = -70.0
RELATIVE_GATE_LU: Final = 10.0

_OFFSET_LU: Final = -0.691
_STEP_SECONDS: Final = 0.1
_STEPS_PER_BLOCK: Final = 4

# The two K-weighting biquads of BS.1770-4, tables 1 and 2, given there for 48 kHz.
_TABLE_RATE: Final = 48_000
_SHELF: Final = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS: Final = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))

# The weighting's impulse response has fallen by 170 dB after this time: its filter may be applied as a short one.
_RESPONSE_SECONDS: Final = 0.093
_FFT_GRAIN: Final = 4096


class LoudnessMeter:
    """Integrated loudness of samples that come in pieces.

    Parameters
    ----------
    sample_rate : int
        Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._sample_rate = sample_rate
        self._overlap = _round_up(math.ceil(_RESPONSE_SECONDS * sample_rate), _FFT_GRAIN)
        self._past: NDArray[np.float32] = np.zeros(self._overlap, dtype=np.float32)
        self._response: NDArray[np.complex64] = np.zeros(0, dtype=np.complex64)
        self._step = round(_STEP_SECONDS * sample_rate)
        self._rest: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._powers: list[float] = []

    def add(self, samples: NDArray[np.float32]) -> None:
        """Hear the next samples [shape=(n,)]; pieces of a second or so are fastest."""
        weighted = np.concatenate((self._rest, self._weight(samples)))
        n_steps = len(weighted) // self._step
        steps = weighted[: n_steps * self._step].reshape(n_steps, self._step)
        self._powers += np.square(steps).mean(axis=1, dtype=np.float64).tolist()
        self._rest = weighted[n_steps * self._step :]

    def integrated(self) -> float | None:
        """Loudness in LUFS of everything heard; None for silence.

        What is shorter than one 400 ms block is taken as one block of its own length.
        """
        powers = np.asarray(self._powers)
        if len(powers) < _STEPS_PER_BLOCK:
            blocks = np.array([self._power_of_all()])
        else:
            blocks = np.lib.stride_tricks.sliding_window_view(powers, _STEPS_PER_BLOCK).mean(axis=1)
        audible = blocks[blocks > _lufs_to_power(ABSOLUTE_GATE_LUFS)]
        if not len(audible):
            return None
        gate = audible.mean() * 10.0 ** (-RELATIVE_GATE_LU / 10.0)
        return _power_to_lufs(float(audible[audible > gate].mean()))

    def _power_of_all(self) -> float:
        n_samples = len(self._powers) * self._step + len(self._rest)
        energy = sum(self._powers) * self._step + float(np.square(self._rest).sum(dtype=np.float64))
        return energy / n_samples if n_samples else 0.0

    def _weight(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """K-weight the next samples by overlap-save; recursion sample by sample would be a hundred times slower."""
        heard = np.concatenate((self._past, samples))
        size = _round_up(len(heard), _FFT_GRAIN)
        if len(self._response) != size // 2 + 1:
            self._response = _k_weighting(size, self._sample_rate)
        weighted = np.fft.irfft(np.fft.rfft(heard, size) * self._response, size)
        self._past = heard[-self._overlap :]
        return np.asarray(weighted[self._overlap : len(heard)], dtype=np.float32)


def _k_weighting(fft_size: int, sample_rate: int) -> NDArray[np.complex64]:
    """Frequency response of the K-weighting on the bins of a real FFT.

    The standard gives its filters for 48 kHz only. Both are bilinear transforms of analogue ones, so at another rate
    the response at one frequency is that of the table at the frequency which the transform bends to the same place.
    """
    angle = np.pi * np.arange(fft_size // 2 + 1) / fft_size  # half the angular frequency; the last one is pi / 2
    bent = np.arctan(np.tan(angle) * sample_rate / _TABLE_RATE)
    z = np.exp(-2j * bent)
    response = np.ones(len(z), dtype=np.complex128)
    for numerator, denominator in (_SHELF, _HIGH_PASS):
        response *= np.polyval(numerator[::-1], z) / np.polyval(denominator[::-1], z)
    return response.astype(np.complex64)


def _power_to_lufs(power: float) -> float:
    return _OFFSET_LU + 10.0 * math.log10(power)


def _lufs_to_power(lufs: float) -> float:
    return float(10.0 ** ((lufs - _OFFSET_LU) / 10.0))


def _round_up(n: int, grain: int) -> int:
    return -(-n // grain) * grain
