"""The graph that is executed: built once, with the weights of every draw as inputs.

Where neither inputs nor sums are quantised the file's own operators stay, with their weights as
inputs. Else every layer becomes, for each tile of rows and each slice of bits, one product of the
quantised inputs that drive the tile, rounded and clipped as its ADC does, summed digitally over
tiles, then over slices with their factors, then the bias.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.network.deep.layer_mapping import Placed
from reliability.network.deep.onnx import DeepNetwork, constants
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
    known = constants(network.model)
    by_node = {stage.placed.layer.node: stage for stage in stages}
    nodes: list[Any] = []
    for index, node in enumerate(graph.node):
        stage = by_node.get(index)
        if stage is None:
            nodes.append(node)
            continue
        build = _cut if stage.tiles else _whole
        nodes += build(stage, node)
        for name, shape in _weight_shapes(stage):
            value = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)
            graph.input.append(value)
    used = {name for node in nodes for name in node.input} | {o.name for o in graph.output}
    inner = any(a.HasField("g") or a.graphs for node in nodes for a in node.attribute)
    if not inner:  # a graph inside may use any constant of the outer one
        kept = [tensor for tensor in graph.initializer if tensor.name in used]
        names = {tensor.name for tensor in graph.initializer} - {tensor.name for tensor in kept}
        inputs = [value for value in graph.input if value.name not in names]
        _replace(graph.initializer, kept)
        _replace(graph.input, inputs)
        nodes = [node for node in nodes if not (set(node.output) <= set(known) - used)]
    _replace(graph.node, nodes)
    outputs = [o for o in graph.output if o.name == network.output_name]
    for name in watched:
        outputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    _replace(graph.output, outputs)
    _replace(graph.value_info, [])
    return bytes(model.SerializeToString())


def feeds(stage: Stage, read: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the inputs that make a layer's weights what its pairs read as.

    Parameters
    ----------
    stage : Stage
    read : ndarray of float32, shape (slices, rows, outputs)
    """
    layer = stage.placed.layer
    if not stage.tiles:
        return {_weight(stage): _in_graph(stage, stage.placed.weights(read), slice(0, layer.rows))}
    return {
        _weight(stage, s, t): _in_graph(stage, read[s, rows], rows)
        for s in range(len(read))
        for t, rows in enumerate(stage.tiles)
    }


def layer_input(stage: Stage, network: DeepNetwork) -> str:
    """Return the name of the tensor that a layer takes."""
    return str(network.model.graph.node[stage.placed.layer.node].input[0])


def tile_sum(stage: Stage, bit: int, tile: int) -> str:
    """Return the name of the tensor of a tile's sums, before the ADC."""
    return f"{stage.placed.layer.name}::sum {bit} {tile}"


def _weight(stage: Stage, bit: int = 0, tile: int = 0) -> str:
    return f"{stage.placed.layer.name}::weight {bit} {tile}"


def _channels(stage: Stage, rows: slice) -> slice:
    """Input channels of a convolution that a tile of rows needs; all of them if grouped."""
    layer = stage.placed.layer
    kernel = int(np.prod(layer.kernel))
    if layer.groups > 1:
        return slice(0, layer.rows // kernel)
    return slice(rows.start // kernel, -(-rows.stop // kernel))


def _in_graph(stage: Stage, weights: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
    """Weights (rows of the tile, outputs) as the product takes them."""
    layer = stage.placed.layer
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


def _whole(stage: Stage, node: Any) -> list[Any]:
    """The node itself with its weights as an input."""
    onnx = onnx_package()
    new = onnx.NodeProto()
    new.CopyFrom(node)
    new.input[1] = _weight(stage)
    # the matrix has transB and alpha in it
    kept = [a for a in new.attribute if new.op_type == "Conv" or a.name not in ("transB", "alpha")]
    _replace(new.attribute, kept)
    return [new]


def _cut(stage: Stage, node: Any) -> list[Any]:
    """The layer as products of tiles, with converters before and behind."""
    onnx = onnx_package()
    layer = stage.placed.layer
    convolution = layer.operator == "Conv"
    made: list[Any] = []

    def add(operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        made.append(onnx.helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(name: str, values: Any, kind: Any = np.float32) -> str:
        tensor = onnx.numpy_helper.from_array(np.asarray(values, kind))
        return add("Constant", [], f"{layer.name}::{name}", value=tensor)

    def convert(x: str, converter: Converter, name: str) -> str:
        own = f"{layer.name}::{name}"
        step = constant(f"{name} step", converter.step)
        code = add("Round", [add("Div", [x, step], f"{own} scaled")], f"{own} rounded")
        limits = [constant(f"{name} {k}", getattr(converter, k)) for k in ("low", "high")]
        return add("Mul", [add("Clip", [code, *limits], f"{own} code"), step], f"{own} value")

    x = node.input[0]
    if stage.dac is not None:
        x = convert(x, stage.dac, "input")
    parts = [_slice(stage, rows, t, x, add, constant) for t, rows in enumerate(stage.tiles)]
    kept = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute if convolution}
    wide = (1, layer.outputs, *(1 for _ in layer.kernel)) if convolution else (layer.outputs,)
    terms = []
    for s in range(len(stage.placed.coded)):
        sums = []
        for t, part in enumerate(parts):
            inputs = [part, _weight(stage, s, t)]
            operator = "Conv" if convolution else "MatMul"
            total = add(operator, inputs, tile_sum(stage, s, t), **kept)
            if stage.adc is not None:
                total = convert(total, stage.adc[s], f"output {s} {t}")
            sums.append(total)
        total = add("Sum", sums, f"{layer.name}::total {s}")
        factor = constant(f"factor {s}", stage.placed.factor[s].reshape(wide))
        terms.append(add("Mul", [total, factor], f"{layer.name}::term {s}"))
    if len(node.input) > 2 and node.input[2]:
        bias = node.input[2]
        if convolution:
            shape = constant("bias shape", wide, np.int64)
            bias = add("Reshape", [bias, shape], f"{layer.name}::bias")
        else:
            beta = next((a.f for a in node.attribute if a.name == "beta"), 1.0)
            bias = add("Mul", [bias, constant("beta", beta)], f"{layer.name}::bias")
        terms.append(bias)
    add("Sum", terms, node.output[0])
    return made


def _slice(stage: Stage, rows: slice, tile: int, x: str, add: Any, constant: Any) -> str:
    """Inputs that drive the rows of a tile: channels of a convolution, else single numbers."""
    layer = stage.placed.layer
    if layer.operator != "Conv":
        part, everything, axis = rows, slice(0, layer.rows), -1
    else:
        part, axis = _channels(stage, rows), 1
        everything = slice(0, layer.rows // int(np.prod(layer.kernel)))
    if part == everything:
        return x
    names = ("starts", "ends", "axes")
    values = (part.start, part.stop, axis)
    at = [constant(f"{n} {tile}", [v], np.int64) for n, v in zip(names, values, strict=True)]
    return str(add("Slice", [x, *at], f"{layer.name}::part {tile}"))


def _replace(field: Any, values: list[Any]) -> None:
    held = list(values)  # protobuf copies; the old entries go away
    copies = [type(value)() for value in held]
    for copy, value in zip(copies, held, strict=True):
        copy.CopyFrom(value)
    del field[:]
    field.extend(copies)
