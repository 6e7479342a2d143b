"""What quality, steps and precision change in a take, beside what they cost.

Every take is compared with the one at the highest quality in fp32, sung with the same noise: spectrogram, pitch and
loudness, frame by frame. The built-in voice is sung by its trained models; the voicebank of usual size has random
weights, and its differences say how far the arithmetic goes apart, nothing of sound.
``--small`` tries the program out with a tiny voicebank and a short phrase; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.phrase_songs import write_phrases
from benchmarks.recording import ModelRun, Recording, record_models
from benchmarks.table import Figure, Table, load_average
from benchmarks.usual_bank import SMALL, usual_bank
from benchmarks.usual_song import THREADS

REFERENCE = "best"
QUALITIES = ("best", "normal", "draft")
_DECIBELS = 20 / np.log(10)  # of one natural logarithm of an amplitude
_SILENCE_DB = -60.0
"""Bins this far below the loudest one are not heard, and not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardTake:
    """A take, and what its last two models were told.

    Attributes
    ----------
    mel_db : NDArray[np.float32] [shape=(n_frames, n_mels)]
    cents : NDArray[np.float32] [shape=(n_frames,)]
        Pitch.
    samples : NDArray[np.float32] [shape=(n_samples,)]
        Before the song was levelled.
    seconds : float
        That singing it took, the voicebank open.
    """

    mel_db: NDArray[np.float32]
    cents: NDArray[np.float32]
    samples: NDArray[np.float32]
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--small", action="store_true", help="a tiny voicebank and a short phrase")
    small = parser.parse_args(arguments).small
    recording = record_models(keep=True)
    load = load_average()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        score = folder / "phrases.musicxml"
        write_phrases(score, (4,) if small else (16, 12))
        banks = {"usual size, random weights": usual_bank(SMALL, parent=folder) if small else usual_bank()}
        if not small:
            banks = {"built-in": _built_in()} | banks
        for name, bank in banks.items():
            qualities = QUALITIES[:2] if small else QUALITIES
            print(_table(name, bank, score, folder / "cache", recording, qualities=qualities, load=load))
            print()
    return 0


def _table(
    name: str, bank: Path, score: Path, cache: Path, recording: Recording, *, qualities: Sequence[str], load: str
) -> Table:
    takes = {
        (quality, precision): _sing(bank, score, cache, recording, quality=quality, precision=precision)
        for precision in ("fp32", "int8")
        for quality in qualities
    }
    reference = takes[REFERENCE, "fp32"]
    table = Table(
        title=f"What quality and precision change: {name}",
        columns=("take", "s", "times as fast", "mel dB", "pitch cents", "level dB", "waveform dB"),
    )
    for (quality, precision), take in takes.items():
        same = take is reference
        table.add(
            f"{quality}, {precision}",
            Figure(value=take.seconds),
            Figure(value=reference.seconds / take.seconds),
            "" if same else Figure(value=_mel_distance(reference, take)),
            "" if same else Figure(value=_rms(reference.cents - take.cents), digits=1),
            "" if same else Figure(value=_level(take.samples) - _level(reference.samples)),
            "" if same else _error_ratio(reference, take),
        )
    table.remarks += [
        f"{len(reference.cents) * 512 / 44_100:.0f} s, {THREADS} threads, the voicebank open. Differences are from the "
        "first row: rms over the spectrogram down to "
        f"{-_SILENCE_DB:.0f} dB below its loudest bin; rms of pitch; level of the whole;",
        "waveform: power of the difference beside that of the take.",
        f"Load of the machine when this began: {load}.",
    ]
    return table


def _built_in() -> Path:
    from cantilena.bootstrap import voicebank_folders
    from cantilena.settings import load_settings
    from cantilena.voicebank import find_voicebank

    return find_voicebank(None, voicebank_folders(load_settings()))


def _sing(folder: Path, score: Path, cache: Path, recording: Recording, *, quality: str, precision: str) -> HeardTake:
    """Sing a score, after a short one: nothing is timed that happens only once."""
    from cantilena.api import sing
    from cantilena.cache import ContentStore
    from cantilena.voicebank import open_voicebank

    bank = open_voicebank(
        folder, threads=THREADS, precision=precision, store=ContentStore(cache, max_bytes=10**10)
    )  # fmt: skip
    warm_up = score.with_name("warm-up.musicxml")
    write_phrases(warm_up, (2,))
    sing(warm_up, voicebank=bank, quality=quality, precision=precision, cache=False)
    recording.clear()
    begin = time.perf_counter()
    sing(score, voicebank=bank, quality=quality, precision=precision, cache=False)
    seconds = time.perf_counter() - begin
    runs = [run for run in recording.runs if run.role == "vocoder"]
    return HeardTake(
        mel_db=np.concatenate([_fed(run, "mel")[0] for run in runs]) * np.float32(_DECIBELS),
        cents=np.concatenate([1200 * np.log2(_fed(run, "f0")[0]) for run in runs]),
        samples=np.concatenate([run.results[0].ravel() for run in runs]),
        seconds=seconds,
    )


def _fed(run: ModelRun, name: str) -> NDArray[np.float32]:
    array: NDArray[np.float32] = run.feeds[name]
    return array


def _mel_distance(reference: HeardTake, take: HeardTake) -> float:
    heard = reference.mel_db > reference.mel_db.max() + _SILENCE_DB
    return _rms((reference.mel_db - take.mel_db)[heard])


def _error_ratio(reference: HeardTake, take: HeardTake) -> str:
    error = _level(reference.samples - take.samples) - _level(reference.samples)
    return f"{error:.1f}" if np.isfinite(error) else "the same"


def _level(samples: NDArray[np.float32]) -> float:
    with np.errstate(divide="ignore"):
        return float(20 * np.log10(_rms(samples)))


def _rms(values: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


if __name__ == "__main__":
    sys.exit(main())
