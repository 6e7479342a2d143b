"""A program: ``python quantize_model.py SOURCE TARGET`` writes an ONNX model with matrix products of 8 bits.

Only weights are rounded when the model is made, by the column; what they are multiplied with is rounded while it runs,
so no examples of inputs are needed. It imports nothing of Cantilena and runs in a process of its own.
"""

from __future__ import annotations

import sys


def quantize(source: str, target: str) -> None:
    """Write the quantised model."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(source)
    # Graphs that were merged repeat the entry, which the quantiser refuses.
    opsets = {entry.domain: entry.version for entry in sorted(model.opset_import, key=lambda entry: entry.version)}
    del model.opset_import[:]
    model.opset_import.extend(onnx.helper.make_opsetid(domain, number) for domain, number in opsets.items())
    quantize_dynamic(
        model,
        target,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"EnableSubgraph": True, "MatMulConstBOnly": True},
    )


if __name__ == "__main__":
    quantize(sys.argv[1], sys.argv[2])
