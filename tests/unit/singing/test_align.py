"""Words find their phonemes, and phonemes their beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cantilena.errors import LyricError
from cantilena.score.melody import Syllable
from cantilena.singing.align import align
from cantilena.singing.phrase import Phrase
from cantilena.singing.results import PhonemeSequence
from cantilena.voicebank import Voicebank
from tests.unit.singing.singers import PHONEMES, Toy, make_phrase, make_singer, make_word


@pytest.fixture
def singer(tmp_path: Path) -> Voicebank:
    return make_singer(tmp_path / "Toy")


def sequence_of(phrase: Phrase, singer: Voicebank, **pronunciations: tuple[str, ...]) -> PhonemeSequence:
    return align(phrase, singer, Toy(), pronunciations)[0]


def groups_of(phrase: Phrase, singer: Voicebank, **pronunciations: tuple[str, ...]) -> list[str]:
    """Each group as text: its onset, and its phonemes."""
    sequence = sequence_of(phrase, singer, **pronunciations)
    return [f"{g.onset:g}: {' '.join(p.symbol for p in g.phonemes)}" for g in sequence.groups]


def test_vowels_fall_on_the_beat_and_consonants_before_it(singer):
    assert groups_of(make_phrase("hel-", "-lo", "sky"), singer) == ["-0.5: SP hh", "0: ah l", "0.5: ow s k", "1: ay"]


def test_a_glide_between_consonant_and_vowel_takes_the_beat(singer):
    assert groups_of(make_phrase("new", "you"), singer) == ["-0.5: SP n", "0: y uw y", "0.5: uw"]


def test_a_liquid_between_two_vowels_does_not(singer):
    assert groups_of(make_phrase("hel-", "-lo"), singer)[1] == "0: ah l"


def test_phonemes_know_their_notes(singer):
    sequence = sequence_of(make_phrase("hel-", "-lo", "sky"), singer)
    assert [(p.symbol, p.note) for g in sequence.groups for p in g.phonemes] == [
        ("SP", None), ("hh", 100), ("ah", 100), ("l", 101), ("ow", 101), ("s", 102), ("k", 102), ("ay", 102),
    ]  # fmt: skip


def test_a_vowel_goes_on_over_notes_without_a_syllable(singer):
    phrase = make_phrase("love", "", "", "you")
    assert groups_of(phrase, singer) == ["-0.5: SP l", "0: ah v y", "1.5: uw"]


def test_more_syllables_written_than_sung(singer):
    assert groups_of(make_phrase("lo-", "-o-", "-ove", "sky"), singer, looove=("l", "ah", "v")) == [
        "-0.5: SP l", "0: ah v s k", "1.5: ay",
    ]  # fmt: skip


def test_more_vowels_sung_than_written_share_the_last_note(singer):
    assert groups_of(make_phrase("hello", "sky"), singer) == ["-0.5: SP hh", "0: ah l ow s k", "0.5: ay"]


def test_an_elision_sings_two_syllables_on_one_note(singer):
    assert groups_of(make_phrase("love_you", "sky"), singer) == ["-0.5: SP l", "0: ah v y uw s k", "0.5: ay"]


def test_a_word_without_a_vowel_is_hummed_on_the_beat(singer):
    assert groups_of(make_phrase("mm", "mm"), singer) == ["-0.5: SP", "0: m", "0.5: m"]


def test_a_word_sung_twice_is_two_words(singer):
    assert groups_of(make_phrase("hel-", "-lo", "hel-", "-lo"), singer)[2:] == ["0.5: ow hh", "1: ah l", "1.5: ow"]


def test_the_next_word_may_change_a_word(singer):
    phrase = make_phrase("the", "every")
    assert groups_of(phrase, singer)[1] == "0: iy"
    assert groups_of(make_phrase("the", "sky"), singer)[1] == "0: ah s k"


def test_a_gap_inside_a_phrase_is_silence_before_the_next_consonants(singer):
    phrase = make_phrase("sky", "sky", offsets=[0.3, None])
    assert groups_of(phrase, singer) == ["-0.5: SP s k", "0: ay", "0.3: SP s k", "0.5: ay"]


def test_a_tiny_gap_is_sung_over(singer):
    assert groups_of(make_phrase("sky", "sky", offsets=[0.47, None]), singer)[1] == "0: ay s k"


def test_consonants_divide_where_a_gap_parts_a_word(singer):
    assert groups_of(make_phrase("mis-", "-ter", offsets=[0.3, None]), singer)[1:] == [
        "0: iy s",
        "0.3: SP t",
        "0.5: ah r",
    ]
    # The glide of "tr" takes the beat, so only the t comes before it.
    assert groups_of(make_phrase("coun-", "-try", offsets=[0.3, None]), singer)[1:] == [
        "0: ah n",
        "0.3: SP t",
        "0.5: r iy",
    ]
    assert groups_of(make_phrase("sing-", "-ing", offsets=[0.3, None]), singer)[1:] == [
        "0: iy ng",
        "0.3: SP",
        "0.5: iy ng",
    ]


def test_a_vowel_begins_anew_after_a_gap(singer):
    assert groups_of(make_phrase("love", "", offsets=[0.3, None]), singer)[1:] == ["0: ah v", "0.3: SP", "0.5: ah"]


def test_a_phrase_that_begins_inside_a_word_sings_only_its_own_syllables(singer):
    whole = make_phrase("hea-", "-ven")
    first, last = (replace(whole, notes=(note,)) for note in whole.notes)
    assert groups_of(first, singer) == ["-0.5: SP hh", "0: ah"]
    assert groups_of(last, singer) == ["0: SP v", "0.5: ah n"]


def test_a_carried_vowel_is_sung_again(singer):
    carried = Syllable(word=make_word("love"), index=0, original="love")
    assert groups_of(make_phrase("", "sky", carried=carried), singer) == ["-0.5: SP", "0: ah s k", "0.5: ay"]


def test_a_syllable_without_a_vowel_of_its_own_takes_up_the_one_before_a_rest(singer):
    whole = make_phrase("lo-", "-ove", "sky")
    torn = replace(whole, notes=whole.notes[1:])
    assert groups_of(torn, singer, loove=("l", "ah", "v")) == ["0: SP", "0.5: ah s k", "1: ay"]


def test_a_breath_is_taken_where_there_is_time(singer, tmp_path):
    assert groups_of(make_phrase("sky", onset=2.0, breath_before=1.0), singer) == ["1.5: SP", "1.55: AP s k", "2: ay"]
    assert groups_of(make_phrase("sky", onset=2.0, breath_before=0.41), singer) == ["1.5: SP", "1.7: AP s k", "2: ay"]
    assert groups_of(make_phrase("sky", onset=2.0, breath_before=0.3), singer)[0] == "1.5: SP s k"
    breathless = make_singer(tmp_path / "other", breath=False)
    assert groups_of(make_phrase("sky", onset=2.0, breath_before=1.0), breathless)[0] == "1.5: SP s k"


@pytest.mark.parametrize(("expression", "longest_silence"), [(1.0, 0.4), (0.5, 0.8), (0.0, 1000.0)])
def test_with_less_expression_only_longer_silences_are_breathed_in(singer, expression, longest_silence):
    def symbols(breath_before: float) -> list[str]:
        phrase = make_phrase("sky", onset=2.0, breath_before=breath_before)
        sequence, _ = align(phrase, singer, Toy(), {}, expression=expression)
        return [p.symbol for group in sequence.groups for p in group.phonemes]

    assert "AP" not in symbols(longest_silence)
    assert ("AP" in symbols(longest_silence + 0.01)) == (expression > 0)


@pytest.mark.parametrize(("breath_before", "room"), [(0.0, 0.15), (0.3, 0.3), (5.0, 0.5)])
def test_the_room_before_the_beat_is_bounded(singer, breath_before, room):
    assert sequence_of(make_phrase("sky", breath_before=breath_before), singer).head_room == room


def test_pronunciations_given_win(singer):
    assert groups_of(make_phrase("sky"), singer, sky=("t", "ow")) == ["-0.5: SP t", "0: ow"]


def substitutes(phonemes: Sequence[str], folder: Path, **more: object) -> tuple[list[str], list[str]]:
    singer = make_singer(folder, phonemes=phonemes, **more)
    sequence, findings = align(make_phrase("zoo", "zoo"), singer, Toy(), {})
    return [p.symbol for g in sequence.groups for p in g.phonemes if p.note], [f.message for f in findings]


def test_symbols_with_the_prefix_of_the_language_come_first(tmp_path):
    sung, findings = substitutes(["z", "en/z", "uw"], tmp_path / "Bank")
    assert (sung[:2], findings) == (["en/z", "uw"], [])


def test_the_bank_may_replace_phonemes(tmp_path):
    sung, findings = substitutes(
        ["a", "z", "uw"], tmp_path / "Bank", dictionary="replacements: [{from: z, to: [a, z]}]\n"
    )
    assert (sung[:3], findings) == (["a", "z", "uw"], [])


def test_what_comes_nearest_is_sung_and_told_once(tmp_path):
    sung, findings = substitutes(["s", "uw"], tmp_path / "Bank")
    assert sung == ["s", "uw", "s", "uw"]
    assert findings == ["The voicebank Bank has no phoneme 'z'; s is sung in its place."]


def test_what_the_acoustic_stage_lacks_is_replaced_everywhere(tmp_path):
    sung, findings = substitutes(["z", "s", "uw"], tmp_path / "Bank", acoustic_phonemes=["s", "uw"])
    assert sung[0] == "s"
    assert findings == ["The voicebank Bank has no phoneme 'z'; s is sung in its place."]


def test_what_only_another_stage_lacks_is_replaced_there_alone(tmp_path):
    sung, findings = substitutes(["s", "uw"], tmp_path / "Bank", acoustic_phonemes=["s", "z", "uw"])
    assert sung == ["z", "uw", "z", "uw"]
    assert findings == ["The stage dsdur of the voicebank Bank has no phoneme 'z'; it is told s instead."]


def test_both_vowels_of_a_diphthong_are_sung_where_neither_is_there(tmp_path):
    singer = make_singer(tmp_path / "Bank", phonemes=["a", "i", "u", "s", "k"])
    sequence, findings = align(make_phrase("sky"), singer, Toy(), {})
    assert [p.symbol for g in sequence.groups for p in g.phonemes] == ["SP", "s", "k", "a", "i"]
    assert [f.message for f in findings] == ["The voicebank Bank has no phoneme 'ay'; a i is sung in its place."]


def test_nothing_is_ever_left_out(tmp_path):
    singer = make_singer(tmp_path / "Bank", phonemes=["uw", "aa"])
    sequence, (finding,) = align(make_phrase("foo"), singer, Toy(), {})
    assert [p.symbol for g in sequence.groups for p in g.phonemes] == ["SP", "aa", "uw"]
    assert (finding.code, "'f'" in finding.message) == ("phoneme_substituted", True)


def test_a_word_the_language_cannot_read_names_its_place(singer):
    with pytest.raises(LyricError) as raised:
        align(make_phrase("xyzzy"), singer, Toy(), {})
    assert raised.value.message == "The word 'xyzzy' cannot be read."
    assert str(raised.value.place) == "part Soprano, measure 1"


def test_kinds_follow_the_bank(tmp_path):
    dictionary = "symbols: [{symbol: uw, type: vowel}, {symbol: y, type: stop}]\n"
    singer = make_singer(tmp_path / "Bank", phonemes=PHONEMES, dictionary=dictionary)
    assert groups_of(make_phrase("new"), singer) == ["-0.5: SP n y", "0: uw"]


SYLLABLES = st.sampled_from(
    ["sky", "new", "you", "love", "mm", "the", "hello", "every", "love_you", "hel-", "mis-", ""]
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lyrics=st.lists(SYLLABLES, min_size=1, max_size=30), gaps=st.lists(st.booleans(), min_size=60, max_size=60))
def test_whatever_is_sung_begins_with_its_note(singer, lyrics, gaps):
    finished = [
        sung for lyric in lyrics for sung in {"hel-": ["hel-", "-lo"], "mis-": ["mis-", "-ter"]}.get(lyric, [lyric])
    ]
    offsets = [0.5 * k + 0.3 if gap else None for k, gap in enumerate(gaps[: len(finished)])]
    phrase = make_phrase(*finished, offsets=offsets)
    groups = sequence_of(phrase, singer).groups
    onsets = [group.onset for group in groups]
    assert onsets == sorted(set(onsets))
    assert all(group.onset in {note.onset for note in phrase.notes} for group in groups if not group.is_rest)
    sung_on = {phoneme.note for group in groups for phoneme in group.phonemes}
    assert {note.id for note in phrase.notes if note.syllables} <= sung_on
