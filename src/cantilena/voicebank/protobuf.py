"""The wire format of protobuf, as far as ONNX files use it: fields one after the other, each with a number and a type.

Conventions
-----------
Nothing is copied while reading: a field is told by where it lies, so that a file of hundreds of megabytes can be looked
through where it is mapped. Whatever is no message raises ``ValueError``, and reading always ends: every field is at
least one byte further on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol, overload

VARINT: Final = 0
FIXED64: Final = 1
BYTES: Final = 2
FIXED32: Final = 5


class Buffer(Protocol):
    """Bytes, or a mapped file."""

    @overload
    def __getitem__(self, key: int, /) -> int: ...
    @overload
    def __getitem__(self, key: slice, /) -> bytes: ...
    def __len__(self) -> int: ...


class Field(NamedTuple):
    """One field: its number and type, where it starts, and where its content begins and ends."""

    number: int
    wire: int
    start: int
    begin: int
    end: int


def read_fields(buffer: Buffer, begin: int, end: int) -> Iterator[Field]:
    """The fields of the message between two places of a buffer."""
    at = begin
    while at < end:
        start = at
        key = buffer[at]
        if key < 0x80:
            at += 1
        else:
            key, at = read_varint(buffer, at)
        wire = key & 7
        content = at
        if wire == BYTES:
            size, content = read_varint(buffer, at)
            at = content + size
        elif wire == VARINT:
            at = read_varint(buffer, at)[1]
        elif wire in (FIXED64, FIXED32):
            at += 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {start}")
        if at > end:
            raise ValueError(f"the field at byte {start} ends after its message")
        yield Field(key >> 3, wire, start, content, at)


def read_varint(buffer: Buffer, at: int) -> tuple[int, int]:
    """A whole number, and where the next thing begins."""
    value = 0
    for shift, byte in enumerate(buffer[at : at + 10]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise ValueError(f"no whole number at byte {at}")


def read_text(buffer: Buffer, field: Field) -> str:
    """Text of a field; names that differ stay different even where they are no text."""
    return buffer[field.begin : field.end].decode(errors="surrogateescape")


def write_varint(value: int) -> bytes:
    """A whole number >= 0."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def write_number(number: int, value: int) -> bytes:
    """A field that holds a whole number >= 0."""
    return write_varint(number << 3 | VARINT) + write_varint(value)


def write_bytes(number: int, content: bytes | str) -> bytes:
    """A field that holds bytes, text or another message."""
    if isinstance(content, str):
        content = content.encode(errors="surrogateescape")
    return write_varint(number << 3 | BYTES) + write_varint(len(content)) + content
