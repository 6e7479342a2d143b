"""Reads a labelled speech corpus: one JSON line per utterance, one FLAC per line.

**Conventions**: a corpus folder holds ``labels-<voice>.jsonl``; each line has ``id``, ``audio`` (path in the folder),
``seconds``, ``phones`` (``[symbol, start_s, end_s, stress, word_index]``) and ``f0_hz`` (one value per 12.5 ms).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from voicebuilder.symbols import IDS

F0_STEP_SECONDS = 0.0125


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """One labelled phone; ``start`` and ``end`` in seconds, ``stress`` 0 where the corpus gives none."""

    symbol: str
    start: float
    end: float
    stress: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One line of the corpus; phones are contiguous from 0 to the end of the audio."""

    name: str
    voice: str
    audio: Path
    phones: tuple[Phone, ...]
    f0: NDArray[np.float64]  # [shape=(n,)] Hz every 12.5 ms, 0 where unvoiced


def read_corpus(folder: Path, voice: str, *, lines: int | None = None) -> tuple[Utterance, ...]:
    """Read the labels of one voice.

    Parameters
    ----------
    folder : Path
        Corpus folder.
    voice : str
        Name of the voice in the corpus, as in ``labels-<voice>.jsonl``.
    lines : int or None
        Read only that many lines, spread evenly over the file.

    Raises
    ------
    ValueError
        A label names a phone outside the inventory.
    """
    rows = (folder / f"labels-{voice}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in rows if row.strip()]
    if lines is not None and lines < len(rows):
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, lines).astype(int)]
    return tuple(_parse(folder, voice, json.loads(row)) for row in rows)


def write_labels(utterances: Iterable[Utterance], path: Path) -> None:
    """Keep what the stages without sound are trained on, one JSON line per utterance, whole or not at all."""
    rows = [
        {
            "id": u.name,
            "audio": u.audio.as_posix(),
            "voice": u.voice,
            "phones": [[p.symbol, p.start, p.end, p.stress] for p in u.phones],
            "f0_hz": u.f0.round(2).tolist(),
        }
        for u in utterances
    ]
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    part.replace(path)


def read_labels(path: Path) -> tuple[Utterance, ...]:
    """Read what :func:`write_labels` kept."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return tuple(_parse(path.parent, row["voice"], row) for row in rows)


def _parse(folder: Path, voice: str, row: dict) -> Utterance:
    phones = tuple(Phone(symbol=p[0], start=p[1], end=p[2], stress=p[3] or 0) for p in row["phones"])
    unknown = {p.symbol for p in phones} - set(IDS)
    if unknown:
        raise ValueError(f"line {row['id']} of {voice}: phones {sorted(unknown)} are not in the inventory")
    f0 = np.asarray(row["f0_hz"], np.float64)
    return Utterance(
        name=str(row["id"]), voice=voice, audio=folder / row["audio"], phones=phones, f0=np.where(f0 > 50.0, f0, 0.0)
    )


def read_audio(utterance: Utterance) -> tuple[NDArray[np.float64], int]:
    """Read the samples of an utterance as mono float64, with their sample rate in Hz."""
    samples, sample_rate = soundfile.read(utterance.audio, always_2d=True)
    return np.ascontiguousarray(samples.mean(1)), int(sample_rate)
