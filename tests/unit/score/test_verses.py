"""Which words are sung: verse N on pass N, refrains printed once, words shared by neighbours."""

from __future__ import annotations

import pytest

from cantilena.errors import OptionError
from cantilena.score import extract_melody
from cantilena.score.verses import verse_labels, verse_of_turn
from tests.unit.score.engraving import (
    BACKWARD,
    FORWARD,
    backup,
    codes,
    ending,
    lyric,
    note,
    part,
    read,
    rest,
    sing,
    sung,
)


def both(first: str, second: str) -> str:
    return lyric(first) + lyric(second, verse="2")


class TestLabels:
    def test_by_number_and_then_as_they_come(self):
        def written(label: str):
            return next(iter(read(part(note(words=lyric("la", verse=label)))).parts[0].measures[0])).lyrics[0]

        assert verse_labels(map(written, ["chorus", "10", "2", "1|3"])) == ("1|3", "2", "10", "chorus")

    @pytest.mark.parametrize(
        ("labels", "sung_verses"),
        [
            (("1",), ["1", "1", "1"]),
            (("1", "2"), ["1", "2", "1"]),
            (("2", "3"), ["2", "3", "2"]),
            (("1", "3"), ["1", "3", "1"]),
            (("1|3", "2"), ["1|3", "2", "1|3"]),
            (("1", "2", "chorus"), ["1", "2", "1"]),
            (("chorus",), ["chorus", "chorus", "chorus"]),
        ],
    )
    def test_verse_n_on_pass_n(self, labels, sung_verses):
        assert [verse_of_turn(labels, turn) for turn in (1, 2, 3)] == sung_verses


class TestPasses:
    def test_verse_n_on_pass_n(self):
        melody = sing(note(words=both("one", "two")) + BACKWARD)
        assert sung(melody) == ["one", "two"]
        assert [one.verse for one in melody.notes] == ["1", "2"]
        assert codes(melody) == []

    def test_one_verse_on_every_pass_when_it_is_asked_for(self):
        assert sung(sing(note(words=both("one", "two")) + BACKWARD, verse="2")) == ["two", "two"]

    def test_verses_that_no_repeat_leads_to_are_told(self):
        melody = sing(note(words=both("one", "two")))
        assert sung(melody) == ["one"]
        assert codes(melody) == ["verse_not_sung"]
        assert melody.findings[0].hint == "Sing it with --verse 2."

    def test_several_of_them_in_one_sentence(self):
        words = "".join(lyric("la", verse=verse) for verse in "123")
        (finding,) = sing(note(words=words)).findings
        assert finding.message == "Verses 2, 3 are not sung: no repeat leads to them."
        assert finding.hint == "Sing one of them with --verse 2."

    def test_the_lowest_verse_when_there_is_no_first(self):
        melody = sing(note(words=lyric("two", verse="2")))
        assert sung(melody) == ["two"]
        assert codes(melody) == ["verse_one_missing"]

    def test_endings_sing_their_own_words(self):
        melody = sing(
            note(words=both("a", "b")),
            ending("1", "start") + note(words="one") + ending("1", "stop", repeat=True),
            ending("2", "start") + note(words=lyric("two", verse="2")) + ending("2", "stop"),
        )
        assert sung(melody) == ["a", "one", "b", "two"]

    def test_a_label_of_several_numbers_answers_to_each(self):
        words = lyric("odd", verse="1|3") + lyric("even", verse="2")
        assert sung(sing(note(words=words), verse="3")) == ["odd"]

    def test_an_unknown_verse_names_what_there_is(self):
        with pytest.raises(OptionError, match="no verse '7'") as caught:
            sing(note(words=both("one", "two")), verse="7")
        assert (caught.value.code, caught.value.hint) == ("verse_unknown", "It has these: 1, 2.")


class TestCommonWords:
    def test_a_refrain_printed_once_is_sung_every_time(self):
        verse = FORWARD + note(words=both("one", "two")) + rest()
        refrain = "".join(note(words=word) for word in ["we", "all", "sing"]) + BACKWARD
        assert sung(sing(verse, refrain)) == ["one", "we", "all", "sing", "two", "we", "all", "sing"]

    def test_even_without_a_rest_before_it(self):
        verse = note(words=both("one", "two"))
        refrain = "".join(note(words=word) for word in ["we", "all", "sing"]) + BACKWARD
        assert sung(sing(verse + refrain))[4:] == ["two", "we", "all", "sing"]

    def test_a_melisma_in_one_verse_takes_no_words_from_the_other(self):
        run = note(words=lyric("go") + lyric("a", "begin", verse="2")) + note(words="ye")
        end = note(words=lyric("on") + lyric("men", "end", verse="2")) + BACKWARD
        assert sung(sing(run + end)) == ["go", "ye", "on", "a", "~", "men"]

    def test_a_pickup_of_one_verse_rests_in_the_other(self):
        melody = sing(rest() + note(words="The") + note(words=both("Lord", "King")) + BACKWARD)
        assert sung(melody) == ["The", "Lord", "King"]
        assert codes(melody) == ["note_not_sung"]

    def test_of_many_verses_words_under_one_are_common(self):
        three = lyric("a") + lyric("b", verse="2") + lyric("c", verse="3")
        bar = note(words=three) + note(words=lyric("I", verse="2")) + note(words=lyric("took", verse="2"))
        assert sung(sing(bar + note(words=three))) == ["a", "I", "took", "a"]

    def test_the_asked_verse_tells_where_it_borrows(self):
        verse = note(words=both("one", "two")) + rest()
        refrain = "".join(note(words=word) for word in ["we", "all", "sing"])
        melody = sing(verse + refrain, verse="2")
        assert sung(melody) == ["two", "we", "all", "sing"]
        assert codes(melody) == ["verse_shared"]


class TestSharedWords:
    def satb(self) -> str:
        """Soprano and alto on the upper staff, tenor and bass on the lower; words under the soprano alone."""
        upper = note("C5", words="Praise", staff=1) + note("D5", words=lyric("God", "single"), staff=1)
        alto = note("E4", voice="2", staff=1) + note("F4", voice="2", staff=1)
        tenor = note("G3", voice="5", staff=2, beats=0.5) * 2 + note("A3", voice="5", staff=2)
        bass = note("C3", voice="6", staff=2, beats=2)
        return backup(2).join([upper, alto, tenor, bass])

    def test_the_other_voice_of_the_staff_sings_them_too(self):
        melody = extract_melody(read(part(self.satb())), part="alto")
        assert [(one.midi, one.syllables[0].original) for one in melody.notes] == [(64, "Praise"), (65, "God")]
        assert codes(melody) == ["lyrics_shared"]

    def test_and_the_other_staff_by_what_sounds_at_the_same_time(self):
        score = read(part(self.satb()))
        assert sung(extract_melody(score, part="tenor")) == ["Praise", "~", "God"]
        assert sung(extract_melody(score, part="bass")) == ["Praise God"]

    def test_a_tied_note_is_not_torn(self):
        soprano = note("C5", words="O") + note("C5", words="Lord") + note("C5", words="my")
        alto = note("E4", 1, voice="2", tie="start") + note("E4", 1, voice="2", tie="stop") + note("F4", voice="2")
        melody = extract_melody(read(part(soprano + backup(3) + alto)), part="P1/2")
        assert sung(melody) == ["O Lord", "my"]

    def test_in_a_cut_as_well(self):
        score = read(part(note(words="la"), self.satb()))
        assert sung(extract_melody(score, part="tenor", measures=("2", "2"))) == ["Praise", "~", "God"]

    def test_a_held_vowel_takes_no_words_of_the_neighbour(self):
        soprano = (
            note("C5", words="one") + note("C5", words="two") + note("C5", words="three") + note("C5", words="four")
        )
        alto = note("E4", voice="2", words=lyric("ah", more="<extend/>")) + note("E4", voice="2") * 3
        melody = extract_melody(read(part(soprano + backup(4) + alto)), part="P1/2")
        assert sung(melody) == ["ah", "~", "~", "~"]

    def test_a_syllable_while_the_voice_rests_is_not_sung(self):
        soprano = note("C5", words="one") + note("C5", words="two") + note("C5", words="three")
        alto = note("E4", voice="2") + rest(voice="2") + note("F4", voice="2")
        assert sung(extract_melody(read(part(soprano + backup(3) + alto)), part="P1/2")) == ["one", "three"]

    def test_own_words_come_first(self):
        soprano = note("C5", words="high") + note("C5", words="up")
        alto = note("E4", voice="2", words="low") + note("E4", voice="2", words="down")
        assert sung(extract_melody(read(part(soprano + backup(2) + alto)), part="P1/2")) == ["low", "down"]

    def test_verses_are_shared_pass_by_pass(self):
        soprano, alto = note("C5", words=both("one", "two")), note("E4", voice="2")
        assert sung(extract_melody(read(part(soprano + backup(1) + alto + BACKWARD)), part="P1/2")) == ["one", "two"]
