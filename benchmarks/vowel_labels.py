"""How far the corpus's sound lies from its labels: the steepest rise into a vowel beside the vowel's label.

The rise is what the judge of sung lines takes for the vowel's beginning: of the level between 200 and 3,000 Hz, over
30 ms. For this the built-in voice sings what it learnt a frame later (``LATE_FRAMES`` of its acoustic model).
"""

from __future__ import annotations

import sys

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.places import CORPUS
from benchmarks.table import Figure, Table

RATE, HOP, WINDOW = 48_000, 120, 960
LINES = 60
"""Of each voice."""
RANGE_DB = 60.0
OVER_HOPS, SMOOTHED_HOPS = 12, 7
BEFORE, AFTER = 0.06, 0.08
"""Seconds around a label in which its rise is looked for."""
LEAST_RISE_DB = 6.0
_CONSONANTS = frozenset(("p", "t", "k", "b", "d", "g", "s", "f", "th", "z", "v", "dh", "m", "n", "l"))


def main() -> int:
    """Print the table."""
    if not CORPUS.is_dir():
        print(f"Labels: not measured: the corpus is not at {CORPUS}.")
        return 0
    from voicebuilder.corpus import read_corpus
    from voicebuilder.symbols import is_vowel

    table = Table(
        title="Steepest rise into a vowel after its label, in milliseconds (negative: before)",
        columns=("voice", "vowels", "median", "lower quarter", "upper quarter"),
    )
    for voice in ("af_heart", "am_michael"):
        found: list[float] = []
        for utterance in read_corpus(CORPUS, voice, lines=LINES):
            samples, sample_rate = soundfile.read(CORPUS / utterance.audio)
            labels = [
                later.start
                for earlier, later in zip(utterance.phones, utterance.phones[1:], strict=False)
                if is_vowel(later.symbol) and earlier.symbol in _CONSONANTS
            ]
            found += _distances(*_rises(soxr.resample(samples, sample_rate, RATE)), labels)
        quarters = np.percentile(np.array(found) * 1000, (50, 25, 75))
        table.add(voice, str(len(found)), *(Figure(value=float(value), digits=1) for value in quarters))
    print(table)
    return 0


def _rises(samples: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds, and the rise in dB over 30 ms around each, every 2.5 ms."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(samples, WINDOW // 2), WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(windows * np.hanning(WINDOW), axis=1)) ** 2
    hz = np.fft.rfftfreq(WINDOW, 1 / RATE)
    level = 10 * np.log10(power[:, (hz > 200) & (hz < 3000)].sum(1) + 1e-9)
    level = np.maximum(level, level.max() - RANGE_DB)
    level = np.convolve(np.pad(level, SMOOTHED_HOPS // 2, mode="edge"), np.ones(SMOOTHED_HOPS) / SMOOTHED_HOPS, "valid")
    rise = np.zeros_like(level)
    half = OVER_HOPS // 2
    rise[half:-half] = level[OVER_HOPS:] - level[:-OVER_HOPS]
    return np.arange(len(level)) * HOP / RATE, rise


def _distances(times: NDArray[np.float64], rise: NDArray[np.float64], labels: list[float]) -> list[float]:
    """Seconds from each label to the steepest rise around it, where there is one."""
    found = []
    for label in labels:
        near = np.flatnonzero((times >= label - BEFORE) & (times <= label + AFTER))
        if len(near) and rise[near].max() >= LEAST_RISE_DB:
            found.append(float(times[near[rise[near].argmax()]]) - label)
    return found


if __name__ == "__main__":
    sys.exit(main())
