"""Constant tensors of an ONNX graph, those that are computed from constants included."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.deep.onnx_writer import Writer
from reliability.network.deep.runtime import Session, onnx_package

# What is made of constants by these is a constant too.
_ELEMENTWISE = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Equal", "Less", "Greater", "LessOrEqual"),
        *("GreaterOrEqual", "And", "Or", "Where"),
    }
)
_FOLDED = _ELEMENTWISE | {
    *("Identity", "Cast", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Neg", "Not"),
    *("DequantizeLinear", "Slice", "Gather", "Concat", "Split", "Shape", "Size", "Sqrt"),
}
_LARGEST = 2**28  # numbers that one of them may make, whatever its inputs' shapes ask for


class Constants(NamedTuple):
    """Constants of a graph.

    Attributes
    ----------
    tensors : dict of str to TensorProto
    roots : dict of str to frozenset of str
        Stored tensors that each of them is computed from.
    """

    tensors: dict[str, Any]
    roots: dict[str, frozenset[str]]

    def array(self, name: str) -> NDArray[Any]:
        """Return the numbers of one."""
        return onnx_package().numpy_helper.to_array(self.tensors[name])

    def derived(self, writer: Writer, source: str, values: NDArray[Any]) -> str:
        """Add a constant that is made of another one, so that both are the same weights."""
        name = writer.constant(np.ascontiguousarray(values))
        self.tensors[name] = writer.nodes[-1].attribute[0].t
        self.roots[name] = self.roots[source]
        return name

    def take(self, node: Any, model: Any) -> None:
        """Take in what a node makes, where it makes constants.

        Those are outputs of Constant, and what is reshaped, cut, dequantised or computed element
        by element from constants.
        """
        onnx = onnx_package()
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value" and node.output[0] not in self.tensors:
                    self.tensors[node.output[0]] = attribute.t
                    self.roots[node.output[0]] = frozenset(node.output)
            return
        inputs = [name for name in node.input if name]
        known = inputs and all(name in self.tensors for name in inputs)
        if node.op_type not in _FOLDED or node.domain not in ("", "ai.onnx") or not known:
            return
        if _size(node, [tuple(self.tensors[name].dims) for name in inputs]) > _LARGEST:
            return
        for name, array in zip(node.output, _folded(model, node, self), strict=True):
            self.tensors[name] = onnx.numpy_helper.from_array(array, name)
            self.roots[name] = frozenset().union(*(self.roots[source] for source in inputs))


def constants(model: Any) -> Constants:
    """Return the constant tensors of a model's graph."""
    graph = model.graph
    given = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    found = Constants({}, {})
    for tensor in graph.initializer:
        if tensor.name not in given:
            found.tensors[tensor.name] = tensor
            found.roots[tensor.name] = frozenset([tensor.name])
    for node in graph.node:
        found.take(node, model)
    return found


def _size(node: Any, shapes: list[tuple[int, ...]]) -> int:
    """Most numbers that a node can make of constants of these shapes."""
    if node.op_type in ("Gather", "Concat"):
        sizes = [max(prod(shape), 1) for shape in shapes]
        return prod(sizes) if node.op_type == "Gather" else sum(sizes)
    if node.op_type in _ELEMENTWISE:
        try:
            return prod(np.broadcast_shapes(*shapes))
        except ValueError:  # of shapes that do not go together, which the run refuses
            return 0
    return prod(shapes[0])


def _folded(model: Any, node: Any, known: Constants) -> list[NDArray[Any]]:
    """What a node makes of constants."""
    onnx = onnx_package()
    held = {name: onnx.TensorProto() for name in node.input if name}
    for name, tensor in held.items():
        tensor.CopyFrom(known.tensors[name])
        tensor.name = name
    results = [onnx.helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = onnx.helper.make_graph([node], "constant", [], results, list(held.values()))
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import)
    part.ir_version = model.ir_version
    try:
        return Session(part.SerializeToString()).run({})
    except Exception as error:  # onnxruntime's own kinds
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"{node.op_type} of constants can't be computed: {first}") from None
