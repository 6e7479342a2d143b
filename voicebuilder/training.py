"""Draws the composed targets that stages are trained on, and measures how far predicted envelopes are from them.

**Conventions**: every draw comes from a generator seeded by ``TrainingOptions.seed``, a stream and the step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from voicebuilder.analysis import Envelopes
from voicebuilder.compose import Target, compose
from voicebuilder.spectra import N_MELS


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """What the targets of a step are: how many, how long (frames), and the seed of their draws."""

    batch: int = 8
    frames: int = 240
    seed: int = 20260


class Sampler:
    """Draws composed targets, the same ones for the same seed and step."""

    def __init__(self, lines: Sequence[Envelopes], speakers: Sequence[str], options: TrainingOptions) -> None:
        self._lines = [line for line in lines if line.voice in speakers]
        self._speakers = list(speakers)
        self._options = options
        if not self._lines:
            raise ValueError("no analysed lines of these voices in the work folder; run prepare first")

    def draw(self, step: int, stream: int) -> tuple[np.random.Generator, list[Target]]:
        """Draw the targets of one step."""
        o = self._options
        rng = np.random.default_rng([o.seed, stream, step])
        picks = rng.integers(0, len(self._lines), o.batch)
        return rng, [compose(rng, self._lines[i], max_frames=o.frames) for i in picks]

    def speaker_id(self, target: Target) -> int:
        """Index of a target's speaker."""
        return self._speakers.index(target.voice)


def pad(rows: Sequence[np.ndarray], length: int, value: float) -> Tensor:
    """Stack arrays of unlike lengths, [shape=(len(rows), length, ...)], filled with ``value``."""
    out = np.full((len(rows), length, *rows[0].shape[1:]), value, rows[0].dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row[:length]
    return torch.from_numpy(out)


def envelope_loss(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean absolute error of an envelope and of its slopes in time and frequency.

    Parameters
    ----------
    predicted, target : Tensor [shape=(batch, n_frames, N_MELS)]
    weight : Tensor [shape=(batch, n_frames)]
    """
    bins = torch.ones(N_MELS, device=predicted.device)
    bins[60:] = 0.7
    w = weight[..., None] * bins
    error = (predicted - target) * w
    total = error.abs().sum()
    total = total + 0.3 * (error[:, 1:] - error[:, :-1]).abs().sum()
    return (total + 0.5 * (error[:, :, 2:] - error[:, :, :-2]).abs().sum()) / w.sum()
