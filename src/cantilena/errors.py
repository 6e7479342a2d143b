"""Every error Cantilena raises on purpose, as one tree.

::

    CantilenaError               code, message, hint, place, retryable
    ├── ScoreError               the score is at fault        score_*, mxl_*
    ├── LyricError               its words are                lyric_*
    ├── OptionError              what was asked for is        option_*, part_unknown, ...
    ├── StageError               a middle result is           stage_*
    ├── OutputError              where it should go is        output_*
    ├── VoicebankError           the voicebank is             voicebank_*
    ├── InferenceError           the engine failed            inference_failed, out_of_memory
    └── CanceledError            nothing is, it was stopped   canceled

``code`` is stable and snake_case, ``message`` is one sentence that says what and where, ``hint`` says what to
do about it. Interfaces translate the tree in one function each and never parse a message.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a score something is: names as the score prints them, ``None`` where they do not apply."""

    part: str | None = None
    measure: str | None = None

    def __str__(self) -> str:
        named = (("part", self.part), ("measure", self.measure))
        return ", ".join(f"{name} {value}" for name, value in named if value is not None)


NOWHERE = Place()


class CantilenaError(Exception):
    """Base of the tree; catch this one to catch everything Cantilena says on purpose.

    Parameters
    ----------
    code : str
        Stable, snake_case.
    message : str
        One sentence: what is wrong and with what, expected and given values included.
    hint : str
        What the reader can do about it.
    place : Place
        Part and measure, where they apply.
    retryable : bool
        Whether the same call may succeed later without any change.
    """

    def __init__(
        self, code: str, message: str, *, hint: str = "", place: Place = NOWHERE, retryable: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.place = place
        self.retryable = retryable


class ScoreError(CantilenaError):
    """The score cannot be read, or holds nothing that could be sung."""


class LyricError(CantilenaError):
    """A word of the score cannot be pronounced.

    Attributes
    ----------
    others : tuple of LyricError
        Further words of the same song that cannot be; ``check`` reports them all.
    """

    others: tuple[LyricError, ...] = ()


class OptionError(CantilenaError):
    """An option is out of range or names what is not there."""


class StageError(CantilenaError):
    """The result of a step, written down and perhaps edited, cannot be sung on from."""


class OutputError(CantilenaError):
    """The result cannot be written where it should go."""


class VoicebankError(CantilenaError):
    """A voicebank is missing, broken, or cannot sing what was asked.

    Attributes
    ----------
    file : Path or None
        The file at fault, where there is one.
    """

    file: Path | None = None


class InferenceError(CantilenaError):
    """The engine failed while singing."""


class CanceledError(CantilenaError):
    """The work was stopped because somebody asked for it."""
