"""When a process that ended is started again."""

from __future__ import annotations

import pytest

from cantilena.worker.restarts import RestartPolicy

POLICY = RestartPolicy(limit=3, window_seconds=60.0, first_pause=0.5, longest_pause=4.0)


def test_the_first_death_costs_no_time():
    start = POLICY.next_start([], 100.0)
    assert (start.seconds, start.is_soon) == (0.0, True)


def test_each_further_one_costs_twice_as_much_up_to_a_longest_pause():
    policy = RestartPolicy(limit=10, first_pause=0.5, longest_pause=4.0)
    pauses = [policy.next_start([0.0] * n, 0.0).seconds for n in range(7)]
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_what_was_long_ago_is_forgotten():
    assert POLICY.next_start([0.0, 10.0, 20.0, 30.0], 95.0).seconds == 0.0


def test_after_the_limit_there_is_none_until_the_earliest_is_long_ago():
    start = POLICY.next_start([0.0, 10.0, 20.0], 30.0)
    assert (start.seconds, start.is_soon) == (30.0, False)


@pytest.mark.parametrize("life", [0.01, 1.0, 7.0, 19.0, 25.0])
def test_never_more_restarts_within_a_window_than_the_limit(life):
    now, restarts = 0.0, []
    for _ in range(40):
        now += life
        now += POLICY.next_start(restarts, now).seconds
        restarts.append(now)
    most = max(sum(at <= other < at + POLICY.window_seconds - 1e-6 for other in restarts) for at in restarts)
    assert most <= POLICY.limit
