"""How log lines look: one JSON object a line, or readable lines for a terminal. Always on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

from cantilena.version import package_version


def configure_logging(*, log_format: Literal["console", "json"], log_level: str | None) -> None:
    """Set up structlog for this process.

    Parameters
    ----------
    log_format : {"console", "json"}
        ``json``: fields ``time, severity, message, event, service, version`` and whatever the event carries.
    log_level : str or None
        Lowest level written; None: INFO for json, WARNING for the console.
    """
    level = logging.getLevelNamesMapping()[log_level or ("INFO" if log_format == "json" else "WARNING")]
    renderer: list[Any]
    if log_format == "json":
        renderer = [_cloud_fields, structlog.processors.JSONRenderer()]
    else:
        renderer = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time" if log_format == "json" else "timestamp"),
            structlog.processors.format_exc_info,
            *renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


_VERSION = package_version()


def _cloud_fields(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Rename to the fields that Cloud Logging reads; ``event`` stays a field of its own to filter on."""
    event["severity"] = str(event.pop("level", "info")).upper()
    event.setdefault("message", event.get("event", ""))
    event["service"] = "cantilena"
    event["version"] = _VERSION
    return event
