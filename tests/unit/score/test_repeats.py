"""The order of performance: engraving practice, written out once and never endless."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import ScoreError
from cantilena.score.model import Navigation
from cantilena.score.repeats import MAX_VISITS, find_sections, order_of_performance


def signs(count: int, **places: Navigation) -> list[Navigation]:
    """Measures m0, m1, ... without signs but for the ones given."""
    return [places.get(f"m{i}", Navigation()) for i in range(count)]


def order(navigation: list[Navigation]) -> list[int]:
    return [step.measure for step in order_of_performance(navigation).steps]


def remarks(navigation: list[Navigation]) -> list[str]:
    return [code for code, _, _ in order_of_performance(navigation).remarks]


class TestRepeats:
    def test_none(self):
        assert order(signs(3)) == [0, 1, 2]
        assert order([]) == []

    def test_back_to_the_beginning(self):
        assert order(signs(3, m1=Navigation(backward=2))) == [0, 1, 0, 1, 2]

    def test_back_to_the_forward_repeat_as_often_as_said(self):
        assert order(signs(4, m1=Navigation(forward=True), m2=Navigation(backward=3))) == [0, 1, 2, 1, 2, 1, 2, 3]

    def test_one_measure_may_begin_and_end_a_repeat(self):
        assert order(signs(2, m0=Navigation(forward=True, backward=2))) == [0, 0, 1]

    def test_a_second_backward_repeat_leads_to_the_measure_after_the_first(self):
        # engraving practice; nesting would give 0 12 12 1234 12 12 1234 5 instead
        navigation = signs(6, m1=Navigation(forward=True), m2=Navigation(backward=2), m4=Navigation(backward=2))
        assert order(navigation) == [0, 1, 2, 1, 2, 3, 4, 3, 4, 5]

    def test_a_repeat_that_never_ends_is_sung_once_and_told(self):
        navigation = signs(3, m1=Navigation(forward=True))
        assert order(navigation) == [0, 1, 2]
        assert remarks(navigation) == ["repeat_open"]


class TestEndings:
    def test_first_and_second(self):
        navigation = signs(
            4, m1=Navigation(ending=(1,), ending_stops=True, backward=2), m2=Navigation(ending=(2,), ending_stops=True)
        )
        assert order(navigation) == [0, 1, 0, 2, 3]

    def test_one_ending_for_two_passes(self):
        navigation = signs(
            4,
            m1=Navigation(ending=(1, 2), ending_stops=True, backward=2),
            m2=Navigation(ending=(3,), ending_stops=True),
        )
        assert order(navigation) == [0, 1, 0, 1, 0, 2, 3]

    def test_a_lone_first_ending_is_left_out_on_the_second_pass(self):
        assert order(signs(3, m1=Navigation(ending=(1,), ending_stops=True, backward=2))) == [0, 1, 0, 2]

    def test_longer_endings(self):
        navigation = signs(
            6, m1=Navigation(ending=(1,)), m2=Navigation(ending_stops=True, backward=2), m3=Navigation(ending=(2,)),
            m4=Navigation(ending_stops=True),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 2, 0, 3, 4, 5]

    def test_a_repeat_sign_in_the_last_ending_leads_nowhere(self):
        navigation = signs(
            3, m1=Navigation(ending=(1,), ending_stops=True, backward=2),
            m2=Navigation(ending=(2,), ending_stops=True, backward=2),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 0, 2]

    def test_an_ending_in_the_middle_of_what_is_repeated(self):
        navigation = signs(4, m1=Navigation(ending=(1,), ending_stops=True), m2=Navigation(backward=2))
        assert order(navigation) == [0, 1, 2, 0, 2, 3]

    def test_an_open_bracket_lasts_to_the_repeat_sign(self):
        open_bracket = Navigation(ending=(1, 2), ending_stops=True, ending_open=True)
        assert order(signs(5, m1=open_bracket, m3=Navigation(backward=3))) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 4]

    def test_a_last_ending_with_an_open_bracket_is_one_measure(self):
        navigation = signs(
            5, m1=Navigation(ending=(1,), ending_stops=True, backward=2),
            m2=Navigation(ending=(2,), ending_stops=True, ending_open=True), m4=Navigation(backward=2),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 0, 2, 3, 4, 3, 4]


class TestJumps:
    def test_da_capo_al_fine(self):
        assert order(signs(3, m1=Navigation(fine=True), m2=Navigation(da_capo=True))) == [0, 1, 2, 0, 1]

    def test_dal_segno_al_fine(self):
        navigation = signs(4, m1=Navigation(segno={"s"}), m2=Navigation(fine=True), m3=Navigation(dal_segno="s"))
        assert order(navigation) == [0, 1, 2, 3, 1, 2]

    def test_dal_segno_al_coda(self):
        navigation = signs(
            6, m1=Navigation(segno={""}), m2=Navigation(to_coda=True), m3=Navigation(dal_segno=""),
            m4=Navigation(coda={""}),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 2, 3, 1, 2, 4, 5]

    def test_of_two_coda_signs_the_first_is_where_the_leap_begins(self):
        navigation = signs(5, m1=Navigation(coda={""}), m3=Navigation(da_capo=True), m4=Navigation(coda={""}))
        assert order(navigation) == [0, 1, 2, 3, 0, 1, 4]

    def test_the_nearest_segno_with_the_name_counts(self):
        navigation = signs(
            5, m0=Navigation(segno={"a"}), m1=Navigation(segno={"b"}), m2=Navigation(segno={"a"}),
            m3=Navigation(dal_segno="b"), m4=Navigation(fine=True),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 2, 3, 1, 2, 3, 4]

    def test_repeats_are_not_taken_again_after_a_jump(self):
        navigation = signs(
            4, m0=Navigation(ending=()), m1=Navigation(ending=(1,), ending_stops=True, backward=2),
            m2=Navigation(ending=(2,), ending_stops=True, fine=True), m3=Navigation(da_capo=True),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 0, 2, 3, 0, 2]

    def test_endings_without_a_repeat_sign_change_with_the_turn(self):
        navigation = signs(
            3, m1=Navigation(ending=(1,), ending_stops=True, da_capo=True),
            m2=Navigation(ending=(2,), ending_stops=True, fine=True),
        )  # fmt: skip
        assert order(navigation) == [0, 1, 0, 2]

    def test_a_jump_in_what_is_repeated_waits_for_the_last_pass(self):
        navigation = signs(3, m0=Navigation(fine=True), m1=Navigation(da_capo=True, backward=2))
        assert order(navigation) == [0, 1, 0, 1, 0]

    def test_a_jump_with_no_end_is_taken_once(self):
        navigation = signs(2, m0=Navigation(segno={"s"}, dal_segno="s"))
        assert order(navigation) == [0, 0, 1]
        assert remarks(navigation) == ["jump_taken_once"]

    def test_words_at_the_start_of_a_measure_stand_at_the_barline_before(self):
        navigation = signs(
            4, m0=Navigation(fine=True), m1=Navigation(), m2=Navigation(da_capo=True, jump_at_start=True)
        )
        assert order(navigation) == [0, 1, 0]

    def test_words_at_the_start_of_the_last_measure_mean_its_end(self):
        navigation = signs(2, m0=Navigation(fine=True), m1=Navigation(da_capo=True, jump_at_start=True))
        assert order(navigation) == [0, 1, 0]

    def test_a_segno_that_is_missing(self):
        navigation = signs(2, m0=Navigation(fine=True), m1=Navigation(dal_segno="s"))
        assert order(navigation) == [0, 1, 0]
        assert remarks(navigation) == ["segno_missing"]

    def test_a_coda_that_is_missing(self):
        navigation = signs(2, m0=Navigation(to_coda=True), m1=Navigation(da_capo=True))
        assert order(navigation) == [0, 1, 0, 1]
        assert remarks(navigation) == ["coda_missing"]


class TestTurns:
    def test_the_turn_says_which_verse(self):
        navigation = signs(
            4, m1=Navigation(ending=(1,), ending_stops=True, backward=2),
            m2=Navigation(ending=(2,), ending_stops=True), m3=Navigation(da_capo=True),
        )  # fmt: skip
        steps = order_of_performance(navigation).steps
        assert [(step.measure, step.turn) for step in steps] == [
            (0, 1), (1, 1), (0, 2), (2, 2), (3, 1), (0, 3), (2, 3), (3, 2),
        ]  # fmt: skip


class TestBounds:
    @pytest.mark.parametrize("times", [MAX_VISITS + 1, 1_000_000, 10**18])
    def test_a_million_repeats_are_refused_before_they_are_written_out(self, times):
        with pytest.raises(ScoreError, match="measures, more than") as caught:
            order_of_performance([Navigation(backward=times)])
        assert caught.value.code == "score_too_long"

    def test_many_jumps_are_refused_as_well(self):
        with pytest.raises(ScoreError):
            order_of_performance([Navigation(da_capo=True) for _ in range(1000)])


places = st.builds(
    Navigation,
    forward=st.booleans(),
    backward=st.one_of(st.none(), st.none(), st.integers(0, 4)),
    ending=st.one_of(st.just(()), st.just(()), st.lists(st.integers(1, 4), min_size=1, max_size=2).map(tuple)),
    ending_stops=st.booleans(),
    ending_open=st.booleans(),
    segno=st.sets(st.sampled_from(["", "a"]), max_size=1),
    coda=st.sets(st.sampled_from(["", "a"]), max_size=1),
    to_coda=st.booleans(),
    fine=st.booleans(),
    da_capo=st.booleans(),
    dal_segno=st.one_of(st.none(), st.none(), st.sampled_from(["", "a"])),
    jump_at_start=st.booleans(),
)


@given(st.lists(places, max_size=12))
def test_whatever_the_signs_the_performance_is_finite_and_in_bounds(navigation):
    sections = find_sections(navigation)
    assert [i for s in sections for i in range(s.start, s.stop + 1)] == list(range(len(navigation)))
    steps = order_of_performance(navigation).steps
    jumps = sum(place.da_capo or place.dal_segno is not None for place in navigation)
    assert len(steps) <= sum(s.passes * (s.stop - s.start + 1) for s in sections) + jumps * len(navigation)
    assert all(0 <= step.measure < len(navigation) and step.turn >= 1 for step in steps)


@given(
    st.lists(st.builds(Navigation, forward=st.booleans(), backward=st.one_of(st.none(), st.integers(2, 4))), max_size=9)
)
def test_with_repeats_alone_every_measure_is_sung_as_often_as_its_section_says(navigation):
    steps = order_of_performance(navigation).steps
    for section in find_sections(navigation):
        for measure in range(section.start, section.stop + 1):
            assert [step.turn for step in steps if step.measure == measure] == list(range(1, section.passes + 1))
