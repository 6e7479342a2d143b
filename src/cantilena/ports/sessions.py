"""Sessions: what one user works on; a score, and the jobs that sing it.

Conventions
-----------
As with jobs: a document is written with the revision it was read at, times are seconds of the wall clock, UTC, and
whatever has expired is as good as gone. A session belongs to its owner for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cantilena.errors import CantilenaError


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionScore:
    """The score of a session; its bytes lie among the objects.

    Attributes
    ----------
    name : str
        Of the file, as its owner calls it.
    sha256 : str
        Hexadecimal; the object is ``sessions/{session_id}/scores/{sha256}``.
    bytes : int
        Length of the file.
    seconds : float
        Of music, as written.
    """

    name: str
    sha256: str
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session.

    Attributes
    ----------
    session_id, owner : str
        Which session, of whom.
    created_at, updated_at, expires_at : float
        Seconds.
    score : SessionScore or None
        The one put last.
    is_closing : bool
        Whether it is being deleted: nothing new begins in it.
    """

    session_id: str
    owner: str
    created_at: float
    updated_at: float
    expires_at: float
    score: SessionScore | None = None
    is_closing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSession:
    """A session as it was read, with the revision that writing it asks for."""

    session: Session
    revision: str


class SessionStoreError(CantilenaError):
    """A store does not do what was asked.

    ``session_exists``, ``session_missing``, ``session_changed`` (somebody else was first: read again),
    ``sessions_unreachable`` (retryable).
    """


class SessionStore(Protocol):
    """Where sessions are kept."""

    def create(self, session: Session) -> None:
        """Write a new session; ``session_exists`` when there is one of its id that has not expired."""
        ...

    def read(self, session_id: str) -> StoredSession | None:
        """A session, expired ones left out; None: there is none."""
        ...

    def write(self, session: Session, *, revision: str) -> str:
        """Write over the session read at a revision; gives the new one. ``session_changed``, ``session_missing``."""
        ...

    def count(self, owner: str, *, limit: int) -> int:
        """How many sessions somebody has that have not expired; counted up to the limit."""
        ...

    def expired(self, *, limit: int) -> tuple[Session, ...]:
        """Sessions that have expired and are still there, oldest first: their files want removing."""
        ...

    def delete(self, session_id: str) -> None:
        """Remove a session; one that is not there is no error."""
        ...

    def ping(self) -> None:
        """Find out whether the store answers; ``sessions_unreachable``."""
        ...
