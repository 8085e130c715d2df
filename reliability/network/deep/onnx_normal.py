"""The forms of an ONNX model brought to one: sorted nodes, float32, constants second in products.

`normalised` changes no result but for the precision of float16 and float64 models, which are
computed in float32.
"""

from typing import Any

import numpy as np

from reliability.errors import InputError
from reliability.network.deep.runtime import onnx_package


def sort_nodes(graph: Any) -> None:
    """Sort the nodes of a graph so that each comes behind those whose outputs it takes.

    Nodes that are in order stay where they are. A cycle is left for the checker to refuse.
    """
    made = {name for node in graph.node for name in node.output if name}
    waiting, known, ordered = list(graph.node), set[str](), []
    while waiting:
        ready = next((k for k, node in enumerate(waiting) if _needs(node) & made <= known), None)
        if ready is None:
            return
        node = waiting.pop(ready)
        ordered.append(node)
        known |= set(node.output)
    _replace_nodes(graph, ordered)


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
    graph = model.graph
    tensors = list(graph.initializer)
    for node in graph.node:
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
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.type.tensor_type.elem_type in other:
            value.type.tensor_type.elem_type = kinds.FLOAT


def constants_second(model: Any, known: dict[str, Any]) -> None:
    """Write ``W @ x`` of a constant W as the transpose of ``x' @ W'``, which cells compute.

    Parameters
    ----------
    model : ModelProto
    known : dict
        Constant tensors by name.
    """
    onnx = onnx_package()
    first = {
        node.output[0] for node in model.graph.node
        if node.op_type == "MatMul" and node.input[0] in known and node.input[1] not in known
        and len(known[node.input[0]].dims) == 2
    }  # fmt: skip
    if not first:
        return
    ranks = _ranks(onnx.shape_inference.infer_shapes(model).graph)
    nodes: list[Any] = []
    for node in model.graph.node:
        rank = ranks.get(node.input[1], 0) if node.output[0] in first else 0
        if rank < 2:
            nodes.append(node)
            continue
        swapped = [*range(rank - 2), rank - 1, rank - 2]
        name = node.name or node.output[0]
        weights = onnx.numpy_helper.to_array(known[node.input[0]]).T
        constant = f"{node.input[0]} transposed for {name}"
        model.graph.initializer.append(
            onnx.numpy_helper.from_array(np.ascontiguousarray(weights), constant)
        )
        x, y = f"{name}::input transposed", f"{name}::output transposed"
        make = onnx.helper.make_node
        nodes += [
            make("Transpose", [node.input[1]], [x], perm=swapped),
            make("MatMul", [x, constant], [y], name=node.name),
            make("Transpose", [y], [node.output[0]], perm=swapped),
        ]
    _replace_nodes(model.graph, nodes)


def _ranks(graph: Any) -> dict[str, int]:
    """Number of axes of each tensor whose shape is known."""
    out = {}
    for value in (*graph.input, *graph.output, *graph.value_info):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            out[value.name] = len(kind.shape.dim)
    return out


def _needs(node: Any) -> set[str]:
    """Names that a node takes, those of the graphs inside it included."""
    out = {name for name in node.input if name}
    for attribute in node.attribute:
        for graph in [attribute.g] if attribute.HasField("g") else list(attribute.graphs):
            for inner in graph.node:
                out |= _needs(inner)
    return out


def _replace_nodes(graph: Any, nodes: list[Any]) -> None:
    copies = [type(node)() for node in nodes]  # the old ones go away with the field
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    del graph.node[:]
    graph.node.extend(copies)
