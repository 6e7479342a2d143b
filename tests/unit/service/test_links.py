"""Links to audio: what a client is given works for hours, and what it makes of that does not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.service.links import LinkError, Links

KEY, OLD = "the key of today, thirty-two or more", "the key of yesterday, thirty-two or more"
JOB, NAME, HOURS = "job-1", "song.wav", 3600


class Clock:
    def __init__(self, seconds: float = 1_800_000_000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def _links(*keys: str, clock: Clock | None = None, seconds: int = 12 * HOURS) -> Links:
    return Links(keys or (KEY,), seconds=seconds, now=clock or Clock())


def _code(links: Links, token: str, job_id: str = JOB, name: str = NAME) -> str:
    with pytest.raises(LinkError) as caught:
        links.check(token, job_id, name)
    return caught.value.code


def test_a_link_is_good_for_what_it_was_given_for() -> None:
    links = _links()
    links.check(links.token(JOB, NAME), JOB, NAME)


@given(st.floats(0, 4e9), st.integers(60, 7 * 86_400))
def test_a_link_is_good_for_the_whole_time_whenever_it_was_given(given_at: float, seconds: int) -> None:
    clock = Clock(given_at)
    links = _links(clock=clock, seconds=seconds)
    token = links.token(JOB, NAME)
    clock.seconds = given_at + seconds
    links.check(token, JOB, NAME)
    clock.seconds = given_at + 1.5 * seconds + 2
    assert _code(links, token) == "link_expired"


def test_it_stays_the_same_for_hours() -> None:
    clock = Clock(0.0)
    links = _links(clock=clock)
    seen = []
    for minute in range(25 * 60):
        clock.seconds = minute * 60.0
        seen.append((links.token(JOB, NAME), links.edition))
    changes = [at for at, (before, after) in enumerate(pairwise(seen)) if before != after]
    assert len(changes) == 4
    assert [now - before for before, now in pairwise(changes)] == [360, 360, 360]


def test_links_of_the_key_before_are_good_until_they_expire() -> None:
    before = _links(OLD).token(JOB, NAME)
    links = _links(KEY, OLD)
    links.check(before, JOB, NAME)
    assert links.token(JOB, NAME) != before
    assert _code(_links(KEY), before) == "link_invalid"


def test_a_key_given_twice_signs() -> None:
    links = _links(KEY, KEY)
    links.check(links.token(JOB, NAME), JOB, NAME)


def _signed(key: bytes, document: object) -> str:
    return base64.urlsafe_b64encode(hmac.digest(key, json.dumps(document).encode(), "sha256")).decode().rstrip("=")


def _forgeries() -> dict[str, str]:
    token = _links().token(JOB, NAME)
    key_id, expiry, signature = token.split(".")
    later = str(int(expiry) + 1)
    return {
        "nothing": "", "a word": "token", "dots": "..", "another expiry": f"{key_id}.{later}.{signature}",
        "a zero before the expiry": f"{key_id}.0{expiry}.{signature}", "a sign": f"{key_id}.+{expiry}.{signature}",
        "a space": f"{key_id}. {expiry}.{signature}", "other digits": f"{key_id}.\u0661.{signature}",
        "a fraction": f"{key_id}.{expiry}.5.{signature}", "an endless expiry": f"{key_id}.{'9' * 400}.{signature}",
        "no signature": f"{key_id}.{expiry}.", "a short signature": f"{key_id}.{expiry}.{signature[:-1]}",
        "padding": f"{token}=", "a line after": f"{token}\n", "a line before": f"\n{token}", "twice": f"{token}{token}",
        "upper case": token.upper(), "the last letter": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "an unknown key": f"AAAAAAAA.{expiry}.{signature}", "no key": f".{expiry}.{signature}",
        "a key of the caller": f"{key_id}.{later}.{_signed(b'mine', ['link', JOB, NAME, int(later)])}",
        "an empty key": f"{key_id}.{later}.{_signed(b'', ['link', JOB, NAME, int(later)])}",
        "the key's id as the key": f"{key_id}.{later}.{_signed(key_id.encode(), ['link', JOB, NAME, int(later)])}",
        "a plain hash": f"{key_id}.{later}.{hashlib.sha256((JOB + NAME + later).encode()).hexdigest()[:43]}",
        "a null": f"{token}\0", "ten thousand letters": "A" * 10_000, "a surrogate": "\ud800" + token[1:],
    }  # fmt: skip


@pytest.mark.parametrize("what", _forgeries())
def test_what_was_not_given_leads_nowhere(what: str) -> None:
    assert _code(_links(), _forgeries()[what]) == "link_invalid"


@pytest.mark.parametrize(
    ("job_id", "name"),
    [
        ("job-2", NAME), (JOB, "other.wav"), (JOB, "song.WAV"), (NAME, JOB), (JOB, ""), ("", NAME), (JOB + NAME, ""),
        (JOB, f"../job-2/{NAME}"), (JOB, f"{NAME}/"), (f'{JOB}", "{NAME}', ""), (JOB, f"{NAME}\0"), (f"{JOB} ", NAME),
        (JOB, "s\u00f6ng.wav"),
    ],
)  # fmt: skip
def test_a_link_leads_to_nothing_else(job_id: str, name: str) -> None:
    links = _links()
    assert _code(links, links.token(JOB, NAME), job_id, name) == "link_invalid"


@given(st.text(), st.text(), st.text(), st.text())
def test_no_two_outputs_share_a_link(job_1: str, name_1: str, job_2: str, name_2: str) -> None:
    links = _links()
    same = (job_1, name_1) == (job_2, name_2)
    assert (links.token(job_1, name_1) == links.token(job_2, name_2)) is same


def test_a_key_is_never_shown() -> None:
    links = _links()
    assert KEY not in repr(links) + links.edition + links.token(JOB, NAME)


@pytest.mark.parametrize("keys", [(), ("",), (KEY, "")])
def test_links_need_a_key(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="key"):
        Links(keys, seconds=60)
