"""The corpus's own speech sung by WORLD: the line that a voice trained on it would sing if it learnt everything.

The phonemes of a take are looked up in the corpus, the longest runs first; WORLD takes those pieces apart, stretches
them to the take's lengths and puts them together at the take's pitch. No network is in it, so what this loses against
natural speech is lost by singing, and what a voice loses against this it loses by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyworld
import soundfile
from numpy.typing import NDArray

FRAME_SECONDS = 0.005
_F0_STEP_SECONDS = 0.0125  # of the corpus's labels
_LONGEST_RUN = 8
_EDGE_SECONDS = 0.06
"""How much of either end of a vowel keeps its own speed: the middle is what singing stretches."""
_MARGIN_SECONDS = 0.1
"""What is analysed around a piece."""
_VOWEL_LEVEL = 1e-4
"""Power density that the vowels of every piece are brought to."""
_SILENCE = 1e-12
_VOWELS = frozenset(["aa", "ae", "ah", "ao", "aw", "ay", "eh", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"])
SILENT = frozenset(("SP", "AP"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SungPhoneme:
    """A phoneme of a take that is heard: a symbol of the corpus, and seconds in the audio."""

    symbol: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Utterance:
    """A line of the corpus: its file, phones with their times, and pitch."""

    audio: Path
    phones: tuple[tuple[str, float, float], ...]
    f0: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """Power [shape=(n, n_bins)], aperiodicity [shape=(n, n_bins)] and whether it is voiced [shape=(n,)], every 5 ms."""

    power: NDArray[np.float64]
    aperiodicity: NDArray[np.float64]
    voiced: NDArray[np.bool_]


class SpeechByWorld:
    """One voice of the corpus.

    Parameters
    ----------
    corpus : Path
        Its folder.
    voice : str
        As in ``labels-<voice>.jsonl``.
    """

    def __init__(self, corpus: Path, voice: str) -> None:
        rows = (corpus / f"labels-{voice}.jsonl").read_text(encoding="utf-8").splitlines()
        self._utterances = [_read(corpus, json.loads(row)) for row in rows]
        self._runs: dict[tuple[str, ...], tuple[int, int]] = {}
        for number, utterance in enumerate(self._utterances):
            symbols = [symbol for symbol, *_ in utterance.phones]
            for begin in range(len(symbols)):
                for length in range(1, min(_LONGEST_RUN, len(symbols) - begin) + 1):
                    run = tuple(symbols[begin : begin + length])
                    if SILENT & set(run):
                        break
                    self._runs.setdefault(run, (number, begin))
        self.sample_rate = soundfile.info(self._utterances[0].audio).samplerate

    def sing(
        self, phonemes: Sequence[SungPhoneme], times: NDArray[np.float64], f0: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Sing a take anew.

        Parameters
        ----------
        phonemes : sequence of SungPhoneme
            In order.
        times, f0 : NDArray[np.float64] [shape=(n_frames,)]
            Seconds in the audio and Hz, never 0.

        Returns
        -------
        NDArray[np.float64] [shape=(n,)]
            At the corpus's sample rate.
        """
        n_frames = int(np.ceil(max(phoneme.end for phoneme in phonemes) / FRAME_SECONDS)) + 1
        fft_size = pyworld.get_cheaptrick_fft_size(self.sample_rate)
        power = np.full((n_frames, fft_size // 2 + 1), _SILENCE)
        aperiodicity = np.ones_like(power)
        voiced = np.zeros(n_frames, dtype=bool)
        at = 0
        while at < len(phonemes):
            length, found = self._longest_run([phoneme.symbol for phoneme in phonemes[at : at + _LONGEST_RUN]])
            piece = self._analyse(*found, length)
            for k in range(length):
                begin, end = (round(t / FRAME_SECONDS) for t in (phonemes[at + k].begin, phonemes[at + k].end))
                source = self._positions(found, k, end - begin)
                power[begin:end] = np.exp(_interpolated(np.log(piece.power), source))
                aperiodicity[begin:end] = _interpolated(piece.aperiodicity, source)
                voiced[begin:end] = piece.voiced[np.clip(np.round(source).astype(int), 0, len(piece.voiced) - 1)]
            at += length
        pitch = np.where(voiced, np.interp(np.arange(n_frames) * FRAME_SECONDS, times, f0), 0.0)
        sung: NDArray[np.float64] = pyworld.synthesize(
            pitch, power, aperiodicity, self.sample_rate, frame_period=FRAME_SECONDS * 1000
        )
        return sung

    def _longest_run(self, symbols: Sequence[str]) -> tuple[int, tuple[int, int]]:
        """How many of the first symbols the corpus has in a row, and in which utterance from which phone on."""
        for length in range(len(symbols), 0, -1):
            if found := self._runs.get(tuple(symbols[:length])):
                return length, found
        raise ValueError(f"the corpus has no phone {symbols[0]!r}")

    def _analyse(self, number: int, first: int, length: int) -> _Frames:
        """Frames of a run of phones, from a margin before it on, its vowels at the common level."""
        utterance = self._utterances[number]
        phones = utterance.phones[first : first + length]
        begin, end = max(0.0, phones[0][1] - _MARGIN_SECONDS), phones[-1][2] + _MARGIN_SECONDS
        samples, rate = soundfile.read(
            utterance.audio, start=round(begin * self.sample_rate), stop=round(end * self.sample_rate)
        )
        times = np.arange(int(len(samples) / rate / FRAME_SECONDS)) * FRAME_SECONDS
        f0 = pyworld.stonemask(samples, _pitch_at(utterance, times + begin), times, rate)
        power = pyworld.cheaptrick(samples, f0, times, rate)
        vowels = [
            power[int((p[1] - begin) / FRAME_SECONDS) : int((p[2] - begin) / FRAME_SECONDS)].mean()
            for p in phones
            if p[0] in _VOWELS and p[2] - p[1] > 2 * FRAME_SECONDS
        ]
        gain = _VOWEL_LEVEL / np.mean(vowels) if vowels else 1.0
        return _Frames(power=power * gain + _SILENCE, aperiodicity=pyworld.d4c(samples, f0, times, rate), voiced=f0 > 0)

    def _positions(self, found: tuple[int, int], k: int, n_frames: int) -> NDArray[np.float64]:
        """Which frames of a piece the sung frames of its k-th phone come from, fractional."""
        number, first = found
        phones = self._utterances[number].phones
        start = max(0.0, phones[first][1] - _MARGIN_SECONDS)
        symbol, begin, end = phones[first + k]
        sung, spoken = n_frames * FRAME_SECONDS, end - begin
        edge = min(_EDGE_SECONDS, 0.4 * spoken, 0.4 * sung) if symbol in _VOWELS else 0.0
        at = (np.arange(n_frames) + 0.5) * FRAME_SECONDS
        seconds = np.interp(at, [0.0, edge, sung - edge, sung], [0.0, edge, spoken - edge, spoken])
        return (begin - start + seconds) / FRAME_SECONDS


def _read(corpus: Path, row: dict) -> _Utterance:
    f0 = np.asarray(row["f0_hz"], dtype=np.float64)
    return _Utterance(
        audio=corpus / row["audio"],
        phones=tuple((phone[0], phone[1], phone[2]) for phone in row["phones"]),
        f0=np.where(f0 > 50.0, f0, 0.0),
    )


def _pitch_at(utterance: _Utterance, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hz by the labels, 0 where unvoiced."""
    at = np.arange(len(utterance.f0)) * _F0_STEP_SECONDS
    known = utterance.f0 > 0
    f0 = np.exp(np.interp(times, at[known], np.log(utterance.f0[known])))
    return np.where(np.interp(times, at, known.astype(float)) > 0.5, f0, 0.0)


def _interpolated(frames: NDArray[np.float64], positions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Frames [shape=(n, n_bins)] at fractional positions."""
    positions = np.clip(positions, 0, len(frames) - 1)
    below = np.minimum(positions.astype(int), len(frames) - 2)
    share = (positions - below)[:, None]
    return frames[below] * (1 - share) + frames[below + 1] * share
