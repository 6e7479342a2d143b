"""What this process logs, as data."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import capture_logs


@contextmanager
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """Lines that are logged inside the block; afterwards nothing is logged, as before."""
    try:
        with capture_logs() as lines:
            yield lines
    finally:
        structlog.reset_defaults()
