"""A pronouncing dictionary that is searched in the file's own bytes.

Conventions
-----------
The file holds one ``word ph ph ph`` a line, sorted by bytes, ASCII. Five megabytes are read in a few milliseconds;
building a mapping of 175,000 words would take thirty times as long and six times the memory, for a song that needs
a hundred of them.
"""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parent / "data"  # importlib.resources would cost more to import than a song needs to be read


class Dictionary:
    """Words and their pronunciations.

    Parameters
    ----------
    lines : bytes
        Content of a dictionary file.
    """

    def __init__(self, lines: bytes) -> None:
        self._lines = lines

    @classmethod
    def from_package(cls, name: str) -> Dictionary:
        """One of the files that the package ships."""
        return cls((DATA / name).read_bytes())

    def get(self, word: str) -> tuple[str, ...] | None:
        """Phonemes of a word, or None when it is not there."""
        if not word.isascii():
            return None
        key = word.encode("ascii") + b" "
        low, high = 0, len(self._lines)
        while low < high:
            middle = (low + high) // 2
            start = self._lines.rfind(b"\n", low, middle) + 1 or low
            end = self._lines.index(b"\n", middle) + 1
            if self._lines.startswith(key, start):
                return tuple(self._lines[start + len(key) : end].decode("ascii").split())
            # Lines compare like their words: the space after a word sorts before everything that can stand in one.
            if self._lines[start:end] < key:
                low = end
            else:
                high = start
        return None

    def __contains__(self, word: str) -> bool:
        return self.get(word) is not None
