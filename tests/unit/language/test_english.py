"""English words as they are sung."""

from __future__ import annotations

import pytest

from cantilena.errors import LyricError
from cantilena.language import load_language

english = load_language("en")


def sung(word: str, next_word: str | None = None) -> str:
    return " ".join(english.pronounce(word, next_word=next_word))


def test_a_word_of_the_dictionary() -> None:
    assert sung("Amazing") == "ah m ey z ih ng"


@pytest.mark.parametrize("written", ["GRACE", "grace,", "“grace”", "Grace!", "  grace", "grace_"])
def test_case_and_punctuation_do_not_matter(written: str) -> None:
    assert sung(written) == "g r ey s"


def test_the_depends_on_the_sound_that_follows() -> None:
    assert sung("the", "earth") == "dh iy"
    assert sung("The", "world") == "dh ah"
    assert sung("the", "one") == "dh ah"
    assert sung("the", "hour") == "dh iy"
    assert sung("the") == "dh ah"


@pytest.mark.parametrize(
    ("written", "phonemes"),
    [
        ("a", "ah"), ("O", "ow"), ("I", "ay"), ("and", "ae n d"), ("to", "t uw"), ("of", "ah v"), ("for", "f ao r"),
        ("thou", "dh aw"), ("thee", "dh iy"), ("thine", "dh ay n"), ("hath", "hh ae th"), ("doth", "d ah th"),
    ],
)  # fmt: skip
def test_small_words_are_sung_in_full(written: str, phonemes: str) -> None:
    assert sung(written) == phonemes


@pytest.mark.parametrize(
    ("written", "phonemes"),
    [
        ("heav'n", "hh eh v n"), ("heav\u2019nly", "hh eh v n l iy"), ("ev'ry", "eh v r iy"), ("pow'r", "p aw r"),
        ("wand'ring", "w aa n d r ih ng"), ("o'er", "ao r"), ("ne'er", "n eh r"), ("'tis", "t ih z"),
        ("\u2019twas", "t w ah z"), ("lov'd", "l ah v d"), ("bless'd", "b l eh s t"), ("giv'n", "g ih v n"),
        ("mak'st", "m ey k s t"), ("know'st", "n ow s t"), ("th'", "dh"), ("th'immortal", "dh ih m ao r t ah l"),
        ("list'ning", "l ih s n ih ng"), ("foll'wing", "f aa l w ih ng"), ("rais'd", "r ey z d"),
        ("o'ershadow", "ao r sh ae d ow"), ("mem'ry", "m eh m r iy"), ("goin'", "g ow ih n"), ("they'll", "dh ey l"),
        ("chast'ning", "ch ey s n ih ng"),
    ],
)  # fmt: skip
def test_poetic_contractions(written: str, phonemes: str) -> None:
    assert sung(written) == phonemes


@pytest.mark.parametrize(
    ("written", "phonemes"),
    [
        ("blessèd", "b l eh s ih d"), ("wingéd", "w ih ng ih d"), ("blessed", "b l eh s t"),
        ("belovèd", "b ih l ah v ih d"), ("wakenèd", "w ey k ah n ih d"),
    ],
)  # fmt: skip
def test_an_accent_gives_the_ending_a_syllable(written: str, phonemes: str) -> None:
    assert sung(written) == phonemes


@pytest.mark.parametrize(
    ("written", "phonemes"),
    [
        ("angels", "ey n jh ah l z"), ("skies", "s k ay z"), ("palaces", "p ae l ah s ih z"), ("cliffs", "k l ih f s"),
        ("heavens'", "hh eh v ah n z"), ("Mary's", "m eh r iy z"), ("James's", "jh ey m z ih z"),
        ("shineth", "sh ay n ih th"), ("rosebuds", "r ow z b ah d z"), ("all-embracing", "ao l eh m b r ey s ih ng"),
        ("Saviour's", "s ey v y er z"), ("honoured", "aa n er d"), ("girdling", "g er d l ih ng"),
        ("unsounded", "ah n s aw n d ih d"), ("mourned", "m ao r n d"), ("heartworn", "hh aa r t w ao r n"),
    ],
)  # fmt: skip
def test_forms_of_words_that_the_dictionary_has(written: str, phonemes: str) -> None:
    assert sung(written) == phonemes


@pytest.mark.parametrize(
    ("written", "phonemes"),
    [
        ("mm", "m"), ("hmm", "m"), ("Hm", "m"), ("mmmm", "m"), ("ooh", "uw"), ("oooo", "uw"), ("Ah", "aa"),
        ("ahhh", "aa"), ("ohh", "ow"), ("la", "l aa"), ("laaa", "l aa"), ("na", "n aa"), ("shh", "sh"),
        ("looove", "l ah v"), ("tralala", "t r aa l aa l aa"), ("Alleluia", "aa l eh l uw y ah"),
        ("hosanna", "hh ow z aa n ah"),
    ],
)  # fmt: skip
def test_vocables_and_cries(written: str, phonemes: str) -> None:
    assert sung(written) == phonemes


@pytest.mark.parametrize(
    ("written", "phonemes"),
    [
        ("wind", "w ih n d"), ("live", "l ih v"), ("tear", "t ih r"), ("read", "r iy d"), ("bow", "b aw"),
        ("wound", "w uw n d"), ("dove", "d ah v"), ("close", "k l ow s"),
    ],
)  # fmt: skip
def test_heteronyms_have_one_reading(written: str, phonemes: str) -> None:
    assert sung(written) == phonemes


def test_a_neutral_vowel_that_an_i_writes_is_sung_as_one() -> None:
    assert sung("spirit") == "s p ih r ih t"
    assert sung("eternity") == "ih t er n ih t iy"
    assert sung("praises") == "p r ey z ih z"
    assert sung("village") == "v ih l ih jh"
    assert sung("evil") == "iy v ah l"
    assert sung("mission") == "m ih sh ah n"


def test_an_r_opens_the_stressed_syllable_after_it() -> None:
    assert sung("around") == "ah r aw n d"
    assert sung("Jerusalem") == "jh ah r uw s ah l ah m"
    assert sung("river") == "r ih v er"


def test_hear_and_dear_rhyme() -> None:
    assert sung("hear") == "hh ih r"
    assert sung("dear") == "d ih r"


def test_numbers_are_read_out() -> None:
    assert sung("3") == "th r iy"
    assert sung("42") == sung("forty-two")
    assert sung("1865") == sung("eighteen-sixty-five")
    assert sung("1905") == sung("nineteen-oh-five")
    assert sung("2000") == sung("two-thousand")


@pytest.mark.parametrize("written", ["Brynhildr", "Zzyzx", "qwertz", "wobblefrotz"])
def test_letters_speak_for_words_that_nobody_knows(written: str) -> None:
    phonemes = english.pronounce(written)
    assert phonemes
    assert set(phonemes) <= english.inventory


def test_letter_to_sound_follows_english_spelling() -> None:
    assert sung("splinkle") == "s p l ih ng k ah l"
    assert sung("brathing").endswith("ih ng")


@pytest.mark.parametrize("written", ["はる", "***", "'", "Ωμέγα", "", "our" * 60])
def test_what_has_no_latin_letters_or_too_many_cannot_be_pronounced(written: str) -> None:
    with pytest.raises(LyricError) as caught:
        english.pronounce(written)
    assert caught.value.code == "lyric_not_pronounceable"
    assert "--pronounce" in caught.value.hint


def test_the_written_syllables_choose_between_forms() -> None:
    assert english.pronounce("blessed", syllables=("bless", "ed")) == ("b", "l", "eh", "s", "ih", "d")
    assert english.pronounce("blessed", syllables=("blessed",)) == ("b", "l", "eh", "s", "t")
    assert english.pronounce("every", syllables=("ev", "ery")) == ("eh", "v", "r", "iy")
    assert english.pronounce("every", syllables=("ev", "er", "y")) == ("eh", "v", "er", "iy")
    assert english.pronounce("bow'rs", syllables=("bow'", "rs")) == ("b", "aw", "er", "z")
    assert english.pronounce("bow'rs", syllables=("bow'rs",)) == ("b", "aw", "r", "z")
    assert english.pronounce("glorious", syllables=("glo", "rious")) == ("g", "l", "ao", "r", "y", "ah", "s")


def test_a_compound_parts_where_the_score_parts_it() -> None:
    assert english.pronounce("rosered", syllables=("rose", "red")) == ("r", "ow", "z", "r", "eh", "d")
    assert english.pronounce("flamy", syllables=("flam", "y")) == ("f", "l", "ey", "m", "iy")


def test_the_inventory_is_that_of_arpabet() -> None:
    assert len(english.inventory) == 39
    assert english.vowels < english.inventory
    assert english.code == "en"
