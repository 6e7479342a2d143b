"""The pitch curve drawn by rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.singing.drawing import DrawnNote, draw_pitch

RATE = 86.13


def notes_of(*described: tuple[float, float], slurred: bool = False, onset: float = 0.0) -> list[DrawnNote]:
    """Notes of (seconds, midi) end to end."""
    notes = []
    for seconds, midi in described:
        notes.append(DrawnNote(onset=onset, offset=onset + seconds, midi=midi, slurred=slurred and bool(notes)))
        onset += seconds
    return notes


def draw(notes: list[DrawnNote], *, expression: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    times = np.arange(notes[0].onset - 0.3, notes[-1].offset + 0.1, 1 / RATE)
    return times, draw_pitch(notes, times, expression=expression)


def middles(notes: list[DrawnNote], times: np.ndarray, curve: np.ndarray) -> np.ndarray:
    """Cents off the note over the middle three fifths of every note."""
    cents = []
    for note in notes:
        inside = (times >= note.onset + 0.2 * note.duration) & (times <= note.offset - 0.2 * note.duration)
        cents.append(100.0 * (curve[inside] - note.midi))
    return np.concatenate(cents)


def test_without_expression_only_the_notes_and_the_way_between_them():
    notes = notes_of((0.5, 60), (0.5, 64))
    times, curve = draw(notes, expression=0.0)
    assert curve[times < 0.45] == pytest.approx(60.0)
    assert curve[times > 0.55] == pytest.approx(64.0)
    way = curve[(times > 0.47) & (times < 0.53)]
    assert (np.diff(way) > 0).all()
    assert draw_pitch(notes, np.array([0.5]), expression=0.0) == pytest.approx([62.0])


def test_a_slur_takes_longer():
    def moving(slurred: bool) -> float:
        _, curve = draw(notes_of((1, 60), (1, 64), slurred=slurred), expression=0.0)
        return float(((curve > 60.01) & (curve < 63.99)).sum() / RATE)

    assert 0.06 <= moving(slurred=False) <= 0.085
    assert 0.09 <= moving(slurred=True) <= 0.12


def test_short_notes_are_reached_in_time():
    notes = notes_of((0.1, 60), (0.1, 72), (0.1, 60), (0.1, 72))
    times = np.arange(0, 0.4, 0.001)
    curve = draw_pitch(notes, times, expression=0.0)
    assert np.abs(middles(notes, times, curve)).max() < 1.0


def test_a_rest_inside_is_crossed_without_a_break():
    notes = [*notes_of((0.3, 60)), *notes_of((0.3, 67), onset=0.6)]
    times, curve = draw(notes, expression=0.0)
    assert curve[times < 0.55] == pytest.approx(60.0)
    assert np.abs(np.diff(curve)).max() < 3.0


def test_a_long_note_has_vibrato_late_and_a_short_one_none():
    times, curve = draw(notes_of((2.0, 60)))
    early = curve[(times > 0.2) & (times < 1.0)] - 60
    late = curve[(times > 1.4) & (times < 1.9)] - 60
    assert np.abs(early).max() < 0.1
    assert 0.2 < np.abs(late).max() < 0.35
    crossings = np.sum(np.diff(np.sign(late - late.mean())) != 0)
    assert crossings == pytest.approx(2 * 5.5 * 0.5, abs=1)
    times, curve = draw(notes_of((0.5, 60)))
    assert np.abs(middles(notes_of((0.5, 60)), times, curve)).max() < 10.0


def test_expression_scales_vibrato():
    def extent(expression: float) -> float:
        times, curve = draw(notes_of((2.0, 60)), expression=expression)
        return float(np.ptp(curve[(times > 1.4) & (times < 1.9)]))

    assert extent(0.0) == 0.0
    assert extent(0.5) == pytest.approx(0.5 * extent(1.0), rel=1e-6)


def test_a_phrase_sounds_the_same_at_any_time():
    early, late = notes_of((0.5, 60), (1.5, 64)), notes_of((0.5, 60), (1.5, 64), onset=64.0)
    times = np.arange(-0.25, 2.25, 1 / 64)
    assert draw_pitch(early, times, expression=1.0) == pytest.approx(draw_pitch(late, times + 64.0, expression=1.0))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0.12, 2.5), st.integers(48, 79)), min_size=20, max_size=60),
    st.booleans(),
)
def test_notes_are_in_tune(described, slurred):
    notes = notes_of(*described, slurred=slurred)
    times, curve = draw(notes)
    cents = middles(notes, times, curve)
    assert (np.abs(cents) <= 50.0).mean() >= 0.99
    assert np.isfinite(curve).all()


def test_a_hymn_is_hardly_ever_off_its_notes():
    """Quarters, eighths and final halves at the pace of a hymn."""
    generator = np.random.default_rng(1)
    lengths = generator.choice([0.35, 0.7, 0.7, 1.4], size=200)
    midis = 60 + np.cumsum(generator.integers(-4, 5, size=200)) % 12
    notes = notes_of(*zip(lengths.tolist(), midis.astype(float).tolist(), strict=True))
    times, curve = draw(notes)
    cents = np.abs(middles(notes, times, curve))
    assert (cents <= 50.0).mean() >= 0.99
    assert np.median(cents) <= 4.0
