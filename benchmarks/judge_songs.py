"""Sing the benchmark songs with the built-in voice and have the judge measure pitch, time, words and joins."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import soundfile
import soxr

import cantilena
from benchmarks.places import FETCH_WHISPER, JUDGE, SONGS, missing_tools
from benchmarks.song_reference import SongReference, read_reference
from benchmarks.table import Bar, Figure, Table
from cantilena.singing.options import Precision

TRANSPOSITIONS = {"mezzo": 0, "baritone": -12}
"""Semitones by which each speaker sings the songs; they are written for a mezzo."""

WITHIN_50_CENTS = Bar(sense="at least", value=0.97)
MEDIAN_CENTS = Bar(sense="at most", value=6.0)
ONSET_MS = Bar(sense="at most", value=30.0)
WORD_ERRORS = Bar(sense="at most", value=0.5)
CLIPPED = Bar(sense="at most", value=0)
CLICK = Bar(sense="at most", value=3.0)

COLUMNS = (
    "song", "BPM", "within 50 c", "median c", "onset ms", "at 44.1 kHz", "word errors", "clipped", "click", "voiced",
    "DNSMOS",
)  # fmt: skip
BAR_ROW = (
    "bar", "", str(WITHIN_50_CENTS), str(MEDIAN_CENTS), str(ONSET_MS), "", str(WORD_ERRORS), str(CLIPPED), str(CLICK),
    "", "",
)  # fmt: skip

ONSET_RATE = 48_000
"""Sample rate at which onsets are judged. The judge rounds its 2.5 ms hop to whole samples but counts 2.5 ms a hop: at
44,100 Hz its clock gains 2.27 ms a second, 34 ms by the middle of a song of half a minute; at 48,000 Hz it is exact."""


def main() -> int:
    """Print the table; ``--keep FOLDER`` leaves the takes, references and the judge's documents there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge_songs", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave takes and verdicts in this folder")
    parser.add_argument("--voicebank", help="id or folder; default: the built-in voice")
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    asked = parser.parse_args()
    table = Table(title="The voice, by the judge", columns=COLUMNS)
    table.add(*BAR_ROW)
    if not JUDGE.is_file():
        table.remarks.append(f"Not measured: the judge is not at {JUDGE}.")
        print(table)
        return 0
    if absent := missing_tools("pyworld"):
        table.remarks.append(f"Not measured: {absent}")
        print(table)
        return 0
    whisper = _whisper_folder(table)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for speaker, semitones in TRANSPOSITIONS.items():
            for song in sorted(SONGS.glob("*.musicxml")):
                reference = read_reference(song)
                name = folder / f"{song.stem}-{speaker}"
                _sing(
                    song, reference, name, speaker=speaker, semitones=semitones, voicebank=asked.voicebank,
                    precision=asked.precision,
                )  # fmt: skip
                verdict = _judge(name, f"{name}.wav", whisper)
                onset = _judge_onsets(name)
                _add_row(table, f"{reference.title}, {speaker}", reference, verdict, onset)
    table.remarks += [
        "Pitch over the middle 60 % of each note (harvest); words by Whisper base.",
        "onset: median distance of a vowel from its beat, judged on a copy at 48 kHz, where the judge's clock is "
        "exact; beside it the figure on the take itself, whose 44.1 kHz the judge counts 0.227 % too fast.",
        "voiced: share of note middles that are voiced. DNSMOS was trained on speech: compare versions, not songs.",
    ]
    print(table)
    return 0


def _sing(
    song: Path, reference: SongReference, name: Path, *, speaker: str, semitones: int, voicebank: str | None,
    precision: Precision,
) -> None:  # fmt: skip
    """Write NAME.wav and NAME.json, the reference in the audio's own clock."""
    take = cantilena.sing(
        song, speaker=speaker, transpose=semitones, voicebank=voicebank, precision=precision, cache=False
    )
    take.save(name.with_suffix(".wav"), force=True)
    notes = [asdict(note) for note in reference.notes]
    for note in notes:
        note["onset"] += take.lead_in_seconds
        note["offset"] += take.lead_in_seconds
        note["midi"] += semitones
    joins = [edge for phrase in take.phrases for edge in (phrase.onset, phrase.offset)]
    document = {"lyrics": reference.lyrics, "notes": notes, "joins": joins}
    name.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _judge(name: Path, wav: str, whisper: str | None, *more: str) -> dict[str, Any]:
    """The judge's document on a take, by the reference NAME.json."""
    command = [sys.executable, str(JUDGE), wav, f"{name}.json", "--out", f"{wav}.verdict.json", *more]
    if whisper:
        command += ["--whisper", whisper]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The judge refused {name.name}: {done.stderr.strip()}")
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def _judge_onsets(name: Path) -> float | None:
    """Median distance of vowels from their beats in ms, on a copy of NAME.wav at a rate the judge counts rightly."""
    samples, sample_rate = soundfile.read(f"{name}.wav", dtype="float32")
    copy = f"{name}-{ONSET_RATE // 1000}k.wav"
    soundfile.write(copy, soxr.resample(samples, sample_rate, ONSET_RATE), ONSET_RATE)
    median: float | None = _judge(name, copy, None, "--no-swift", "--no-dnsmos")["onset"].get("median_abs_ms")
    return median


def _add_row(table: Table, label: str, reference: SongReference, verdict: dict[str, Any], onset: float | None) -> None:
    pitch, words = verdict["f0_harvest"], verdict["words"]
    for part in ("words", "dnsmos", "f0_swift"):
        reason = verdict[part].get("skipped")
        if reason and (remark := f"{part} not measured: {reason}.") not in table.remarks:
            table.remarks.append(remark)
    table.add(
        label,
        f"{reference.beats_per_minute:g}",
        Figure(value=pitch["within_50_cents"], digits=3, bar=WITHIN_50_CENTS),
        Figure(value=pitch["median_abs_cents"], digits=1, bar=MEDIAN_CENTS),
        Figure(value=onset, digits=0, bar=ONSET_MS),
        Figure(value=verdict["onset"].get("median_abs_ms"), digits=0),
        Figure(value=words.get("wer"), digits=2, bar=WORD_ERRORS),
        Figure(value=verdict["clipped_samples"], digits=0, bar=CLIPPED),
        Figure(value=verdict["click"]["max"], digits=2, bar=CLICK),
        Figure(value=pitch["voiced_share_note_middle"], digits=2),
        Figure(value=verdict["dnsmos"].get("ovrl_mos"), digits=2),
    )


def _whisper_folder(table: Table) -> str | None:
    """Folder of the recogniser: ``WHISPER_DIR``, else fetched; None, with a remark, when it cannot be had."""
    if folder := os.environ.get("WHISPER_DIR"):
        return folder
    if absent := missing_tools("faster_whisper"):
        table.remarks.append(f"word errors not measured: {absent}")
        return None
    done = subprocess.run(
        ["sh", str(FETCH_WHISPER)], capture_output=True, text=True, check=False,
        env=dict(os.environ) | {"PYTHON": sys.executable},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()[-200:]
        table.remarks.append(f"word errors not measured: the recogniser could not be fetched ({said}).")
        return None
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    sys.exit(main())
