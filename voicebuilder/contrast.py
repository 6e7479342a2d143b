"""Measures how much regression has smoothed the formants, and makes the linear filter that undoes it.

**Conventions**: the filter acts on harmonic envelopes, over mel bins, as a gain per quefrency.
"""

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from voicebuilder.acoustic import AcousticNet
from voicebuilder.compose import pair_means
from voicebuilder.spectra import N_MELS
from voicebuilder.training import Sampler

STRENGTH: Final = 0.5
LARGEST_GAIN: Final = 1.25
LAST_QUEFRENCY: Final = 36


def dct_matrix() -> NDArray[np.float64]:
    """Orthonormal DCT-II over mel bins, [shape=(N_MELS, N_MELS)]."""
    n = np.arange(N_MELS)
    matrix = np.sqrt(2.0 / N_MELS) * np.cos(np.pi * np.outer(n, n + 0.5) / N_MELS)
    matrix[0] /= np.sqrt(2.0)
    return matrix


def measure_contrast(net: AcousticNet, sampler: Sampler, *, batches: int = 6) -> NDArray[np.float32]:
    """Compare predicted with composed envelopes and return the filter, [shape=(N_MELS, N_MELS)]."""
    dct = dct_matrix()
    predicted, natural = [], []
    with torch.no_grad():
        for step in range(batches):
            _, targets = sampler.draw(step, 3)
            for target in targets:
                sure = target.weight > 0
                if sure.sum() < 8:
                    continue
                speaker = net.speakers(torch.tensor([[sampler.speaker_id(target)]])).expand(-1, len(target.weight), -1)
                tokens, durations = (torch.from_numpy(x)[None] for x in (target.tokens, target.durations))
                harmonic, _ = net(tokens, durations, speaker)
                predicted.append(harmonic[0].numpy()[sure] @ dct.T)
                natural.append(pair_means(target.harmonic)[sure] @ dct.T)
    ratio = np.concatenate(natural).std(0) / np.maximum(np.concatenate(predicted).std(0), 1e-3)
    gain = np.clip(ratio, 1.0, None) ** STRENGTH
    gain = np.minimum(gain, LARGEST_GAIN)
    gain[:3] = 1.0
    gain[LAST_QUEFRENCY:] = 1.0
    return (dct.T @ (gain[:, None] * dct)).astype(np.float32)
