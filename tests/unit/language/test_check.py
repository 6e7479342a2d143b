"""Which texts are sung as English, and which are refused with a reason."""

from __future__ import annotations

import pytest

from cantilena.errors import Place
from cantilena.language import check_words, load_language
from cantilena.score.melody import Word

english = load_language("en")


def words(text: str, language: str | None = None) -> list[Word]:
    """A sung text, each line a measure."""
    return [
        Word(text=word, syllables=(word,), part="Soprano", measure=str(measure), language=language)
        for measure, line in enumerate(text.strip().splitlines(), start=1)
        for word in line.split()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "O'er the hills the wingèd dawn\nOpens heav'n for thee and thine",
        "Hosanna hosanna alleluia amen",
        "Fa la la la la la la la la",
        "mm ooh ah hmm",
        "Angels sing\nGloria in excelsis Deo",
        "Shadrach Meshach and Abednego\nwent where King Nebuchadnezzar would not go",
        "Ca' the yowes tae the knowes\nwhaur the burnie rowes my dearie",
        "'Twas in the wabe of toves and borogoves the mimsy outgrabe",
        "Kyrie eleison",
        "Tralali tralala ja trara",
        "",
    ],
)
def test_english_in_all_its_dress_is_sung(text: str) -> None:
    assert check_words(words(text), english, {}) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Der Mond ist aufgegangen\ndie goldnen Sternlein prangen",
        "Au clair de la lune\nmon ami Pierrot prête-moi ta plume",
        "Ave verum corpus natum\nde Maria virgine vere passum",
        "Caro mio ben credimi almen\nsenza di te languisce il cor",
        "De colores se visten los campos\nen la primavera",
        "E Ihowa Atua o nga iwi\nmatou ra ata whakarongona",
        "Slunce svítí jenom tobě\nkdo tě jednou uvidí",
    ],
)
def test_other_languages_are_told_by_their_words(text: str) -> None:
    (error,) = check_words(words(text), english, {})
    assert error.code == "lyric_language_unsupported"
    assert error.place.part == "Soprano"
    assert "--pronunciations" in error.hint


def test_a_declared_language_is_believed() -> None:
    (error,) = check_words(words("la la la", language="fr-CA"), english, {})
    assert error.code == "lyric_language_unsupported"
    assert "'fr-CA'" in error.message
    assert error.place == Place(part="Soprano", measure="1")
    assert check_words(words("la la la", language="en-GB"), english, {}) == ()


def test_another_script_is_named() -> None:
    (error,) = check_words(words("la la\nはる が きた"), english, {})
    assert error.code == "lyric_language_unsupported"
    assert "Hiragana" in error.message
    assert error.place.measure == "2"


def test_a_word_that_cannot_be_read_is_named_once_with_its_first_place() -> None:
    (error,) = check_words(words("sing to me\n*** sing\n***"), english, {})
    assert error.code == "lyric_not_pronounceable"
    assert "'***'" in error.message
    assert error.place == Place(part="Soprano", measure="2")


def test_a_pronunciation_given_by_the_user_settles_a_word() -> None:
    given = {"はる": ("hh", "aa", "r", "uw")}
    assert check_words(words("sing はる"), english, given) == ()
    german = words("Der Mond ist aufgegangen", language="de")
    assert check_words(german, english, dict.fromkeys(["der", "mond", "ist", "aufgegangen"], ("d",))) == ()
