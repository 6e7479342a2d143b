"""What the service makes of its settings."""

from __future__ import annotations

import pytest

from cantilena.interfaces.http.composition import song_seconds
from cantilena.settings import Settings


@pytest.mark.parametrize(("deadline", "seconds"), [(1800, 1740.0), (240, 180.0), (60, 45.0), (15, 11.25)])
def test_a_song_is_given_less_than_its_task(deadline: int, seconds: float) -> None:
    assert song_seconds(Settings(dispatch="tasks", tasks_deadline_seconds=deadline)) == seconds


def test_a_song_of_the_queue_may_take_as_long_as_it_likes() -> None:
    assert song_seconds(Settings()) is None
