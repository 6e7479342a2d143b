"""Writing large ONNX files with random weights, one weight in memory at a time.

A graph is built node by node; weights are only described, and drawn when the file is written.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

INT, FLOAT, BOOL = TensorProto.INT64, TensorProto.FLOAT, TensorProto.BOOL
Shape = Sequence[int | str]

_OPSET, _IR_VERSION = 17, 8
# Where the parts of a file lie in it: field numbers of ModelProto, GraphProto and TensorProto.
_MODEL_GRAPH, _GRAPH_INITIALIZER, _TENSOR_RAW_DATA = 7, 5, 9


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weight:
    """A tensor of normally distributed numbers that does not exist yet."""

    name: str
    shape: tuple[int, ...]
    deviation: float

    @property
    def head(self) -> bytes:
        """All of the TensorProto but its numbers."""
        tensor = TensorProto(name=self.name, dims=self.shape, data_type=FLOAT).SerializeToString()
        return bytes(tensor) + _head(_TENSOR_RAW_DATA, self.size)

    @property
    def size(self) -> int:
        """In bytes."""
        return 4 * math.prod(self.shape)

    def draw(self, generator: np.random.Generator) -> bytes:
        numbers = generator.standard_normal(self.shape, dtype=np.float32)
        numbers *= np.float32(self.deviation)
        return numbers.tobytes()


class Graph:
    """A graph under construction; every method adds a node and gives the name of its result.

    The body of a loop or branch is a graph too (:meth:`body`). It may use the names of the graph around it, and its
    weights are kept there, as exporters do it.
    """

    def __init__(self, name: str, *, around: Graph | None = None) -> None:
        self.name = name
        self._nodes: list[NodeProto] = []
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []
        self._counter: count[int] = around._counter if around else count()
        self._constants: list[TensorProto] = around._constants if around else []
        self._weights: list[_Weight] = around._weights if around else []

    def body(self, name: str) -> Graph:
        return Graph(name, around=self)

    def input(self, name: str, dtype: int, shape: Shape) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, source: str, dtype: int, shape: Shape | None) -> None:
        self._nodes.append(helper.make_node("Identity", [source], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def const(self, value: object, dtype: type = np.float32) -> str:
        name = f"const_{next(self._counter)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(values, np.int64)

    def weight(self, *shape: int, deviation: float) -> str:
        name = f"weight_{next(self._counter)}"
        self._weights.append(_Weight(name=name, shape=shape, deviation=deviation))
        return name

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        return self.split(kind, 1, *inputs, **attributes)[0]

    def split(self, kind: str, outputs: int, *inputs: str, **attributes: object) -> list[str]:
        """A node with several results."""
        names = [f"{kind.lower()}_{next(self._counter)}" for _ in range(outputs)]
        given: dict[str, Any] = {
            key: value.proto() if isinstance(value, Graph) else value for key, value in attributes.items()
        }  # fmt: skip
        self._nodes.append(helper.make_node(kind, list(inputs), names, **given))
        return names

    def proto(self) -> GraphProto:
        """The graph without constants and weights."""
        return helper.make_graph(self._nodes, self.name, self._inputs, self._outputs)

    def write(self, file: Path, *, seed: int) -> None:
        """Write the model; the same graph and seed give the same bytes."""
        nodes = GraphProto(node=self._nodes, name=self.name).SerializeToString()
        ends = GraphProto(initializer=self._constants, input=self._inputs, output=self._outputs).SerializeToString()
        heads = [weight.head for weight in self._weights]
        sizes = [len(head) + weight.size for head, weight in zip(heads, self._weights, strict=True)]
        initializers = sum(len(_head(_GRAPH_INITIALIZER, size)) + size for size in sizes)
        # Exported graphs that were merged repeat the entry.
        opsets = [helper.make_opsetid("", _OPSET)] * 2
        generator = np.random.default_rng(seed)
        with file.open("wb") as stream:
            stream.write(ModelProto(ir_version=_IR_VERSION, producer_name="cantilena benchmarks").SerializeToString())
            stream.write(_head(_MODEL_GRAPH, len(nodes) + initializers + len(ends)) + nodes)
            for weight, head, size in zip(self._weights, heads, sizes, strict=True):
                stream.write(_head(_GRAPH_INITIALIZER, size) + head + weight.draw(generator))
            stream.write(ends + ModelProto(opset_import=opsets).SerializeToString())

    # Layers -----------------------------------------------------------------------------------------------------

    def linear(self, source: str, inside: int, outside: int, *, gain: float = 1.0) -> str:
        """[..., inside] to [..., outside]."""
        matrix = self.weight(inside, outside, deviation=gain / math.sqrt(inside))
        return self.op("Add", self.op("MatMul", source, matrix), self.weight(outside, deviation=0.01))

    def conv(
        self, source: str, inside: int, outside: int, kernel: int, *, dilation: int = 1, groups: int = 1,
        stride: int = 1, gain: float = 1.0,
    ) -> str:  # fmt: skip
        """[1, inside, n] to [1, outside, n / stride]."""
        matrix = self.weight(
            outside, inside // groups, kernel, deviation=gain / math.sqrt(inside // groups * kernel)
        )  # fmt: skip
        reach = (kernel - stride) * dilation
        return self.op(
            "Conv", source, matrix, self.weight(outside, deviation=0.01), kernel_shape=[kernel],
            dilations=[dilation], group=groups, strides=[stride], pads=[reach // 2, reach - reach // 2],
        )  # fmt: skip

    def conv_transpose(self, source: str, inside: int, outside: int, kernel: int, stride: int) -> str:
        """[1, inside, n] to [1, outside, n * stride]."""
        matrix = self.weight(inside, outside, kernel, deviation=1 / math.sqrt(inside * kernel / stride))
        pad = (kernel - stride) // 2
        return self.op(
            "ConvTranspose", source, matrix, self.weight(outside, deviation=0.01), kernel_shape=[kernel],
            strides=[stride], pads=[pad, pad],
        )  # fmt: skip

    def embedding(self, ids: str, rows: int, size: int) -> str:
        """[1, n] to [1, n, size]."""
        return self.op("Gather", self.weight(rows, size, deviation=1.0), ids)

    def layer_norm(self, source: str, size: int) -> str:
        return self.op(
            "LayerNormalization", source, self.const(np.ones(size)), self.const(np.zeros(size)), axis=-1, epsilon=1e-5
        )

    def silu(self, source: str) -> str:
        return self.op("Mul", source, self.op("Sigmoid", source))

    def gelu(self, source: str) -> str:
        half = self.op("Mul", source, self.const(0.5))
        error = self.op("Erf", self.op("Mul", source, self.const(math.sqrt(0.5))))
        return self.op("Mul", half, self.op("Add", error, self.const(1.0)))

    # Shapes -----------------------------------------------------------------------------------------------------

    def sum(self, *sources: str) -> str:
        total = sources[0]
        for source in sources[1:]:
            total = self.op("Add", total, source)
        return total

    def float(self, source: str) -> str:
        return self.op("Cast", source, to=FLOAT)

    def channels_first(self, source: str) -> str:
        return self.op("Transpose", source, perm=[0, 2, 1])

    def column(self, source: str) -> str:
        """[1, n] to [1, n, 1]."""
        return self.op("Unsqueeze", source, self.ints(2))

    def reshape(self, source: str, *shape: int) -> str:
        return self.op("Reshape", source, self.ints(*shape))

    def owner(self, counts: str) -> str:
        """For counts [1, n] of c0, c1, ...: 0 c0 times, 1 c1 times, ..., flat: to which item each unit belongs."""
        flat = self.reshape(counts, -1)
        ends = self.op("CumSum", flat, self.const(0, np.int64))
        total = self.op("ReduceSum", flat, keepdims=0)
        units = self.op("Range", self.const(0, np.int64), total, self.const(1, np.int64))
        passed = self.op("GreaterOrEqual", self.reshape(units, -1, 1), self.reshape(ends, 1, -1))
        return self.op("ReduceSum", self.op("Cast", passed, to=INT), self.ints(1), keepdims=0)

    def spread(self, values: str, counts: str) -> str:
        """Items of [1, n, ...] each as often as told by [1, n]."""
        return self.op("Gather", values, self.owner(counts), axis=1)


def _head(field: int, size: int) -> bytes:
    """What stands before a field of so many bytes."""
    return _varint(field << 3 | 2) + _varint(size)


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])
