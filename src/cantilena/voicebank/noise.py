"""Noise that a model would draw by itself, turned into inputs when the model is loaded.

A node such as ``RandomNormalLike`` draws something else on every run. Each one in a model's main graph is replaced by
nodes that take as many values as needed from a new input, in the shape that the random node would have given; a
phrase then sounds the same whenever it is sung. ONNX files are protobuf, and all but the replaced nodes is copied
byte for byte, so no ONNX package is needed.

Conventions
-----------
Values are read in order and begin anew when they run out, so any number of values gives a valid result. Random nodes
inside loops and branches stay as they are, as do those of other types than 32-bit floats.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

_PREFIX = "cantilena_noise"
_DISTRIBUTIONS: dict[bytes, Literal["normal", "uniform"]] = {
    b"RandomNormalLike": "normal",
    b"RandomNormal": "normal",
    b"RandomUniformLike": "uniform",
    b"RandomUniform": "uniform",
}
_RANDOM = (*_DISTRIBUTIONS, b"Bernoulli", b"Multinomial")
_DEEPEST = 32  # graphs inside graphs; exporters write two or three
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType


class Buffer(Protocol):
    """Bytes, or a mapped file."""

    def __getitem__(self, key: slice, /) -> bytes: ...
    def __len__(self) -> int: ...


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
    low: float
    high: float
    size: int | None

    def draw(self, generator: np.random.Generator, size: int) -> NDArray[np.float32]:
        """Values for one run, [shape=(n,)]; ``size`` is used when the node itself does not fix it."""
        count = self.size if self.size is not None else max(size, 1)
        if self.distribution == "normal":
            values = generator.standard_normal(count, dtype=np.float32)
            return values if (self.low, self.high) == (0.0, 1.0) else values * np.float32(self.high) + self.low
        values = generator.random(count, dtype=np.float32)
        return values * np.float32(self.high - self.low) + np.float32(self.low)


def expose_noise(model: Buffer) -> tuple[bytes, tuple[NoiseInput, ...]] | None:
    """Replace the random nodes of a model's main graph.

    Parameters
    ----------
    model : Buffer
        An ONNX file.

    Returns
    -------
    tuple of bytes and NoiseInput, or None
        The changed file and its new inputs; None: it draws no noise.

    Raises
    ------
    ValueError
        The bytes are no protobuf message.
    """
    for number, wire, begin, inner, end in _fields(model, 0, len(model)):
        if number == 7 and wire == _BYTES:  # ModelProto.graph
            chunks, noise = _rewrite_graph(model, inner, end)
            if not noise:
                return None
            size = sum(map(len, chunks))
            return b"".join([model[:begin], _key(7, _BYTES), _varint(size), *chunks, model[end:]]), tuple(noise)
    return None


def draws_in_loops(model: Buffer) -> bool:
    """Whether random nodes lie inside a loop or a branch of a model, where they cannot become inputs.

    Raises
    ------
    ValueError
        The bytes are no protobuf message.
    """
    return any(
        _draws(model, begin, end, depth=0)
        for number, wire, _, start, stop in _fields(model, 0, len(model))
        if number == 7 and wire == _BYTES  # ModelProto.graph
        for begin, end in _subgraphs(model, start, stop)
    )


def _draws(model: Buffer, begin: int, end: int, *, depth: int) -> bool:
    """Whether a graph, or one inside it, holds a random node."""
    if depth > _DEEPEST:
        raise ValueError(f"graphs inside graphs, {_DEEPEST} deep, at byte {begin}")
    for number, wire, _, start, stop in _fields(model, begin, end):
        if number == 1 and wire == _BYTES:  # GraphProto.node
            for inner, kind, _, at, until in _fields(model, start, stop):
                if inner == 4 and kind == _BYTES and model[at:until] in _RANDOM:  # NodeProto.op_type
                    return True
    return any(_draws(model, *graph, depth=depth + 1) for graph in _subgraphs(model, begin, end))


def _subgraphs(model: Buffer, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the graphs in the attributes of a graph's nodes begin and end."""
    for path in ((1, 5, 6), (1, 5, 11)):  # GraphProto.node, NodeProto.attribute, AttributeProto.g and .graphs
        yield from _inside(model, begin, end, path)


def _inside(model: Buffer, begin: int, end: int, path: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    for number, wire, _, start, stop in _fields(model, begin, end):
        if number == path[0] and wire == _BYTES:
            if len(path) == 1:
                yield start, stop
            else:
                yield from _inside(model, start, stop, path[1:])


def _rewrite_graph(model: Buffer, begin: int, end: int) -> tuple[list[bytes], list[NoiseInput]]:
    chunks: list[bytes] = []
    noise: list[NoiseInput] = []
    copied = begin
    for number, wire, start, inner, stop in _fields(model, begin, end):
        if number != 1 or wire != _BYTES:  # GraphProto.node
            continue
        node = model[inner:stop]
        if b"Random" not in node:
            continue
        replaced = _replace(node, len(noise))
        if replaced is not None:
            nodes, source = replaced
            chunks += [model[copied:start], nodes]
            copied = stop
            noise.append(source)
    chunks.append(model[copied:end])
    if noise:
        chunks += [_scalar(f"{_PREFIX}_zero", 0), _scalar(f"{_PREFIX}_one", 1)]
        chunks += [_float_input(source.name) for source in noise]
    return chunks, noise


def _replace(node: bytes, index: int) -> tuple[bytes, NoiseInput] | None:
    """The nodes that stand in for one random node, and the input they read; None: leave it."""
    inputs, outputs, op_type, attributes = _parse_node(node)
    distribution = _DISTRIBUTIONS.get(op_type)
    if distribution is None or len(outputs) != 1 or attributes.get("dtype", _FLOAT) != _FLOAT:
        return None
    low, high = ("mean", "scale") if distribution == "normal" else ("low", "high")
    name = f"{_PREFIX}_{index}"
    shape = attributes.get("shape")
    source = NoiseInput(
        name=name,
        distribution=distribution,
        low=float(attributes.get(low, 0.0)),  # type: ignore[arg-type]
        high=float(attributes.get(high, 1.0)),  # type: ignore[arg-type]
        size=math.prod(shape) if isinstance(shape, tuple) else None,
    )
    if isinstance(shape, tuple):
        dims = _chunk(5, _tensor(f"{name}_shape", shape, dims=(len(shape),)))
        return _node("Reshape", (name, f"{name}_shape"), outputs[0]) + dims, source
    if len(inputs) != 1:
        return None
    # values[i mod len(values)] for each element i of the tensor whose shape is wanted
    steps = (
        ("Shape", (inputs[0],), f"{name}_shape"),
        ("Size", (inputs[0],), f"{name}_size"),
        ("Range", (f"{_PREFIX}_zero", f"{name}_size", f"{_PREFIX}_one"), f"{name}_all"),
        ("Size", (name,), f"{name}_given"),
        ("Mod", (f"{name}_all", f"{name}_given"), f"{name}_index"),
        ("Gather", (name, f"{name}_index"), f"{name}_flat"),
        ("Reshape", (f"{name}_flat", f"{name}_shape"), outputs[0]),
    )
    return b"".join(_node(op, given, result) for op, given, result in steps), source


def _parse_node(node: bytes) -> tuple[list[str], list[str], bytes, dict[str, object]]:
    inputs: list[str] = []
    outputs: list[str] = []
    op_type = b""
    attributes: dict[str, object] = {}
    for number, wire, _, inner, stop in _fields(node, 0, len(node)):
        if wire != _BYTES:
            continue
        content = node[inner:stop]
        if number == 1:
            inputs.append(content.decode())
        elif number == 2:
            outputs.append(content.decode())
        elif number == 4:
            op_type = content
        elif number == 5:
            name, value = _parse_attribute(content)
            attributes[name] = value
    return inputs, outputs, op_type, attributes


def _parse_attribute(attribute: bytes) -> tuple[str, object]:
    """Name and value: a float, a whole number, or a tuple of whole numbers."""
    name = ""
    value: object = None
    numbers: list[int] = []
    for number, wire, _, inner, stop in _fields(attribute, 0, len(attribute)):
        content = attribute[inner:stop]
        if number == 1:
            name = content.decode()
        elif number == 2 and wire == _FIXED32:
            value = struct.unpack("<f", content)[0]
        elif number == 3 and wire == _VARINT:
            value = read_varint(content, 0)[0]
        elif number == 8:
            at = 0
            while at < len(content):
                item, at = read_varint(content, at)
                numbers.append(item)
    return name, tuple(numbers) if numbers else value


def _fields(buffer: Buffer, begin: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Number, wire type, start, start of the content and end of each field of a message."""
    at = begin
    while at < end:
        start = at
        key, at = read_varint(buffer, at)
        number, wire = key >> 3, key & 7
        inner = at
        if wire == _BYTES:
            size, inner = read_varint(buffer, at)
            at = inner + size
        elif wire == _VARINT:
            at = read_varint(buffer, at)[1]
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError(f"wire type {wire} at byte {start}")
        if at > end:
            raise ValueError(f"the field at byte {start} ends after its message")
        yield number, wire, start, inner, at


def read_varint(buffer: Buffer, at: int) -> tuple[int, int]:
    """A whole number as protobuf writes it, and where the next thing begins."""
    value = 0
    for shift, byte in enumerate(buffer[at : at + 10]):
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value, at + shift + 1
    raise ValueError(f"no whole number at byte {at}")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _chunk(number: int, content: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(content)) + content


def _node(op_type: str, inputs: tuple[str, ...], output: str) -> bytes:
    """A field ``GraphProto.node``."""
    content = b"".join(_chunk(1, name.encode()) for name in inputs)
    return _chunk(1, content + _chunk(2, output.encode()) + _chunk(4, op_type.encode()))


def _tensor(name: str, values: tuple[int, ...], *, dims: tuple[int, ...]) -> bytes:
    """A TensorProto of 64-bit whole numbers."""
    sizes = b"".join(_key(1, _VARINT) + _varint(dim) for dim in dims)
    packed = b"".join(map(_varint, values))
    return sizes + _key(2, _VARINT) + _varint(_INT64) + _chunk(7, packed) + _chunk(8, name.encode())


def _scalar(name: str, value: int) -> bytes:
    """A field ``GraphProto.initializer``."""
    return _chunk(5, _tensor(name, (value,), dims=()))


def _float_input(name: str) -> bytes:
    """A field ``GraphProto.input`` for a list of 32-bit floats."""
    shape = _chunk(2, _chunk(1, _chunk(2, f"{name}_given".encode())))  # one dimension of unknown size
    tensor_type = _chunk(1, _key(1, _VARINT) + _varint(_FLOAT) + shape)
    return _chunk(11, _chunk(1, name.encode()) + _chunk(2, tensor_type))
