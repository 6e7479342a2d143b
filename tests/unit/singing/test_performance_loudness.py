"""Dynamics, hairpins and accents as gain over time."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from cantilena.score.melody import DynamicPoint, Melody, MelodyNote, Syllable, Word
from cantilena.score.tempo import TempoMap
from cantilena.singing.performance import perform

LA = Syllable(word=Word(text="la", syllables=("la",), part="Voice", measure="1"), index=0, original="la")


def gain_of(dynamics, *, lengths=(1,) * 12, marks=None, bpm=60.0):
    """The gain over time of a line of notes on "la", one beat a second unless told otherwise."""
    notes, onset = [], Fraction(0)
    for index, length in enumerate(lengths):
        notes.append(
            MelodyNote(
                id=index, onset=onset, duration=Fraction(length), midi=60.0, syllables=(LA,), measure="1", verse="1",
                articulations=frozenset((marks or {}).get(index, ())),
            )
        )  # fmt: skip
        onset += length
    melody = Melody(
        part_id="P1", part="Voice", notes=tuple(notes), tempo_map=TempoMap.constant(bpm), duration=onset, findings=(),
        dynamics=tuple(DynamicPoint(onset=Fraction(o), level=v, ramp=r) for o, v, r in dynamics),
    )  # fmt: skip
    points = perform(melody).loudness
    times, gains = [p.time for p in points], [p.gain for p in points]
    assert all(later > earlier for earlier, later in pairwise(times))
    return lambda time: float(np.interp(time, times, gains))


def test_a_dynamic_holds_until_the_next():
    gain = gain_of([(0, -6.0, False), (4, 4.0, False)])
    assert [gain(t) for t in (0.0, 2.0, 3.97, 4.0, 9.0)] == pytest.approx([-6.0, -6.0, -6.0, 4.0, 4.0])


def test_a_sudden_change_takes_thirty_milliseconds_and_is_over_on_the_beat():
    gain = gain_of([(0, 0.0, False), (4, 6.0, False)])
    assert gain(3.985) == pytest.approx(3.0)


def test_before_the_first_dynamic_the_singer_sings_mezzo_forte():
    gain = gain_of([(2, -6.0, False)])
    assert [gain(t) for t in (0.0, 1.9, 2.0)] == pytest.approx([0.0, 0.0, -6.0])


def test_a_hairpin_is_a_straight_line_in_decibels():
    gain = gain_of([(0, -6.0, False), (2, -6.0, False), (6, 6.0, True)])
    assert [gain(t) for t in (2.0, 3.0, 4.0, 6.0, 8.0)] == pytest.approx([-6.0, -3.0, 0.0, 6.0, 6.0])


def test_a_dynamic_where_a_hairpin_ends_follows_it():
    gain = gain_of([(0, -6.0, False), (4, 0.0, True), (4, 6.0, False)])
    assert [gain(t) for t in (2.0, 4.0, 4.03, 5.0)] == pytest.approx([-3.0, 0.0, 6.0, 6.0])


def test_times_follow_the_tempo():
    assert gain_of([(0, 0.0, False), (8, 6.0, True)], bpm=120)(2.0) == pytest.approx(3.0)


@pytest.mark.parametrize(("mark", "peak"), [("accent", 3.0), ("strong-accent", 5.0)])
def test_an_accent_stands_out_and_dies_away_within_its_note(mark, peak):
    gain = gain_of([(0, -2.0, False)], marks={2: {mark}})
    assert gain(2.0) == pytest.approx(peak - 2.0)
    assert [gain(1.9), gain(3.0)] == pytest.approx([-2.0, -2.0])
    assert -2.0 < gain(2.5) < peak - 2.0


def test_accents_on_neighbours_do_not_add_up():
    gain = gain_of([(0, 0.0, False)], marks={index: {"accent"} for index in range(12)}, bpm=400)
    assert max(gain(t) for t in np.linspace(0, 2, 1000)) <= 3.0 + 1e-9
    assert [gain(k * 0.15) for k in range(12)] == pytest.approx([3.0] * 12)


def test_a_score_without_dynamics_gets_a_gentle_arch_for_every_phrase():
    gain = gain_of([])
    assert gain(0.65 * 12) == pytest.approx(1.0)
    assert gain(0.0) < 0.0
    assert gain(12.0) < 0.0
    assert all(abs(gain(t)) <= 1.0 + 1e-9 for t in np.linspace(0, 12, 200))
