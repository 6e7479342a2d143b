"""What the models of a stage are told of a phrase: its phonemes, encoded by the stage's own linguistic model, and who
sings it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cantilena.units import seconds_to_frames

if TYPE_CHECKING:
    from cantilena.singing.results import PhonemeTiming
    from cantilena.voicebank.bundle import Stage
    from cantilena.voicebank.sessions import Model

Array = NDArray[Any]


def encode_words(
    stage: Stage, symbols: Sequence[str], *, word_div: Sequence[int], word_dur: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Encode phonemes whose own lengths are not known yet.

    Parameters
    ----------
    stage : Stage
        Whose linguistic model is run.
    symbols : sequence of str [shape=(n_phonemes,)]
        What is sung.
    word_div, word_dur : sequence of int [shape=(n_words,)]
        Phonemes and frames of each word, from vowel to vowel; each >= 1.

    Returns
    -------
    tuple of arrays
        ``encoder_out`` [shape=(1, n_phonemes, hidden_size)] and ``x_masks`` [shape=(1, n_phonemes)].
    """
    offered = {**phoneme_inputs(stage, symbols), "word_div": _row(word_div), "word_dur": _row(word_dur)}
    results = stage.models["linguistic"].run(offered, outputs=("encoder_out", "x_masks"))
    return results["encoder_out"], results["x_masks"]


def encode_phonemes(stage: Stage, timing: PhonemeTiming, durations: NDArray[np.int64]) -> Array:
    """Encode phonemes of known lengths, for an encoder that takes words as well as for one that takes phonemes.

    Parameters
    ----------
    stage : Stage
        Whose linguistic model is run.
    timing : PhonemeTiming
        The padded phonemes.
    durations : NDArray[np.int64] [shape=(n_phonemes,)]
        Frames on the stage's own grid.
    """
    word_div = divide_at_vowels([_is_vowel(stage, phoneme.symbol, phoneme.kind) for phoneme in timing.phonemes])
    begins = np.array([0, *np.cumsum(word_div[:-1])], dtype=np.int64)
    offered = {
        **phoneme_inputs(stage, timing.symbols),
        "word_div": _row(word_div),
        "word_dur": _row(np.add.reduceat(durations, begins)),
        "ph_dur": _row(durations),
    }
    return stage.models["linguistic"].run(offered, outputs=("encoder_out",))["encoder_out"]


def divide_at_vowels(vowels: Sequence[bool]) -> list[int]:
    """Phonemes of each word, when a word runs from a vowel to the next.

    Parameters
    ----------
    vowels : sequence of bool [shape=(n_phonemes,)]
        Of the padded phonemes; the padding itself opens and closes no word.

    Returns
    -------
    list of int
        Sums to n_phonemes: the silence before the phrase with its consonants, then a word for each vowel, the last
        with the silence after the phrase.

    Examples
    --------
    >>> divide_at_vowels([True, False, True, False, True, True])  # SP hh ah l ow SP
    [2, 2, 2]
    """
    opens = [k for k in range(1, len(vowels) - 1) if vowels[k]] or [max(len(vowels) - 2, 1)]
    borders = [0, *opens, len(vowels)]
    return [end - begin for begin, end in pairwise(borders)]


def stage_durations(stage: Stage, timing: PhonemeTiming) -> NDArray[np.int64]:
    """The lengths of a phrase's phonemes on a stage's own frame grid, each >= 1."""
    if stage.frame_seconds == timing.frame_seconds:
        return timing.durations
    frames = seconds_to_frames(timing.durations * timing.frame_seconds, frame_seconds=stage.frame_seconds)
    return np.maximum(frames, 1)


def resample(curve: Array, *, source: float, target: float, n_frames: int) -> NDArray[np.float32]:
    """A curve of frames of ``source`` seconds on a grid of ``n_frames`` frames of ``target`` seconds, by time."""
    values = np.asarray(curve, dtype=np.float32).reshape(-1)
    if source == target and len(values) == n_frames:
        return values
    at = (np.arange(n_frames) + 0.5) * target
    return np.asarray(np.interp(at, (np.arange(len(values)) + 0.5) * source, values), dtype=np.float32)


def phoneme_inputs(stage: Stage, symbols: Sequence[str]) -> Mapping[str, Array]:
    """``tokens`` and ``languages`` of a stage, each [shape=(1, n_phonemes)]."""
    return {"tokens": stage.symbols.token_ids(symbols), "languages": stage.symbols.language_ids(symbols)}


def speaker_input(stage: Stage, model: Model, speaker: str | None, n: int) -> Mapping[str, Array]:
    """``spk_embed`` [shape=(1, n, hidden_size)] when the model asks for it; ``n`` frames or phonemes."""
    wanted = model.inputs.get("spk_embed")
    if wanted is None:
        return {}
    vector = stage.embedding(speaker, size=wanted.shape[-1] if wanted.shape else None)
    return {"spk_embed": np.broadcast_to(vector, (1, n, len(vector)))}


def _is_vowel(stage: Stage, symbol: str, kind: str) -> bool:
    spelled = stage.symbols.find(symbol) or symbol
    return kind == "vowel" if symbol in ("SP", "AP") else stage.kinds.get(spelled, kind) == "vowel"


def _row(values: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64)[None, :]
