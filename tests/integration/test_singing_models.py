"""Models are fed what they ask for, and weights in files of their own stay inside the voicebank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from cantilena.errors import VoicebankError
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model
from tests.voicebanks import graphs
from tests.voicebanks.graphs import FLOAT, Graph


def external(folder: Path, location: str) -> Path:
    """A model that adds weights kept in a file of their own."""
    weights = onnx.TensorProto(name="w", data_type=FLOAT, dims=[3], data_location=onnx.TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value=location)
    x, y = (helper.make_tensor_value_info(name, FLOAT, [3]) for name in "xy")
    nodes = [
        helper.make_node("RandomNormalLike", ["x"], ["n"], scale=0.0),
        helper.make_node("Sum", ["x", "w", "n"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "external", [x], [y], [weights])
    file = folder / "model.onnx"
    file.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )
    return file


def test_weights_beside_the_model_are_read(tmp_path):
    (tmp_path / "w.bin").write_bytes(np.array([1, 2, 3], dtype="<f4").tobytes())
    model = Model(external(tmp_path, "w.bin"), root=tmp_path, role="acoustic", engine=EngineOptions())
    y = model.run({"x": np.zeros(3, np.float32)}, outputs=("y",))["y"]
    assert y.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("../w.bin", "lies outside the voicebank"),
        ("/etc/hostname", "absolute path"),
        ("missing.bin", r"keeps weights in 'missing\.bin', which is missing"),
        ("../" * 60 + "w.bin", "lies outside the voicebank"),
    ],
)
def test_weights_elsewhere_are_refused(tmp_path, location, reason):
    bank = tmp_path / "bank"
    bank.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(12))
    model = Model(external(bank, location), root=bank, role="acoustic", engine=EngineOptions())
    with pytest.raises(VoicebankError, match=reason):
        model.open()


def test_single_numbers_fit_graphs_with_and_without_a_dimension(tmp_path):
    for shape in ([], [1]):
        g = Graph("steps")
        x, steps = g.input("x", FLOAT, [1, 3]), g.input("steps", graphs.INT, shape)
        g.output("y", g.op("Add", x, g.float(steps)), FLOAT, [1, 3])
        (tmp_path / "m.onnx").write_bytes(g.serialized())
        model = Model(tmp_path / "m.onnx", root=tmp_path, role="acoustic", engine=EngineOptions())
        feeds = {"x": np.zeros((1, 3), np.float32), "steps": np.array([7], np.int64)}
        assert model.run(feeds, outputs=("y",))["y"].tolist() == [[7, 7, 7]]


def test_what_is_offered_is_given_in_the_type_and_shape_asked_for(tmp_path):
    g = Graph("types")
    a, b = g.input("a", graphs.INT, [1, "n"]), g.input("b", FLOAT, [1, 2])
    g.output("y", g.op("Add", g.float(a), b), FLOAT, [1, 2])
    (tmp_path / "m.onnx").write_bytes(g.serialized())
    model = Model(tmp_path / "m.onnx", root=tmp_path, role="acoustic", engine=EngineOptions())
    feeds = {"a": np.array([[1, 2]], np.int32), "b": np.array([[0.5, 0.5]]), "unasked": np.zeros(1)}
    assert model.run(feeds, outputs=("y",))["y"].tolist() == [[1.5, 2.5]]
    with pytest.raises(VoicebankError, match="asks for whole numbers in 'a'"):
        model.run({**feeds, "a": np.zeros((1, 2))}, outputs=("y",))
    with pytest.raises(VoicebankError, match=r"asks for 'b' of shape \(1, 2\), and would get \(1, 3\)"):
        model.run({**feeds, "b": np.zeros((1, 3))}, outputs=("y",))


@pytest.mark.parametrize(("kind", "expected"), [("RandomNormalLike", True), ("Bernoulli", True), ("Neg", False)])
def test_a_model_tells_whether_it_draws_noise_inside_a_branch(tmp_path, kind, expected):
    result = helper.make_tensor_value_info("inner", FLOAT, None)
    branch = helper.make_graph([helper.make_node(kind, ["x"], ["inner"])], "branch", [], [result])
    other = helper.make_graph([helper.make_node("Identity", ["x"], ["inner"])], "other", [], [result])
    g = Graph("branching")
    g.input("x", FLOAT, [1, 3])
    c = g.input("c", graphs.BOOL, [])
    g.output("y", g.op("If", c, then_branch=branch, else_branch=other), FLOAT, [1, 3])
    (tmp_path / "m.onnx").write_bytes(g.serialized())
    model = Model(tmp_path / "m.onnx", root=tmp_path, role="acoustic", engine=EngineOptions())
    assert model.draws_in_loops is expected
