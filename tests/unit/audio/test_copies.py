"""A song is saved under another name: the same bytes, or the same sound in another format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from cantilena.audio.copies import copy_audio
from cantilena.audio.files import AudioFormat, write_audio
from cantilena.errors import OutputError

SAMPLES = (0.5 * np.sin(np.linspace(0.0, 2000.0, 100_000))).astype(np.float32)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return write_audio([SAMPLES], tmp_path / "audio.flac", sample_rate=44_100).path


def test_in_its_own_format_it_is_the_same_file(song: Path, tmp_path: Path) -> None:
    written = copy_audio(song, tmp_path / "b.flac", format="flac")
    assert (tmp_path / "b.flac").read_bytes() == song.read_bytes()
    assert (written.bytes, written.sample_rate) == (song.stat().st_size, 44_100)
    assert written.duration_seconds == pytest.approx(100_000 / 44_100)


def test_from_flac_to_wav_nothing_is_lost(song: Path, tmp_path: Path) -> None:
    copy_audio(song, tmp_path / "b.wav", format="wav")
    samples, _ = soundfile.read(tmp_path / "b.wav", dtype="int16")
    assert np.array_equal(samples, soundfile.read(song, dtype="int16")[0])


@pytest.mark.parametrize("format", ["mp3", "opus"])
def test_other_formats_are_encoded(song: Path, tmp_path: Path, format: AudioFormat) -> None:
    written = copy_audio(song, tmp_path / f"b.{format}", format=format)
    assert written.format == format
    assert soundfile.info(written.path).duration == pytest.approx(100_000 / 44_100, abs=0.1)


@pytest.mark.parametrize("format", ["flac", "wav"])
def test_a_file_that_exists_is_kept_unless_asked(song: Path, tmp_path: Path, format: AudioFormat) -> None:
    there = tmp_path / f"b.{format}"
    there.write_text("mine")
    with pytest.raises(OutputError) as caught:
        copy_audio(song, there, format=format)
    assert caught.value.code == "output_exists"
    assert there.read_text() == "mine"
    copy_audio(song, there, format=format, force=True)
    assert there.stat().st_size > 1000
    assert {file.name for file in tmp_path.iterdir()} == {"audio.flac", there.name}
