"""Kinds of phonemes and replacements."""

from __future__ import annotations

import pytest

from cantilena.errors import VoicebankError
from cantilena.voicebank.dictionary import read_dictionary


def test_kinds_and_replacements(tmp_path):
    (tmp_path / "dsdict.yaml").write_text(
        "symbols:\n- {symbol: en/ah, type: vowel}\n- {symbol: no, type: semivowel}\n- {symbol: l, type: liquid}\n"
        "- {symbol: t, type: stop}\nreplacements:\n- {from: ah, to: en/ah}\n- {from: tr, to: [t, r]}\n"
    )
    dictionary = read_dictionary(tmp_path, tmp_path, "en")
    assert dictionary.kinds == {"en/ah": "vowel", "no": "glide", "l": "glide", "t": "consonant"}
    assert dictionary.replacements == {"ah": ("en/ah",), "tr": ("t", "r")}


def test_the_dictionary_of_the_language_comes_first(tmp_path):
    (tmp_path / "dsdict.yaml").write_text("symbols: [{symbol: a, type: vowel}]\n")
    (tmp_path / "dsdict-en.yaml").write_text("symbols: [{symbol: aa, type: vowel}]\n")
    assert set(read_dictionary(tmp_path, tmp_path, "en").kinds) == {"aa"}
    assert set(read_dictionary(tmp_path, tmp_path, "de").kinds) == {"a"}
    assert set(read_dictionary(tmp_path, tmp_path, None).kinds) == {"a"}


def test_none_is_needed(tmp_path):
    assert read_dictionary(tmp_path, tmp_path, "en").kinds == {}


def test_words_are_passed_over_unread_wherever_they_stand(tmp_path):
    words = "- {grapheme: a word that no YAML parser would take: [\n# a comment\n  phonemes: ]\n"
    (tmp_path / "dsdict.yaml").write_text(f"entries:\n{words}symbols:\n- symbol: aa\n  type: vowel\n")
    assert read_dictionary(tmp_path, tmp_path, None).kinds == {"aa": "vowel"}
    (tmp_path / "dsdict.yaml").write_text(f"symbols: [{{symbol: aa, type: vowel}}]\nentries:\n{words}")
    assert read_dictionary(tmp_path, tmp_path, None).kinds == {"aa": "vowel"}


@pytest.mark.parametrize("text", ["symbols: yes\n", "symbols: [a, b]\n", "replacements: {a: b}\n"])
def test_a_damaged_dictionary_is_named(tmp_path, text):
    (tmp_path / "dsdict.yaml").write_text(text)
    with pytest.raises(VoicebankError, match=r"dsdict\.yaml must give its symbols and replacements"):
        read_dictionary(tmp_path, tmp_path, None)
