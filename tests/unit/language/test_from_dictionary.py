"""A language that only a voicebank's dictionary knows."""

from __future__ import annotations

import pytest

from cantilena.errors import LyricError
from cantilena.language import DictionaryLanguage, check_words, load_language
from cantilena.score.melody import Word

ENTRIES = {
    "さ": "s a", "しゃ": "sh a", "し": "sh i", "ゃ": "y a", "ん": "N", "っ": "cl", "く": "k u", "sakura": "s a k u r a",
    "你": "n i", "好": "h ao", "你好": "n i h ao", "wasser": "v a s er", "ich": "i x",
}  # fmt: skip
SYMBOLS = {symbol for sounds in ENTRIES.values() for symbol in sounds.split()}
VOWELS = {"a", "i", "u", "ao", "er"}

language = DictionaryLanguage(
    "ja",
    look_up=lambda word: tuple(ENTRIES[word].split()) if word in ENTRIES else None,
    is_symbol=SYMBOLS.__contains__,
    is_vowel=VOWELS.__contains__,
)


@pytest.mark.parametrize(
    ("word", "sounds"),
    [
        ("さ", "s a"),
        ("Sakura!", "s a k u r a"),  # as clean as a word of any language
        ("さく", "s a k u"),  # written together
        ("しゃく", "sh a k u"),  # the longest piece first
        ("さーく", "s a k u"),  # a mark that holds the vowel has no sound of its own
        ("你好", "n i h ao"),
        ("sh", "sh"),  # a symbol itself
        ("sh a", "sh a"),
    ],
)
def test_what_the_dictionary_has_sings(word: str, sounds: str) -> None:
    assert language.pronounce(word) == tuple(sounds.split())


@pytest.mark.parametrize("word", ["花", "さ花", "wasserich", "ーさ花", "x" * 1000, ""])
def test_what_it_lacks_is_an_error_with_a_hint(word: str) -> None:
    with pytest.raises(LyricError) as raised:
        language.pronounce(word)
    assert raised.value.code == "lyric_not_pronounceable"
    assert "--pronounce" in raised.value.hint


def test_written_syllables_are_looked_up_one_by_one() -> None:
    assert language.pronounce("wasserich", syllables=("wasser", "ich")) == ("v", "a", "s", "er", "i", "x")


@pytest.mark.parametrize(
    ("syllables", "sounds", "openings"),
    [
        (("さ", "く"), "s a k u", (1, 3)),
        (("さ", "ん"), "s a N", (1, 2)),  # a mora without a vowel fills its note
        (("さ", "っ", "く"), "s a cl k u", (1, 2, 4)),
        (("さ", "ー", "く"), "s a k u", (1, None, 3)),  # the vowel before goes on
        (("さん",), "s a N", (1,)),
        (("sa", "ku", "ra"), "s a k u r a", (1, 3, 5)),  # the dictionary has only the whole word
        (("was", "ser"), "v a s er", (1, 3)),
        (("saku", "ra"), "s a k u r a", (1, 5)),  # fewer syllables than vowels: letters tell which
        (("sh",), "sh", (0,)),
    ],
)
def test_syllables_open_on_their_vowels(
    syllables: tuple[str, ...], sounds: str, openings: tuple[int | None, ...]
) -> None:
    assert language.place_syllables(tuple(sounds.split()), syllables) == openings


def test_its_words_are_not_judged_by_script_or_declaration() -> None:
    words = [
        Word(text=text, syllables=(text,), part="Soprano", measure=str(k), language=declared)
        for k, (text, declared) in enumerate(
            [("さ", "ja"), ("你好", "en"), ("wasser", None), ("花", "ja"), ("花", "ja")]
        )
    ]
    assert check_words(words[:3], language, {}) == ()
    (error,) = check_words(words, language, {})
    assert (error.code, error.place.measure) == ("lyric_not_pronounceable", "3")
    assert check_words(words, language, {"花": ("s", "a")}) == ()


@pytest.mark.parametrize(
    ("word", "guessed"),
    [
        ("love", False), ("Hallelujah", False), ("bethlehem's", False), ("looove", False), ("starlight", False),
        ("mm", False), ("heav'nward", False), ("Zzyzx", True), ("frumious", True), ("love-zzyzx", True),
    ],
)  # fmt: skip
def test_english_tells_what_it_only_guesses(word: str, guessed: bool) -> None:
    assert load_language("en").is_guess(word) is guessed
