"""Nodes and constants that are added to an ONNX graph, under names of their own."""

from collections.abc import Collection
from typing import Any

import numpy as np

from reliability.network.deep.runtime import onnx_package


class Writer:
    """Nodes that stand for one node of a graph.

    Parameters
    ----------
    prefix : str
        What all names begin with.

    Attributes
    ----------
    nodes : list of NodeProto
        In the order in which they were added.

    Examples
    --------
    >>> writer = Writer("fc")
    >>> writer.add("Add", ["x", writer.constant(1.0)], "y")
    'y'
    >>> [node.op_type for node in writer.nodes]
    ['Constant', 'Add']
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[Any] = []

    def add(
        self, operator: str, inputs: Collection[str], output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node of one output and return that output's name."""
        output = self.name() if output is None else output
        self.nodes.append(onnx_package().helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, values: Any, kind: Any = np.float32) -> str:
        """Add a constant and return its name."""
        tensor = onnx_package().numpy_helper.from_array(np.asarray(values, kind))
        return self.add("Constant", [], value=tensor)

    def cast(self, x: str, kind: Any = np.float32, output: str | None = None) -> str:
        """Add a cast to a type of numbers."""
        to = onnx_package().helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        return self.add("Cast", [x], output, to=to)

    def name(self) -> str:
        """Return a name that no other node of this writer has."""
        return f"{self.prefix}::{len(self.nodes)}"


def inputs_of(node: Any, count: int) -> list[str]:
    """Return the inputs of a node, "" for those of ``count`` that it leaves out.

    Parameters
    ----------
    node : NodeProto
    count : int
    """
    return [*node.input, *[""] * (count - len(node.input))]


def attributes_of(node: Any) -> dict[str, Any]:
    """Return the attributes of a node by name."""
    value = onnx_package().helper.get_attribute_value
    return {attribute.name: value(attribute) for attribute in node.attribute}


def replace_nodes(graph: Any, nodes: Collection[Any]) -> None:
    """Give a graph other nodes, which may be its own ones."""
    copies = [type(node)() for node in nodes]  # the old ones go away with the field
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    del graph.node[:]
    graph.node.extend(copies)


def inner_graphs(node: Any) -> list[Any]:
    """Return the graphs inside a node (If, Loop, Scan)."""
    out = []
    for attribute in node.attribute:
        out += [attribute.g] if attribute.HasField("g") else list(attribute.graphs)
    return out


def needs(node: Any) -> set[str]:
    """Return the names that a node takes, those of the graphs inside it included."""
    out = {name for name in node.input if name}
    for graph in inner_graphs(node):
        out |= {value.name for value in graph.output}
        for inner in graph.node:
            out |= needs(inner)
    return out
