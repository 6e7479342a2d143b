"""The zip container of compressed MusicXML, read in memory and never further than it may.

A score needs five fields of the zip format. Reading them here takes a fraction of what a general library takes, and
every size and offset that the archive claims is checked against the bytes that are there.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

_END = struct.Struct("<4s4H2LH")  # end of the central directory
_ENTRY = struct.Struct("<4s6H3L5H2L")  # entry of the central directory
_LOCAL = struct.Struct("<4s5H3L2H")  # header before an entry's data
_END_MAGIC, _ENTRY_MAGIC, _LOCAL_MAGIC = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_LONGEST_COMMENT = 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800

MAGIC: Final = b"PK"
"""What every archive begins with."""


class BadArchiveError(Exception):
    """The bytes are no zip archive, or a damaged one; says what is wrong."""


class Entry(NamedTuple):
    """A file in an archive, as the central directory lists it."""

    name: str
    flags: int
    method: int
    crc: int
    size: int
    """Bytes that it takes in the archive."""
    unpacked: int
    """Bytes that it claims to be."""
    offset: int
    """Where its header begins."""


def list_entries(data: bytes, *, most: int) -> list[Entry]:
    """Files of an archive in the order listed, folders left out.

    Parameters
    ----------
    data : bytes
        The archive.
    most : int
        Not more than one entry beyond these is listed.

    Raises
    ------
    BadArchiveError
    """
    end = data.rfind(_END_MAGIC, max(0, len(data) - _LONGEST_COMMENT - _END.size))
    if end < 0 or end + _END.size > len(data):
        raise BadArchiveError("it has no end record")
    _, _, _, _, count, directory_size, directory_offset, _ = _END.unpack_from(data, end)
    shift = end - directory_size - directory_offset  # bytes before the archive proper
    at = end - directory_size
    if shift < 0 or at < 0:
        raise BadArchiveError("its directory lies outside of it")
    entries: list[Entry] = []
    for _ in range(min(count, most + 1)):
        if at + _ENTRY.size > end:
            raise BadArchiveError("its directory is cut off")
        fields = _ENTRY.unpack_from(data, at)
        if fields[0] != _ENTRY_MAGIC:
            raise BadArchiveError("its directory is damaged")
        flags, method, crc, size, unpacked, name_length = *fields[3:5], *fields[7:11]
        begin = at + _ENTRY.size
        raw_name = data[begin : begin + name_length]
        name = raw_name.decode("utf-8" if flags & _UTF8 else "cp437", errors="replace")
        if not name.endswith("/"):
            entries.append(Entry(name, flags, method, crc, size, unpacked, fields[16] + shift))
        at = begin + name_length + fields[11] + fields[12]
    return entries


def read_entry(data: bytes, entry: Entry, *, most: int) -> bytes:
    """The contents of one file, at most one byte beyond ``most``.

    Raises
    ------
    BadArchiveError
        It is encrypted, packed in an unknown way, cut off, or not what its size and checksum say.
    """
    if entry.flags & _ENCRYPTED:
        raise BadArchiveError(f"{entry.name[:60]} is encrypted")
    if entry.offset + _LOCAL.size > len(data) or data[entry.offset : entry.offset + 4] != _LOCAL_MAGIC:
        raise BadArchiveError(f"{entry.name[:60]} is not where the directory says")
    fields = _LOCAL.unpack_from(data, entry.offset)
    begin = entry.offset + _LOCAL.size + fields[9] + fields[10]
    packed = data[begin : begin + entry.size]
    if len(packed) != entry.size:
        raise BadArchiveError(f"{entry.name[:60]} is cut off")
    if entry.method == _STORED:
        contents = packed[: most + 1]
    elif entry.method == _DEFLATED:
        contents = _inflate(packed, entry, most)
    else:
        raise BadArchiveError(f"{entry.name[:60]} is packed in a way that scores are not")
    if len(contents) <= most and (len(contents) != entry.unpacked or zlib.crc32(contents) != entry.crc):
        raise BadArchiveError(f"{entry.name[:60]} is not what its size and checksum say")
    return contents


def _inflate(packed: bytes, entry: Entry, most: int) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        contents = inflater.decompress(packed, most + 1)
    except zlib.error as error:
        raise BadArchiveError(f"{entry.name[:60]} cannot be unpacked") from error
    if len(contents) <= most and not inflater.eof:
        raise BadArchiveError(f"{entry.name[:60]} is cut off")
    return contents
