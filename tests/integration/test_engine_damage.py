"""A damaged ONNX file gives one error that names it, whatever the damage; weights never come from elsewhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from cantilena.errors import VoicebankError
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.model_file import prepare_model
from cantilena.voicebank.onnx_graph import read_graph
from cantilena.voicebank.protobuf import write_bytes
from cantilena.voicebank.sessions import Model
from tests.voicebanks.graphs import FLOAT, Graph


def whole() -> bytes:
    """Noise, a branch, weights that are mapped and weights that are not."""
    result = helper.make_tensor_value_info("inner", FLOAT, None)
    branches = {
        name: helper.make_graph([helper.make_node(kind, ["x"], ["inner"])], name, [], [result])
        for name, kind in (("then_branch", "Neg"), ("else_branch", "Identity"))
    }
    g = Graph("whole")
    x = g.input("x", FLOAT, ["rows", 128])
    product = g.op("MatMul", x, g.const(np.ones((128, 128))))
    chosen = g.op("If", g.op("Cast", g.const(1), to=onnx.TensorProto.BOOL), **branches)
    g.output("y", g.sum(product, chosen, g.op("RandomNormalLike", x), g.const(np.ones(128))), FLOAT, ["rows", 128])
    return g.serialized()


WHOLE = whole()


def opened(folder: Path, content: bytes) -> Model:
    file = folder / "m.onnx"
    file.write_bytes(content)
    model = Model(file, root=folder, role="acoustic", engine=EngineOptions())
    model.open()
    return model


def structure() -> range:
    """Where the bytes lie that are not the numbers of the large weights."""
    (weights,) = (
        item.numbers
        for item in read_graph(WHOLE).weights
        if item.numbers and item.numbers.end - item.numbers.begin == 2**16
    )
    return range(weights.end, len(WHOLE))


def damaged() -> Iterator[bytes]:
    chance = random.Random(8)
    places = [*structure(), *range(len(WHOLE) - len(structure()) - 2**16)]
    for _ in range(150):
        at = chance.choice(places)
        yield WHOLE[:at] + bytes([WHOLE[at] ^ 1 << chance.randrange(8)]) + WHOLE[at + 1 :]
    for _ in range(60):
        at = chance.choice(places)
        yield WHOLE[:at] + chance.randbytes(chance.randrange(1, 9)) + WHOLE[at + chance.randrange(9) :]
    for _ in range(40):
        yield WHOLE[: chance.randrange(len(WHOLE))]


def test_damage_never_does_more_than_fail(tmp_path):
    """A flipped bit may leave a model that opens; nothing but an error about the voicebank comes of the others."""
    reasons = []
    for content in damaged():
        try:
            opened(tmp_path, content)
        except VoicebankError as error:
            reasons.append(str(error))
    assert len(reasons) > 100
    assert all("m.onnx" in reason for reason in reasons)


def test_a_cut_file_is_refused(tmp_path):
    for size in (1, 10, 200, len(WHOLE) // 2, len(WHOLE) - 1):
        with pytest.raises(VoicebankError, match=r"m\.onnx"):
            opened(tmp_path, WHOLE[:size])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\x3a\xff\xff", "ends after its message|no whole number"),
        (b"not a model at all", "is not an ONNX model"),
        (b"\xff" * 20, "no whole number at byte 0"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is not an ONNX model"),
        (WHOLE + write_bytes(7, b""), "2 graphs"),
        (b"\x08\x08", "no graphs"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path, content, reason):
    with pytest.raises(VoicebankError, match=reason):
        opened(tmp_path, content)


def test_graphs_inside_graphs_without_end_are_refused(tmp_path):
    graph = b""
    for _ in range(5000):
        graph = write_bytes(1, write_bytes(5, write_bytes(6, graph)))
    with pytest.raises(VoicebankError, match="graphs inside graphs"):
        opened(tmp_path, write_bytes(7, graph))


def test_a_folder_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    for name in ("folder.onnx", "none.onnx"):
        with pytest.raises(VoicebankError, match=name):
            Model(tmp_path / name, root=tmp_path, role="dur", engine=EngineOptions()).open()


def test_mapped_weights_give_what_weights_that_were_read_give(tmp_path):
    """Wherever in the file they begin."""
    weights = np.random.default_rng(0).standard_normal((128, 256)).astype(np.float32)
    for shift in range(4):
        g = Graph("g" * (shift + 1))
        g.output("y", g.op("MatMul", g.input("x", FLOAT, ["rows", 128]), g.const(weights)), FLOAT, ["rows", 256])
        content = g.serialized()
        model = opened(tmp_path, content)
        assert len(prepare_model(model.file, root=tmp_path).content) < len(content) // 10
        x = np.eye(128, dtype=np.float32)
        assert np.array_equal(model.run({"x": x}, outputs=("y",))["y"], weights)


def with_weights_at(folder: Path, entries: list[tuple[str, str]], *, inside: bool) -> Path:
    """A model whose weights lie elsewhere, in its main graph or inside a branch."""
    tensor = onnx.TensorProto(name="w", data_type=FLOAT, dims=[3], data_location=onnx.TensorProto.EXTERNAL)
    for key, value in entries:
        tensor.external_data.add(key=key, value=value)
    y = helper.make_tensor_value_info("y", FLOAT, None)
    c = helper.make_tensor_value_info("c", onnx.TensorProto.BOOL, [])
    use = helper.make_node("Identity", ["w"], ["y"])
    if inside:
        branch = helper.make_graph([use], "branch", [], [y], [tensor])
        use = helper.make_node("If", ["c"], ["y"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph([use], "external", [c], [y], [] if inside else [tensor])
    opsets = [helper.make_opsetid("", 17)]
    (folder / "m.onnx").write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return folder / "m.onnx"


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    "entries",
    [
        [("location", "../w.bin")],
        [("location", "w.bin"), ("location", "../w.bin")],
        [("offset", "0"), ("location", "../bank/../w.bin"), ("length", "12")],
        [("location", "link.bin")],
    ],
)
def test_weights_outside_the_voicebank_are_refused_wherever_they_are_named(tmp_path, inside, entries):
    bank = tmp_path / "bank"
    bank.mkdir()
    (tmp_path / "w.bin").write_bytes(bytes(12))
    (bank / "w.bin").write_bytes(bytes(12))
    (bank / "link.bin").symlink_to(tmp_path / "w.bin")
    file = with_weights_at(bank, entries, inside=inside)
    with pytest.raises(VoicebankError, match=r"outside the voicebank|leads out of the voicebank"):
        Model(file, root=bank, role="acoustic", engine=EngineOptions()).open()


def test_the_key_of_a_place_may_come_after_its_value(tmp_path):
    """Protobuf allows any order; the tool that writes such a file has something in mind."""
    file = with_weights_at(tmp_path, [("location", "../w.bin")], inside=False)
    usual = b"\x0a\x08location\x12\x08../w.bin"
    content = file.read_bytes()
    assert usual in content
    file.write_bytes(content.replace(usual, b"\x12\x08../w.bin\x0a\x08location"))
    with pytest.raises(VoicebankError, match="outside the voicebank"):
        Model(file, root=tmp_path, role="acoustic", engine=EngineOptions()).open()


def test_weights_that_their_file_is_too_short_for_are_refused(tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(5))
    file = with_weights_at(tmp_path, [("location", "w.bin")], inside=False)
    with pytest.raises(VoicebankError, match="cannot be opened"):
        Model(file, root=tmp_path, role="acoustic", engine=EngineOptions()).open()
