"""The grids of stages meet in time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.singing.frames import keep_apart, on_grid, resample
from cantilena.singing.results import Phoneme, PhonemeTiming

FRAME = 512 / 44100


def timing_of(*durations: int, frame_seconds: float = FRAME) -> PhonemeTiming:
    """A phrase whose first sound begins at 0."""
    phonemes = tuple(Phoneme(symbol="aa", kind="vowel", note=1) for _ in durations)
    return PhonemeTiming(
        phonemes=phonemes, durations=np.array(durations), frame_seconds=frame_seconds, offset=-8 * frame_seconds
    )


def test_the_same_grid_is_left_alone():
    timing = timing_of(8, 10, 8)
    assert on_grid(timing, FRAME) is timing
    curve = np.arange(26.0, dtype=np.float32)
    assert resample(curve, source=timing, target=timing).tolist() == curve.tolist()


def test_silence_keeps_its_frames_and_sound_its_time():
    timing = timing_of(8, 10, 30, 20, 8)
    finer = on_grid(timing, FRAME / 2)
    assert finer.durations.tolist() == [8, 20, 60, 40, 8]
    assert finer.onsets[1:] == pytest.approx(timing.onsets[1:])
    coarser = on_grid(timing, FRAME * 2)
    assert coarser.durations.tolist() == [8, 5, 15, 10, 8]
    assert coarser.onsets[1:] == pytest.approx(timing.onsets[1:])


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=80), st.sampled_from([441 / 44100, 480 / 48000, 256 / 16000]))
def test_no_sound_is_lost_or_late(durations, frame_seconds):
    timing = timing_of(8, *durations, 8)
    other = on_grid(timing, frame_seconds)
    assert other.durations.min() >= 1
    assert other.n_frames == other.durations.sum()
    late = np.abs(other.onsets[1:] - timing.onsets[1:])
    # Half a frame by rounding; more only where phonemes are shorter than the other grid's frames.
    crowded = min(durations) * FRAME < frame_seconds
    assert crowded or late.max() <= 0.5 * frame_seconds + 1e-9


def test_a_mark_on_the_vowel_stays_on_the_vowel():
    """A curve with a step where a vowel begins has it there on the other grid too, to the frame."""
    timing = timing_of(8, 11, 37, 8)
    own = on_grid(timing, 441 / 44100)
    curve = (own.frame_times >= 11 * FRAME).astype(np.float32)
    begins = timing.frame_times[np.flatnonzero(resample(curve, source=own, target=timing) >= 0.5)[0]]
    assert begins == pytest.approx(11 * FRAME, abs=FRAME)


def test_curves_are_linear_in_time_and_level_beyond_their_ends():
    coarse, fine = timing_of(2, 2, 2, frame_seconds=0.02), timing_of(2, 4, 2, frame_seconds=0.01)
    fine = PhonemeTiming(phonemes=fine.phonemes, durations=fine.durations, frame_seconds=0.01, offset=-0.14)
    curve = resample(np.arange(6.0), source=coarse, target=fine)
    assert curve.dtype == np.float32
    assert curve == pytest.approx([0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.25])
    late = PhonemeTiming(phonemes=fine.phonemes, durations=fine.durations, frame_seconds=0.01, offset=1.0)
    assert set(resample(np.arange(6.0), source=coarse, target=late).tolist()) == {5.0}


def test_controls_in_silence_are_as_in_the_sound_beside_it():
    times = timing_of(8, 10, 8, frame_seconds=0.01).control_times
    assert times[:9] == pytest.approx([0.005] * 9)
    assert times[9:17] == pytest.approx(0.015 + 0.01 * np.arange(8))
    assert times[17:] == pytest.approx([0.095] * 9)


def test_edges_are_kept_apart():
    least = np.array([8, 1, 1, 1])
    assert keep_apart(np.array([0, 8, 8, 8, 8]), least).tolist() == [0, 8, 9, 10, 11]
    assert keep_apart(np.array([0, 20, 20, 20, 20]), least).tolist() == [0, 17, 18, 19, 20]
