"""The lines that a child logs, passed on as lines of this process with their own time, severity and fields.

Conventions
-----------
A line that is a JSON object with an ``event`` is a log line and is passed on field by field. Everything else (what a
C library prints, a traceback of a process that dies) is text and becomes the message of an event ``mcp_worker_text``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from cantilena.tracing import Severity, log_event
from cantilena.version import package_version

LONGEST_LINE: Final = 64 * 1024
_SEVERITIES: Final[dict[str, Severity]] = {
    "DEBUG": "debug", "INFO": "info", "WARNING": "warning", "ERROR": "error", "CRITICAL": "critical",
}  # fmt: skip
_RESERVED: Final = frozenset({"event", "severity", "level", "service", "self", "exc_info"})
_CLOUD_NAMES: Final = {"trace_id": "logging.googleapis.com/trace", "span_id": "logging.googleapis.com/spanId"}
_VERSION: Final = package_version()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line as it is passed on."""

    event: str
    severity: Severity
    fields: dict[str, Any]


def parse_log_line(line: bytes) -> LogLine | None:
    """What a line says; None: nothing.

    >>> parse_log_line(b'{"event": "model_loaded", "severity": "INFO", "bytes": 7}')
    LogLine(event='model_loaded', severity='info', fields={'bytes': 7})
    >>> parse_log_line(b"Segmentation fault")
    LogLine(event='mcp_worker_text', severity='warning', fields={'message': 'Segmentation fault'})
    """
    text = line[:LONGEST_LINE].decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and isinstance(said.get("event"), str):
        fields = {name: value for name, value in said.items() if name not in _RESERVED}
        if fields.get("message") == said["event"]:  # said again when the line is written
            del fields["message"]
        if fields.get("version") == _VERSION:
            del fields["version"]
        for ours, theirs in _CLOUD_NAMES.items():
            if isinstance(fields.get(theirs), str):
                fields[ours] = fields.pop(theirs).rpartition("/")[2]  # of projects/PROJECT/traces/TRACE
        return LogLine(event=said["event"], severity=_SEVERITIES.get(str(said.get("severity")), "info"), fields=fields)
    return LogLine(event="mcp_worker_text", severity="warning", fields={"message": text})


def pass_on(line: bytes, *, worker: str) -> None:
    """Log a line of a child as one of this process, with the name of the worker."""
    parsed = parse_log_line(line)
    if parsed is not None:
        log_event(parsed.event, severity=parsed.severity, **{**parsed.fields, "worker": worker})
