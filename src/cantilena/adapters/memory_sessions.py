"""Sessions in the memory of one process, as long as it lives."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from threading import Lock

from cantilena.ports.sessions import Session, SessionStoreError, StoredSession


class MemorySessions:
    """A :class:`~cantilena.ports.sessions.SessionStore`."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._sessions: dict[str, tuple[Session, int]] = {}
        self._revisions = count()  # none comes twice
        self._lock = Lock()
        self._now = now

    def create(self, session: Session) -> None:
        with self._lock:
            found = self._sessions.get(session.session_id)
            if found is not None and found[0].expires_at > self._now():
                raise SessionStoreError("session_exists", f"There is a session {session.session_id!r} already.")
            self._sessions[session.session_id] = (session, next(self._revisions))

    def read(self, session_id: str) -> StoredSession | None:
        with self._lock:
            found = self._sessions.get(session_id)
        if found is None or found[0].expires_at <= self._now():
            return None
        return StoredSession(session=found[0], revision=str(found[1]))

    def write(self, session: Session, *, revision: str) -> str:
        with self._lock:
            found = self._sessions.get(session.session_id)
            if found is None:
                raise SessionStoreError("session_missing", f"There is no session {session.session_id!r}.")
            if str(found[1]) != revision:
                raise SessionStoreError(
                    "session_changed", f"The session {session.session_id!r} was changed meanwhile.", retryable=True
                )
            self._sessions[session.session_id] = (session, next(self._revisions))
            return str(self._sessions[session.session_id][1])

    def count(self, owner: str, *, limit: int) -> int:
        now = self._now()
        mine = [one for one in self._all() if one.owner == owner and one.expires_at > now]
        return min(len(mine), limit)

    def expired(self, *, limit: int) -> tuple[Session, ...]:
        now = self._now()
        gone = [session for session in self._all() if session.expires_at <= now]
        return tuple(sorted(gone, key=lambda session: (session.expires_at, session.session_id))[:limit])

    def delete(self, session_id: str) -> None:
        with self._lock:
            self._sessions.pop(session_id, None)

    def ping(self) -> None:
        return

    def _all(self) -> list[Session]:
        with self._lock:
            return [session for session, _ in self._sessions.values()]
