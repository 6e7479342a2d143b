"""Pronunciations given by the user, one by one and in a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.errors import OptionError
from cantilena.language import check_pronunciations, load_language, parse_pronunciation, read_pronunciations


@pytest.mark.parametrize(
    "text", ["Shiloh=SH AY1 L OW0", "shiloh=sh ay l ow", "SHILOH = en/sh en/ay en/l en/ow", "“Shiloh”=sh ay l ow"]
)
def test_one_word(text: str) -> None:
    assert parse_pronunciation(text) == {"shiloh": ("sh", "ay", "l", "ow")}


@pytest.mark.parametrize("text", ["shiloh", "=sh ay", "shiloh=", "", "="])
def test_a_pronunciation_needs_a_word_and_its_sounds(text: str) -> None:
    with pytest.raises(OptionError) as caught:
        parse_pronunciation(text)
    assert caught.value.code == "option_bad_pronunciation"


def test_symbols_of_a_voicebank_stay_as_they_are_written() -> None:
    assert parse_pronunciation("kappa=K AE1 cl en/p ja/a N") == {"kappa": ("k", "ae", "cl", "p", "ja/a", "n")}
    assert parse_pronunciation("kappa=k a cl N", language="ja") == {"kappa": ("k", "a", "cl", "N")}


def test_an_unknown_phoneme_is_named_with_those_there_are() -> None:
    given = parse_pronunciation("Zürich=ts UE r ih x")
    with pytest.raises(OptionError) as caught:
        check_pronunciations(given, load_language("en"), lambda symbol: symbol == "ts")
    assert caught.value.code == "option_unknown_phoneme"
    assert "'zürich' names UE x" in caught.value.message
    assert "aa ae ah" in caught.value.hint
    check_pronunciations(given, load_language("en"), lambda symbol: True)


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text(
        "\ufeff# Names\nShiloh  SH AY L OW\n\nheav\u2019n hh eh v n  # one syllable\nshiloh sh ih l ow\n", "utf-8"
    )
    assert read_pronunciations(path) == {"shiloh": ("sh", "ih", "l", "ow"), "heav'n": ("hh", "eh", "v", "n")}


def test_a_mistake_in_a_file_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("amen aa m eh n\nShiloh\n")
    with pytest.raises(OptionError, match=r"names\.txt, line 2") as caught:
        read_pronunciations(path)
    assert caught.value.code == "option_bad_pronunciation"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    binary = tmp_path / "song.mp3"
    binary.write_bytes(b"\xff\xfb\x90")
    for path in (tmp_path / "missing.txt", tmp_path, binary):
        with pytest.raises(OptionError) as caught:
            read_pronunciations(path)
        assert caught.value.code == "option_unreadable_file"
        assert str(path) in caught.value.message
