"""How long the built-in voice takes to sing a minute on two cores, and how soon the command line answers."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import ChildFailed, run_child
from benchmarks.long_scores import write_long_score
from benchmarks.places import COMMAND
from benchmarks.table import Bar, Figure, Table, bar_table

SONG_SECONDS = 60.0
THREADS = 2
ROUNDS = 3
HELP_ROUNDS = 7

TOTAL = Bar(sense="at most", value=9.0)
OUTSIDE_MODELS = Bar(sense="at most", value=1.2)
HELP = Bar(sense="at most", value=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class SingingTimes:
    """Seconds that one run of the command took, from its start to its end."""

    total: float
    models: float
    loading: float
    audio: float

    @property
    def outside(self) -> float:
        """Everything that is not a model's own run: start-up, opening the models, and all of our own code."""
        return self.total - self.models


def main() -> int:
    """Print the table."""
    remarks: list[str] = []
    times = _sing_several(remarks)
    start_up = _help_seconds(remarks)

    def median(name: str) -> float | None:
        return statistics.median(getattr(one, name) for one in times) if times else None

    rtf = statistics.median(one.total / one.audio for one in times) if times else None
    table: Table = bar_table(
        f"Singing {SONG_SECONDS:.0f} s with {THREADS} threads",
        {
            "whole command, s": Figure(value=median("total"), bar=TOTAL),
            "inside the models' runs, s": Figure(value=median("models")),
            "outside them, s": Figure(value=median("outside"), bar=OUTSIDE_MODELS),
            "of which opening the models, s": Figure(value=median("loading")),
            "seconds of work per second of audio": Figure(value=rtf, digits=3),
            "cantilena --help, s": Figure(value=start_up, bar=HELP),
        },
    )
    table.remarks += [
        f"Medians of {ROUNDS} runs of `cantilena sing` to WAV, each in a process of its own, start-up included;",
        f"--help: median of {HELP_ROUNDS}.",
        *remarks,
    ]
    print(table)
    return 0 if times and start_up is not None else 1


def _sing_several(remarks: list[str]) -> list[SingingTimes]:
    with tempfile.TemporaryDirectory() as folder:
        score = Path(folder) / "one-minute.musicxml"
        write_long_score(score, seconds=SONG_SECONDS)
        try:
            return [_sing(score, Path(folder) / f"take-{number}.wav") for number in range(ROUNDS)]
        except ChildFailed as error:
            remarks.append(f"Singing not measured: {error}")
            return []


def _sing(score: Path, audio: Path) -> SingingTimes:
    report = audio.with_suffix(".timing.json")
    run = run_child(
        [
            sys.executable, "-m", "benchmarks.timed_command", str(report),
            "sing", str(score), "--output", str(audio), "--json", "--progress", "none",
            "--no-cache",
        ],
        environment={"CANTILENA_THREADS": str(THREADS)},
    )  # fmt: skip
    spans = json.loads(report.read_text())
    return SingingTimes(
        total=run.seconds,
        models=spans["runs"],
        loading=spans["loading"],
        audio=json.loads(run.output)["duration_seconds"],
    )


def _help_seconds(remarks: list[str]) -> float | None:
    try:
        return statistics.median(run_child([str(COMMAND), "--help"]).seconds for _ in range(HELP_ROUNDS))
    except (ChildFailed, OSError) as error:
        remarks.append(f"--help not measured: {error}")
        return None


if __name__ == "__main__":
    sys.exit(main())
