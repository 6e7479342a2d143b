"""Speakers of a stage: which entry is meant by a name, and its embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cantilena.voicebank.files import broken, require_file


def match_speaker(asked: str, entries: Sequence[str]) -> int | None:
    """Index of the entry that a name means: itself, in any case, its last folder, or what follows its last dot.

    Examples
    --------
    >>> match_speaker("kumi", ("embeds/Standard", "millefeuille_v001.kumi"))
    1
    >>> match_speaker("standard", ("embeds/Standard", "millefeuille_v001.kumi"))
    0
    >>> match_speaker("rena", ("kumi",)) is None
    True
    """
    spellings: tuple[Callable[[str], str], ...] = (
        lambda entry: entry,
        str.casefold,
        lambda entry: _basename(entry).casefold(),
        lambda entry: _basename(entry).rpartition(".")[2].casefold(),
    )
    for spell in spellings:
        wanted = spell(asked)
        for index, entry in enumerate(entries):
            if spell(entry) == wanted:
                return index
    return None


def speaker_names(entries: Sequence[str]) -> tuple[str, ...]:
    """Short names to show for entries: without folders and experiment names, as long as they stay different."""
    for shorten in (lambda entry: _basename(entry).rpartition(".")[2], _basename):
        names = tuple(shorten(entry) for entry in entries)
        if all(names) and len(set(map(str.casefold, names))) == len(names):
            return names
    return tuple(entries)


def _basename(entry: str) -> str:
    return entry.replace("\\", "/").rpartition("/")[2]


def read_embedding(root: Path, folder: Path, entry: str) -> NDArray[np.float32]:
    """The embedding of one entry.

    Returns
    -------
    NDArray[np.float32] [shape=(hidden_size,)]
        As many values as the file holds.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: missing, not a list of 32-bit floats, or not finite.
    """
    file = require_file(root, folder, f"{entry}.emb", purpose="the embedding of a speaker")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    if not raw or len(raw) % 4:
        raise broken(file, f"must hold 32-bit floats, but has {len(raw)} bytes")
    values = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise broken(file, "holds values that are not numbers")
    values.flags.writeable = False
    return values
