"""One word of a three-minute song changed, the built-in voice: what singing it again takes.

``--small`` tries the program out with a short song; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.children import ChildFailed, run_child
from benchmarks.phrase_songs import write_phrases
from benchmarks.places import COMMAND
from benchmarks.table import Bar, Figure, Table, load_average

SECONDS = Bar(sense="at most", value=1.0)
PHRASES = (16,) * 20
"""Eight seconds of song and one of rest, twenty times: no phrase is sung twice."""
SMALL_PHRASES = (4, 3)
THREADS = 2
ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Sung:
    """One song by the command or by an open voicebank: what it took, and phrases found and not found."""

    seconds: float
    cpu_seconds: float
    hits: int
    misses: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_word_changed", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a short song, one round")
    parser.add_argument("--open", nargs="+", metavar="SCORE", help=argparse.SUPPRESS)  # the child with an open voice
    asked = parser.parse_args(arguments)
    if asked.open:
        print(json.dumps([asdict(sung) for sung in sing_with_open_voicebank(asked.open)]))
        return 0
    small = asked.small
    notes = SMALL_PHRASES if small else PHRASES
    rounds = 1 if small else ROUNDS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        song = folder / "song.musicxml"
        write_phrases(song, notes)
        changed = [folder / f"changed-{number}.musicxml" for number in range(2 * rounds)]
        for number, path in enumerate(changed):
            write_phrases(path, notes, other_word_in=number)
        try:
            print(_measure(song, changed[:rounds], changed[rounds:], folder))
        except ChildFailed as error:
            print(f"Not measured: {error}")
            return 1
    return 0


def _measure(song: Path, for_command: Sequence[Path], for_python: Sequence[Path], folder: Path) -> Table:
    load = load_average()
    environment = {"CANTILENA_CACHE_DIR": str(folder / "cache"), "CANTILENA_THREADS": str(THREADS)}

    def command(score: Path) -> Sung:
        run = run_child(
            [
                str(COMMAND), "sing", str(score), "--output", str(folder / "take.wav"), "--force", "--json",
                "--progress", "none",
            ],
            environment=environment,
        )  # fmt: skip
        cache = json.loads(run.output)["cache"]
        return Sung(
            seconds=run.seconds, cpu_seconds=run.cpu_seconds, hits=cache["hits"], misses=cache["misses"]
        )  # fmt: skip

    cold = command(song)
    again = [command(song) for _ in for_command]
    changed = [command(score) for score in for_command]
    scores = [str(score) for score in (song, *for_python)]
    run = run_child([sys.executable, "-m", "benchmarks.one_word_changed", "--open", *scores], environment=environment)
    first, *others = (Sung(**sung) for sung in json.loads(run.output))

    table = Table(
        title="One word of a three-minute song changed", columns=("song", "s", "bar", "processor s", "hits", "misses")
    )

    def add(name: str, sung: Sequence[Sung], bar: Bar | None = None) -> None:
        seconds = statistics.median(one.seconds for one in sung)
        cpu = statistics.median(one.cpu_seconds for one in sung)
        table.add(
            name, Figure(value=seconds, bar=bar), str(bar or ""), Figure(value=cpu), str(sung[0].hits),
            str(sung[0].misses),
        )  # fmt: skip

    add("command, nothing kept yet", [cold])
    add("command, unchanged", again)
    add("command, one word changed", changed, SECONDS)
    add("Python, voicebank opened, unchanged", [first])
    add("Python, voicebank open, one word changed", others, SECONDS)
    table.remarks += [
        f"The built-in voice, {THREADS} threads; medians of {len(changed)}, another word each time. The command's time "
        "is that of its process, the file written; Python's is that of `cantilena.sing` until the samples are there. "
        "processor: on both cores together, which other work on the machine hardly changes.",
        f"Load of the machine when this began: {load}.",
    ]
    return table


def sing_with_open_voicebank(scores: Sequence[str]) -> list[Sung]:
    """Sing one score after the other with the built-in voice, opened once."""
    from cantilena.api import sing
    from cantilena.bootstrap import content_store, voicebank_folders
    from cantilena.settings import load_settings
    from cantilena.voicebank import find_voicebank, open_voicebank

    settings = load_settings()
    folder = find_voicebank(None, voicebank_folders(settings))
    voicebank = open_voicebank(folder, threads=settings.threads, store=content_store(settings))
    voicebank.open_all()
    sung = []
    for score in scores:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        take = sing(score, voicebank=voicebank)
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
        hits = take.cache_hits
        sung.append(Sung(seconds=seconds, cpu_seconds=cpu_seconds, hits=hits, misses=len(take.phrases) - hits))
    return sung


if __name__ == "__main__":
    sys.exit(main())
