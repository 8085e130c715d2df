"""The graph that is executed: built once, with the weights of every draw as inputs.

Where neither inputs nor sums are quantised the file's own operators stay, with their weights as
inputs. Else every layer becomes, for each tile of rows and each slice of bits, one product of the
quantised inputs that drive the tile, rounded and clipped as its ADC does, summed digitally over
tiles, then over slices with their factors, then the bias.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.network.deep.layer_mapping import Placed
from reliability.network.deep.onnx import DeepNetwork, Layer, products
from reliability.network.deep.onnx_constants import constants
from reliability.network.deep.onnx_recurrent import STEPS
from reliability.network.deep.onnx_writer import (
    Writer,
    attributes_of,
    inner_graphs,
    replace_nodes,
)
from reliability.network.deep.runtime import onnx_package


class Converter(NamedTuple):
    """A uniform quantiser: ``step * clip(round(x / step), low, high)``, halves to even."""

    step: float
    low: float
    high: float


@dataclass(frozen=True)
class Stage:
    """How one layer is executed.

    Attributes
    ----------
    placed : Placed
    tiles : tuple of slice
        Rows of each tile; empty: not cut, in one product without converters.
    dac : Converter or None
        Of the inputs.
    adc : tuple of Converter, or None
        Of the sums of each slice, in units of one full pair times one unit of input.
    """

    placed: Placed
    tiles: tuple[slice, ...] = ()
    dac: Converter | None = None
    adc: tuple[Converter, ...] | None = None

    @property
    def layer(self) -> Layer:
        """The layer itself."""
        return self.placed.layer


def executed_graph(
    network: DeepNetwork, stages: tuple[Stage, ...], watched: tuple[str, ...] = ()
) -> bytes:
    """Return the ONNX model that takes the weights of ``stages`` as inputs.

    Parameters
    ----------
    network : DeepNetwork
    stages : tuple of Stage
        One for each layer.
    watched : tuple of str
        Tensors that are further outputs, see `tile_sum` and `layer_input`.
    """
    onnx = onnx_package()
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    graph = model.graph
    known = constants(network.model).tensors
    by_output = {use: (stage, k) for stage in stages for k, use in enumerate(stage.layer.uses)}
    aliases: dict[str, str] = {}
    nodes = _placed(graph, by_output)
    for node in nodes:
        if node.doc_string == STEPS:
            _in_steps(node, by_output, watched, aliases)
    for stage in stages:
        for name, shape in _weight_shapes(stage):
            value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            graph.input.append(value)
    used = {name for node in nodes for name in node.input} | {o.name for o in graph.output}
    inner = any(inner_graphs(node) for node in nodes)
    if not inner:  # a graph inside may use any constant of the outer one
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        names = {tensor.name for tensor in graph.initializer} - {tensor.name for tensor in kept}
        inputs = [value for value in graph.input if value.name not in names]
        _replace(graph.initializer, kept)
        _replace(graph.input, inputs)
        nodes = [node for node in nodes if not (set(node.output) <= set(known) - used)]
    replace_nodes(graph, nodes)
    outputs = [o for o in graph.output if o.name == network.output_name]
    for name in watched:
        seen = aliases.get(name, name)
        outputs.append(onnx.helper.make_tensor_value_info(seen, onnx.TensorProto.FLOAT, None))
    _replace(graph.output, outputs)
    _replace(graph.value_info, [])
    return bytes(model.SerializeToString())


def _placed(graph: Any, by_output: Mapping[str, tuple[Stage, int]]) -> list[Any]:
    """Nodes of a graph, those of the stages replaced."""
    nodes: list[Any] = []
    for node in graph.node:
        if node.output[0] in by_output:
            stage, use = by_output[node.output[0]]
            nodes += _cut(stage, node, use) if stage.tiles else [_whole(stage, node)]
        else:
            nodes.append(node)
    return nodes


def _in_steps(
    node: Any,
    by_output: Mapping[str, tuple[Stage, int]],
    watched: tuple[str, ...],
    aliases: dict[str, str],
) -> None:
    """Replace the stages in a loop over steps; what is watched in it comes out of every step."""
    helper, real = onnx_package().helper, onnx_package().TensorProto.FLOAT
    body = next(a.g for a in node.attribute if a.name == "body")
    replace_nodes(body, _placed(body, by_output))
    made = {value.name for value in body.input} | {n for inner in body.node for n in inner.output}
    for name in watched:
        if name in made:
            copy, aliases[name] = f"{name} at a step", f"{name} at all steps"
            body.node.append(helper.make_node("Identity", [name], [copy]))
            body.output.append(helper.make_tensor_value_info(copy, real, None))
            node.output.append(aliases[name])
            directions = next(a for a in node.attribute if a.name == "scan_output_directions")
            directions.ints.append(0)


def feeds(stage: Stage, read: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the inputs that make a layer's weights what its pairs read as.

    Parameters
    ----------
    stage : Stage
    read : ndarray of float32, shape (slices, rows, outputs)
    """
    layer = stage.layer
    if not stage.tiles:
        return {_weight(stage): _in_graph(stage, stage.placed.weights(read), slice(0, layer.rows))}
    return {
        _weight(stage, s, t): _in_graph(stage, read[s, rows], rows)
        for s in range(len(read))
        for t, rows in enumerate(stage.tiles)
    }


def layer_inputs(stage: Stage, network: DeepNetwork) -> list[str]:
    """Return the names of the tensors that a layer takes, one for each of its uses."""
    nodes = products(network.model.graph)
    taken = {node.output[0]: node.input[0] for node in nodes if node.input}
    return [str(taken[use]) for use in stage.layer.uses]


def tile_sum(stage: Stage, bit: int, tile: int, use: int = 0) -> str:
    """Return the name of the tensor of a tile's sums, before the ADC."""
    return f"{stage.layer.name}::sum {bit} {tile} {use}"


def _weight(stage: Stage, bit: int = 0, tile: int = 0) -> str:
    return f"{stage.layer.name}::weight {bit} {tile}"


def _channels(stage: Stage, rows: slice) -> slice:
    """Input channels of a convolution that a tile of rows needs; all of them if grouped."""
    layer = stage.layer
    kernel = int(np.prod(layer.kernel))
    if layer.groups > 1:
        return slice(0, layer.rows // kernel)
    return slice(rows.start // kernel, -(-rows.stop // kernel))


def _in_graph(stage: Stage, weights: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
    """Weights (rows of the tile, outputs) as the product takes them."""
    layer = stage.layer
    if layer.operator != "Conv":
        return np.ascontiguousarray(weights)
    channels = _channels(stage, rows)
    kernel = int(np.prod(layer.kernel))
    out = np.zeros((layer.outputs, (channels.stop - channels.start) * kernel), np.float32)
    start = rows.start - channels.start * kernel
    out[:, start : start + len(weights)] = weights.T
    return out.reshape(layer.outputs, -1, *layer.kernel)


def _weight_shapes(stage: Stage) -> Iterator[tuple[str, tuple[int, ...]]]:
    zero = np.zeros(stage.placed.coded.shape, np.float32)
    return ((name, array.shape) for name, array in feeds(stage, zero).items())


def _whole(stage: Stage, node: Any) -> Any:
    """The node itself with its weights as an input."""
    new = onnx_package().NodeProto()
    new.CopyFrom(node)
    new.input[1] = _weight(stage)
    # the matrix has transB and alpha in it
    kept = [a for a in new.attribute if new.op_type == "Conv" or a.name not in ("transB", "alpha")]
    _replace(new.attribute, kept)
    return new


def _cut(stage: Stage, node: Any, use: int) -> list[Any]:
    """The layer as products of tiles, with converters before and behind."""
    layer = stage.layer
    convolution = layer.operator == "Conv"
    writer = Writer(f"{layer.name}::{use}")
    add, constant = writer.add, writer.constant

    def convert(x: str, converter: Converter) -> str:
        step = constant(converter.step)
        code = add("Round", [add("Div", [x, step])])
        return add(
            "Mul", [add("Clip", [code, constant(converter.low), constant(converter.high)]), step]
        )

    x = node.input[0]
    if stage.dac is not None:
        x = convert(x, stage.dac)
    parts = [_slice(stage, rows, x, writer) for rows in stage.tiles]
    kept = attributes_of(node) if convolution else {}
    wide = (1, layer.outputs, *(1 for _ in layer.kernel)) if convolution else (layer.outputs,)
    terms = []
    for s in range(len(stage.placed.coded)):
        sums = []
        for t, part in enumerate(parts):
            inputs = [part, _weight(stage, s, t)]
            operator = "Conv" if convolution else "MatMul"
            total = add(operator, inputs, tile_sum(stage, s, t, use), **kept)
            sums.append(total if stage.adc is None else convert(total, stage.adc[s]))
        factor = constant(stage.placed.factor[s].reshape(wide))
        terms.append(add("Mul", [add("Sum", sums), factor]))
    if len(node.input) > 2 and node.input[2]:
        bias = node.input[2]
        if convolution:
            bias = add("Reshape", [bias, constant(wide, np.int64)])
        else:
            beta = next((a.f for a in node.attribute if a.name == "beta"), 1.0)
            bias = add("Mul", [bias, constant(beta)])
        terms.append(bias)
    add("Sum", terms, node.output[0])
    return writer.nodes


def _slice(stage: Stage, rows: slice, x: str, writer: Writer) -> str:
    """Inputs that drive the rows of a tile: channels of a convolution, else single numbers."""
    layer = stage.layer
    if layer.operator != "Conv":
        part, everything, axis = rows, slice(0, layer.rows), -1
    else:
        part, axis = _channels(stage, rows), 1
        everything = slice(0, layer.rows // int(np.prod(layer.kernel)))
    if part == everything:
        return x
    at = [writer.constant([v], np.int64) for v in (part.start, part.stop, axis)]
    return writer.add("Slice", [x, *at])


def _replace(field: Any, values: list[Any]) -> None:
    held = list(values)  # protobuf copies; the old entries go away
    copies = [type(value)() for value in held]
    for copy, value in zip(copies, held, strict=True):
        copy.CopyFrom(value)
    del field[:]
    field.extend(copies)
