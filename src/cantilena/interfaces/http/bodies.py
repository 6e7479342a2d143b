"""The bodies of requests, read as they come: never more than allowed, and not from a sender who takes forever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from cantilena.errors import CantilenaError, OptionError

MAX_JSON_BYTES: Final = 256 * 1024
"""Thousands of pronunciations and some curves; what was asked for is part of a job's document, which is read often."""

_IDLE_SECONDS: Final = 10.0
_BODY_SECONDS: Final = 60.0
_MULTIPART_BYTES: Final = 64 * 1024  # what a form has beside its file
_WAIT_SECONDS: Final = 5.0
_SCORE_TYPES: Final = frozenset({
    "", "application/octet-stream", "application/vnd.recordare.musicxml", "application/vnd.recordare.musicxml+xml",
    "application/xml", "text/xml", "application/zip", "application/x-zip-compressed",
    "application/x-www-form-urlencoded",  # what curl says of any file
})  # fmt: skip
_JSON_TYPES: Final = frozenset({"", "application/json"})


class BusyError(CantilenaError):
    """``server_busy`` (retryable): too much is going on at once."""


async def read_json(request: Request) -> bytes:
    """The body of a request as JSON text; empty where there is none.

    Raises
    ------
    OptionError
        ``media_type_unsupported``, ``body_too_large``, ``body_too_slow``, ``body_incomplete``.
    """
    _require_type(request, _JSON_TYPES, "application/json")
    return await _read(request, MAX_JSON_BYTES)


async def read_score_file(request: Request, *, max_bytes: int, slots: anyio.CapacityLimiter) -> tuple[bytes, str]:
    """The file that a request brings, as its body or as the first file of a form, and its name; empty: none is told.

    Parameters
    ----------
    request : Request
        The request.
    max_bytes : int
        Of the file.
    slots : CapacityLimiter
        How many files may come at once: each fills memory.

    Raises
    ------
    OptionError
        As :func:`read_json`, and ``body_invalid``: a form without a file.
    BusyError
        ``server_busy``.
    """
    is_form = _media_type(request) == "multipart/form-data"
    if not is_form:
        _require_type(request, _SCORE_TYPES, "a MusicXML file or multipart/form-data")
    try:
        with anyio.fail_after(_WAIT_SECONDS):
            await slots.acquire()
    except TimeoutError as error:
        raise BusyError(
            "server_busy", "Too many files are being uploaded.", hint="Try again in a moment.", retryable=True
        ) from error
    try:
        return await _read_form(request, max_bytes) if is_form else (await _read(request, max_bytes), "")
    finally:
        slots.release()


async def _read(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    limited = Request(request.scope, _Limited(request, max_bytes))
    try:
        async for chunk in limited.stream():
            body += chunk
    except ClientDisconnect as error:
        raise _incomplete() from error
    return bytes(body)


async def _read_form(request: Request, max_bytes: int) -> tuple[bytes, str]:
    limited = Request(request.scope, _Limited(request, max_bytes + _MULTIPART_BYTES))
    try:
        async with limited.form(max_files=1, max_fields=8, max_part_size=4096) as form:
            file = next((value for value in form.values() if isinstance(value, UploadFile)), None)
            if file is None:
                raise OptionError("body_invalid", "The form brings no file.", hint="Name its field 'file'.")
            if (file.size or 0) > max_bytes:
                raise _too_large(max_bytes)
            return await file.read(), file.filename or ""
    except (MultiPartException, HTTPException) as error:
        raise OptionError(
            "body_invalid", "The form cannot be read.", hint="Send one file as multipart/form-data, or as the body."
        ) from error
    except ClientDisconnect as error:
        raise _incomplete() from error


class _Limited:
    """What is received of a body, up to a limit, within a deadline."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > max_bytes:
            raise _too_large(max_bytes)
        self._receive: Callable[[], Awaitable[Message]] = request.receive
        self._max_bytes = max_bytes
        self._received = 0
        self._end = anyio.current_time() + _BODY_SECONDS

    async def __call__(self) -> Message:
        left = min(_IDLE_SECONDS, self._end - anyio.current_time())
        with anyio.move_on_after(left):
            message = await self._receive()
            self._received += len(message.get("body", b""))
            if self._received > self._max_bytes:
                raise _too_large(self._max_bytes)
            return message
        raise OptionError(
            "body_too_slow",
            f"The request's body did not come within {_BODY_SECONDS:.0f} s, or stopped for {_IDLE_SECONDS:.0f} s.",
            hint="Send it again over a faster connection, or compressed (.mxl).",
        )


def _require_type(request: Request, allowed: frozenset[str], wanted: str) -> None:
    given = _media_type(request)
    coding = request.headers.get("content-encoding", "identity").strip().casefold()
    if given not in allowed or coding not in ("", "identity"):
        told = given if given not in allowed else f"Content-Encoding {coding}"
        raise OptionError(
            "media_type_unsupported", f"A body of the kind {told[:80]!r} is not taken here.", hint=f"Send {wanted}."
        )


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().casefold()


def _too_large(max_bytes: int) -> OptionError:
    return OptionError(
        "body_too_large",
        f"The request's body is larger than {max_bytes} bytes.",
        hint="Save a score as compressed MusicXML (.mxl), or leave pictures out of it.",
    )


def _incomplete() -> OptionError:
    return OptionError("body_incomplete", "The request ended before its body did.", hint="Send it again.")
