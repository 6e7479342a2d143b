"""The models of a voicebank as functions of arrays; the only module that knows onnxruntime.

Conventions
-----------
A model is fed what it lists as its inputs, in its own dtypes, out of whatever the caller offers; a model that asks for
something nobody offers is refused by name. Single numbers travel in arrays of shape (1,), which fits graphs that
declare them with and without a dimension. The batch axis is always 1.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cantilena.errors import InferenceError, OptionError, VoicebankError
from cantilena.tracing import log_model_loaded, stopwatch
from cantilena.voicebank.engine import EngineOptions
from cantilena.voicebank.files import broken, find_file
from cantilena.voicebank.noise import NoiseInput, draws_in_loops, expose_noise, read_varint

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[Any]

_SMALL = ("linguistic", "dur")
_PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "directml": "DmlExecutionProvider",
}
_DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}
# How a TensorProto spells the place of weights kept in a file of their own: a key-value pair, key first.
_EXTERNAL = b"\x0a\x08location\x12"


def available_threads() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input of a model: dtype, and shape with None where it is free."""

    dtype: type[np.generic]
    shape: tuple[int | None, ...]


class Model:
    """One ONNX file, opened when it is first needed.

    Parameters
    ----------
    file : Path
        The ONNX file.
    root : Path
        Folder of the voicebank: weights in files of their own must lie inside it.
    role : str
        What it does: ``linguistic, dur, pitch, variance, acoustic`` or ``vocoder``.
    engine : EngineOptions
        How it is run.
    """

    def __init__(self, file: Path, *, root: Path, role: str, engine: EngineOptions) -> None:
        self.file = file
        self._root = root
        # The small models answer faster than a device is reached, and some devices compute them wrongly.
        self._device = "cpu" if role in _SMALL else engine.device
        self._engine = engine
        self._lock = Lock()
        self._opened: _Opened | None = None

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """What the model is fed, noise left out."""
        return self._open().inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return self._open().outputs

    @property
    def draws_in_loops(self) -> bool:
        """Whether it draws noise inside a loop, out of reach of any seed, as graphs that diffuse step by step do."""
        return self._open().draws_in_loops

    def open(self) -> None:
        """Open the file now.

        Raises
        ------
        VoicebankError
            ``voicebank_broken``: missing, damaged, or no model.
        OptionError
            ``device_unavailable``: this machine has no such device.
        """
        self._open()

    def run(
        self,
        offered: Mapping[str, Array],
        *,
        outputs: tuple[str, ...],
        size: int | None = None,
        generator: np.random.Generator | None = None,
        noise_size: int = 1,
    ) -> dict[str, Array]:
        """Run the model.

        Parameters
        ----------
        offered : mapping of str to array
            Inputs by name; the model takes those it lists.
        outputs : tuple of str
            Names of the wanted outputs.
        size : int, optional
            How many values each of them must hold.
        generator : numpy Generator, optional
            Source of the noise of models that use some.
        noise_size : int
            How many random values the model is expected to use.

        Returns
        -------
        dict of str to array
            The outputs by name.

        Raises
        ------
        VoicebankError
            ``voicebank_unsupported``: the model lacks an output, or asks for an input that is not offered.
        InferenceError
            ``inference_failed`` or ``out_of_memory``: the run failed, or gave something else than numbers of the
            right count.
        """
        opened = self._open()
        for name in outputs:
            if name not in opened.outputs:
                raise self._unsupported(f"has no output {name!r}")
        feeds = {name: self._fit(name, spec, offered) for name, spec in opened.inputs.items()}
        generator = generator or np.random.default_rng(0)
        for noise in opened.noise:
            feeds[noise.name] = noise.draw(generator, noise_size)
        try:
            results = dict(zip(outputs, opened.session.run(list(outputs), feeds), strict=True))
        except Exception as error:  # onnxruntime's exceptions share no narrower base
            raise _run_error(self.file, error) from error
        for name, result in results.items():
            self._check_result(name, result, size)
        return results

    def _check_result(self, name: str, result: Array, size: int | None) -> None:
        reason = ""
        if size is not None and result.size != size:
            reason = f"{result.size} values in {name!r} where {size} belong"
        elif result.dtype.kind == "f" and not np.isfinite(result).all():
            reason = f"values in {name!r} that are not numbers"
        if reason:
            raise InferenceError(
                "inference_failed",
                f"The model {self.file} gave {reason}.",
                hint="The voicebank is probably damaged, or its configuration does not fit its models.",
            )

    def _fit(self, name: str, spec: TensorSpec, offered: Mapping[str, Array]) -> Array:
        if name not in offered:
            raise self._unsupported(f"asks for the input {name!r}, which Cantilena does not give it")
        array = offered[name]
        if array.dtype.kind == "f" and np.dtype(spec.dtype).kind in "iu":
            raise self._unsupported(f"asks for whole numbers in {name!r}")
        for given, wanted in zip(array.shape, spec.shape, strict=False):
            if len(array.shape) == len(spec.shape) and wanted is not None and given != wanted:
                raise self._unsupported(f"asks for {name!r} of shape {spec.shape}, and would get {array.shape}")
        return np.ascontiguousarray(array, dtype=spec.dtype)

    def _unsupported(self, reason: str) -> VoicebankError:
        return VoicebankError(
            "voicebank_unsupported",
            f"The model {self.file} {reason}.",
            hint="This kind of voicebank cannot be sung with yet; choose another with --voicebank.",
        )

    def _open(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                with stopwatch() as elapsed:
                    session, model = _open_session(self.file, self._root, self._engine.threads, self._device)
                self._opened = _describe(self.file, session, model)
                log_model_loaded(
                    model=str(self.file.relative_to(self._root)) if self.file.is_relative_to(self._root) else
                    self.file.name,
                    provider=session.get_providers()[0],
                    size=self.file.stat().st_size,
                    elapsed_ms=elapsed[0],
                )  # fmt: skip
            return self._opened


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    session: onnxruntime.InferenceSession
    inputs: Mapping[str, TensorSpec]
    outputs: tuple[str, ...]
    noise: tuple[NoiseInput, ...]
    draws_in_loops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _ModelFile:
    """What was read of a file: its bytes where noise has become inputs, else None."""

    patched: bytes | None
    noise: tuple[NoiseInput, ...]
    draws_in_loops: bool


def _describe(file: Path, session: onnxruntime.InferenceSession, model: _ModelFile) -> _Opened:
    drawn = {source.name for source in model.noise}
    inputs: dict[str, TensorSpec] = {}
    for given in session.get_inputs():
        if given.name in drawn:
            continue
        if given.type not in _DTYPES:
            raise broken(file, f"asks for the input {given.name!r} as {given.type}, which no voicebank model does")
        shape = tuple(size if isinstance(size, int) else None for size in given.shape)
        inputs[given.name] = TensorSpec(dtype=_DTYPES[given.type], shape=shape)
    outputs = tuple(result.name for result in session.get_outputs())
    return _Opened(
        session=session, inputs=inputs, outputs=outputs, noise=model.noise, draws_in_loops=model.draws_in_loops
    )


def _open_session(file: Path, root: Path, threads: int, device: str) -> tuple[onnxruntime.InferenceSession, _ModelFile]:
    model = _read_model(file, root)
    import onnxruntime as ort

    providers = _providers(device, ort.get_available_providers())
    settings = ort.SessionOptions()
    # The extended level has crashed natively on DiffSinger graphs, and is not faster on them.
    settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    # Phrases differ in length. The arena stops growing after a few of them; without it the C library's heap goes on
    # fragmenting (a ten-minute song: 295 MB against 500). A pattern planned for one length only grows in the next.
    settings.enable_cpu_mem_arena = True
    settings.enable_mem_pattern = False
    # Threads that wait by spinning cost as much again as the work itself where cores are shared.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.log_severity_level = 4  # what fails is raised; nothing is to be printed beside it
    try:
        if model.patched is None:
            return ort.InferenceSession(str(file), settings, providers=providers), model
        settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(file.parent))
        return ort.InferenceSession(model.patched, settings, providers=providers), model
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        if _is_out_of_memory(error):
            raise _run_error(file, error) from error
        raise broken(file, f"cannot be opened as a model: {_reason(error)}") from error


def _read_model(file: Path, root: Path) -> _ModelFile:
    try:
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _check_external_files(content, file, root)
            patched, noise = expose_noise(content) or (None, ())
            return _ModelFile(patched=patched, noise=noise, draws_in_loops=draws_in_loops(content))
    except FileNotFoundError as error:
        raise broken(file, "is missing") from error
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        reason = "is empty" if file.stat().st_size == 0 else f"is not an ONNX model ({error})"
        raise broken(file, reason) from error


def _check_external_files(content: mmap.mmap, file: Path, root: Path) -> None:
    """Refuse weights that a model would read from outside its voicebank, before anything opens them."""
    at = content.find(_EXTERNAL)
    while at >= 0:
        size, begin = read_varint(content, at + len(_EXTERNAL))
        written = content[begin : begin + size].decode(errors="replace")
        found = find_file(root, file.parent, written)
        if found is None or not found.is_file():
            raise broken(file, f"keeps weights in {written!r}, which is missing")
        at = content.find(_EXTERNAL, begin)


def _providers(device: str, available: list[str]) -> list[str]:
    wanted = _PROVIDERS[device]
    if wanted not in available:
        raise OptionError(
            "device_unavailable",
            f"The device {device!r} is not available here.",
            hint="Use --device cpu, or install the onnxruntime package made for this device.",
        )
    return list(dict.fromkeys([wanted, _PROVIDERS["cpu"]]))


def _run_error(file: Path, error: Exception) -> InferenceError:
    if _is_out_of_memory(error):
        return InferenceError(
            "out_of_memory",
            f"There was not enough memory to run the model {file}.",
            hint="Close other programs, or sing fewer measures at a time.",
            retryable=True,
        )
    return InferenceError(
        "inference_failed",
        f"The model {file} failed: {_reason(error)}.",
        hint="The voicebank is probably damaged or of an unknown kind; try another with --voicebank.",
    )


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(
        words in str(error).lower() for words in ("bad_alloc", "bad allocation", "failed to allocate", "out of memory")
    )


def _reason(error: Exception) -> str:
    """What onnxruntime says, on one line of a bearable length."""
    words = " ".join(str(error).split()).rstrip(".")
    return words if len(words) <= 300 else words[:297] + "..."
