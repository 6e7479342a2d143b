"""Where the keys of tokens come from: how often they are asked for, and what happens when nobody answers."""

from __future__ import annotations

import threading
from base64 import urlsafe_b64decode
from collections.abc import Iterator

import pytest

from cantilena.adapters.google_keys import SigningKeys, _fresh_seconds, fetch_keys
from cantilena.ports.identity import IdentityError
from tests.tokens import KeyServer, Mint, run_key_server

ONE, TWO = Mint("one"), Mint("two")
HOURS = 3600


class Clock:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def server() -> Iterator[KeyServer]:
    with run_key_server(ONE) as running:
        running.headers = {"Cache-Control": "public, max-age=3600"}
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(server: KeyServer, clock: Clock) -> SigningKeys:
    return SigningKeys(server.url, now=clock, fetch_seconds=1.0)


def _is_unreachable(keys: SigningKeys, key_id: str = "one") -> bool:
    try:
        keys.find(key_id)
    except IdentityError as error:
        return error.code == "identity_unreachable" and error.retryable
    return False


def test_they_are_asked_for_once_and_again_when_they_are_old(
    server: KeyServer, keys: SigningKeys, clock: Clock
) -> None:
    for _ in range(100):
        assert keys.find("one") is not None
    assert server.requests == 1
    clock.seconds += HOURS - 1
    assert keys.find("one") is not None
    assert server.requests == 1
    clock.seconds += 1
    assert keys.find("one") is not None
    assert server.requests == 2


def test_a_key_that_was_withdrawn_is_believed_no_longer_than_allowed(
    server: KeyServer, keys: SigningKeys, clock: Clock
) -> None:
    assert keys.find("one") is not None
    server.give(TWO)
    clock.seconds += HOURS
    assert keys.find("one") is None
    assert keys.find("two") is not None


def test_a_new_key_is_found_before_the_old_ones_are_old(server: KeyServer, keys: SigningKeys, clock: Clock) -> None:
    assert keys.find("one") is not None
    server.give(ONE, TWO)
    clock.seconds += 60
    assert keys.find("two") is not None


def test_unknown_keys_are_asked_for_once_a_minute_whoever_names_them(
    server: KeyServer, keys: SigningKeys, clock: Clock
) -> None:
    for second in range(180):
        assert keys.find(f"unknown-{second}") is None
        clock.seconds += 1
    assert server.requests == 3


def test_while_nobody_answers_the_old_ones_are_good_for_a_while(
    server: KeyServer, keys: SigningKeys, clock: Clock
) -> None:
    assert keys.find("one") is not None
    server.status = 503
    clock.seconds += HOURS
    for _ in range(100):
        assert keys.find("one") is not None
        clock.seconds += 1
    assert server.requests == 1 + 10
    assert _is_unreachable(keys, "two")
    clock.seconds += 2 * HOURS
    assert _is_unreachable(keys)
    server.status = 200
    clock.seconds += 10
    assert keys.find("one") is not None


def test_without_any_keys_it_is_said_and_tried_again(server: KeyServer, keys: SigningKeys, clock: Clock) -> None:
    server.status = 500
    assert all(_is_unreachable(keys) for _ in range(20))
    assert server.requests == 1
    server.status = 200
    clock.seconds += 10
    assert keys.find("one") is not None


def test_many_who_wait_ask_once(server: KeyServer, keys: SigningKeys) -> None:
    server.answers.clear()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(keys.find("one"))) for _ in range(16)]
    for thread in threads:
        thread.start()
    server.answers.set()
    for thread in threads:
        thread.join()
    assert None not in found
    assert len(found) == 16
    assert server.requests == 1


def test_nobody_waits_for_an_answer_that_does_not_come(server: KeyServer) -> None:
    keys = SigningKeys(server.url, fetch_seconds=0.2)
    server.answers.clear()
    assert all(_is_unreachable(keys) for _ in range(50))  # and the answer has not come yet
    server.answers.set()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"null", b"<html></html>", b'{"one": "not a certificate"}', b'{"one": null}', b"[" * 100_000,
     b'{"one": "' + b"x" * 300_000 + b'"}'],
    ids=["nothing", "list", "no keys", "null", "a page", "no certificate", "no text", "brackets", "too long"],
)  # fmt: skip
def test_an_answer_without_sense_is_none(server: KeyServer, keys: SigningKeys, content: bytes) -> None:
    server.content = content
    assert _is_unreachable(keys)


def test_an_answer_without_sense_does_not_replace_what_is_known(
    server: KeyServer, keys: SigningKeys, clock: Clock
) -> None:
    assert keys.find("one") is not None
    server.content = b"{}"
    clock.seconds += HOURS
    assert keys.find("one") is not None


def test_a_server_that_is_not_there_is_out_of_reach(clock: Clock) -> None:
    with run_key_server(ONE) as gone:
        url = gone.url
    assert _is_unreachable(SigningKeys(url, now=clock))


@pytest.mark.parametrize(
    ("cache_control", "age", "seconds"),
    [
        ("public, max-age=19302, must-revalidate, no-transform", "", 19302), ("max-age=19302", "302", 19000),
        ("Max-Age=100", "", 100), ("max-age=0", "", 60), ("no-store", "", 60), ("", "", 60), ("max-age=100", "99", 60),
        ("s-maxage=5000, max-age=100", "", 100), ("x-max-age=5000", "", 60), ("max-age=999999999", "", 86_400),
        ("max-age=-5", "", 60), ("max-age=100", "many", 100),
    ],
)  # fmt: skip
def test_how_long_they_are_kept(cache_control: str, age: str, seconds: int) -> None:
    assert _fresh_seconds(cache_control, age) == seconds


def test_what_is_fetched_verifies_what_was_signed(server: KeyServer) -> None:
    found, _ = fetch_keys(server.url, 1.0)
    header, payload, signature = ONE.firebase().split(".")
    assert found["one"].verify(f"{header}.{payload}".encode(), urlsafe_b64decode(signature + "=="))
    assert not found["one"].verify(b"something else", urlsafe_b64decode(signature + "=="))
