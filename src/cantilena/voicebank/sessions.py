"""The models of a voicebank as functions of arrays; the only module that knows onnxruntime.

Conventions
-----------
A model is fed what it lists as its inputs, in its own dtypes, out of whatever the caller offers; a model that asks for
something nobody offers is refused by name. Single numbers travel in arrays of shape (1,), which fits graphs that
declare them with and without a dimension. The batch axis is always 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cantilena.cancellation import check_canceled, run_stoppable
from cantilena.errors import CanceledError, CantilenaError, InferenceError, VoicebankError
from cantilena.tracing import log_model_loaded, stopwatch
from cantilena.voicebank.engine import EngineOptions, Precision
from cantilena.voicebank.files import broken
from cantilena.voicebank.model_file import PreparedModel, prepare_model, prepare_size_probe
from cantilena.voicebank.noise import MOST_VALUES
from cantilena.voicebank.noise_sizes import NoiseSizes
from cantilena.voicebank.open_models import LOW_MEMORY_BYTES
from cantilena.voicebank.providers import device_of, device_unavailable, provider_options
from cantilena.voicebank.quantization import QUANTIZED_ROLES, quantized_file

if TYPE_CHECKING:
    import onnxruntime

Array = NDArray[Any]

_DTYPES: Mapping[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """One input of a model: dtype, and shape with None where it is free."""

    dtype: type[np.generic]
    shape: tuple[int | None, ...]


class Model:
    """One ONNX file, opened when it is first needed; safe under threads.

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
        self._engine = engine
        self._device = device_of(role, engine.device)
        self._quantized = engine.precision == "int8" and role in QUANTIZED_ROLES
        self._lock = Lock()
        self._known: _Description | None = None

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """What the model is fed, noise left out."""
        return self._describe().inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        return self._describe().outputs

    @property
    def draws_in_loops(self) -> bool:
        """Whether it draws noise inside a loop, out of reach of any seed, as graphs that diffuse step by step do."""
        return self._describe().prepared.draws_in_loops

    @property
    def draws_noise(self) -> bool:
        """Whether it draws noise that no seed reaches, in a loop or elsewhere."""
        return self._describe().prepared.draws_noise

    def open(self) -> None:
        """Open the file now.

        Raises
        ------
        VoicebankError
            ``voicebank_broken``: missing, damaged, or no model.
        OptionError
            ``device_unavailable``: this machine has no such device. ``precision_unavailable``: what quantises models
            is not installed.
        """
        self._session(self._describe())

    def run(
        self,
        offered: Mapping[str, Array],
        *,
        outputs: tuple[str, ...],
        size: int | None = None,
        generator: np.random.Generator | None = None,
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
        known = self._describe()
        for name in outputs:
            if name not in known.outputs:
                raise self._unsupported(f"has no output {name!r}")
        feeds = {name: self._fit(name, spec, offered) for name, spec in known.inputs.items()}
        session = self._session(known)
        if known.prepared.noise:
            found = self._run_with_noise(session, known, outputs, feeds, generator or np.random.default_rng(0))
        else:
            found = _run(self.file, session, outputs, feeds)
        results = dict(zip(outputs, found, strict=True))
        for name, result in results.items():
            self._check_result(name, result, size)
        return results

    def _run_with_noise(
        self,
        session: onnxruntime.InferenceSession,
        known: _Description,
        outputs: tuple[str, ...],
        feeds: Mapping[str, Array],
        generator: np.random.Generator,
    ) -> Sequence[Array]:
        """Run with as much noise as is wanted, which is sometimes only known after asking the model."""
        # Each input has a generator of its own, so that how much one wants changes nothing for the others.
        seeds = generator.integers(2**63, size=len(known.prepared.noise))
        frames = _longest(known.inputs, feeds)
        sizes = known.noise_sizes.guess(frames)
        if sizes is None:
            sizes = self._ask_noise_sizes(known, feeds, seeds, frames)
        try:
            return _run(self.file, session, outputs, {**feeds, **_draw(known, sizes, seeds)})
        except InferenceError as error:
            if error.code != "inference_failed":
                raise
            asked = self._ask_noise_sizes(known, feeds, seeds, frames)
            if asked == sizes:
                raise
        return _run(self.file, session, outputs, {**feeds, **_draw(known, asked, seeds)})

    def _ask_noise_sizes(
        self, known: _Description, feeds: Mapping[str, Array], seeds: NDArray[np.int64], frames: int
    ) -> tuple[int, ...]:
        """How many values each input of noise wants for these feeds, by running what comes before its random node."""
        shapes: list[tuple[int, ...]] = []
        for source in known.prepared.noise:
            if source.size is not None:
                shapes.append((source.size,))
                continue
            earlier = {**feeds, **_draw(known, tuple(map(math.prod, shapes)), seeds)}
            probe = _open_session(known.file, prepare_size_probe(known.file, source), self._engine, "cpu")
            wanted = [given.name for given in probe.get_inputs()]
            none = np.zeros(0, np.float32)  # for noise that comes later and is declared without being used
            (shape,) = _run(self.file, probe, (source.shape_name,), {name: earlier.get(name, none) for name in wanted})
            shapes.append(tuple(int(size) for size in shape))
            if not 0 <= math.prod(shapes[-1]) <= MOST_VALUES:
                raise InferenceError(
                    "inference_failed",
                    f"The model {self.file} asks for noise of the shape {shapes[-1]}.",
                    hint="The voicebank is probably damaged, or its configuration does not fit its models.",
                )
        known.noise_sizes.learn(frames, tuple(shapes))
        return tuple(map(math.prod, shapes))

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

    def _describe(self) -> _Description:
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> _Description:
        """Prepare the file and open it once, which tells what it is fed."""
        file, root = self.file, self._root
        prepared = prepare_model(file, root=root)
        precision: Precision = "fp32"
        if prepared.stands_alone:
            file = own = file.resolve()  # onnxruntime maps nothing through a link
            if self._quantized:
                file = quantized_file(own, self._engine.store)
                precision = "fp32" if file == own else "int8"
            file = self._engine.models.same_file(file)
            if file != self.file:
                prepared = prepare_model(file, root=file.parent)
        session = self._open(file, prepared, precision)
        inputs, outputs = _signature(self.file, session, prepared)
        noise_sizes = NoiseSizes(prepared.noise)
        return _Description(
            file=file, prepared=prepared, precision=precision, inputs=inputs, outputs=outputs, noise_sizes=noise_sizes
        )

    def _session(self, known: _Description) -> onnxruntime.InferenceSession:
        return self._open(known.file, known.prepared, known.precision)

    def _open(self, file: Path, prepared: PreparedModel, precision: Precision) -> onnxruntime.InferenceSession:
        def opened() -> onnxruntime.InferenceSession:
            check_canceled()
            with stopwatch() as elapsed:
                session = _open_session(file, prepared.content, self._engine, self._device, named=self.file)
            log_model_loaded(
                model=str(self.file.relative_to(self._root)) if self.file.is_relative_to(self._root) else
                self.file.name,
                provider=session.get_providers()[0],
                precision=precision,
                size=size,
                elapsed_ms=elapsed[0],
            )  # fmt: skip
            return session

        size = file.stat().st_size
        max_bytes = LOW_MEMORY_BYTES if self._engine.low_memory else None
        return self._engine.models.session((file, self._device), size=size, max_bytes=max_bytes, opened=opened)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Description:
    """What stays known of a model while it is closed.

    Attributes
    ----------
    file : Path
        What is opened: the model's own file, one that equals it, or what was made from it.
    """

    file: Path
    prepared: PreparedModel
    precision: Precision
    inputs: Mapping[str, TensorSpec]
    outputs: tuple[str, ...]
    noise_sizes: NoiseSizes


def _signature(
    file: Path, session: onnxruntime.InferenceSession, prepared: PreparedModel
) -> tuple[Mapping[str, TensorSpec], tuple[str, ...]]:
    drawn = {source.name for source in prepared.noise}
    inputs: dict[str, TensorSpec] = {}
    for given in session.get_inputs():
        if given.name in drawn:
            continue
        if given.type not in _DTYPES:
            raise broken(file, f"asks for the input {given.name!r} as {given.type}, which no voicebank model does")
        shape = tuple(size if isinstance(size, int) else None for size in given.shape)
        inputs[given.name] = TensorSpec(dtype=_DTYPES[given.type], shape=shape)
    return inputs, tuple(result.name for result in session.get_outputs())


def _longest(inputs: Mapping[str, TensorSpec], feeds: Mapping[str, Array]) -> int:
    """The longest free axis of what a model is fed: its frames."""
    sizes = [1]
    for name, spec in inputs.items():
        sizes += [size for size, declared in zip(feeds[name].shape, spec.shape, strict=False) if declared is None]
    return max(sizes)


def _draw(known: _Description, sizes: Sequence[int], seeds: NDArray[np.int64]) -> dict[str, Array]:
    """The noise of the first inputs, as many as sizes are given."""
    return {
        source.name: source.draw(np.random.default_rng(int(seed)), size)
        for source, size, seed in zip(known.prepared.noise, sizes, seeds, strict=False)
    }


def _open_session(
    file: Path, content: bytes, engine: EngineOptions, device: str, *, named: Path | None = None
) -> onnxruntime.InferenceSession:
    """Open a model made from a file, in whose folder its weights lie; ``named`` is what an error calls it."""
    import onnxruntime as ort

    available = ort.get_available_providers()
    providers = provider_options(device, available)
    settings = ort.SessionOptions()
    # The extended level has crashed natively on DiffSinger graphs, and is not faster on them.
    settings.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    settings.intra_op_num_threads = engine.threads
    settings.inter_op_num_threads = 1
    # Phrases differ in length. Without the arena the C library's heap goes on fragmenting (a ten-minute song: 295 MB
    # against 500). A pattern planned for one length only grows in the next.
    settings.enable_cpu_mem_arena = True
    settings.enable_mem_pattern = False
    # Threads that wait by spinning cost as much again as the work itself where cores are shared.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    settings.add_session_config_entry("session.model_external_initializers_file_folder_path", str(file.parent))
    # Weights stay in the mapped file. Copies in the order that products like best save 0-9 % of a product's time and
    # cost five times as long to open, memory that cannot be given back, and twice the weights while they are made.
    settings.add_session_config_entry("session.disable_prepacking", "1")
    # Branches one after the other instead of side by side: a vocoder's need a third less memory.
    settings.execution_order = ort.ExecutionOrder.PRIORITY_BASED
    settings.log_severity_level = 4  # what fails is raised; nothing is to be printed beside it
    try:
        session = ort.InferenceSession(content, settings, providers=providers)
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        if _is_out_of_memory(error):
            raise _run_error(named or file, error) from error
        raise broken(named or file, f"cannot be opened as a model: {_reason(error)}") from error
    if providers[0][0] not in session.get_providers():  # built with it, but the machine has no such device
        raise device_unavailable(device, [name for name in available if name != providers[0][0]])
    return session


def _run(
    file: Path, session: onnxruntime.InferenceSession, outputs: tuple[str, ...], feeds: Mapping[str, Array]
) -> Sequence[Array]:
    import onnxruntime as ort

    options = ort.RunOptions()
    # What one phrase needed is given back before the next model runs: it costs no time that could be measured.
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    options.log_severity_level = 4

    def stop() -> None:
        options.terminate = True

    try:
        found: Sequence[Array] = run_stoppable(lambda: session.run(list(outputs), dict(feeds), options), stop=stop)
    except CanceledError:
        raise
    except Exception as error:  # onnxruntime's exceptions share no narrower base
        raise _run_error(file, error) from error
    return found


_BEYOND_TABLE = "out of data bounds"  # how onnxruntime words an index beyond the table it is looked up in


def _run_error(file: Path, error: Exception) -> CantilenaError:
    if _is_out_of_memory(error):
        return InferenceError(
            "out_of_memory",
            f"There was not enough memory to run the model {file}.",
            hint="Close other programs, or sing fewer measures at a time.",
            retryable=True,
        )
    if _BEYOND_TABLE in str(error):
        return broken(
            file,
            f"does not know ids of phonemes or languages that it is given: {_reason(error)}",
            hint="The lists of phonemes or languages beside it belong to another model: ask the voicebank's author "
            "for the right ones.",
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
