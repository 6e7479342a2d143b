"""Samples to audio files: which format, at which rate, encoded in blocks.

Conventions
-----------
Mono. WAV and FLAC hold 16-bit integers, rounded half to even without dither, so that the same samples make the same
bytes; so does MP3. The bytes of Opus differ from run to run, since Ogg gives every stream a number of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from cantilena.audio.whole_file import check_output, whole_file
from cantilena.errors import OptionError, OutputError

__all__ = ["AudioFormat", "WrittenFile", "available_formats", "check_output", "resolve_format", "write_audio"]

AudioFormat = Literal["wav", "flac", "mp3", "opus"]
FORMATS: Final[tuple[AudioFormat, ...]] = get_args(AudioFormat)

_BLOCK: Final = 65_536  # Ogg encoders overflow the stack when they are given minutes at once
INT16_FULL_SCALE: Final = 32_767.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Encoding:
    """How libsndfile is asked for a format; ``rates``: what it can hold, highest last, or anything when empty.

    The levels give about 90 kbit/s (MP3, LAME's V2) and 80 kbit/s (Opus) for one voice.
    """

    container: str
    subtype: str
    suffixes: tuple[str, ...]
    rates: tuple[int, ...] = ()
    is_integer: bool = False
    bitrate_mode: str | None = None
    compression_level: float | None = None


_ENCODINGS: Final[Mapping[AudioFormat, _Encoding]] = {
    "wav": _Encoding(container="WAV", subtype="PCM_16", suffixes=(".wav", ".wave"), is_integer=True),
    "flac": _Encoding(container="FLAC", subtype="PCM_16", suffixes=(".flac",), is_integer=True),
    "mp3": _Encoding(
        container="MP3", subtype="MPEG_LAYER_III", suffixes=(".mp3",),
        rates=(8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
        bitrate_mode="VARIABLE", compression_level=0.2,
    ),
    "opus": _Encoding(
        container="OGG", subtype="OPUS", suffixes=(".opus", ".ogg", ".oga"), rates=(48_000,), compression_level=0.7
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """An audio file that was written.

    Attributes
    ----------
    path : Path
        Where.
    format : {"wav", "flac", "mp3", "opus"}
        How.
    sample_rate : int
        Hz, of the file.
    duration_seconds : float
        Length of the samples; a decoder may hear some padding after them.
    bytes : int
        Size of the file.
    """

    path: Path
    format: AudioFormat
    sample_rate: int
    duration_seconds: float
    bytes: int


def available_formats() -> tuple[AudioFormat, ...]:
    """The formats that the installed libsndfile can write."""
    return tuple(
        name for name, encoding in _ENCODINGS.items() if soundfile.check_format(encoding.container, encoding.subtype)
    )


def resolve_format(path: Path, format: str | None = None) -> AudioFormat:
    """Which format a file gets: the one asked for, else the one its suffix tells.

    Raises
    ------
    OptionError
        ``option_unknown_choice`` when neither names one of the four, ``option_conflict`` when they name two.
    """
    told = next((name for name, encoding in _ENCODINGS.items() if path.suffix.lower() in encoding.suffixes), None)
    if format is None:
        if told is None:
            raise OptionError(
                "option_unknown_choice",
                f"The suffix {path.suffix!r} of {path.name} tells no audio format: it must be one of "
                f"{', '.join('.' + name for name in FORMATS)}.",
                hint=f"Change the suffix, or choose one of {', '.join(FORMATS)} with --format.",
            )
        return told
    asked = next((name for name in FORMATS if name == format.lower()), None)
    if asked is None:
        raise OptionError(
            "option_unknown_choice",
            f"--format is {format!r}, but must be one of {', '.join(FORMATS)}.",
            hint=f"Choose one of {', '.join(FORMATS)}.",
        )
    if told is not None and told != asked:
        raise OptionError(
            "option_conflict",
            f"--format is {asked}, but the suffix of {path.name} says {told}.",
            hint="Leave --format out, or change the suffix.",
        )
    return asked


def write_audio(
    blocks: Iterable[NDArray[np.float32]],
    path: Path,
    *,
    sample_rate: int,
    format: str | None = None,
    force: bool = False,
    file_rate: int | None = None,
) -> WrittenFile:
    """Write samples to a file that appears whole or not at all.

    Parameters
    ----------
    blocks : iterable of NDArray[np.float32] [shape=(n,)]
        Samples in order, -1..1; what lies beyond is clipped.
    path : Path
        Where.
    sample_rate : int
        Hz, of the samples.
    format : {"wav", "flac", "mp3", "opus"}, optional
        None: told by the suffix.
    force : bool
        Write over a file that is there.
    file_rate : int, optional
        Hz, of the file; None: that of the samples where the format can hold it.

    Raises
    ------
    OptionError
        As :func:`resolve_format`.
    OutputError
        ``output_exists``, ``output_unwritable``, ``output_disk_full``.
    """
    name = resolve_format(path, format)
    encoding = _ENCODINGS[name]
    rate = _rate_in_file(encoding, file_rate or sample_rate)
    with whole_file(path, force=force) as descriptor:
        sink = _Sink(descriptor)
        try:
            n_samples = _encode(_resampled(blocks, sample_rate, rate), sink, encoding, rate)
        except (soundfile.SoundFileError, AssertionError) as error:  # soundfile asserts that all was written
            sink.raise_failure()
            raise OutputError(
                "output_unwritable", f"{path} cannot be written: the encoder failed ({error}).",
                hint="Choose another --format.",
            ) from error  # fmt: skip
        finally:
            sink.detach()
        sink.raise_failure()
        n_bytes = os.fstat(descriptor).st_size
    return WrittenFile(path=path, format=name, sample_rate=rate, duration_seconds=n_samples / rate, bytes=n_bytes)


class _Sink:
    """The file object that libsndfile writes to.

    An exception raised in here is printed and swallowed by the C code that called; so the first one is kept, every
    later call does nothing, and whoever started the encoder raises it again.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._failure: BaseException | None = None

    def write(self, data: bytes) -> int:
        if self._failure is None:
            try:
                rest = memoryview(data)
                while len(rest):
                    rest = rest[os.write(self._descriptor, rest) :]
            except BaseException as failure:
                self._failure = failure
        return len(data)

    def read(self, size: int) -> bytes:
        return os.read(self._descriptor, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return os.lseek(self._descriptor, offset, whence)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)

    def detach(self) -> None:
        """Touch the descriptor no more: its number will be another file's, and an interrupted encoder may go on."""
        self._descriptor = -1

    def raise_failure(self) -> None:
        """Raise what went wrong while writing, if anything did."""
        if self._failure is not None:
            raise self._failure


def _encode(blocks: Iterable[NDArray[np.float32]], sink: _Sink, encoding: _Encoding, sample_rate: int) -> int:
    """Encode in a thread of its own.

    A Ctrl-C that comes while the encoder works would be raised inside its next call of the sink, and lost there. Only
    the main thread gets it, so the encoder runs in another one.
    """
    n_samples = 0
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode") as encoder:
        file = encoder.submit(_open_encoder, sink, encoding, sample_rate).result()
        try:
            for block in _reblocked(blocks):
                encoder.submit(_write, file, block, encoding).result()
                sink.raise_failure()
                n_samples += len(block)
        finally:
            encoder.submit(file.close).result()
    return n_samples


def _open_encoder(sink: _Sink, encoding: _Encoding, sample_rate: int) -> soundfile.SoundFile:
    return soundfile.SoundFile(
        sink, mode="w", samplerate=sample_rate, channels=1, format=encoding.container, subtype=encoding.subtype,
        bitrate_mode=encoding.bitrate_mode, compression_level=encoding.compression_level,
    )  # fmt: skip


def _write(file: soundfile.SoundFile, samples: NDArray[np.float32], encoding: _Encoding) -> None:
    file.write(_to_int16(samples) if encoding.is_integer else np.clip(samples, -1.0, 1.0))


def _to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    rounded = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(INT16_FULL_SCALE))
    return np.asarray(rounded, dtype=np.int16)


def _resampled(blocks: Iterable[NDArray[np.float32]], from_rate: int, to_rate: int) -> Iterator[NDArray[np.float32]]:
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality="VHQ")
    for block in _reblocked(blocks):
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _reblocked(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same samples in blocks of one size, so that how they came cannot be seen in the file."""
    rest: NDArray[np.float32] = np.zeros(0, dtype=np.float32)
    for block in blocks:
        rest = np.concatenate((rest, block))
        while len(rest) >= _BLOCK:
            yield rest[:_BLOCK]
            rest = rest[_BLOCK:]
    if len(rest):
        yield rest


def _rate_in_file(encoding: _Encoding, wanted: int) -> int:
    """The lowest rate the format can hold that loses nothing, else its highest."""
    if not encoding.rates:
        return wanted
    return next((rate for rate in encoding.rates if rate >= wanted), encoding.rates[-1])
