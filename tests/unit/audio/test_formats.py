"""Which format a file gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.audio.files import available_formats, resolve_format
from cantilena.errors import OptionError


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.wav", "wav"), ("A.WAV", "wav"), ("a.b.flac", "flac"), ("a.mp3", "mp3"), ("a.opus", "opus"), ("a.ogg", "opus")],
)
def test_the_suffix_tells_the_format(name, format):
    assert resolve_format(Path(name)) == format


@pytest.mark.parametrize("name", ["song", "song.txt", "song.m4a", ".wav"])
def test_a_suffix_that_tells_nothing_is_an_error_naming_the_four(name):
    with pytest.raises(OptionError, match=r"\.wav, \.flac, \.mp3, \.opus") as caught:
        resolve_format(Path(name))
    assert caught.value.code == "option_unknown_choice"


@pytest.mark.parametrize("name", ["song", "song.txt", "song.mp3"])
def test_the_option_tells_the_format(name):
    assert resolve_format(Path(name), "MP3") == "mp3"


def test_an_unknown_format_is_an_error_naming_the_four():
    with pytest.raises(OptionError, match=r"'aiff'.* wav, flac, mp3, opus") as caught:
        resolve_format(Path("song.wav"), "aiff")
    assert caught.value.code == "option_unknown_choice"


def test_option_and_suffix_may_not_name_two_formats():
    with pytest.raises(OptionError, match=r"song\.wav says wav") as caught:
        resolve_format(Path("song.wav"), "mp3")
    assert caught.value.code == "option_conflict"


def test_all_four_formats_can_be_written_here():
    assert available_formats() == ("wav", "flac", "mp3", "opus")
