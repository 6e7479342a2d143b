"""The variance stage: breathiness, voicing and tension of every frame.

The acoustic network draws envelopes, and envelopes have curves: nobody knows better which levels belong to a phone
among its neighbours. So this stage is that network once more, its curves measured. Unasked, it commands exactly what
the acoustic model does by itself; a network of its own, trained to predict the same, was 3 dB off on average, flattened
bursts and closures, and cost a third of the words. What is new here is the contour of a phrase: louder upwards and on
long vowels, an arch, a soft beginning, an end that fades, and a level that moves with the vibrato.

**Conventions**: batch first; breathiness and voicing in dB, tension as a logit, pitch in semitones (MIDI numbers),
frames of 11.6 ms.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from voicebuilder.acoustic import AcousticGraph
from voicebuilder.curves import curves
from voicebuilder.frames import ENCODER_SIZE, N_PLAIN, Spread, plain_channels, spread
from voicebuilder.pitch_net import kept_share

CURVES: Final = ("breathiness", "voicing", "tension")
"""What is predicted, in the order of the format."""
LOWEST: Final = (-96.0, -96.0, -10.0)
HIGHEST: Final = (0.0, 0.0, 10.0)

PER_SEMITONE: Final = (0.3, 0.5, 0.05)
"""How much each curve rises for a semitone above the phrase's mean."""
MOST_SEMITONES: Final = 8.0
ARCH: Final = (1.2, 1.5, 0.15)
"""How far each curve lies above its mean at the height of a phrase, and below it at either end."""
ARCH_TOP: Final = 0.65
ARCH_FRAMES: Final = 350.0
"""A shorter phrase has less of an arch."""
LENGTH: Final = (0.5, 1.0, 0.1)
"""How much each curve rises for a vowel of three times the usual length, and falls for one of a third."""
USUAL_FRAMES: Final = 25.0
LENGTH_SMOOTHING: Final = 9
ONSET: Final = (0.0, -1.5, -0.2)
"""How each curve begins a phrase; with 5 dB less, words that begin with a sonorant were misheard."""
ONSET_FRAMES: Final = 6.0
RELEASE: Final = (0.0, -3.0, -0.5)
"""How each curve ends a phrase."""
RELEASE_FRAMES: Final = 7.0
VOICED_SMOOTHING: Final = 5
"""Voiceless phones and the noise of consonants keep their level: over so many frames they are told from others."""
TREMBLE: Final = (0.0, 2.4, 0.25)
"""How each curve moves for a semitone of vibrato."""
TREMBLE_MOST: Final = 0.3
TREMBLE_FRAMES: Final = 21
"""The pitch is compared with its mean over so many frames, a little more than a period of vibrato."""


class VarianceEncoder(nn.Module):
    """``linguistic.onnx`` of this stage: facts about each phone, its id, and the acoustic network's features of it."""

    def __init__(self, acoustic: AcousticGraph) -> None:
        super().__init__()
        self.net = acoustic.net
        self.register_buffer("plain", plain_channels())

    def forward(self, tokens: Tensor, ph_dur: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``encoder_out`` [shape=(1, n_tokens, ENCODER_SIZE)] and ``x_masks`` (True where padding)."""
        features = self.net.encode(tokens, ph_dur)
        out = torch.cat([self.plain[tokens], tokens.float()[..., None], features], 2)
        return nn.functional.pad(out, (0, ENCODER_SIZE - out.shape[2])), tokens == 0


class Contour(nn.Module):
    """What a phrase does to the curves of its phones."""

    def __init__(self) -> None:
        super().__init__()
        for name, values in (
            ("per_semitone", PER_SEMITONE), ("arch", ARCH), ("length", LENGTH), ("onset", ONSET), ("release", RELEASE),
            ("tremble", TREMBLE),
        ):  # fmt: skip
            self.register_buffer(name, torch.tensor(values))

    def forward(self, phones: Spread, encoder_out: Tensor, pitch: Tensor) -> Tensor:
        """Return what is added to each curve, [shape=(1, n_frames, len(CURVES))]."""
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
        voiced = smoothed(sung - here[:, :, 2] * sung, VOICED_SMOOTHING)
        vowel = smoothed(here[:, :, 0], VOICED_SMOOTHING)
        return adds * torch.stack([vowel, voiced, voiced], 2) * sung[..., None]


class VarianceGraph(nn.Module):
    """What ``variance.onnx`` holds."""

    def __init__(self, acoustic: AcousticGraph) -> None:
        super().__init__()
        self.acoustic = acoustic
        self.contour = Contour()
        self.register_buffer("lowest", torch.tensor(LOWEST))
        self.register_buffer("highest", torch.tensor(HIGHEST))

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
        tokens = torch.round(encoder_out[:, :, N_PLAIN]).to(torch.int64)
        features = encoder_out[:, :, N_PLAIN + 1 : N_PLAIN + 1 + self.acoustic.net.width]
        f0 = 440.0 * torch.exp((pitch - 69.0) * (math.log(2.0) / 12.0))
        made = torch.stack(curves(*self.acoustic.decode(features, tokens, ph_dur, spk_embed), f0), 2)
        made = made + self.contour(phones, encoder_out, pitch)
        made = torch.minimum(torch.maximum(made, self.lowest), self.highest)
        given = torch.stack([breathiness, voicing, tension], 2)
        kept = kept_share(retake.transpose(1, 2)).transpose(1, 2)
        made = made * (1.0 - kept) + given * kept + 0.0 * steps.float()
        return made[:, :, 0], made[:, :, 1], made[:, :, 2]


def smoothed(curve: Tensor, n_frames: int) -> Tensor:
    """Mean over so many frames, an odd number, of [shape=(batch, n_frames)]; the ends are held."""
    held = nn.functional.pad(curve[:, None, :], (n_frames // 2, n_frames // 2), mode="replicate")
    return nn.functional.avg_pool1d(held, n_frames, 1)[:, 0, :]
