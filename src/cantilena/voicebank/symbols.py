"""The numbers a stage gives to phonemes and languages; each stage of a voicebank has numbers of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cantilena.voicebank.files import broken, read_text

SILENCE = "SP"
BREATH = "AP"


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
    """

    file: Path
    tokens: Mapping[str, int]
    languages: Mapping[str, int]

    def find(self, symbol: str) -> str | None:
        """The stage's own spelling of a symbol: as it is, or without its language prefix; id 0 is padding."""
        for spelling in (symbol, symbol.rpartition("/")[2]):
            if self.tokens.get(spelling, 0) > 0:
                return spelling
        return None

    def token_ids(self, symbols: Iterable[str]) -> NDArray[np.int64]:
        """Ids of symbols that the stage is known to have, [shape=(1, n)]."""
        spelled = [self.find(symbol) or SILENCE for symbol in symbols]
        return np.array([[self.tokens[symbol] for symbol in spelled]], dtype=np.int64)

    def language_ids(self, symbols: Iterable[str]) -> NDArray[np.int64]:
        """Language of each symbol by its prefix, 0 where it has none, [shape=(1, n)]."""
        spelled = [self.find(symbol) or SILENCE for symbol in symbols]
        prefixes = [symbol.rpartition("/")[0] for symbol in spelled]
        return np.array([[self.languages.get(prefix, 0) for prefix in prefixes]], dtype=np.int64)


def read_symbol_table(phonemes: Path, languages: Path | None) -> SymbolTable:
    """Read a stage's phonemes (.json, else one a line) and languages (.json).

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: not such a table, or one without silence.
    """
    tokens = _read_ids(phonemes) if phonemes.suffix.casefold() == ".json" else _read_lines(phonemes)
    if tokens.get(SILENCE, 0) <= 0:
        raise broken(phonemes, f"has no phoneme {SILENCE} for silence")
    return SymbolTable(file=phonemes, tokens=tokens, languages=_read_ids(languages) if languages else {})


def _read_lines(file: Path) -> dict[str, int]:
    """Id = number of the line from 0: every line counts, blank ones too, and the last of a symbol wins."""
    lines = read_text(file).replace("\r\n", "\n").split("\n")
    return {line.strip(): number for number, line in enumerate(lines) if line.strip()}


def _read_ids(file: Path) -> dict[str, int]:
    try:
        table = json.loads(read_text(file))
    except (json.JSONDecodeError, RecursionError) as error:
        raise broken(file, "is not valid JSON") from error
    if not isinstance(table, dict) or not all(type(value) is int and value >= 0 for value in table.values()):
        raise broken(file, "must map names to whole numbers of at least 0")
    return table
