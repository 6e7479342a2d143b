"""Waveforms placed in time and summed into one track, in memory for a phrase rather than for a song.

Conventions
-----------
Waveforms come in the order of the song. They are summed where they overlap, multiplied by the gain curve and put down
in a temporary store while loudness and peaks are measured; reading the finished track applies the final gain. Work is
done in blocks that count from the beginning of the track, so the samples do not depend on how the song was divided.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import IO, Final, Self

import numpy as np
from numpy.typing import NDArray

from cantilena.audio.levels import HOP, Levelling, PeakMeter, plan_levelling, ramps
from cantilena.audio.loudness import LoudnessMeter
from cantilena.audio.waveform import Waveform
from cantilena.audio.whole_file import storage_error
from cantilena.cancellation import check_canceled
from cantilena.units import db_to_factor

FADE_SECONDS: Final = 0.008
"""Fade at both ends of every waveform: without it the join of two phrases clicks."""

_BLOCK: Final = 32_768
_GAIN_HOP: Final = 64
# A phrase of one short note may be followed by one that begins with a long cluster of consonants, and so starts
# earlier than it. What lies less than this behind the newest waveform can still change.
_OPEN_SECONDS: Final = 2.0
# Ten seconds or so stay in memory; what is longer goes to a temporary file.
_STORE_BYTES_IN_MEMORY: Final = 2 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class GainCurve:
    """Gain over time, linear in dB between the points and constant beyond them.

    Attributes
    ----------
    times : tuple of float
        Seconds from the score's first beat, in order.
    gains_db : tuple of float
        dB, one a time.
    """

    times: tuple[float, ...] = (0.0,)
    gains_db: tuple[float, ...] = (0.0,)

    def factors(self, seconds: NDArray[np.float64]) -> NDArray[np.float32]:
        """Amplitude factors at some moments [shape=(n,)]."""
        return db_to_factor(np.interp(seconds, self.times, self.gains_db)).astype(np.float32)

    def shape(
        self, samples: NDArray[np.float32], *, begin: int, sample_rate: int, lead_in_seconds: float
    ) -> NDArray[np.float32]:
        """Samples [shape=(n,)] with this gain; they begin with sample ``begin`` of the track.

        The gain is taken at whole hops from the beginning of the track and is linear between them, so that a sample
        gets the same gain however the track is divided.
        """
        first, last = begin // _GAIN_HOP, -(-(begin + len(samples)) // _GAIN_HOP)
        edges = _GAIN_HOP * np.arange(first, last + 1)
        gains = ramps(self.factors(edges / sample_rate - lead_in_seconds), _GAIN_HOP)
        skipped = begin - first * _GAIN_HOP
        return np.asarray(samples * gains[skipped : skipped + len(samples)])


FLAT: Final = GainCurve()


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A finished song.

    Attributes
    ----------
    sample_rate : int
        Hz.
    n_samples : int
        Length.
    levelling : Levelling
        Gain that was chosen.
    read : callable
        ``read(begin, end)`` gives samples before levelling; works while the builder is open.
    """

    sample_rate: int
    n_samples: int
    levelling: Levelling
    read: Callable[[int, int], NDArray[np.float32]]

    @property
    def duration_seconds(self) -> float:
        return self.n_samples / self.sample_rate

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The samples [shape=(n,)] in order, a block of less than a second or two at a time."""
        for begin in range(0, self.n_samples, _BLOCK):
            check_canceled()
            samples = self.read(begin, min(begin + _BLOCK, self.n_samples))
            yield self.levelling.apply(samples, hop_index=begin // HOP)

    def samples(self) -> NDArray[np.float32]:
        """All samples [shape=(n_samples,)] in memory."""
        return np.concatenate([np.zeros(0, dtype=np.float32), *self.blocks()])


class TrackBuilder:
    """Lays waveforms into one track; a context manager that owns what the finished track is read from.

    Parameters
    ----------
    sample_rate : int
        Hz; of every waveform.
    lead_in_seconds : float
        Audio before the score's first beat. What a waveform has before it is cut off.
    gain_curve : GainCurve
        Loudness that the score asks for.
    end_seconds : float
        The track lasts at least until here, counted from the score's first beat.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        lead_in_seconds: float = 0.0,
        gain_curve: GainCurve = FLAT,
        end_seconds: float = 0.0,
    ) -> None:
        self._sample_rate = sample_rate
        self._lead_in_seconds = lead_in_seconds
        self._gain_curve = gain_curve
        self._min_samples = max(0, round((lead_in_seconds + end_seconds) * sample_rate))
        self._store: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_STORE_BYTES_IN_MEMORY)  # noqa: SIM115
        self._n_stored = 0
        self._open: NDArray[np.float32] = np.zeros(0, dtype=np.float32)  # what begins at sample _n_stored
        self._meters = _Meters(sample_rate, self._read)
        self._one_at_a_time = Lock()  # who moves the place in the store

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._meters.close()
        with suppress(OSError):  # what it could not write is not wanted any more
            self._store.close()

    def add(self, waveform: Waveform) -> None:
        """Place the next waveform, with short fades at both ends.

        Raises
        ------
        ValueError
            When it has another sample rate, or begins in a part of the track that is already put down.
        OutputError
            When the temporary store is full.
        """
        if waveform.sample_rate != self._sample_rate:
            raise ValueError(f"waveform has {waveform.sample_rate} Hz, the track {self._sample_rate} Hz")
        begin, samples = place(waveform, lead_in_seconds=self._lead_in_seconds)
        self._put_down(begin - round(_OPEN_SECONDS * self._sample_rate))
        at = begin - self._n_stored
        if at < 0:
            raise ValueError(f"waveform begins at sample {begin}, but the track is put down up to {self._n_stored}")
        self._extend(begin + len(samples))
        self._open[at : at + len(samples)] += samples

    def finish(self) -> Track:
        """Close the track and choose its gain.

        Raises
        ------
        OutputError
            When the temporary store is full.
        """
        self._put_down(max(self._min_samples, self._n_stored + len(self._open)))
        self._extend(self._min_samples)
        if len(self._open):
            self._put_down_block(self._open)
        with _temporary_storage():
            loudness, peaks = self._meters.finish()
            self._store.flush()
        return Track(
            sample_rate=self._sample_rate,
            n_samples=self._n_stored,
            levelling=plan_levelling(loudness, peaks, sample_rate=self._sample_rate),
            read=self._read,
        )

    def _extend(self, end: int) -> None:
        missing = end - self._n_stored - len(self._open)
        if missing > 0:
            self._open = np.concatenate((self._open, np.zeros(missing, dtype=np.float32)))

    def _put_down(self, end: int) -> None:
        """Put down the whole blocks before sample ``end``; a long rest passes through a block at a time."""
        while self._n_stored + _BLOCK <= end:
            self._extend(self._n_stored + _BLOCK)
            block, self._open = self._open[:_BLOCK], self._open[_BLOCK:]
            self._put_down_block(block)

    def _put_down_block(self, samples: NDArray[np.float32]) -> None:
        shaped = self._gain_curve.shape(
            samples, begin=self._n_stored, sample_rate=self._sample_rate, lead_in_seconds=self._lead_in_seconds
        )
        begin, self._n_stored = self._n_stored, self._n_stored + len(shaped)
        with _temporary_storage(), self._one_at_a_time:
            self._store.seek(4 * begin)
            self._store.write(shaped.tobytes())
        self._meters.add(begin, self._n_stored)

    def _read(self, begin: int, end: int) -> NDArray[np.float32]:
        with self._one_at_a_time:
            self._store.seek(4 * begin)
            return np.frombuffer(self._store.read(4 * (end - begin)), dtype=np.float32)


class _Meters:
    """Loudness and peaks of what is put down, in order, measured in a thread of their own beside the singing.

    Parameters
    ----------
    sample_rate : int
        Hz.
    read : callable
        ``read(begin, end)`` gives what was put down: nothing waits in memory where singing is faster than measuring.
    """

    def __init__(self, sample_rate: int, read: Callable[[int, int], NDArray[np.float32]]) -> None:
        self._loudness = LoudnessMeter(sample_rate)
        self._peaks = PeakMeter(sample_rate)
        self._read = read
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="meters")
        self._waiting: list[Future[None]] = []

    def add(self, begin: int, end: int) -> None:
        """Take the samples from ``begin`` to ``end``, the next ones."""
        self._waiting.append(self._worker.submit(self._measure, begin, end))

    def finish(self) -> tuple[float | None, NDArray[np.float32]]:
        """Integrated loudness and the peaks of the hops of everything taken."""
        for measured in self._waiting:
            check_canceled()
            measured.result()
        return self._loudness.integrated(), self._peaks.finish()

    def close(self) -> None:
        """End the thread; what is not measured yet is not wanted any more."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _measure(self, begin: int, end: int) -> None:
        samples = self._read(begin, end)
        self._loudness.add(samples)
        self._peaks.add(samples)


@contextmanager
def _temporary_storage() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise storage_error(error, f"to the temporary folder {tempfile.gettempdir()}") from error


def place(waveform: Waveform, *, lead_in_seconds: float) -> tuple[int, NDArray[np.float32]]:
    """Where in a track a waveform begins, as a number of samples, and its samples with short fades at both ends.

    What it has before the lead-in is cut off.
    """
    begin = round((waveform.offset + lead_in_seconds) * waveform.sample_rate)
    samples = faded(waveform.samples[max(0, -begin) :], round(FADE_SECONDS * waveform.sample_rate))
    return max(0, begin), samples


def faded(samples: NDArray[np.float32], n_fade: int) -> NDArray[np.float32]:
    """A copy of samples [shape=(n,)] that rises from and falls to silence over ``n_fade`` samples, or half of them."""
    out = samples.copy()
    n_fade = min(n_fade, len(out) // 2)
    rise = np.square(np.sin(0.5 * np.pi * (np.arange(n_fade) + 0.5) / max(n_fade, 1))).astype(np.float32)
    out[:n_fade] *= rise
    out[len(out) - n_fade :] *= rise[::-1]
    return out
