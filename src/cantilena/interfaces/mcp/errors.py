"""From the library's errors to what a client of the protocol sees: one code, one sentence, a hint."""

from __future__ import annotations

import re
from typing import Any, Final

import mcp_types as types
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from cantilena.errors import CantilenaError, OptionError, OutputError
from cantilena.tracing import log_event

_LONGEST: Final = 500
_OPTION = re.compile(r"--([a-z][a-z-]*)")


class Problem(BaseModel):
    """Why a call failed."""

    code: str
    message: str
    hint: str = ""
    part: str | None = None
    measure: str | None = None
    retryable: bool = False
    job_id: str | None = None


class JobFailed(Exception):
    """A song that was waited for failed; its job says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def to_mcp_error(error: Exception) -> tuple[types.CallToolResult, str]:
    """A tool's failure and its code; what nobody foresaw is logged, and told without its insides."""
    problem = to_problem(error)
    text = f"{problem.message} {problem.hint}".strip()
    result = types.CallToolResult(
        content=[types.TextContent(type="text", text=f"{text} [{problem.code}]")],
        structured_content={"error": problem.model_dump(exclude_none=True)},
        is_error=True,
    )
    return result, problem.code


def to_protocol_error(error: Exception) -> MCPError:
    """The same for what is no tool: resources, prompts and completions."""
    if isinstance(error, MCPError):
        return error
    problem = to_problem(error)
    code = types.INTERNAL_ERROR if problem.code == "internal_error" else types.INVALID_PARAMS
    return MCPError(code=code, message=problem.message, data=problem.model_dump(exclude_none=True))


def to_problem(error: Exception) -> Problem:
    """An error as data."""
    if isinstance(error, JobFailed):
        return error.problem
    if isinstance(error, ValidationError):
        return _to_argument_problem(error)
    if not isinstance(error, CantilenaError):
        log_event("internal_error", severity="error", exc_info=error)
        return Problem(
            code="internal_error",
            message="Something unforeseen went wrong in the server.",
            hint="Its log says what; please report it.",
        )
    is_about_options = isinstance(error, OptionError | OutputError)
    return Problem(
        code=error.code,
        message=one_line(as_arguments(error.message) if is_about_options else error.message),
        hint=one_line(as_arguments(error.hint)),
        part=bounded(error.place.part),
        measure=bounded(error.place.measure),
        retryable=error.retryable,
    )


def as_arguments(text: str) -> str:
    """Name options as the tools call them.

    >>> as_arguments("Choose another --chord-note.")
    'Choose another chord_note.'
    """
    return _OPTION.sub(lambda found: found[1].replace("-", "_"), text)


def one_line(text: str, longest: int = _LONGEST) -> str:
    r"""A sentence in bounds, on one line, whatever a score put into it.

    >>> one_line("a" * 9 + "\n\u2028b", 8)
    'aaaaa...'
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 3] + "..."


def bounded(text: str | None, longest: int = 200) -> str | None:
    """A name out of a score."""
    return None if text is None else one_line(text, longest)


def _to_argument_problem(error: ValidationError) -> Problem:
    told = [_describe(one) for one in error.errors(include_url=False, include_input=False, include_context=False)[:4]]
    return Problem(
        code="argument_invalid",
        message=one_line(f"The arguments do not fit: {'; '.join(told)}."),
        hint="Look at the input schema of the tool.",
    )


def _describe(one: Any) -> str:  # noqa: ANN401 -- pydantic's ErrorDetails
    where = ".".join(str(part) for part in one["loc"][:3])
    said = one["msg"].removeprefix("Value error, ")
    said = said[:1].lower() + said[1:]
    return one_line(f"{where}: {said}" if where else said, 160)
