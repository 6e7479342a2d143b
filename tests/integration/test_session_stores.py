"""Every store of sessions keeps the same promises."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cantilena.ports.sessions import Session, SessionScore, SessionStore, SessionStoreError
from tests.emulators.firestore import FirestoreEmulator
from tests.emulators.stores import DOCUMENT_STORES, open_sessions

SCORE = SessionScore(name="Grüße aus Ötisheim.mxl", sha256="ab" * 32, bytes=12_345, seconds=61.5)


class Clock:
    seconds = 1000.0


@pytest.fixture(params=DOCUMENT_STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SessionStore]:
    def emulator() -> FirestoreEmulator:
        return request.getfixturevalue("firestore_emulator")

    with open_sessions(request.param, tmp_path, emulator, lambda: Clock.seconds) as opened:
        yield opened


def make_session(session_id: str = "one", **values: object) -> Session:
    return Session(**{"session_id": session_id, "owner": "o", "created_at": 1.0, "updated_at": 2.5,
                      "expires_at": 2000.0, **values})  # fmt: skip


def test_what_is_written_is_read(store: SessionStore) -> None:
    session = make_session(score=SCORE, is_closing=True, created_at=1795369348.123456)
    store.create(make_session("other"))
    store.create(session)
    assert store.read("one").session == session
    assert store.read("two") is None


@pytest.mark.parametrize("text", ["", "a/b", "../one", "one/", ".", "..", "__one__", "o\0ne", "\ud800", "x" * 2_000])
def test_what_is_no_id_is_nobodys(store: SessionStore, text: str) -> None:
    store.create(make_session())
    assert store.read(text) is None
    store.delete(text)
    assert store.read("one") is not None


def test_an_id_is_given_once_until_it_expires(store: SessionStore) -> None:
    store.create(make_session())
    with pytest.raises(SessionStoreError) as caught:
        store.create(make_session(owner="somebody else"))
    assert caught.value.code == "session_exists"
    store.create(make_session("old", expires_at=999.0))
    store.create(make_session("old", owner="next"))
    assert store.read("old").session.owner == "next"


def test_who_comes_second_must_read_again(store: SessionStore) -> None:
    store.create(make_session())
    first, second = store.read("one"), store.read("one")
    revision = store.write(replace(first.session, score=SCORE), revision=first.revision)
    with pytest.raises(SessionStoreError) as caught:
        store.write(replace(second.session, is_closing=True), revision=second.revision)
    assert (caught.value.code, caught.value.retryable) == ("session_changed", True)
    assert (store.read("one").session.score, store.read("one").revision) == (SCORE, revision)


def test_a_session_that_is_gone_cannot_be_written(store: SessionStore) -> None:
    store.create(make_session())
    stored = store.read("one")
    store.delete("one")
    store.delete("one")
    with pytest.raises(SessionStoreError) as caught:
        store.write(stored.session, revision=stored.revision)
    assert caught.value.code == "session_missing"


def test_what_was_read_before_a_session_expired_does_not_change_the_next_of_that_id(store: SessionStore) -> None:
    store.create(make_session(expires_at=1001.0))
    stored = store.read("one")
    Clock.seconds = 1002.0
    try:
        store.create(make_session(owner="next"))
    finally:
        Clock.seconds = 1000.0
    with pytest.raises(SessionStoreError):
        store.write(stored.session, revision=stored.revision)
    assert store.read("one").session.owner == "next"


def test_sessions_are_counted_by_owner(store: SessionStore) -> None:
    for n in range(4):
        store.create(make_session(f"s{n}"))
    store.create(make_session("theirs", owner="p"))
    store.create(make_session("gone", expires_at=1000.0))
    assert (store.count("o", limit=9), store.count("o", limit=3)) == (4, 3)
    assert (store.count("p", limit=9), store.count("nobody", limit=9)) == (1, 0)


def test_expired_sessions_are_found_oldest_first_until_they_are_deleted(store: SessionStore) -> None:
    for n in (3, 1, 2):
        store.create(make_session(f"s{n}", expires_at=900.0 + n))
    store.create(make_session("alive"))
    assert [session.session_id for session in store.expired(limit=2)] == ["s1", "s2"]
    assert store.read("s1") is None
    store.delete("s1")
    assert [session.session_id for session in store.expired(limit=9)] == ["s2", "s3"]


def test_of_many_who_put_a_score_at_once_one_is_first(store: SessionStore) -> None:
    store.create(make_session())
    stored = store.read("one")
    won: list[str] = []
    lost: list[str] = []
    gate = threading.Barrier(16)

    def put(name: str) -> None:
        gate.wait()
        try:
            store.write(replace(stored.session, score=replace(SCORE, name=name)), revision=stored.revision)
        except SessionStoreError as error:
            lost.append(error.code)
            return
        won.append(name)

    threads = [threading.Thread(target=put, args=(f"n{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [store.read("one").session.score.name]
    assert lost == ["session_changed"] * 15


def test_a_store_that_answers_says_nothing(store: SessionStore) -> None:
    store.ping()
