"""The variance stage: breathiness, voicing and tension of every frame.

A network learns the curves that composed targets have; the graph lays the contour of a phrase over them: louder
upwards and on long vowels, an arch over the phrase, a soft beginning, an end that fades, and a level that moves with
the vibrato.

**Conventions**: batch first; breathiness and voicing in dB, tension as a logit, pitch in semitones (MIDI numbers),
frames of 11.6 ms.
"""

import math
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.compose import Target, pair_means
from voicebuilder.curves import curves
from voicebuilder.frames import ENCODER_SIZE, N_POSITION, PhonemeEncoder, Spread, pad, spread
from voicebuilder.layers import ConvNextBlock
from voicebuilder.pitch_net import kept_share
from voicebuilder.training import Sampler
from voicebuilder.vocoder_training import random_pitch

CURVES: Final = ("breathiness", "voicing", "tension")
"""What is predicted, in the order of the format."""
MEANS: Final = (-45.0, -25.0, 0.0)
SCALES: Final = (15.0, 15.0, 3.0)
LOWEST: Final = (-96.0, -96.0, -10.0)
HIGHEST: Final = (0.0, 0.0, 10.0)

PER_SEMITONE: Final = (0.45, 0.7, 0.07)
"""How much each curve rises for a semitone above the phrase's mean."""
MOST_SEMITONES: Final = 8.0
ARCH: Final = (2.0, 2.5, 0.25)
"""How far each curve lies above its mean at the height of a phrase, and below it at either end."""
ARCH_TOP: Final = 0.65
ARCH_FRAMES: Final = 350.0
"""A shorter phrase has less of an arch."""
LENGTH: Final = (1.0, 1.8, 0.15)
"""How much each curve rises for a vowel of three times the usual length, and falls for one of a third."""
USUAL_FRAMES: Final = 25.0
LENGTH_SMOOTHING: Final = 9
ONSET: Final = (0.0, -5.0, -0.5)
"""How each curve begins a phrase."""
ONSET_FRAMES: Final = 6.0
RELEASE: Final = (-3.0, -8.0, -0.8)
"""How each curve ends a phrase."""
RELEASE_FRAMES: Final = 7.0
TREMBLE: Final = (0.0, 2.4, 0.25)
"""How each curve moves for a semitone of vibrato."""
TREMBLE_MOST: Final = 0.3
TREMBLE_FRAMES: Final = 21
"""The pitch is compared with its mean over so many frames, a little more than a period of vibrato."""


class VarianceNet(nn.Module):
    """Curves of every frame, [shape=(batch, n_frames, len(CURVES))]."""

    def __init__(self, *, width: int = 80, layers: int = 3) -> None:
        super().__init__()
        self.encoded = nn.Linear(ENCODER_SIZE, width)
        self.position = nn.Linear(N_POSITION, width)
        self.pitch = nn.Linear(2, width)
        self.speaker = nn.Linear(ENCODER_SIZE, width)
        self.first = nn.Conv1d(width, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ConvNextBlock(width, 9, 2) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, len(CURVES))
        self.register_buffer("means", torch.tensor(MEANS))
        self.register_buffer("scales", torch.tensor(SCALES))

    def forward(self, phones: Spread, encoder_out: Tensor, pitch: Tensor, speaker: Tensor) -> Tensor:
        """Predict the curves, before the contour of the phrase; ``pitch`` [shape=(batch, n_frames)]."""
        height = (pitch - 57.0) / 12.0
        x = phones.take(self.encoded(encoder_out)) + self.position(phones.positions()) + self.speaker(speaker)
        x = x + self.pitch(torch.stack([height, height * height], 2))
        x = self.first(x.transpose(1, 2)).transpose(1, 2)
        return self.out(self.norm(self.blocks(x))) * self.scales + self.means


class VarianceGraph(nn.Module):
    """What ``variance.onnx`` holds."""

    def __init__(self, net: VarianceNet) -> None:
        super().__init__()
        self.net = net
        for name, values in (
            ("per_semitone", PER_SEMITONE), ("arch", ARCH), ("length", LENGTH), ("onset", ONSET), ("release", RELEASE),
            ("tremble", TREMBLE), ("lowest", LOWEST), ("highest", HIGHEST),
        ):  # fmt: skip
            self.register_buffer(name, torch.tensor(values))

    def contour(self, phones: Spread, encoder_out: Tensor, pitch: Tensor) -> Tensor:
        """What the phrase adds to each curve, [shape=(1, n_frames, len(CURVES))]."""
        here = phones.take(encoder_out)
        sung = (1.0 - here[:, :, 1]) * torch.ones_like(pitch)
        count = torch.clamp(sung.sum(1, keepdim=True), min=1.0)
        mean = (pitch * sung).sum(1, keepdim=True) / count
        above = torch.clamp(pitch - mean, -MOST_SEMITONES, MOST_SEMITONES)
        done = torch.cumsum(sung, 1)  # frames sung so far; stands still in rests
        part = done / count
        rising = torch.sin(0.5 * torch.pi * torch.clamp(part / ARCH_TOP, max=1.0))
        falling = torch.clamp((part - ARCH_TOP) / (1.0 - ARCH_TOP), min=0.0)
        swell = (2.0 * rising - 1.0 - 2.2 * falling * falling) * torch.clamp(count / ARCH_FRAMES, max=1.0)
        long = torch.log(torch.clamp(phones.length, min=1.0) / USUAL_FRAMES) / math.log(3.0)
        long = smoothed(torch.clamp(long, -1.0, 1.0) * here[:, :, 0], LENGTH_SMOOTHING)
        begins = torch.exp(-done / ONSET_FRAMES)
        ends = torch.exp((done - count) / RELEASE_FRAMES)
        tremble = torch.clamp(pitch - smoothed(pitch, TREMBLE_FRAMES), -TREMBLE_MOST, TREMBLE_MOST)
        adds = above[..., None] * self.per_semitone + swell[..., None] * self.arch + long[..., None] * self.length
        adds = adds + begins[..., None] * self.onset + ends[..., None] * self.release
        adds = adds + tremble[..., None] * self.tremble
        return adds * sung[..., None]

    def forward(
        self,
        encoder_out: Tensor,
        ph_dur: Tensor,
        pitch: Tensor,
        breathiness: Tensor,
        voicing: Tensor,
        tension: Tensor,
        retake: Tensor,
        spk_embed: Tensor,
        steps: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``breathiness_pred``, ``voicing_pred``, ``tension_pred``, each [shape=(1, n_frames)].

        Parameters
        ----------
        encoder_out, ph_dur : Tensor
            As for the encoder.
        pitch, breathiness, voicing, tension : Tensor [shape=(1, n_frames)]
            What is sung, and the curves so far.
        retake : Tensor [shape=(1, n_frames, len(CURVES))] bool
            Where a curve is made anew; elsewhere it stays.
        spk_embed : Tensor [shape=(1, n_frames, ENCODER_SIZE)]
        steps : Tensor [shape=()] int64, ignored: nothing is sampled
        """
        phones = spread(ph_dur, pitch)
        made = self.net(phones, encoder_out, pitch, spk_embed) + self.contour(phones, encoder_out, pitch)
        made = torch.minimum(torch.maximum(made, self.lowest), self.highest)
        given = torch.stack([breathiness, voicing, tension], 2)
        kept = kept_share(retake.transpose(1, 2)).transpose(1, 2)
        made = made * (1.0 - kept) + given * kept + 0.0 * steps.float()
        return made[:, :, 0], made[:, :, 1], made[:, :, 2]


def smoothed(curve: Tensor, n_frames: int) -> Tensor:
    """Mean over so many frames, an odd number, of [shape=(batch, n_frames)]; the ends are held."""
    held = nn.functional.pad(curve[:, None, :], (n_frames // 2, n_frames // 2), mode="replicate")
    return nn.functional.avg_pool1d(held, n_frames, 1)[:, 0, :]


class VarianceStage(nn.Module):
    """Encoder, network and speakers' vectors, as they are trained."""

    def __init__(self, n_speakers: int) -> None:
        super().__init__()
        self.linguistic = PhonemeEncoder()
        self.variance = VarianceNet()
        self.speakers = nn.Embedding(n_speakers, ENCODER_SIZE)
        nn.init.normal_(self.speakers.weight, std=0.3)


class VarianceLoss:
    """Error of each curve on composed targets; callable as the training loop wants it."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def __call__(self, net: nn.Module, step: int, device: torch.device) -> Tensor:
        """Loss on the targets of one step."""
        rng, targets = self._sampler.draw(step, 6)
        f0 = random_pitch(rng, max(len(t.weight) for t in targets)).astype(np.float32)
        wanted = pad([_measured(target, f0[: len(target.weight)]) for target in targets]).to(device)
        weight = pad([target.weight + 0.2 for target in targets]).to(device)
        tokens, durations = (pad([getattr(t, name) for t in targets]).to(device) for name in ("tokens", "durations"))
        encoder_out, _ = net.linguistic(tokens, durations)
        ids = torch.tensor([self._sampler.speaker_id(t) for t in targets], device=device)
        speaker = net.speakers(ids)[:, None, :].expand(-1, weight.shape[1], -1)
        pitch = torch.from_numpy(69.0 + 12.0 * np.log2(f0 / 440.0)).to(device)[None, :].expand(len(targets), -1)
        made = net.variance(spread(durations, weight), encoder_out, pitch, speaker)
        error = ((made - wanted) / net.variance.scales).abs().sum(2)
        return (error * weight).sum() / weight.sum()


def _measured(target: Target, f0: np.ndarray) -> np.ndarray:
    """Curves of a target sung at a pitch, [shape=(n_frames, len(CURVES))]."""
    harmonic, noise = (torch.from_numpy(pair_means(x))[None] for x in (target.harmonic, target.noise))
    found = curves(harmonic, noise, torch.from_numpy(f0)[None])
    return torch.stack([x[0] for x in found], 1).numpy().astype(np.float32)
