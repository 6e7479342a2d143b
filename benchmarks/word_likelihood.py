"""Tell voices apart by how likely a recogniser finds the words they sing: a finer ruler than counting words.

Every voicebank sings the tuning lines; the last one named is what the others are compared with, line by line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.places import TUNING_LINES, missing_tools
from benchmarks.table import Figure, Table
from benchmarks.whisper import WordLikelihood, whisper_folder

if TYPE_CHECKING:
    from cantilena.voicebank import Voicebank

THREADS = 2
GROUPS = ("slow", "medium", "fast", "high", "middle", "low")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.word_likelihood", description=__doc__)
    parser.add_argument("--voicebank", action="append", help="id or folder; several times; default: the built-in voice")
    parser.add_argument("--speaker", choices=("mezzo", "baritone"), help="this speaker alone")
    asked = parser.parse_args(arguments)
    if absent := missing_tools("faster_whisper"):
        print(f"Words: not measured: {absent}")
        return 0
    folder, remark = whisper_folder()
    if folder is None:
        print(f"Words: {remark}")
        return 0
    from benchmarks.line_takes import TRANSPOSITIONS, open_bank

    words = WordLikelihood(folder, threads=THREADS)
    banks = [open_bank(name, threads=THREADS) for name in asked.voicebank or [None]]
    table = Table(
        title="How likely the sung words are to a recogniser: mean log probability",
        columns=("voice", "all", *GROUPS, "above other", "sure to"),
    )
    for speaker in (asked.speaker,) if asked.speaker else tuple(TRANSPOSITIONS):
        found = [_of_lines(bank, speaker, words) for bank in banks]
        for bank, lines in zip(banks, found, strict=True):
            gains = np.array([lines[name] - found[-1][name] for name in lines])
            groups = [np.mean([lines[name] for name in lines if group in name.split("-")]) for group in GROUPS]
            figures = (np.mean(list(lines.values())), *groups, gains.mean(), gains.std() / np.sqrt(len(gains)))
            table.add(f"{bank.id}, {speaker}", *(Figure(value=float(value), digits=3) for value in figures))
    table.remarks.append(
        "Above other: over the last voicebank, line by line; sure to: the standard error of that mean."
    )
    print(table)
    return 0


def _of_lines(bank: Voicebank, speaker: str, words: WordLikelihood) -> dict[str, float]:
    import cantilena
    from benchmarks.line_takes import semitones_for
    from benchmarks.song_reference import read_reference

    found = {}
    for line in sorted(TUNING_LINES.glob("*.musicxml")):
        take = cantilena.sing(
            line, speaker=speaker, transpose=semitones_for(speaker, line), voicebank=bank, cache=False
        )
        samples = np.asarray(take.samples, np.float64)
        found[line.stem] = words(samples, take.sample_rate, read_reference(line).lyrics)
    return found


if __name__ == "__main__":
    sys.exit(main())
