"""How far the corpus's sound lies from its labels: the steepest rise into a vowel beside the vowel's label.

For this the built-in voice sings what it learnt a frame later (``LATE_FRAMES`` of its acoustic model).
"""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.places import CORPUS, JUDGE
from benchmarks.table import Figure, Table

LINES = 60
"""Of each voice."""
BEFORE, AFTER = 0.06, 0.08
"""Seconds around a label in which its rise is looked for."""
LEAST_RISE_DB = 6.0
_CONSONANTS = frozenset(("p", "t", "k", "b", "d", "g", "s", "f", "th", "z", "v", "dh", "m", "n", "l"))


def main() -> int:
    """Print the table."""
    if not JUDGE.is_file() or not CORPUS.is_dir():
        print(f"Labels: not measured: the judge or the corpus is not in {JUDGE.parent}.")
        return 0
    from benchmarks.judge import ONSET_RATE, rises
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
                for earlier, later in pairwise(utterance.phones)
                if is_vowel(later.symbol) and earlier.symbol in _CONSONANTS
            ]
            found += _distances(*rises(soxr.resample(samples, sample_rate, ONSET_RATE)), labels)
        quarters = np.percentile(np.array(found) * 1000, (50, 25, 75))
        table.add(voice, str(len(found)), *(Figure(value=float(value), digits=1) for value in quarters))
    print(table)
    return 0


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
