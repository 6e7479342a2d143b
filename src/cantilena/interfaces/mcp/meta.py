"""What travels beside a call: of whom it is, and which song of a service it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cantilena.interfaces.mcp.catalogue import Context

_LONGEST: Final = 200
_TRACE_HEADERS: Final = ("traceparent", "x-cloud-trace-context")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallMeta:
    """What a client told in ``_meta``.

    Attributes
    ----------
    session_id : str
        Whose jobs are listed; of a client that tells none, "local".
    job_id : str or None
        Under which id a song is to be sung.
    request_id, trace : str or None
        For the log alone; a trace may come as a header too.
    attempt : int or None
        For the log, too: which attempt at the caller's own job this is.
    hand_over : str or None
        A folder below the server's: a song is waited for to its end, its files are put there, and its job is forgotten.
    """

    session_id: str
    job_id: str | None
    request_id: str | None
    attempt: int | None
    trace: str | None
    hand_over: str | None


def call_meta(context: Context) -> CallMeta:
    """What is known of a call; what is no short text is left out."""

    def text(name: str) -> str | None:
        value = (context.meta or {}).get(name)
        return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST else None

    attempt = text("attempt") or ""
    headers = getattr(context.request, "headers", {})
    return CallMeta(
        session_id=text("session_id") or "local",
        job_id=text("job_id"),
        request_id=text("request_id"),
        attempt=int(attempt) if attempt.isdecimal() else None,
        trace=text("trace") or text("traceparent") or next(filter(None, map(headers.get, _TRACE_HEADERS)), None),
        hand_over=text("hand_over"),
    )
