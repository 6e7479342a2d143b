"""How log lines look: one JSON object a line, or readable lines for a terminal. Always on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from functools import partial
from typing import Any, Literal

import structlog

from cantilena.tracing import log_fields
from cantilena.version import package_version


def configure_logging(*, log_format: Literal["console", "json"], log_level: str | None, project: str = "") -> None:
    """Set up structlog for this process, and the log lines of the packages it uses with it.

    Parameters
    ----------
    log_format : {"console", "json"}
        ``json``: fields ``time, severity, message, event, service, version`` and whatever the event carries.
    log_level : str or None
        Lowest level written; None: INFO for json, WARNING for the console.
    project : str
        The cloud's project whose traces the lines belong to; empty: none.
    """
    level = logging.getLevelNamesMapping()[log_level or ("INFO" if log_format == "json" else "WARNING")]
    renderer: list[Any]
    if log_format == "json":
        renderer = [partial(_cloud_fields, project=project), structlog.processors.JSONRenderer()]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="time")]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.MaybeTimeStamper(fmt="iso", utc=True, key="time"),  # a child's line has its own time
            structlog.processors.format_exc_info,
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    others = logging.getLogger()
    others.handlers = [kept for kept in others.handlers if not isinstance(kept, _OtherPackages)] + [_OtherPackages()]
    others.setLevel(max(level, logging.WARNING))  # below that they tell what they were given, lyrics and tokens too


class _OtherPackages(logging.Handler):
    """Lines that other packages log, written like ours and with what is known of the call they belong to."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            fields: dict[str, Any] = {"logger": record.name, "message": record.getMessage(), **log_fields()}
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            level = max(logging.WARNING, min(record.levelno // 10 * 10, logging.CRITICAL))
            structlog.get_logger("cantilena").log(level, "log", **fields)
        except Exception:  # as logging asks: no line is worth a failure
            self.handleError(record)


_VERSION = package_version()


def _cloud_fields(
    _logger: object, _method: str, event: MutableMapping[str, Any], *, project: str
) -> MutableMapping[str, Any]:
    """Rename to the fields that Cloud Logging reads; ``event`` stays a field of its own to filter on."""
    event["severity"] = str(event.pop("level", "info")).upper()
    trace, span = event.pop("trace_id", None), event.pop("span_id", None)
    if trace is not None:
        event["logging.googleapis.com/trace"] = f"projects/{project}/traces/{trace}" if project else trace
    if span is not None:
        event["logging.googleapis.com/spanId"] = span
    event.setdefault("message", event.get("event", ""))
    event["service"] = "cantilena"
    event.setdefault("version", _VERSION)  # lines about a voicebank tell the version of that
    return event
