"""Conversions, by example and by property."""

from __future__ import annotations

import doctest

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cantilena import units


def test_examples_in_the_docstrings() -> None:
    assert doctest.testmod(units).failed == 0


@given(st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_frames_drift_by_less_than_a_frame_and_a_half(seconds: list[float]) -> None:
    frames = units.seconds_to_frames(seconds, frame_seconds=512 / 44_100)
    exact = np.cumsum(seconds) / (512 / 44_100)
    assert np.all(np.abs(np.cumsum(frames) - exact) <= 1.0 + 1e-6)
