"""Sessions as documents of plain values, and back; what every store that keeps documents has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cantilena.ports.sessions import Session, SessionScore

Document = dict[str, Any]


def to_document(session: Session) -> Document:
    """A session as mappings, texts and numbers."""
    return asdict(session)


def from_document(document: Mapping[str, Any]) -> Session:
    """The session that :func:`to_document` wrote."""
    score = document["score"]
    return Session(**{**document, "score": SessionScore(**score) if score else None})
