"""Ids of phonemes and languages."""

from __future__ import annotations

import json

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank.symbols import read_symbol_table


@pytest.fixture
def prefixed(tmp_path):
    (tmp_path / "phonemes.json").write_text(json.dumps({"<PAD>": 0, "SP": 1, "en/aa": 2, "hh": 3, "ja/a": 2}))
    (tmp_path / "languages.json").write_text(json.dumps({"en": 1, "ja": 2}))
    return read_symbol_table(tmp_path / "phonemes.json", tmp_path / "languages.json")


def test_ids_of_symbols_and_of_their_languages(prefixed):
    symbols = ["SP", "en/aa", "ja/a", "hh"]
    assert prefixed.token_ids(symbols).tolist() == [[1, 2, 2, 3]]
    assert prefixed.language_ids(symbols).tolist() == [[0, 1, 2, 0]]


def test_a_prefix_is_left_out_where_the_stage_has_none(prefixed):
    assert prefixed.find("en/hh") == "hh"
    assert prefixed.token_ids(["en/hh"]).tolist() == [[3]]


def test_padding_is_never_a_phoneme(prefixed):
    assert prefixed.find("<PAD>") is None


def test_in_a_text_file_every_line_counts_and_the_last_of_a_symbol_wins(tmp_path):
    (tmp_path / "phonemes.txt").write_text("<PAD>\n\nSP\naa\n# not a comment\naa\n")
    tokens = read_symbol_table(tmp_path / "phonemes.txt", None).tokens
    assert tokens == {"<PAD>": 0, "SP": 2, "aa": 5, "# not a comment": 4}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not valid JSON"),
        ("[1, 2]", "must map names to whole numbers"),
        ('{"SP": 1.5}', "must map names to whole numbers"),
        ('{"SP": -1}', "must map names to whole numbers"),
        ('{"SP": true}', "must map names to whole numbers"),
        ('{"aa": 1}', "has no phoneme SP"),
        ('{"SP": 0}', "has no phoneme SP"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, text, reason):
    (tmp_path / "phonemes.json").write_text(text)
    with pytest.raises(VoicebankError, match=rf"phonemes\.json {reason}"):
        read_symbol_table(tmp_path / "phonemes.json", None)
