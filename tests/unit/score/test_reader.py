"""Elements to the written score: times in exact beats, sounding pitches, repaired where it can be."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cantilena.errors import ScoreError
from cantilena.score import Score, extract_melody
from tests.unit.score.engraving import BACKWARD, backup, codes, direction, ending, note, part, read, rest


def onsets(score: Score, part_index: int = 0) -> list[list[float]]:
    return [[float(one.onset) for one in measure] for measure in score.parts[part_index].measures]


def midis(score: Score) -> list[float]:
    return [one.midi for measure in score.parts[0].measures for one in measure if one.kind == "note"]


class TestTimes:
    def test_notes_chords_and_voices(self):
        score = read(
            part(note("C4", 2) + note("E4", 2, chord=True) + note("D4", 1) + backup(3) + note("C3", 3, voice="2"))
        )
        assert onsets(score) == [[0, 0, 2, 0]]
        assert [one.voice for one in score.parts[0].measures[0]] == ["1", "1", "1", "2"]
        assert score.measures[0].length == 3

    def test_a_pickup_and_short_measures_are_as_long_as_they_are_filled(self):
        score = read(part(note(), note(beats=4), note(beats=3)))
        assert [measure.length for measure in score.measures] == [1, 4, 3]
        assert [visit.onset for visit in score.visits] == [0, 1, 5]

    def test_an_empty_measure_takes_its_time_signature(self):
        time = "<time><beats>3</beats><beat-type>8</beat-type></time>"
        assert read(part("", attributes=time)).measures[0].length == Fraction(3, 2)

    @pytest.mark.parametrize(
        ("time", "length"),
        [
            ("<beats>3+2</beats><beat-type>8</beat-type>", Fraction(5, 2)),
            ("<beats>2</beats><beat-type>4</beat-type><beats>3</beats><beat-type>8</beat-type>", Fraction(7, 2)),
            ("<senza-misura/>", Fraction(4)),
        ],
    )
    def test_time_signatures(self, time, length):
        score = read(part("", attributes=f"<time>{time}</time>"))
        assert score.measures[0].length == length
        assert not codes(score)

    def test_a_time_signature_without_sense_is_ignored(self):
        time = "<time><beats>0</beats><beat-type>0</beat-type></time>"
        assert codes(read(part("", attributes=time))) == ["time_signature_ignored"]

    def test_triplets_are_exact(self):
        score = read(part(note(beats=Fraction(1, 3)) * 3))
        assert [one.onset for one in score.parts[0].measures[0]] == [0, Fraction(1, 3), Fraction(2, 3)]
        assert score.duration == 1

    def test_divisions_may_change_within_a_measure(self):
        change = "<attributes><divisions>6</divisions></attributes>"
        score = read(part(note() + change + note().replace("<duration>24<", "<duration>6<") + note(beats=0.25)))
        assert onsets(score) == [[0, 1, 2]]
        assert score.measures[0].length == 3

    def test_the_longest_part_counts(self):
        score = read(part(note(beats=4), note()), part(note(beats=4), note(beats=4), id="P2"))
        assert [measure.length for measure in score.measures] == [4, 4]

    def test_a_shorter_part_rests_after_its_end(self):
        score = read(part(note(), note()), part(note(), id="P2"))
        assert codes(score) == ["part_shorter"]
        assert len(score.measures) == 2

    def test_going_back_too_far_stops_at_the_barline(self):
        assert onsets(read(part(note() + backup(9) + note(voice="2")))) == [[0, 0]]

    def test_a_part_in_a_metre_of_its_own_keeps_step_where_it_is_sung(self):
        common, compound = (
            "<time><beats>{}</beats><beat-type>{}</beat-type></time>".format(*t) for t in ((4, 4), (12, 8))
        )
        score = read(part(note(words="la") * 4, attributes=common), part(note(beats=6), id="P2", attributes=compound))
        assert onsets(score) == [[0, 1, 2, 3]]
        assert score.parts[0].stretches == {0: Fraction(3, 2)}
        assert codes(score) == ["measure_stretched"]


class TestPitches:
    @pytest.mark.parametrize(("pitch", "midi"), [("C4", 60), ("B3", 59), ("F#5", 78), ("Bb2", 46), ("C##4", 62)])
    def test_written(self, pitch, midi):
        assert midis(read(part(note(pitch)))) == [midi]

    def test_microtones(self):
        quarter_up = note("C4").replace("<octave>", "<alter>0.5</alter><octave>")
        assert midis(read(part(quarter_up))) == [60.5]

    @pytest.mark.parametrize(
        ("transpose", "midi"),
        [
            ("<chromatic>-2</chromatic>", 58),
            ("<chromatic>0</chromatic><octave-change>-1</octave-change>", 48),
            ("<diatonic>5</diatonic><chromatic>9</chromatic><octave-change>-1</octave-change>", 57),
        ],
    )
    def test_transposition_gives_sounding_pitches(self, transpose, midi):
        assert midis(read(part(note("C4"), attributes=f"<transpose>{transpose}</transpose>"))) == [midi]

    def test_transposition_of_one_staff(self):
        transpose = '<transpose number="2"><chromatic>-12</chromatic></transpose>'
        assert midis(read(part(note(staff=1) + note(staff=2), attributes=transpose))) == [60, 48]

    def test_an_octave_clef_changes_nothing_because_pitches_have_it_already(self):
        clef = "<clef><sign>G</sign><line>2</line><clef-octave-change>-1</clef-octave-change></clef>"
        assert midis(read(part(note("C4"), attributes=clef))) == [60]

    def test_a_large_alteration_is_sung_and_told(self):
        score = read(part(note("C4").replace("<octave>", "<alter>7</alter><octave>")))
        assert midis(score) == [67]
        assert codes(score) == ["pitch_unusual"]


class TestRepairs:
    @pytest.mark.parametrize("given", ["0", "-3"])
    def test_divisions_below_one_are_taken_as_one(self, given):
        score = read(
            part(note().replace("<duration>24<", "<duration>2<")).replace("<divisions>24<", f"<divisions>{given}<")
        )
        assert score.measures[0].length == 2
        assert codes(score) == ["divisions_ignored"]

    def test_missing_divisions_are_taken_as_one(self):
        score = read(part(note().replace("<duration>24<", "<duration>2<")).replace("<divisions>24</divisions>", ""))
        assert score.measures[0].length == 2
        assert codes(score) == ["divisions_missing"]

    @pytest.mark.parametrize(
        ("written", "beats"),
        [
            ("<type>quarter</type>", 1),
            ("<type>half</type><dot/><dot/>", Fraction(7, 2)),
            (
                "<type>eighth</type><time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes>"
                "</time-modification>",
                Fraction(1, 3),
            ),
        ],
    )
    def test_a_missing_duration_is_taken_from_the_type(self, written, beats):
        score = read(part(note(first=written).replace("<duration>24</duration>", "")))
        assert score.measures[0].length == beats
        assert codes(score) == ["duration_from_type"]

    @pytest.mark.parametrize("duration", ["0", "-24"])
    def test_a_note_without_length_is_dropped(self, duration):
        score = read(part(note("D4").replace("<duration>24<", f"<duration>{duration}<") + note("E4")))
        assert midis(score) == [64]
        assert codes(score) == ["note_dropped"]

    def test_a_decimal_duration_is_a_fraction(self):
        score = read(part(note().replace("<duration>24<", "<duration>7.5<")))
        assert score.measures[0].length == Fraction(5, 16)
        assert codes(score) == ["duration_decimal"]

    def test_a_chord_member_without_a_chord_is_a_note(self):
        score = read(part(note(chord=True) + note()))
        assert onsets(score) == [[0, 1]]
        assert codes(score) == ["chord_flag_ignored"]

    def test_a_part_that_is_not_listed_is_named_by_its_id(self):
        score = read(part(note(), id="P9"))
        assert score.parts[0].name == "P9"
        assert codes(score) == ["part_unlisted"]

    def test_two_lyrics_of_one_verse(self):
        both = '<lyric number="1"><text>la</text></lyric><lyric number="1"><text>lo</text></lyric>'
        score = read(part(note(words=both)))
        assert [one.syllables for one in score.parts[0].measures[0][0].lyrics] == [(("la", None),)]
        assert codes(score) == ["lyric_repeated"]

    def test_a_line_that_never_ends(self):
        held = '<lyric><text>la</text><extend type="start"/></lyric>'
        ended = '<lyric><extend type="stop"/></lyric>'
        assert codes(read(part(note(words=held) + note()))) == ["extend_unclosed"]
        assert codes(read(part(note(words=held) + note(words=ended)))) == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("<step>C<", "<step>H<"),
            ("<octave>4<", "<octave><"),
            ("<duration>24<", "<duration>1e400<"),
            ("<duration>24<", "<duration>nan<"),
            ("<divisions>24<", "<divisions>99999999999999999999<"),
            ("<divisions>24<", "<divisions>2000000<"),
        ],
    )
    def test_numbers_without_sense_name_their_place(self, wrong, right):
        with pytest.raises(ScoreError, match="part Voice, measure 1") as caught:
            read(part(note()).replace(wrong, right))
        assert caught.value.code == "score_bad_number"
        assert caught.value.place.measure == "1"

    def test_too_many_parts(self):
        with pytest.raises(ScoreError) as caught:
            read(*[part(note(), id=f"P{n}") for n in range(65)])
        assert caught.value.code == "score_too_many_parts"

    @pytest.mark.parametrize(
        "content", [note(beats=5000), "<forward><duration>100000000</duration></forward>" + note()]
    )
    def test_hours_of_music(self, content):
        with pytest.raises(ScoreError, match="longer than 20 minutes") as caught:
            read(part(content))
        assert caught.value.code == "score_too_long"

    def test_a_full_measure_a_thousand_times(self):
        repeat = '<barline><repeat direction="backward" times="4000"/></barline>'
        with pytest.raises(ScoreError, match="notes and marks") as caught:
            read(part(note(beats=Fraction(1, 24)) * 200 + repeat))
        assert caught.value.code == "score_too_long"

    def test_divisions_that_have_nothing_in_common(self):
        primes = [n for n in range(900_000, 903_000) if all(n % d for d in range(2, 950))]
        measures = [f"<attributes><divisions>{p}</divisions></attributes>{note()}" for p in primes]
        with pytest.raises(ScoreError) as caught:
            read(part(*measures))
        assert caught.value.code == "score_too_complex"


class TestHead:
    HEAD = (
        "<work><work-title> Ave\n verum </work-title></work><movement-title>Nr. 2</movement-title><identification>"
        '<creator type="lyricist">A</creator><creator type="composer">W. Byrd</creator></identification>'
    )

    def test_title_and_composer(self):
        score = read(part(note()), head=self.HEAD)
        assert (score.title, score.composer) == ("Ave verum", "W. Byrd")

    def test_none(self):
        score = read(part(note()))
        assert (score.title, score.composer) == (None, None)

    def test_a_part_without_a_name_takes_its_id(self):
        assert read(part(note()), names=[""]).parts[0].name == "P1"


def test_marks_of_a_note():
    notations = (
        '<slur type="start" number="2"/><articulations><staccato/><breath-mark/><scoop/></articulations><fermata/>'
        "<dynamics><sfz/></dynamics>"
    )
    marks = read(part(note(notations=notations))).parts[0].measures[0][0].marks
    assert marks.articulations == {"staccato", "accent"}
    assert marks.slur_starts == ("2",)
    assert marks.breath_after
    assert marks.fermata


def test_tempo_words_that_jump():
    measures = ["", direction("<segno/>"), direction("<words>Fine</words>"), ""]
    bars = [content + note(beats=4) for content in measures]
    bars[-1] += direction("<words>D.S. al Fine</words>")
    assert [visit.measure for visit in read(part(*bars)).visits] == [0, 1, 2, 3, 1, 2]


def test_jumps_told_by_sounds():
    bars = [note(beats=4)] * 5
    bars[1] = '<sound segno="s"/>' + bars[1]
    bars[2] += '<sound tocoda="c"/>'
    bars[3] += '<direction><direction-type><words>x</words></direction-type><sound dalsegno="s"/></direction>'
    bars[4] = '<sound coda="c"/>' + bars[4]
    assert [visit.measure for visit in read(part(*bars)).visits] == [0, 1, 2, 3, 1, 2, 4]


@pytest.mark.parametrize(
    "marks",
    [
        {1: direction("<segno/>"), 2: direction("<words>To Coda</words>"), 4: direction("<coda/>")},
        {1: "<barline><segno/></barline>", 2: '<sound tocoda="x"/>', 4: "<barline><coda/></barline>"},
        {1: direction("<segno/>"), 2: direction("<coda/>"), 4: direction("<coda/>")},
    ],
)
def test_signs_and_words_of_a_leap_to_the_coda(marks):
    bars = [marks.get(i, "") + note(beats=4) for i in range(5)]
    bars[3] += direction("<words>Dal Segno al Coda</words>")
    assert [visit.measure for visit in read(part(*bars)).visits] == [0, 1, 2, 3, 1, 2, 4]


@pytest.mark.parametrize("sound", ['dacapo="yes"', 'dacapo="yes" fine="no"'])
def test_da_capo_by_sound_alone(sound):
    score = read(part('<sound fine="yes"/>' + note(), note() + f"<sound {sound}/>"))
    assert [visit.measure for visit in score.visits][:3] == [0, 1, 0]


def test_a_repeat_begun_by_a_sound():
    score = read(part(note(), '<sound forward-repeat="yes"/>' + note() + BACKWARD))
    assert [visit.measure for visit in score.visits] == [0, 1, 1]


@pytest.mark.parametrize(
    ("number", "order"), [("1, 2", [0, 1, 0, 1, 0, 2]), ("1-2", [0, 1, 0, 1, 0, 2]), ("", [0, 1, 0, 2])]
)
def test_numbers_of_endings(number, order):
    last = "3" if number else "2"
    bars = [note(), ending(number, "start") + note() + ending(number, "stop", repeat=True)]
    score = read(part(*bars, ending(last, "start") + note() + ending(last, "discontinue")))
    assert [visit.measure for visit in score.visits] == order


def test_a_direction_may_be_shifted():
    mark = direction("<words>Presto</words>", "<offset>48</offset>")
    assert [one.onset for one in read(part(mark + note(beats=4))).tempo_marks] == [2]


def test_dynamics_of_another_staff_are_not_those_of_the_line():
    below = direction("<dynamics><ff/></dynamics>", "<staff>2</staff>")
    above = direction("<dynamics><p/></dynamics>", "<staff>1</staff>")
    melody = extract_melody(read(part(below + above + note(words="la", staff=1))))
    assert [point.level for point in melody.dynamics] == [-6.5]


def test_any_part_may_have_the_repeats():
    repeat = '<barline><repeat direction="backward"/></barline>'
    score = read(part(rest(4), note(beats=4)), part(note(beats=4), note(beats=4) + repeat, id="P2"))
    assert [visit.measure for visit in score.visits] == [0, 1, 0, 1]
