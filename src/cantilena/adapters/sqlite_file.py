"""One SQLite file that several threads and processes of a machine share; the only module that imports sqlite3.

Conventions
-----------
Connections are kept and lent to one thread at a time: opening one costs more than most of what is asked. A transaction
that writes takes its turn when it begins, so that it never fails half-way for having read first.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

_BUSY_SECONDS: Final = 2.5
"""How long somebody waits for a turn: shorter than whoever asks over HTTP may wait."""
_RETRY_SECONDS: Final = 0.005
_TAKEN: Final = ("SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE")

Row = tuple[Any, ...]


class SqliteError(Exception):
    """The file cannot be read or written; the message says why."""


class RowExists(Exception):
    """There is a row of that key already."""


class SqliteFile:
    """A database in a file.

    Parameters
    ----------
    file : Path
        Made when it is not there; its folder must be.
    schema : str
        Statements that make what is missing; may be said again.

    Raises
    ------
    SqliteError
        From every method.
    """

    def __init__(self, file: Path, schema: str) -> None:
        self.file = file
        self._idle: list[sqlite3.Connection] = []
        self._lock = Lock()
        self._is_closed = False
        with self._lent() as connection:
            _write_ahead(connection)
            connection.executescript(schema)

    def rows(self, query: str, values: Row = ()) -> list[Row]:
        """What a query finds."""
        with self._lent() as connection:
            return connection.execute(query, _well_formed(values)).fetchall()

    def change(self, statement: str, values: Row = ()) -> int:
        """Run one statement that writes; gives how many rows it changed."""
        with self.writing() as connection:
            return connection.execute(statement, _well_formed(values)).rowcount

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction in which nobody else writes; undone when the block raises.

        Raises
        ------
        RowExists
            When the block inserts a second row of one key.
        """
        with self._lent() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connections; those that are lent are closed when they come back."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        """A connection for one block; one that failed is not lent again, and what SQLite raises is an error of ours."""
        connection = None
        try:
            connection = self._take()
            yield connection
        except sqlite3.Error as error:
            if error.sqlite_errorname in _TAKEN:
                self._put(connection)
                raise RowExists(str(error)) from error
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()
            raise SqliteError(str(error)) from error
        except BaseException:
            self._put(connection)
            raise
        else:
            self._put(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        connection = sqlite3.connect(
            self.file, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )  # lent to one thread at a time; transactions are begun here, not by the module
        connection.execute("PRAGMA synchronous = NORMAL")  # outlives a killed process; a power cut may take the last
        return connection

    def _put(self, connection: sqlite3.Connection | None) -> None:
        if connection is None:
            return
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Change to a write-ahead log, with which readers do not wait for a writer.

    Of two who change a new file at once SQLite refuses one on the spot, whatever its timeout, since each would wait
    for the other to stop reading. So the waiting is done here.
    """
    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() >= until:
                raise
        time.sleep(_RETRY_SECONDS)


def make_revision() -> str:
    """A revision that no other writing has, not even of a row that takes the key of one that is gone."""
    return secrets.token_hex(8)


def _well_formed(values: Row) -> Row:
    """Values without halves of characters, which SQLite does not take; what is asked for comes from outside."""
    return tuple(value.encode("utf-8", "replace").decode() if isinstance(value, str) else value for value in values)
