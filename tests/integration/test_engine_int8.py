"""Models with weights of 8 bits: made once, kept, made again when damaged, and singing nearly the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from cantilena.cache import ContentStore
from cantilena.errors import InferenceError, OptionError
from cantilena.voicebank import quantization
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model
from tests.voicebanks.graphs import FLOAT, Graph

X = np.random.default_rng(0).standard_normal((20, 256)).astype(np.float32)


def flow() -> bytes:
    """Starts from noise and multiplies by weights in a loop, in a graph that names its operators twice."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("MatMul", ["v", "w"], ["product"]), helper.make_node("Tanh", ["product"], ["next"]),
         helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [info("i", onnx.TensorProto.INT64, []), info("go", onnx.TensorProto.BOOL, []), info("v", FLOAT, None)],
        [info("on", onnx.TensorProto.BOOL, []), info("next", FLOAT, None)],
    )  # fmt: skip
    g = Graph("flow")
    x = g.input("x", FLOAT, ["rows", 256])
    weights = np.random.default_rng(1).standard_normal((256, 256)) / 16
    g._initializers.append(onnx.numpy_helper.from_array(weights.astype(np.float32), "w"))
    start = g.op("Add", x, g.op("RandomNormalLike", x))
    g.output("y", g.op("Loop", g.const(3, np.int64), "", start, body=body), FLOAT, ["rows", 256])
    return g.serialized()


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bank") / "acoustic.onnx"
    path.write_bytes(flow())
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> ContentStore:
    return ContentStore(tmp_path_factory.mktemp("store"), max_bytes=2**24)


def sung(file: Path, **engine: object) -> np.ndarray:
    model = Model(file, root=file.parent, role="acoustic", engine=EngineOptions(**engine))
    return model.run({"x": X}, outputs=("y",), generator=np.random.default_rng(4))["y"]


def never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantization, "_quantize", lambda file, target: pytest.fail("made again"))


def test_the_result_is_nearly_that_of_whole_precision_and_the_noise_the_same(file, store):
    whole, short = sung(file), sung(file, precision="int8", store=store)
    assert not np.array_equal(whole, short)
    assert np.sqrt(np.mean((whole - short) ** 2)) < 0.05 * whole.std()


def test_it_is_made_once(file, store, monkeypatch):
    first = sung(file, precision="int8", store=store)
    never_made(monkeypatch)
    assert np.array_equal(sung(file, precision="int8", store=store), first)


def test_a_damaged_one_is_made_again(file, store):
    first = sung(file, precision="int8", store=store)
    kept = [path for path in store.folder.rglob("*") if path.is_file() and path.stat().st_size > 50_000]
    (path,) = kept
    path.write_bytes(path.read_bytes()[:-7] + b"damaged")
    assert np.array_equal(sung(file, precision="int8", store=store), first)


def test_without_a_store_it_lives_as_long_as_the_process(file, store, monkeypatch):
    kept = sung(file, precision="int8", store=store)
    assert np.array_equal(sung(file, precision="int8"), kept)
    never_made(monkeypatch)
    assert np.array_equal(sung(file, precision="int8"), kept)


def test_a_store_that_has_no_room_is_no_reason_to_fail(file, store, tmp_path):
    tiny = ContentStore(tmp_path / "tiny", max_bytes=100)
    assert np.array_equal(sung(file, precision="int8", store=tiny), sung(file, precision="int8", store=store))


def test_a_model_that_would_not_shrink_stays_as_it_is(tmp_path, store, monkeypatch):
    g = Graph("convolution")
    x = g.input("x", FLOAT, [1, 8, "n"])
    g.output("y", g.op("Conv", x, g.const(np.ones((8, 8, 3))), pads=[1, 1]), FLOAT, [1, 8, "n"])
    (tmp_path / "pitch.onnx").write_bytes(g.serialized())
    feeds = {"x": np.ones((1, 8, 30), np.float32)}

    def run(precision: str) -> np.ndarray:
        engine = EngineOptions(precision=precision, store=store)
        return Model(tmp_path / "pitch.onnx", root=tmp_path, role="pitch", engine=engine).run(feeds, outputs=("y",))[
            "y"
        ]

    assert np.array_equal(run("int8"), run("fp32"))
    never_made(monkeypatch)
    run("int8")


@pytest.mark.parametrize("role", ["linguistic", "dur", "vocoder"])
def test_other_models_keep_their_precision(file, monkeypatch, role):
    never_made(monkeypatch)
    Model(file, root=file.parent, role=role, engine=EngineOptions(precision="int8")).open()


def test_without_the_package_it_says_what_to_install(file, monkeypatch):
    monkeypatch.setattr(quantization.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OptionError, match="needs the package onnx") as caught:
        sung(file, precision="int8")
    assert caught.value.code == "precision_unavailable"
    assert "cantilena[int8]" in caught.value.hint


def test_a_quantiser_that_fails_is_told_in_one_sentence(tmp_path, monkeypatch):
    program = tmp_path / "fails.py"
    program.write_text("raise ValueError('no such thing')")
    monkeypatch.setattr(quantization, "_PROGRAM", program)
    (tmp_path / "acoustic.onnx").write_bytes(flow() + b"\xc2\x3e\x00")  # another key: an unknown field at the end
    with pytest.raises(InferenceError, match="could not be quantised: ValueError: no such thing"):
        sung(tmp_path / "acoustic.onnx", precision="int8")
