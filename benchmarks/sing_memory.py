"""How much memory singing to a file takes, for a song of one minute and for one of ten."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.children import ChildFailed, ChildRun, run_child
from benchmarks.long_scores import write_long_score
from benchmarks.places import COMMAND
from benchmarks.table import Bar, Figure, Table

TIMES_THE_MEMORY = Bar(sense="at most", value=1.3)
MINUTES = (1, 10)


def main() -> int:
    """Print the table."""
    table = Table(title="Memory of singing to a file", columns=("song", "peak memory MB", "wall s"))
    peaks: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in MINUTES:
            try:
                run = _sing(Path(folder), minutes)
            except ChildFailed as error:
                table.add(f"{minutes} min", Figure(value=None), Figure(value=None))
                table.remarks.append(f"Not measured: {error}")
                continue
            peaks.append(run.peak_mb)
            table.add(f"{minutes} min", Figure(value=run.peak_mb, digits=0), Figure(value=run.seconds, digits=1))
    ratio = peaks[1] / peaks[0] if len(peaks) == len(MINUTES) else None
    table.add(f"ratio (bar: {TIMES_THE_MEMORY})", Figure(value=ratio, bar=TIMES_THE_MEMORY), "")
    table.remarks.append("Each song is sung to WAV by the command line in a process of its own.")
    print(table)
    return 0 if ratio is not None else 1


def _sing(folder: Path, minutes: int) -> ChildRun:
    score, audio = folder / f"{minutes}-minutes.musicxml", folder / f"{minutes}-minutes.wav"
    write_long_score(score, seconds=60.0 * minutes)
    return run_child([str(COMMAND), "sing", str(score), "--output", str(audio), "--progress", "none", "--no-cache"])


if __name__ == "__main__":
    sys.exit(main())
