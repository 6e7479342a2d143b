"""The key that a laptop signs its links with."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from cantilena.adapters.link_key_file import read_or_make_key
from cantilena.errors import OptionError


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cantilena"
    key = read_or_make_key(folder)
    assert len(key) == 64
    assert read_or_make_key(folder) == key
    assert [path.name for path in folder.iterdir()] == ["link.key"]
    assert (folder / "link.key").stat().st_mode & 0o777 == 0o600


def test_two_folders_have_two_keys(tmp_path: Path) -> None:
    assert read_or_make_key(tmp_path / "a") != read_or_make_key(tmp_path / "b")


def test_those_who_start_side_by_side_have_the_same(tmp_path: Path) -> None:
    keys: list[str] = []
    start = threading.Barrier(16)

    def begin() -> None:
        start.wait()
        keys.append(read_or_make_key(tmp_path))

    threads = [threading.Thread(target=begin) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 16
    assert len(set(keys)) == 1


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    read_or_make_key(tmp_path)
    (tmp_path / "link.key").chmod(0o644)
    with pytest.raises(OptionError, match="others") as caught:
        read_or_make_key(tmp_path)
    assert caught.value.code == "link_key_exposed"


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 64])
def test_a_damaged_key_is_said(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "link.key").write_bytes(content)
    (tmp_path / "link.key").chmod(0o600)
    with pytest.raises(OptionError) as caught:
        read_or_make_key(tmp_path)
    assert caught.value.code == "link_key_unreadable"


def test_a_folder_that_cannot_be_one_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OptionError) as caught:
        read_or_make_key(tmp_path / "file")
    assert caught.value.code == "link_key_unreadable"
