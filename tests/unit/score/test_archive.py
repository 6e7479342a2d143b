"""Archives: as the standard library reads them, and refused where it would guess."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score.archive import BadArchiveError, list_entries, read_entry

FILES = {"META-INF/container.xml": b"<container/>", "Größe.xml": b"<score/>" * 500, "empty.xml": b""}


def zipped(files: dict[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def contents(data: bytes) -> dict[str, bytes]:
    return {entry.name: read_entry(data, entry, most=100_000) for entry in list_entries(data, most=64)}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"a comment PK\x05 of some length"])
def test_what_was_packed_comes_out(method, comment):
    assert contents(zipped(method=method, comment=comment)) == FILES


def test_bytes_before_the_archive_do_no_harm():
    assert contents(b"PK, a preface" + zipped()) == FILES


def test_folders_are_no_files():
    assert list(contents(zipped({"a/": b"", "a/b.xml": b"b"}))) == ["a/b.xml"]


def test_sizes_streamed_after_the_data_are_found_in_the_directory():
    class Unseekable(io.BytesIO):
        def seekable(self) -> bool:
            return False

    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", b"aaaa" * 100)
    assert contents(stream.getvalue()) == {"a.xml": b"aaaa" * 100}


def test_one_entry_beyond_the_limit_is_listed_and_no_more():
    assert len(list_entries(zipped({f"{n}": b"" for n in range(100)}), most=10)) == 11


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_byte_beyond_the_limit_is_read_and_no_more(method):
    data = zipped({"bomb": bytes(1_000_000)}, method)
    assert len(read_entry(data, list_entries(data, most=1)[0], most=1000)) == 1001


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[: len(data) // 2], "no end record"),
        (lambda data: data.replace(b"PK\x01\x02", b"PK\x01\x03"), "directory is damaged"),
        (lambda data: data.replace(b"PK\x03\x04", b"PK\x03\x05"), "not where the directory says"),
        (lambda data: data[:-10] + b"\xff\xff\xff\x7f" + data[-6:], "directory lies outside"),
        (lambda data: data.replace(b"hello", b"hallo"), "size and checksum"),
    ],
)
def test_damage_is_named(damage, said):
    with pytest.raises(BadArchiveError, match=said):
        contents(damage(zipped({"a.xml": b"hello"}, zipfile.ZIP_STORED)))


def test_methods_that_scores_do_not_use():
    with pytest.raises(BadArchiveError, match="packed in a way"):
        contents(zipped(method=zipfile.ZIP_BZIP2))


@given(st.data())
def test_any_damage_is_found_or_does_no_harm(data):
    archive = bytearray(zipped({"a.xml": b"hello " * 20}))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = contents(bytes(archive))
    except BadArchiveError:
        return
    assert set(found.values()) <= {b"hello " * 20}
