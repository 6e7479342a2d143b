"""An ONNX file made ready to be opened: its noise exposed, its large weights left where they are.

What is handed to onnxruntime is a small copy of the file in which every large tensor is a reference into the file
itself. Onnxruntime maps such weights instead of reading them, which halves the memory and takes a quarter of the
time that opening takes otherwise; and the copy with the noise exposed weighs next to nothing.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cantilena.voicebank.files import broken, find_file
from cantilena.voicebank.noise import Exposed, NoiseInput, expose_noise, shape_of, shape_output, size_probe
from cantilena.voicebank.onnx_graph import (
    GRAPH_INITIALIZER,
    GRAPH_INPUT,
    GRAPH_NODE,
    GRAPH_OUTPUT,
    MODEL_GRAPH,
    RANDOM,
    TENSOR_EXTERNAL,
    TENSOR_LOCATION,
    OnnxGraph,
    Weights,
    read_graph,
)
from cantilena.voicebank.protobuf import BYTES, Buffer, Field, read_fields, write_bytes, write_number

_LEAST_MAPPED = 64 * 1024  # bytes: a mapping costs a few pages and a call to the system


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedModel:
    """What onnxruntime is handed in the place of a file.

    Attributes
    ----------
    content : bytes
        The model; weights it refers to lie in the file's folder.
    noise : tuple of NoiseInput
        Inputs that it has gained.
    draws_noise : bool
        Whether it draws noise all the same.
    draws_in_loops : bool
        Whether it does so inside a loop or a branch.
    stands_alone : bool
        Whether the file holds all of the model's weights itself.
    """

    content: bytes
    noise: tuple[NoiseInput, ...]
    draws_noise: bool
    draws_in_loops: bool
    stands_alone: bool


def prepare_model(file: Path, *, root: Path) -> PreparedModel:
    """Read what there is to know of a model before it is opened.

    Parameters
    ----------
    file : Path
        The ONNX file.
    root : Path
        Folder of the voicebank: weights in files of their own must lie inside it.

    Raises
    ------
    VoicebankError
        ``voicebank_broken``: missing, damaged, no model, or with weights outside the voicebank.
    """
    with _read(file) as (model, graph):
        for written in graph.locations:
            found = find_file(root, file.parent, written)
            if found is None or not found.is_file():
                raise broken(file, f"keeps weights in {written!r}, which is missing")
        exposed = expose_noise(graph)
        return PreparedModel(
            content=_with_graph(model, graph, _whole_graph(model, graph, exposed, file.name)),
            noise=exposed.noise,
            draws_noise=graph.inner.draws or any(
                node.op_type in RANDOM for index, node in enumerate(graph.nodes) if index not in exposed.nodes
            ),
            draws_in_loops=graph.inner.draws,
            stands_alone=not graph.locations,
        )  # fmt: skip


def prepare_size_probe(file: Path, source: NoiseInput) -> bytes:
    """The part of a model that tells the shape of one input of noise, as a model with that one output."""
    with _read(file) as (model, graph):
        exposed = expose_noise(graph)
        (same,) = (noise for noise in exposed.noise if noise.name == source.name)
        return _with_graph(model, graph, _probe_graph(model, graph, exposed, same, file.name))


@contextmanager
def _read(file: Path) -> Iterator[tuple[mmap.mmap, OnnxGraph]]:
    try:
        with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as model:
            yield model, read_graph(model)
    except FileNotFoundError as error:
        raise broken(file, "is missing") from error
    except OSError as error:
        raise broken(file, f"cannot be read: {error.strerror}") from error
    except ValueError as error:
        reason = "is empty" if file.stat().st_size == 0 else f"is not an ONNX model ({error})"
        raise broken(file, reason) from error


def _with_graph(model: Buffer, graph: OnnxGraph, parts: Iterable[bytes]) -> bytes:
    content = b"".join(parts)
    return b"".join([model[: graph.field.start], write_bytes(MODEL_GRAPH, content), model[graph.field.end :]])


def _whole_graph(model: Buffer, graph: OnnxGraph, exposed: Exposed, name: str) -> Iterator[bytes]:
    changed = {graph.nodes[index].field.start: nodes for index, nodes in exposed.nodes.items()}
    changed |= {weights.field.start: _mapped(model, weights, name) for weights in _to_map(graph)}
    ends = {graph.nodes[index].field.start: graph.nodes[index].field.end for index in exposed.nodes}
    ends |= {weights.field.start: weights.field.end for weights in graph.weights}
    at = graph.field.begin
    for start in sorted(changed):
        yield model[at:start]
        yield changed[start]
        at = ends[start]
    yield model[at : graph.field.end]
    yield exposed.declared


def _probe_graph(model: Buffer, graph: OnnxGraph, exposed: Exposed, source: NoiseInput, name: str) -> Iterator[bytes]:
    nodes, names = size_probe(graph, exposed, source)
    mapped = {weights.field.start: weights for weights in _to_map(graph)}
    kept = {graph.nodes[index].field.start: exposed.nodes.get(index) for index in nodes}
    kept |= {weights.field.start: None for weights in graph.weights if weights.name in names}
    kept |= {declared.start: None for given, declared in graph.inputs.items() if given in names}
    for part in read_fields(model, graph.field.begin, graph.field.end):
        if part.number in (GRAPH_NODE, GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_OUTPUT) and part.wire == BYTES:
            if part.start not in kept:
                continue
            weights = mapped.get(part.start)
            if weights is not None:
                yield _mapped(model, weights, name)
            else:
                yield kept[part.start] or model[part.start : part.end]
        elif part.number == 2:  # GraphProto.name, which every graph must have
            yield model[part.start : part.end]
    yield shape_of(graph, exposed, source)
    yield exposed.declared
    yield shape_output(source)


def _to_map(graph: OnnxGraph) -> tuple[Weights, ...]:
    """The tensors to be mapped; none of a model with weights in other files, whose folder has to stay what it is."""
    if graph.locations:
        return ()
    return tuple(
        weights
        for weights in graph.weights
        if weights.numbers is not None and weights.numbers.end - weights.numbers.begin >= _LEAST_MAPPED
    )


def _mapped(model: Buffer, weights: Weights, name: str) -> bytes:
    """A tensor that refers to its numbers in the file called ``name`` instead of holding them."""
    numbers = weights.numbers
    assert numbers is not None
    place = {"location": name, "offset": str(numbers.begin), "length": str(numbers.end - numbers.begin)}
    kept: list[Field] = [
        part for part in read_fields(model, weights.field.begin, weights.field.end)
        if part != numbers and part.number != TENSOR_LOCATION
    ]  # fmt: skip
    parts = [model[part.start : part.end] for part in kept]
    parts += [write_bytes(TENSOR_EXTERNAL, write_bytes(1, key) + write_bytes(2, value)) for key, value in place.items()]
    parts.append(write_number(TENSOR_LOCATION, 1))
    return write_bytes(GRAPH_INITIALIZER, b"".join(parts))
