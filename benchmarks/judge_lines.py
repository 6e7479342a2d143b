"""Sing eighteen lines of unheard words with one or more voicebanks and have the judge measure them in one run.

Words, pitch, time, joins, fricatives and DNSMOS of every line by every speaker, beside WORLD and beside the other
voicebanks; then the size of the files and the time of singing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.places import FETCH_WHISPER, JUDGE, LINES, missing_tools
from benchmarks.song_reference import SongReference, read_reference
from benchmarks.table import Bar, Figure, Table, load_average
from cantilena.singing.options import Precision

if TYPE_CHECKING:
    from benchmarks.judge import Judge, LineFigures, SungLine
    from cantilena.voicebank import Voicebank

THREADS = 2
TRANSPOSITIONS = {"mezzo": {}, "baritone": {"low": -10, "middle": -10, "high": -9}}
"""Semitones by which each speaker sings the lines of each register; they are written for a mezzo (G3 to D5)."""

WORDS, WORST_WORDS = Bar(sense="at most", value=0.15), Bar(sense="at most", value=0.35)
WITHIN_50_CENTS = Bar(sense="at least", value=0.98)
MEDIAN_CENTS = Bar(sense="at most", value=4.0)
NONE = Bar(sense="at most", value=0)
VOICED = Bar(sense="at least", value=0.98)
ONSET_MS, NINETIETH_MS = Bar(sense="at most", value=15.0), Bar(sense="at most", value=40.0)
CLICK = Bar(sense="at most", value=3.0)
OF_WORLD = Bar(sense="at least", value=0.9)
ABOVE_OTHER = Bar(sense="at least", value=0.3)
MEGABYTES, RTF = Bar(sense="at most", value=40.0), Bar(sense="at most", value=0.10)

COLUMNS = (
    "line", "word errors", "within 50 c", "median c", "octave", "voiced", "onset ms", "9 in 10", "click", "clipped",
    ">12 kHz dB", "14-16 kHz dB", "DNSMOS", "WORLD",
)  # fmt: skip
BAR_ROW = (
    "bar", str(WORST_WORDS), str(WITHIN_50_CENTS), str(MEDIAN_CENTS), str(NONE), str(VOICED), str(ONSET_MS),
    str(NINETIETH_MS), str(CLICK), str(NONE), "", "", "", "",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedLine:
    """A line by one speaker of one voicebank.

    Attributes
    ----------
    name : str
        Tempo, register, word.
    sung : SungLine
    figures : LineFigures
    world : float or None
        DNSMOS of the same recording after WORLD took it apart and put it together again.
    """

    name: str
    sung: SungLine
    figures: LineFigures
    world: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedVoice:
    """All lines by one speaker of one voicebank."""

    voicebank: str
    speaker: str
    lines: tuple[JudgedLine, ...]

    @property
    def dnsmos(self) -> float | None:
        """Mean of the lines."""
        return _mean([line.figures.dnsmos for line in self.lines])


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Seconds of singing, and of audio that came out."""

    work: float
    audio: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; ``--keep FOLDER`` leaves takes and references there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge_lines", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave takes and references in this folder")
    parser.add_argument(
        "--voicebank",
        action="append",
        help="id or folder; several times: the last is what the others are compared with; default: the built-in voice",
    )
    parser.add_argument("--only", default="", metavar="PATTERN", help="files of these lines alone, such as 'fast-*'")
    parser.add_argument("--speaker", choices=TRANSPOSITIONS, help="this speaker alone")
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    asked = parser.parse_args(arguments)
    if not JUDGE.is_file():
        print(f"The voice: not measured: the judge is not at {JUDGE}.")
        return 0
    if absent := missing_tools("pyworld"):
        print(f"The voice: not measured: {absent}")
        return 0
    from benchmarks.judge import Judge

    whisper, remark = _whisper_folder()
    judge = Judge(whisper)
    lines = sorted(LINES.glob(f"{asked.only or '*'}.musicxml"))
    speakers = (asked.speaker,) if asked.speaker else tuple(TRANSPOSITIONS)
    voices: list[JudgedVoice] = []
    remarks: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        for bank in map(_open, asked.voicebank or [None]):
            folder = (asked.keep or Path(temporary)) / bank.id
            folder.mkdir(parents=True, exist_ok=True)
            speed = Speed(work=0.0, audio=0.0)
            for speaker in speakers:
                takes = {}
                for line in lines:
                    takes[line.stem], taken = _sing(line, folder, bank, speaker, asked.precision)
                    speed = Speed(work=speed.work + taken.work, audio=speed.audio + taken.audio)
                judged = tuple(_judge(name, sung, judge) for name, sung in takes.items())
                voices.append(JudgedVoice(voicebank=bank.id, speaker=speaker, lines=judged))
                print(_line_table(voices[-1]), end="\n\n", flush=True)
            remarks.append(_size_and_speed(bank, speed))
        overview = _overview(voices, judge)
    overview.remarks += remarks + ([remark] if remark else [])
    overview.remarks += [
        "Pitch over the middle 60 % of each note (harvest); words by Whisper base; onset: distance of a vowel from its "
        "beat, judged on a copy at 48 kHz, where the judge's clock is exact.",
        "Fricatives: level above 12 kHz against 4-12 kHz, and of 14-16 kHz against 8-10 kHz. A singer whom we measured "
        "has -10.8 and -15.",
        "WORLD: DNSMOS of the same recording analysed and synthesised by WORLD. DNSMOS was trained on speech: compare "
        "voicebanks, not songs.",
        f"Load of the machine at the end: {load_average()}.",
    ]
    print(overview)
    return 0


def _open(name: str | None) -> Voicebank:
    from cantilena.bootstrap import voicebank_folders
    from cantilena.settings import load_settings
    from cantilena.voicebank import find_voicebank, open_voicebank

    return open_voicebank(find_voicebank(name, voicebank_folders(load_settings())), threads=THREADS)


def _sing(
    line: Path, folder: Path, bank: Voicebank, speaker: str, precision: Precision
) -> tuple[SungLine, Speed]:  # fmt: skip
    """Write LINE-SPEAKER.wav, and LINE-SPEAKER.json as the judge's command takes it."""
    import cantilena
    from benchmarks.judge import SungLine

    reference = read_reference(line)
    semitones = TRANSPOSITIONS[speaker].get(line.stem.split("-")[1], 0)
    begin = time.perf_counter()
    take = cantilena.sing(
        line, speaker=speaker, transpose=semitones, voicebank=bank, precision=precision, cache=False
    )  # fmt: skip
    speed = Speed(work=time.perf_counter() - begin, audio=take.duration_seconds)
    path = folder / f"{line.stem}-{speaker}.wav"
    take.save(path, force=True)
    sung = SungLine(
        path=path,
        lyrics=reference.lyrics,
        notes=_placed(reference, take.lead_in_seconds, semitones),
        joins=tuple(edge for phrase in take.phrases for edge in (phrase.onset, phrase.offset)),
    )
    document = asdict(sung) | {"path": path.name}
    path.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    return sung, speed


def _placed(reference: SongReference, begin: float, semitones: int) -> tuple:
    return tuple(
        replace(note, onset=note.onset + begin, offset=note.offset + begin, midi=note.midi + semitones)
        for note in reference.notes
    )


def _judge(name: str, sung: SungLine, judge: Judge) -> JudgedLine:
    from benchmarks.judge import read_mono
    from benchmarks.world_copy import copy_by_world

    figures = judge.line(sung)
    samples, sample_rate = read_mono(sung.path)
    copy = copy_by_world(samples, sample_rate, *judge.f0(sung))
    return JudgedLine(name=name, sung=sung, figures=figures, world=judge.dnsmos(copy, sample_rate))


def _line_table(voice: JudgedVoice) -> Table:
    table = Table(title=f"{voice.voicebank}, {voice.speaker}", columns=COLUMNS)
    table.add(*BAR_ROW)
    for line in voice.lines:
        figures, pitch, onset = line.figures, line.figures.pitch, line.figures.onset
        table.add(
            line.name.replace("-", " "),
            Figure(value=figures.word_errors, bar=WORST_WORDS),
            Figure(value=pitch.within_50_cents, digits=3, bar=WITHIN_50_CENTS),
            Figure(value=pitch.median_cents, digits=1, bar=MEDIAN_CENTS),
            Figure(value=pitch.octave_errors, digits=3, bar=NONE),
            Figure(value=pitch.voiced, digits=3, bar=VOICED),
            Figure(value=onset.median_ms, digits=0, bar=ONSET_MS),
            Figure(value=onset.ninetieth_ms, digits=0, bar=NINETIETH_MS),
            Figure(value=figures.click, bar=CLICK),
            Figure(value=figures.clipped, digits=0, bar=NONE),
            Figure(value=figures.above_12k_db, digits=1),
            Figure(value=figures.top_band_db, digits=1),
            Figure(value=figures.dnsmos),
            Figure(value=line.world),
        )
        if figures.word_errors:
            table.remarks.append(f"{line.sung.lyrics} Heard: {figures.heard}")
    return table


def _overview(voices: Sequence[JudgedVoice], judge: Judge) -> Table:
    table = Table(
        title="The voice, by the judge: all lines of a speaker together",
        columns=(
            "voice", "word errors", "worst", "within 50 c", "median c", "octave", "voiced", "onset ms", "9 in 10",
            "click", "clipped", ">12 kHz dB", "14-16 kHz dB", "DNSMOS", "of WORLD", "above other",
        ),
    )  # fmt: skip
    table.add(
        "bar", str(WORDS), str(WORST_WORDS), str(WITHIN_50_CENTS), str(MEDIAN_CENTS), str(NONE), str(VOICED),
        str(ONSET_MS), str(NINETIETH_MS), str(CLICK), str(NONE), "", "", "", str(OF_WORLD), str(ABOVE_OTHER),
    )  # fmt: skip
    others = {voice.speaker: voice for voice in voices}  # the last voicebank asked for
    for voice in voices:
        pitch, onset = judge.together([line.sung for line in voice.lines])
        figures = [line.figures for line in voice.lines]
        errors = [line.word_errors for line in figures if line.word_errors is not None]
        copied, other = _mean([line.world for line in voice.lines]), others[voice.speaker]
        table.add(
            f"{voice.voicebank}, {voice.speaker}",
            Figure(value=_mean(errors), digits=3, bar=WORDS),
            Figure(value=max(errors, default=None), bar=WORST_WORDS),
            Figure(value=pitch.within_50_cents, digits=3, bar=WITHIN_50_CENTS),
            Figure(value=pitch.median_cents, digits=1, bar=MEDIAN_CENTS),
            Figure(value=pitch.octave_errors, digits=4, bar=NONE),
            Figure(value=pitch.voiced, digits=3, bar=VOICED),
            Figure(value=onset.median_ms, digits=0, bar=ONSET_MS),
            Figure(value=onset.ninetieth_ms, digits=0, bar=NINETIETH_MS),
            Figure(value=max((line.click or 0.0 for line in figures), default=None), bar=CLICK),
            Figure(value=sum(line.clipped for line in figures), digits=0, bar=NONE),
            Figure(value=_mean([line.above_12k_db for line in figures]), digits=1),
            Figure(value=_mean([line.top_band_db for line in figures]), digits=1),
            Figure(value=voice.dnsmos),
            Figure(value=voice.dnsmos / copied if voice.dnsmos and copied else None, bar=OF_WORLD),
            ""
            if voice is other
            else Figure(value=voice.dnsmos - other.dnsmos if voice.dnsmos and other.dnsmos else None, bar=ABOVE_OTHER),
        )
    return table


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _size_and_speed(bank: Voicebank, speed: Speed) -> str:
    size = Figure(value=sum(file.stat().st_size for file in bank.folder.rglob("*") if file.is_file()) / 1e6, digits=1,
                  bar=MEGABYTES)  # fmt: skip
    rtf = Figure(value=speed.work / speed.audio, digits=3, bar=RTF)
    return f"{bank.id}: {size} MB ({MEGABYTES}); {rtf} s of work for a second of song on {THREADS} threads ({RTF})."


def _whisper_folder() -> tuple[str | None, str]:
    """Folder of the recogniser, ``WHISPER_DIR`` or fetched; None, and why, when it cannot be had."""
    if folder := os.environ.get("WHISPER_DIR"):
        return folder, ""
    if absent := missing_tools("faster_whisper"):
        return None, f"word errors not measured: {absent}"
    done = subprocess.run(
        ["sh", str(FETCH_WHISPER)], capture_output=True, text=True, check=False,
        env=dict(os.environ) | {"PYTHON": sys.executable},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()[-200:]
        return None, f"word errors not measured: the recogniser could not be fetched ({said})."
    return done.stdout.strip().splitlines()[-1], ""


if __name__ == "__main__":
    sys.exit(main())
