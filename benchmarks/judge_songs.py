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

import cantilena
from benchmarks.places import FETCH_WHISPER, JUDGE, SONGS, missing_tools
from benchmarks.song_reference import SongReference, read_reference
from benchmarks.table import Bar, Figure, Table

TRANSPOSITIONS = {"mezzo": 0, "baritone": -12}
"""Semitones by which each speaker sings the songs; they are written for a mezzo."""

WITHIN_50_CENTS = Bar(sense="at least", value=0.97)
MEDIAN_CENTS = Bar(sense="at most", value=6.0)
ONSET_MS = Bar(sense="at most", value=30.0)
WORD_ERRORS = Bar(sense="at most", value=0.5)
CLIPPED = Bar(sense="at most", value=0)
CLICK = Bar(sense="at most", value=3.0)

COLUMNS = (
    "song", "BPM", "within 50 c", "median c", "onset ms", "word errors", "clipped", "click", "voiced", "DNSMOS",
)  # fmt: skip
_BARRED = (WITHIN_50_CENTS, MEDIAN_CENTS, ONSET_MS, WORD_ERRORS, CLIPPED, CLICK)
BAR_ROW = ("bar", "", *map(str, _BARRED), "", "")


def main() -> int:
    """Print the table; ``--keep FOLDER`` leaves the takes, references and the judge's documents there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge_songs", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave takes and verdicts in this folder")
    parser.add_argument("--voicebank", help="id or folder; default: the built-in voice")
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
                _sing(song, reference, name, speaker=speaker, semitones=semitones, voicebank=asked.voicebank)
                _add_row(table, f"{reference.title}, {speaker}", reference, _judge(name, whisper))
    table.remarks += [
        "Pitch over the middle 60 % of each note (harvest); onsets against the beat; words by Whisper base.",
        "voiced: share of note middles that are voiced. DNSMOS was trained on speech: compare versions, not songs.",
    ]
    print(table)
    return 0


def _sing(
    song: Path, reference: SongReference, name: Path, *, speaker: str, semitones: int, voicebank: str | None
) -> None:
    """Write NAME.wav and NAME.json, the reference in the audio's own clock."""
    take = cantilena.sing(song, speaker=speaker, transpose=semitones, voicebank=voicebank)
    take.save(name.with_suffix(".wav"), force=True)
    notes = [asdict(note) for note in reference.notes]
    for note in notes:
        note["onset"] += take.lead_in_seconds
        note["offset"] += take.lead_in_seconds
        note["midi"] += semitones
    joins = [edge for phrase in take.phrases for edge in (phrase.onset, phrase.offset)]
    document = {"lyrics": reference.lyrics, "notes": notes, "joins": joins}
    name.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def _judge(name: Path, whisper: str | None) -> dict[str, Any]:
    """The judge's document on NAME.wav."""
    command = [sys.executable, str(JUDGE), f"{name}.wav", f"{name}.json", "--out", f"{name}.verdict.json"]
    if whisper:
        command += ["--whisper", whisper]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"The judge refused {name.name}.wav: {done.stderr.strip()}")
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def _add_row(table: Table, label: str, reference: SongReference, verdict: dict[str, Any]) -> None:
    pitch, onset, words = verdict["f0_harvest"], verdict["onset"], verdict["words"]
    for part in ("words", "dnsmos", "f0_swift"):
        reason = verdict[part].get("skipped")
        if reason and (remark := f"{part} not measured: {reason}.") not in table.remarks:
            table.remarks.append(remark)
    table.add(
        label,
        f"{reference.beats_per_minute:g}",
        Figure(value=pitch["within_50_cents"], digits=3, bar=WITHIN_50_CENTS),
        Figure(value=pitch["median_abs_cents"], digits=1, bar=MEDIAN_CENTS),
        Figure(value=onset.get("median_abs_ms"), digits=0, bar=ONSET_MS),
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
