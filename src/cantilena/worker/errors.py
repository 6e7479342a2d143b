"""What can go wrong between a caller and a worker, beside what the library says itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cantilena.errors import CantilenaError, Place

_AGAIN: Final = "Try again in a moment."


class WorkerError(CantilenaError):
    """A call got no answer.

    ========================= ==================================================== =========
    code                      what happened                                        retryable
    ========================= ==================================================== =========
    ``worker_unavailable``    no worker runs, and none will for the moment         yes
    ``worker_died``           it died while it worked on this                      yes
    ``worker_deadline``       the time that the call was given is over             yes
    ``queue_full``            too many others wait                                 yes
    ``shutting_down``         this process is about to end                         yes
    ``tool_unknown``          there is no such tool                                no
    ``worker_answer_invalid`` the answer is not what the tool promises             no
    ========================= ==================================================== =========
    """


class ToolError(CantilenaError):
    """A tool answered with an error; code, sentence and hint are those of the library in the worker."""


def worker_unavailable(worker: str, seconds: float | None = None) -> WorkerError:
    """No worker runs; the next is started in so many seconds."""
    when = f"the next is started in {seconds:.0f} s" if seconds is not None else "it did not get ready in time"
    return WorkerError(
        "worker_unavailable", f"The worker {worker!r} does not run: {when}.", hint=_AGAIN, retryable=True
    )


def worker_died(worker: str, tool: str, attempt: int) -> WorkerError:
    """It died while it worked on a call."""
    times = "" if attempt == 1 else " twice"
    return WorkerError(
        "worker_died", f"The worker {worker!r} died{times} while it worked on {tool}.", hint=_AGAIN, retryable=True
    )


def worker_deadline(worker: str, tool: str, seconds: float) -> WorkerError:
    """A call took longer than it was given."""
    return WorkerError(
        "worker_deadline",
        f"The worker {worker!r} had no answer to {tool} after {seconds:g} s.",
        hint="Try again, with less to do at once or more time.",
        retryable=True,
    )


def queue_full(worker: str, waiting: int) -> WorkerError:
    """Too many calls wait already."""
    return WorkerError(
        "queue_full", f"{waiting} calls wait for the worker {worker!r} already.", hint=_AGAIN, retryable=True
    )


def shutting_down(worker: str) -> WorkerError:
    """No call is taken any more."""
    return WorkerError("shutting_down", f"The worker {worker!r} is about to end.", hint=_AGAIN, retryable=True)


def tool_unknown(worker: str, tool: str) -> WorkerError:
    """There is no such tool."""
    return WorkerError(
        "tool_unknown", f"The worker {worker!r} has no tool {tool[:80]!r}.", hint="Its tools are listed when it starts."
    )


def answer_invalid(worker: str, tool: str, reason: str) -> WorkerError:
    """The answer is not what the tool promises."""
    return WorkerError(
        "worker_answer_invalid",
        f"What the worker {worker!r} answered to {tool} cannot be used: {reason[:300]}.",
        hint="This is an error in Cantilena; please report it.",
    )


def tool_error(problem: Mapping[str, Any], text: str) -> ToolError:
    """The error that a tool answered with, from its structured content, or from its text alone."""

    def said(name: str) -> str | None:
        value = problem.get(name)
        return value if isinstance(value, str) else None

    return ToolError(
        said("code") or "tool_failed",
        said("message") or text or "The tool failed.",
        hint=said("hint") or "",
        place=Place(part=said("part"), measure=said("measure")),
        retryable=problem.get("retryable") is True,
    )
