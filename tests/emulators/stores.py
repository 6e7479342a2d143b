"""Every adapter of the ports of documents and objects, opened the same way: what contract tests run over."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from cantilena.adapters.memory_jobs import MemoryJobs
from cantilena.adapters.memory_sessions import MemorySessions
from cantilena.adapters.sqlite_jobs import SqliteJobs
from cantilena.adapters.sqlite_sessions import SqliteSessions
from cantilena.ports.jobs import JobStore
from cantilena.ports.sessions import SessionStore
from tests.emulators.firestore import FirestoreEmulator

DOCUMENT_STORES: Final = ("memory", "sqlite", "firestore")


@contextmanager
def open_database(host: str, *, project: str | None = None) -> Iterator[object]:
    """Firestore at a host, in a project that nobody else has unless one is named."""
    from cantilena.adapters.firestore_client import FirestoreDatabase

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FIRESTORE_EMULATOR_HOST", host)
        database = FirestoreDatabase(project or f"tests-{secrets.token_hex(6)}")
    try:
        yield database
    finally:
        database.close()


@contextmanager
def open_jobs(
    kind: str, folder: Path, emulator: Callable[[], FirestoreEmulator], now: Callable[[], float]
) -> Iterator[JobStore]:
    """An empty store of jobs; ``emulator`` is called only where one is needed."""
    if kind == "memory":
        yield MemoryJobs(now=now)
    elif kind == "sqlite":
        store = SqliteJobs(folder / "cantilena.sqlite", now=now)
        try:
            yield store
        finally:
            store.close()
    else:
        from cantilena.adapters.firestore_jobs import FirestoreJobs

        with open_database(emulator().host) as database:
            yield FirestoreJobs(database, now=now)


@contextmanager
def open_sessions(
    kind: str, folder: Path, emulator: Callable[[], FirestoreEmulator], now: Callable[[], float]
) -> Iterator[SessionStore]:
    """An empty store of sessions; ``emulator`` is called only where one is needed."""
    if kind == "memory":
        yield MemorySessions(now=now)
    elif kind == "sqlite":
        store = SqliteSessions(folder / "cantilena.sqlite", now=now)
        try:
            yield store
        finally:
            store.close()
    else:
        from cantilena.adapters.firestore_sessions import FirestoreSessions

        with open_database(emulator().host) as database:
            yield FirestoreSessions(database, now=now)
