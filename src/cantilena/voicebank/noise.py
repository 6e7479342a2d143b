"""Noise that a model would draw by itself, turned into inputs when the model is loaded.

A node such as ``RandomNormalLike`` draws something else on every run. Each one in a model's main graph is replaced by
a node that gives the values of a new input the shape the random node would have given; a phrase then sounds the same
whenever it is sung.

Conventions
-----------
An input wants exactly as many values as its node would have drawn. How many that are is often known only while the
model runs, so the first run asks for it: :func:`size_probe` is the small part of the model that tells. Random nodes
inside loops and branches stay as they are, as does ``Multinomial``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from cantilena.voicebank.onnx_graph import GRAPH_INITIALIZER, GRAPH_INPUT, GRAPH_NODE, GRAPH_OUTPUT, Node, OnnxGraph
from cantilena.voicebank.protobuf import write_bytes, write_number

_PREFIX = "cantilena_noise"
_DISTRIBUTIONS: Mapping[str, Literal["normal", "uniform"]] = {
    "RandomNormalLike": "normal",
    "RandomNormal": "normal",
    "RandomUniformLike": "uniform",
    "RandomUniform": "uniform",
    "Bernoulli": "uniform",
}
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType
_CAST_LIKE_SINCE = 15
MOST_VALUES: Final = 2**28
"""An input that wants more belongs to a damaged model: ten minutes of the largest known vocoder noise are fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseInput:
    """One input that wants noise.

    Attributes
    ----------
    name : str
        Of the input.
    distribution : {"normal", "uniform"}
        What the random node drew.
    low, high : float
        Mean and standard deviation, or the two bounds.
    size : int or None
        How many values it takes; None: that depends on the other inputs.
    """

    name: str
    distribution: Literal["normal", "uniform"]
    low: float = 0.0
    high: float = 1.0
    size: int | None = None

    @property
    def shape_name(self) -> str:
        """The tensor that holds the shape the noise is given."""
        return f"{self.name}_shape"

    def draw(self, generator: np.random.Generator, size: int) -> NDArray[np.float32]:
        """Values for one run, [shape=(size,)]."""
        if self.distribution == "normal":
            values = generator.standard_normal(size, dtype=np.float32)
            if (self.low, self.high) != (0.0, 1.0):
                values *= np.float32(self.high)
                values += np.float32(self.low)
            return values
        values = generator.random(size, dtype=np.float32)
        if (self.low, self.high) != (0.0, 1.0):
            values *= np.float32(self.high - self.low)
            values += np.float32(self.low)
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposed:
    """A graph whose noise has become inputs.

    Attributes
    ----------
    nodes : mapping of int to bytes
        By the index of a random node: what stands in its place.
    declared : bytes
        What the graph gains: the inputs, and constants.
    noise : tuple of NoiseInput
        In the order of the random nodes.
    """

    nodes: Mapping[int, bytes]
    declared: bytes
    noise: tuple[NoiseInput, ...]


def expose_noise(graph: OnnxGraph) -> Exposed:
    """What stands in for the random nodes of a model's main graph."""
    nodes: dict[int, bytes] = {}
    declared: list[bytes] = []
    noise: list[NoiseInput] = []
    for index, node in enumerate(graph.nodes):
        if not _can_replace(node):
            continue
        source = _noise_input(node, f"{_PREFIX}_{len(noise)}")
        nodes[index] = _replacement(node, source, opset=graph.opset)
        declared.append(_declare(source.name))
        shape = node.attributes.get("shape")
        if isinstance(shape, tuple):
            declared.append(write_bytes(GRAPH_INITIALIZER, _int_tensor(source.shape_name, shape)))
        noise.append(source)
    return Exposed(nodes=nodes, declared=b"".join(declared), noise=tuple(noise))


def shape_output(source: NoiseInput) -> bytes:
    """The output of a :func:`size_probe`, as a graph declares it."""
    return write_bytes(GRAPH_OUTPUT, _tensor_info(source.shape_name, _INT64, f"{source.name}_rank"))


def size_probe(graph: OnnxGraph, exposed: Exposed, source: NoiseInput) -> tuple[frozenset[int], frozenset[str]]:
    """The nodes of a graph that tell how many values an input of noise wants, and the names that they read.

    Returns
    -------
    tuple of frozenset of int and frozenset of str
        Indices of nodes, and the names of everything those nodes and the graphs inside them read.
    """
    makers = {name: index for index, node in enumerate(graph.nodes) for name in node.outputs}
    (first,) = (index for index, noise in zip(exposed.nodes, exposed.noise, strict=True) if noise is source)
    wanted = list(graph.nodes[first].inputs)
    nodes: set[int] = set()
    names: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in names:
            continue
        names.add(name)
        index = makers.get(name)
        if index is not None and index not in nodes:
            nodes.add(index)
            wanted += graph.nodes[index].inputs
            wanted += graph.nodes[index].inner.names
    return frozenset(nodes), frozenset(names)


def shape_of(graph: OnnxGraph, exposed: Exposed, source: NoiseInput) -> bytes:
    """The node that gives the output of a :func:`size_probe`."""
    (index,) = (index for index, noise in zip(exposed.nodes, exposed.noise, strict=True) if noise is source)
    return _node("Shape", graph.nodes[index].inputs, source.shape_name)


def _can_replace(node: Node) -> bool:
    if node.op_type not in _DISTRIBUTIONS or len(node.outputs) != 1:
        return False
    return isinstance(node.attributes.get("shape"), tuple) or len(node.inputs) == 1


def _noise_input(node: Node, name: str) -> NoiseInput:
    distribution = _DISTRIBUTIONS[node.op_type]
    if node.op_type == "Bernoulli":
        return NoiseInput(name=name, distribution=distribution)
    low, high = ("mean", "scale") if distribution == "normal" else ("low", "high")
    shape = node.attributes.get("shape")
    return NoiseInput(
        name=name,
        distribution=distribution,
        low=_number(node.attributes.get(low), 0.0),
        high=_number(node.attributes.get(high), 1.0),
        size=math.prod(shape) if isinstance(shape, tuple) else None,
    )


def _number(value: object, default: float) -> float:
    return value if isinstance(value, float) else default


def _replacement(node: Node, source: NoiseInput, *, opset: int) -> bytes:
    name, (result,) = source.name, node.outputs
    dtype = node.attributes.get("dtype")
    steps = [] if source.size is not None else [_node("Shape", node.inputs, source.shape_name)]
    if node.op_type == "Bernoulli":
        steps += [
            _node("Reshape", (name, source.shape_name), f"{name}_values"),
            _node("Cast", node.inputs, f"{name}_chance", to=_FLOAT),
            _node("Less", (f"{name}_values", f"{name}_chance"), f"{name}_drawn"),
        ]
        values = f"{name}_drawn"
    else:
        values = f"{name}_values"
        if dtype == _FLOAT or (dtype is None and (not node.inputs or opset < _CAST_LIKE_SINCE)):
            return b"".join([*steps, _node("Reshape", (name, source.shape_name), result)])
        steps.append(_node("Reshape", (name, source.shape_name), values))
    if isinstance(dtype, int):
        steps.append(_node("Cast", (values,), result, to=dtype))
    else:
        steps.append(_node("CastLike", (values, *node.inputs), result))
    return b"".join(steps)


def _node(op_type: str, inputs: tuple[str, ...], output: str, *, to: int | None = None) -> bytes:
    """A field ``GraphProto.node``."""
    content = b"".join(write_bytes(1, name) for name in inputs) + write_bytes(2, output) + write_bytes(4, op_type)
    if to is not None:
        content += write_bytes(5, write_bytes(1, "to") + write_number(3, to) + write_number(20, 2))
    return write_bytes(GRAPH_NODE, content)


def _int_tensor(name: str, values: tuple[int, ...]) -> bytes:
    """A TensorProto of one dimension of 64-bit whole numbers."""
    numbers = b"".join(write_number(7, value) for value in values)
    return write_number(1, len(values)) + write_number(2, _INT64) + numbers + write_bytes(8, name)


def _declare(name: str) -> bytes:
    """A field ``GraphProto.input`` for a list of 32-bit floats."""
    return write_bytes(GRAPH_INPUT, _tensor_info(name, _FLOAT, f"{name}_size"))


def _tensor_info(name: str, dtype: int, size: str) -> bytes:
    """A ValueInfoProto for a list whose length has a name."""
    shape = write_bytes(2, write_bytes(1, write_bytes(2, size)))
    return write_bytes(1, name) + write_bytes(2, write_bytes(1, write_number(1, dtype) + shape))
