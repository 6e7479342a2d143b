"""Why a job failed, from whatever ended it."""

from __future__ import annotations

from cantilena.errors import CantilenaError
from cantilena.ports.jobs import JobProblem
from cantilena.tracing import log_event


def problem_of(error: BaseException) -> JobProblem:
    """What the owner of a job is told of an exception; one that nobody foresaw is logged."""
    if isinstance(error, CantilenaError):
        return JobProblem(
            code=error.code, message=error.message, hint=error.hint, retryable=error.retryable, part=error.place.part,
            measure=error.place.measure,
        )  # fmt: skip
    if isinstance(error, MemoryError):
        return JobProblem(
            code="out_of_memory",
            message="There was not enough memory to sing this song.",
            hint="Sing fewer measures at a time.",
            retryable=True,
        )
    log_event("internal_error", severity="error", exc_info=error)
    return JobProblem(
        code="internal_error",
        message=f"Something unforeseen went wrong ({type(error).__name__}).",
        hint="Please report it; the log says where it happened.",
    )
