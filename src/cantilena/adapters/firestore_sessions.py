"""Sessions in Firestore: ``sessions/{session_id}``, for every instance of the service."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from cantilena.adapters.firestore_client import DocumentError, Fields, FirestoreDatabase, Query
from cantilena.adapters.firestore_documents import from_fields, to_fields, to_time, told
from cantilena.adapters.session_documents import from_document, to_document
from cantilena.ports.sessions import Session, SessionStoreError, StoredSession

_SESSIONS: Final = "sessions"


class FirestoreSessions:
    """A :class:`~cantilena.ports.sessions.SessionStore`.

    Parameters
    ----------
    database : FirestoreDatabase
        Where they are kept.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(self, database: FirestoreDatabase, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def create(self, session: Session) -> None:
        fields = to_fields(to_document(session))
        with _translated(session.session_id):
            try:
                self._database.create(_SESSIONS, session.session_id, fields)
            except DocumentError as error:
                if error.reason != "exists":
                    raise
                self._create_anew(session.session_id, fields)

    def read(self, session_id: str) -> StoredSession | None:
        with _translated(session_id):
            document = self._database.read(_SESSIONS, session_id)
        if document is None:
            return None
        session = from_document(from_fields(document.fields))
        is_there = session.expires_at > self._now()
        return StoredSession(session=session, revision=document.revision) if is_there else None

    def write(self, session: Session, *, revision: str) -> str:
        fields = to_fields(to_document(session))
        with _translated(session.session_id):
            return self._database.write(_SESSIONS, session.session_id, fields, revision=revision)

    def count(self, owner: str, *, limit: int) -> int:
        query = Query(
            collection=_SESSIONS,
            where=(("owner", "==", owner), ("expires_at", ">", to_time(self._now()))),
            limit=limit,
        )
        with _translated(""):
            return self._database.count(query)

    def expired(self, *, limit: int) -> tuple[Session, ...]:
        query = Query(
            collection=_SESSIONS,
            where=(("expires_at", "<=", to_time(self._now())),),
            order=(("expires_at", "ASCENDING"), ("__name__", "ASCENDING")),
            limit=limit,
        )
        with _translated(""):
            documents = self._database.find(query)
        return tuple(from_document(from_fields(document.fields)) for document in documents)

    def delete(self, session_id: str) -> None:
        with _translated(session_id):
            self._database.delete(_SESSIONS, session_id)

    def ping(self) -> None:
        self.read("ping")

    def close(self) -> None:
        """Close the connection to the database."""
        self._database.close()

    def _create_anew(self, session_id: str, fields: Fields) -> None:
        """Write over a session that has expired and still lies there."""
        document = self._database.read(_SESSIONS, session_id)
        if document is None or from_document(from_fields(document.fields)).expires_at > self._now():
            raise _exists(session_id)
        try:
            self._database.write(_SESSIONS, session_id, fields, revision=document.revision)
        except DocumentError as error:
            if error.reason in ("changed", "missing"):
                raise _exists(session_id) from error
            raise


def _exists(session_id: str) -> SessionStoreError:
    return SessionStoreError("session_exists", f"There is a session {session_id!r} already.")


@contextmanager
def _translated(session_id: str) -> Iterator[None]:
    try:
        yield
    except DocumentError as error:
        if error.reason == "missing":
            raise SessionStoreError("session_missing", f"There is no session {session_id!r}.") from error
        if error.reason == "changed":
            raise SessionStoreError(
                "session_changed", f"The session {session_id!r} was changed meanwhile.", retryable=True
            ) from error
        why, hint, is_retryable = told(error)
        raise SessionStoreError(
            "sessions_unreachable",
            f"The sessions cannot be read or written ({why}).",
            hint=hint,
            retryable=is_retryable,
        ) from error
