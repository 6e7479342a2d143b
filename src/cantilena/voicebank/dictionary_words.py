"""The words of a dictionary, searched in one sorted block of bytes that is parsed once and kept on disk.

Conventions
-----------
The block is UTF-8: one ``word<TAB>symbol symbol`` a line, sorted by the bytes of the word, each word once, a newline at
either end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cantilena.voicebank.dictionary_text import Entry, read_entries
from cantilena.voicebank.files import unreadable

if TYPE_CHECKING:
    from cantilena.cache import ContentStore

_KIND: Final = "dictionary"
_FORMAT: Final = b"words 1\n"  # to be changed with whatever changes what is kept
_SMALLEST: Final = 1 << 18  # bytes; a smaller file is parsed as quickly as it is looked up


class Words:
    """Words and their symbols.

    Parameters
    ----------
    block : bytes
        As in the conventions above.
    """

    def __init__(self, block: bytes) -> None:
        self._block = block

    def get(self, word: str) -> tuple[str, ...] | None:
        """The symbols of a word as it is written, else of the word in lower case."""
        return self._find(word) or self._find(word.lower())

    def __len__(self) -> int:
        return max(self._block.count(b"\n") - 1, 0)

    def _find(self, word: str) -> tuple[str, ...] | None:
        key = word.encode("utf-8", "replace")
        block, low, high = self._block, 0, len(self._block) - 1
        while low < high:  # low is always the newline before a line, high the one after a line
            start = block.rfind(b"\n", low, (low + high) // 2 + 1)
            tab = block.index(b"\t", start)
            found = block[start + 1 : tab]
            end = block.index(b"\n", tab)
            if found == key:
                return tuple(block[tab + 1 : end].decode().split(" "))
            if found < key:
                low = end
            else:
                high = start
        return None


def parse_words(file: Path, declared: Collection[str]) -> bytes:
    """The block of a dictionary's words; of a word that comes twice the last entry counts.

    Parameters
    ----------
    file : Path
        The dictionary.
    declared : collection of str
        The symbols it declares: what else its words use is left out of them, as OpenUtau does; empty: nothing is.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: no text.
    """
    kept = set(declared)
    words: dict[str, str] = {}
    for entry in read_entries(file):
        if isinstance(entry, Entry):
            word, symbols = entry
            if kept and not kept.issuperset(symbols):
                symbols = tuple(symbol for symbol in symbols if symbol in kept)
            if symbols:
                words[word] = " ".join(symbols)
    lines = (f"{word}\t{words[word]}" for word in sorted(words) if word and "\t" not in word and "\n" not in word)
    return "\n".join(["", *lines, ""]).encode("utf-8", "replace")


class DictionaryStore:
    """What was parsed of one dictionary, kept under the hash of its file.

    Parameters
    ----------
    file : Path
        The dictionary.
    store : ContentStore or None
        Where it is kept; None: nowhere.
    """

    def __init__(self, file: Path, store: ContentStore | None) -> None:
        self._file = file
        self._store = store if store is not None and _size_of(file) >= _SMALLEST else None

    def read_or_make(self, part: str, make: Callable[[], bytes]) -> bytes:
        """One part of what was parsed: as it was stored, else as it is made now."""
        if self._store is None:
            return make()
        key = f"{self._digest}{part.encode().hex()}"
        content = self._store.read(_KIND, key)
        if content is None:
            content = make()
            self._store.write(_KIND, key, (content,))
        return content

    @cached_property
    def _digest(self) -> str:
        digest = hashlib.blake2b(_FORMAT, digest_size=16)
        try:
            with self._file.open("rb") as stream:
                while piece := stream.read(1 << 20):
                    digest.update(piece)
        except OSError as error:
            raise unreadable(self._file, error) from error
        return digest.hexdigest()


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise unreadable(file, error) from error
