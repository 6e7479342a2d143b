"""Predicted lengths fit the beats: vowels on the beat, nothing dropped, nothing lost in rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.singing.durations import FittedSequence, fit_to_anchors, lengths_by_rule, to_frames
from cantilena.singing.results import PADDING_FRAMES, Phoneme, PhonemeGroup, PhonemeSequence, PhonemeTiming

FRAME = 512 / 44100
VOWELS = frozenset({"aa", "ow", "iy", "SP", "AP"})


def group(onset: float, symbols: str) -> PhonemeGroup:
    return PhonemeGroup(
        onset=onset,
        midi=60.0,
        phonemes=tuple(
            Phoneme(symbol=s, kind="vowel" if s in VOWELS else "consonant", note=None if s in ("SP", "AP") else 1)
            for s in symbols.split()
        ),
    )


def sequence(*groups: tuple[float, str], offset: float, head_room: float = 0.5) -> PhonemeSequence:
    made = tuple(group(onset, symbols) for onset, symbols in groups)
    return PhonemeSequence(groups=made, offset=offset, head_room=head_room)


def fit(asked: PhonemeSequence, *predicted: Sequence[float]) -> dict[str, list[float]]:
    """Seconds of each group, by its symbols."""
    fitted = fit_to_anchors(asked, [np.array(seconds, dtype=float) for seconds in predicted])
    return {" ".join(p.symbol for p in g.phonemes): [round(float(s), 4) for s in g.seconds] for g in fitted.groups}


def test_a_group_shares_the_time_to_the_next_beat_in_proportion():
    asked = sequence((-0.5, "SP"), (0.0, "aa t k"), (1.0, "ow"), offset=1.5)
    assert fit(asked, [9.0], [0.3, 0.1, 0.1], [3.0]) == {"": [], "aa t k": [0.6, 0.2, 0.2], "ow": [0.5]}


def test_consonants_before_the_first_beat_keep_their_lengths():
    asked = sequence((-0.5, "SP s t"), (0.0, "aa"), offset=1.0)
    assert fit(asked, [0.2, 0.09, 0.05], [7.0])["s t"] == [0.09, 0.05]


def test_they_are_compressed_where_there_is_less_room():
    asked = sequence((-0.5, "SP s t"), (0.0, "aa"), offset=1.0, head_room=0.15)
    assert fit(asked, [0.2, 0.2, 0.1], [7.0])["s t"] == [0.1, 0.05]


def test_a_consonant_is_never_nothing():
    asked = sequence((-0.5, "SP s t"), (0.0, "aa"), offset=1.0)
    assert fit(asked, [0.0, 0.0, 0.0], [0.0]) == {"s t": [0.02, 0.02], "aa": [1.0]}


def test_a_vowel_keeps_a_third_of_its_note():
    asked = sequence((-0.5, "SP"), (0.0, "aa s t"), offset=0.3)
    assert fit(asked, [1.0], [0.01, 0.3, 0.1])["aa s t"] == [0.1, 0.15, 0.05]


@pytest.mark.parametrize(("predicted", "sung"), [(0.05, 0.15), (0.3, 0.3), (2.0, 0.4)])
def test_a_breath_is_neither_a_gasp_nor_a_sigh(predicted, sung):
    asked = sequence((-0.5, "SP"), (-0.35, "AP s"), (0.0, "aa"), offset=1.0)
    assert fit(asked, [0.1], [predicted, 0.1], [1.0])["AP s"] == [sung, 0.1]


def test_a_breath_is_left_out_where_consonants_need_its_room():
    asked = sequence((-0.5, "SP"), (-0.35, "AP s t"), (0.0, "aa"), offset=1.0, head_room=0.4)
    assert fit(asked, [0.1], [0.3, 0.2, 0.1], [1.0]) == {"s t": [0.2, 0.1], "aa": [1.0]}


def test_a_rest_inside_is_silent_until_its_consonants():
    asked = sequence((-0.5, "SP"), (0.0, "aa"), (0.3, "SP s"), (0.5, "ow"), offset=1.0)
    assert fit(asked, [1.0], [1.0], [0.5, 0.08], [1.0]) == {"": [], "aa": [0.3], "SP s": [0.12, 0.08], "ow": [0.5]}


def test_consonants_after_a_short_rest_reach_back_into_the_note_before():
    asked = sequence((-0.5, "SP"), (0.0, "aa"), (0.4, "SP s t"), (0.5, "ow"), offset=1.0)
    fitted = fit(asked, [1.0], [1.0], [0.5, 0.1, 0.06], [1.0])
    assert fitted == {"": [], "aa": [0.32], "SP s t": [0.02, 0.1, 0.06], "ow": [0.5]}
    crowded = fit(asked, [1.0], [1.0], [0.5, 0.4, 0.4], [1.0])
    assert crowded["aa"] == [0.2]
    assert crowded["SP s t"] == [0.02, 0.14, 0.14]


def frames_of(asked: PhonemeSequence, *predicted: Sequence[float]) -> PhonemeTiming:
    fitted = fit_to_anchors(asked, [np.array(seconds, dtype=float) for seconds in predicted])
    return to_frames(fitted, frame_seconds=FRAME)


def test_a_phrase_is_padded_and_placed_before_its_beat():
    timing = frames_of(sequence((-0.5, "SP s"), (2.0, "aa"), offset=3.0), [0.1, 0.1], [1.0])
    assert timing.symbols == ("SP", "s", "aa", "SP")
    assert timing.durations[0] == timing.durations[-1] == PADDING_FRAMES
    assert timing.offset == pytest.approx(2.0 - 0.1 - 8 * FRAME)
    assert timing.n_frames == 8 + 95 + 8  # 1.1 s are 94.75 frames
    assert not timing.durations.flags.writeable


def test_crowded_phonemes_take_frames_from_their_neighbours():
    asked = sequence((-0.5, "SP"), (0.0, "aa"), (0.5, "ow s t k"), (0.51, "iy"), offset=1.0)
    timing = frames_of(asked, [1.0], [1.0], [1.0, 1.0, 1.0, 1.0], [1.0])
    assert timing.durations[2:6].tolist() == [1, 1, 1, 1]
    assert timing.n_frames == 8 + 87 + 8


def test_nothing_to_sing_is_silence():
    timing = to_frames(fit_to_anchors(sequence((-0.5, "SP"), offset=1.0), [np.ones(1)]), frame_seconds=FRAME)
    assert timing.symbols == ("SP", "SP")


@st.composite
def fitted_sequences(draw: st.DrawFn) -> tuple[PhonemeSequence, FittedSequence]:
    """Phrases as scores make them: up to 40 notes, each long enough for its phonemes."""
    groups = [(draw(st.floats(-0.5, -0.3)), "SP" + " s" * draw(st.integers(0, 4)))]
    onset = draw(st.floats(0.0, 700.0))
    for _ in range(draw(st.integers(1, 40))):
        kind = draw(st.sampled_from(["aa", "ow s t", "iy s", "aa", "SP t"]))
        if kind == "SP t" and groups[-1][1].startswith("SP"):
            kind = "aa"
        groups.append((onset, kind))
        onset += draw(st.floats(0.12 if kind == "SP t" else 0.06, 3.0))
    asked = sequence(*groups, offset=onset, head_room=draw(st.floats(0.15, 0.5)))
    predicted = [
        np.array(draw(st.lists(st.floats(0.0, 2.0), min_size=len(g.phonemes), max_size=len(g.phonemes))))
        for g in asked.groups
    ]
    return asked, fit_to_anchors(asked, predicted)


@settings(deadline=None, max_examples=50)
@given(fitted_sequences())
def test_frames_are_conserved_and_vowels_stay_on_the_beat(made):
    asked, fitted = made
    timing = to_frames(fitted, frame_seconds=FRAME)
    assert timing.durations.min() >= 1
    assert timing.durations[0] >= PADDING_FRAMES
    sung = sum(float(g.seconds.sum()) for g in fitted.groups)
    assert abs((timing.n_frames - 2 * PADDING_FRAMES) - sung / FRAME) <= 1.0 + 1e-6
    expected = [g.onset for g in asked.groups if not g.is_rest]
    starts, at = [], 1 + len(fitted.groups[0].phonemes)
    for g in fitted.groups[1:]:
        if g.phonemes[0].note is not None:
            starts.append(float(timing.onsets[at]))
        at += len(g.phonemes)
    assert starts == pytest.approx(expected, abs=FRAME + 1e-6)


@settings(deadline=None, max_examples=50)
@given(fitted_sequences())
def test_nothing_is_dropped_and_no_length_is_negative(made):
    asked, fitted = made
    sung = [p for g in asked.groups for p in g.phonemes if p.note is not None]
    assert [p for g in fitted.groups for p in g.phonemes if p.note is not None] == sung
    assert all((g.seconds > 0).all() for g in fitted.groups)


def test_without_a_model_vowels_have_what_consonants_leave():
    phrase = sequence((-0.5, "SP s"), (0.0, "aa s t"), (2.0, "aa t"), (2.2, "aa iy"), offset=3.2)
    lengths = lengths_by_rule(phrase)
    assert lengths[0][1] == pytest.approx(0.08)
    assert lengths[1].tolist() == pytest.approx([1.84, 0.08, 0.08])  # a long note does not stretch its consonants
    assert lengths[2].tolist() == pytest.approx([0.12, 0.08])
    assert lengths[3].tolist() == pytest.approx([0.5, 0.5])
    timing = to_frames(fit_to_anchors(phrase, lengths), frame_seconds=FRAME)
    onsets = [onset for onset, phoneme in zip(timing.onsets, timing.phonemes, strict=True) if phoneme.symbol == "aa"]
    assert onsets == pytest.approx([0.0, 2.0, 2.2], abs=FRAME)


def test_without_a_model_a_crowded_note_keeps_its_vowel():
    phrase = sequence((-0.5, "SP"), (0.0, "aa s t s"), offset=0.15)
    lengths = lengths_by_rule(phrase)
    assert lengths[1].tolist() == pytest.approx([0.1, 0.08, 0.08, 0.08])
    (_, fitted) = fit_to_anchors(phrase, lengths).groups
    assert fitted.seconds.sum() == pytest.approx(0.15)
    assert fitted.seconds[0] >= 0.05 - 1e-9
