"""The speech recogniser: where it lies, and how likely it finds the words that are sung.

How many words are heard wrong moves in steps of a tenth of a line, and a word that is nearly lost counts as one that is
clear. The probability of the true words moves with every change of the voice, and tells two voices apart by lines whose
word errors say nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import soxr
from numpy.typing import NDArray

from benchmarks.places import FETCH_WHISPER, missing_tools

SAMPLE_RATE = 16_000
LONGEST_SECONDS = 30.0
_FRAMES = 3000
_LEAST = 1e-6
"""What a word cannot fall below: one that is lost costs its share and no more."""
_SPACE = "\u0120"
"""How the recogniser writes a space in its tokens."""


def whisper_folder() -> tuple[str | None, str]:
    """Folder of the recogniser, ``WHISPER_DIR`` or fetched; None, and why, when it cannot be had."""
    if folder := os.environ.get("WHISPER_DIR"):
        return folder, ""
    if absent := missing_tools("faster_whisper"):
        return None, f"word errors not measured: {absent}"
    done = subprocess.run(
        ["sh", str(FETCH_WHISPER)], capture_output=True, text=True, check=False,
        env=dict(os.environ) | {"PYTHON": sys.executable},
    )  # fmt: skip
    if done.returncode:
        said = done.stderr.strip()[-200:]
        return None, f"word errors not measured: the recogniser could not be fetched ({said})."
    return done.stdout.strip().splitlines()[-1], ""


class WordLikelihood:
    """How likely the recogniser finds words when it is told them one after another.

    Parameters
    ----------
    folder : str
        Of the recogniser.
    threads : int
    """

    def __init__(self, folder: str, *, threads: int) -> None:
        import faster_whisper
        from faster_whisper.tokenizer import Tokenizer

        self._model = faster_whisper.WhisperModel(
            folder, device="cpu", compute_type="float32", cpu_threads=threads, local_files_only=True
        )
        self._tokens = Tokenizer(self._model.hf_tokenizer, True, task="transcribe", language="en")

    def __call__(self, samples: NDArray[np.float64], sample_rate: int, lyrics: str) -> float:
        """Mean natural log of the probabilities of the words' tokens, 0 (certain) to -13.8 (none is heard).

        Parameters
        ----------
        samples : NDArray[np.float64] [shape=(n_samples,)]
            At most 30 s.
        sample_rate : int
        lyrics : str
            As a sentence.
        """
        from faster_whisper.audio import pad_or_trim

        if len(samples) > LONGEST_SECONDS * sample_rate:
            raise ValueError(f"a line of {len(samples) / sample_rate:.0f} s; the recogniser hears 30 s at once")
        heard = soxr.resample(samples, sample_rate, SAMPLE_RATE).astype(np.float32)
        features = self._model.encode(pad_or_trim(self._model.feature_extractor(heard)))
        told = self._model.model.align(features, self._tokens.sot_sequence, [self._encode(lyrics)], [_FRAMES])[0]
        return float(np.log(np.maximum(told.text_token_probs, _LEAST)).mean())

    def _encode(self, lyrics: str) -> list[int]:
        """Tokens of words; a space that the converted tokenizer leaves alone goes to its word, as in training."""
        inner = self._tokens.tokenizer
        space, tokens = inner.token_to_id(_SPACE), list[int]()
        for token in self._tokens.encode(f" {lyrics.rstrip('.!? ')}"):
            joined = inner.token_to_id(_SPACE + inner.id_to_token(token)) if tokens and tokens[-1] == space else None
            if joined is None:
                tokens.append(token)
            else:
                tokens[-1] = joined
        return tokens
