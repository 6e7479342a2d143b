"""What kind of sound each phoneme of a voicebank is, and what it sings in place of a language's own phonemes.

Read from ``dsdict-<language>.yaml`` or ``dsdict.yaml``. The words in these files are not used: words are pronounced by
:mod:`cantilena.language`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cantilena.voicebank.files import broken, find_file, read_text, read_yaml

Kind = Literal["vowel", "glide", "consonant"]

# A dictionary may hold 270,000 words in 28 MB, which takes a YAML parser half a minute.
_ENTRIES = re.compile(r"^entries[ \t]*:.*?(?=^[^\s\-#]|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dictionary:
    """Kinds and replacements.

    Attributes
    ----------
    kinds : mapping of str to {"vowel", "glide", "consonant"}
        For every symbol the file declares.
    replacements : mapping of str to tuple of str
        A language's phoneme to the symbols sung for it.
    """

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    replacements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def read_dictionary(root: Path, folder: Path, language: str | None) -> Dictionary:
    """The first dictionary there is: that of the language, else the general one; an empty one when there is none.

    Parameters
    ----------
    root : Path
        Folder of the voicebank.
    folder : Path
        Folder of the stage.
    language : str or None
        Two-letter code; None: only the general dictionary.
    """
    names = ([f"dsdict-{language}.yaml"] if language else []) + ["dsdict.yaml"]
    for name in names:
        file = find_file(root, folder, name)
        if file is not None:
            return _parse(file)
    return Dictionary()


def _parse(file: Path) -> Dictionary:
    content = read_yaml(file, text=_ENTRIES.sub("", read_text(file)))
    kinds: dict[str, Kind] = {}
    for item in _items(file, content.get("symbols")):
        symbol, kind = item.get("symbol"), item.get("type", "")
        if isinstance(symbol, str):
            kinds[symbol] = _kind(kind)
    replacements: dict[str, tuple[str, ...]] = {}
    for item in _items(file, content.get("replacements")):
        source, target = item.get("from"), item.get("to")
        targets = [target] if isinstance(target, str) else target
        if isinstance(source, str) and isinstance(targets, list):
            replacements[source] = tuple(map(str, targets))
    return Dictionary(kinds=kinds, replacements=replacements)


def _items(file: Path, value: object) -> list[dict[str, object]]:
    if value is None or value == "":
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise broken(file, "must give its symbols and replacements as lists of keys and values")
    return value


def _kind(written: object) -> Kind:
    if written == "vowel":
        return "vowel"
    return "glide" if written in ("semivowel", "liquid") else "consonant"
