"""Turns corpus audio into harmonic and noise envelopes (WORLD), extended to 16 kHz, and stores them.

**Conventions**: sub-frame ``j`` is centred at ``(j + 0.5) * SUB_HOP_SIZE`` samples at 44.1 kHz (5.8 ms apart). The
analysis runs at the corpus's own sample rate; the band above its edge is filled in the envelope, not in the audio.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebuilder.corpus import F0_STEP_SECONDS, Utterance, read_audio
from voicebuilder.spectra import LOG_FLOOR, SAMPLE_RATE, SUB_HOP_SIZE, averaging_matrix, mel_edges
from voicebuilder.symbols import IDS, is_vowel
from voicebuilder.waveforms import Recording, full_band, write_recording

SUB_FRAME_SECONDS = SUB_HOP_SIZE / SAMPLE_RATE
VOWEL_LEVEL = 0.075
"""Root mean square that the median vowel of an utterance is scaled to."""
BAND_EDGE_SHARE = 0.47
"""Highest frequency trusted in the source, as a share of its sample rate (11.3 kHz at 24 kHz)."""
BAND_EXTENSION = ((11000.0, -1.0), (13000.0, -6.3), (15000.0, -12.5), (16000.0, -16.0))
"""Level above the band edge against the mean of 8 kHz to the edge: (Hz, dB)."""
SIBILANT_FLOOR: Final = ((7500.0, -7.0), (9000.0, -8.0), (11000.0, -9.0), (13000.0, -14.0), (16000.0, -22.0))
"""Least level of the noise of a sibilant against its mean over ``SIBILANT_BAND``: (Hz, dB). A voice that was recorded
or made dull is lifted to it, as singers are not."""
SIBILANT_BAND: Final = (4000.0, 7500.0)
SIBILANTS: Final = MappingProxyType({"s": 0.0, "z": 0.0, "sh": -5.0, "zh": -5.0, "ch": -5.0, "jh": -5.0, "t": -5.0})
"""The sibilants, and how far their floor lies below that of s (dB)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Envelopes:
    """Envelopes and labels of one utterance, on the sub-frame grid."""

    voice: str
    harmonic: NDArray[np.float16]  # [shape=(n_sub, N_MELS)] natural log
    noise: NDArray[np.float16]  # [shape=(n_sub, N_MELS)] natural log
    voiced: NDArray[np.bool_]  # [shape=(n_sub,)]
    tokens: NDArray[np.int64]  # [shape=(n_phones,)]
    edges: NDArray[np.float64]  # [shape=(n_phones + 1,)] sub-frames, fractional
    stress: NDArray[np.int64]  # [shape=(n_phones,)]


def f0_on_grid(utterance: Utterance, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate the labelled f0 (in log) at given times; 0 Hz where unvoiced."""
    known = np.flatnonzero(utterance.f0 > 0)
    if len(known) < 2:
        return np.zeros_like(times)
    at = np.arange(len(utterance.f0)) * F0_STEP_SECONDS
    f0 = np.exp(np.interp(times, at[known], np.log(utterance.f0[known])))
    return np.where(np.interp(times, at, (utterance.f0 > 0).astype(float)) > 0.5, f0, 0.0)


def lift_sibilants(noise: NDArray, symbols: Iterable[str], edges: NDArray[np.float64]) -> None:
    """Raise the noise of dull sibilants in place, above ``SIBILANT_BAND``."""
    centres = mel_edges()[1:-1]
    band = (centres >= SIBILANT_BAND[0]) & (centres < SIBILANT_BAND[1])
    above = np.flatnonzero(centres >= SIBILANT_BAND[1])
    hz, db = zip(*SIBILANT_FLOOR, strict=True)
    for symbol, a, b in zip(symbols, edges[:-1], edges[1:], strict=True):
        if symbol in SIBILANTS:
            rows = slice(int(a), int(b))
            mean = 0.5 * np.log(np.exp(2.0 * noise[rows][:, band]).mean(1, keepdims=True))
            floor = mean + (np.interp(centres[above], hz, db) + SIBILANTS[symbol]) * np.log(10.0) / 20.0
            noise[rows, above[0] :] = np.maximum(noise[rows, above[0] :], floor)


def extend_band(harmonic: NDArray, noise: NDArray, sample_rate: int) -> None:
    """Fill the bins above the source's band edge in place, from the level below it and a fixed fall."""
    centres = mel_edges()[1:-1]
    edge = BAND_EDGE_SHARE * sample_rate
    above = np.flatnonzero(centres > edge)
    below = np.flatnonzero((centres > 0.7 * edge) & (centres <= edge))
    if not len(above):
        return
    hz, db = zip(*BAND_EXTENSION, strict=True)
    fall = np.interp(centres[above], hz, db) * np.log(10.0) / 20.0
    for envelope, extra in ((harmonic, -1.0), (noise, 0.0)):
        envelope[:, above] = envelope[:, below].mean(1, keepdims=True) + fall + extra * (centres[above] - edge) / 4000.0


def analyse(utterance: Utterance) -> tuple[Envelopes, Recording]:
    """Analyse one utterance with WORLD; return mel-bin envelopes, and its waveform with their upper band added."""
    import pyworld  # here, for training needs none of it and its import warns

    samples, sample_rate = read_audio(utterance)
    fft_size = 1024 if sample_rate <= 26000 else 2048
    n_sub = int(len(samples) / sample_rate / SUB_FRAME_SECONDS)
    times = (np.arange(n_sub) + 0.5) * SUB_FRAME_SECONDS
    rng = np.random.default_rng(0)
    samples = samples + 1e-5 * rng.standard_normal(len(samples))
    f0 = f0_on_grid(utterance, times)
    f0 = pyworld.stonemask(samples, f0, times, sample_rate)
    lowest = 3.0 * sample_rate / (fft_size - 3) + 0.5
    f0[f0 < lowest] = 0.0
    power = pyworld.cheaptrick(samples, f0, times, sample_rate, fft_size=fft_size, f0_floor=lowest)
    aperiodicity = pyworld.d4c(samples, f0, times, sample_rate, fft_size=fft_size)
    average = averaging_matrix(sample_rate, fft_size).T
    tiny = 1e-12
    harmonic = 0.5 * np.log((power * (1.0 - aperiodicity**2)) @ average + tiny)
    noise = 0.5 * np.log((power * aperiodicity**2) @ average + tiny)
    edges = np.array([p.start for p in utterance.phones] + [utterance.phones[-1].end]) / SUB_FRAME_SECONDS
    edges = np.minimum(edges, n_sub)
    heard = np.where(mel_edges()[1:-1] > BAND_EDGE_SHARE * sample_rate, 2.0 * LOG_FLOOR, noise)
    extend_band(harmonic, noise, sample_rate)
    lift_sibilants(noise, [p.symbol for p in utterance.phones], edges)
    harmonic[f0 <= 0.0] = LOG_FLOOR

    levels = [
        np.sqrt(power[int(a) : int(b)].mean())
        for p, a, b in zip(utterance.phones, edges[:-1], edges[1:], strict=True)
        if is_vowel(p.symbol) and int(b) > int(a)
    ]
    gain = np.log(VOWEL_LEVEL / max(float(np.median(levels)), 1e-4)) if levels else 0.0
    known = np.flatnonzero(f0)
    pitch = np.exp(np.interp(np.arange(n_sub), known, np.log(f0[known]))) if len(known) else np.full(n_sub, 150.0)
    recording = Recording(
        name=f"{utterance.voice}-{utterance.name}",
        samples=full_band(samples, sample_rate, gain=gain, heard=heard + gain, wanted=noise + gain),
        f0=pitch.astype(np.float32),
    )
    envelopes = Envelopes(
        voice=utterance.voice,
        harmonic=np.maximum(harmonic + gain, LOG_FLOOR).astype(np.float16),
        noise=np.maximum(noise + gain, LOG_FLOOR).astype(np.float16),
        voiced=f0 > 0.0,
        tokens=np.array([IDS[p.symbol] for p in utterance.phones]),
        edges=edges,
        stress=np.array([p.stress for p in utterance.phones]),
    )
    return envelopes, recording


def prepare(utterances: Iterable[Utterance], envelopes: Path, waveforms: Path) -> int:
    """Analyse utterances into ``<voice>-<name>.npz`` of two folders, skipping known ones; return their number."""
    envelopes.mkdir(parents=True, exist_ok=True)
    count = 0
    for utterance in utterances:
        target = envelopes / f"{utterance.voice}-{utterance.name}.npz"
        if not target.exists():
            e, recording = analyse(utterance)
            write_recording(waveforms, recording)
            part = target.with_suffix(".part.npz")
            np.savez(
                part,
                harmonic=e.harmonic,
                noise=e.noise,
                voiced=e.voiced,
                tokens=e.tokens,
                edges=e.edges,
                stress=e.stress,
                voice=e.voice,
            )
            part.replace(target)
        count += 1
        if count % 50 == 0:
            print(f"prepare: {count} lines of {utterance.voice}", flush=True)
    return count


def load_envelopes(folder: Path) -> tuple[Envelopes, ...]:
    """Load every stored utterance of a work folder, in order of name."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        if path.name.endswith(".part.npz"):
            continue
        with np.load(path) as data:
            fields = {name: data[name] for name in ("harmonic", "noise", "voiced", "tokens", "edges", "stress")}
            found.append(Envelopes(voice=str(data["voice"]), **fields))
    return tuple(found)
