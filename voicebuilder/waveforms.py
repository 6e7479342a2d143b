"""Natural waveforms at the rate of the voice: corpus audio with the band that it lacks filled by shaped noise.

**Conventions**: 44.1 kHz, the level of the envelopes of the same utterance; ``n_sub * SUB_HOP_SIZE`` samples.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from voicebuilder.spectra import LOG_FLOOR, SAMPLE_RATE, SUB_HOP_SIZE
from voicebuilder.vocoder import VocoderGraph, VocoderNet


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recording:
    """A natural waveform and its pitch."""

    name: str  # "<voice>-<utterance>", as its envelopes are stored
    samples: NDArray[np.int16]  # [shape=(n_sub * SUB_HOP_SIZE,)]
    f0: NDArray[np.float32]  # [shape=(n_sub,)] Hz, interpolated where unvoiced


@cache
def _synthesiser() -> VocoderGraph:
    return VocoderGraph(VocoderNet()).eval()


def shaped_noise(envelope: NDArray[np.float32]) -> NDArray[np.float32]:
    """White noise of unit variance through an envelope [shape=(n_sub, N_MELS)], seeded."""
    n = len(envelope) * SUB_HOP_SIZE
    white = torch.from_numpy(np.random.default_rng(0).standard_normal((1, n)).astype(np.float32))
    nothing = torch.full((1, *envelope.shape), 2.0 * LOG_FLOOR)
    with torch.no_grad():
        sound = _synthesiser().synthesise(nothing, torch.from_numpy(envelope)[None], torch.zeros_like(white), white)
    return sound[0].numpy()


def full_band(
    samples: NDArray[np.float64],
    sample_rate: int,
    *,
    gain: float,
    heard: NDArray[np.float32],
    wanted: NDArray[np.float32],
) -> NDArray[np.int16]:
    """Bring samples to 44.1 kHz and add noise where the wanted noise envelope exceeds the one that was heard.

    Parameters
    ----------
    samples : NDArray [shape=(n,)]
    sample_rate : int
    gain : float
        Natural log, from the samples to the level of the envelopes.
    heard, wanted : NDArray [shape=(n_sub, N_MELS)]
        Natural log; ``LOG_FLOOR`` where nothing was heard.
    """
    lacking = 0.5 * np.log(np.maximum(np.exp(2.0 * wanted) - np.exp(2.0 * heard), np.exp(4.0 * LOG_FLOOR)))
    n = len(wanted) * SUB_HOP_SIZE
    known = soxr.resample(samples, sample_rate, SAMPLE_RATE)[:n] * np.exp(gain)
    sound = np.pad(known, (0, n - len(known))) + shaped_noise(lacking.astype(np.float32))
    return np.round(np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)


def write_recording(folder: Path, recording: Recording) -> None:
    """Store a recording as ``<name>.npz``, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{recording.name}.part.npz"
    np.savez(part, samples=recording.samples, f0=recording.f0)
    part.replace(folder / f"{recording.name}.npz")


def read_recordings(folder: Path) -> tuple[Recording, ...]:
    """Read every stored recording, in order of name."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        if not path.name.endswith(".part.npz"):
            with np.load(path) as data:
                found.append(Recording(name=path.stem, samples=data["samples"], f0=data["f0"]))
    return tuple(found)
