"""How much memory singing with a voicebank of usual size takes, and whether it grows from song to song.

``--small`` tries the program out with a tiny voicebank and few songs; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.children import ChildFailed
from benchmarks.phrase_songs import NOTE_SECONDS, write_phrases
from benchmarks.table import Bar, Figure, bar_table
from benchmarks.usual_bank import SEED, SMALL, usual_bank
from benchmarks.usual_song import Costs, Task, sing_in_child

PEAK = Bar(sense="at most", value=1100)
LOW_MEMORY_PEAK = Bar(sense="at most", value=800)
GROWTH = Bar(sense="at most", value=1.2)

PHRASES = (40, 30, 40)
"""The first and the last are as long as phrases get: 20 s."""
SONGS, FIRST = 50, 5
STEPS = 1
"""What a model holds while it samples does not depend on how often it does so."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_bank_memory", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny voicebank and few songs")
    small = parser.parse_args(arguments).small
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        voicebank = usual_bank(SMALL, parent=folder) if small else usual_bank()
        try:
            _measure(voicebank, folder, songs=FIRST + 1 if small else SONGS, phrases=(3, 2) if small else PHRASES)
        except ChildFailed as error:
            print(f"Not measured: {error}")
            return 1
    return 0


def _measure(voicebank: Path, folder: Path, *, songs: int, phrases: Sequence[int]) -> None:
    def sing(lengths: Sequence[Sequence[int]], *, low_memory: bool = False, steps: int = STEPS) -> Costs:
        scores = []
        for number, notes in enumerate(lengths):
            scores.append(folder / f"{number}.musicxml")
            write_phrases(scores[-1], notes)
        return sing_in_child(
            Task(
                voicebank=str(voicebank), scores=tuple(map(str, scores)), cache=str(folder / "cache"), steps=steps,
                low_memory=low_memory,
            )
        )  # fmt: skip

    usual, low = sing([phrases]), sing([phrases], low_memory=True)
    draw = random.Random(SEED)
    lengths = [(draw.randint(2, 12),) for _ in range(songs)]
    many = sing(lengths)
    resident = many.resident_mb
    few, all_of_them = (resident[FIRST - 1], resident[-1]) if resident else (None, None)
    table = bar_table(
        "Memory of singing with a voicebank of usual size",
        {
            "peak, phrases of 20 s, MB": Figure(value=usual.peak_mb, digits=0, bar=PEAK),
            "the same with low memory, MB": Figure(value=low.peak_mb, digits=0, bar=LOW_MEMORY_PEAK),
            "times as long with low memory": Figure(value=(low.opened + low.songs) / (usual.opened + usual.songs)),
            f"held after {FIRST} songs, MB": Figure(value=few, digits=0),
            f"held after {songs} songs, MB": Figure(value=all_of_them, digits=0),
            "ratio": Figure(value=all_of_them / few if few and all_of_them else None, bar=GROWTH),
        },
    )
    table.remarks += [
        f"Peaks by the system's own account of processes that sing phrases of {_seconds(phrases)} s, Python and "
        f"libraries included. Sampling in {STEPS} step instead of ten, which makes them no smaller.",
        f"The {songs} songs are of 1 to 6 s, lengths drawn at random; one process, one open voicebank.",
    ]
    print(table)


def _seconds(phrases: Sequence[int]) -> str:
    return ", ".join(f"{NOTE_SECONDS * notes:.0f}" for notes in phrases)


if __name__ == "__main__":
    sys.exit(main())
