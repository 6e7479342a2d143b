"""fp32 beside int8 with a voicebank of usual size: each model fed the very same numbers, and the takes they lead to.

The weights are random: the differences say how exact the arithmetic is, and nothing of how a trained voice sounds.
``--small`` tries the program out with a tiny voicebank; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.phrase_songs import write_phrases
from benchmarks.recording import ModelRun, Recording, record_models
from benchmarks.table import Bar, Figure, Table, has_vnni, load_average
from benchmarks.usual_bank import SMALL, usual_bank
from benchmarks.usual_song import THREADS

TIMES_AS_FAST = Bar(sense="at least", value=2.0)
ROUNDS = 3
STEPS = 10

MODELS = {"pitch": "pitch, semitones", "variance": "variance, dB", "acoustic": "acoustic, mel"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_bank_precision", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny voicebank and a short phrase")
    small = parser.parse_args(arguments).small
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        voicebank = usual_bank(SMALL, parent=folder) if small else usual_bank()
        score = folder / "phrase.musicxml"
        write_phrases(score, (4,) if small else (40,))
        print(_compare(voicebank, score, folder / "cache", rounds=1 if small else ROUNDS))
    return 0


def _compare(voicebank: Path, score: Path, cache: Path, *, rounds: int) -> Table:
    recording = record_models(keep=True)
    load = load_average()
    exact, _ = _sing(voicebank, score, "fp32", cache, recording)
    _, quantising = _sing(voicebank, score, "int8", cache, recording)  # the first time writes the int8 models
    quick, opening = _sing(voicebank, score, "int8", cache, recording)
    table = Table(
        title=f"int8 beside fp32: {len(exact['vocoder'].results[0].ravel()) / 44_100:.1f} s of sound, {STEPS} steps, "
        f"{THREADS} threads",
        columns=(
            "model",
            "fp32 s",
            "int8 s",
            "times as fast",
            "by processor",
            "rms difference",
            "at most",
            "deviation",
            "in the take",
        ),
    )
    bar = TIMES_AS_FAST if has_vnni() else None
    for role, name in MODELS.items():
        fed = exact[role]
        seconds: dict[str, list[float]] = {"fp32": [], "int8": []}
        cpu: dict[str, list[float]] = {"fp32": [], "int8": []}
        for _ in range(rounds):
            for precision, session in (("fp32", fed.session), ("int8", quick[role].session)):
                begin, cpu_begin = time.perf_counter(), time.process_time()
                results = session.run(fed.names, fed.feeds)
                seconds[precision].append(time.perf_counter() - begin)
                cpu[precision].append(time.process_time() - cpu_begin)
        whole, rough = np.stack(fed.results), np.stack(results)
        table.add(
            name,
            Figure(value=statistics.median(seconds["fp32"])),
            Figure(value=statistics.median(seconds["int8"])),
            Figure(value=_ratio(seconds), bar=bar),
            Figure(value=_ratio(cpu)),
            Figure(value=_rms(whole - rough), digits=4),
            Figure(value=float(np.abs(whole - rough).max()), digits=3),
            Figure(value=float(whole.std()), digits=2),
            Figure(value=_rms(whole - np.stack(quick[role].results)), digits=4),
        )
    table.remarks += [
        f"Bar: {TIMES_AS_FAST} on a machine with VNNI; this one has {'' if bar else 'no '}VNNI.",
        f"Medians of {rounds} runs each, in turn, on the same inputs and noise. deviation: of the fp32 values. in the "
        "take: rms difference where each model is fed what int8 made before it. by processor: the ratio of the time on "
        "both cores together, which other work on the machine hardly changes.",
        f"Opening with int8 took {quantising:.1f} s the first time, which quantises the models, and {opening:.1f} s "
        "then.",
        f"Random weights: nothing is said of sound. Load of the machine when this began: {load}.",
    ]
    return table


def _sing(
    voicebank: Path, score: Path, precision: str, cache: Path, recording: Recording
) -> tuple[dict[str, ModelRun], float]:
    """The runs of each kind of model while a score is sung, and the seconds that opening took."""
    from cantilena.api import sing
    from cantilena.cache import ContentStore
    from cantilena.voicebank import open_voicebank

    recording.clear()
    wishes: dict[str, Any] = {"precision": precision}
    begin = time.perf_counter()
    bank = open_voicebank(voicebank, threads=THREADS, store=ContentStore(cache, max_bytes=10**10), **wishes)
    bank.open_all()
    opened = time.perf_counter() - begin
    sing(score, voicebank=bank, steps=STEPS, cache=False, **wishes)
    return {run.role: run for run in recording.runs}, opened


def _ratio(times: dict[str, list[float]]) -> float:
    """How many times as long fp32 took, pair by pair."""
    return statistics.median(fp32 / int8 for fp32, int8 in zip(times["fp32"], times["int8"], strict=True))


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


if __name__ == "__main__":
    sys.exit(main())
