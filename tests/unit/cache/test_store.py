"""Entries are whole or missing, the folder stays within its bounds, and no failure ever reaches the singer."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cantilena.cache import ContentStore

KEY = "ab" * 16
OTHER = "cd" * 16


def key_of(number: int) -> str:
    return f"{number:032x}"


def only_file(store: ContentStore, kind: str = "phrases") -> Path:
    (file,) = (file for file in (store.folder / kind).rglob("*") if file.is_file())
    return file


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(tmp_path / "cache", max_bytes=10_000)


def test_what_was_written_is_read_and_handed_out_as_a_file(store: ContentStore) -> None:
    store.write("phrases", KEY, (b"la", b"", b"la"))
    assert store.read("phrases", KEY) == b"lala"
    file = store.file("phrases", KEY)
    assert file is not None
    assert file.read_bytes() == b"lala"
    assert store.read("phrases", OTHER) is None
    assert store.read("models", KEY) is None
    assert store.file("models", KEY) is None


def test_nothing_is_made_before_something_is_written(store: ContentStore) -> None:
    assert store.read("phrases", KEY) is None
    assert store.size().entries == 0
    assert store.problem is None


@pytest.mark.parametrize("kind", ["../phrases", "", "Phrases", "a/b"])
def test_a_kind_names_one_folder_and_no_other(store: ContentStore, kind: str) -> None:
    with pytest.raises(ValueError, match="no kind and key"):
        store.read(kind, KEY)


@pytest.mark.parametrize("key", ["../../etc/passwd", "", "ab", "AB" * 16, "g" * 32, "a" * 200])
def test_a_key_is_a_hash(store: ContentStore, key: str) -> None:
    with pytest.raises(ValueError, match="no kind and key"):
        store.write("phrases", key, (b"la",))


def flip_a_bit(content: bytes) -> bytes:
    return content[:5] + bytes([content[5] ^ 1]) + content[6:]


@pytest.mark.parametrize(
    "damage",
    [flip_a_bit, lambda content: content[:-1], lambda content: b"", lambda content: content + b"x",
     lambda content: bytes(len(content))],
    ids=["flipped", "truncated", "empty", "longer", "zeros"],
)  # fmt: skip
@pytest.mark.parametrize("read", [ContentStore.read, ContentStore.file], ids=["read", "file"])
def test_what_is_damaged_is_missing_and_is_removed(
    store: ContentStore, damage: Callable[[bytes], bytes], read: Callable[[ContentStore, str, str], object]
) -> None:
    store.write("phrases", KEY, (b"la la la la",))
    file = only_file(store)
    file.write_bytes(damage(file.read_bytes()))
    assert read(store, "phrases", KEY) is None
    assert not file.exists()
    store.write("phrases", KEY, (b"la la la la",))
    assert store.read("phrases", KEY) == b"la la la la"


def test_entries_are_for_the_user_alone(store: ContentStore) -> None:
    before = os.umask(0)
    try:
        store.write("phrases", KEY, (b"la",))
    finally:
        os.umask(before)
    for path in (store.folder, *store.folder.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_what_was_unused_for_longest_goes_first(store: ContentStore) -> None:
    for number in range(9):
        store.write("phrases" if number % 2 else "models", key_of(number), (bytes([number]) * 1000,))
        age(store, number)
    assert store.read("models", key_of(0)) is not None  # used again, and so the youngest
    for number in range(9, 12):
        store.write("phrases", key_of(number), (bytes([number]) * 1000,))
    kept = {number for number in range(12) if store.read("phrases" if number % 2 else "models", key_of(number))}
    assert 0 in kept
    assert 1 not in kept
    assert store.size().bytes <= store.max_bytes


def age(store: ContentStore, number: int) -> None:
    """Make the entry of that number older than every later one."""
    for file in store.folder.rglob(f"{key_of(number)}.*"):
        os.utime(file, (1_000_000 + number, 1_000_000 + number))


def test_the_folder_never_grows_beyond_its_bounds(store: ContentStore) -> None:
    for number in range(200):
        store.write("phrases", key_of(number), (bytes(number % 250 + 500),))
        assert store.size().bytes <= store.max_bytes
    assert store.size().bytes > 0.5 * store.max_bytes


def test_the_folder_is_looked_through_only_when_it_is_full(
    store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    scan = os.scandir

    def counted(folder: str) -> Iterator[os.DirEntry[str]]:
        looks.append(folder)
        return scan(folder)

    store.write("phrases", key_of(0), (bytes(10),))
    monkeypatch.setattr(os, "scandir", counted)
    for number in range(1, 100):
        ContentStore(store.folder, max_bytes=10_000).write("phrases", key_of(number), (bytes(10),))  # as many processes
    assert looks == []


def test_a_damaged_journal_is_made_anew(store: ContentStore) -> None:
    for number in range(20):
        store.write("phrases", key_of(number), (bytes(1000),))
        (store.folder / "journal").write_bytes(b"no number\n")
    assert store.size().bytes <= store.max_bytes
    (store.folder / "journal").unlink()
    store.write("phrases", key_of(99), (bytes(1000),))
    assert int((store.folder / "journal").read_bytes()) == store.size().bytes


def test_an_entry_larger_than_the_store_is_not_kept(store: ContentStore) -> None:
    store.write("phrases", KEY, (b"la",))
    store.write("models", OTHER, (bytes(6000), bytes(6000)))
    assert store.read("models", OTHER) is None
    assert store.read("phrases", KEY) == b"la"
    assert store.problem is None


def test_files_of_others_are_left_alone(store: ContentStore) -> None:
    store.write("phrases", KEY, (b"la",))
    mine = [
        store.folder / "notes.txt",
        store.folder / "ab" / "thesis.odt",
        store.folder / "phrases" / "ab" / "song.mid",
    ]
    for file in mine:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(9000))
    for number in range(30):
        store.write("phrases", key_of(number), (bytes(1000),))
    assert all(file.exists() for file in mine)


def test_what_killed_writers_left_is_swept(store: ContentStore) -> None:
    store.write("phrases", KEY, (b"la",))
    old, new = (only_file(store).with_name(f".{letter * 16}.part") for letter in "ab")
    for part in (old, new):
        part.write_bytes(b"l")
    os.utime(old, (1_000_000, 1_000_000))
    (store.folder / "journal").unlink()
    store.write("phrases", OTHER, (b"la",))
    assert not old.exists()
    assert new.exists(), "its writer may still be at it"


def test_a_writer_that_fails_leaves_nothing(store: ContentStore) -> None:
    def parts() -> Iterator[bytes]:
        yield b"la"
        raise OSError(errno.ENOSPC, "No space left on device")

    store.write("phrases", KEY, parts())
    assert store.problem == "No space left on device"
    assert store.read("phrases", KEY) is None
    assert not [path for path in store.folder.rglob("*") if path.is_file()]
    store.write("phrases", KEY, (b"la",))
    assert store.problem is None


def test_a_trial_leaves_nothing(store: ContentStore) -> None:
    assert store.try_out() is None
    assert store.size().entries == 0


def test_a_file_where_the_folder_belongs_is_a_problem_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    for folder in (tmp_path / "cache", tmp_path / "cache" / "below"):
        store = ContentStore(folder, max_bytes=1000)
        store.write("phrases", KEY, (b"la",))
        assert store.problem
        assert store.try_out() == store.problem
        assert store.read("phrases", KEY) is None
        assert store.size().entries == 0


def test_a_folder_that_can_only_be_read_is_read(store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    store.write("phrases", KEY, (b"la",))
    for call in ("open", "utime", "mkdir", "unlink"):
        monkeypatch.setattr(os, call, refuse)
    store.write("phrases", OTHER, (b"la",))
    assert store.problem == "Read-only file system"
    assert store.read("phrases", KEY) == b"la"
    assert store.file("phrases", KEY) is not None


def test_a_folder_of_another_user_is_not_trusted(store: ContentStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write("phrases", KEY, (b"la",))
    owner = store.folder.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # whom everybody has to trust
        assert store.read("phrases", KEY) == b"la"
        os.chown(store.folder, 12345, -1)
    assert store.read("phrases", KEY) is None
    store.write("phrases", OTHER, (b"la",))
    assert store.problem
    assert "another user" in store.problem
