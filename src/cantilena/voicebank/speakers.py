"""Speakers of a stage: which entry is meant by a name, and its embedding."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cantilena.voicebank.files import broken, require_file, unreadable

_LARGEST = 1024**2  # bytes; a thousand times what any has


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


def speaker_aliases(entries: Sequence[str], colours: Mapping[str, str]) -> dict[str, str]:
    """What people may call the speakers of a voicebank, without regard to case, and the entries they mean.

    Examples
    --------
    >>> speaker_aliases(("v1.kumi", "v1.rena"), {"Soft": "v1.rena"})
    {'kumi': 'v1.kumi', 'rena': 'v1.rena', 'soft': 'v1.rena'}
    """
    aliases = {name.casefold(): entry for name, entry in zip(speaker_names(entries), entries, strict=True)}
    for colour, written in colours.items():
        index = match_speaker(written, entries)
        if index is not None:
            aliases.setdefault(colour.casefold(), entries[index])
    return aliases


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
        raw = file.read_bytes() if file.stat().st_size <= _LARGEST else b""
    except OSError as error:
        raise unreadable(file, error) from error
    if not raw or len(raw) % 4:
        raise broken(file, f"must hold 32-bit floats, but has {file.stat().st_size} bytes")
    values = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if not np.isfinite(values).all():
        raise broken(file, "holds values that are not numbers")
    values.flags.writeable = False
    return values
