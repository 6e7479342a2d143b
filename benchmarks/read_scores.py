"""How fast scores are read, beside music21, over the reference scores: one run, file by file in turn."""

from __future__ import annotations

import gc
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from benchmarks.children import run_child
from benchmarks.places import SCORES, missing_tools, score_files
from benchmarks.table import Bar, Figure, Table

TIMES_FASTER = Bar(sense="at least", value=10.0)
ROUNDS = 4
READERS = ("cantilena", "music21")

Reader = Callable[[Path], object]


def main() -> int:
    """Print the table."""
    table = Table(
        title="Reading scores", columns=("reader", "files", "median ms", "p95 ms", "slowest ms", "peak memory MB")
    )
    files = score_files()
    if not files:
        table.remarks.append(f"Not measured: there are no reference scores in {SCORES}.")
        print(table)
        return 0
    absent = missing_tools("music21")
    if absent:
        table.remarks.append(f"music21 not measured: {absent}")
    # Memory first: a child's peak counts what its parent held when it was started.
    memory = {name: _peak_memory(name) for name in (READERS[:1] if absent else READERS)}
    readers = {name: _open_reader(name) for name in memory}
    seconds = _time_readers(readers, files)
    for name in READERS:
        table.add(name, str(len(files)), *_summary(seconds.get(name)), Figure(value=memory.get(name), digits=0))
    _add_ratio(table, seconds)
    table.remarks.append(f"Each file is read {ROUNDS} times by one reader, then by the other; the quickest counts.")
    table.remarks.append("Peak memory: a process of its own that reads every file once.")
    print(table)
    return 0


def _open_reader(name: str) -> Reader:
    """A reader by name, its modules imported."""
    if name == "cantilena":
        from cantilena.score import read_score

        return read_score
    import music21

    warnings.simplefilter("ignore")  # what music21 cannot import it warns of, file by file
    return lambda path: music21.converter.parse(path, forceSource=True)  # its cache of parsed files must not help


def _time_readers(readers: dict[str, Reader], files: tuple[Path, ...]) -> dict[str, list[float]]:
    """Seconds of each file, in the order of ``files``, by reader."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    gc.collect()
    gc.freeze()  # the modules of one reader must not slow the garbage collections of the other
    for path in files:
        for name, read in readers.items():
            seconds[name].append(min(_seconds(read, path) for _ in range(ROUNDS)))
    return seconds


def _seconds(read: Reader, path: Path) -> float:
    gc.collect()
    begin = time.perf_counter()
    read(path)
    return time.perf_counter() - begin


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def _summary(seconds: list[float] | None) -> tuple[Figure, Figure, Figure]:
    if seconds is None:
        return (Figure(value=None),) * 3
    values = (statistics.median(seconds), _p95(seconds), max(seconds))
    median, p95, slowest = (Figure(value=1000 * value, digits=1) for value in values)
    return median, p95, slowest


def _add_ratio(table: Table, seconds: dict[str, list[float]]) -> None:
    if "music21" not in seconds:
        return
    ours, theirs = seconds["cantilena"], seconds["music21"]
    median = statistics.median(theirs) / statistics.median(ours)
    p95 = _p95(theirs) / _p95(ours)
    by_file = [slow / quick for quick, slow in zip(ours, theirs, strict=True)]
    table.add(
        f"times as fast (bar: {TIMES_FASTER})",
        "",
        Figure(value=median, digits=1, bar=TIMES_FASTER),
        Figure(value=p95, digits=1, bar=TIMES_FASTER),
        "",
        "",
    )
    table.remarks.append(
        f"File by file the ratio is {statistics.median(by_file):.1f} in the median and {min(by_file):.1f} at the least."
    )


def _peak_memory(reader: str) -> float:
    return run_child([sys.executable, "-m", "benchmarks.read_scores", reader]).peak_mb


def _read_everything(reader: str) -> int:
    """What the child does whose memory is measured."""
    read = _open_reader(reader)
    for path in score_files():
        read(path)
    return 0


if __name__ == "__main__":
    sys.exit(_read_everything(sys.argv[1]) if len(sys.argv) > 1 else main())
