"""Tempo marks over the performance: figures, words, ritardandi, fermatas, repeats."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cantilena.errors import ScoreError
from cantilena.score import Score
from cantilena.score.tempo_words import DEFAULT_BPM, interpret_tempo_words
from tests.unit.score.engraving import BACKWARD, FORWARD, codes, direction, note, part, read, words

BAR = note(beats=4)
FERMATA = "<fermata/>"


def song(*measures: str) -> Score:
    return read(part(*measures))


def seconds(score: Score, beats: float = 4) -> float:
    return score.tempo_map.beats_to_seconds(Fraction(beats))


def metronome(unit: str, number: str) -> str:
    return direction(f"<metronome><beat-unit>{unit}</beat-unit><per-minute>{number}</per-minute></metronome>")


class TestFigures:
    def test_sound(self):
        assert seconds(song(words("Lento", 'tempo="60"') + BAR)) == pytest.approx(4)
        assert seconds(song('<sound tempo="240"/>' + BAR)) == pytest.approx(1)

    @pytest.mark.parametrize(
        ("unit", "number", "expected"),
        [
            ("quarter", "120", 120),
            ("half", "60", 120),
            ("quarter</beat-unit><beat-unit-dot/><beat-unit>", "", None),
            ("quarter", "c. 80", 80),
            ("quarter", "100-120", 110),
            ("eighth", "ca. 90,5", 45.25),
        ],
    )
    def test_metronome_marks(self, unit, number, expected):
        score = song(metronome(unit, number) + BAR)
        assert score.tempo_map.bpm_at(Fraction(0)) == pytest.approx(expected or DEFAULT_BPM)

    def test_a_dotted_unit(self):
        mark = "<metronome><beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>60</per-minute></metronome>"
        assert song(direction(mark) + BAR).tempo_map.bpm_at(Fraction(0)) == pytest.approx(90)

    def test_nothing_at_all(self):
        assert seconds(song(BAR)) == pytest.approx(240 / DEFAULT_BPM)

    def test_figures_win_over_words_of_the_same_place(self):
        score = read(part(words("Presto") + BAR), part('<sound tempo="50"/>' + BAR))
        assert score.tempo_map.bpm_at(Fraction(0)) == pytest.approx(50)

    def test_a_mark_after_a_pickup_holds_for_the_pickup_too(self):
        assert seconds(song(note(), '<sound tempo="60"/>' + BAR), 1) == pytest.approx(1)

    @pytest.mark.parametrize("tempo", ["0", "-60", "fast", "nan"])
    def test_what_is_no_tempo_is_ignored(self, tempo):
        score = song(f'<sound tempo="{tempo}"/>' + BAR)
        assert codes(score) == ["tempo_ignored"]
        assert seconds(score) == pytest.approx(240 / DEFAULT_BPM)

    def test_an_absurd_tempo_is_clamped(self):
        score = song('<sound tempo="1e9"/>' + BAR)
        assert codes(score) == ["tempo_clamped"]
        assert seconds(score) == pytest.approx(0.5)

    @pytest.mark.parametrize("tempo", ["0.0001", "1e-320"])
    def test_a_tempo_that_takes_for_ever_is_refused(self, tempo):
        with pytest.raises(ScoreError) as caught:
            song(f'<sound tempo="{tempo}"/>' + BAR)
        assert caught.value.code == "score_too_long"


class TestWords:
    @pytest.mark.parametrize(
        ("text", "kind", "low", "high"),
        [
            ("Largo", "set", 40, 55),
            ("Andante con moto.", "set", 70, 90),
            ("Allegro ma non troppo", "set", 110, 130),
            ("Molto allegro", "set", 135, 160),
            ("Sehr langsam", "set", 40, 54),
            ("Mässig", "set", 80, 105),
            ("Très vite", "set", 145, 170),
            ("Presto", "set", 160, 200),
            ("poco rit.", "ramp", 0.8, 0.95),
            ("molto rit. e dim.", "ramp", 0.5, 0.7),
            ("cédez", "ramp", 0.7, 0.85),
            ("accel.", "ramp", 1.1, 1.4),
            ("più mosso", "factor", 1.1, 1.3),
            ("Un peu moins vite", "factor", 0.85, 0.95),
            ("a tempo", "back", 0, 0),
            ("Tempo.", "back", 0, 0),
            ("Tempo I", "first", 0, 0),
        ],
    )
    def test_meaning(self, text, kind, low, high):
        meaning = interpret_tempo_words(text)
        assert meaning is not None
        assert meaning.kind == kind
        assert low <= meaning.value <= high

    @pytest.mark.parametrize(
        "text",
        [
            "dolce",
            "cresc.",
            "non rall.",
            "senza rit.",
            "",
            "CHORUS",
            "Each succeeding verse to be slower and softer than before",
        ],
    )
    def test_no_meaning(self, text):
        assert interpret_tempo_words(text) is None

    def test_from_largo_to_presto(self):
        order = [
            "Grave",
            "Largo",
            "Larghetto",
            "Adagio",
            "Andante",
            "Andantino",
            "Moderato",
            "Allegretto",
            "Allegro",
            "Vivace",
            "Presto",
            "Prestissimo",
        ]
        tempi = [interpret_tempo_words(word).value for word in order]
        assert tempi == sorted(tempi)


class TestCurves:
    def test_rit_slows_down_evenly_until_a_tempo(self):
        score = song('<sound tempo="120"/>' + BAR, words("rit.") + BAR, words("a tempo") + BAR)
        tempo = score.tempo_map
        assert tempo.bpm_at(Fraction(4)) == pytest.approx(120)
        assert 90 < tempo.bpm_at(Fraction(6)) < 120
        assert 85 < tempo.bpm_at(Fraction(799, 100)) < tempo.bpm_at(Fraction(6))
        assert tempo.bpm_at(Fraction(8)) == pytest.approx(120)

    def test_a_rit_that_nothing_ends_is_over_after_the_next_measure(self):
        tempo = song('<sound tempo="120"/>' + BAR, words("rit.") + BAR, *[BAR] * 8).tempo_map
        assert tempo.bpm_at(Fraction(11)) < 105
        assert tempo.bpm_at(Fraction(12)) == pytest.approx(120)

    def test_a_rit_at_the_end_lasts_to_the_end(self):
        tempo = song('<sound tempo="120"/>' + BAR, words("rit.") + BAR, BAR, BAR).tempo_map
        assert tempo.bpm_at(Fraction(1599, 100)) < 95

    def test_accel_reaches_a_written_goal_but_not_more_than_it_means(self):
        tempo = song('<sound tempo="100"/>' + words("accel.") + BAR, '<sound tempo="110"/>' + BAR).tempo_map
        assert tempo.bpm_at(Fraction(399, 100)) == pytest.approx(110, abs=0.5)

    def test_tempo_primo(self):
        marks = ('<sound tempo="100"/>', words("meno mosso"), words("Tempo I"))
        tempo = song(*[mark + BAR for mark in marks]).tempo_map
        assert tempo.bpm_at(Fraction(4)) == pytest.approx(86)
        assert tempo.bpm_at(Fraction(8)) == pytest.approx(100)

    def test_a_repeat_brings_back_the_tempo_of_its_place(self):
        tempo = song('<sound tempo="100"/>' + BAR, FORWARD + BAR, '<sound tempo="60"/>' + BAR + BACKWARD).tempo_map
        assert [round(tempo.bpm_at(Fraction(beat))) for beat in (0, 4, 8, 12, 16)] == [100, 100, 60, 100, 60]


class TestFermatas:
    def test_half_the_note_is_added(self):
        held = song('<sound tempo="60"/>' + note(beats=2) + note(beats=2, notations=FERMATA), BAR)
        assert seconds(held, 2) == pytest.approx(2)
        assert seconds(held, 4) == pytest.approx(5)
        assert seconds(held, 8) == pytest.approx(9)

    def test_never_more_than_two_beats_or_less_than_half_a_beat(self):
        long = song('<sound tempo="60"/>' + note(beats=8, notations=FERMATA))
        short = song('<sound tempo="60"/>' + note(beats=0.5, notations=FERMATA))
        assert seconds(long, 8) == pytest.approx(10)
        assert seconds(short, 0.5) == pytest.approx(1)

    def test_all_parts_wait_once(self):
        bar = '<sound tempo="60"/>' + note(beats=4, notations=FERMATA)
        assert seconds(read(part(bar), part(bar, id="P2"))) == pytest.approx(6)
