"""How finely a model samples, told in the way its graph asks for it.

Conventions
-----------
Diffusion has 1000 time steps, whatever the era. A graph that lists ``speedup`` skips that many at once; one that lists
``steps`` counts its evaluations itself. ``depth`` says how much of the way is sampled at all, as a share of it or as
time steps: the rest comes from the graph's own first guess, and depth 0 is that guess alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cantilena.voicebank.sessions import Model

Array = NDArray[Any]

TIME_STEPS: Final = 1000
_FACTORS: Final = tuple(n for n in range(1, TIME_STEPS + 1) if TIME_STEPS % n == 0)
# One time step at a time means a thousand evaluations of ancestral sampling, which also draws noise of its own.
_LEAST_SPEEDUP: Final = 2


def sampling_inputs(model: Model, *, steps: int, depth: float = 1.0) -> dict[str, Array]:
    """``steps`` or ``speedup``, and ``depth``, as a model lists them.

    Parameters
    ----------
    model : Model
        Who is told; its inputs decide.
    steps : int
        Evaluations of the network that are wanted, >= 1.
    depth : float
        0..1, not above what the model was trained for.

    Returns
    -------
    dict of str to array
        Each [shape=(1,)].
    """
    asked = model.inputs
    way = round(depth * TIME_STEPS) if "depth" in asked else TIME_STEPS
    if "speedup" in asked:
        if "depth" in asked:
            speedup = max(way // steps, _LEAST_SPEEDUP)
            way = way // speedup * speedup
        else:
            most = max(TIME_STEPS // steps, _LEAST_SPEEDUP)
            speedup = max(factor for factor in _FACTORS if factor <= most)
        return {"speedup": _one(speedup, np.int64)} | _depth(model, way / TIME_STEPS, way)
    if depth <= 0.0 and "depth" in asked:
        # Nothing is sampled. Reflow graphs would take 0; diffusion graphs divide by it, and nothing in their inputs
        # tells the two apart.
        steps = 1
    elif model.draws_in_loops:
        steps = max(1, min(steps, way // _LEAST_SPEEDUP))  # more would be ancestral sampling
    return {"steps": _one(steps, np.int64)} | _depth(model, depth, way)


def noise_input(model: Model, n_frames: int, generator: np.random.Generator) -> dict[str, Array]:
    """``noise`` for a model that was exported to take it from outside; its frames are the one free axis."""
    wanted = model.inputs.get("noise")
    if wanted is None or list(wanted.shape[1:]).count(None) != 1:
        return {}
    shape = (1, *(n_frames if size is None else size for size in wanted.shape[1:]))
    return {"noise": generator.standard_normal(shape, dtype=np.float32)}


def _depth(model: Model, share: float, way: int) -> dict[str, Array]:
    """``depth`` in the dtype that the model lists: a share of the way, or its time steps."""
    if "depth" not in model.inputs:
        return {}
    whole = np.issubdtype(model.inputs["depth"].dtype, np.integer)
    return {"depth": _one(way, np.int64) if whole else _one(share, np.float32)}


def _one(value: float, dtype: type[np.generic]) -> Array:
    return np.array([value], dtype=dtype)
