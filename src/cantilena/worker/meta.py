"""What travels beside a call, so that a line logged in the worker names its job."""

from __future__ import annotations

from typing import Final, cast

from mcp_types import RequestParamsMeta

from cantilena.tracing import log_fields, trace_header

_FIELDS: Final = ("job_id", "session_id", "request_id", "attempt")


def call_meta(**more: str) -> RequestParamsMeta:
    """The ``_meta`` of a call: what the log knows of its caller, and what else is given."""
    said = log_fields()
    meta = more | {name: str(said[name]) for name in _FIELDS if said.get(name)}
    trace = trace_header()
    if trace is not None:
        meta["trace"] = trace
    return cast("RequestParamsMeta", meta)  # open to keys of one's own, which its type cannot say
