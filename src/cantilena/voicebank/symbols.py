"""The numbers a stage gives to phonemes and languages; each stage of a voicebank has numbers of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cantilena.voicebank.files import broken, read_text
from cantilena.voicebank.nearest import BREATH as BREATH
from cantilena.voicebank.nearest import SILENCE as SILENCE
from cantilena.voicebank.nearest import bare, nearest_symbol
from cantilena.voicebank.phonetics import Kind

_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolTable:
    """Phonemes and languages of one stage.

    Attributes
    ----------
    file : Path
        Where the phonemes were read, for messages.
    tokens : mapping of str to int
        Symbol to id; several symbols may share one.
    languages : mapping of str to int
        Language code to id, from 1.
    kinds : mapping of str to {"vowel", "glide", "consonant"}
        What the voicebank's dictionaries say of symbols, for finding the nearest one.
    """

    file: Path
    tokens: Mapping[str, int]
    languages: Mapping[str, int]
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    _spelled: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def find(self, symbol: str) -> str | None:
        """The stage's own spelling of a symbol: as it is, or without its language prefix; id 0 is padding."""
        for spelling in (symbol, bare(symbol)):
            if self.tokens.get(spelling, 0) > 0:
                return spelling
        return None

    def spell(self, symbol: str) -> str:
        """The stage's own spelling of a symbol, or the nearest symbol that it has."""
        if symbol not in self._spelled:
            self._spelled[symbol] = self.find(symbol) or nearest_symbol(symbol, self.sung, self.kinds)
        return self._spelled[symbol]

    @property
    def sung(self) -> tuple[str, ...]:
        """Every symbol that may be sung: id 0 is padding."""
        return tuple(symbol for symbol, token in self.tokens.items() if token > 0)

    def token_ids(self, symbols: Iterable[str]) -> NDArray[np.int64]:
        """Ids of symbols, each [shape=(1, n)]; of one that the stage lacks, the id of the nearest."""
        return np.array([[self.tokens[self.spell(symbol)] for symbol in symbols]], dtype=np.int64)

    def language_ids(self, symbols: Iterable[str]) -> NDArray[np.int64]:
        """Language of each symbol by the prefix that it has in this stage, 0 where it has none, [shape=(1, n)]."""
        prefixes = [self.spell(symbol).rpartition("/")[0] for symbol in symbols]
        return np.array([[self.languages.get(prefix, 0) for prefix in prefixes]], dtype=np.int64)


def read_symbol_table(
    phonemes: Path, languages: Path | None, *, kinds: Mapping[str, Kind] | None = None
) -> SymbolTable:
    """Read a stage's phonemes (.json, else one a line) and languages (.json).

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: not such a table, or one without silence.
    """
    tokens = _read_ids(phonemes) if phonemes.suffix.casefold() == ".json" else _read_lines(phonemes)
    if tokens.get(SILENCE, 0) <= 0:
        raise broken(phonemes, f"has no phoneme {SILENCE} for silence")
    return SymbolTable(
        file=phonemes, tokens=tokens, languages=_read_ids(languages) if languages else {}, kinds=kinds or {}
    )


def _read_lines(file: Path) -> dict[str, int]:
    """Id = number of the line from 0: every line counts, blank ones too, and the last of a symbol wins."""
    lines = read_text(file).replace("\r\n", "\n").split("\n")
    return {line.strip(): number for number, line in enumerate(lines) if line.strip()}


def _read_ids(file: Path) -> dict[str, int]:
    try:
        table = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits
        raise broken(file, "is not valid JSON") from error
    if not isinstance(table, dict) or not all(type(id_) is int and 0 <= id_ <= _LARGEST_ID for id_ in table.values()):
        raise broken(file, f"must map names to whole numbers from 0 to {_LARGEST_ID}")
    return table
