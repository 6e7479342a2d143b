"""Sessions as documents of plain values, and back; what every store that keeps documents has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cantilena.adapters.known_fields import known_fields
from cantilena.ports.sessions import Session, SessionScore

Document = dict[str, Any]


def to_document(session: Session) -> Document:
    """A session as mappings, texts and numbers."""
    return asdict(session)


def from_document(document: Mapping[str, Any]) -> Session:
    """The session that :func:`to_document` wrote; fields of a later version are left alone."""
    values = known_fields(Session, document)
    score = values["score"]
    values["score"] = SessionScore(**known_fields(SessionScore, score)) if score else None
    return Session(**values)
