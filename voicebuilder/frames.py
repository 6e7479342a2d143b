"""From tokens to frames inside a graph: which token a frame belongs to, where in it, and an encoder of timed phones.

**Conventions**: batch first; lengths and positions in frames of 11.6 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from voicebuilder.layers import ConvNextBlock
from voicebuilder.symbols import BREATH, IDS, SILENCE, SYMBOLS, VOICELESS, is_vowel

ENCODER_SIZE: Final = 256
"""Width of ``encoder_out`` and of the speaker vectors of the stages that use :class:`PhonemeEncoder`."""
N_PLAIN: Final = 3
"""Channels of ``encoder_out`` that are no features but facts: 1 for a vowel, for a rest, for a voiceless phone."""
N_POSITION: Final = 8


@dataclass(frozen=True, slots=True)
class Spread:
    """Which item of a sequence each frame lies in, and where; all [shape=(batch, n_frames)].

    ``after`` and ``before`` count frames from the item's beginning and to its end, to the middle of a frame.
    """

    index: Tensor
    after: Tensor
    before: Tensor
    length: Tensor

    def take(self, values: Tensor) -> Tensor:
        """Values of items, [shape=(batch, n_items)] or [shape=(batch, n_items, channels)], at their frames."""
        if values.dim() == 2:
            return torch.gather(values, 1, self.index)
        return torch.gather(values, 1, self.index[..., None].expand(-1, -1, values.shape[2]))

    def positions(self) -> Tensor:
        """Where in its item a frame lies, as :data:`N_POSITION` features that stop moving far from either end."""
        share = torch.clamp(self.after / torch.clamp(self.length, min=1.0), max=1.0)
        near = [torch.exp(-x / reach) for reach in (3.0, 12.0) for x in (self.after, self.before)]
        long = torch.log1p(self.length) * 0.2
        return torch.stack([share, 1.0 - share, *near, long, torch.sin(torch.pi * share)], 2)


def spread(durations: Tensor, like: Tensor) -> Spread:
    """Lay items end to end.

    Parameters
    ----------
    durations : Tensor [shape=(batch, n_items)] int64
        Frames of each item; 0 for the padding of a batch.
    like : Tensor [shape=(batch, n_frames)] float
        Gives the number of frames; those after the last item belong to it.
    """
    ends = torch.cumsum(durations, 1).to(like.dtype)
    clock = torch.cumsum(torch.ones_like(like), 1) - 1.0
    index = (clock[:, :, None] >= ends[:, None, :]).to(torch.int64).sum(2)
    index = torch.minimum(index, torch.ones_like(index) * (durations.shape[1] - 1))
    length = torch.gather(durations.to(like.dtype), 1, index)
    end = torch.gather(ends, 1, index)
    after = clock - (end - length) + 0.5
    return Spread(index, after, torch.clamp(length - after, min=0.0), length)


def plain_channels() -> Tensor:
    """The facts about each symbol, [shape=(n_symbols, N_PLAIN)]."""
    plain = torch.zeros(len(SYMBOLS), N_PLAIN)
    for symbol, i in IDS.items():
        plain[i, 0] = float(is_vowel(symbol))
        plain[i, 1] = float(symbol in (SILENCE, BREATH))
        plain[i, 2] = float(symbol in VOICELESS)
    return plain


class PhonemeEncoder(nn.Module):
    """``linguistic.onnx`` in phoneme mode: phones of known lengths."""

    def __init__(self, *, width: int = 96, layers: int = 3) -> None:
        super().__init__()
        self.register_buffer("plain", plain_channels())
        self.embedding = nn.Embedding(len(SYMBOLS), width)
        self.length = nn.Linear(1, width)
        self.blocks = nn.ModuleList(ConvNextBlock(width, 5, 2) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, ENCODER_SIZE - N_PLAIN)

    def forward(self, tokens: Tensor, ph_dur: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``encoder_out`` [shape=(batch, n_tokens, ENCODER_SIZE)] and ``x_masks`` (True where padding).

        Parameters
        ----------
        tokens, ph_dur : Tensor [shape=(batch, n_tokens)] int64
            Ids, and frames of each.
        """
        present = (tokens != 0).float()[..., None]
        x = self.embedding(tokens) + self.length(torch.log1p(ph_dur.float())[..., None] * 0.5)
        for block in self.blocks:
            x = block(x * present)
        out = torch.cat([self.plain[tokens], self.out(self.norm(x))], 2)
        return out * present, tokens == 0


def pad(rows: Sequence[NDArray]) -> Tensor:
    """Rows of different lengths as one tensor, [shape=(n_rows, longest, ...)], filled with 0."""
    out = np.zeros((len(rows), max(map(len, rows)), *rows[0].shape[1:]), rows[0].dtype)
    for i, row in enumerate(rows):
        out[i, : len(row)] = row
    return torch.from_numpy(out)
