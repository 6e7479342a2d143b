"""Sessions in one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cantilena.adapters.session_documents import from_document, to_document
from cantilena.adapters.sqlite_file import Row, SqliteError, SqliteFile, make_revision
from cantilena.ports.sessions import Session, SessionStoreError, StoredSession

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    session_id TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    expires_at REAL NOT NULL,
    revision TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS sessions_by_owner ON sessions (owner, expires_at);
CREATE INDEX IF NOT EXISTS sessions_by_expiry ON sessions (expires_at, session_id);
"""


class SqliteSessions:
    """A :class:`~cantilena.ports.sessions.SessionStore`.

    Parameters
    ----------
    file : Path
        Made when it is not there; its folder must be. Other tables may lie in it.
    now : callable
        Seconds of the wall clock.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        with _translated(file):
            self._database = SqliteFile(file, _SCHEMA)

    def create(self, session: Session) -> None:
        now, document = self._now(), _to_text(session)
        with _translated(self._database.file):
            made = self._database.change(
                "INSERT INTO sessions VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (session_id) DO UPDATE SET "
                "owner = ?2, expires_at = ?3, revision = ?4, document = ?5 WHERE expires_at <= ?6",
                (session.session_id, session.owner, session.expires_at, make_revision(), document, now),
            )
        if not made:
            raise SessionStoreError("session_exists", f"There is a session {session.session_id!r} already.")

    def read(self, session_id: str) -> StoredSession | None:
        rows = self._rows(
            "SELECT document, revision FROM sessions WHERE session_id = ? AND expires_at > ?",
            (session_id, self._now()),
        )
        return StoredSession(session=_from_text(rows[0][0]), revision=rows[0][1]) if rows else None

    def write(self, session: Session, *, revision: str) -> str:
        written = make_revision()
        with _translated(self._database.file), self._database.writing() as connection:
            changed = connection.execute(
                "UPDATE sessions SET document = ?, expires_at = ?, revision = ? WHERE session_id = ? AND revision = ?",
                (_to_text(session), session.expires_at, written, session.session_id, revision),
            ).rowcount
            there = connection.execute("SELECT 1 FROM sessions WHERE session_id = ?", (session.session_id,)).fetchone()
        if changed:
            return written
        if there is None:
            raise SessionStoreError("session_missing", f"There is no session {session.session_id!r}.")
        raise SessionStoreError(
            "session_changed", f"The session {session.session_id!r} was changed meanwhile.", retryable=True
        )

    def count(self, owner: str, *, limit: int) -> int:
        rows = self._rows(
            "SELECT count(*) FROM (SELECT 1 FROM sessions WHERE owner = ? AND expires_at > ? LIMIT ?)",
            (owner, self._now(), limit),
        )
        return int(rows[0][0])

    def expired(self, *, limit: int) -> tuple[Session, ...]:
        rows = self._rows(
            "SELECT document FROM sessions WHERE expires_at <= ? ORDER BY expires_at, session_id LIMIT ?",
            (self._now(), limit),
        )
        return tuple(_from_text(row[0]) for row in rows)

    def delete(self, session_id: str) -> None:
        with _translated(self._database.file):
            self._database.change("DELETE FROM sessions WHERE session_id = ?", (session_id,))

    def ping(self) -> None:
        self._rows("SELECT 1 FROM sessions LIMIT 1")

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def _rows(self, query: str, values: Row = ()) -> list[Row]:
        with _translated(self._database.file):
            return self._database.rows(query, values)


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    try:
        yield
    except SqliteError as error:
        raise SessionStoreError(
            "sessions_unreachable",
            f"The sessions in {file} cannot be read or written: {error}.",
            hint="Look whether the disk is full, or the file belongs to another user.",
            retryable=True,
        ) from error


def _to_text(session: Session) -> str:
    return json.dumps(to_document(session))


def _from_text(text: str) -> Session:
    return from_document(json.loads(text))
