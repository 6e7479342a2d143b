"""A score to its melody: the part, the notes, the cut, the options."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cantilena.errors import LyricError, OptionError, ScoreError
from cantilena.score import extract_melody
from tests.unit.score.engraving import (
    BACKWARD,
    FORWARD,
    backup,
    codes,
    direction,
    ending,
    lyric,
    note,
    part,
    pitches,
    read,
    rest,
    sing,
    sung,
    times,
    words,
)


class TestParts:
    SCORE = staticmethod(
        lambda: read(
            part(note("C6")),
            part(note("C5", words="high"), id="P2"),
            part(note("C3", words="low"), id="P3"),
            names=["Flute", "Soprano", "Bass\n Voice"],
        )
    )

    def test_the_topmost_with_words(self):
        melody = extract_melody(self.SCORE())
        assert (melody.part_id, melody.part, pitches(melody)) == ("P2", "Soprano", [72])
        assert melody.findings == ()

    @pytest.mark.parametrize("name", ["P3", "p3", "Bass Voice", "bass  voice", "P3/1"])
    def test_by_id_or_name(self, name):
        assert pitches(extract_melody(self.SCORE(), part=name)) == [48]

    def test_an_unknown_part_names_what_there_is(self):
        with pytest.raises(OptionError, match="no part 'Tenor'") as caught:
            extract_melody(self.SCORE(), part="Tenor")
        assert caught.value.code == "part_unknown"
        assert caught.value.hint == "It has these: Flute (P1); Soprano (P2); Bass Voice (P3)."

    def test_a_part_without_words(self):
        with pytest.raises(ScoreError, match="Flute has no words") as caught:
            extract_melody(self.SCORE(), part="Flute")
        assert caught.value.code == "score_no_lyrics"
        assert "--vocalise" in caught.value.hint

    def test_stray_words_do_not_make_a_part_vocal(self):
        song = "".join(note(words="la") for _ in range(30))
        score = read(part(note("C6", words="solo") + rest(29)), part(song, id="P2"))
        assert extract_melody(score).part_id == "P2"

    @pytest.mark.parametrize(
        ("parts", "code"),
        [
            ([], "score_no_vocal_part"),
            ([part("")], "score_no_lyrics"),
            ([part(note())], "score_no_lyrics"),
            ([part(rest(4))], "score_no_lyrics"),
            ([part(rest(4, words="(spoken)"))], "score_no_sung_notes"),
            ([part(note(words="la", grace=""))], "score_no_sung_notes"),
            ([part(f"<note><unpitched/><duration>24</duration>{lyric('tss')}</note>")], "score_no_sung_notes"),
        ],
    )  # fmt: skip
    def test_nothing_to_sing(self, parts, code):
        with pytest.raises(ScoreError) as caught:
            extract_melody(read(*parts))
        assert caught.value.code == code


class TestVoices:
    def satb(self, **options):
        voices = [
            (note(pitch, 2, words=word, voice=voice, staff=staff))
            for pitch, word, voice, staff in [
                ("C5", "so", "1", 1), ("G4", "al", "2", 1), ("E4", "te", "5", 2), ("C3", "ba", "6", 2)
            ]
        ]  # fmt: skip
        return read(part(backup(2).join(voices)), **options)

    def test_the_part_itself_is_its_top_voice(self):
        assert sung(extract_melody(self.satb())) == ["so"]
        assert extract_melody(self.satb()).part_id == "P1"

    @pytest.mark.parametrize(
        ("name", "word"),
        [
            ("alto", "al"), ("Tenor", "te"), ("BASS", "ba"), ("soprano", "so"), ("P1/2", "al"), ("P1/4", "ba"),
            ("Hymn/3", "te"), ("hymn", "so"), ("P1/1", "so"),
        ],
    )  # fmt: skip
    def test_four_voices_on_two_staves(self, name, word):
        assert sung(extract_melody(self.satb(names=["Hymn"]), part=name)) == [word]

    @pytest.mark.parametrize("name", ["Soprano Alto", "Sopran/Alt", "S.\nA.", "Women 1 2"])
    def test_a_part_named_after_its_voices(self, name):
        score = read(part(note("C5", words="so") + backup(1) + note("G4", voice="2", words="al")), names=[name])
        second = {"Soprano Alto": "Alto", "Sopran/Alt": "alt", "S.\nA.": "A."}.get(name, f"{name}/2")
        assert sung(extract_melody(score, part=second)) == ["al"]

    def hymn(self, lower="Tenor Bass"):
        upper_staff = note("C5", words="so") + note("D5", words="la") + backup(2) + note("E4", 2, voice="2")
        lower_staff = note("G3") + note("F3") + backup(2) + note("C3", voice="2") + note("G2", voice="2")
        return read(part(upper_staff), part(lower_staff, id="P2"), names=["Soprano Alto", lower])

    @pytest.mark.parametrize(("name", "words"), [("alto", ["so la"]), ("tenor", ["so", "la"]), ("bass", ["so", "la"])])
    def test_a_choir_sings_the_words_that_stand_under_its_soprano(self, name, words):
        melody = extract_melody(self.hymn(), part=name)
        assert sung(melody) == words
        assert codes(melody) == ["lyrics_shared"]

    def test_an_instrument_does_not_sing_the_words_of_a_choir(self):
        with pytest.raises(ScoreError, match="Organ has no words"):
            extract_melody(self.hymn(lower="Organ"), part="Organ")

    def test_a_second_voice_sings_along_where_it_is_not_written(self):
        together = note("C5", words="one") + note("D5", words="two")
        apart = note("E5", words="three") + backup(1) + note("C5", voice="2", words="low")
        score = read(part(together, apart))
        assert pitches(extract_melody(score, part="P1/2")) == [72, 74, 72]
        assert pitches(extract_melody(score)) == [72, 74, 76]

    def test_the_main_line_goes_on_in_another_voice_of_the_staff(self):
        elsewhere = rest(2) + backup(2) + note("D5", voice="2", words="two") + note("E5", voice="2", words="three")
        song = [note("C5", words="one") * 6, elsewhere]
        assert pitches(sing(*song)) == [72] * 6 + [74, 76]

    def test_a_voice_that_is_not_written_for_a_while_sings_with_its_staff(self):
        both_staves = note("C5", words="one", staff=1) + backup(1) + note("C3", words="eins", voice="5", staff=2)
        apart = note("D5", words="two", staff=1) + backup(1) + note("D3", words="zwei", voice="5", staff=2)
        divided = backup(1) + note("B2", voice="6", staff=2)
        score = read(part(both_staves, apart + divided))
        lowest = extract_melody(score, part="P1/3")
        assert pitches(lowest) == [48, 47]
        assert sung(lowest) == ["eins", "zwei"]

    def test_a_few_words_of_another_voice_are_told(self):
        song = "".join(note("C5", words="la") for _ in range(20)) + backup(1) + note("A4", voice="2", words="no")
        melody = sing(song)
        assert len(melody.notes) == 20
        assert codes(melody) == ["voice_not_sung"]


class TestChords:
    CHORD = note("C4", words="la") + note("E4", chord=True) + note("G4", chord=True)

    @pytest.mark.parametrize(("chosen", "midi"), [("top", 67), ("bottom", 60), (1, 67), (2, 64), (3, 60), (9, 60)])
    def test_one_note_of_a_chord(self, chosen, midi):
        melody = sing(self.CHORD, chord_note=chosen)
        assert pitches(melody) == [midi]
        assert sung(melody) == ["la"]
        assert codes(melody) == ["chord_reduced"]

    @pytest.mark.parametrize("chosen", ["middle", 0, -1, 1.5])
    def test_there_is_no_such_note(self, chosen):
        with pytest.raises(OptionError) as caught:
            sing(self.CHORD, chord_note=chosen)
        assert caught.value.code == "option_out_of_range"

    def test_words_under_any_member_count_once(self):
        assert sung(sing(note("C4", words="la") + note("E4", words="la", chord=True))) == ["la"]


class TestNotes:
    def test_tied_notes_are_one(self):
        melody = sing(note(words="la", tie="start"), note(beats=2, tie="stop start"), note(tie="stop") + note("D4"))
        assert times(melody) == [(0, 4), (4, 1)]
        assert sung(melody) == ["la", "~"]

    def test_a_tie_to_a_note_with_words_begins_anew(self):
        assert times(sing(note(words="la", tie="start") + note(words="lo", tie="stop"))) == [(0, 1), (1, 1)]

    def test_a_tie_to_another_pitch_is_no_tie(self):
        assert len(sing(note("C4", words="la", tie="start") + note("D4", tie="stop")).notes) == 2

    def test_a_tie_into_both_endings(self):
        melody = sing(
            note(words="la", tie="start"),
            ending("1", "start") + note(tie="stop") + ending("1", "stop", repeat=True),
            ending("2", "start") + note(beats=2, tie="stop") + ending("2", "stop"),
        )
        assert times(melody) == [(0, 2), (2, 3)]

    def test_notes_without_words_go_on_with_the_vowel(self):
        melody = sing(note(words="ah") + note("D4") + rest() + note("E4"))
        assert sung(melody) == ["ah", "~", "~"]
        assert times(melody) == [(0, 1), (1, 1), (3, 1)]

    def test_a_song_that_begins_without_words_begins_on_ah(self):
        melody = sing(note() + note("D4") + note("E4", words="la"))
        assert sung(melody) == ["ah", "~", "la"]
        assert codes(melody) == ["lyric_missing"]

    def test_slurs_lead_from_note_to_note(self):
        start, stop = '<slur type="start"/>', '<slur type="stop"/>'
        phrase = note(words="a", notations=start) + note("D4") + note("E4", notations=stop) + note("F4")
        melody = sing(phrase + note(notations=start) + rest() + note("D4"))
        assert [one.slurred for one in melody.notes] == [False, True, True, False, False, False]

    def test_breaths_and_articulations(self):
        melody = sing(note(words="a", notations="<articulations><staccato/><breath-mark/></articulations>") + note())
        assert melody.notes[0].articulations == {"staccato"}
        assert melody.notes[0].breath_after
        assert not melody.notes[1].breath_after

    def test_two_notes_of_a_voice_at_once(self):
        melody = sing(note("C4", 2, words="la") + backup(1) + note("D4"))
        assert times(melody) == [(0, 1), (1, 1)]
        assert codes(melody) == ["note_overlap"]

    def test_ornaments_and_slides_are_told(self):
        notations = '<ornaments><trill-mark/><wavy-line type="start"/></ornaments><slide type="start"/>'
        melody = sing(note(words="la", notations=notations) + note("D4", notations='<slide type="stop"/>'))
        assert [finding.message for finding in melody.findings] == [
            "A trill mark is not sung: the plain note is.",
            "A slide is not sung: the plain note is.",
        ]

    def test_a_measure_written_as_a_sign_is_told(self):
        sign = '<attributes><measure-style><measure-repeat type="start">1</measure-repeat></measure-style></attributes>'
        assert codes(sing(note(words="la"), sign + rest())) == ["simile_not_sung"]

    def test_small_and_headless_notes_without_words_are_left_out(self):
        melody = sing(note(words="la") + note("D4", first="<cue/>") + note("E4", first="<notehead>none</notehead>"))
        assert pitches(melody) == [60]
        assert codes(melody) == ["cue_not_sung", "note_not_sung"]

    def test_small_notes_with_words_are_sung(self):
        assert sung(sing(note(words="la", first="<cue/>"))) == ["la"]

    def test_words_under_rests_are_told(self):
        assert codes(sing(note(words="la") + rest(words="(clap)"))) == ["lyric_not_sung"]

    def test_a_laugh_is_a_rest_and_humming_is_sung(self):
        melody = sing(note(words="<lyric><humming/></lyric>") + note("D4", words="<lyric><laughing/></lyric>") + note())
        assert [one.syllables and one.syllables[0].word.text for one in melody.notes] == ["mm", ()]
        assert times(melody) == [(0, 1), (2, 1)]
        assert codes(melody) == ["laugh_not_sung", "humming"]

    def test_blank_syllables_go_on_with_the_vowel(self):
        melody = sing(note(words="la") + note("D4", words=lyric("__")))
        assert sung(melody) == ["la", "~"]
        assert codes(melody) == ["lyric_blank"]

    @pytest.mark.parametrize("pitch", ["C9", "G9"])
    def test_the_edge_of_midi(self, pitch):
        assert pitches(sing(note(pitch, words="la"))) == [{"C9": 120, "G9": 127}[pitch]]

    def test_beyond_midi(self):
        with pytest.raises(ScoreError, match="measure 1 has the pitch 460") as caught:
            sing(note(words="la"), attributes="<transpose><chromatic>400</chromatic></transpose>")
        assert caught.value.code == "pitch_out_of_range"

    def test_far_too_much_under_one_note(self):
        with pytest.raises(LyricError, match="measure 1") as caught:
            sing(note(words="la" * 1000))
        assert caught.value.code == "lyric_too_long"

    def test_far_too_many_notes(self):
        bar = note(beats=Fraction(1, 24), words="la") * 250
        repeat = '<barline><repeat direction="backward" times="100"/></barline>'
        with pytest.raises(ScoreError, match="25000 notes") as caught:
            sing('<sound tempo="300"/>' + bar + repeat)
        assert caught.value.code == "score_too_long"


class TestGraces:
    def test_one_takes_a_quarter_of_a_beat_and_the_syllable(self):
        melody = sing(note("D4", grace="") + note("C4", words="la"))
        assert times(melody) == [(0, 0.25), (0.25, 0.75)]
        assert sung(melody) == ["la", "~"]
        assert [one.grace for one in melody.notes] == [True, False]

    def test_a_slashed_one_is_shorter(self):
        assert times(sing(note("D4", grace=' slash="yes"') + note(words="la"))) == [(0, 0.125), (0.125, 0.875)]

    def test_many_take_half_of_the_note_at_most(self):
        melody = sing(note("D4", grace="") * 4 + note(words="la"))
        assert times(melody) == [(n / 8, 0.125) for n in range(4)] + [(0.5, 0.5)]

    def test_one_with_words_of_its_own_keeps_them(self):
        assert sung(sing(note("D4", grace="", words="o") + note(words="la"))) == ["o", "la"]

    @pytest.mark.parametrize("grace", ["", ' steal-time-previous="50"'])
    def test_after_a_note_they_take_their_time_from_it(self, grace):
        after = rest() if not grace else note("E4", words="lo")
        melody = sing(note(words="la") + note("D4", grace=grace) + after)
        assert times(melody)[:2] == [(0, 0.75), (0.75, 0.25)]

    def test_alone_they_are_told(self):
        melody = sing(rest() + note("D4", grace="") + rest() + note(words="la"))
        assert codes(melody) == ["grace_not_sung"]
        assert len(melody.notes) == 1


class TestCuts:
    SONG = (
        '<sound tempo="60"/>' + note(words="one"),
        FORWARD + '<sound tempo="120"/>' + note(words="two"),
        note(words="three") + BACKWARD,
        note(words="four"),
    )

    def test_times_restart_at_zero(self):
        melody = sing(*self.SONG, measures=("2", "3"))
        assert sung(melody) == ["two", "three"]
        assert times(melody) == [(0, 1), (1, 1)]
        assert melody.duration == 2
        assert melody.tempo_map.beats_to_seconds(Fraction(2)) == pytest.approx(1)

    def test_the_cut_is_made_in_the_order_of_performance(self):
        assert sung(sing(*self.SONG, measures=("1", "4"))) == ["one", "two", "three", "two", "three", "four"]
        assert sung(sing(*self.SONG, measures=("3", "3"))) == ["three"]

    @pytest.mark.parametrize(("first", "last"), [("1", "9"), ("0", "2"), ("4", "2")])
    def test_measures_that_are_not_there(self, first, last):
        with pytest.raises(OptionError) as caught:
            sing(*self.SONG, measures=(first, last))
        assert caught.value.code == "measure_unknown"
        assert caught.value.hint == "Its measures run from 1 to 4."

    def test_nothing_in_the_cut(self):
        with pytest.raises(ScoreError, match="from measure 2 to 2") as caught:
            sing(note(words="la"), rest(), measures=("2", "2"))
        assert caught.value.code == "score_no_sung_notes"


class TestVocalise:
    def test_a_part_without_words(self):
        slur = '<slur type="start"/>', '<slur type="stop"/>'
        melody = sing(
            note() + note("D4", notations=slur[0]) + note("E4", notations=slur[1]) + note("F4"), vocalise="la"
        )
        assert sung(melody) == ["la", "la", "~", "la"]

    def test_in_place_of_words(self):
        assert sung(sing(note(words="one") + note(words="two"), vocalise="nu")) == ["nu", "nu"]

    @pytest.mark.parametrize("syllable", ["", "--", "la la", "x" * 1000])
    def test_one_syllable(self, syllable):
        with pytest.raises(OptionError) as caught:
            sing(note(), vocalise=syllable)
        assert caught.value.code == "option_out_of_range"


class TestDynamics:
    def points(self, *measures: str, **options: object) -> list[tuple[float, float, bool]]:
        melody = sing(*measures, **options)  # type: ignore[arg-type]
        return [(float(point.onset), point.level, point.ramp) for point in melody.dynamics]

    BAR = note(beats=4, words="la")

    def test_none(self):
        assert self.points(self.BAR) == []

    def test_signs(self):
        piano, forte = (direction(f"<dynamics><{sign}/></dynamics>") for sign in ("p", "f"))
        assert self.points(piano + self.BAR, forte + self.BAR) == [(0, -6.5, False), (4, 3.5, False)]

    def test_a_hairpin_leads_to_the_sign_at_its_end(self):
        piano, forte = (direction(f"<dynamics><{sign}/></dynamics>") for sign in ("p", "f"))
        opens, closes = (direction(f'<wedge type="{kind}"/>') for kind in ("crescendo", "stop"))
        points = self.points(piano + self.BAR, opens + self.BAR + closes, forte + self.BAR)
        assert points == [(0, -6.5, False), (4, -6.5, False), (8, 3.5, True)]

    def test_a_hairpin_without_a_goal_is_modest(self):
        opens, closes = (direction(f'<wedge type="{kind}"/>') for kind in ("diminuendo", "stop"))
        assert self.points(opens + self.BAR + closes, self.BAR) == [(0, 0, False), (4, -3.5, True)]

    def test_words_last_to_the_next_sign_or_four_measures(self):
        assert self.points(words("cresc.") + self.BAR, *[self.BAR] * 9) == [(0, 0, False), (16, 3.5, True)]
        assert self.points(words("non cresc.") + self.BAR) == []

    def test_forte_piano(self):
        sign = direction("<dynamics><fp/></dynamics>")
        assert self.points(sign + self.BAR) == [(0, 3.5, False), (0.5, -6.5, True)]

    def test_a_sign_overtakes_the_second_half_of_forte_piano(self):
        sign, forte = (direction(f"<dynamics><{sign}/></dynamics>") for sign in ("fp", "f"))
        bar = sign + note(beats=0.25, words="la") + forte + note()
        assert self.points(bar) == [(0, 3.5, False), (0.25, 3.5, False)]

    def test_of_two_hairpins_at_once_the_first_counts(self):
        opens, closes = (direction(f'<wedge type="{kind}"/>') for kind in ("diminuendo", "stop"))
        assert self.points(opens * 2 + self.BAR + closes * 2) == [(0, 0, False), (4, -3.5, True)]

    def test_a_repeat_brings_back_the_level_of_its_place(self):
        piano, forte = (direction(f"<dynamics><{sign}/></dynamics>") for sign in ("p", "f"))
        points = self.points(piano + self.BAR, FORWARD + self.BAR, forte + self.BAR + BACKWARD)
        assert points == [(0, -6.5, False), (8, 3.5, False), (12, -6.5, False), (16, 3.5, False)]

    def test_a_cut_song_begins_at_its_level(self):
        piano = direction("<dynamics><p/></dynamics>")
        assert self.points(piano + self.BAR, self.BAR, measures=("2", "2")) == [(0, -6.5, False)]


def test_notes_are_in_order_and_never_overlap():
    melody = extract_melody(read(part(note(words="la") + note("D4", 2) + rest() + note("E4", words="lo") + BACKWARD)))
    assert [one.id for one in melody.notes] == list(range(len(melody.notes)))
    for before, after in zip(melody.notes, melody.notes[1:], strict=False):
        assert before.duration > 0
        assert before.onset + before.duration <= after.onset
    assert melody.duration == 10
