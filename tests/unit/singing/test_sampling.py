"""A model is told how finely to sample in the way its graph asks for it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cantilena.singing.options import STEPS, SingOptions, Steps
from cantilena.singing.sampling import noise_input, sampling_inputs
from cantilena.voicebank.sessions import TensorSpec

INT, SHARE, WHOLE = np.int64, {"depth": np.float32}, {"depth": np.int64}


def model(*, draws_in_loops: bool = False, **inputs: type[np.generic]) -> SimpleNamespace:
    """A model of no more than its inputs."""
    return SimpleNamespace(
        inputs={name: TensorSpec(dtype=dtype, shape=()) for name, dtype in inputs.items()},
        draws_in_loops=draws_in_loops,
    )


def told(asked: SimpleNamespace, steps: int, depth: float = 1.0) -> dict[str, float]:
    inputs = sampling_inputs(asked, steps=steps, depth=depth)
    for name, value in inputs.items():
        assert value.shape == (1,)  # fits graphs that list a number with and without a dimension
        assert value.dtype == asked.inputs[name].dtype
    return {name: value.item() for name, value in inputs.items()}


def test_evaluations_are_counted_by_graphs_of_today():
    assert told(model(steps=INT), 20) == {"steps": 20}
    assert told(model(steps=INT, **SHARE), 20, depth=0.4) == {"steps": 20, "depth": pytest.approx(0.4)}


@pytest.mark.parametrize(
    ("steps", "speedup"), [(20, 50), (10, 100), (5, 200), (4, 250), (7, 125), (30, 25), (1, 1000), (500, 2)]
)
def test_a_legacy_speedup_divides_a_thousand(steps, speedup):
    assert told(model(speedup=INT), steps) == {"speedup": speedup}
    assert 1000 % speedup == 0


@pytest.mark.parametrize(
    ("depth", "steps", "expected"),
    [
        (0.4, 20, {"speedup": 20, "depth": 400}),
        (0.33, 20, {"speedup": 16, "depth": 320}),
        (1.0, 10, {"speedup": 100, "depth": 1000}),
        (0.0, 10, {"speedup": 2, "depth": 0}),
    ],
)
def test_a_legacy_depth_is_a_multiple_of_the_speedup(depth, steps, expected):
    assert told(model(speedup=INT, **WHOLE), steps, depth) == expected


@pytest.mark.parametrize("inputs", [{"speedup": INT}, {"speedup": INT, **WHOLE}, {"speedup": INT, **SHARE}])
@pytest.mark.parametrize("depth", [1.0, 0.4, 0.011, 0.001, 0.0])
@pytest.mark.parametrize("steps", [1, 10, 333, 501, 1000])
def test_a_speedup_of_one_is_never_sent(inputs, steps, depth):
    sent = told(model(**inputs), steps, depth)
    assert sent["speedup"] >= 2
    if inputs.get("depth") is INT:
        assert sent["depth"] % sent["speedup"] == 0


def graph_speedup(sent: dict[str, float], *, shallow: bool) -> int:
    """What a diffusion graph that counts its evaluations makes of them."""
    way = round(sent["depth"] * 1000) if shallow else 1000
    return max(1, way // int(sent["steps"]))


@pytest.mark.parametrize("depth", [1.0, 0.4, 0.033, 0.002])
@pytest.mark.parametrize("steps", [1, 10, 100, 501, 1000])
def test_diffusion_never_draws_noise_of_its_own(steps, depth):
    """One time step at a time would: the steps are bounded by the depth."""
    deep, shallow = model(steps=INT, draws_in_loops=True), model(steps=INT, draws_in_loops=True, **SHARE)
    assert graph_speedup(told(deep, steps), shallow=False) >= 2
    assert graph_speedup(told(shallow, steps, depth), shallow=True) >= 2
    assert told(model(steps=INT), steps) == {"steps": steps}  # a flow draws none, and is not bounded


def test_at_depth_zero_one_step_is_asked_for():
    """Nothing is evaluated; 0 would be a division by zero in diffusion graphs."""
    for draws in (True, False):
        assert told(model(steps=INT, draws_in_loops=draws, **SHARE), 10, 0.0) == {"steps": 1, "depth": 0.0}
    assert told(model(steps=INT), 10, 0.0) == {"steps": 10}


def test_a_whole_depth_beside_steps():
    assert told(model(steps=INT, **WHOLE), 10, 0.4) == {"steps": 10, "depth": 400}


def test_noise_from_outside_has_the_shape_that_the_graph_lists():
    asked = model(noise=np.float32)
    asked.inputs["noise"] = TensorSpec(dtype=np.float32, shape=(1, 1, 64, None))
    first, second = (noise_input(asked, 30, np.random.default_rng(seed))["noise"] for seed in (1, 1))
    assert first.shape == (1, 1, 64, 30)
    assert first.dtype == np.float32
    assert np.array_equal(first, second)
    asked.inputs["noise"] = TensorSpec(dtype=np.float32, shape=(1, None, None))
    assert noise_input(asked, 30, np.random.default_rng(1)) == {}
    assert noise_input(model(), 30, np.random.default_rng(1)) == {}


def test_the_reference_has_the_steps_of_every_quality():
    text = (Path(__file__).parents[3] / "docs" / "command-line.md").read_text("utf-8")
    for quality, steps in STEPS.items():
        assert f"| `{quality}` | {steps.acoustic}, {steps.variance}, {steps.pitch} |" in text


def test_quality_and_steps():
    assert STEPS["best"] == Steps(acoustic=20, variance=20, pitch=10)
    assert STEPS["normal"] == Steps(acoustic=10, variance=10, pitch=10)
    assert SingOptions(quality="draft").sampling_steps.depth == 0.0
    assert SingOptions(quality="draft", steps=3).sampling_steps == Steps(acoustic=3, variance=3, pitch=3, depth=0.0)
    assert SingOptions(steps=30).sampling_steps == Steps(acoustic=30, variance=30, pitch=30, depth=1.0)
