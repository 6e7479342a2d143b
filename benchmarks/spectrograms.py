"""Pictures of recordings: time to the right, frequency upwards, level as light, written as small PNG files.

Ticks at the lower edge are seconds, at the left edge every 2 kHz. No library draws: 8 bits a point and a table of
colours is all that a spectrogram needs.
"""

from __future__ import annotations

import argparse
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 32_000
"""Hz; the picture ends at half of it."""
WINDOW, HEIGHT = 1_024, 320
POINT_SECONDS = 0.011
RANGE_DB = 80.0
"""From white to black, in steps of 5 dB: pictures of smooth shades would be three times as large."""
STEP_DB = 5.0
_COLOURS = ((0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39),
            (252, 255, 210))  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw each WAV file into FOLDER."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spectrograms", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the pictures go")
    parser.add_argument("recordings", type=Path, nargs="+", metavar="WAV")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    for path in asked.recordings:
        samples, sample_rate = soundfile.read(path, always_2d=True)
        picture = draw(soxr.resample(samples.mean(1), sample_rate, RATE))
        (asked.folder / f"{path.stem}.png").write_bytes(png(picture))
    return 0


def draw(samples: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Levels of a recording at :data:`RATE` as numbers of colours.

    Returns
    -------
    NDArray[np.uint8] [shape=(HEIGHT, n_points)]
        Highest frequency first; 255 is the loudest point.
    """
    hop = int(POINT_SECONDS * RATE)
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), axis=1)) ** 2
    rows = np.linspace(0, WINDOW // 2, HEIGHT)
    level = 10 * np.log10(np.array([np.interp(rows, np.arange(WINDOW // 2 + 1), frame) for frame in power]) + 1e-12)
    level = np.round((level - level.max()) / STEP_DB) * STEP_DB
    picture = np.clip(level / RANGE_DB + 1, 0, 1) * 255
    picture = picture.T[::-1].astype(np.uint8)
    picture[-8:, (np.arange(1, picture.shape[1] * POINT_SECONDS) / POINT_SECONDS).astype(int)] = 255
    for kilohertz in range(2, RATE // 2000, 2):
        picture[HEIGHT - 1 - round(kilohertz * 2000 / RATE * (HEIGHT - 1)), :8] = 255
    return picture


def png(picture: NDArray[np.uint8]) -> bytes:
    """The file of a picture [shape=(height, width)] of numbers of colours."""
    height, width = picture.shape
    at = np.linspace(0, len(_COLOURS) - 1, 256)
    palette = np.stack([np.interp(at, range(len(_COLOURS)), channel) for channel in zip(*_COLOURS, strict=True)], 1)
    rows = np.pad(picture, ((0, 0), (1, 0)))  # each row begins with its filter: none
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.round().astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


if __name__ == "__main__":
    sys.exit(main())
