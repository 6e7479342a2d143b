"""Equal files share a session; under a limit, models are closed for others and give the same when opened again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from cantilena.errors import OptionError
from cantilena.voicebank import open_models, providers, sessions
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.sessions import Model
from tests.voicebanks.graphs import FLOAT, Graph

X = np.eye(128, dtype=np.float32)


def product(factor: float) -> bytes:
    """64 kB of weights, and noise."""
    g = Graph("product")
    x = g.input("x", FLOAT, ["rows", 128])
    g.output("y", g.sum(g.op("MatMul", x, g.const(np.full((128, 128), factor))), g.noise_like(x, 1.0)), FLOAT, ["r", 1])
    return g.serialized()


def write(file: Path, content: bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def count_openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    log = sessions.log_model_loaded

    def logged(*, model: str, **fields: object) -> None:
        opened.append(Path(model).as_posix())
        log(model=model, **fields)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "log_model_loaded", logged)
    return opened


def test_copies_of_one_file_share_a_session(tmp_path, monkeypatch):
    opened = count_openings(monkeypatch)
    engine = EngineOptions()
    models = [
        Model(write(tmp_path / name / "m.onnx", product(factor)), root=tmp_path, role="linguistic", engine=engine)
        for name, factor in (("dsdur", 1.0), ("dspitch", 1.0), ("dsvariance", 2.0))
    ]
    first, second, third = (model.run({"x": X}, outputs=("y",))["y"] for model in models)
    assert opened == ["dsdur/m.onnx", "dsvariance/m.onnx"]
    assert np.array_equal(first, second)
    assert not np.array_equal(first, third)


def test_copies_whose_weights_lie_beside_them_are_not_the_same_model(tmp_path):
    tensor = onnx.TensorProto(name="w", data_type=FLOAT, dims=[3], data_location=onnx.TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="w.bin")
    x, y = (helper.make_tensor_value_info(name, FLOAT, [3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [x], [y], [tensor])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    engine = EngineOptions()
    for value in (1.0, 2.0):
        folder = tmp_path / str(value)
        write(folder / "w.bin", np.full(3, value, dtype="<f4").tobytes())
        model = Model(write(folder / "m.onnx", content), root=tmp_path, role="dur", engine=engine)
        assert model.run({"x": np.zeros(3, np.float32)}, outputs=("y",))["y"].tolist() == [value] * 3


def test_a_link_and_a_name_in_any_script_are_opened(tmp_path):
    file = write(tmp_path / "bank" / "音響 モデル #1%20.onnx", product(1.0))
    link = tmp_path / "bank" / "link.onnx"
    target = write(tmp_path / "bank" / "blobs" / "0f3a", product(1.0))
    link.symlink_to(target)
    for path in (file, link):
        model = Model(path, root=tmp_path / "bank", role="dur", engine=EngineOptions())
        assert model.run({"x": X}, outputs=("y",))["y"].shape == (128, 128)


def test_low_memory_closes_what_was_not_used_for_longest_and_changes_no_sample(tmp_path, monkeypatch):
    files = {name: write(tmp_path / name, product(factor)) for factor, name in enumerate("abc", start=1)}
    size = files["a"].stat().st_size

    def sing(**options: object) -> tuple[list[bytes], list[str], int]:
        opened = count_openings(monkeypatch)
        engine = EngineOptions(**options)
        models = {name: Model(file, root=tmp_path, role="dur", engine=engine) for name, file in files.items()}
        most, results = 0, []
        for name in "ababcab":
            results.append(models[name].run({"x": X}, outputs=("y",))["y"].tobytes())
            most = max(most, engine.models.open_bytes)
        return results, opened, most

    usual, opened, most = sing()
    assert (opened, most) == (["a", "b", "c"], 3 * size)
    monkeypatch.setattr(sessions, "LOW_MEMORY_BYTES", 2 * size)
    low, opened, most = sing(low_memory=True)
    assert low == usual
    assert (opened, most) == (["a", "b", "c", "a", "b"], 2 * size)


def test_a_model_larger_than_the_limit_is_open_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "LOW_MEMORY_BYTES", 10)
    engine = EngineOptions(low_memory=True)
    for name in "ab":
        model = Model(write(tmp_path / name, product(ord(name))), root=tmp_path, role="dur", engine=engine)
        model.run({"x": X}, outputs=("y",))
        assert engine.models.open_bytes == model.file.stat().st_size


def test_the_two_largest_models_of_a_usual_voicebank_are_never_open_together_in_low_memory():
    acoustic, vocoder, others = 280, 57, 54 + 49 + 24 + 6
    assert others * 1e6 < open_models.LOW_MEMORY_BYTES < (acoustic + vocoder) * 1e6


@pytest.mark.parametrize("device", ["cuda", "coreml", "directml"])
def test_a_device_that_is_not_there_is_told_with_those_that_are(tmp_path, device):
    model = Model(
        write(tmp_path / "m.onnx", product(1)), root=tmp_path, role="acoustic", engine=EngineOptions(device=device)
    )
    with pytest.raises(OptionError, match=f"The device '{device}' is not available here; what is: cpu") as caught:
        model.open()
    assert caught.value.code == "device_unavailable"
    assert "--device cpu" in (caught.value.hint or "")


@pytest.mark.parametrize("role", ["linguistic", "dur"])
def test_small_models_stay_on_the_processor(tmp_path, role):
    engine = EngineOptions(device="cuda")
    model = Model(write(tmp_path / "m.onnx", product(1)), root=tmp_path, role=role, engine=engine)
    assert model.run({"x": X}, outputs=("y",))["y"].shape == (128, 128)


def test_each_device_has_the_processor_to_fall_back_on_and_only_known_options():
    every = ["CUDAExecutionProvider", "CoreMLExecutionProvider", "DmlExecutionProvider", "CPUExecutionProvider"]
    for device in ("cuda", "coreml", "directml"):
        (chosen, options), fallback = providers.provider_options(device, every)
        assert chosen in every
        assert fallback == ("CPUExecutionProvider", {})
        assert all(isinstance(value, str) for value in options.values())
    assert providers.provider_options("cpu", every) == [("CPUExecutionProvider", {})]
    assert dict(providers.provider_options("cuda", every))["CUDAExecutionProvider"]["use_tf32"] == "0"
