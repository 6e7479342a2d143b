"""An audio file under another name, or in another format."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from cantilena.audio.files import INT16_FULL_SCALE, AudioFormat, WrittenFile, resolve_format, write_audio
from cantilena.audio.whole_file import whole_file

_BLOCK: Final = 65_536


def copy_audio(source: Path, path: Path, *, format: AudioFormat, force: bool = False) -> WrittenFile:
    """Copy a file that Cantilena wrote; it appears whole or not at all.

    Parameters
    ----------
    source : Path
        Mono; its suffix tells its format.
    path : Path
        Where.
    format : {"wav", "flac", "mp3", "opus"}
        The same bytes where it is that of the source; otherwise the samples are encoded anew.
    force : bool
        Write over a file that is there.

    Raises
    ------
    OutputError
        ``output_exists``, ``output_unwritable``, ``output_disk_full``.
    """
    with soundfile.SoundFile(source) as sound:
        if format != resolve_format(source):
            return write_audio(_blocks(sound), path, sample_rate=sound.samplerate, format=format, force=force)
        sample_rate, duration_seconds = sound.samplerate, sound.frames / sound.samplerate
    with (
        source.open("rb") as given,
        whole_file(path, force=force) as descriptor,
        os.fdopen(os.dup(descriptor), "wb") as copy,
    ):
        shutil.copyfileobj(given, copy)
    return WrittenFile(
        path=path, format=format, sample_rate=sample_rate, duration_seconds=duration_seconds,
        bytes=source.stat().st_size,
    )  # fmt: skip


def _blocks(sound: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    """Samples as they were before they were written: integers are put on the scale that Cantilena rounds them from."""
    if sound.subtype == "PCM_16":
        while len(integers := sound.read(_BLOCK, dtype="int16")):
            yield integers / np.float32(INT16_FULL_SCALE)
    else:
        while len(block := sound.read(_BLOCK, dtype="float32")):
            yield block
