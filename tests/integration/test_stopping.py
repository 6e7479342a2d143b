"""What runs for long is stopped by its token: models, the program that quantises, a whole song."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from structlog.testing import capture_logs

from cantilena.cancellation import CancelToken, stoppable
from cantilena.errors import CanceledError
from cantilena.rendering import SongRequest, rendering
from cantilena.singing.options import SingOptions
from cantilena.song import LineOptions
from cantilena.tracing import STEPS
from cantilena.voicebank import quantization
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model
from cantilena.voicebanks import resolve_voicebank
from tests.integration.phrases import FULL, song
from tests.voicebanks.build import TinyBank, build_voicebank
from tests.voicebanks.graphs import FLOAT, Graph


def endless(turns: int) -> bytes:
    """Multiplies by the same weights as often as it is told to."""
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("MatMul", ["v", "w"], ["product"]), helper.make_node("Tanh", ["product"], ["next"]),
         helper.make_node("Identity", ["go"], ["on"])],
        "body",
        [info("i", onnx.TensorProto.INT64, []), info("go", onnx.TensorProto.BOOL, []), info("v", FLOAT, None)],
        [info("on", onnx.TensorProto.BOOL, []), info("next", FLOAT, None)],
    )  # fmt: skip
    g = Graph("endless")
    x = g.input("x", FLOAT, ["rows", 64])
    g._initializers.append(onnx.numpy_helper.from_array(np.full((64, 64), 0.01, np.float32), "w"))
    g.output("y", g.op("Loop", g.const(turns, np.int64), "", x, body=body), FLOAT, ["rows", 64])
    return g.serialized()


def model_of(folder: Path, turns: int) -> Model:
    file = folder / f"acoustic-{turns}.onnx"
    file.write_bytes(endless(turns))
    return Model(file, root=folder, role="acoustic", engine=EngineOptions())


def stopped_soon(work: Callable[[], object], *, after: float = 0.1) -> None:
    """Do something, and stop it while it is done."""
    token = CancelToken()
    timer = threading.Timer(after, token.cancel)
    timer.start()
    with stoppable(token), pytest.raises(CanceledError):
        work()
    timer.join()


def test_a_model_stops_inside_a_loop_that_would_run_for_hours(tmp_path: Path) -> None:
    model, x = model_of(tmp_path, 10**9), {"x": np.ones((4, 64), np.float32)}
    model.open()
    for _ in range(3):
        stopped_soon(lambda: model.run(x, outputs=("y",)))
    end = time.monotonic() + 30
    while any(thread.name.startswith("stoppable") for thread in threading.enumerate()):
        assert time.monotonic() < end, "the engine goes on"
        time.sleep(0.01)


def test_a_model_that_can_be_stopped_gives_what_it_always_gives(tmp_path: Path) -> None:
    model, x = model_of(tmp_path, 20), {"x": np.random.default_rng(0).standard_normal((4, 64), np.float32)}
    expected = model.run(x, outputs=("y",))["y"]
    with stoppable(CancelToken()):
        assert np.array_equal(model.run(x, outputs=("y",))["y"], expected)


def test_quantising_is_stopped_and_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "acoustic.onnx"
    file.write_bytes(endless(3))
    before = set(quantization._temporary_folder().iterdir())
    stopped_soon(lambda: quantization.quantized_file(file, None), after=0.05)
    assert set(quantization._temporary_folder().iterdir()) == before
    assert quantization.quantized_file(file, None).is_file()


@pytest.mark.parametrize("step", STEPS)
def test_a_song_stops_in_every_step_and_says_so(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
    monkeypatch.setenv("CANTILENA_THREADS", "1")
    options = SingOptions()
    bank = resolve_voicebank(build_voicebank(tmp_path, TinyBank(name="Full", **FULL)), options, cache=False)
    request = SongRequest(score=song(), line=LineOptions(), options=options, voicebank=bank, cache=False)

    def sing(cancel: CancelToken | None = None) -> np.ndarray:
        def begin(begun: str, phrase: int | None) -> None:
            if cancel is not None and begun == step and phrase == 2:
                cancel.cancel()

        with rendering(request, cancel=cancel, on_step=begin) as way, way.track() as track:
            return track.samples()

    expected = sing()
    with capture_logs() as lines, pytest.raises(CanceledError):
        sing(CancelToken())
    outcomes = {line["step"]: line["outcome"] for line in lines if line["event"] == "synthesize_step"}
    (total,) = (line for line in lines if line["event"] == "synthesize_total")
    assert total["outcome"] == "canceled"
    assert outcomes[step] == "canceled"
    assert "failed" not in outcomes.values()
    assert list(Path(tempfile.gettempdir()).iterdir()) == []
    assert np.array_equal(sing(), expected)
