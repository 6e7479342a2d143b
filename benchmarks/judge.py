"""The judge of sung lines: the program in ``shared/voice``, asked line by line and about all of them together.

Its functions are called rather than its command, so that the recogniser is loaded once and a voice's lines can be
joined into one recording, whose figures are those of everything it sang.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from benchmarks.places import JUDGE
from benchmarks.song_reference import ReferenceNote

ONSET_RATE = 48_000
"""Sample rate at which onsets are judged. The judge rounds its 2.5 ms hop to whole samples but counts 2.5 ms a hop: at
44,100 Hz its clock gains 2.27 ms a second; at 48,000 Hz it is exact."""
_FRICATIVE_BANDS = ((14_000.0, 16_000.0), (8_000.0, 10_000.0))
_BETWEEN_LINES = 0.5
"""Seconds of silence between lines that are joined."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SungLine:
    """A line in a file, and what should be heard in it.

    Attributes
    ----------
    path : Path
        WAV.
    lyrics : str
        Plain words.
    notes : tuple of ReferenceNote
        On the file's clock.
    joins : tuple of float
        Seconds at which phrases begin and end.
    """

    path: Path
    lyrics: str
    notes: tuple[ReferenceNote, ...]
    joins: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PitchFigures:
    """The judge's figures on pitch, over the middle 60 % of each note (harvest)."""

    within_50_cents: float | None
    median_cents: float | None
    octave_errors: float | None
    voiced: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OnsetFigures:
    """Distance of vowels from their beats in milliseconds; None where no onset could be told."""

    median_ms: float | None
    ninetieth_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFigures:
    """What the judge finds in one line.

    Attributes
    ----------
    word_errors : float or None
        Share of the words; None without the recogniser.
    heard : str
        Words, as recognised.
    pitch : PitchFigures
    onset : OnsetFigures
    click : float or None
        At the worst join; about 1 is smooth.
    clipped : int
        Samples.
    above_12k_db : float or None
        Fricatives: level above 12 kHz against 4 to 12 kHz; None where there is none.
    top_band_db : float or None
        Fricatives: level of 14 to 16 kHz against 8 to 10 kHz.
    dnsmos : float or None
        Overall, of a meter made for speech.
    """

    word_errors: float | None
    heard: str
    pitch: PitchFigures
    onset: OnsetFigures
    click: float | None
    clipped: int
    above_12k_db: float | None
    top_band_db: float | None
    dnsmos: float | None


class Judge:
    """The judge's functions.

    Parameters
    ----------
    whisper : str or None
        Folder of the recogniser; None: words are not judged.
    """

    def __init__(self, whisper: str | None) -> None:
        self._whisper = whisper
        self._functions = _load()
        if whisper:
            import faster_whisper

            faster_whisper.WhisperModel = cache(faster_whisper.WhisperModel)  # the judge opens it for every line

    def line(self, sung: SungLine) -> LineFigures:
        """Judge one line."""
        judge, samples, sample_rate = self._functions, *read_mono(sung.path)
        notes, words = _plain(sung.notes), {}
        if self._whisper:
            words = judge.word_errors(str(sung.path), sung.lyrics, self._whisper, "en", 2)
        return LineFigures(
            word_errors=words.get("wer"),
            heard=words.get("heard", ""),
            pitch=self._pitch(*self.f0(sung), notes),
            onset=self._onset(_at_onset_rate(samples, sample_rate), notes),
            click=judge.clicks(samples, sample_rate, notes, list(sung.joins))["max"],
            clipped=int((np.abs(samples) >= 0.9995).sum()),
            above_12k_db=judge.spectrum(samples, sample_rate)["fricative_above_12k_db"],
            top_band_db=self._top_band(samples, sample_rate),
            dnsmos=self.dnsmos(samples, sample_rate),
        )

    def together(self, sung: Sequence[SungLine]) -> tuple[PitchFigures, OnsetFigures]:
        """Judge lines as if they were sung one after the other in one recording."""
        times, f0s, notes, audio = [], [], [], []
        begin = 0.0
        for line in sung:
            samples = _at_onset_rate(*read_mono(line.path))
            samples = np.pad(samples, (0, int(_BETWEEN_LINES * ONSET_RATE)))
            time, f0 = self.f0(line)
            times.append(time + begin)
            f0s.append(f0)
            notes += [
                note | {"onset": note["onset"] + begin, "offset": note["offset"] + begin} for note in _plain(line.notes)
            ]
            audio.append(samples)
            begin += len(samples) / ONSET_RATE
        return (
            self._pitch(np.concatenate(times), np.concatenate(f0s), notes),
            self._onset(np.concatenate(audio), notes),
        )

    def f0(self, sung: SungLine) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Seconds and Hz every 5 ms as harvest hears it, 0 where unvoiced."""
        if sung.path not in self._f0:
            hz = [440.0 * 2.0 ** ((note.midi - 69) / 12) for note in sung.notes]
            self._f0[sung.path] = self._functions.f0_harvest(
                *read_mono(sung.path), max(45.0, min(hz) / 2.3), min(2000.0, max(hz) * 2.3)
            )
        return self._f0[sung.path]

    @cached_property
    def _f0(self) -> dict[Path, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return {}

    def dnsmos(self, samples: NDArray[np.float64], sample_rate: int) -> float | None:
        """DNSMOS, overall; None where its package lacks."""
        found: float | None = self._functions.dnsmos(samples, sample_rate).get("ovrl_mos")
        return found

    def _pitch(
        self, times: NDArray[np.float64], f0: NDArray[np.float64], notes: list[dict[str, float]]
    ) -> PitchFigures:
        told = self._functions.pitch_scores(times, f0, notes, False)
        return PitchFigures(
            within_50_cents=told["within_50_cents"],
            median_cents=told["median_abs_cents"],
            octave_errors=told["octave_error_share"],
            voiced=told["voiced_share_note_middle"],
        )

    def _onset(self, samples: NDArray[np.float64], notes: list[dict[str, float]]) -> OnsetFigures:
        told = self._functions.onsets(samples, ONSET_RATE, notes)
        return OnsetFigures(median_ms=told.get("median_abs_ms"), ninetieth_ms=told.get("p90_abs_ms"))

    def _top_band(self, samples: NDArray[np.float64], sample_rate: int) -> float | None:
        """Level of the top band in the frames that the judge calls fricatives."""
        _, hz, power = self._functions.stft_power(samples, sample_rate, 0.02, 0.01)
        level = 10 * np.log10(power.sum(1) + 1e-12)
        high, low = power[:, hz > 3500].sum(1), power[:, (hz > 80) & (hz < 2000)].sum(1)
        fricative = (high > 2 * low) & (level > level.max() - 40)
        if not fricative.any():
            return None
        top, below = (power[fricative][:, (hz > begin) & (hz <= end)].sum() for begin, end in _FRICATIVE_BANDS)
        return float(10 * np.log10((top + 1e-20) / (below + 1e-20)))


def read_mono(path: Path) -> tuple[NDArray[np.float64], int]:
    """Samples of a file and their rate."""
    samples, sample_rate = soundfile.read(path, always_2d=True)
    return np.ascontiguousarray(samples.mean(1)), int(sample_rate)


def _at_onset_rate(samples: NDArray[np.float64], sample_rate: int) -> NDArray[np.float64]:
    return soxr.resample(samples, sample_rate, ONSET_RATE)


def _plain(notes: Sequence[ReferenceNote]) -> list[dict[str, float]]:
    return [asdict(note) for note in notes]


def rises(samples: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The curve whose steepest point near a beat the judge takes for the vowel's beginning.

    Parameters
    ----------
    samples : NDArray[np.float64] [shape=(n_samples,)]
        At ``ONSET_RATE``.

    Returns
    -------
    tuple of NDArray[np.float64] [shape=(n_times,)]
        Seconds, and the rise in dB over 30 ms around each of the level between 200 and 3,000 Hz.
    """
    times, hz, power = _load().stft_power(samples, ONSET_RATE, 0.02, 0.0025)
    level = 10 * np.log10(power[:, (hz > 200) & (hz < 3000)].sum(1) + 1e-9)
    level = np.maximum(level, level.max() - 60)
    level = np.convolve(np.pad(level, 3, mode="edge"), np.ones(7) / 7, "valid")
    rise = np.zeros_like(level)
    rise[6:-6] = level[12:] - level[:-12]
    return times, rise


@cache
def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("judge_voice", JUDGE)
    if spec is None or spec.loader is None:
        raise ImportError(f"{JUDGE} is no Python file")
    judge: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(judge)
    return judge
