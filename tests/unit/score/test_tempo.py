"""Beats to seconds: continuous and strictly increasing, whatever the pieces."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.score.tempo import TempoMap, TempoPiece

bpm = st.floats(10, 480)


@st.composite
def tempo_maps(draw):
    lengths = draw(st.lists(st.floats(0.01, 40), max_size=8))
    onset, pieces = 0.0, []
    for length in lengths:
        pieces.append(TempoPiece(onset, 60 / draw(bpm), 60 / draw(bpm)))
        onset += length
    pieces.append(TempoPiece(onset, 60 / draw(bpm), 1.0))
    return TempoMap.from_pieces(pieces)


def test_one_tempo():
    tempo = TempoMap.constant(90)
    assert tempo.beats_to_seconds(Fraction(3)) == 2.0
    assert tempo.beats_to_seconds(Fraction(-3)) == -2.0
    assert tempo.bpm_at(Fraction(100)) == pytest.approx(90)


def test_a_ritardando_takes_the_mean_of_its_paces():
    tempo = TempoMap.from_pieces([TempoPiece(0, 0.5, 1.0), TempoPiece(4, 0.5, 0.5)])
    assert tempo.beats_to_seconds(Fraction(4)) == 3.0
    assert tempo.beats_to_seconds(Fraction(6)) == 4.0
    assert tempo.bpm_at(Fraction(2)) == pytest.approx(80)


@given(tempo_maps(), st.lists(st.fractions(-10, 400), min_size=2, unique=True))
def test_later_beats_are_later_in_time(tempo, beats):
    seconds = [tempo.beats_to_seconds(beat) for beat in sorted(beats)]
    gaps = [float(later - earlier) for earlier, later in pairwise(sorted(beats))]
    for gap, (earlier, later) in zip(gaps, pairwise(seconds), strict=True):
        assert later > earlier or gap < 1e-9
        assert later - earlier <= gap * 6.0 + 1e-9  # 10 bpm


@given(tempo_maps())
def test_no_jump_in_time_where_pieces_meet(tempo):
    for onset, second in zip(tempo.onsets, tempo.seconds, strict=True):
        just_before = tempo.beats_to_seconds(Fraction(onset) - Fraction(1, 10**9))
        assert just_before == pytest.approx(second, abs=1e-6)


@given(tempo_maps(), st.fractions(0, 200), st.fractions(0, 200))
def test_a_cut_song_keeps_its_durations(tempo, start, beats):
    cut = tempo.starting_at(start)
    expected = tempo.beats_to_seconds(start + beats) - tempo.beats_to_seconds(start)
    assert cut.beats_to_seconds(Fraction(0)) == 0.0
    assert cut.beats_to_seconds(beats) == pytest.approx(expected, abs=1e-6)
