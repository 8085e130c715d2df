"""Write fully connected layers with ReLU between them as ONNX."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import nn


def to_onnx(layers: Sequence[nn.Linear]) -> onnx.ModelProto:
    """Return the network as ONNX: Gemm, and Relu after each but the last."""
    nodes, constants, at = [], [], "input"
    for number, layer in enumerate(layers, start=1):
        last = number == len(layers)
        total = "scores" if last else f"sum_{number}"
        names = [f"weight_{number}", f"bias_{number}"]
        for name, values in zip(names, (layer.weight, layer.bias), strict=True):
            constants.append(numpy_helper.from_array(values.detach().numpy(), name))
        nodes.append(
            helper.make_node("Gemm", [at, *names], [total], name=f"layer_{number}", transB=1)
        )
        if not last:
            at = f"active_{number}"
            nodes.append(helper.make_node("Relu", [total], [at], name=f"relu_{number}"))
    inputs, outputs = layers[0].in_features, layers[-1].out_features
    graph = helper.make_graph(
        nodes,
        "fully-connected",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", inputs])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", outputs])],
        constants,
    )
    file = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(file, full_check=True)
    return file
