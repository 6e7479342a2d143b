"""Trains both networks on composed targets, with checkpoints that a later run continues from.

**Conventions**: one thread; every random draw comes from generators seeded by ``TrainingOptions.seed`` and the step.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from voicebuilder.acoustic import AcousticNet
from voicebuilder.analysis import Envelopes
from voicebuilder.compose import Target, compose, pair_means
from voicebuilder.layers import comb_lookup
from voicebuilder.spectra import N_MELS
from voicebuilder.vocoder import VocoderNet

EMA: Final = 0.998


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOptions:
    """How long and how fast to train.

    ``steps`` and ``minutes`` are planned totals over all runs; the learning rate falls with whichever is
    nearer its end, and training ends there.
    """

    steps: int = 9000
    minutes: float | None = None
    batch: int = 8
    frames: int = 240
    learning_rate: float = 2e-3
    final_learning_rate: float = 5e-5
    checkpoint_seconds: float = 120.0
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


def _pad(rows: Sequence[np.ndarray], length: int, value: float) -> Tensor:
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
    bins = torch.ones(N_MELS)
    bins[60:] = 0.7
    w = weight[..., None] * bins
    error = (predicted - target) * w
    total = error.abs().sum()
    total = total + 0.3 * (error[:, 1:] - error[:, :-1]).abs().sum()
    return (total + 0.5 * (error[:, :, 2:] - error[:, :, :-2]).abs().sum()) / w.sum()


def acoustic_loss(net: AcousticNet, sampler: Sampler, step: int) -> Tensor:
    """Loss of the acoustic network on the batch of one step."""
    _, targets = sampler.draw(step, 1)
    n_tokens = max(len(t.tokens) for t in targets)
    n_frames = max(len(t.weight) for t in targets)
    tokens = _pad([t.tokens for t in targets], n_tokens, 0)
    durations = _pad([t.durations for t in targets], n_tokens, 0)
    harmonic = _pad([pair_means(t.harmonic) for t in targets], n_frames, -6.0)
    noise = _pad([pair_means(t.noise) for t in targets], n_frames, -6.0)
    weight = _pad([t.weight for t in targets], n_frames, 0.0)
    ids = torch.tensor([sampler.speaker_id(t) for t in targets])
    speaker = net.speakers(ids)[:, None, :].expand(-1, n_frames, -1)
    h, n = net(tokens, durations, speaker)
    return envelope_loss(h, harmonic, weight) + envelope_loss(n, noise, weight)


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


def vocoder_batch(net: VocoderNet, sampler: Sampler, step: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Compose (mel, f0, harmonic, noise, weight) of one step; the pitch has nothing to do with the speech."""
    rng, targets = sampler.draw(step, 2)
    n_frames = max(len(t.weight) for t in targets)
    gains = rng.uniform(-0.8, 1.3, len(targets)).astype(np.float32)
    harmonic = _pad(
        [np.maximum(t.harmonic + g, -10.0) for t, g in zip(targets, gains, strict=True)], 2 * n_frames, -10.0
    )
    noise = _pad([np.maximum(t.noise + g, -10.0) for t, g in zip(targets, gains, strict=True)], 2 * n_frames, -10.0)
    f0 = torch.from_numpy(np.stack([random_pitch(rng, n_frames) for _ in targets]).astype(np.float32))
    smooth = rng.random() < 0.4  # as the acoustic model draws it: no detail from frame to frame
    h, n = (0.5 * (x[:, 0::2] + x[:, 1::2]) for x in (harmonic, noise))
    if smooth:
        h, n = (
            nn.functional.avg_pool1d(x.transpose(1, 2), 3, 1, 1, count_include_pad=False).transpose(1, 2)
            for x in (h, n)
        )
    mel = 0.5 * torch.logaddexp(2.0 * (h + comb_lookup(net.comb, f0)), 2.0 * (n + net.noise_level))
    mel = torch.clamp(mel + torch.from_numpy(rng.normal(0.0, 0.05, mel.shape).astype(np.float32)), min=-11.512925)
    weight = _pad([np.repeat(np.minimum(t.weight + 0.3, 1.0), 2) for t in targets], 2 * n_frames, 0.0)
    return mel, f0, harmonic, noise, weight


def vocoder_loss(net: VocoderNet, sampler: Sampler, step: int) -> Tensor:
    """Loss of the vocoder's network on the batch of one step."""
    mel, f0, harmonic, noise, weight = vocoder_batch(net, sampler, step)
    h, n = net(mel, f0)
    return envelope_loss(h, harmonic, weight) + envelope_loss(n, noise, weight)


LOSSES: Final[dict[str, Callable[..., Tensor]]] = {"acoustic": acoustic_loss, "vocoder": vocoder_loss}


def make_net(stage: str, n_speakers: int) -> nn.Module:
    """Build the untrained network of a stage, ``acoustic`` or ``vocoder``."""
    return AcousticNet(n_speakers=n_speakers) if stage == "acoustic" else VocoderNet()


def train(stage: str, sampler: Sampler, n_speakers: int, folder: Path, options: TrainingOptions) -> Path:
    """Train one stage, continuing from its checkpoint when there is one.

    Returns
    -------
    Path
        The checkpoint; it holds the running average of the weights as ``ema``.
    """
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    net = make_net(stage, n_speakers)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    path = folder / f"{stage}.pt"
    folder.mkdir(parents=True, exist_ok=True)
    step, spent = 0, 0.0
    ema = {k: v.clone() for k, v in net.state_dict().items()}
    if path.exists():
        saved = torch.load(path, weights_only=True)
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        ema, step, spent = saved["ema"], saved["step"], saved["seconds"]
        print(f"{stage}: continuing at step {step}", flush=True)
    begun = saved_at = shown_at = time.monotonic()
    shown, mean = step, None

    def save() -> None:
        state = {"net": net.state_dict(), "ema": ema, "optimiser": optimiser.state_dict(), "step": step}
        state["seconds"] = spent + time.monotonic() - begun
        part = path.with_suffix(".part")
        torch.save(state, part)
        part.replace(path)

    while step < options.steps:
        used = spent + time.monotonic() - begun
        share = used / (60.0 * options.minutes) if options.minutes else 0.0
        if share >= 1.0:
            break
        progress = max(step / options.steps, share)
        warm = min(1.0, (step + 1) / 100)
        cosine = 0.5 * (1.0 + math.cos(math.pi * progress))
        rate = warm * (options.final_learning_rate + cosine * (options.learning_rate - options.final_learning_rate))
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = LOSSES[stage](net, sampler, step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        decay = min(EMA, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in net.state_dict().items():
                ema[name].lerp_(value, 1.0 - decay) if value.is_floating_point() else ema[name].copy_(value)
        mean = float(loss.detach()) if mean is None else 0.98 * mean + 0.02 * float(loss.detach())
        now = time.monotonic()
        if now - shown_at > 20.0 or step == options.steps:
            speed = (step - shown) / (now - shown_at)
            print(f"{stage}: step {step}/{options.steps} loss {mean:.4f} lr {rate:.2e} {speed:.2f} steps/s", flush=True)
            shown, shown_at = step, now
        if now - saved_at > options.checkpoint_seconds:
            save()
            saved_at = now
    save()
    return path


def load_net(path: Path, stage: str, n_speakers: int) -> tuple[nn.Module, dict[str, float]]:
    """Load the averaged weights of a checkpoint, with what is known of the training (steps, seconds)."""
    saved = torch.load(path, weights_only=True)
    net = make_net(stage, n_speakers)
    net.load_state_dict(saved["ema"], strict=False)
    net.eval()
    return net, {"steps": saved["step"], "seconds": round(saved["seconds"])}
