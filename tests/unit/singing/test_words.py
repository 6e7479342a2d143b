"""Which language a voicebank can sing, and what it has symbols for."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.errors import OptionError, VoicebankError
from cantilena.language import load_language
from cantilena.singing.align import align
from cantilena.singing.words import find_language, has_symbol, require_symbols
from tests.unit.singing.singers import make_phrase, make_singer

KANA = "symbols: [{symbol: s, type: stop}, {symbol: a, type: vowel}]\nentries:\n- {grapheme: さ, phonemes: [s, a]}\n"


def test_languages_with_a_reader_of_their_own_come_first(tmp_path: Path) -> None:
    singer = make_singer(tmp_path / "Bank", dictionary=KANA)
    assert find_language(singer, "en") is load_language("en")
    assert find_language(singer, "en-GB") is load_language("en")


def test_any_other_is_read_from_the_dictionary(tmp_path: Path) -> None:
    singer = make_singer(tmp_path / "Bank", phonemes=["s", "a"], dictionary=KANA)
    japanese = find_language(singer, "ja")
    assert (japanese.code, japanese.pronounce("さ")) == ("ja", ("s", "a"))


@pytest.mark.parametrize(
    ("asked", "file"), [("yue", "dsdict-zh-yue"), ("zh-yue", "dsdict-zh-yue"), ("fr-FR", "dsdict-fr")]
)
def test_a_language_is_found_by_the_name_of_its_dictionary(tmp_path: Path, asked: str, file: str) -> None:
    singer = make_singer(tmp_path / "Bank", phonemes=["en/s", "en/a", "s", "a"])  # says that it sings English
    (tmp_path / "Bank" / "dsdur" / f"{file}.yaml").write_text(KANA, encoding="utf-8")
    assert find_language(singer, asked).pronounce("さ") == ("s", "a")
    with pytest.raises(VoicebankError) as raised:
        find_language(singer, "de")
    assert raised.value.code == "voicebank_language_missing"
    assert "sings en, not de" in raised.value.message


def test_a_language_without_a_dictionary_is_refused(tmp_path: Path) -> None:
    singer = make_singer(tmp_path / "Bank")
    (tmp_path / "Bank" / "dsdur" / "dsdict.yaml").unlink()
    with pytest.raises(VoicebankError) as raised:
        find_language(singer, "ja")
    assert raised.value.code == "voicebank_language_missing"


def test_symbols_of_the_bank_may_be_given_for_a_word(tmp_path: Path) -> None:
    singer = make_singer(tmp_path / "Bank", phonemes=["k", "en/aa", "cl", "ja/a", "en/ax", "p"])
    english = load_language("en")
    given = {"kappa": ("k", "aa", "cl", "p", "ax")}
    require_symbols(given, singer, english)
    sequence, findings = align(make_phrase("kap-", "-pa"), singer, english, given)
    assert [" ".join(p.symbol for p in g.phonemes) for g in sequence.groups] == ["SP k", "en/aa cl p", "en/ax"]
    assert findings == ()
    assert has_symbol(singer, "en", "ja/a")
    with pytest.raises(OptionError) as raised:
        require_symbols({"kappa": ("k", "zz")}, singer, english)
    assert raised.value.code == "option_unknown_phoneme"
    assert "zz" in raised.value.message


@pytest.mark.parametrize(("lyric", "symbol"), [("AP", "AP"), ("br", "AP"), ("SP", "SP")])
def test_a_lyric_may_ask_for_a_breath(tmp_path: Path, lyric: str, symbol: str) -> None:
    sequence, _ = align(make_phrase("la", lyric, "la"), make_singer(tmp_path / "Bank"), load_language("en"), {})
    (phoneme, *_) = sequence.groups[2].phonemes
    assert (sequence.groups[2].onset, phoneme.symbol, phoneme.kind, phoneme.note) == (0.5, symbol, "vowel", 101)


def test_without_a_breath_of_its_own_a_bank_is_silent_and_says_so(tmp_path: Path) -> None:
    singer = make_singer(tmp_path / "Bank", breath=False)
    sequence, findings = align(make_phrase("la", "AP"), singer, load_language("en"), {})
    assert sequence.groups[2].phonemes[0].symbol == "SP"
    assert [finding.message for finding in findings] == [
        "The voicebank Bank has no phoneme 'AP'; SP is sung in its place."
    ]
