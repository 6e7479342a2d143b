"""Who sings: the embedding of one speaker, or a mix of several that may change over time.

Conventions
-----------
The speaker of the song has what the others leave of 100; others that want more than 100 together are scaled down, and
the speaker is silent. Every stage mixes its own embeddings. Whom a stage does not know has no share in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cantilena.singing.controls import Controls
    from cantilena.voicebank.bundle import Stage
    from cantilena.voicebank.sessions import Model


def speaker_input(
    stage: Stage, model: Model, speaker: str | None, controls: Controls, times: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """``spk_embed`` [shape=(1, n, hidden_size)] when the model asks for it.

    Parameters
    ----------
    stage : Stage
        Whose embeddings are mixed.
    model : Model
        Who is told.
    speaker : str or None
        Who sings.
    controls : Controls
        Weights of further speakers.
    times : NDArray[np.float64] [shape=(n,)]
        Seconds of each frame or phoneme, on the clock of the controls.
    """
    wanted = model.inputs.get("spk_embed")
    if wanted is None:
        return {}
    size = wanted.shape[-1] if wanted.shape else None
    own = stage.embedding(speaker, size=size)
    others = [name for name in controls.speakers if stage.has_speaker(name)]
    if not others:
        return {"spk_embed": np.broadcast_to(own, (1, len(times), len(own)))}
    weights = mix_weights(np.stack([controls.speakers[name].at(times) for name in others]))
    vectors = np.stack([own, *(stage.embedding(name, size=size) for name in others)])
    return {"spk_embed": (weights.T @ vectors.astype(np.float64)).astype(np.float32)[None]}


def mix_weights(others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of the speaker of a song and of the others, which sum to 1.

    Parameters
    ----------
    others : NDArray[np.float64] [shape=(n_others, n)]
        Weights 0..100.

    Returns
    -------
    NDArray[np.float64] [shape=(1 + n_others, n)]
        The speaker's first.

    Examples
    --------
    >>> mix_weights(np.array([[25.0, 50.0], [25.0, 150.0]])).tolist()
    [[0.5, 0.0], [0.25, 0.25], [0.25, 0.75]]
    """
    shares = others / np.maximum(others.sum(axis=0), 100.0)
    return np.concatenate([[1.0 - shares.sum(axis=0)], shares])
