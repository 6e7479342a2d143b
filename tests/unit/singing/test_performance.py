"""When notes sound and where phrases end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cantilena.errors import ScoreError
from cantilena.findings import Finding
from cantilena.score.melody import DynamicPoint, Melody, MelodyNote, Syllable, Word
from cantilena.score.tempo import TempoMap
from cantilena.singing.performance import (
    LONGEST_BREATH_SECONDS,
    MAX_PHRASE_SECONDS,
    MIN_REST_SECONDS,
    perform,
)


def word(text: str) -> Syllable:
    return syllables(text)[0]


def syllables(*parts: str) -> list[Syllable]:
    """The syllables of one word."""
    cleaned = tuple(part.strip(",.-") for part in parts)
    whole = Word(text="".join(cleaned), syllables=cleaned, part="Voice", measure="1")
    return [Syllable(word=whole, index=index, original=part) for index, part in enumerate(parts)]


def note(onset: object, duration: object, *sung: Syllable, midi: float = 60.0, **more: object) -> MelodyNote:
    return MelodyNote(
        id=0,
        onset=Fraction(str(onset)),
        duration=Fraction(str(duration)),
        midi=midi,
        syllables=sung,
        measure=str(int(Fraction(str(onset)) // 4) + 1),
        verse="1",
        **more,
    )


def melody(
    notes: Iterable[MelodyNote],
    *,
    bpm: float = 60.0,
    dynamics: tuple[DynamicPoint, ...] = (),
    findings: tuple[Finding, ...] = (),
) -> Melody:
    """A melody at one tempo; at 60 bpm a beat is a second."""
    numbered = tuple(replace(n, id=index) for index, n in enumerate(notes))
    return Melody(
        part_id="P1",
        part="Voice",
        notes=numbered,
        tempo_map=TempoMap.constant(bpm),
        dynamics=dynamics,
        duration=numbered[-1].onset + numbered[-1].duration,
        findings=findings,
    )


def spans(performance) -> list[list[tuple[float, float]]]:
    return [[(round(n.onset, 6), round(n.offset, 6)) for n in p.notes] for p in performance.phrases]


def test_contiguous_notes_are_one_phrase_in_seconds():
    tune = melody([note(0, 1, word("sing")), note(1, 2, word("low"))], bpm=120)
    assert spans(perform(tune)) == [[(0.0, 0.5), (0.5, 1.5)]]


def test_the_tempo_factor_divides_every_time():
    tune = melody([note(0, 1, word("sing")), note(2, 2, word("low"))])
    performance = perform(tune, tempo=2.0)
    assert spans(performance) == [[(0.0, 0.5)], [(1.0, 2.0)]]
    assert performance.duration == 2.0


def test_transposition_moves_every_note():
    performance = perform(melody([note(0, 1, word("sing"), midi=60.5)]), transpose=-3)
    assert performance.phrases[0].notes[0].midi == 57.5


def test_a_rest_ends_the_phrase_and_is_room_for_a_breath():
    performance = perform(melody([note(1, 1, word("sing")), note("2.5", 1, word("low"))]))
    assert spans(performance) == [[(1.0, 2.0)], [(2.5, 3.5)]]
    assert [p.breath_before for p in performance.phrases] == [1.0, 0.5]
    assert [p.index for p in performance.phrases] == [0, 1]


def test_a_rest_too_short_to_be_heard_is_sung_over():
    tune = melody([note(0, "0.95", word("sing")), note(1, 1, word("low"))])
    assert spans(perform(tune)) == [[(0.0, 1.0), (1.0, 2.0)]]


@pytest.mark.parametrize(
    ("marks", "sounding"),
    [
        ({"staccato"}, 0.25),
        ({"staccatissimo"}, 0.175),
        ({"spiccato"}, 0.175),
        ({"detached-legato"}, 0.4),
        ({"staccato", "tenuto"}, 0.4),
        ({"tenuto"}, 0.5),
        ({"accent"}, 0.5),
    ],
)
def test_articulations_shorten_a_note_but_not_its_neighbour(marks, sounding):
    tune = melody([note(0, 1, word("sing"), articulations=frozenset(marks)), note(1, 1, word("low"))], bpm=120)
    first, second = [n for phrase in perform(tune).phrases for n in phrase.notes]
    assert first.offset == pytest.approx(sounding)
    assert second.onset == 0.5


def test_staccato_under_a_slur_is_portato():
    dots = frozenset({"staccato"})
    tune = melody([note(0, 1, word("sing"), articulations=dots), note(1, 1, word("low"), slurred=True)], bpm=120)
    assert perform(tune).phrases[0].notes[0].offset == pytest.approx(0.4)


def test_quick_staccato_stays_in_its_phrase_and_slow_staccato_does_not():
    dots = frozenset({"staccato"})
    tune = [note(0, 1, word("hop"), articulations=dots), note(1, 1, word("on"))]
    assert len(perform(melody(tune, bpm=110)).phrases) == 1
    assert len(perform(melody(tune, bpm=60)).phrases) == 2


def test_no_articulation_makes_a_note_too_short_for_its_syllable():
    tune = melody([note(0, "0.125", word("hop"), articulations=frozenset({"staccatissimo"}))])
    assert perform(tune).phrases[0].offset == pytest.approx(0.09)


@pytest.mark.parametrize(("beats", "breath"), [(4, 0.3), (1, 0.25), ("0.5", 0.15), ("0.2", 0.1)])
def test_a_breath_mark_takes_its_time_from_the_note_but_never_more_than_half(beats, breath):
    tune = melody([note(0, beats, word("sing"), breath_after=True), note(beats, 1, word("low"))])
    performance = perform(tune)
    assert len(performance.phrases) == 2
    assert performance.phrases[1].breath_before == pytest.approx(breath)
    assert performance.phrases[1].onset == float(Fraction(str(beats)))


def test_a_breath_mark_before_a_rest_takes_nothing():
    tune = melody([note(0, 1, word("sing"), breath_after=True), note(2, 1, word("low"))])
    assert perform(tune).phrases[0].offset == 1.0


def test_a_word_torn_by_a_rest_is_taken_up_on_its_vowel():
    glo, ria = syllables("glo", "ria")
    performance = perform(melody([note(0, 1, glo), note(1, 1, ria), note(3, 1), note(4, 1)]))
    torn = performance.phrases[1]
    assert torn.carried_vowel == ria
    assert [n.slurred for n in torn.notes] == [False, True]
    assert performance.phrases[0].carried_vowel is None


def test_slurs_and_melismas_lead_into_their_notes():
    glo, ria = syllables("glo", "ria")
    notes = perform(
        melody([note(0, 1, glo), note(1, 1), note(2, 1, ria, slurred=True), note(3, 1, word("in"))])
    ).phrases
    assert [n.slurred for n in notes[0].notes] == [False, True, True, False]


def test_notes_before_the_first_word_are_left_out_and_told():
    performance = perform(melody([note(0, 1), note(1, 1), note(4, 1, word("sing"))]))
    assert spans(performance) == [[(4.0, 5.0)]]
    assert [(f.code, f.measure) for f in performance.findings] == [("notes_without_words", "1")]
    assert performance.findings[0].message.startswith("2 notes before the first word left out")


def test_a_melody_without_any_word_is_an_error():
    with pytest.raises(ScoreError) as caught:
        perform(melody([note(0, 1)]))
    assert caught.value.code == "score_no_lyrics"


def test_words_on_notes_too_short_for_them_are_told_once():
    tune = melody([note(0, 1, word("sing")), note(1, "0.05", word("strength")), note("1.05", "0.04", word("now"))])
    (finding,) = perform(tune).findings
    assert (finding.code, finding.measure, finding.part) == ("note_too_short", "1", "Voice")
    assert finding.message.startswith("2 notes too short for words to be understood, the shortest 40 ms")


def test_findings_of_the_melody_come_first():
    known = Finding(code="chord_reduced", message="A chord.")
    tune = melody([note(0, "0.05", word("sing"))], findings=(known,))
    assert [f.code for f in perform(tune).findings] == ["chord_reduced", "note_too_short"]


def test_a_phrase_of_twenty_seconds_is_left_whole():
    assert len(perform(melody([note(k, 1, word("la")) for k in range(20)])).phrases) == 1


def test_a_long_phrase_is_divided_at_the_end_of_a_clause():
    words = [word("grace," if k in (3, 11) else "la") for k in range(30)]
    performance = perform(melody([note(k, 1, w) for k, w in enumerate(words)]))
    assert [len(p.notes) for p in performance.phrases] == [12, 18]
    assert performance.phrases[1].breath_before == pytest.approx(0.15)
    assert performance.phrases[1].onset == 12.0
    (finding,) = performance.findings
    assert (finding.code, finding.measure) == ("phrase_divided", "1")


def test_a_long_phrase_is_divided_after_a_long_note_between_words():
    lengths = [1] * 7 + [3] + [1] * 14
    onsets = [sum(lengths[:k]) for k in range(len(lengths))]
    performance = perform(melody([note(o, d, word("la")) for o, d in zip(onsets, lengths, strict=True)]))
    assert [len(p.notes) for p in performance.phrases] == [8, 14]


def test_a_long_melisma_is_divided_without_a_breath_and_carries_its_vowel():
    glo = word("glo")
    performance = perform(melody([note(0, 1, glo)] + [note(k, 1) for k in range(1, 30)]))
    first, second = performance.phrases
    assert (first.offset, second.breath_before) == (second.onset, 0.0)
    assert (first.carried_vowel, second.carried_vowel) == (None, glo)


def test_one_endless_note_is_divided_too():
    tune = melody([note(0, 70, word("om")), note(70, 1, word("low"))])
    phrases = perform(tune).phrases
    assert all(p.offset - p.onset <= MAX_PHRASE_SECONDS for p in phrases)
    assert [n.id for p in phrases for n in p.notes] == [0] * (len(phrases)) + [1]
    assert all(p.carried_vowel == word("om") for p in phrases[1:])
    assert phrases[-1].offset == 71.0


@st.composite
def melodies(draw) -> Melody:
    marks = st.sets(st.sampled_from(["staccato", "staccatissimo", "detached-legato", "tenuto", "accent"]), max_size=2)
    onset, notes = Fraction(0), []
    for index in range(draw(st.integers(1, 20))):
        onset += draw(st.sampled_from([0, 0, 0, 0, Fraction(1, 32), Fraction(1, 2), 3]))
        duration = draw(st.sampled_from([Fraction(1, 16), Fraction(1, 3), Fraction(1), Fraction(4), Fraction(30)]))
        sung = [word("la")] if index == 0 or draw(st.booleans()) else []
        notes.append(
            note(onset, duration, *sung, articulations=frozenset(draw(marks)), breath_after=draw(st.booleans()))
        )
        onset += duration
    return melody(notes, bpm=draw(st.sampled_from([40.0, 97.0, 240.0])))


@settings(max_examples=60, deadline=None)
@given(melodies(), st.sampled_from([0.25, 1.0, 4.0]))
def test_whatever_the_melody_its_phrases_can_be_sung(tune, tempo):
    performance = perform(tune, tempo=tempo)
    sounding = [n for p in performance.phrases for n in p.notes]
    assert {n.id for n in sounding} == {n.id for n in tune.notes}
    assert all(n.offset > n.onset for n in sounding)
    assert all(later.onset >= earlier.offset for earlier, later in pairwise(sounding))
    for phrase in performance.phrases:
        assert phrase.offset - phrase.onset <= MAX_PHRASE_SECONDS + 1e-9
        assert (phrase.carried_vowel is None) == bool(phrase.notes[0].syllables)
        gaps = [b.onset - a.offset for a, b in pairwise(phrase.notes)]
        assert all(gap <= LONGEST_BREATH_SECONDS + 1e-9 for gap in gaps)
    times = [point.time for point in performance.loudness]
    assert times == sorted(set(times))
    assert MIN_REST_SECONDS < LONGEST_BREATH_SECONDS
