"""Building blocks that both networks share.

**Conventions**: features last, [shape=(batch, n_frames, channels)].
"""

import torch
from torch import Tensor, nn

from voicebuilder.spectra import COMB_LOWEST_HZ, COMB_ROWS, COMB_STEP_CENTS


class ConvNextBlock(nn.Module):
    """Depthwise convolution over time, then a two-layer perceptron per frame, added to the input."""

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, expansion * width)
        self.down = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.3))

    def forward(self, x: Tensor) -> Tensor:
        """Map [shape=(batch, n_frames, width)] to the same shape."""
        y = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        y = self.down(nn.functional.gelu(self.up(self.norm(y))))
        return x + self.scale * y


def comb_lookup(table: Tensor, f0: Tensor) -> Tensor:
    """Look up the log mel of a unit-power pulse train at a pitch per frame.

    Parameters
    ----------
    table : Tensor [shape=(COMB_ROWS, N_MELS)]
    f0 : Tensor [shape=(batch, n_frames)] Hz

    Returns
    -------
    Tensor [shape=(batch, n_frames, N_MELS)]
    """
    octaves = torch.log(torch.clamp(f0, min=1.0) / COMB_LOWEST_HZ) * 1.4426950408889634
    position = torch.clamp(octaves * (1200.0 / COMB_STEP_CENTS), 0.0, COMB_ROWS - 1.001)
    low = torch.floor(position)
    part = (position - low)[..., None]
    row = low.to(torch.int64)
    return table[row] * (1.0 - part) + table[row + 1] * part
