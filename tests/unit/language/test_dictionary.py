"""Binary search in the bytes of a dictionary, alignment of letters and sounds, and letter-to-sound rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.errors import OptionError
from cantilena.language.dictionary import Dictionary, find_package_data
from cantilena.language.english_numbers import number_words
from cantilena.language.english_reader import DICTIONARY
from cantilena.language.graphones import align, letter_positions
from cantilena.language.letters import LetterToSound, graphone_codes

words = st.text(st.sampled_from("abc'"), min_size=1, max_size=5)
LINES = b"""'tis T IH1 Z
a AH0
a(2) EY1
a's EY1 Z
able EY1 B AH0 L # a comment
zoo Z UW1
"""


def test_words_are_found_and_others_are_not() -> None:
    dictionary = Dictionary(LINES)
    assert dictionary.get("able") == (("EY1", "B", "AH0", "L"),)
    assert dictionary.get("'tis") == (("T", "IH1", "Z"),)
    assert dictionary.get("a's") == (("EY1", "Z"),)
    assert dictionary.get("zoo") == (("Z", "UW1"),)
    assert dictionary.get("ab") == dictionary.get("zoos") == dictionary.get("né") == ()
    assert "able" in dictionary
    assert Dictionary(b"").get("a") == ()


def test_all_pronunciations_of_a_word_the_usual_one_first() -> None:
    assert Dictionary(LINES).get("a") == (("AH0",), ("EY1",))


@given(entries=st.dictionaries(words, st.sampled_from(["AH0", "B AH1", "K AE2 B"])), asked=words)
def test_the_search_answers_like_a_mapping(entries: dict[str, str], asked: str) -> None:
    ordered = sorted(entries.items(), key=lambda entry: entry[0].encode())
    dictionary = Dictionary("".join(f"{word} {sounds}\n" for word, sounds in ordered).encode())
    assert all(len(dictionary.get(word)) == 1 for word in entries)
    assert (asked in dictionary) == (asked in entries)


def test_nearly_every_word_of_the_installed_dictionary_is_found() -> None:
    # Its lines are sorted but for a handful that a newer entry shifted; a search that loses more would be wrong.
    lines = find_package_data(*DICTIONARY).read_bytes()
    dictionary = Dictionary(lines)
    listed = [line.split()[0].decode() for line in lines.splitlines()[::41]]
    missing = [word for word in listed if "(" not in word and word not in dictionary]
    assert len(listed) > 3000
    assert len(missing) <= 1


def test_a_dictionary_that_is_not_installed_is_named() -> None:
    for package, name in (("no_such_package", "words.dict"), (DICTIONARY[0], "no-such.dict")):
        with pytest.raises(OptionError) as caught:
            find_package_data(package, name)
        assert caught.value.code == "language_data_missing"
        assert name in caught.value.message
        assert "pip install" in caught.value.hint


costs = {("ea", ("iy",)): 1.0, ("t", ("t",)): 0.5, ("t", ()): 2.0, ("x", ("k", "s")): 1.0, ("e", ()): 1.0}


def test_letters_are_aligned_with_the_sounds_they_write() -> None:
    assert align("teat", ("t", "iy", "t"), costs) == (("t", ("t",)), ("ea", ("iy",)), ("t", ("t",)))
    assert align("xe", ("k", "s"), costs) == (("x", ("k", "s")), ("e", ()))
    assert letter_positions(align("teat", ("t", "iy", "t"), costs)) == (0, 1, 3)


@given(letters=st.text(st.sampled_from("teax?"), max_size=6), phonemes=st.lists(st.sampled_from(["t", "iy", "zh"])))
def test_any_letters_can_be_aligned_with_any_sounds(letters: str, phonemes: list[str]) -> None:
    chain = align(letters, phonemes, costs)
    assert "".join(written for written, _ in chain) == letters
    assert [sound for _, sounds in chain for sound in sounds] == phonemes
    positions = letter_positions(chain)
    assert list(positions) == sorted(positions)


def test_letters_are_read_as_those_seen_before() -> None:
    graphones = [("c", ("k",)), ("c", ("s",)), ("e", ("iy",)), ("o", ("ow",))]
    k, s, e, o = graphone_codes(graphones).values()
    counts = sorted(["# 0.5 0.5\n", f". {k}3{s}3{e}3{o}3>>6\n", f"{k} {o}3\n", f"{s} {e}3\n", f"<< {k}3{s}3\n"])
    model = LetterToSound(graphones, "".join(counts).encode())
    assert model.read("co") == ("k", "ow")
    assert model.read("ce") == ("s", "iy")
    assert model.read("cx") is None
    assert model.read("") is None
    assert model.read("c" * 1000) is None


def test_numbers_in_words() -> None:
    assert number_words("0") == ["zero"]
    assert number_words("10000") == ["ten", "thousand"]
    assert number_words("1234567") == (
        ["one", "million", "two", "hundred", "thirty", "four", "thousand", "five", "hundred", "sixty", "seven"]
    )
    assert number_words("1100") == ["one", "thousand", "one", "hundred"]
    assert number_words("007") == ["zero", "zero", "seven"]
    assert len(number_words("1" * 30)) == 30
