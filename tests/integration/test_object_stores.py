"""A folder and a bucket keep the same promises."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cantilena.adapters.folder_objects import FolderObjects
from cantilena.adapters.gcs_objects import PROMPT, GcsObjects
from cantilena.ports.objects import MAX_READ_BYTES, Download, ObjectStore, StorageError, StoredObject
from tests.buckets.server import BucketServer, make_bucket, run_bucket_server

NAME = "sessions/s1/scores/abc"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    with run_bucket_server(tmp_path_factory.mktemp("buckets")) as running:
        yield running


@pytest.fixture(params=["folder", "bucket"])
def objects(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    if request.param == "folder":
        yield FolderObjects(tmp_path / "objects")
        return
    server: BucketServer = request.getfixturevalue("server")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    name = f"b{abs(hash(request.node.name)):x}"
    make_bucket(server, name)
    bucket = GcsObjects(name, patience=PROMPT)
    yield bucket
    bucket.close()


class Basket:
    """Keeps what is put into it; full after so many bytes."""

    def __init__(self, room: int = 10**9) -> None:
        self.content = b""
        self._room = room

    def write(self, content: bytes, /) -> int:
        self.content += content
        if len(self.content) > self._room:
            raise OverflowError
        return len(content)


def known(stored: StoredObject | None) -> tuple[str, int]:
    return (stored.name, stored.size)


def refused(code: str):
    return pytest.raises(StorageError, check=lambda error: error.code == code)


def test_what_was_written_is_read(objects: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "score.mxl").write_bytes(b"file")
    objects.create(NAME, b"bytes", media_type="application/xml")
    objects.create("sessions/s1/jobs/j1/1/audio é.flac", tmp_path / "score.mxl")
    assert objects.read(NAME) == b"bytes"
    assert objects.read("sessions/s1/jobs/j1/1/audio é.flac") == b"file"
    assert known(objects.find_one(NAME)) == (NAME, 5)


def test_an_object_of_that_name_is_kept_unless_it_is_replaced(objects: ObjectStore) -> None:
    objects.create(NAME, b"first")
    with refused("storage_object_exists"):
        objects.create(NAME, b"second")
    assert objects.read(NAME) == b"first"
    before = objects.find_one(NAME)
    objects.replace(NAME, b"third")
    assert objects.read(NAME) == b"third"
    assert objects.find_one(NAME).generation != before.generation


def test_what_is_not_there_is_said(objects: ObjectStore, tmp_path: Path) -> None:
    objects.create("sessions/s1/scores/abc/d", b"")
    assert objects.find_one("sessions/s1/none") is None
    assert objects.find_one("sessions/s1/scores") is None
    for ask in (objects.read, objects.stream, lambda name: objects.stream(name, start=1, end=2)):
        with refused("storage_object_missing"):
            ask("sessions/s1/none")
    with pytest.raises(FileNotFoundError):
        objects.create("sessions/s1/new", tmp_path / "not there")


@pytest.mark.parametrize(("start", "end"), [(0, None), (0, 1), (1, 5), (999_999, None), (2_999_999, 3_000_000),
                                            (0, 3_000_000), (1_048_576, 2_097_152), (5, 5)])  # fmt: skip
def test_a_part_of_an_object_is_read_in_blocks(objects: ObjectStore, start: int, end: int | None) -> None:
    content = bytes(range(256)) * 11_718 + bytes(192)
    assert len(content) == 3_000_000
    objects.create(NAME, content)
    blocks = list(objects.stream(NAME, start=start, end=end))
    assert b"".join(blocks) == content[start:end]
    assert all(len(block) <= 1024 * 1024 for block in blocks)


def test_blocks_that_nobody_takes_leave_nothing_open(objects: ObjectStore) -> None:
    objects.create(NAME, b"x" * 3_000_000)
    begun = objects.stream(NAME)
    assert next(begun)
    begun.close()
    objects.stream(NAME)


def test_objects_are_found_by_how_their_names_begin(objects: ObjectStore) -> None:
    for name in ("sessions/s1/scores/b", "sessions/s1/scores/a", "sessions/s1/jobs/j/1/x", "sessions/s10/scores/a"):
        objects.create(name, name.encode())
    assert [known(one) for one in objects.find("sessions/s1/scores/")] == [
        ("sessions/s1/scores/a", 20), ("sessions/s1/scores/b", 20)]  # fmt: skip
    assert [one.name for one in objects.find("sessions/s1/")] == [
        "sessions/s1/jobs/j/1/x", "sessions/s1/scores/a", "sessions/s1/scores/b"]  # fmt: skip
    assert len(objects.find("sessions/s1")) == 4
    assert objects.find("nothing/") == ()
    assert objects.folders("sessions/") == ("s1", "s10")
    assert objects.folders("sessions/s1/") == ("jobs", "scores")
    assert objects.folders("nothing/") == ()


def test_deleting_is_done_once_and_asked_for_twice(objects: ObjectStore) -> None:
    objects.create(NAME, b"x")
    objects.create("sessions/s1/scores/other", b"x")
    objects.delete(NAME)
    objects.delete(NAME)
    assert objects.find_one(NAME) is None
    assert [one.name for one in objects.find("sessions/")] == ["sessions/s1/scores/other"]
    objects.delete("sessions/s1/scores/other")
    assert objects.folders("sessions/") == ()
    objects.create(NAME, b"again")
    assert objects.read(NAME) == b"again"


def test_many_are_downloaded_and_each_says_what_went_wrong_with_it(objects: ObjectStore) -> None:
    objects.create(NAME, b"hello")
    whole, full, missing, exact = Basket(), Basket(room=3), Basket(), Basket()
    generation = objects.find_one(NAME).generation
    failures = objects.download([
        Download(name=NAME, sink=whole),
        Download(name=NAME, sink=full),
        Download(name="sessions/none", sink=missing),
        Download(name=NAME, sink=exact, generation=generation),
    ])  # fmt: skip
    assert (whole.content, exact.content, failures[0], failures[3]) == (b"hello", b"hello", None, None)
    assert isinstance(failures[1], OverflowError)
    assert failures[2].code == "storage_object_missing"


def test_what_is_read_whole_is_small(objects: ObjectStore) -> None:
    objects.create(NAME, b"x" * (MAX_READ_BYTES + 1))
    with refused("storage_object_too_large"):
        objects.read(NAME)


def test_a_place_that_answers_says_nothing(objects: ObjectStore) -> None:
    objects.ping()


def test_of_many_who_create_an_object_one_does(tmp_path: Path) -> None:
    objects = FolderObjects(tmp_path)
    outcomes: list[str] = []
    gate = threading.Barrier(16)

    def create(content: bytes) -> None:
        gate.wait()
        try:
            objects.create(NAME, content)
            outcomes.append(content.decode())
        except StorageError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=create, args=(b"%d" % n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(set(outcomes)) == sorted({objects.read(NAME).decode(), "storage_object_exists"})
    assert outcomes.count("storage_object_exists") == 15
    assert list((tmp_path / ".partial").iterdir()) == []


HOSTILE = [
    "", "/", "/etc/passwd", "..", "../outside", "sessions/../../outside", "sessions//x", "sessions/./x", "sessions/",
    "a\0b", "a\nb", "..\\outside", "a\\b", ".partial/x", "sessions/.partial", "x" * 300, "\ud800", "C:/x/..",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_bytes(b"secret")
    objects = FolderObjects(tmp_path / "objects")
    objects.create("sessions/s1/x", b"x")
    for ask in (objects.read, objects.stream, objects.delete, lambda name: objects.create(name, b"y"),
                lambda name: objects.replace(name, b"y")):  # fmt: skip
        with refused("storage_object_missing"):
            ask(name)
    assert objects.find_one(name) is None
    assert (tmp_path / "outside").read_bytes() == b"secret"
    assert [one.name for one in objects.find("")] == ["sessions/s1/x"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = FolderObjects(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cantilena.adapters.folder_objects.shutil.copyfileobj", full)
    with refused("storage_unreachable"):
        objects.create(NAME, b"x")
    assert objects.find_one(NAME) is None
    assert list((tmp_path / ".partial").iterdir()) == []


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    FolderObjects(tmp_path).create(NAME, b"x")
    for name, age in (("old", 7200), ("new", 60)):
        (tmp_path / ".partial" / name).write_bytes(b"half")
        os.utime(tmp_path / ".partial" / name, (time.time() - age,) * 2)
    FolderObjects(tmp_path)
    assert [part.name for part in (tmp_path / ".partial").iterdir()] == ["new"]
