"""What jobs and sessions in Firestore have in common: times that people and expiry can read, and what errors mean.

Conventions
-----------
A time is a timestamp in a document, exact to a microsecond, and seconds everywhere else. A text is well-formed Unicode.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cantilena.adapters.firestore_client import DocumentError, Fields, Reason

_TIMES = frozenset({"created_at", "started_at", "updated_at", "finished_at", "expires_at", "until"})


def to_fields(document: Mapping[str, Any]) -> Fields:
    """A document of plain values as Firestore takes it."""
    return {name: _to_value(value, is_time=name in _TIMES) for name, value in document.items()}


def from_fields(fields: Mapping[str, Any]) -> Fields:
    """The document of plain values that :func:`to_fields` was given."""
    return {name: _from_value(value) for name, value in fields.items()}


def to_time(seconds: float) -> datetime:
    """Seconds of the wall clock as a timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def told(error: DocumentError) -> tuple[str, str, bool]:
    """What an error that is nobody's race means: a reason in words, a hint, and whether trying again helps."""
    hint, is_retryable = _HINTS.get(error.reason, ("Try again in a moment.", True))
    return str(error), hint, is_retryable


_HINTS: Mapping[Reason, tuple[str, bool]] = {
    "denied": ("Give the service's account the role Cloud Datastore User.", False),
    "no_database": ("Create the project's Firestore database, or set FIRESTORE_DATABASE to its name.", False),
    "index_missing": ("Create the indexes of firestore.indexes.json; new ones take a few minutes.", True),
}


def _to_value(value: Any, *, is_time: bool = False) -> Any:  # noqa: ANN401 -- a value of JSON
    if isinstance(value, Mapping):
        return to_fields(value)
    if isinstance(value, list | tuple):
        return [_to_value(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return to_time(value) if is_time and value is not None else value


def _from_value(value: Any) -> Any:  # noqa: ANN401 -- a value of JSON
    if isinstance(value, Mapping):
        return from_fields(value)
    if isinstance(value, list):
        return [_from_value(item) for item in value]
    return value.timestamp() if isinstance(value, datetime) else value
