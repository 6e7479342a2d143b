"""Files on disk that are named by what they were computed from.

Conventions
-----------
An entry has a kind (a folder) and a key (a hash in hexadecimal digits); what is stored under a key never changes, so
an entry may be dropped at any time and computed again. Nothing here ever fails a song: what cannot be read counts as
missing, what cannot be written is not kept.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class ContentStore:
    """A folder of entries, bounded in size, shared by any number of processes.

    Parameters
    ----------
    folder : Path
        Made when the first entry is written.
    max_bytes : int
        Of all entries; the ones unused for longest go first.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def read(self, kind: str, key: str) -> bytes | None:
        """What is stored under a key, checked against its own hash; None: nothing, or nothing whole."""
        with suppress(OSError):
            content = self._file(kind, key).read_bytes()
            digest, body = content[:32], content[32:]
            if hashlib.blake2b(body, digest_size=32).digest() == digest:
                return body
        return None

    def write(self, kind: str, key: str, parts: Iterable[bytes]) -> None:
        """Store the joined parts under a key; nobody ever reads a part of them."""
        file = self._file(kind, key)
        part = file.with_name(f".{secrets.token_hex(6)}.part")
        body = b"".join(parts)
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            try:
                part.write_bytes(hashlib.blake2b(body, digest_size=32).digest() + body)
                part.replace(file)
            finally:
                part.unlink(missing_ok=True)

    def _file(self, kind: str, key: str) -> Path:
        return self.folder / kind / key[:2] / key
