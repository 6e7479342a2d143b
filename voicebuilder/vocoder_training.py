"""Trains the vocoder: on natural waveforms by their spectrograms, and on composed envelopes at sung pitches.

Natural waveforms teach how much of a sound is noise and what the filters must look like to sound as it did; composed
targets keep the network exact at pitches and lengths that nobody spoke.

**Conventions**: mel in natural log, [shape=(batch, n_frames, N_MELS)]; waveforms at 44.1 kHz.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.analysis import Envelopes
from voicebuilder.compose import pair_means
from voicebuilder.layers import comb_lookup
from voicebuilder.spectra import FFT_SIZE, HOP_SIZE, log_mel
from voicebuilder.training import Sampler, envelope_loss, pad
from voicebuilder.vocoder import VocoderGraph, VocoderNet
from voicebuilder.waveforms import Recording

DFT_SIZES: Final = (2048, 1024, 512, 256)
CROP_FRAMES: Final = 64
MARGIN_FRAMES: Final = FFT_SIZE // HOP_SIZE
NATURAL_BATCH: Final = 6
NATURAL_MEL_SHARE: Final = 0.4
"""Share of the natural waveforms whose mel is measured; that of the others is composed, as the acoustic model does."""
ENVELOPE_WEIGHT: Final = 0.4
MEL_FLOOR: Final = -11.512925


class VocoderStage(nn.Module):
    """The vocoder's network within its synthesiser."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = VocoderGraph(VocoderNet())


def spectral_loss(sound: Tensor, natural: Tensor) -> Tensor:
    """Distance of spectrograms at several resolutions: spectral convergence and mean error of log magnitudes.

    Parameters
    ----------
    sound, natural : Tensor [shape=(batch, n_samples)]
    """
    total = sound.new_zeros(())
    for size in DFT_SIZES:
        window = torch.hann_window(size, device=sound.device)
        a, b = (torch.stft(x, size, size // 4, size, window, return_complex=True).abs() for x in (sound, natural))
        convergence = torch.linalg.norm(a - b) / torch.linalg.norm(a + b)
        floor = 1e-4 * size**0.5
        total = total + convergence + (torch.log(a + floor) - torch.log(b + floor)).abs().mean()
    return total / len(DFT_SIZES)


def random_pitch(rng: np.random.Generator, n_frames: int) -> np.ndarray:
    """Draw a sung-like pitch curve, [shape=(n_frames,)] Hz: notes, glides, vibrato, MIDI 36 to 84."""
    steps = np.empty(n_frames)
    centre, at = rng.uniform(40, 79), 0
    while at < n_frames:
        length = int(rng.integers(8, 90))
        steps[at : at + length] = np.clip(centre + rng.normal(0, 4), 36, 84)
        at += length
    kernel = np.hanning(int(rng.integers(5, 12)) + 2)[1:-1]
    half = len(kernel) // 2
    smooth = np.convolve(np.pad(steps, (half, len(kernel) - 1 - half), "edge"), kernel / kernel.sum(), "valid")
    rate = rng.uniform(4.5, 6.5) * 2 * np.pi * 512 / 44100
    smooth += rng.uniform(0, 0.6) * np.sin(rate * np.arange(n_frames) + rng.uniform(0, 6.28))
    return 440.0 * 2.0 ** ((smooth - 69.0) / 12.0)


class VocoderLoss:
    """Loss of a :class:`VocoderStage` on natural waveforms and on composed targets.

    Parameters
    ----------
    sampler : Sampler
        Draws the composed targets.
    lines : sequence of Envelopes
    recordings : sequence of Recording
        The waveforms of ``lines``, in the same order.
    seed : int
    """

    def __init__(
        self, sampler: Sampler, lines: Sequence[Envelopes], recordings: Sequence[Recording], *, seed: int
    ) -> None:
        if len(lines) != len(recordings):
            raise ValueError(f"{len(recordings)} recordings for {len(lines)} analysed lines; run prepare again")
        long = [len(r.f0) // 2 >= CROP_FRAMES + 2 * MARGIN_FRAMES for r in recordings]
        self._pairs = [pair for pair, enough in zip(zip(lines, recordings, strict=True), long, strict=True) if enough]
        if not self._pairs:
            raise ValueError(f"no recording is {CROP_FRAMES + 2 * MARGIN_FRAMES} frames long")
        self._sampler, self._seed = sampler, seed

    def natural(self, rng: np.random.Generator, comb: Tensor, noise_level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw crops of natural waveforms: mel, f0 and samples."""
        mels, pitches, sounds = [], [], []
        margin = MARGIN_FRAMES
        for pick in rng.integers(0, len(self._pairs), NATURAL_BATCH):
            line, recording = self._pairs[pick]
            first = int(rng.integers(margin, len(recording.f0) // 2 - CROP_FRAMES - margin + 1))
            gain = float(rng.uniform(-0.8, 0.5))
            a, b = first * HOP_SIZE, (first + CROP_FRAMES) * HOP_SIZE
            around = recording.samples[a - margin * HOP_SIZE : b + margin * HOP_SIZE].astype(np.float64) / 32768.0
            f0 = np.sqrt(recording.f0[2 * first : 2 * (first + CROP_FRAMES)].reshape(-1, 2).prod(1))
            if rng.random() < NATURAL_MEL_SHARE:
                mel = log_mel(around)[margin : margin + CROP_FRAMES] + gain
            else:
                part = slice(2 * first, 2 * (first + CROP_FRAMES))
                h, n = (torch.from_numpy(pair_means(e[part].astype(np.float32))) for e in (line.harmonic, line.noise))
                if rng.random() < 0.5:
                    h, n = _blurred(h[None])[0], _blurred(n[None])[0]
                pitch = torch.from_numpy(f0)[None]
                mel = composed_mel(h[None], n[None], pitch, comb, noise_level)[0].numpy() + gain
            mels.append(np.maximum(mel, MEL_FLOOR).astype(np.float32))
            pitches.append(f0)
            sounds.append((around[margin * HOP_SIZE : -margin * HOP_SIZE] * np.exp(gain)).astype(np.float32))
        mel, f0, sound = (torch.from_numpy(np.stack(x)) for x in (mels, pitches, sounds))
        return mel, f0, sound

    def composed(self, step: int, comb: Tensor, noise_level: Tensor) -> tuple[Tensor, ...]:
        """Compose mel, f0, harmonic, noise and weight; the pitch has nothing to do with the speech."""
        rng, targets = self._sampler.draw(step, 2)
        n_frames = max(len(t.weight) for t in targets)
        gains = rng.uniform(-0.8, 1.3, len(targets)).astype(np.float32)
        harmonic, noise = (
            pad([np.maximum(e + g, -10.0) for e, g in zip(rows, gains, strict=True)], 2 * n_frames, -10.0)
            for rows in ([t.harmonic for t in targets], [t.noise for t in targets])
        )
        f0 = torch.from_numpy(np.stack([random_pitch(rng, n_frames) for _ in targets]).astype(np.float32))
        h, n = (0.5 * (x[:, 0::2] + x[:, 1::2]) for x in (harmonic, noise))
        if rng.random() < 0.4:  # as the acoustic model draws it: no detail from frame to frame
            h, n = _blurred(h), _blurred(n)
        mel = composed_mel(h, n, f0, comb, noise_level)
        mel = torch.clamp(mel + torch.from_numpy(rng.normal(0.0, 0.05, mel.shape).astype(np.float32)), min=MEL_FLOOR)
        weight = pad([np.repeat(np.minimum(t.weight + 0.3, 1.0), 2) for t in targets], 2 * n_frames, 0.0)
        return mel, f0, harmonic, noise, weight

    def __call__(self, stage: nn.Module, step: int, device: torch.device) -> Tensor:
        """Return the loss of one step."""
        assert isinstance(stage, VocoderStage)
        net = stage.graph.net
        comb, noise_level = net.comb.cpu(), net.noise_level.cpu()
        rng = np.random.default_rng([self._seed, 3, step])
        mel, f0, sound = (x.to(device) for x in self.natural(rng, comb, noise_level))
        edge = 2 * HOP_SIZE
        loss = spectral_loss(stage.graph(mel, f0)[:, edge:-edge], sound[:, edge:-edge])
        mel, f0, harmonic, noise, weight = (x.to(device) for x in self.composed(step, comb, noise_level))
        h, n = net(mel, f0)
        return loss + ENVELOPE_WEIGHT * (envelope_loss(h, harmonic, weight) + envelope_loss(n, noise, weight))


def _blurred(x: Tensor) -> Tensor:
    """Mean of three frames, [shape=(batch, n_frames, N_MELS)]."""
    return nn.functional.avg_pool1d(x.transpose(1, 2), 3, 1, 1, count_include_pad=False).transpose(1, 2)


def composed_mel(harmonic: Tensor, noise: Tensor, f0: Tensor, comb: Tensor, noise_level: Tensor) -> Tensor:
    """Log mel of envelopes sung at ``f0``, as the acoustic graph computes it."""
    pulses = 2.0 * (harmonic + comb_lookup(comb, f0))
    return 0.5 * torch.logaddexp(pulses, 2.0 * (noise + noise_level))
