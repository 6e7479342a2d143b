"""Sing eighteen lines of unheard words with one or more voicebanks and have the judge measure them in one run.

Words, pitch, time, joins, fricatives and DNSMOS of every line by every speaker, beside WORLD and beside the other
voicebanks; then the size of the files and the time of singing. Who chooses between variants of a voice chooses by
``--tuning``, forty-two other lines: the eighteen judge what was chosen.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.places import CORPUS, JUDGE, LINES, TUNING_LINES, missing_tools
from benchmarks.table import Bar, Figure, Table, load_average
from benchmarks.whisper import whisper_folder

if TYPE_CHECKING:
    from benchmarks.judge import Judge, LineFigures, SungLine
    from benchmarks.line_takes import LineTake
    from benchmarks.world_speech import SpeechByWorld
    from cantilena.voicebank import Voicebank

THREADS = 2
SPOKEN_BY = {"mezzo": "af_heart", "baritone": "am_michael"}
"""Which voice of the corpus each speaker was trained on."""

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
    ">12 kHz dB", "14-16 kHz dB", "DNSMOS", "WORLD copy", "WORLD speech",
)  # fmt: skip
BAR_ROW = (
    "bar", str(WORST_WORDS), str(WITHIN_50_CENTS), str(MEDIAN_CENTS), str(NONE), str(VOICED), str(ONSET_MS),
    str(NINETIETH_MS), str(CLICK), str(NONE), "", "", "", "", "",
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
    copy : float or None
        DNSMOS of the same recording after WORLD took it apart and put it together again.
    speech : float or None
        DNSMOS of the corpus's own speech sung by WORLD to the same lengths and pitch.
    """

    name: str
    sung: SungLine
    figures: LineFigures
    copy: float | None
    speech: float | None


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


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; ``--keep FOLDER`` leaves takes and references there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.judge_lines", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave takes and references in this folder")
    parser.add_argument(
        "--voicebank",
        action="append",
        help="id or folder; several times: the last is what the others are compared with; default: the built-in voice",
    )
    parser.add_argument(
        "--tuning", action="store_true", help="the lines that variants of a voice are chosen by, instead"
    )
    parser.add_argument("--only", default="", metavar="PATTERN", help="files of these lines alone, such as 'fast-*'")
    parser.add_argument("--speaker", choices=SPOKEN_BY, help="this speaker alone")
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    asked = parser.parse_args(arguments)
    if not JUDGE.is_file():
        print(f"The voice: not measured: the judge is not at {JUDGE}.")
        return 0
    if absent := missing_tools("pyworld"):
        print(f"The voice: not measured: {absent}")
        return 0
    from benchmarks.judge import Judge
    from benchmarks.line_takes import open_bank, sing_line
    from benchmarks.world_speech import SpeechByWorld

    whisper, remark = whisper_folder()
    judge = Judge(whisper)
    lines = sorted((TUNING_LINES if asked.tuning else LINES).glob(f"{asked.only or '*'}.musicxml"))
    speakers = (asked.speaker,) if asked.speaker else tuple(SPOKEN_BY)
    voices: list[JudgedVoice] = []
    remarks: list[str] = []
    with tempfile.TemporaryDirectory() as temporary:
        for bank in (open_bank(name, threads=THREADS) for name in asked.voicebank or [None]):
            folder = (asked.keep or Path(temporary)) / bank.id
            folder.mkdir(parents=True, exist_ok=True)
            sung = {
                speaker: {line.stem: sing_line(line, folder, bank, speaker, asked.precision) for line in lines}
                for speaker in speakers
            }
            remarks.append(_size_and_speed(bank, [take for takes in sung.values() for take in takes.values()]))
            for speaker, takes in sung.items():
                spoken = SpeechByWorld(CORPUS, SPOKEN_BY[speaker]) if CORPUS.is_dir() else None
                judged = tuple(_judge(name, take, judge, spoken) for name, take in takes.items())
                voices.append(JudgedVoice(voicebank=bank.id, speaker=speaker, lines=judged))
                print(_line_table(voices[-1]), end="\n\n", flush=True)
        overview = _overview(voices, judge)
    overview.remarks += remarks + ([remark] if remark else [])
    overview.remarks += [
        "Pitch over the middle 60 % of each note (harvest); words by Whisper base; onset: distance of a vowel from its "
        "beat, judged on a copy at 48 kHz, where the judge's clock is exact.",
        "Fricatives: level above 12 kHz against 4-12 kHz, and of 14-16 kHz against 8-10 kHz. A singer whom we measured "
        "has -10.8 and -15.",
        "WORLD copy: DNSMOS of the same recording analysed and synthesised by WORLD; WORLD speech: of natural "
        "speech, the corpus's, sung by WORLD to the same lengths and pitch. DNSMOS was made for speech: compare it.",
        f"Load of the machine at the end: {load_average()}.",
    ]
    print(overview)
    return 0


def _judge(name: str, take: LineTake, judge: Judge, spoken: SpeechByWorld | None) -> JudgedLine:
    from benchmarks.judge import read_mono
    from benchmarks.world_copy import copy_by_world

    samples, sample_rate = read_mono(take.sung.path)
    copy = copy_by_world(samples, sample_rate, *judge.f0(take.sung))
    speech = spoken.sing(take.phonemes, take.times, take.f0) if spoken else None
    return JudgedLine(
        name=name,
        sung=take.sung,
        figures=judge.line(take.sung),
        copy=judge.dnsmos(copy, sample_rate),
        speech=judge.dnsmos(speech, spoken.sample_rate) if spoken and speech is not None else None,
    )


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
            Figure(value=line.copy),
            Figure(value=line.speech),
        )
        if figures.word_errors:
            table.remarks.append(f"{line.sung.lyrics} Heard: {figures.heard}")
    return table


def _overview(voices: Sequence[JudgedVoice], judge: Judge) -> Table:
    table = Table(
        title="The voice, by the judge: all lines of a speaker together",
        columns=(
            "voice", "word errors", "worst", "within 50 c", "median c", "octave", "voiced", "onset ms", "9 in 10",
            "click", "clipped", ">12 kHz dB", "14-16 kHz dB", "DNSMOS", "of WORLD copy", "of WORLD speech",
            "above other",
        ),
    )  # fmt: skip
    table.add(
        "bar", str(WORDS), str(WORST_WORDS), str(WITHIN_50_CENTS), str(MEDIAN_CENTS), str(NONE), str(VOICED),
        str(ONSET_MS), str(NINETIETH_MS), str(CLICK), str(NONE), "", "", "", str(OF_WORLD), str(OF_WORLD),
        str(ABOVE_OTHER),
    )  # fmt: skip
    others = {voice.speaker: voice for voice in voices}  # the last voicebank asked for
    for voice in voices:
        pitch, onset = judge.together([line.sung for line in voice.lines])
        figures = [line.figures for line in voice.lines]
        errors = [line.word_errors for line in figures if line.word_errors is not None]
        copied, spoken = (_mean([getattr(line, kind) for line in voice.lines]) for kind in ("copy", "speech"))
        other = others[voice.speaker]
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
            Figure(value=voice.dnsmos / spoken if voice.dnsmos and spoken else None, bar=OF_WORLD),
            ""
            if voice is other
            else Figure(value=voice.dnsmos - other.dnsmos if voice.dnsmos and other.dnsmos else None, bar=ABOVE_OTHER),
        )
    return table


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _size_and_speed(bank: Voicebank, takes: Sequence[LineTake]) -> str:
    megabytes = sum(file.stat().st_size for file in bank.folder.rglob("*") if file.is_file()) / 1e6
    size = Figure(value=megabytes, digits=1, bar=MEGABYTES)
    audio = sum(take.audio_seconds for take in takes)
    rtf = Figure(value=sum(take.work_seconds for take in takes) / audio, digits=3, bar=RTF)
    processor = sum(take.processor_seconds for take in takes) / audio
    return (
        f"{bank.id}: {size} MB ({MEGABYTES}); a second of song takes {rtf} s on {THREADS} threads ({RTF}), opening "
        f"included, and {processor:.3f} s of processor time."
    )


if __name__ == "__main__":
    sys.exit(main())
