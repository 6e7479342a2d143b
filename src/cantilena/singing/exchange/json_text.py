"""JSON text of middle results: read strictly and within bounds, written so that a person can edit it."""

from __future__ import annotations

import json
from typing import Final, NoReturn, cast

from cantilena.errors import StageError
from cantilena.singing.exchange.plain import Plain

LARGEST_BYTES: Final = 256 * 2**20
"""Twenty minutes of samples; anything else of a song is far smaller."""

# What a value takes in memory is a multiple of its text: these bound it, whatever the text is.
_MOST_CONTAINERS: Final = 2_000_000
_MOST_ITEMS: Final = 8_000_000


def read_json(raw: bytes) -> Plain:
    """Parse a document of a few hundred MB at most.

    Raises
    ------
    StageError
        ``stage_too_large``; ``stage_invalid``: it is not UTF-8, not JSON, nested too deeply, names a field twice, or
        holds NaN or an infinite number.
    """
    if len(raw) > LARGEST_BYTES:
        raise too_large(f"The document is larger than {LARGEST_BYTES // 2**20} MB.")
    if not raw.strip():
        raise _not_json("there is nothing at all")
    if raw.count(b"{") + raw.count(b"[") > _MOST_CONTAINERS or raw.count(b",") > _MOST_ITEMS:
        raise too_large("The document has more items than any song.")
    try:
        text = raw.decode("utf-8-sig")  # some shells put a byte order mark before what they pipe
    except UnicodeDecodeError as error:
        raise _not_json(f"it is not UTF-8 at byte {error.start}") from error
    try:
        return cast("Plain", json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant))
    except json.JSONDecodeError as error:
        raise _not_json(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise _not_json("it is nested too deeply") from error
    except ValueError as error:  # a whole number of thousands of digits
        raise _not_json("it holds a number of too many digits") from error


def too_large(message: str) -> StageError:
    """The error ``stage_too_large``."""
    return StageError("stage_too_large", message, hint="Sing fewer measures at once with --measures.")


def write_json(plain: Plain) -> str:
    """Text with a line for each item, but lists and objects of plain values on one."""
    return _render(plain, "") + "\n"


def _render(value: Plain, indent: str) -> str:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not any(isinstance(item, dict | list) for item in items):
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    deeper = indent + " "
    if isinstance(value, dict):
        lines = [f"{json.dumps(key, ensure_ascii=False)}: {_render(item, deeper)}" for key, item in value.items()]
        opening, closing = "{", "}"
    else:
        lines = [_render(item, deeper) for item in items]
        opening, closing = "[", "]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(lines) + f"\n{indent}{closing}"


def _unique(pairs: list[tuple[str, Plain]]) -> dict[str, Plain]:
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _not_json(f"an object names {twice[:40]!r} twice")
    return read


def _refuse_constant(name: str) -> NoReturn:
    raise _not_json(f"it holds {name}, which is no number of JSON")


def _not_json(reason: str) -> StageError:
    return StageError(
        "stage_invalid",
        f"This is not JSON as cantilena stage writes it: {reason}.",
        hint="Give the file that a cantilena stage command wrote.",
    )
