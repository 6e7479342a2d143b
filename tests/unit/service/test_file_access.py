"""Only what lies below the folders is read or written, whatever a path pretends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cantilena.errors import CantilenaError, OptionError, OutputError, ScoreError
from cantilena.service.file_access import FileAccess


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret.musicxml").write_bytes(b"secret")
    folder = tmp_path / "files"
    (folder / "songs").mkdir(parents=True)
    (folder / "songs" / "hymn.musicxml").write_bytes(b"<score/>")
    return folder


def refusal(access: FileAccess, path: str) -> CantilenaError:
    with pytest.raises(CantilenaError) as caught:
        access.read(path, max_bytes=100)
    return caught.value


def test_a_score_is_read_by_relative_and_by_full_path(folder: Path) -> None:
    access = FileAccess([folder])
    for path in ("songs/hymn.musicxml", "./songs/../songs/hymn.musicxml", str(folder / "songs" / "hymn.musicxml")):
        assert access.read(path, max_bytes=100) == b"<score/>"


def test_of_several_folders_the_first_that_has_it_is_read(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.musicxml").write_bytes(b"b")
    assert FileAccess([folder, other]).read("b.musicxml", max_bytes=100) == b"b"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.musicxml", "songs/../../secret.musicxml", "/etc/passwd", "/proc/self/root/etc/passwd", "~/x",
        "~no/x", "/nowhere/at/all", "link", "circle", "dangling/x", ".", "songs/..", "", "  ", "a\0b", "a" * 2000,
        "a" * 600, "//etc/passwd", "\\\\host\\share",
    ],
)  # fmt: skip
def test_what_lies_outside_is_refused_in_the_same_words_whether_it_is_there_or_not(folder: Path, path: str) -> None:
    (folder / "link").symlink_to(folder.parent / "secret.musicxml")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "dangling").symlink_to(folder.parent / "nothing")
    told = refusal(FileAccess([folder]), path)
    known = refusal(FileAccess([folder]), "../secret.musicxml")
    if isinstance(told, OptionError):
        assert (told.code, told.message, told.hint) == (known.code, known.message, known.hint)
        assert told.code == "file_outside_folders"
    else:  # inside, and simply not there
        assert isinstance(told, ScoreError)
        assert path in ("circle", "a" * 600, "\\\\host\\share")
    assert str(folder.parent) not in told.message + told.hint


def test_a_link_to_another_place_inside_is_followed(folder: Path) -> None:
    (folder / "latest").symlink_to(folder / "songs" / "hymn.musicxml")
    assert FileAccess([folder]).read("latest", max_bytes=100) == b"<score/>"


def test_what_is_no_file_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    for path in ("pipe", "songs"):
        assert refusal(FileAccess([folder]), path).code == "score_unreadable"
    assert refusal(FileAccess([folder]), "no.musicxml").code == "score_not_found"


def test_no_more_is_read_than_tells_that_it_is_too_much(folder: Path) -> None:
    (folder / "long").write_bytes(b"x" * 1000)
    assert len(FileAccess([folder]).read("long", max_bytes=10)) == 11


def test_a_song_is_written_below_the_first_folder_which_is_made_when_it_is_needed(tmp_path: Path) -> None:
    home = tmp_path / "Cantilena"
    access = FileAccess([home])
    assert not home.exists()
    place = access.place_to_write("2026/hymn.flac")
    assert place == home / "2026" / "hymn.flac"
    assert place.parent.is_dir()


@pytest.mark.parametrize("path", ["../hymn.flac", "/tmp/hymn.flac", "out/hymn.flac", "out", "."])
def test_nothing_is_written_outside(folder: Path, tmp_path: Path, path: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "out").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OptionError) as caught:
        FileAccess([folder]).place_to_write(path)
    assert caught.value.code == "file_outside_folders"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_file_where_a_folder_belongs_is_said(folder: Path) -> None:
    with pytest.raises(OutputError) as caught:
        FileAccess([folder]).place_to_write("songs/hymn.musicxml/audio.flac")
    assert caught.value.code == "output_unwritable"
    assert str(folder) not in caught.value.message
