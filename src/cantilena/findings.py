"""What is worth telling about a score or a song without stopping: warnings as data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cantilena.errors import CantilenaError, Place

Severity = Literal["warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was noticed.

    Attributes
    ----------
    code : str
        Stable, snake_case, as in :mod:`cantilena.errors`.
    message : str
        One sentence with part and measure left out: they are fields.
    part, measure : str or None
        As printed in the score.
    severity : {"warning", "error"}
        An error keeps the song from being sung; only ``check`` reports one as a finding.
    hint : str
        What the reader can do about it.
    """

    code: str
    message: str
    part: str | None = None
    measure: str | None = None
    severity: Severity = "warning"
    hint: str = ""

    @classmethod
    def from_error(cls, error: CantilenaError) -> Finding:
        """The same statement as data, for an interface that reports instead of raising."""
        return cls(
            code=error.code, message=error.message, part=error.place.part, measure=error.place.measure,
            severity="error", hint=error.hint,
        )  # fmt: skip

    @property
    def place(self) -> Place:
        return Place(part=self.part, measure=self.measure)
