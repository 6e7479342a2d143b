"""An ONNX file as its nodes and weights, read without any ONNX package and without reading the weights.

Conventions
-----------
Only the main graph is told node by node. Of the graphs inside its nodes, the bodies of loops and branches, it is known
which names they use, whether they draw noise, and where they keep weights. What a file says twice counts twice:
protobuf would merge it, and nothing an author's tool writes does that.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cantilena.voicebank.protobuf import BYTES, FIXED32, VARINT, Buffer, Field, read_fields, read_text, read_varint

RANDOM: Final = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}
)
"""Operators that give something else on every run."""

_DEEPEST = 32  # graphs inside graphs; exporters write two or three

# Field numbers of the messages in onnx.proto.
MODEL_GRAPH: Final = 7
GRAPH_NODE: Final = 1
GRAPH_INITIALIZER: Final = 5
GRAPH_INPUT: Final = 11
GRAPH_OUTPUT: Final = 12
_MODEL_OPSET, _MODEL_FUNCTION, _FUNCTION_NODE = 8, 25, 7
_GRAPH_SPARSE = 15
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP_TYPE, _NODE_ATTRIBUTE, _NODE_DOMAIN = 1, 2, 4, 5, 7
_ATTRIBUTE_NAME, _ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 3, 8
_ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS, _ATTRIBUTE_SPARSE = (5, 10), (6, 11), (22, 23)
TENSOR_NAME: Final = 8
TENSOR_RAW_DATA: Final = 9
TENSOR_EXTERNAL: Final = 13
TENSOR_LOCATION: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the main graph.

    Attributes
    ----------
    field : Field
        Where it lies.
    inputs, outputs : tuple of str
        What it reads and gives.
    attributes : mapping of str to object
        Floats, whole numbers, tuples of whole numbers; None for all others.
    inner : Contents
        Of the graphs inside it.
    """

    field: Field
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, object]
    inner: Contents


@dataclass(slots=True)
class Contents:
    """What was met inside nodes: names in use, a random node, places of weights outside the file."""

    names: set[str] = field(default_factory=set)
    draws: bool = False
    locations: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """One tensor of the main graph: where it lies, and where its numbers do; None: not as plain bytes."""

    field: Field
    name: str
    numbers: Field | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraph:
    """What an ONNX file holds.

    Attributes
    ----------
    field : Field
        Where the main graph lies.
    nodes : tuple of Node
        In the order of the file, in which each comes after those it reads from.
    weights : tuple of Weights
        The main graph's own.
    inputs : mapping of str to Field
        Where its inputs are declared.
    outputs : tuple of Field
        Where its outputs are.
    opset : int
        Version of the operators.
    inner : Contents
        Of everything inside nodes.
    """

    field: Field
    nodes: tuple[Node, ...]
    weights: tuple[Weights, ...]
    inputs: Mapping[str, Field]
    outputs: tuple[Field, ...]
    opset: int
    inner: Contents

    @property
    def locations(self) -> tuple[str, ...]:
        """Files that hold weights of the model, as it names them."""
        return tuple(dict.fromkeys(self.inner.locations))


def read_graph(model: Buffer) -> OnnxGraph:
    """Look through an ONNX file.

    Raises
    ------
    ValueError
        It is no protobuf message, or none of a model.
    """
    graphs: list[Field] = []
    inner = Contents()
    opset = 0
    for part in read_fields(model, 0, len(model)):
        if part.wire != BYTES:
            continue
        if part.number == MODEL_GRAPH:
            graphs.append(part)
        elif part.number == _MODEL_OPSET:
            opset = max(opset, _read_opset(model, part))
        elif part.number == _MODEL_FUNCTION:
            for node in read_fields(model, part.begin, part.end):
                if node.number == _FUNCTION_NODE and node.wire == BYTES:
                    _look_into_node(model, node, inner, depth=1)
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs) or 'no'} graphs")
    (graph,) = graphs
    nodes: list[Node] = []
    weights: list[Weights] = []
    inputs: dict[str, Field] = {}
    outputs: list[Field] = []
    for part in read_fields(model, graph.begin, graph.end):
        if part.wire != BYTES:
            continue
        if part.number == GRAPH_NODE:
            nodes.append(_read_node(model, part))
            inner.draws |= nodes[-1].inner.draws
            inner.locations += nodes[-1].inner.locations
        elif part.number == GRAPH_INITIALIZER:
            weights.append(_read_weights(model, part, inner))
        elif part.number == _GRAPH_SPARSE:
            _look_into_sparse(model, part, inner)
        elif part.number == GRAPH_INPUT:
            inputs[read_name(model, part, 1)] = part
        elif part.number == GRAPH_OUTPUT:
            outputs.append(part)
    return OnnxGraph(
        field=graph, nodes=tuple(nodes), weights=tuple(weights), inputs=inputs, outputs=tuple(outputs), opset=opset,
        inner=inner,
    )  # fmt: skip


def read_name(model: Buffer, message: Field, number: int) -> str:
    """The text that a message holds under a number; empty: none."""
    for part in read_fields(model, message.begin, message.end):
        if part.number == number and part.wire == BYTES:
            return read_text(model, part)
    return ""


def _read_opset(model: Buffer, entry: Field) -> int:
    domain, version = "", 0
    for part in read_fields(model, entry.begin, entry.end):
        if part.number == 1 and part.wire == BYTES:
            domain = read_text(model, part)
        elif part.number == 2 and part.wire == VARINT:
            version = read_varint(model, part.begin)[0]
    return version if domain in ("", "ai.onnx") else 0


def _read_node(model: Buffer, node: Field) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    op_type = domain = ""
    attributes: dict[str, object] = {}
    inner = Contents()
    for part in read_fields(model, node.begin, node.end):
        if part.wire != BYTES:
            continue
        if part.number == _NODE_INPUT:
            inputs.append(read_text(model, part))
        elif part.number == _NODE_OUTPUT:
            outputs.append(read_text(model, part))
        elif part.number == _NODE_OP_TYPE:
            op_type = read_text(model, part)
        elif part.number == _NODE_DOMAIN:
            domain = read_text(model, part)
        elif part.number == _NODE_ATTRIBUTE:
            name, value = _read_attribute(model, part, inner)
            attributes[name] = value
    op_type = op_type if domain in ("", "ai.onnx") else f"{domain}.{op_type}"
    return Node(
        field=node, op_type=op_type, inputs=tuple(inputs), outputs=tuple(outputs), attributes=attributes, inner=inner
    )


def _read_attribute(model: Buffer, attribute: Field, inner: Contents) -> tuple[str, object]:
    name = ""
    value: object = None
    numbers: list[int] = []
    for part in read_fields(model, attribute.begin, attribute.end):
        if part.number == _ATTRIBUTE_NAME and part.wire == BYTES:
            name = read_text(model, part)
        elif part.number == _ATTRIBUTE_FLOAT and part.wire == FIXED32:
            value = struct.unpack("<f", model[part.begin : part.end])[0]
        elif part.number == _ATTRIBUTE_INT and part.wire == VARINT:
            value = read_varint(model, part.begin)[0]
        elif part.number == _ATTRIBUTE_INTS and part.wire in (VARINT, BYTES):
            at = part.begin
            while at < part.end:
                number, at = read_varint(model, at)
                numbers.append(number)
    _look_into_attribute(model, attribute, inner, depth=1)
    return name, tuple(numbers) if numbers else value


def _look_into_attribute(model: Buffer, attribute: Field, inner: Contents, *, depth: int) -> None:
    for part in read_fields(model, attribute.begin, attribute.end):
        if part.wire != BYTES:
            continue
        if part.number in _ATTRIBUTE_GRAPHS:
            _look_into_graph(model, part, inner, depth=depth)
        elif part.number in _ATTRIBUTE_TENSORS:
            _read_weights(model, part, inner)
        elif part.number in _ATTRIBUTE_SPARSE:
            _look_into_sparse(model, part, inner)


def _look_into_graph(model: Buffer, graph: Field, inner: Contents, *, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError(f"graphs inside graphs, more than {_DEEPEST} deep")
    for part in read_fields(model, graph.begin, graph.end):
        if part.wire != BYTES:
            continue
        if part.number == GRAPH_NODE:
            _look_into_node(model, part, inner, depth=depth)
        elif part.number == GRAPH_INITIALIZER:
            _read_weights(model, part, inner)
        elif part.number == _GRAPH_SPARSE:
            _look_into_sparse(model, part, inner)
        elif part.number == GRAPH_OUTPUT:
            inner.names.add(read_name(model, part, 1))


def _look_into_node(model: Buffer, node: Field, inner: Contents, *, depth: int) -> None:
    for part in read_fields(model, node.begin, node.end):
        if part.wire != BYTES:
            continue
        if part.number == _NODE_INPUT:
            inner.names.add(read_text(model, part))
        elif part.number == _NODE_OP_TYPE:
            inner.draws |= read_text(model, part) in RANDOM
        elif part.number == _NODE_ATTRIBUTE:
            _look_into_attribute(model, part, inner, depth=depth + 1)


def _look_into_sparse(model: Buffer, tensor: Field, inner: Contents) -> None:
    for part in read_fields(model, tensor.begin, tensor.end):
        if part.number in (1, 2) and part.wire == BYTES:  # values and indices
            _read_weights(model, part, inner)


def _read_weights(model: Buffer, tensor: Field, inner: Contents) -> Weights:
    name = ""
    numbers: list[Field] = []
    elsewhere = False
    for part in read_fields(model, tensor.begin, tensor.end):
        if part.wire != BYTES:
            continue
        if part.number == TENSOR_NAME:
            name = read_text(model, part)
        elif part.number == TENSOR_RAW_DATA:
            numbers.append(part)
        elif part.number == TENSOR_EXTERNAL:
            inner.locations += _read_locations(model, part)
            elsewhere = True
    return Weights(field=tensor, name=name, numbers=numbers[0] if len(numbers) == 1 and not elsewhere else None)


def _read_locations(model: Buffer, entry: Field) -> list[str]:
    """Every value of a key-value pair that names a file, whatever comes first or twice."""
    parts = [part for part in read_fields(model, entry.begin, entry.end) if part.wire == BYTES]
    if not any(part.number == 1 and model[part.begin : part.end] == b"location" for part in parts):
        return []
    return [read_text(model, part) for part in parts if part.number == 2]
