"""The text of a ``dsdict.yaml``, read in pieces: a dictionary may hold 270,000 words in 28 MB.

Conventions
-----------
The words (``entries``) are cut into items as they stream by, and an item in one of the usual shapes is read by a
pattern; a YAML parser, eight times as slow, reads the odd ones and everything else. Every scalar stays text: the word
``no`` is "no".
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from cantilena.voicebank.files import EDITOR_ENCODINGS, LARGEST_TEXT, broken, read_yaml, unreadable
from cantilena.voicebank.plain_yaml import PlainYamlError, parse_yaml

_CHUNK: Final = 1 << 20  # characters

# Led by the line break, which a search finds ten times as fast as the beginning of a line.
_KEY: Final = re.compile(r"""\n["']?([A-Za-z_]\w*)["']?[ \t]*:""")
_ENTRIES: Final = "entries"

# No pattern can match a stretch of text in two ways, or a line of spaces would take an hour to be refused.
_PLAIN = r"""[^\s"'\[\]{},#&*!|>%@`:?-][^\s"\[\]{},#:]*(?:[ \t]+[^\s"\[\]{},#:]+)*"""
_SCALAR = rf"""(?:"([^"\\\n]*)"|'([^'\n]*)'|({_PLAIN}))"""
_LIST = r"[ \t]*\[([^\[\]{}#\\]*)\]\s*"


def _item(opening: str, border: str, phonemes: str) -> re.Pattern[str]:
    """The pattern of an item: its word is one of three groups, its phonemes are the fourth."""
    return re.compile(
        rf"""[ \t]*-[ \t]+{opening}["']?grapheme["']?[ \t]*:[ \t]+{_SCALAR}[ \t]*{border}"""
        rf"""["']?phonemes["']?[ \t]*:{phonemes}"""
    )


_BRACES: Final = _item(r"\{[ \t]*", r",\s*", _LIST + r"\}\s*")
_BRACKETS: Final = _item("", r"\n[ \t]*", _LIST)
_DASHES: Final = _item("", r"\n[ \t]*", r"[ \t]*((?:\n[ \t]*-[ \t]+[^\s\[\]{}#\\:][^\n\[\]{}#\\:]*)+)\s*")
_SHAPES: Final = (_BRACES, _DASHES, _BRACKETS)
_FIRST: Final = re.compile(r"^([ \t]*)-(?=[ \t\n])", re.MULTILINE)
_NO_ITEM: Final = re.compile(r"[^\n:]*:[ \t]*(#[^\n]*)?(\n[ \t]*(#[^\n]*)?)*")
_DASH: Final = re.compile(r"\n[ \t]*-[ \t]+")


class Entry(NamedTuple):
    """A word and its phonemes as written."""

    word: str
    phonemes: tuple[str, ...]


class Unreadable(NamedTuple):
    """An item that is no word with phonemes; ``text`` is its first line."""

    text: str


def read_head(file: Path) -> Mapping[str, Any]:
    """Everything but the words, as nested mappings and lists of text.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: no text, or no YAML.
    """
    # Blank lines stand for the words, so that a complaint names the right line.
    text = "".join(
        "\n" * piece.count("\n") if section == _ENTRIES else piece for section, piece in _read_sections(file)
    )
    return {key: value for key, value in read_yaml(file, text=text).items() if key != _ENTRIES}


def read_entries(file: Path) -> Iterator[Entry | Unreadable]:
    """The words, one after another.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: no text.
    """
    pieces = (piece for section, piece in _read_sections(file) if section == _ENTRIES)
    shape = _SHAPES[0]
    for item in filter(str.strip, _split_items(pieces)):
        match = shape.fullmatch(item)
        if match is None:  # all items of a file have the same shape, nearly always
            shape = next((other for other in _SHAPES if other.fullmatch(item)), shape)
            match = shape.fullmatch(item)
        if match is None:
            yield from _parse_item(item)
        else:
            double, single, plain, written = match.groups()
            yield Entry(plain or double or single or "", _symbols(written, dashes=shape is _DASHES))


def _read_sections(file: Path) -> Iterator[tuple[str, str]]:
    """Pieces of the text, whole lines each, with the top-level key they stand under ("" before the first)."""
    encoding = _encoding_of(file)
    section = ""
    try:
        with file.open(encoding=encoding) as stream:
            while chunk := stream.read(_CHUNK):
                chunk = f"\n{chunk}{stream.readline()}"
                begin = 1
                for key in _KEY.finditer(chunk):
                    if key.start() + 1 > begin:
                        yield section, chunk[begin : key.start() + 1]
                    section, begin = key[1], key.start() + 1
                yield section, chunk[begin:]
    except OSError as error:
        raise unreadable(file, error) from error


def _encoding_of(file: Path) -> str:
    """The first of the encodings that editors write in which the whole file can be read."""
    try:
        if file.stat().st_size > LARGEST_TEXT:
            raise broken(file, f"is larger than {LARGEST_TEXT // 1024**2} MB, which no text of a voicebank is")
        for encoding in (*EDITOR_ENCODINGS, "utf-16"):
            with file.open("rb") as stream:
                if (stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) != (encoding == "utf-16"):
                    continue
                stream.seek(0)
                decoder = codecs.getincrementaldecoder(encoding)()
                try:
                    while piece := stream.read(_CHUNK):
                        decoder.decode(piece)
                    decoder.decode(b"", final=True)
                except UnicodeError:
                    continue
            return "utf-8-sig" if encoding == "utf-8" else encoding
    except OSError as error:
        raise unreadable(file, error) from error
    raise broken(file, f"is not text in {' or '.join(EDITOR_ENCODINGS)}")


def _split_items(pieces: Iterable[str]) -> Iterator[str]:
    """The items of a list in block style; the whole text when it is in another style."""
    pieces = iter(pieces)
    before: list[str] = []
    for piece in pieces:
        first = _FIRST.search(piece)
        if first is None:
            before.append(piece)
        elif _NO_ITEM.fullmatch(head := "".join([*before, piece[: first.start()]])):
            yield from _split_at(first[1], piece[first.start() :], pieces)
            return
        else:  # a list in brackets
            before = [head, piece[first.start() :], *pieces]
    yield "".join(before)


def _split_at(indent: str, rest: str, pieces: Iterable[str]) -> Iterator[str]:
    """Items that each begin with a dash after the same indent."""
    border = re.compile(rf"\n(?={indent}-[ \t\n])")
    for piece in chain(("",), pieces):
        *whole, rest = border.split(rest + piece)
        yield from whole
    yield rest


def _symbols(written: str, *, dashes: bool) -> tuple[str, ...]:
    """The symbols between commas, or each after a dash of its own."""
    if '"' in written or "'" in written:
        parts = _DASH.split(written)[1:] if dashes else written.split(",")
        return tuple(symbol for part in parts if (symbol := _unquoted(part.strip())))
    return tuple(written.split()[1::2] if dashes else written.replace(",", " ").split())


def _unquoted(symbol: str) -> str:
    return symbol[1:-1] if symbol[:1] in ("'", '"') and symbol[-1:] == symbol[:1] else symbol


def _parse_item(item: str) -> Iterator[Entry | Unreadable]:
    """What a YAML parser finds in an item, or in a whole list."""
    try:
        content = parse_yaml(item)
    except PlainYamlError:
        yield Unreadable(item.strip().partition("\n")[0][:80])
        return
    entries = content.get(_ENTRIES) if isinstance(content, dict) else content
    for entry in entries if isinstance(entries, list) else []:
        word, phonemes = (entry.get("grapheme"), entry.get("phonemes")) if isinstance(entry, dict) else (None, None)
        if isinstance(word, str) and isinstance(phonemes, list) and all(isinstance(one, str) for one in phonemes):
            yield Entry(word, tuple(phonemes))
        else:
            yield Unreadable(str(entry)[:80])
