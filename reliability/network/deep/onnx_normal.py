"""The nodes of an ONNX model sorted, and its numbers in float32."""

from typing import Any

import numpy as np

from reliability.errors import InputError
from reliability.network.deep.onnx_writer import inner_graphs, needs, replace_nodes
from reliability.network.deep.runtime import onnx_package


def sort_nodes(graph: Any) -> None:
    """Sort the nodes of a graph so that each comes behind those whose outputs it takes.

    Nodes that are in order stay where they are. A cycle is left for the checker to refuse.
    """
    made = {name for node in graph.node for name in node.output if name}
    waiting, known, ordered = list(graph.node), set[str](), []
    while waiting:
        ready = next((k for k, node in enumerate(waiting) if needs(node) & made <= known), None)
        if ready is None:
            return
        node = waiting.pop(ready)
        ordered.append(node)
        known |= set(node.output)
    replace_nodes(graph, ordered)


def as_float32(model: Any) -> None:
    """Turn tensors, inputs and outputs of float16 and float64 into float32.

    Raises
    ------
    InputError
        A number that float32 does not hold.
    """
    onnx = onnx_package()
    kinds = onnx.TensorProto
    other = (kinds.FLOAT16, kinds.DOUBLE, kinds.BFLOAT16)
    graphs, tensors = [model.graph], []
    for graph in graphs:  # grows by the graphs inside
        tensors += graph.initializer
        for node in graph.node:
            graphs += inner_graphs(node)
            for attribute in node.attribute:
                if attribute.name in ("to", "dtype") and attribute.i in other:
                    attribute.i = kinds.FLOAT
                if attribute.HasField("t"):
                    tensors.append(attribute.t)
    for tensor in tensors:
        if tensor.data_type in other:
            held = onnx.numpy_helper.to_array(tensor)
            with np.errstate(over="ignore"):
                array = held.astype(np.float32)
            if np.isfinite(held.astype(float)).sum() > np.isfinite(array).sum():
                raise InputError(f"tensor {tensor.name!r}: got numbers beyond those of float32")
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    for graph in graphs:
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.tensor_type.elem_type in other:
                value.type.tensor_type.elem_type = kinds.FLOAT
