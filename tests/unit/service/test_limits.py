"""How often one owner may ask."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.service.limits import LimitError, Limits


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def _is_admitted(limits: Limits, owner: str = "clara") -> bool:
    try:
        limits.admit(owner)
    except LimitError:
        return False
    return True


@given(st.integers(1, 20), st.lists(st.floats(0, 40), max_size=120))
def test_in_no_minute_there_are_more(per_minute: int, pauses: list[float]) -> None:
    clock = Clock()
    limits = Limits(per_minute, now=clock)
    admitted = []
    for pause in pauses:
        clock.seconds += pause
        if _is_admitted(limits):
            admitted.append(clock.seconds)
    for at in admitted:
        assert sum(at - 60 < other <= at for other in admitted) <= per_minute


@given(st.integers(1, 50), st.integers(0, 120))
def test_whoever_waits_as_long_as_they_are_told_is_let_in(asked: int, pause: int) -> None:
    clock = Clock()
    limits = Limits(5, now=clock)
    for _ in range(asked):
        _is_admitted(limits)
        clock.seconds += pause / 10
    while not _is_admitted(limits):
        with pytest.raises(LimitError) as caught:
            limits.admit("clara")
        assert 1 <= caught.value.retry_after <= 66
        clock.seconds += caught.value.retry_after
        assert _is_admitted(limits)
        break


def test_one_owner_does_not_use_up_what_another_has() -> None:
    limits = Limits(1, now=Clock())
    assert _is_admitted(limits, "clara")
    assert not _is_admitted(limits, "clara")
    assert _is_admitted(limits, "robert")


def test_without_a_limit_everybody_may_ask() -> None:
    limits = Limits(0, now=Clock())
    assert all(_is_admitted(limits) for _ in range(5000))


def test_many_owners_take_little_memory() -> None:
    limits = Limits(1, now=Clock())
    for n in range(30_000):
        limits.admit(str(n))
    assert not _is_admitted(limits, "29999")
    assert len(limits._counts) == 20_000


def test_threads_do_not_get_past_it() -> None:
    limits = Limits(100, now=Clock())
    admitted: list[bool] = []

    def ask() -> None:
        admitted.extend([_is_admitted(limits) for _ in range(50)])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(admitted) == 100
