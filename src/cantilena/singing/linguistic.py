"""What the models of a stage are told of a phrase's phonemes, encoded by the stage's own linguistic model.

Conventions
-----------
Encoders of words and encoders of phonemes are offered what either wants. Voicebanks that can blend two phonemes are
told to blend each with itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cantilena.singing.results import PhonemeTiming
    from cantilena.voicebank.bundle import Stage

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
    model = stage.models["linguistic"]
    masked = "x_masks" in model.outputs
    results = model.run(offered, outputs=("encoder_out", "x_masks") if masked else ("encoder_out",))
    return results["encoder_out"], results["x_masks"] if masked else offered["tokens"] == 0


def encode_phonemes(stage: Stage, timing: PhonemeTiming) -> Array:
    """Encode phonemes of known lengths, for an encoder that takes words as well as for one that takes phonemes.

    Parameters
    ----------
    stage : Stage
        Whose linguistic model is run.
    timing : PhonemeTiming
        The padded phonemes, on the stage's own grid.

    Returns
    -------
    array
        ``encoder_out`` [shape=(1, n_phonemes, hidden_size)].
    """
    word_div = divide_at_vowels([_is_vowel(stage, phoneme.symbol, phoneme.kind) for phoneme in timing.phonemes])
    begins = np.array([0, *np.cumsum(word_div[:-1])], dtype=np.int64)
    offered = {
        **phoneme_inputs(stage, timing.symbols),
        "word_div": _row(word_div),
        "word_dur": _row(np.add.reduceat(timing.durations, begins)),
        "ph_dur": _row(timing.durations),
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


def phoneme_inputs(stage: Stage, symbols: Sequence[str]) -> Mapping[str, Array]:
    """``tokens`` and ``languages`` of a stage, each [shape=(1, n_phonemes)], and the blend of each with itself."""
    tokens = stage.symbols.token_ids(symbols)
    return {
        "tokens": tokens,
        "languages": stage.symbols.language_ids(symbols),
        "tokens_b": tokens,
        "blend": np.zeros(tokens.shape, dtype=np.float32),
    }


def encoder_inputs(encoder_out: Array, n_frames: int) -> Mapping[str, Array]:
    """``encoder_out`` for the model after the encoder, and the blend of each phoneme with itself."""
    return {
        "encoder_out": encoder_out,
        "encoder_out_b": encoder_out,
        "blend": np.zeros((1, n_frames), dtype=np.float32),
    }


def _is_vowel(stage: Stage, symbol: str, kind: str) -> bool:
    spelled = stage.symbols.find(symbol) or symbol
    return kind == "vowel" if symbol in ("SP", "AP") else stage.kinds.get(spelled, kind) == "vowel"


def _row(values: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.int64)[None, :]
