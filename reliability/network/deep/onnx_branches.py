"""Inputs that are the same for all images, and branches of a graph that shapes alone decide."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.deep.onnx_constants import Constants, constants
from reliability.network.deep.onnx_normal import sort_nodes
from reliability.network.deep.onnx_writer import inner_graphs, replace_nodes
from reliability.network.deep.runtime import Session, onnx_package

# Their outputs' shapes depend on numbers, not on shapes alone.
_OF_NUMBERS = frozenset({"NonZero", "Unique", "Compress", "NonMaxSuppression", "Loop"})


def fix_inputs(model: Any, fixed: Mapping[str, Any], where: str) -> None:
    """Turn inputs into constants.

    Parameters
    ----------
    model : ModelProto
    fixed : mapping of str to array-like
        Values by input.
    where : str
        The file, for errors.

    Raises
    ------
    InputError
        A name that is no input, or a value of another shape.
    """
    onnx = onnx_package()
    graph = model.graph
    for name, value in fixed.items():
        held = {v.name: v for v in graph.input}
        if name not in held:
            raise InputError(f"{where}: fixed: got {name!r}, the inputs are {', '.join(held)}")
        kind = held[name].type.tensor_type
        array = np.asarray(value, onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        shape = [d.dim_value or None for d in kind.shape.dim]
        if array.ndim != len(shape) or any(
            size not in (None, given) for size, given in zip(shape, array.shape, strict=True)
        ):
            raise InputError(
                f"{where}: fixed: {name}: got shape {array.shape}, the network takes {tuple(shape)}"
            )
        graph.input.remove(held[name])
        graph.initializer.append(onnx.numpy_helper.from_array(array, name))


def take_branches(model: Any, given: Mapping[str, NDArray[Any]]) -> bool:
    """Put the branch that is taken in place of every If that constants or shapes decide.

    Parameters
    ----------
    model : ModelProto
    given : mapping of str to ndarray
        Inputs of the shapes that decide; their numbers play no part.

    Returns
    -------
    bool
        Whether a shape decided, so that the graph holds for inputs of this shape alone.

    Raises
    ------
    InputError
        Shapes that the network does not take.
    """
    onnx = onnx_package()
    graph, shaped = model.graph, False
    while any(node.op_type == "If" for node in graph.node):
        known = constants(model)
        made = {name: node for node in graph.node for name in node.output}
        taken = {}
        asked = []
        for node in graph.node:
            if node.op_type != "If":
                continue
            if node.input[0] in known.tensors:
                taken[node.output[0]] = bool(known.array(node.input[0]).ravel()[0])
            elif _of_shapes(node.input[0], made, known):
                asked.append(node)
        if asked:
            part = onnx.ModelProto()
            part.CopyFrom(model)
            del part.graph.output[:]
            for name in dict.fromkeys(node.input[0] for node in asked):
                value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.BOOL, None)
                part.graph.output.append(value)
            found = Session(part.SerializeToString()).run(given)
            names = (value.name for value in part.graph.output)
            said = dict(zip(names, (bool(array.ravel()[0]) for array in found), strict=True))
            taken |= {node.output[0]: said[node.input[0]] for node in asked}
            shaped = True
        if not taken:
            break
        replace_nodes(graph, [new for node in graph.node for new in _inlined(graph, node, taken)])
        sort_nodes(graph)
    return shaped


def _inlined(graph: Any, node: Any, taken: Mapping[str, bool]) -> list[Any]:
    """The nodes of the branch that is taken, under the names that the node's outputs have."""
    if node.op_type != "If" or node.output[0] not in taken:
        return [node]
    onnx = onnx_package()
    name = "then_branch" if taken[node.output[0]] else "else_branch"
    branch = next(a.g for a in node.attribute if a.name == name)
    graph.initializer.extend(branch.initializer)
    results = zip(branch.output, node.output, strict=True)
    ends = [onnx.helper.make_node("Identity", [inner.name], [own]) for inner, own in results if own]
    return [*branch.node, *ends]


def _of_shapes(name: str, made: Mapping[str, Any], known: Constants) -> bool:
    """Whether a tensor depends on shapes and constants alone."""
    if any(node.op_type in _OF_NUMBERS for node in made.values()):
        return False
    left, seen = [name], set()
    while left:
        name = left.pop()
        if name in seen or name in known.tensors:
            continue
        seen.add(name)
        node = made.get(name)
        if node is None:
            return False  # an input, or a tensor whose numbers are not known here
        if node.op_type in ("Shape", "Size", "Constant"):
            continue
        if inner_graphs(node):
            return False
        left += [source for source in node.input if source]
    return True
