"""A bucket: objects with names, read and written whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cantilena.errors import CantilenaError

MAX_READ_BYTES: Final = 8 * 1024 * 1024
"""Of an object that is read whole into memory."""
ANY_TYPE: Final = "application/octet-stream"
"""The media type of what nobody says more of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object of a bucket.

    Attributes
    ----------
    name : str
        In the whole bucket, with slashes.
    size : int
        Bytes.
    crc32c : str
        Base64 of the four bytes, most significant first, as the object's metadata has it; empty when unknown.
    generation : int
        Which writing of that name it is.
    """

    name: str
    size: int
    crc32c: str
    generation: int


class Sink(Protocol):
    """Where the bytes of an object go as they come; an exception it raises ends that download."""

    def write(self, content: bytes, /) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """One object to be read into a sink; with a generation: exactly that writing of it."""

    name: str
    sink: Sink
    generation: int | None = None


class StorageError(CantilenaError):
    """The bucket does not do what was asked.

    ``storage_object_missing``, ``storage_object_exists``, ``storage_object_too_large``, ``storage_bucket_missing``,
    ``storage_denied``, ``storage_unreachable`` (retryable).
    """


class ObjectStore(Protocol):
    """A bucket."""

    @property
    def place(self) -> str:
        """What it is called in messages, such as ``gs://bucket``."""
        ...

    def read(self, name: str) -> bytes:
        """A small object whole; ``storage_object_too_large`` beyond :data:`MAX_READ_BYTES`."""
        ...

    def find(self, prefix: str) -> tuple[StoredObject, ...]:
        """Every object whose name begins like this, in order of name."""
        ...

    def folders(self, prefix: str) -> tuple[str, ...]:
        """Names of the folders directly below a prefix that ends in a slash."""
        ...

    def download(self, wanted: Sequence[Download]) -> tuple[Exception | None, ...]:
        """Read objects in parallel, each into its sink; for each, in order, what went wrong.

        That is a :class:`StorageError`, or what the sink raised.
        """
        ...

    def find_one(self, name: str) -> StoredObject | None:
        """What is known of an object; None: there is none."""
        ...

    def stream(self, name: str, *, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes of an object from ``start`` up to ``end`` (exclusive) in blocks, of one writing of it.

        What can go wrong at once (``storage_object_missing``) is raised by the call, not by the first block.
        """
        ...

    def create(self, name: str, source: Path | bytes, *, media_type: str = ANY_TYPE) -> None:
        """Write a new object; ``storage_object_exists`` when there is one of that name."""
        ...

    def replace(self, name: str, source: Path | bytes, *, media_type: str = ANY_TYPE) -> None:
        """Write an object over whatever has its name."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    def ping(self) -> None:
        """Find out whether the bucket answers; ``storage_unreachable``."""
        ...
