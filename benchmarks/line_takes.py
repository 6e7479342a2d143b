"""The benchmark lines sung with a voicebank: the recording, what should be heard in it, and what it was made of."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

import cantilena
from benchmarks.judge import SungLine
from benchmarks.song_reference import read_reference
from benchmarks.world_speech import SILENT, SungPhoneme
from cantilena.api import plan
from cantilena.singing.options import Precision, SingOptions
from cantilena.singing.pipeline import PHRASE_STEPS, PhraseResults, lead_in_seconds

if TYPE_CHECKING:
    from cantilena.singing.results import PhonemeTiming, PitchCurve
    from cantilena.voicebank import Voicebank

TRANSPOSITIONS: dict[str, dict[str, int]] = {"mezzo": {}, "baritone": {"low": -10, "middle": -10, "high": -9}}
"""Semitones by which each speaker sings the lines of each register; they are written for a mezzo (G3 to D5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTake:
    """A line by one speaker.

    Attributes
    ----------
    sung : SungLine
        The recording.
    phonemes : tuple of SungPhoneme
        On the recording's clock.
    times, f0 : NDArray[np.float64] [shape=(n_frames,)]
        The pitch that was commanded: seconds in the recording, Hz.
    work_seconds, processor_seconds, audio_seconds : float
        Time of singing by the clock and by the processor, and length of the recording.
    """

    sung: SungLine
    phonemes: tuple[SungPhoneme, ...]
    times: NDArray[np.float64]
    f0: NDArray[np.float64]
    work_seconds: float
    processor_seconds: float
    audio_seconds: float


def semitones_for(speaker: str, line: Path) -> int:
    """How far a speaker transposes a line; its register is the second word of its name."""
    return TRANSPOSITIONS[speaker].get(line.stem.split("-")[1], 0)


def open_bank(name: str | None, *, threads: int) -> Voicebank:
    """Open a voicebank by its id or folder; None: the built-in one."""
    from cantilena.bootstrap import voicebank_folders
    from cantilena.settings import load_settings
    from cantilena.voicebank import find_voicebank, open_voicebank

    return open_voicebank(find_voicebank(name, voicebank_folders(load_settings())), threads=threads)


def sing_line(line: Path, folder: Path, bank: Voicebank, speaker: str, precision: Precision) -> LineTake:
    """Sing a line; write LINE-SPEAKER.wav, and LINE-SPEAKER.json as the judge's command takes it."""
    reference = read_reference(line)
    semitones = semitones_for(speaker, line)
    begin, processor = time.perf_counter(), time.process_time()
    take = cantilena.sing(
        line, speaker=speaker, transpose=semitones, voicebank=bank, precision=precision, cache=False
    )  # fmt: skip
    work_seconds, processor_seconds = time.perf_counter() - begin, time.process_time() - processor
    path = folder / f"{line.stem}-{speaker}.wav"
    take.save(path, force=True)
    lead_in = take.lead_in_seconds
    sung = SungLine(
        path=path,
        lyrics=reference.lyrics,
        notes=tuple(
            replace(note, onset=note.onset + lead_in, offset=note.offset + lead_in, midi=note.midi + semitones)
            for note in reference.notes
        ),
        joins=tuple(edge for phrase in take.phrases for edge in (phrase.onset, phrase.offset)),
    )
    document = asdict(sung) | {"path": path.name}
    path.with_suffix(".json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    phonemes: list[SungPhoneme] = []
    times, f0s = [], []
    for begin, timing, pitch in _commanded(line, bank, SingOptions(speaker=speaker, transpose=semitones)):
        phonemes += _placed(timing, begin)
        times.append(timing.frame_times + begin)
        f0s.append(pitch.f0)
    return LineTake(
        sung=sung, phonemes=tuple(phonemes), times=np.concatenate(times), f0=np.concatenate(f0s).astype(np.float64),
        work_seconds=work_seconds, processor_seconds=processor_seconds, audio_seconds=take.duration_seconds,
    )  # fmt: skip


def _commanded(
    line: Path, bank: Voicebank, options: SingOptions
) -> list[tuple[float, PhonemeTiming, PitchCurve]]:  # fmt: skip
    """Seconds in the recording, lengths and pitch of each phrase."""
    planned = plan(line, voicebank=bank, options=options)
    phrases = []
    for phrase in planned.performance.phrases:
        results = PhraseResults.of(phrase)
        for step in ("align", "durations", "pitch"):
            results = PHRASE_STEPS[step](results, planned.singer)
        assert results.timing is not None
        assert results.pitch is not None
        phrases.append((results.onset + lead_in_seconds(bank), results.timing, results.pitch))
    return phrases


def _placed(timing: PhonemeTiming, begin: float) -> list[SungPhoneme]:
    onsets = timing.onsets + begin
    ends = np.append(onsets[1:], begin + timing.offset + timing.n_frames * timing.frame_seconds)
    return [
        SungPhoneme(symbol=symbol, begin=float(onset), end=float(end))
        for symbol, onset, end in zip(timing.symbols, onsets, ends, strict=True)
        if symbol not in SILENT
    ]
