"""The vocoder: a network that splits a mel into two filters, and a source-filter synthesiser in plain arithmetic.

The network turns (mel, pitch) back into a harmonic and a noise envelope at twice the frame rate. An exact band-limited
pulse train goes through the first, white noise through the second, both as minimum-phase filters by overlap-add of
discrete Fourier transforms written as convolutions, so that the whole is one ONNX graph without complex numbers.

**Conventions**: mel in natural log, [shape=(batch, n_frames, N_MELS)]; f0 in Hz, never 0; waveform at 44.1 kHz,
``n_frames * HOP_SIZE`` samples.
"""

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.layers import ConvNextBlock, comb_lookup
from voicebuilder.spectra import (
    LOG_FLOOR,
    N_MELS,
    SAMPLE_RATE,
    SUB_HOP_SIZE,
    comb_table,
    filter_matrices,
    noise_level,
)

DFT_SIZE: Final = 1024
WINDOW_SIZE: Final = 512
SOURCE_TOP_HZ: Final = 18500.0
"""No harmonic is drawn above this frequency."""
JITTER: Final = 0.002
SHIMMER: Final = 0.02
PULSED_NOISE: Final = 0.45
"""How deeply the noise of voiced sounds follows the pulses, 0 to 1."""


class VocoderNet(nn.Module):
    """Convolutional network from a mel and a pitch to harmonic and noise envelopes per sub-frame."""

    def __init__(self, *, width: int = 160, layers: int = 3) -> None:
        super().__init__()
        self.register_buffer("comb", torch.from_numpy(comb_table()), persistent=False)
        self.register_buffer("noise_level", torch.from_numpy(noise_level()).float(), persistent=False)
        self.mel_in = nn.Linear(2 * N_MELS + 3, width)
        self.blocks = nn.Sequential(*(ConvNextBlock(width, 5, 2) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, 4 * N_MELS)
        with torch.no_grad():
            self.out.weight.mul_(0.1)
            self.out.bias.zero_()

    def forward(self, mel: Tensor, f0: Tensor) -> tuple[Tensor, Tensor]:
        """Return harmonic and noise envelopes, each [shape=(batch, 2 * n_frames, N_MELS)]."""
        octave = torch.log(torch.clamp(f0, min=20.0) / 220.0)[..., None] * 1.4426950408889634
        flat = torch.clamp(mel - comb_lookup(self.comb, f0), -12.0, 6.0)
        features = [0.25 * mel + 1.0, 0.25 * flat + 1.0, octave, torch.sin(3.0 * octave), torch.cos(3.0 * octave)]
        x = self.mel_in(torch.cat(features, 2))
        x = self.out(self.norm(self.blocks(x)))
        base = mel - self.noise_level
        x = x + torch.cat([base, base, base, base], 2)
        n_sub = [x.shape[0], -1, 2 * N_MELS]
        x = torch.clamp(x.reshape(n_sub), LOG_FLOOR, 4.0)
        harmonic, noise = x.split(N_MELS, 2)
        before = torch.cat([harmonic[:, :1], harmonic[:, :-1]], 1)
        after = torch.cat([harmonic[:, 1:], harmonic[:, -1:]], 1)
        return 0.25 * (before + after) + 0.5 * harmonic, noise  # or both halves of a frame ring at the frame rate


def _analysis_basis() -> Tensor:
    n = np.arange(WINDOW_SIZE)
    window = np.hanning(WINDOW_SIZE + 1)[:-1]
    angle = 2.0 * np.pi * np.outer(np.arange(DFT_SIZE // 2 + 1), n) / DFT_SIZE
    basis = np.concatenate([np.cos(angle) * window, -np.sin(angle) * window])
    return torch.from_numpy(basis.astype(np.float32))[:, None, :]


def _synthesis_basis() -> Tensor:
    n = np.arange(DFT_SIZE)
    angle = 2.0 * np.pi * np.outer(np.arange(DFT_SIZE // 2 + 1), n) / DFT_SIZE
    scale = np.full((DFT_SIZE // 2 + 1, 1), 2.0 / DFT_SIZE)
    scale[0] = scale[-1] = 1.0 / DFT_SIZE
    basis = np.concatenate([np.cos(angle) * scale, -np.sin(angle) * scale])
    return torch.from_numpy(basis.astype(np.float32))[:, None, :]


class VocoderGraph(nn.Module):
    """What the vocoder's ONNX file holds: the network, the pulse train, the noise and the two filters."""

    def __init__(self, net: VocoderNet) -> None:
        super().__init__()
        self.net = net
        magnitude, phase = filter_matrices(DFT_SIZE)
        self.register_buffer("magnitude", torch.from_numpy(magnitude[:, :-1].T.copy()), persistent=False)
        self.register_buffer("magnitude_0", torch.from_numpy(magnitude[:, -1].copy()), persistent=False)
        self.register_buffer("phase", torch.from_numpy(phase[:, :-1].T.copy()), persistent=False)
        self.register_buffer("phase_0", torch.from_numpy(phase[:, -1].copy()), persistent=False)
        self.register_buffer("analysis", _analysis_basis(), persistent=False)
        self.register_buffer("synthesis", _synthesis_basis(), persistent=False)
        ramp = np.arange(SUB_HOP_SIZE, dtype=np.float64)
        self.register_buffer("ramp", torch.from_numpy((ramp / SAMPLE_RATE).astype(np.float32)), persistent=False)
        self.register_buffer(
            "bend",
            torch.from_numpy((ramp**2 / (2.0 * SUB_HOP_SIZE) / SAMPLE_RATE).astype(np.float32)),
            persistent=False,
        )

    def pulses(self, f0: Tensor, unrest: Tensor) -> tuple[Tensor, Tensor]:
        """Draw the pulse train.

        Parameters
        ----------
        f0 : Tensor [shape=(batch, n_frames)] Hz
        unrest : Tensor [shape=(batch, 2 * n_frames)]
            Unit normal deviates, one per half frame, for jitter and shimmer.

        Returns
        -------
        tuple of Tensor
            Pulses of unit power, and their phase in cycles, each [shape=(batch, 2 * n_frames, SUB_HOP_SIZE)].
        """
        f0 = torch.clamp(f0, min=30.0)
        previous = torch.cat([f0[:, :1], f0[:, :-1]], 1)
        following = torch.cat([f0[:, 1:], f0[:, -1:]], 1)
        before, after = 0.5 * (previous + f0), 0.5 * (f0 + following)
        start = torch.stack([before, f0], 2).reshape(f0.shape[0], -1)  # pitch at both ends of every half frame
        end = torch.stack([f0, after], 2).reshape(f0.shape[0], -1)
        jitter = 1.0 + JITTER * torch.clamp(unrest, -2.5, 2.5)
        start, end = start * jitter, end * jitter
        cycles = ((start + end) * (0.5 * SUB_HOP_SIZE / SAMPLE_RATE)).double()
        total = torch.cumsum(cycles, 1) - cycles
        offset = (total - torch.floor(total)).float()
        phase = offset[..., None] + start[..., None] * self.ramp + (end - start)[..., None] * self.bend
        phase = phase - torch.floor(phase + 0.5)
        n_harmonics = torch.floor(SOURCE_TOP_HZ / torch.maximum(start, end))[..., None]
        order = 2.0 * n_harmonics + 1.0
        sine = torch.sin(math.pi * phase)
        near = torch.abs(phase) < 1e-5
        kernel = torch.where(
            near,
            order.expand_as(phase),
            torch.sin(math.pi * order * phase) / torch.where(near, torch.ones_like(sine), sine),
        )
        level = (1.0 + SHIMMER * torch.clamp(unrest.flip(1), -2.5, 2.5))[..., None]
        return level * (kernel - 1.0) / torch.sqrt(2.0 * n_harmonics), phase

    def breathe(self, white: Tensor, phase: Tensor, harmonic: Tensor, noise: Tensor) -> Tensor:
        """Let the noise of voiced sounds swell and fade with the glottal pulses; shapes as ``phase``."""
        lead = (harmonic[:, :, :60] - noise[:, :, :60]).mean(2, keepdim=True)
        depth = PULSED_NOISE * torch.sigmoid(2.0 * lead)
        return white * (1.0 + depth * torch.cos(2.0 * math.pi * phase)) / torch.sqrt(1.0 + 0.5 * depth * depth)

    def response(self, envelope: Tensor) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of the minimum-phase filter, each [shape=(batch, DFT_SIZE // 2 + 1, n_sub)]."""
        gain = torch.exp(envelope @ self.magnitude + self.magnitude_0).transpose(1, 2)
        angle = (envelope @ self.phase + self.phase_0).transpose(1, 2)
        return gain * torch.cos(angle), gain * torch.sin(angle)

    def synthesise(self, harmonic: Tensor, noise: Tensor, pulses: Tensor, white: Tensor) -> Tensor:
        """Filter both sources and add them, [shape=(batch, n_samples)]."""
        sources = torch.cat([pulses, white], 0)[:, None]
        spectra = nn.functional.conv1d(sources, self.analysis, stride=SUB_HOP_SIZE, padding=WINDOW_SIZE // 4)
        half = DFT_SIZE // 2 + 1
        pulse, noisy = spectra.chunk(2, 0)
        pulse_re, pulse_im = pulse[:, :half], pulse[:, half:]
        white_re, white_im = noisy[:, :half], noisy[:, half:]
        a_re, a_im = self.response(harmonic)
        b_re, b_im = self.response(noise)
        re = pulse_re * a_re - pulse_im * a_im + white_re * b_re - white_im * b_im
        im = pulse_re * a_im + pulse_im * a_re + white_re * b_im + white_im * b_re
        out = nn.functional.conv_transpose1d(torch.cat([re, im], 1), self.synthesis, stride=SUB_HOP_SIZE)
        lead, tail = WINDOW_SIZE // 4, DFT_SIZE - SUB_HOP_SIZE - WINDOW_SIZE // 4
        return out[:, 0, lead:-tail]

    def forward(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Return the waveform, [shape=(batch, n_frames * HOP_SIZE)]."""
        harmonic, noise = self.net(mel, f0)
        n = f0.shape[0]
        blocks = f0[:, :, None].expand(-1, -1, 2 * SUB_HOP_SIZE)
        white = torch.randn_like(blocks.reshape(n, -1)).reshape(n, -1, SUB_HOP_SIZE)
        pulses, phase = self.pulses(f0, white[:, :, 0])
        white = self.breathe(white, phase, harmonic, noise)
        return self.synthesise(harmonic, noise, pulses.reshape(n, -1), white.reshape(n, -1))
