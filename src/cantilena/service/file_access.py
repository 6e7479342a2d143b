"""The files that somebody at a distance may reach: those below a few folders, and nothing else.

Conventions
-----------
A path is judged by where it leads, links followed, before anything is opened; a path that leads outside is refused with
one sentence that is the same whether there is something or not. Messages repeat the path as it was given, never where
it lies.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cantilena.errors import OptionError, OutputError, ScoreError

MAX_PATH: Final = 1024


class FileAccess:
    """Reading and writing below folders.

    Parameters
    ----------
    folders : sequence of Path
        At least one. Relative paths are looked for in each of them, in order, and written below the first, which is
        made when something is first written.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(Path(os.path.realpath(folder)) for folder in folders)

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """The content of a score, one byte more than ``max_bytes`` at most.

        Raises
        ------
        OptionError
            ``file_outside_folders``.
        ScoreError
            ``score_not_found``, ``score_unreadable``.
        """
        places = self._places(path)
        place = next((place for place in places if os.access(place, os.F_OK)), places[0])
        try:
            # a pipe would be waited for without end; a link that came after the look above is not followed
            descriptor = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise ScoreError(
                        "score_unreadable",
                        f"{_shown(path)} is not a file.",
                        hint="Name a .musicxml, .xml or .mxl file.",
                    )
                return file.read(max_bytes + 1)
        except FileNotFoundError:
            raise ScoreError(
                "score_not_found", f"There is no file {_shown(path)}.", hint="Check the path of the score."
            ) from None
        except OSError as error:
            raise ScoreError(
                "score_unreadable",
                f"{_shown(path)} cannot be read: {error.strerror or 'it cannot be opened'}.",
                hint="Name a .musicxml, .xml or .mxl file that may be read.",
            ) from error

    def place_to_write(self, path: str) -> Path:
        """Where a file is to be written; folders on the way, all below the allowed ones, are made.

        Raises
        ------
        OptionError
            ``file_outside_folders``.
        OutputError
            ``output_unwritable``: a folder cannot be made.
        """
        place = self._places(path)[0]
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                "output_unwritable",
                f"{_shown(path)} cannot be written: its folder cannot be made ({error.strerror}).",
                hint="Write to another place.",
            ) from error
        return place

    def _places(self, path: str) -> tuple[Path, ...]:
        """Where a path may lead, links followed; never empty."""
        if not path.strip() or "\0" in path or len(path) > MAX_PATH:
            raise _outside()
        try:
            given = Path(path).expanduser()
            places = [given] if given.is_absolute() else [folder / given for folder in self.folders]
            resolved = [Path(os.path.realpath(place)) for place in places]
        except (OSError, RuntimeError, ValueError):  # links in a circle, a home that nobody has
            raise _outside() from None
        inside = tuple(place for place in resolved if self._is_inside(place))
        if not inside:
            raise _outside()
        return inside

    def _is_inside(self, place: Path) -> bool:
        return any(place.is_relative_to(folder) and place != folder for folder in self.folders)


def _outside() -> OptionError:
    return OptionError(
        "file_outside_folders",
        "This path does not lead to a place that may be read or written here.",
        hint="Give a path relative to the folder of the server, such as song.musicxml.",
    )


def _shown(path: str) -> str:
    return repr(path if len(path) <= 120 else path[:117] + "...")
