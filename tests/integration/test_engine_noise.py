"""What a model would draw by itself comes from a seed: the same samples in any order, thread and process."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from cantilena.voicebank import sessions
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model
from tests.voicebanks import graphs
from tests.voicebanks.graphs import BOOL, FLOAT, INT, Graph

ROWS = [1, "rows", 3]


def x(rows: int) -> np.ndarray:
    return np.arange(rows * 3, dtype=np.float32).reshape(1, rows, 3)


def model(folder: Path, graph: Graph | bytes, **engine: object) -> Model:
    file = folder / "m.onnx"
    file.write_bytes(graph if isinstance(graph, bytes) else graph.serialized())
    return Model(file, root=folder, role="vocoder", engine=EngineOptions(**engine))


def drawing(kind: str, *, rows: list[int | str] = ROWS, **attributes: object) -> Graph:
    """Gives what a random node draws for x, and nothing else."""
    g = Graph("drawing")
    given = g.input("x", FLOAT, rows)
    inputs = () if "shape" in attributes else (given,)
    drawn = g.op("Cast", g.op(kind, *inputs, **attributes), to=FLOAT)
    g.output("y", g.sum(drawn, g.nothing(given)), FLOAT, rows)
    return g


def run(model: Model, rows: int, seed: int = 0) -> np.ndarray:
    return model.run({"x": x(rows)}, outputs=("y",), generator=np.random.default_rng(seed))["y"]


NORMAL, UNIFORM = (0.0, 1.0), (0.5, 12**-0.5)


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        ("RandomNormalLike", {}, NORMAL),
        ("RandomNormalLike", {"dtype": onnx.TensorProto.DOUBLE}, NORMAL),
        ("RandomNormalLike", {"dtype": onnx.TensorProto.FLOAT16}, NORMAL),
        ("RandomNormalLike", {"mean": 5.0, "scale": 0.5}, (5.0, 0.5)),
        ("RandomUniformLike", {}, UNIFORM),
        ("RandomUniformLike", {"low": -1.0, "high": 3.0}, (1.0, 4 * 12**-0.5)),
        ("RandomNormal", {"shape": [1, 4000, 3]}, NORMAL),
        ("RandomUniform", {"shape": [1, 4000, 3]}, UNIFORM),
    ],
)
def test_every_random_node_becomes_noise_of_its_own_distribution(tmp_path, kind, attributes, expected):
    drawn = model(tmp_path, drawing(kind, **attributes))
    y = run(drawn, 4000)
    assert (y.mean(), y.std()) == pytest.approx(expected, abs=0.03)
    assert np.array_equal(y, run(drawn, 4000))
    assert not np.array_equal(y, run(drawn, 4000, seed=1))
    assert not drawn.draws_noise


def test_a_coin_is_tossed_by_the_seed_too(tmp_path):
    g = Graph("coin")
    chance = g.input("x", FLOAT, ROWS)
    g.output("y", g.op("Bernoulli", chance), FLOAT, ROWS)
    coin = model(tmp_path, g)
    feeds = {"x": np.full((1, 3000, 3), 0.25, np.float32)}
    first, again = (coin.run(feeds, outputs=("y",), generator=np.random.default_rng(3))["y"] for _ in range(2))
    assert np.array_equal(first, again)
    assert set(np.unique(first)) == {0.0, 1.0}
    assert first.mean() == pytest.approx(0.25, abs=0.02)


def test_noise_of_a_half_precision_tensor_is_of_half_precision(tmp_path):
    g = Graph("half")
    half = g.op("Cast", g.input("x", FLOAT, ROWS), to=onnx.TensorProto.FLOAT16)
    g.output("y", g.float(g.op("Add", half, g.op("RandomNormalLike", half))), FLOAT, ROWS)
    noisy = model(tmp_path, g)
    assert np.array_equal(run(noisy, 50), run(noisy, 50))


def test_what_cannot_become_an_input_is_told(tmp_path):
    g = Graph("lottery")
    g.output("y", g.float(g.op("Multinomial", g.input("x", FLOAT, [1, "n"]))), FLOAT, [1, 1])
    lottery = model(tmp_path, g)
    assert lottery.draws_noise
    assert not lottery.draws_in_loops


def vocoder(*, hop_size: int = 8, pad: int = 1) -> Graph:
    """Random phases of nine harmonics, and noise for each in every sample, as older vocoders draw; times 0 f0."""
    g = Graph("vocoder")
    f0 = g.input("f0", FLOAT, [1, "n_frames"])
    held = g.row(g.op("Expand", g.unsqueeze(f0, 2), g.const([1, 1, hop_size], np.int64)))
    if pad > 1:  # samples rounded up to a whole number of blocks
        count = g.op("Gather", g.op("Shape", held), g.const(1, np.int64))
        block = g.const(pad, np.int64)
        missing = g.op("Mod", g.op("Sub", g.const(0, np.int64), count), block)
        pads = g.op("Concat", g.const([0, 0, 0], np.int64), g.op("Reshape", missing, g.const([1], np.int64)), axis=0)
        held = g.op("Pad", held, pads)
    samples = g.op("Expand", g.unsqueeze(held, 2), g.const([1, 1, 9], np.int64))
    phases = g.op("RandomUniform", shape=[1, 1, 9])
    noise = g.op("RandomNormalLike", samples)
    g.output("harmonics", g.sum(noise, g.op("Mul", phases, g.const(0.0))), FLOAT, [1, "n_samples", 9])
    g.output("phases", phases, FLOAT, [1, 1, 9])
    return g


def harmonics(vocoder: Model, frames: int, seed: int = 0) -> np.ndarray:
    feeds = {"f0": np.full((1, frames), 220, np.float32)}
    return vocoder.run(feeds, outputs=("harmonics",), generator=np.random.default_rng(seed))["harmonics"]


def test_each_value_of_a_large_noise_is_drawn_once(tmp_path):
    drawn = harmonics(model(tmp_path, vocoder()), 50)
    assert drawn.shape == (1, 400, 9)
    assert len(np.unique(drawn)) == drawn.size


def count_probes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    probes: list[str] = []
    prepare = sessions.prepare_size_probe
    monkeypatch.setattr(
        sessions, "prepare_size_probe", lambda file, source: probes.append(source.name) or prepare(file, source)
    )
    return probes


def test_how_much_noise_is_wanted_is_asked_once_and_known_for_every_length(tmp_path, monkeypatch):
    probes = count_probes(monkeypatch)
    opened = model(tmp_path, vocoder())
    for frames in (50, 51, 3, 200, 50):
        assert harmonics(opened, frames).shape == (1, frames * 8, 9)
    assert probes == ["cantilena_noise_1"]


def test_noise_that_does_not_grow_with_the_frames_is_drawn_in_full_all_the_same(tmp_path, monkeypatch):
    probes = count_probes(monkeypatch)
    opened = model(tmp_path, vocoder(pad=60))
    for frames in (50, 51, 3, 50):
        drawn = harmonics(opened, frames)
        assert drawn.size == -(-frames * 8 // 60) * 60 * 9
        assert len(np.unique(drawn)) == drawn.size
    assert len(probes) > 1


def test_nothing_but_what_precedes_the_noise_is_run_to_ask_for_its_size(tmp_path):
    """What follows fails on this length; the question is answered, and the run says what is wrong."""
    g = vocoder()
    g.output("broken", g.op("Reshape", "harmonics", g.const([7, 7], np.int64)), FLOAT, [7, 7])
    opened = model(tmp_path, g)
    with pytest.raises(Exception, match="Reshape"):
        harmonics(opened, 50)


def test_noise_in_the_shape_of_noise(tmp_path):
    g = Graph("two")
    given = g.input("x", FLOAT, ROWS)
    count = g.op("NonZero", g.op("Greater", g.op("RandomNormalLike", given), g.const(0.0)))
    noise = g.op("RandomNormalLike", g.float(g.op("Gather", count, g.const(0, np.int64), axis=0)))
    g.output("y", noise, FLOAT, ["found"])
    opened = model(tmp_path, g)
    for rows in (40, 7, 90):
        drawn = run(opened, rows)
        assert np.array_equal(drawn, run(opened, rows))
        assert len(np.unique(drawn)) == drawn.size


def branching(kind: str) -> Graph:
    """Draws in the graph that follows, whose shape depends on a branch that reads names from outside."""
    result = helper.make_tensor_value_info("inner", FLOAT, None)
    branch = helper.make_graph([helper.make_node(kind, ["doubled"], ["inner"])], "branch", [], [result])
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["inner"])], "other", [], [result])
    g = Graph("branching")
    given = g.input("x", FLOAT, ROWS)
    g._nodes.append(helper.make_node("Add", [given, given], ["doubled"]))
    chosen = g.op("If", g.input("c", BOOL, []), then_branch=branch, else_branch=other)
    g.output("y", g.op("RandomNormalLike", chosen), FLOAT, ROWS)
    return g


def test_sizes_that_depend_on_branches_are_found(tmp_path):
    opened = model(tmp_path, branching("Neg"))
    feeds = {"x": x(20), "c": np.array([True])}
    assert len(np.unique(opened.run(feeds, outputs=("y",))["y"])) == 60
    assert not opened.draws_noise


def test_noise_inside_a_branch_is_told(tmp_path):
    opened = model(tmp_path, branching("RandomNormalLike"))
    assert opened.draws_in_loops
    assert opened.draws_noise


def test_an_absurd_amount_of_noise_is_refused(tmp_path):
    g = Graph("absurd")
    count = g.input("n", INT, [1])
    like = g.op("ConstantOfShape", g.op("Concat", count, g.const([2**20], np.int64), axis=0))
    g.output("y", g.op("RandomNormalLike", like), FLOAT, [1, "n"])
    file = tmp_path / "m.onnx"
    file.write_bytes(g.serialized())
    opened = Model(file, root=tmp_path, role="acoustic", engine=EngineOptions())
    with pytest.raises(Exception, match=r"noise of the shape|not enough memory|failed") as caught:
        opened.run({"n": np.array([2**30])}, outputs=("y",))
    assert type(caught.value).__name__ == "InferenceError"


ORDERS = [(50, 20, 35), (35, 50, 20), (20, 35, 50, 20, 50)]


def test_the_same_seed_gives_the_same_samples_in_any_order_and_in_threads(tmp_path):
    alone = {frames: harmonics(model(tmp_path, vocoder(pad=60)), frames, seed=frames) for frames in (50, 20, 35)}
    for order in ORDERS:
        opened = model(tmp_path, vocoder(pad=60))
        for frames in order:
            assert np.array_equal(harmonics(opened, frames, seed=frames), alone[frames])
    opened = model(tmp_path, vocoder(pad=60))
    with ThreadPoolExecutor(4) as pool:
        frames = [20, 50, 35] * 8
        for given, drawn in zip(frames, pool.map(lambda n: harmonics(opened, n, seed=n), frames), strict=True):
            assert np.array_equal(drawn, alone[given])


PROGRAM = """
import sys
from pathlib import Path
from tests.integration.test_engine_noise import harmonics
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model
file = Path(sys.argv[1])
model = Model(file, root=file.parent, role="vocoder", engine=EngineOptions())
harmonics(model, 9)
sys.stdout.buffer.write(harmonics(model, 35, seed=7).tobytes())
"""


def test_another_process_gives_the_same_samples(tmp_path):
    here = harmonics(model(tmp_path, vocoder()), 35, seed=7)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "m.onnx")],
        capture_output=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.stdout == here.tobytes()


def test_a_model_without_noise_gains_no_inputs(tmp_path):
    plain = model(tmp_path, graphs.linguistic(hidden=3, by_word=True, languages=False))
    assert set(plain.inputs) == {"tokens", "word_div", "word_dur"}
    assert not plain.draws_noise
