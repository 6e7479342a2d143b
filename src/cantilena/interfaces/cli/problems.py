"""From the library's errors to what a shell sees: one sentence, a hint, an exit code."""

from __future__ import annotations

import json
import sys
from typing import Final

from cantilena.errors import (
    NOWHERE,
    CanceledError,
    CantilenaError,
    InferenceError,
    LyricError,
    OptionError,
    OutputError,
    Place,
    ScoreError,
    StageError,
    VoicebankError,
)

DONE: Final = 0
USAGE: Final = 2
SCORE: Final = 3
VOICEBANK: Final = 4
UNSINGABLE: Final = 5
ENGINE: Final = 6
INTERRUPTED: Final = 130


def to_exit_code(error: CantilenaError) -> int:
    """The exit code of an error, as the contract of the command line has it.

    >>> to_exit_code(ScoreError("score_not_xml", "This is not XML."))
    3
    """
    match error:
        case ScoreError():
            return SCORE
        case VoicebankError():
            return VOICEBANK
        case LyricError() | StageError():
            return UNSINGABLE
        case OptionError():
            # A part, verse, measure or speaker that is not there is well-formed: it only does not fit this song.
            return UNSINGABLE if error.code.endswith("_unknown") else USAGE
        case OutputError():
            return ENGINE if error.code == "output_disk_full" else USAGE
        case InferenceError():
            return ENGINE
        case CanceledError():
            return INTERRUPTED
    return ENGINE


def report_error(
    message: str, *, code: str, hint: str, as_json: bool, place: Place = NOWHERE, retryable: bool = False
) -> None:
    """Tell a failure: with ``as_json`` as the one document on standard output, else as a line on standard error."""
    if as_json:
        problem = {
            "code": code,
            "message": message,
            "hint": hint,
            "part": place.part,
            "measure": place.measure,
            "retryable": retryable,
        }
        sys.stdout.write(json.dumps({"error": problem}, ensure_ascii=False) + "\n")
    else:
        where = f" ({place})" if place.part or place.measure else ""
        sys.stderr.write(f"cantilena: {message}{where}\n" + (f"  {hint}\n" if hint else ""))


def report_unexpected(error: Exception, *, as_json: bool) -> int:
    """Tell a failure nobody foresaw: its kind in a sentence, its traceback in the log at DEBUG."""
    from cantilena.tracing import log_unexpected_error

    log_unexpected_error(error)
    report_error(
        f"Something unforeseen went wrong: {type(error).__name__}: {error}",
        code="internal_error",
        hint="Please report it; LOG_LEVEL=DEBUG shows where it happened.",
        as_json=as_json,
    )
    return ENGINE
