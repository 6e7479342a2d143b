"""Tell voices apart by how likely a recogniser finds the words they sing: a finer ruler than counting words.

Every voicebank sings the tuning lines; the first one named is what the others are compared with, line by line.
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
    folder, remark = whisper_folder()
    if folder is None or missing_tools("faster_whisper"):
        print(f"Words: {remark or missing_tools('faster_whisper')}")
        return 0
    from benchmarks.line_takes import TRANSPOSITIONS, open_bank

    words = WordLikelihood(folder, threads=THREADS)
    table = Table(
        title="How likely the sung words are to a recogniser: mean log probability",
        columns=("voice", "all", *GROUPS, "gain", "sure to"),
    )
    for speaker in (asked.speaker,) if asked.speaker else tuple(TRANSPOSITIONS):
        first: dict[str, float] | None = None
        for bank in (open_bank(name, threads=THREADS) for name in asked.voicebank or [None]):
            found = _of_lines(bank, speaker, words)
            first = first or found
            gains = np.array([found[name] - first[name] for name in found])
            groups = [np.mean([found[name] for name in found if group in name.split("-")]) for group in GROUPS]
            table.add(
                f"{bank.id}, {speaker}",
                *(Figure(value=float(value), digits=3) for value in (np.mean(list(found.values())), *groups)),
                Figure(value=float(gains.mean()), digits=3),
                Figure(value=float(gains.std() / np.sqrt(len(gains))), digits=3),
            )
    table.remarks.append("Gain over the first voicebank named, line by line, and the standard error of its mean.")
    print(table)
    return 0


def _of_lines(bank: Voicebank, speaker: str, words: WordLikelihood) -> dict[str, float]:
    import cantilena
    from benchmarks.line_takes import TRANSPOSITIONS
    from benchmarks.song_reference import read_reference

    found = {}
    for line in sorted(TUNING_LINES.glob("*.musicxml")):
        semitones = TRANSPOSITIONS[speaker].get(line.stem.split("-")[1], 0)
        take = cantilena.sing(line, speaker=speaker, transpose=semitones, voicebank=bank, cache=False)
        samples = np.asarray(take.samples, np.float64)
        found[line.stem] = words(samples, take.sample_rate, read_reference(line).lyrics)
    return found


if __name__ == "__main__":
    sys.exit(main())
