"""Numbers as scores write them, read exactly or refused."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from cantilena.errors import Place, ScoreError

_DECIMAL: Final = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})\Z")
_SHOWN = 24


def read_number(text: str) -> int | Fraction | None:
    """A plain decimal number of sane length, an int where it is whole; None for anything else.

    >>> read_number(" 12 "), read_number("0.5"), read_number("1e400"), read_number("nan")
    (12, Fraction(1, 2), None, None)
    """
    text = text.strip()
    if not _DECIMAL.match(text):
        return None
    if "." not in text:
        return int(text)
    number = Fraction(text)
    return int(number) if number.denominator == 1 else number


def read_whole(text: str | None, default: int) -> int:
    """A whole number of small size, or the default for anything else."""
    if text is None:
        return default
    try:
        number = float(text)
    except ValueError:
        return default
    return int(number) if abs(number) < 1e9 and number == int(number) else default


def bad_number(what: str, given: str, place: Place) -> ScoreError:
    """The error for a number that makes no sense."""
    shown = given if len(given) <= _SHOWN else given[:_SHOWN] + "…"
    return ScoreError(
        "score_bad_number",
        f"The {what} in {place} is {shown!r}, which is not a number that it can be.",
        hint="Open the score in a notation program, correct that measure and export it again.",
        place=place,
    )
