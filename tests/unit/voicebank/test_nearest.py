"""What is sung for a phoneme that a table lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cantilena.voicebank.nearest import EQUIVALENTS, kind_by_name, nearest_symbol
from cantilena.voicebank.symbols import SymbolTable


def names(text: str) -> list[str]:
    return text.split()


ARPABET = names("aa ae ah ao aw ay eh er ey ih iy ow oy uh uw b ch d dh f g hh jh k l m n ng p r s sh t th v w y z zh")
ROMAJI = names("a i u e o N cl b by ch d f g gy h hy j k ky m my n ny p py r ry s sh t ts v w y z")
PINYIN = names("a o e i u v ai ei ao ou an en ang eng ong ia ie iang b p m f d t n l g k h j q x zh ch sh r z c s")
RESTS = ["SP", "AP"]


@pytest.mark.parametrize(
    ("symbol", "found"),
    [
        ("en/ah", "ah"),  # bare
        ("en/sh", "ja/sh"),  # under another prefix
        ("AH", "ah"),  # in another case
        ("ax", "ah"),  # what is usually sung for it
        ("en/dx", "d"),
        ("q", "cl"),  # a closure by another name
        ("GS", "cl"),
        ("exh", "AP"),  # breath
        ("pau", "SP"),  # silence
        ("<PAD>", "SP"),
    ],
)
def test_names_come_before_sounds(symbol: str, found: str) -> None:
    table = ["<PAD>", "SP", "AP", "ah", "d", "t", "cl", "ja/sh", "ja/a"]
    assert nearest_symbol(symbol, table) == found or symbol == "<PAD>"


@pytest.mark.parametrize(
    ("symbols", "found"),
    [
        ("aa ae ah iy ih uw ow er hh jh th ng l", "a a a i i u o e h j t n r"),
        ("ja/a ja/N ja/ry zh/x zh/q zh/ang fr/y ko/eo de/ue", "a n ry sh ch a i o i"),
        ("ɛ ʃ ŋ ɾ @ tS", "e sh n r e ch"),
    ],
)
def test_sounds_in_a_japanese_voice(symbols: str, found: str) -> None:
    table = [*RESTS, *(symbol for symbol in ROMAJI if symbol != "N")]
    assert [nearest_symbol(symbol, table) for symbol in symbols.split()] == found.split()


@pytest.mark.parametrize(
    ("symbols", "found"),
    [
        ("ja/a ja/e ja/o ja/u ja/ts ja/f ja/N", "aa eh ao uw ch f ng"),
        ("zh/zh zh/c zh/ü zh/ei zh/r", "zh ch iy ey r"),
        ("fr/rh de/cc X-SAMPA/@ dx", "r sh ah d"),
    ],
)
def test_sounds_in_an_english_voice(symbols: str, found: str) -> None:
    assert [nearest_symbol(symbol, [*RESTS, *ARPABET]) for symbol in symbols.split()] == found.split()


def test_of_equally_near_symbols_the_own_language_wins() -> None:
    assert nearest_symbol("fr/ou", ["SP", "ja/u", "fr/u"]) == "fr/u"


def test_a_dictionary_tells_what_a_name_does_not() -> None:
    kinds = {"zzz": "vowel", "y": "vowel", "k9": "consonant", "a": "vowel"}
    assert nearest_symbol("zzz", ["SP", "s", "y"], kinds) == "y"  # type: ignore[arg-type]
    assert nearest_symbol("♪", ["SP", "s", "a"], {"♪": "vowel"}) == "a"


def test_the_last_resorts() -> None:
    assert nearest_symbol("k", ["SP", "AP", "a"]) == "a"
    assert nearest_symbol("k", ["SP", "AP"]) == "AP"
    assert nearest_symbol("k", ["SP"]) == "SP"
    assert nearest_symbol("AP", ["SP", "a"]) == "SP"
    assert nearest_symbol("t", ["SP", "cl", "s"]) == "s"  # nobody hears a closure


@pytest.mark.parametrize("table", [ARPABET, ROMAJI, PINYIN])
@given(symbol=st.text(min_size=1, max_size=6) | st.sampled_from([*ARPABET, *ROMAJI, *PINYIN, *EQUIVALENTS]))
def test_anything_has_something_near_of_its_kind(table: list[str], symbol: str) -> None:
    found = nearest_symbol(symbol, [*RESTS, *table])
    assert found in table or found in RESTS
    if symbol in (*ARPABET, *ROMAJI, *PINYIN) and symbol not in ("w", "y", "N", "cl"):
        assert (kind_by_name(found) == "vowel") == (kind_by_name(symbol) == "vowel")


def test_a_stage_replaces_what_it_lacks_and_never_sings_padding() -> None:
    tokens = {"a": 0, "SP": 1, "en/ah": 2, "ja/o": 3, "en/s": 4, "<PAD>": 5}
    table = SymbolTable(file=Path("phonemes.json"), tokens=tokens, languages={"en": 1, "ja": 2})
    assert table.token_ids(["en/aa", "en/z", "o", "a", "SP"]).tolist() == [[2, 4, 3, 2, 1]]
    assert table.language_ids(["en/aa", "en/z", "o", "ja/z", "SP"]).tolist() == [[1, 1, 2, 1, 0]]
    assert table.spell("en/o") == "ja/o"
