"""Writing ONNX graphs node by node, with checks of what they are fed.

Conventions
-----------
A check is a node that fails when its condition does not hold, and bears the rule as its name, which onnxruntime quotes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import GraphProto, TensorProto, helper, numpy_helper

INT, FLOAT, BOOL = TensorProto.INT64, TensorProto.FLOAT, TensorProto.BOOL


class Graph:
    """A graph under construction; every method adds a node and gives the name of its result."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes, self._inputs, self._outputs, self._initializers = [], [], [], []
        self._checks: list[str] = []
        self._constants: dict[object, str] = {}

    def input(self, name: str, dtype: int, shape: Sequence[int | str]) -> str:
        self._inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def output(self, name: str, source: str, dtype: int, shape: Sequence[int | str]) -> None:
        """An output; the checks made so far are part of it, so that nothing can leave them out."""
        if dtype == FLOAT and self._checks:
            source, self._checks = self.sum(source, *self._checks), []
        self._nodes.append(helper.make_node("Identity", [source], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, dtype, shape))

    def const(self, value: object, dtype: type | str = np.float32) -> str:
        array = np.asarray(value, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = f"c{len(self._constants)}"
            self._initializers.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def op(self, kind: str, *inputs: str, name: str = "", **attributes: object) -> str:
        result = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [result], name=name or None, **attributes))
        return result

    def float(self, source: str) -> str:
        return self.op("Cast", source, to=FLOAT)

    def whole(self, source: str) -> str:
        return self.op("Cast", source, to=INT)

    def unsqueeze(self, source: str, axis: int) -> str:
        return self.op("Unsqueeze", source, self.const([axis], np.int64))

    def flat(self, source: str) -> str:
        return self.op("Reshape", source, self.const([-1], np.int64))

    def row(self, source: str) -> str:
        return self.op("Reshape", source, self.const([1, -1], np.int64))

    def scaled(self, source: str, factor: float) -> str:
        return self.op("Mul", source, self.const(factor))

    def nothing(self, source: str) -> str:
        """Zeros in the shape of a number tensor: adding it checks that shapes agree."""
        return self.scaled(self.float(source), 0.0)

    def sum(self, *sources: str) -> str:
        return self.op("Sum", *sources)

    def total(self, counts: str) -> str:
        return self.op("ReduceSum", self.flat(counts), keepdims=0)

    def length(self, source: str, axis: int = 1) -> str:
        """How many items a tensor has along an axis."""
        return self.op("Gather", self.op("Shape", source), self.const(axis, np.int64))

    def channel(self, source: str, index: int) -> str:
        """[1, n] of [1, n, channels]."""
        return self.op("Gather", source, self.const(index, np.int64), axis=2)

    def owner(self, counts: str) -> str:
        """For counts (c0, c1, ...): 0 c0 times, 1 c1 times, ...: to which item each unit belongs."""
        flat = self.flat(counts)
        ends = self.op("CumSum", flat, self.const(0, np.int64))
        units = self.op("Range", self.const(0, np.int64), self.total(flat), self.const(1, np.int64))
        passed = self.op("GreaterOrEqual", self.unsqueeze(units, 1), self.unsqueeze(ends, 0))
        return self.op("ReduceSum", self.whole(passed), self.const([1], np.int64), keepdims=0)

    def repeat(self, values: str, counts: str) -> str:
        """Items of [1, n] each as often as told by [1, n], as [1, total]."""
        return self.row(self.op("Gather", self.flat(values), self.owner(counts)))

    def last_axis_sum(self, source: str) -> str:
        return self.op("ReduceSum", source, self.const([2], np.int64), keepdims=0)

    def noise_like(self, source: str, scale: float) -> str:
        return self.scaled(self.op("RandomNormalLike", source), scale)

    def equal(self, one: str, other: str) -> str:
        return self.op("Equal", one, other)

    def between(self, source: str, low: float, high: float, *, whole: bool = False) -> str:
        """Whether each value lies in a closed range; one that is no number does not."""
        ends = [self.const(end, np.int64 if whole else np.float32) for end in (low, high)]
        return self.op("And", self.op("GreaterOrEqual", source, ends[0]), self.op("LessOrEqual", source, ends[1]))

    def require(self, rule: str, *conditions: str) -> str:
        """Fail, quoting the rule, unless all of all conditions is true; gives a 0 to add to what should wait."""
        flat = self.op("Concat", *(self.flat(self.whole(condition)) for condition in conditions), axis=0)
        holds = self.op("ReduceMin", flat, axes=[0], keepdims=0)
        beyond = self.op("Sub", self.const(1, np.int64), holds)
        # The table has one value: index 1 lies outside.
        self._checks.append(self.op("Gather", self.const([0.0]), beyond, name=f"REQUIRED {rule}"))
        return self._checks[-1]

    def loop_noise(self, source: str, times: str, scale: float) -> str:
        """Noise added by a node inside a loop, as many times as told."""
        carried = [helper.make_tensor_value_info(f"{self.name}_{name}", FLOAT, None) for name in ("before", "after")]
        again = [helper.make_tensor_value_info(f"{self.name}_{name}", BOOL, []) for name in ("again", "still")]
        count = helper.make_tensor_value_info(f"{self.name}_count", INT, [])
        before, after = (info.name for info in carried)
        nodes = [
            helper.make_node("Identity", [again[0].name], [again[1].name]),
            helper.make_node("RandomNormalLike", [before], [f"{self.name}_drawn"], scale=scale),
            helper.make_node("Add", [before, f"{self.name}_drawn"], [after]),
        ]
        body: GraphProto = helper.make_graph(nodes, "ancestral", [count, again[0], carried[0]], [again[1], carried[1]])
        return self.op("Loop", times, self.const(True, np.bool_), source, body=body)

    def serialized(self) -> bytes:
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, self._initializers)
        opset = helper.make_opsetid("", 17)
        # Exported graphs that were merged repeat the entry.
        model = helper.make_model(graph, opset_imports=[opset, opset], ir_version=8)
        return model.SerializeToString()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a model that samples is told to hurry.

    Attributes
    ----------
    hurry : {"steps", "speedup"}
        The input: evaluations in all, or one in so many of a thousand.
    depth : {"float", "int"} or None
        Type of the input ``depth``, a share of the diffusion or so many of its thousand steps; None: there is none.
    rank : int
        0 or 1, of both.
    ancestral : bool
        Whether a speedup of 1 draws noise in a loop.
    """

    hurry: str = "steps"
    depth: str | None = None
    rank: int = 0
    ancestral: bool = False

    def inputs(self, g: Graph, *, max_depth: float = 1.0) -> Mapping[str, str]:
        """Declare and check the inputs, in the exporter's order."""
        shape = [1] * self.rank
        given: dict[str, str] = {}
        if self.depth:
            given["depth"] = g.input("depth", FLOAT if self.depth == "float" else INT, shape)
            if self.depth == "float":
                g.require("0 <= depth <= max_depth", g.between("depth", 0.0, max_depth + 1e-6))
            else:
                g.require("0 <= depth <= max_depth", g.between("depth", 0, round(1000 * max_depth), whole=True))
        given["hurry"] = g.input(self.hurry, INT, shape)
        g.require(f"1 <= {self.hurry} <= 1000", g.between(self.hurry, 1, 1000, whole=True))
        if self.hurry == "speedup":
            divided = "depth" if self.depth == "int" else g.const(1000, np.int64)
            rest = g.op("Mod", divided, g.op("Max", "speedup", g.const(1, np.int64)))
            g.require("speedup divides the steps", g.equal(rest, g.const(0, np.int64)))
        return given
