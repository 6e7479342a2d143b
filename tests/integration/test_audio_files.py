"""Audio files on a real disk: their contents, and what is left when writing fails."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cantilena.audio import files, whole_file
from cantilena.audio.files import check_output, write_audio
from cantilena.errors import OutputError

RATE = 44_100
FORMATS = ["wav", "flac", "mp3", "opus"]


def song(seconds: float = 3.0, rate: int = RATE) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    voice = sum(np.sin(2 * np.pi * 220 * k * t) / k for k in range(1, 8))
    return (0.2 * voice * np.sin(np.pi * t / seconds)).astype(np.float32)


def blocks(samples: np.ndarray, size: int = 32_768):
    return (samples[begin : begin + size] for begin in range(0, len(samples), size))


def failing(samples: np.ndarray, error: BaseException):
    """A song that breaks off after its first half."""
    yield samples[: len(samples) // 2]
    raise error


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_holds_the_samples(tmp_path, format):
    samples = song()
    written = write_audio(blocks(samples), tmp_path / f"song.{format}", sample_rate=RATE)
    assert (written.format, written.path) == (format, tmp_path / f"song.{format}")
    assert written.sample_rate == (48_000 if format == "opus" else RATE)
    assert written.duration_seconds == pytest.approx(3.0, abs=1e-4)
    assert written.bytes == written.path.stat().st_size
    heard, rate = soundfile.read(written.path, dtype="float32")
    assert rate == written.sample_rate
    assert len(heard) / rate == pytest.approx(3.0, abs=0.06)  # MP3 and Opus pad
    level = np.sqrt(np.mean(np.square(heard))) / np.sqrt(np.mean(np.square(samples)))
    assert level == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("format", ["wav", "flac"])
def test_integers_are_the_nearest_to_the_samples(tmp_path, format):
    samples = np.array([0.0, 1.0, -1.0, 0.5, 1.5, -1.5, 1e-5, 2e-5], dtype=np.float32)
    written = write_audio([samples], tmp_path / f"song.{format}", sample_rate=RATE)
    heard, _ = soundfile.read(written.path, dtype="int16")
    assert heard.tolist() == [0, 32767, -32767, 16384, 32767, -32767, 0, 1]


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_the_same_samples_make_the_same_bytes_however_they_come(tmp_path, format):
    samples = song()
    one = write_audio(blocks(samples), tmp_path / f"one.{format}", sample_rate=RATE)
    other = write_audio(blocks(samples, 777), tmp_path / f"other.{format}", sample_rate=RATE)
    assert one.path.read_bytes() == other.path.read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_a_decoder_hears_every_moment_where_it_was(tmp_path, format):
    samples = np.zeros(2 * RATE, dtype=np.float32)
    samples[RATE : RATE + 441] = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(441) / RATE)
    written = write_audio(blocks(samples), tmp_path / f"song.{format}", sample_rate=RATE)
    heard, rate = soundfile.read(written.path)
    loud = np.flatnonzero(np.abs(heard) > 0.1) / rate
    assert (loud[0], loud[-1]) == pytest.approx((1.0, 1.01), abs=0.002)


@pytest.mark.parametrize("format", FORMATS)
def test_a_long_file_has_its_length(tmp_path, format):
    written = write_audio(blocks(song(60.0, 8_000)), tmp_path / f"song.{format}", sample_rate=8_000)
    assert soundfile.info(written.path).duration == pytest.approx(60.0, abs=0.2)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("n_samples", [0, 1])
def test_next_to_nothing_can_be_written_too(tmp_path, format, n_samples):
    written = write_audio([np.zeros(n_samples, dtype=np.float32)], tmp_path / f"song.{format}", sample_rate=48_000)
    assert written.path.exists()
    assert written.duration_seconds == n_samples / 48_000


@pytest.mark.parametrize(
    ("format", "wanted", "given"),
    [
        ("wav", 96_000, 96_000),
        ("flac", 22_050, 22_050),
        ("mp3", 96_000, 48_000),
        ("mp3", 20_000, 22_050),
        ("opus", 24_000, 48_000),
    ],
)
def test_a_file_gets_the_rate_asked_for_where_its_format_can(tmp_path, format, wanted, given):
    samples = song(1.0)
    written = write_audio(blocks(samples), tmp_path / f"song.{format}", sample_rate=RATE, file_rate=wanted)
    assert written.sample_rate == soundfile.info(written.path).samplerate == given
    assert written.duration_seconds == pytest.approx(1.0, abs=1e-3)


def test_resampling_keeps_the_tone(tmp_path):
    t = np.arange(2 * RATE) / RATE
    tone = (0.5 * np.sin(2 * np.pi * 1_000 * t)).astype(np.float32)
    write_audio(blocks(tone), tmp_path / "tone.wav", sample_rate=RATE, file_rate=48_000)
    heard, _ = soundfile.read(tmp_path / "tone.wav")
    expected = 0.5 * np.sin(2 * np.pi * 1_000 * np.arange(len(heard)) / 48_000)
    assert np.abs(heard - expected)[2_000:-2_000].max() < 1e-4


def test_a_file_that_exists_is_kept(tmp_path):
    path = tmp_path / "song.wav"
    path.write_text("mine")
    for attempt in (lambda: check_output(path), lambda: write_audio([song(0.1)], path, sample_rate=RATE)):
        with pytest.raises(OutputError, match=r"song\.wav exists already") as caught:
            attempt()
        assert caught.value.code == "output_exists"
    assert path.read_text() == "mine"


def test_a_file_that_came_meanwhile_is_kept_too(tmp_path):
    path = tmp_path / "song.wav"

    def song_during_which_another_writes():
        yield song(0.1)
        path.write_text("mine")

    with pytest.raises(OutputError) as caught:
        write_audio(song_during_which_another_writes(), path, sample_rate=RATE)
    assert caught.value.code == "output_exists"
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_without_hard_links_a_file_is_renamed(tmp_path, monkeypatch):
    def link(*_args: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_audio([song(0.1)], tmp_path / "song.wav", sample_rate=RATE)
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"]


def test_force_writes_over_a_file_at_once(tmp_path):
    path = tmp_path / "song.wav"
    path.write_text("mine")
    write_audio([song(0.1)], path, sample_rate=RATE, force=True)
    assert soundfile.info(path).frames == round(0.1 * RATE)


def test_force_keeps_what_was_there_until_the_new_file_is_whole(tmp_path):
    path = tmp_path / "song.wav"
    path.write_text("mine")
    with pytest.raises(RuntimeError):
        write_audio(failing(song(), RuntimeError()), path, sample_rate=RATE, force=True)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "song.wav").symlink_to(tmp_path / "there" / "real.wav")
    write_audio([song(0.1)], tmp_path / "song.wav", sample_rate=RATE)
    assert (tmp_path / "song.wav").is_symlink()
    assert soundfile.info(tmp_path / "there" / "real.wav").frames == round(0.1 * RATE)


def test_the_file_has_the_usual_permissions(tmp_path):
    write_audio([song(0.1)], tmp_path / "song.wav", sample_rate=RATE)
    (tmp_path / "usual").touch()
    assert stat.S_IMODE((tmp_path / "song.wav").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_where_nothing_can_be_written_is_found_out_early(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe.wav")
    cases = {
        tmp_path / "missing" / "song.wav": "there is no folder",
        tmp_path / "file" / "song.wav": "Not a directory",
        tmp_path: "it is a folder",
        tmp_path / "pipe.wav": "not a regular file",
        tmp_path / ("x" * 300 + ".wav"): "name too long",
        tmp_path / "so\0ng.wav": "null",
    }
    for path, reason in cases.items():
        with pytest.raises(OutputError, match=reason) as caught:
            check_output(path, force=True)
        assert caught.value.code == "output_unwritable", path


def test_a_closed_folder_is_found_out_early(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_args: False)  # a superuser may write to every folder
    with pytest.raises(OutputError, match="may not be written to") as caught:
        check_output(tmp_path / "song.wav")
    assert caught.value.code == "output_unwritable"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("room", [0, 10_000])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, format, room):
    monkeypatch.setattr(os, "write", _disk_with_room(room))
    with pytest.raises(OutputError, match="No space left on device") as caught:
        write_audio(blocks(song(10.0)), tmp_path / f"song.{format}", sample_rate=RATE)
    assert caught.value.code == "output_disk_full"
    assert list(tmp_path.iterdir()) == []


def _disk_with_room(n_bytes: int):
    write = os.write
    left = [n_bytes]

    def write_while_there_is_room(descriptor: int, data) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        n_written = write(descriptor, memoryview(data)[: left[0]])
        left[0] -= n_written
        return n_written

    return write_while_there_is_room


@pytest.mark.parametrize("format", FORMATS)
def test_a_limit_of_the_operating_system_leaves_nothing(tmp_path, format):
    """The real thing: the kernel refuses to let the file grow beyond 10 kB."""
    script = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from cantilena.audio.files import write_audio\n"
        "from cantilena.errors import OutputError\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "noise = np.random.default_rng(0).normal(0, 0.1, 400_000).astype(np.float32)\n"
        "try:\n"
        "    write_audio([noise], Path(sys.argv[1]), sample_rate=48_000)\n"
        "except OutputError as error:\n"
        "    print(error.code)\n"
    )
    answer = _python(script, tmp_path / f"song.{format}")
    assert (answer.stdout, answer.stderr) == ("output_disk_full\n", "")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_between_two_blocks_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write_audio(failing(song(), KeyboardInterrupt()), tmp_path / "song.wav", sample_rate=RATE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_an_interrupt_while_the_encoder_writes_is_not_swallowed(tmp_path, monkeypatch, format):
    def write(*_args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(KeyboardInterrupt):
        write_audio(blocks(song()), tmp_path / f"song.{format}", sample_rate=RATE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", FORMATS)
def test_a_signal_at_any_moment_leaves_nothing(tmp_path, format):
    """Ctrl-C as a shell sends it, to a process that encodes without end."""
    script = (
        "import itertools, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from cantilena.audio.files import write_audio\n"
        "noise = np.random.default_rng(0).normal(0, 0.1, 65_536).astype(np.float32)\n"
        "print('ready', flush=True)\n"
        "write_audio(itertools.repeat(noise), Path(sys.argv[1]), sample_rate=48_000)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / f"song.{format}")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    try:
        _, complaint = process.communicate(timeout=30)
    finally:
        process.kill()
    assert "KeyboardInterrupt" in complaint
    assert list(tmp_path.iterdir()) == []


def test_an_encoder_that_fails_for_its_own_reasons_is_told(tmp_path, monkeypatch):
    def encode(*_args: object) -> int:
        raise soundfile.LibsndfileError(1)

    monkeypatch.setattr(files, "_encode", encode)
    with pytest.raises(OutputError, match="the encoder failed") as caught:
        write_audio([song(0.1)], tmp_path / "song.wav", sample_rate=RATE)
    assert caught.value.code == "output_unwritable"
    assert list(tmp_path.iterdir()) == []


def test_nobody_sees_half_a_file(tmp_path):
    path = tmp_path / "song.flac"
    sizes: list[int] = []
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            if path.exists():
                sizes.append(path.stat().st_size)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        written = write_audio(blocks(song(20.0)), path, sample_rate=RATE)
    finally:
        done.set()
        watcher.join()
    assert set(sizes) <= {written.bytes}


def _python(script: str, *arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_part_file_lies_beside_the_target(tmp_path):
    with whole_file.whole_file(tmp_path / "song.wav"):
        (part,) = tmp_path.iterdir()
        assert part.name.startswith(".cantilena-")
        assert part.name.endswith(".part")
