"""What a voicebank's dictionary says: which kind of sound each phoneme is, what it sings in place of a language's own
phonemes, and how words are pronounced.

Read from ``dsdict-<language>.yaml`` or ``dsdict.yaml``: the first there is, never both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cantilena.voicebank.dictionary_text import Unreadable, read_entries, read_head
from cantilena.voicebank.dictionary_words import DictionaryStore, Words, parse_words
from cantilena.voicebank.files import broken, find_file
from cantilena.voicebank.nearest import BREATH, SILENCE
from cantilena.voicebank.phonetics import Kind as Kind

if TYPE_CHECKING:
    from cantilena.cache import ContentStore
    from cantilena.voicebank.symbols import SymbolTable

_KNOWN_TYPES = frozenset(
    ("vowel", "semivowel", "liquid", "stop", "fricative", "affricate", "aspirate", "nasal", "tap", "trill")
)
_SHOWN = 5


class Dictionary:
    """One dictionary, its words read when they are first asked for.

    Attributes
    ----------
    file : Path or None
        None: there is none, and everything is empty.
    kinds : mapping of str to {"vowel", "glide", "consonant"}
        For every symbol the file declares; silence and breath are vowels whatever it says.
    replacements : mapping of str to tuple of str
        A language's phoneme to the symbols sung for it.
    """

    def __init__(self, file: Path | None = None, *, store: ContentStore | None = None) -> None:
        self.file = file
        self._kept = DictionaryStore(file, store) if file else None
        self._head = self._read_head()
        declared = ((item.get("symbol"), item.get("type", "")) for item in self._items("symbols"))
        self._types = {symbol: written for symbol, written in declared if isinstance(symbol, str)}
        self.kinds: Mapping[str, Kind] = {symbol: _kind(symbol, written) for symbol, written in self._types.items()}
        self.replacements: Mapping[str, tuple[str, ...]] = dict(self._read_replacements())

    @cached_property
    def words(self) -> Words:
        """How words are pronounced, in symbols that the file declares."""
        file = self.file
        if file is None or self._kept is None:
            return Words(b"")
        return Words(self._kept.read_or_make("words", lambda: parse_words(file, self.kinds)))

    def _read_head(self) -> Mapping[str, Any]:
        """Everything but the words."""
        file = self.file
        if file is None or self._kept is None:
            return {}
        content = json.loads(self._kept.read_or_make("head", lambda: json.dumps(read_head(file)).encode()))
        return content if isinstance(content, dict) else {}

    def _read_replacements(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        for item in self._items("replacements"):
            source, target = item.get("from"), item.get("to")
            targets = [target] if isinstance(target, str) else target
            if isinstance(source, str) and isinstance(targets, list) and targets:
                yield source, tuple(map(str, targets))

    def _items(self, key: str) -> list[dict[str, object]]:
        value = self._head.get(key)
        if value is None or value == "":
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise broken(self.file or "", "must give its symbols and replacements as lists of keys and values")
        return value

    def problems(self, table: SymbolTable) -> tuple[str, ...]:
        """What is wrong with it, each the rest of a sentence that begins with the file's name.

        Parameters
        ----------
        table : SymbolTable
            Of the stage whose dictionary it is.

        Raises
        ------
        VoicebankError
            ``voicebank_broken``: it cannot be read at all.
        """
        return tuple(self._find_problems(table)) if self.file else ()

    def _find_problems(self, table: SymbolTable) -> Iterator[str]:
        if odd := sorted({str(written) for written in self._types.values()} - _KNOWN_TYPES):
            yield f"gives symbols the types {_some(odd)}, which count as consonants"
        if unknown := [symbol for symbol in self.kinds if table.find(symbol) is None]:
            yield f"declares symbols that {table.file.name} lacks: {_some(unknown)}"
        targets = {symbol for symbols in self.replacements.values() for symbol in symbols}
        if unknown := [symbol for symbol in sorted(targets) if table.find(symbol) is None]:
            yield f"replaces phonemes by symbols that {table.file.name} lacks: {_some(unknown)}"
        unreadable: list[str] = []
        undeclared: Counter[str] = Counter()
        empty: list[str] = []
        for entry in read_entries(self.file) if self.file else ():
            if isinstance(entry, Unreadable):
                unreadable.append(entry.text)
                continue
            if self.kinds:
                undeclared.update(symbol for symbol in entry.phonemes if symbol not in self.kinds)
            if not any(symbol in self.kinds or not self.kinds for symbol in entry.phonemes):
                empty.append(entry.word)
        if unreadable:
            yield f"has {len(unreadable)} entries that are no words with phonemes: {_some(unreadable)}"
        if undeclared:
            yield (
                f"uses in {undeclared.total()} places of its words symbols that it does not declare, which are left "
                f"out: {_some(list(undeclared))}"
            )
        if empty:
            yield f"has {len(empty)} words without a phoneme, which are passed over: {_some(empty)}"


def read_dictionary(root: Path, folder: Path, language: str | None, *, store: ContentStore | None = None) -> Dictionary:
    """The first dictionary there is: that of the language, else the general one; an empty one when there is none.

    Parameters
    ----------
    root : Path
        Folder of the voicebank.
    folder : Path
        Folder of the stage.
    language : str or None
        Code; None: only the general dictionary.
    store : ContentStore or None
        Where parsed words are kept.
    """
    names = [name for name in dictionary_files(folder) if language and dictionary_language(name) == language]
    # "dsdict-fr-millefeuille" is French too, but "dsdict-fr" is asked first.
    for name in (*sorted(names, key=lambda name: (len(name), name)), "dsdict.yaml"):
        file = find_file(root, folder, name)
        if file is not None and file.is_file():
            return Dictionary(file, store=store)
    return Dictionary()


def read_kinds(
    root: Path, folder: Path, durations: Path | None, *, store: ContentStore | None = None
) -> Mapping[str, Kind]:
    """Kinds of sounds in a stage: by its own general dictionary, else by that of the duration stage.

    Parameters
    ----------
    root, folder : Path
        Folders of the voicebank and of the stage.
    durations : Path or None
        Folder of the duration stage.
    store : ContentStore or None
        As in :func:`read_dictionary`.
    """
    kinds = read_dictionary(root, folder, None, store=store).kinds
    if kinds or durations is None or durations == folder:
        return kinds
    return read_dictionary(root, durations, None, store=store).kinds


def dictionary_files(folder: Path) -> tuple[str, ...]:
    """Names of the dictionaries of languages in a stage's folder."""
    return tuple(
        sorted(
            file.name
            for file in (folder.iterdir() if folder.is_dir() else ())
            if file.name.casefold().startswith("dsdict-") and file.suffix.casefold() == ".yaml"
        )
    )


def dictionary_language(name: str) -> str:
    """The language of a dictionary by its file's name, as the prefix of its symbols spells it.

    >>> [dictionary_language(f"dsdict-{x}.yaml") for x in ("en", "fr-millefeuille", "zh-yue")]
    ['en', 'fr', 'yue']
    """
    code = name.casefold().removeprefix("dsdict-").removesuffix(".yaml")
    return "yue" if code.startswith("zh-yue") else code.partition("-")[0]


def _kind(symbol: str, written: object) -> Kind:
    if written == "vowel" or symbol in (SILENCE, BREATH):
        return "vowel"
    return "glide" if written in ("semivowel", "liquid") else "consonant"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
