"""The level curves of a voice, measured on its envelopes: breathiness, voicing and tension as DiffSinger defines them.

Training targets, the variance model and the acoustic graph all take them from here, so that a curve means the same in
each. They are closed forms: a pulse train or noise of unit power through a filter has the filter's mean power.

**Conventions**: envelopes in natural log, [shape=(batch, n_frames, N_MELS)]; breathiness and voicing in dB below full
scale, -96 to 0; tension as a logit, -10 to 10.
"""

from functools import cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from voicebuilder.spectra import N_MELS, SAMPLE_RATE, mel_edges

LOWEST_DB: Final = -96.0
TENSION_LIMIT: Final = 10.0
SMOOTHING_FRAMES: Final = 5
SOURCE_TOP_HZ: Final = 18500.0
"""No harmonic is drawn above this frequency."""
DB_PER_NEPER: Final = 20.0 / float(np.log(10.0))


@cache
def band_shares() -> tuple[Tensor, Tensor]:
    """Share of each mel bin in the band of the pulses and of the noise, each [shape=(N_MELS,)], float32."""
    centres = mel_edges()[1:-1]
    walls = np.concatenate([[0.0], 0.5 * (centres[1:] + centres[:-1]), [16500.0]])
    widths = torch.from_numpy(np.diff(walls)).float()
    return widths / SOURCE_TOP_HZ, widths / (0.5 * SAMPLE_RATE)


def smooth(curve: Tensor) -> Tensor:
    """Smooth [shape=(batch, n_frames)] with DiffSinger's half-sine kernel of 0.06 s; the ends are held."""
    kernel = torch.sin(torch.pi * (torch.arange(SMOOTHING_FRAMES) + 0.5) / SMOOTHING_FRAMES).to(curve.device)
    side = SMOOTHING_FRAMES // 2
    held = torch.cat([curve[:, :1]] * side + [curve] + [curve[:, -1:]] * side, 1)
    return torch.nn.functional.conv1d(held[:, None], (kernel / kernel.sum())[None, None])[:, 0]


def level(envelope: Tensor, shares: Tensor) -> Tensor:
    """Level in dB of a unit-power source behind a filter, [shape=(batch, n_frames)], not smoothed."""
    power = (torch.exp(2.0 * envelope) * shares.to(envelope.device)).sum(2)
    return torch.clamp(4.3429448 * torch.log(power + 1e-10), LOWEST_DB, 0.0)


def _at(envelope: Tensor, f0: Tensor, centres: Tensor) -> Tensor:
    """Power of the envelope at the pitch, [shape=(batch, n_frames)]: bins weighted by their nearness to it."""
    near = torch.clamp(1.0 - torch.abs(centres - f0[..., None]) / 28.0, min=1e-6)
    return (torch.exp(2.0 * envelope) * near).sum(2) / near.sum(2)


def overtone_ratio(harmonic: Tensor, f0: Tensor) -> Tensor:
    """Natural log of the power of all overtones over that of the first harmonic, [shape=(batch, n_frames)]."""
    centres = torch.from_numpy(mel_edges()[1:-1].copy()).float().to(harmonic.device)
    shares = band_shares()[0].to(harmonic.device)
    pitch = torch.clamp(f0, min=55.0)
    first = _at(harmonic, pitch, centres) * pitch / SOURCE_TOP_HZ
    above = torch.clamp((centres - 1.5 * pitch[..., None]) / 28.0 + 0.5, 0.0, 1.0)
    rest = (torch.exp(2.0 * harmonic) * shares * above).sum(2)
    return torch.log(rest + 1e-10) - torch.log(first + 1e-10)


def tension_of_ratio(ratio: Tensor) -> Tensor:
    """Turn the log ratio of overtones to first harmonic into DiffSinger's tension."""
    share = torch.clamp(torch.sqrt(torch.sigmoid(ratio)), 1e-4, 1.0 - 1e-4)
    return torch.clamp(torch.log(share) - torch.log1p(-share), -TENSION_LIMIT, TENSION_LIMIT)


def ratio_of_tension(tension: Tensor) -> Tensor:
    """Undo :func:`tension_of_ratio`."""
    share = torch.clamp(torch.sigmoid(tension), 1e-4, 1.0 - 1e-4)
    power = share * share
    return torch.log(power) - torch.log1p(-power)


def curves(harmonic: Tensor, noise: Tensor, f0: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Measure breathiness (dB), voicing (dB) and tension (logit), each smoothed.

    Parameters
    ----------
    harmonic, noise : Tensor [shape=(batch, n_frames, N_MELS)]
    f0 : Tensor [shape=(batch, n_frames)] Hz
        Tension depends on it, as the first harmonic does.

    Returns
    -------
    tuple of Tensor, each [shape=(batch, n_frames)]
    """
    if harmonic.shape[2] != N_MELS:
        raise ValueError(f"envelopes have {harmonic.shape[2]} bins instead of {N_MELS}")
    for_pulses, for_noise = band_shares()
    return (
        smooth(level(noise, for_noise)),
        smooth(level(harmonic, for_pulses)),
        smooth(tension_of_ratio(overtone_ratio(harmonic, f0))),
    )
