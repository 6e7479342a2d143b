"""Makes sung training targets from spoken envelopes: phones take new lengths, vowels are held and levelled.

Nothing is synthesised: a target is a walk through the natural frames of one utterance, so that a vowel of three seconds
still moves inside its own natural middle. The result does not depend on any pitch.

**Conventions**: lengths in frames of two sub-frames each; token durations sum to the number of frames.
"""

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebuilder.analysis import Envelopes
from voicebuilder.spectra import FRAME_SECONDS, LOG_FLOOR, N_MELS, mel_edges
from voicebuilder.symbols import BREATH, IDS, SILENCE, SYMBOLS, is_vowel

EDGE_SECONDS: Final = 0.06
"""Natural part kept at each end of a held vowel."""
GLIDE_SECONDS: Final = 0.26
"""Length of a diphthong's glide at the end of a held note; shorter notes glide over half of their length."""
HOLD: Final = MappingProxyType(
    {"ey": (0.08, 0.25), "ow": (0.12, 0.32), "ay": (0.2, 0.38), "aw": (0.2, 0.4), "oy": (0.15, 0.4)}
)
"""Where the first target of a diphthong lies, as shares of its spoken length."""
LEVELLING: Final = 0.75
"""How far vowels move towards the loud vowels of their utterance."""
HARMONIC_BELOW_NOISE: Final = 4.0
"""A harmonic envelope never lies further below the noise than this (ln): deeper is inaudible."""
NOISE_BELOW_HARMONIC: Final = 5.5

LEAD_SUB_FRAMES: Final = 1.5
"""Targets run ahead of the labels by this much (8.7 ms): a vowel that is heard on the beat has begun before it."""
SONORANTS: Final = frozenset(("m", "n", "ng", "l", "r", "w", "y"))
SONORANT_GAIN: Final = -0.35
"""Sung nasals, liquids and semivowels against spoken ones (ln, -3 dB); after silence they swell from ``SOFT_START``."""
SOFT_START: Final = -2.3
BURST_GAIN: Final = 0.35
"""Sung releases of voiceless stops against spoken ones, above ``BURST_HZ`` (ln, 3 dB)."""
BURST_HZ: Final = 2500.0
RELEASE_SECONDS: Final = 0.13
RELEASE_DEPTH: Final = 2.3
"""How far a voiced sound before silence has faded at its end (ln, 20 dB); overtones fade by half as much again."""
HELD_TRUST: Final = 0.5
"""Weight of the middle of a held vowel against its edges: it is seen far more often."""

RING_HZ: Final = 2950.0
RING_WIDTH_HZ: Final = 380.0
RING_GAIN: Final = 0.25
"""Strongest ring of a held vowel (ln, 2.2 dB)."""

BREATH_SPECTRUM: Final = (
    (0.0, 16.0), (500.0, 18.0), (1500.0, 20.0), (3000.0, 12.0), (5000.0, 10.0), (7000.0, 6.0), (9000.0, 0.0),
    (11000.0, -6.0), (13000.0, -8.0), (15000.0, -13.0),
)  # fmt: skip
"""Spectrum of a sung breath: (Hz, dB), measured on real singing; its level is set by ``BREATH_PEAK``."""
BREATH_PEAK: Final = 0.011
"""Filter magnitude of the breath noise in its strongest band."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One composed line."""

    voice: str
    tokens: NDArray[np.int64]  # [shape=(n_tokens,)]
    durations: NDArray[np.int64]  # [shape=(n_tokens,)] frames
    harmonic: NDArray[np.float32]  # [shape=(2 * n_frames, N_MELS)] natural log
    noise: NDArray[np.float32]  # [shape=(2 * n_frames, N_MELS)] natural log
    weight: NDArray[np.float32]  # [shape=(n_frames,)] trust in each frame, 0 = ignore


def breath_envelope(rng: np.random.Generator, n_sub: int) -> NDArray[np.float32]:
    """Noise envelope of a breath: slow rise, fast fall, [shape=(n_sub, N_MELS)] natural log."""
    hz, db = zip(*BREATH_SPECTRUM, strict=True)
    spectrum = (np.interp(mel_edges()[1:-1], hz, db) - 20.0) * np.log(10.0) / 20.0 + np.log(BREATH_PEAK)
    x = (np.arange(n_sub) + 0.5) / max(n_sub, 1)
    swell = np.minimum(x / 0.65, (1.0 - x) / 0.3).clip(0.02, 1.0)
    level = np.log(np.sin(0.5 * np.pi * swell.clip(0.0, 1.0)))
    return np.maximum(spectrum[None] + level[:, None] + rng.normal(0.0, 0.1), LOG_FLOOR).astype(np.float32)


def _walk(rng: np.random.Generator, n: int, low: float, high: float) -> NDArray[np.float64]:
    """Wander smoothly between two positions for ``n`` sub-frames."""
    width = high - low
    if width <= 0.0 or n <= 0:
        return np.full(max(n, 0), 0.5 * (low + high))
    knots = max(2, int(n / 40) + 2)
    return np.interp(np.linspace(0, knots - 1, n), np.arange(knots), low + width * rng.random(knots))


def _vowel_path(rng: np.random.Generator, symbol: str, start: float, end: float, n: int) -> NDArray[np.float64]:
    """Positions in the source for ``n`` sub-frames of a vowel that lies between ``start`` and ``end``."""
    source = end - start
    if n <= source * 1.15:
        return start + (np.arange(n) + 0.5) / n * source
    sub = FRAME_SECONDS / 2.0
    head = min(EDGE_SECONDS / sub, 0.35 * source)
    if symbol in HOLD:
        low, high = HOLD[symbol]
        head = min(low * source, 0.2 * n)
        tail_source = (1.0 - high) * source
        tail = min(GLIDE_SECONDS / sub, 0.5 * n)
        hold = (start + low * source, start + high * source)
    else:
        tail = tail_source = min(EDGE_SECONDS / sub, 0.35 * source)
        hold = (start + head, end - tail)
    n_head, n_tail = round(head), round(tail)
    middle = max(0, n - n_head - n_tail)
    path = _walk(rng, middle, *hold)
    blend = min(8, middle // 2)
    if blend > 1:  # meet both natural edges without a jump
        ramp = np.linspace(0.0, 1.0, blend)
        path[:blend] = hold[0] * (1.0 - ramp) + path[:blend] * ramp
        path[-blend:] = path[-blend:] * (1.0 - ramp) + hold[1] * ramp
    first = start + (np.arange(n_head) + 0.5) * (hold[0] - start) / max(n_head, 1)
    last = end - tail_source + (np.arange(n_tail) + 0.5) * tail_source / max(n_tail, 1)
    return np.concatenate([first, path, last])[:n]


def ring_gain(n_sub: int) -> NDArray[np.float32]:
    """Ring of a held vowel near 3 kHz, which speech lacks: gain (ln) [shape=(n_sub, N_MELS)]."""
    shape = np.exp(-0.5 * ((mel_edges()[1:-1] - RING_HZ) / RING_WIDTH_HZ) ** 2)
    x = np.arange(n_sub) * 0.5 * FRAME_SECONDS
    swell = np.clip(np.minimum(x / 0.15, x[::-1] / 0.1), 0.0, 1.0) * np.clip((x[-1] - 0.2) / 0.3, 0.0, 1.0)
    return (RING_GAIN * swell[:, None] * shape).astype(np.float32)


def release_gain(n_sub: int) -> NDArray[np.float32]:
    """Fade of a voiced sound before silence, darker as it goes: gain (ln) [shape=(n_sub, N_MELS)]."""
    length = max(2.0, min(2.0 * RELEASE_SECONDS / FRAME_SECONDS, 0.5 * n_sub))
    x = np.clip((np.arange(n_sub) + 1.0 - (n_sub - length)) / length, 0.0, 1.0) ** 1.5
    overtones = np.clip(np.log2(mel_edges()[1:-1] / 500.0), 0.0, 3.0) / 3.0
    return (-RELEASE_DEPTH * x[:, None] * (1.0 + 0.5 * overtones)).astype(np.float32)


def consonant_gain(symbol: str, n_sub: int, *, after_silence: bool) -> NDArray[np.float32]:
    """Level of a sung consonant against the spoken one: gain (ln) [shape=(n_sub, N_MELS)]."""
    gain = np.zeros((n_sub, N_MELS), np.float32)
    if symbol in SONORANTS:
        gain += SONORANT_GAIN
        if after_silence:
            gain += (SOFT_START * (1.0 - (np.arange(n_sub) + 0.5) / n_sub))[:, None].astype(np.float32)
    elif symbol in ("p", "t", "k"):
        gain += np.where(mel_edges()[1:-1] > BURST_HZ, BURST_GAIN, 0.0).astype(np.float32)
    return gain


@cache
def _level_gain(source: Envelopes) -> NDArray[np.float32]:
    """Gain (ln) per sub-frame that brings vowels towards the loud ones, interpolated across consonants."""
    centres, levels = [], []
    total = source.harmonic[:, :70].astype(np.float32)
    for token, a, b in zip(source.tokens, source.edges[:-1], source.edges[1:], strict=True):
        lo, hi = int(a + 0.25 * (b - a)), max(int(a + 0.25 * (b - a)) + 1, int(b - 0.25 * (b - a)))
        if is_vowel(SYMBOLS[token]) and source.voiced[lo:hi].any():
            centres.append(0.5 * (a + b))
            levels.append(0.5 * np.log(np.exp(2.0 * total[lo:hi][source.voiced[lo:hi]]).mean()))
    if not levels:
        return np.zeros(len(total), np.float32)
    gain = LEVELLING * np.clip(np.percentile(levels, 70) - np.array(levels), -1.0, 1.2)
    return np.interp(np.arange(len(total)), centres, gain).astype(np.float32)


def _sample(envelope: NDArray, position: NDArray[np.float64]) -> NDArray[np.float32]:
    position = np.clip(position - 0.5, 0.0, len(envelope) - 1.001)
    low = position.astype(int)
    part = (position - low)[:, None].astype(np.float32)
    return (
        envelope[low].astype(np.float32) * (1.0 - part)
        + envelope[np.minimum(low + 1, len(envelope) - 1)].astype(np.float32) * part
    )


def compose(rng: np.random.Generator, source: Envelopes, *, max_frames: int, natural: float = 0.25) -> Target:
    """Compose one target from one utterance.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws lengths, the part of the utterance used and the walk inside vowels.
    source : Envelopes
        The utterance.
    max_frames : int
        The target is a run of whole phones of at most about this length.
    natural : float
        Share of targets that keep the spoken lengths.
    """
    spoken = rng.random() < natural
    lengths = np.diff(source.edges) / 2.0  # frames
    tempo = np.exp(rng.uniform(np.log(0.12), np.log(0.8)))
    new = np.empty(len(lengths))
    for i, (token, length) in enumerate(zip(source.tokens, lengths, strict=True)):
        symbol = SYMBOLS[token]
        if spoken:
            new[i] = length
        elif is_vowel(symbol):
            seconds = tempo * np.exp(rng.normal(0.0, 0.45))
            if source.stress[i] == 0:
                seconds = min(seconds, rng.uniform(0.1, 0.4))
            elif rng.random() < 0.06:
                seconds = rng.uniform(1.0, 3.0)
            new[i] = min(seconds, 3.2) / FRAME_SECONDS
        elif symbol == SILENCE:
            new[i] = min(length, rng.uniform(6.0, 30.0))
        else:
            new[i] = length * rng.uniform(0.5, 1.15)
    durations = np.diff(np.round(np.concatenate([[0.0], np.cumsum(new)]))).astype(np.int64)

    first = int(rng.integers(0, len(durations)))
    while first > 0 and durations[first:].sum() < max_frames:
        first -= 1
    last, n_frames = first, 0
    while last < len(durations) and (n_frames + durations[last] <= max_frames or last == first):
        n_frames += int(durations[last])
        last += 1

    gain = _level_gain(source)
    harmonic, noise, weight = [], [], []
    tokens, kept = [], []
    for i in range(first, last):
        n = 2 * min(int(durations[i]), max_frames)
        if n == 0:
            continue
        symbol = SYMBOLS[source.tokens[i]]
        start, end = source.edges[i] + LEAD_SUB_FRAMES, source.edges[i + 1] + LEAD_SUB_FRAMES
        if symbol == SILENCE and n >= 20 and rng.random() < 0.35:
            harmonic.append(np.full((n, N_MELS), LOG_FLOOR, np.float32))
            noise.append(breath_envelope(rng, n))
            weight.append(np.ones(n // 2, np.float32))
            tokens.append(IDS[BREATH])
            kept.append(n // 2)
            continue
        trust = np.full(n // 2, 0.7 if symbol == SILENCE else 1.6, np.float32)
        if is_vowel(symbol):
            inside = np.flatnonzero(source.voiced[int(start) : max(int(end), int(start) + 1)])
            if len(inside) < 3:
                trust[:] = 0.0
            elif len(inside) < end - start - 2 and n > end - start:  # hold the voiced part only
                start, end = start + inside[0], start + inside[-1] + 1
            path = _vowel_path(rng, symbol, start, end, n)
            if trust[0]:
                trust[:] = 1.0
                edge = int(0.15 / FRAME_SECONDS)
                trust[edge : max(edge, n // 2 - edge * (2 if symbol in HOLD else 1))] = HELD_TRUST
                if source.stress[i] == 0:
                    trust *= 0.6
        else:
            path = start + (np.arange(n) + 0.5) / n * (end - start)
        level = np.interp(path, np.arange(len(gain)), gain).astype(np.float32)[:, None]
        after_silence = i == 0 or SYMBOLS[source.tokens[i - 1]] == SILENCE
        before_silence = i + 1 == len(source.tokens) or SYMBOLS[source.tokens[i + 1]] == SILENCE
        if not is_vowel(symbol):
            level = level + consonant_gain(symbol, n, after_silence=after_silence)
        if before_silence and (is_vowel(symbol) or symbol in SONORANTS):
            level = level + release_gain(n)
        ring = ring_gain(n) if is_vowel(symbol) else 0.0
        harmonic.append(_sample(source.harmonic, path) + level + ring)
        noise.append(_sample(source.noise, path) + level)
        weight.append(trust)
        tokens.append(int(source.tokens[i]))
        kept.append(n // 2)
    harmonic, noise = limit(np.concatenate(harmonic), np.concatenate(noise))
    return Target(
        voice=source.voice,
        tokens=np.array(tokens),
        durations=np.array(kept),
        harmonic=harmonic,
        noise=noise,
        weight=np.concatenate(weight),
    )


def limit(harmonic: NDArray[np.float32], noise: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Raise whichever envelope is too far below the other to be heard, so that no loss is spent on it."""
    harmonic = np.maximum(np.maximum(harmonic, noise - HARMONIC_BELOW_NOISE), LOG_FLOOR)
    noise = np.maximum(np.maximum(noise, harmonic - NOISE_BELOW_HARMONIC), LOG_FLOOR)
    return harmonic, noise


def pair_means(envelope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average sub-frames to frames, [shape=(2 * n, N_MELS)] -> [shape=(n, N_MELS)]."""
    return 0.5 * (envelope[0::2] + envelope[1::2])
