"""An ONNX model in the form that goes into cells: products of activations and constant matrices."""

from collections.abc import Collection
from typing import Any

from reliability.errors import InputError
from reliability.network.deep.onnx_constants import Constants, constants
from reliability.network.deep.onnx_integers import float_product
from reliability.network.deep.onnx_products import plain_product
from reliability.network.deep.onnx_recurrent import products_of_steps
from reliability.network.deep.onnx_writer import Writer, replace_nodes
from reliability.network.deep.runtime import onnx_package

PRODUCTS = ("Conv", "Gemm", "MatMul")


def in_product_form(model: Any, digital: Collection[str], where: str) -> Constants:
    """Write every product with a constant as Conv, Gemm or MatMul, a constant matrix second.

    Parameters
    ----------
    model : ModelProto
    digital : collection of str
        Names of nodes, or types of operators, that stay as they are.
    where : str
        The file, for errors.

    Returns
    -------
    Constants
        Of the model in its new form.

    Raises
    ------
    InputError
        An operator whose weights can't be written in this form.
    """
    known = constants(model)
    shapes = _shapes(model)
    ready: list[Any] = []
    names = node_names(model.graph)
    left = list(zip(model.graph.node, names, strict=True))[::-1]
    while left:
        node, name = left.pop()
        stays = {name, node.op_type} & set(digital)
        if made := [] if stays else _made(node, name, known, shapes, where):
            for new in made:
                known.take(new, model)
                if new.op_type in ("Cast", "Sub") and new.input[0] in shapes:
                    shapes[new.output[0]] = shapes[new.input[0]]
            left += [(new, new.name or new.output[0]) for new in made[::-1]]
        else:
            ready.append(node)
    replace_nodes(model.graph, ready)
    return known


def _made(
    node: Any, name: str, known: Constants, shapes: dict[str, list[int | None]], where: str
) -> list[Any]:
    """The nodes that stand for a node; none where it stays as it is."""
    writer = Writer(next(output for output in node.output if output))
    try:
        found = (
            float_product(node, writer, known)
            or products_of_steps(node, writer, known, name)
            or plain_product(node, writer, known, shapes)
        )
    except InputError as error:
        raise InputError(
            f"{where}: {node.op_type} {name!r} can't go into cells: {error}; "
            "name it in digital to leave it digital"
        ) from None
    if not found:
        return []
    unnamed = [new for new in writer.nodes if new.op_type in PRODUCTS and not new.name]
    for k, new in enumerate(unnamed):
        new.name = name if len(unnamed) == 1 else f"{name}.{k}"
    return writer.nodes


def node_names(graph: Any) -> list[str]:
    """Return the name of each node, or of its first output where it has none of its own."""
    count: dict[str, int] = {}
    for node in graph.node:
        count[node.name] = count.get(node.name, 0) + 1
    return [
        str(node.name if node.name and count[node.name] == 1 else node.output[0])
        for node in graph.node
    ]


def _shapes(model: Any) -> dict[str, list[int | None]]:
    """Shape of each tensor whose number of axes is known; None where a size is open."""
    graph = onnx_package().shape_inference.infer_shapes(model).graph
    out = {}
    for value in (*graph.input, *graph.output, *graph.value_info):
        kind = value.type.tensor_type
        if kind.HasField("shape"):
            out[value.name] = [dim.dim_value or None for dim in kind.shape.dim]
    return out
