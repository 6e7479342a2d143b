"""Words of a dictionary, in every way of writing them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cantilena.cache import ContentStore
from cantilena.errors import VoicebankError
from cantilena.voicebank import dictionary_text
from cantilena.voicebank.dictionary import Dictionary, dictionary_files, dictionary_language, read_dictionary
from cantilena.voicebank.symbols import SymbolTable

SYMBOLS = "symbols:\n- {symbol: n, type: nasal}\n- {symbol: ow, type: vowel}\n- {symbol: en/ah, type: vowel}\n"
WAYS = {
    "braces": "entries:\n- {grapheme: no, phonemes: [n, ow]}\n- {grapheme: nah, phonemes: [n, en/ah]}\n",
    "braces and quotes": "entries:\n- {\"grapheme\": 'no', 'phonemes': [\"n\", 'ow']}\n"
    "- {grapheme: \"nah\", phonemes: [n, 'en/ah']}\n",
    "dashes": "entries:\n- grapheme: no\n  phonemes:\n  - n\n  - ow\n"
    "- grapheme: nah\n  phonemes:\n    - n\n    - en/ah\n",
    "brackets, indented": "entries:\n  - grapheme: no\n    phonemes: [n, ow]\n\n"
    "  - grapheme: nah\n    phonemes: [n, en/ah]\n",
    "comments": "entries:  # words\n# the first\n- {grapheme: no, phonemes: [n, ow]}  # no\n# the second\n\n"
    "- grapheme: nah # nah\n  phonemes:\n  - n\n  # a vowel\n  - en/ah\n",
    "keys the other way round": "entries:\n- {phonemes: [n, ow], grapheme: no}\n"
    "- phonemes: [n, en/ah]\n  grapheme: nah\n",
    "over several lines": "entries:\n- {grapheme: no,\n   phonemes: [n,\n     ow]}\n"
    "- {grapheme: nah, phonemes: [n, en/ah,]}\n",
    "one list in brackets": "entries: [{grapheme: no, phonemes: [n, ow]},\n"
    "  {grapheme: nah, phonemes: [n, en/ah]}]\n",
    "a list in brackets below": "entries:\n  [{grapheme: no, phonemes: [n, ow]},\n"
    "  {grapheme: nah, phonemes: [n, en/ah]}]\n",
    "a word twice": "entries:\n- {grapheme: no, phonemes: [n]}\n- {grapheme: nah, phonemes: [n, en/ah]}\n"
    "- {grapheme: no, phonemes: [n, ow]}\n",
    "sounds that nobody declared": "entries:\n- {grapheme: no, phonemes: [n, xx, ow]}\n"
    "- {grapheme: nah, phonemes: [n, en/ah]}\n- {grapheme: ex, phonemes: [xx]}\n",
}  # fmt: skip


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("order", ["symbols first", "entries first"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_writing_is_read(tmp_path: Path, way: str, order: str, encoding: str, newline: str) -> None:
    parts = [SYMBOLS, WAYS[way]] if order == "symbols first" else [WAYS[way], SYMBOLS]
    text = "---\n" + "".join(parts) + "replacements: [{from: ao, to: ow}]\n"
    (tmp_path / "dsdict.yaml").write_bytes(text.replace("\n", newline).encode(encoding))
    dictionary = read_dictionary(tmp_path, tmp_path, None)
    assert dictionary.words.get("no") == ("n", "ow")
    assert dictionary.words.get("nah") == ("n", "en/ah")
    assert dictionary.words.get("ex") is None
    assert len(dictionary.words) == 2
    assert dictionary.kinds == {"n": "consonant", "ow": "vowel", "en/ah": "vowel"}
    assert dictionary.replacements == {"ao": ("ow",)}


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_where_the_pieces_end_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(dictionary_text, "_CHUNK", chunk)
    for way in ("braces", "dashes", "comments", "one list in brackets"):
        (tmp_path / "dsdict.yaml").write_text(WAYS[way] + SYMBOLS)
        words = read_dictionary(tmp_path, tmp_path, None).words
        assert (words.get("no"), words.get("nah"), len(words)) == (("n", "ow"), ("n", "en/ah"), 2)


def test_words_that_yaml_takes_for_something_else(tmp_path: Path) -> None:
    odd = ["no", "off", "yes", "null", "~", "1", "1.5", "true", "y", "don't", "o'clock", "a:b", "x#y"]
    lines = [f"- {{grapheme: {word}, phonemes: [n, no]}}\n" for word in odd]
    lines += ["- {grapheme: '-', phonemes: [n]}\n", '- {grapheme: "it\\"s", phonemes: [n]}\n']
    (tmp_path / "dsdict.yaml").write_text(f"entries:\n{''.join(lines)}symbols: [{{symbol: n}}, {{symbol: no}}]\n")
    words = read_dictionary(tmp_path, tmp_path, None).words
    assert {word: words.get(word) for word in odd} == dict.fromkeys(odd, ("n", "no"))
    assert (words.get("-"), words.get('it"s')) == (("n",), ("n",))


def test_a_word_is_looked_up_as_written_and_then_in_lower_case(tmp_path: Path) -> None:
    (tmp_path / "dsdict.yaml").write_text(
        "entries:\n- {grapheme: no, phonemes: [n]}\n- {grapheme: No, phonemes: [ow]}\n"
    )
    words = read_dictionary(tmp_path, tmp_path, None).words
    assert [words.get(word) for word in ("no", "No", "NO", "nope", "")] == [("n",), ("ow",), ("n",), None, None]


def test_words_of_windows_editors(tmp_path: Path) -> None:
    (tmp_path / "dsdict.yaml").write_bytes("entries:\n- {grapheme: さ, phonemes: [s, a]}\n".encode("cp932"))
    assert read_dictionary(tmp_path, tmp_path, None).words.get("さ") == ("s", "a")


def test_every_word_of_many_is_found(tmp_path: Path) -> None:
    names = [f"w{k}" for k in range(500)] + ["さ", "é", "𝄞", "zz"]
    lines = [f"- {{grapheme: {name}, phonemes: [p{k}]}}\n" for k, name in enumerate(names)]
    (tmp_path / "dsdict.yaml").write_text("entries:\n" + "".join(lines), encoding="utf-8")
    words = read_dictionary(tmp_path, tmp_path, None).words
    assert [words.get(name) for name in names] == [(f"p{k}",) for k in range(len(names))]


def test_what_was_parsed_is_kept_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "dsdict.yaml"
    store = ContentStore(tmp_path / "cache", max_bytes=10**8)
    padding = "".join(f"- {{grapheme: padding{k}, phonemes: [n]}}\n" for k in range(10_000))
    file.write_text(SYMBOLS + "entries:\n- {grapheme: no, phonemes: [n, ow]}\n" + padding)
    first = Dictionary(file, store=store)
    assert first.words.get("no") == ("n", "ow")

    def refuse(*_: object) -> None:
        raise AssertionError("the file is parsed again")

    with monkeypatch.context() as patched:
        patched.setattr("cantilena.voicebank.dictionary.parse_words", refuse)
        patched.setattr("cantilena.voicebank.dictionary.read_head", refuse)
        again = Dictionary(file, store=store)
        assert (again.words.get("no"), again.kinds, len(again.words)) == (("n", "ow"), first.kinds, 10_001)
    file.write_text(SYMBOLS + "entries:\n- {grapheme: no, phonemes: [ow]}\n" + padding)
    assert Dictionary(file, store=store).words.get("no") == ("ow",)


@pytest.mark.parametrize(
    ("language", "found"),
    [("en", "en"), ("fr", "fr-millefeuille"), ("de", "de"), ("zh", "zh"), ("yue", "zh-yue"), ("ko", ""), (None, "")],
)
def test_files_are_named_as_singers_know_them(tmp_path: Path, language: str | None, found: str) -> None:
    for name in ("dsdict", "DSDict-EN", "dsdict-fr-millefeuille", "dsdict-de-marzipan", "dsdict-de", "dsdict-zh-yue",
                 "dsdict-zh"):  # fmt: skip
        (tmp_path / f"{name}.yaml").write_text(f"symbols: [{{symbol: {name.lower()}}}]\n")
    expected = f"dsdict-{found}" if found else "dsdict"
    assert list(read_dictionary(tmp_path, tmp_path, language).kinds) == [expected]
    assert {dictionary_language(name) for name in dictionary_files(tmp_path)} == {"en", "fr", "de", "zh", "yue"}


def test_silence_and_breath_are_vowels_whatever_is_declared(tmp_path: Path) -> None:
    (tmp_path / "dsdict.yaml").write_text(
        "symbols: [{symbol: SP, type: stop}, {symbol: AP}, {symbol: cl, type: stop}]\n"
    )
    assert read_dictionary(tmp_path, tmp_path, None).kinds == {"SP": "vowel", "AP": "vowel", "cl": "consonant"}


def test_what_is_wrong_with_a_dictionary_is_listed(tmp_path: Path) -> None:
    (tmp_path / "dsdict.yaml").write_text(
        "symbols: [{symbol: n, type: nasal}, {symbol: ow, type: vowl}, {symbol: zz, type: stop}]\n"
        "replacements: [{from: ah, to: [n, en/ah]}]\n"
        "entries:\n- {grapheme: no, phonemes: [n, ow, q]}\n- {grapheme: ex, phonemes: [xx]}\n"
        "- {grapheme: [a\n- nothing\n"
    )
    table = SymbolTable(file=Path("phonemes.json"), tokens={"SP": 1, "n": 2, "ow": 3}, languages={})
    assert read_dictionary(tmp_path, tmp_path, None).problems(table) == (
        "gives symbols the types vowl, which count as consonants",
        "declares symbols that phonemes.json lacks: zz",
        "replaces phonemes by symbols that phonemes.json lacks: en/ah",
        "has 2 entries that are no words with phonemes: - {grapheme: [a, nothing",
        "uses in 2 places of its words symbols that it does not declare, which are left out: q, xx",
        "has 1 words without a phoneme, which are passed over: ex",
    )
    (tmp_path / "dsdict.yaml").write_text(SYMBOLS.replace("en/ah", "n") + WAYS["braces"].replace("en/ah", "n"))
    assert read_dictionary(tmp_path, tmp_path, None).problems(table) == ()
    assert Dictionary().problems(table) == ()


@pytest.mark.parametrize(
    "item",
    [
        "- {grapheme: a" + " " * 300_000 + "b c, phonemes: {",
        "- grapheme: no\n  phonemes:\n  - " + " " * 300_000 + "{",
        "- {grapheme: " + "a " * 150_000,
        "# comment\n" * 50_000 + "- {grapheme: a, phonemes: [" + "n, " * 100_000 + "{",
        "\n" * 300_000 + "x",
    ],
)
def test_no_text_takes_long_to_be_refused(tmp_path: Path, item: str) -> None:
    (tmp_path / "dsdict.yaml").write_text(f"entries:\n{item}\n")
    assert len(read_dictionary(tmp_path, tmp_path, None).words) == 0


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"symbols: [\n", b"entries: &a [*a]\nsymbols: *a\n"])
def test_a_dictionary_that_is_no_text_or_no_yaml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dsdict.yaml").write_bytes(content)
    with pytest.raises(VoicebankError, match=r"dsdict\.yaml"):
        read_dictionary(tmp_path, tmp_path, None)
