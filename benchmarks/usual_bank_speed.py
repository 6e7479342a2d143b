"""What singing with a voicebank of usual size takes: its models, what lies around them, opening it, each quality.

``--small`` tries the program out with a tiny voicebank and short songs; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.children import ChildFailed
from benchmarks.phrase_songs import write_phrases
from benchmarks.table import Bar, Figure, Table, bar_table, load_average
from benchmarks.usual_bank import SMALL, usual_bank
from benchmarks.usual_song import THREADS, Costs, Task, sing_in_child

OUTSIDE_PERCENT = Bar(sense="at most", value=1.5)
READY = Bar(sense="at most", value=1.0)

PHRASES = {"song": (40, 24, 16, 12, 8, 20), "phrase": (40,), "word": (2,)}
SMALL_PHRASES = {"song": (4, 2), "phrase": (4,), "word": (1,)}
OPENINGS = 5
QUALITIES = ("draft", "normal", "best")

REFERENCE_MS = {
    "linguistic": 42, "dur": 3, "pitch": 1530, "variance": 910, "acoustic": 6160, "vocoder": 6180,
}  # fmt: skip
"""A phrase of 20.2 s at ten steps, by graphs of the same layers that the official exporters wrote, on two idle cores
with AVX-512."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_bank_speed", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny voicebank and short songs")
    small = parser.parse_args(arguments).small
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        voicebank = usual_bank(SMALL, parent=folder) if small else usual_bank()
        scores = {}
        for name, notes in (SMALL_PHRASES if small else PHRASES).items():
            scores[name] = folder / f"{name}.musicxml"
            write_phrases(scores[name], notes)
        try:
            qualities = ("normal",) if small else QUALITIES
            openings = 1 if small else OPENINGS
            _measure(voicebank, scores, cache=folder / "cache", openings=openings, qualities=qualities)
        except ChildFailed as error:
            print(f"Not measured: {error}")
            return 1
    return 0


def _measure(voicebank: Path, scores: dict[str, Path], *, cache: Path, openings: int, qualities: Sequence[str]) -> None:
    def sing(score: str, **wishes: object) -> Costs:
        task = {"voicebank": str(voicebank), "scores": (str(scores[score]),), "cache": str(cache)}
        return sing_in_child(Task(**(task | wishes)))

    load = load_average()
    # A bank written a moment ago is in memory; one that was kept may not be.
    first = sing("word", steps=1)
    short = [first, *(sing("word", steps=1) for _ in range(openings - 1))]
    phrase = {quality: sing("phrase", quality=quality) for quality in qualities}
    song = sing("song")

    print(_models_table(voicebank, phrase["normal"]))
    print()
    print(_qualities_table(phrase))
    print()
    opened = statistics.median(costs.opened for costs in short)
    table = bar_table(
        f"Around the models: {song.audio:.0f} s with {THREADS} threads, ten steps",
        {
            "the whole song, s": Figure(value=song.songs, digits=1),
            "outside the models' runs, s": Figure(value=song.outside, digits=3),
            "the same, % of the whole": Figure(value=100 * song.outside / song.songs, bar=OUTSIDE_PERCENT),
            "all models opened and the first step running, s": Figure(
                value=statistics.median(costs.opened + costs.first_run for costs in short), bar=READY
            ),
            "of which opening the models, s": Figure(value=opened),
            "the same, processor s": Figure(value=statistics.median(costs.opened_cpu for costs in short)),
            "opened and running when first asked for, s": Figure(value=first.opened + first.first_run),
        },
    )
    table.remarks += [
        f"Opening: median of {len(short)} processes, the voicebank's files in the system's cache; Python's own start "
        "is not counted.",
        f"Load of the machine when this began: {load}.",
    ]
    print(table)


def _models_table(voicebank: Path, costs: Costs) -> Table:
    table = Table(
        title=f"Models of a voicebank of usual size, {costs.audio:.1f} s of sound, ten steps, {THREADS} threads",
        columns=("model", "MB", "ms", "reference ms", "ratio", "share %", "reference %"),
    )
    everything = sum(costs.models.values())
    reference = sum(REFERENCE_MS.values())
    for role, expected in REFERENCE_MS.items():
        seconds = costs.models.get(role)
        file = next(voicebank.rglob("model.onnx" if role == "vocoder" else f"{role}.onnx"))
        table.add(
            "linguistic, 3 times" if role == "linguistic" else role,
            Figure(value=file.stat().st_size / 1e6, digits=1),
            Figure(value=None if seconds is None else 1000 * seconds, digits=0),
            Figure(value=expected, digits=0),
            Figure(value=None if seconds is None else 1000 * seconds / expected),
            Figure(value=None if seconds is None else 100 * seconds / everything, digits=1),
            Figure(value=100 * expected / reference, digits=1),
        )
    table.remarks.append(
        "Reference: graphs of the same layers by the official exporters, 20.2 s, on two idle cores with AVX-512."
    )
    return table


def _qualities_table(phrase: dict[str, Costs]) -> Table:
    table = Table(
        title="Each quality, the same phrase",
        columns=("quality", "whole s", "pitch s", "variance s", "acoustic s", "vocoder s", "work per second of audio"),
    )
    for quality, costs in phrase.items():
        roles = (Figure(value=costs.models.get(role)) for role in ("pitch", "variance", "acoustic", "vocoder"))
        table.add(quality, Figure(value=costs.songs), *roles, Figure(value=costs.songs / costs.audio))
    return table


if __name__ == "__main__":
    sys.exit(main())
