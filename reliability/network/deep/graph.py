"""The graph that is executed: built once, with the weights of every draw as inputs.

Where neither inputs nor sums are quantised the file's own operators stay, with their weights as
inputs. Else every layer becomes, for each tile of rows and each slice of bits, one product of the
quantised inputs that drive the tile, rounded and clipped as its ADC does, summed digitally over
tiles, then over slices with their factors, then the bias.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.network.deep.adc import FINE, converters_of, sample_errors
from reliability.network.deep.converters import Adc, Dac
from reliability.network.deep.dac import sample_drive
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

LEAST = 1e-12  # standard deviation of a channel that is the same for all images


class Converter(NamedTuple):
    """A uniform quantiser: ``step * clip(round(x / step), low, high)``, halves to even."""

    step: float
    low: float
    high: float

    @property
    def ends(self) -> tuple[int, int]:
        """Lowest and highest code."""
        return int(self.low), int(self.high)


Norm = Literal["", "measured", "set", "applied"]


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
        Of the sums of each slice, in units of one full pair times one unit of input; with bit
        serial inputs times one pulse.
    drive : Dac or None
        Errors of the converters of inputs.
    errors : Adc or None
        Errors of those of sums.
    norm : {"", "measured", "set", "applied"}
        Mean and standard deviation of each output channel over the images of a run: outputs of the
        graph; set to those that are its inputs, and outputs; a scale and a shift as inputs.
    """

    placed: Placed
    tiles: tuple[slice, ...] = ()
    dac: Converter | None = None
    adc: tuple[Converter, ...] | None = None
    drive: Dac | None = None
    errors: Adc | None = None
    norm: Norm = ""

    @property
    def planes(self) -> tuple[float, ...]:
        """Value of each bit of a bit-serial input, in steps of its DAC; none of other inputs.

        Codes below zero are in two's complement, so that the last bit counts negatively.
        """
        if self.dac is None or not self.placed.tiling.serial_inputs:
            return ()
        low, high = self.dac.ends
        bits = high.bit_length() + (low < 0)
        values = [2.0**k for k in range(bits)]
        return (*values[:-1], -values[-1]) if low < 0 else tuple(values)

    @property
    def layer(self) -> Layer:
        """The layer itself."""
        return self.placed.layer

    @property
    def kernel(self) -> tuple[int, ...]:
        """Kernel of the products of its tiles: of one place where each row has its own input."""
        return self.layer.kernel if self.drive is None else tuple(1 for _ in self.layer.kernel)

    @property
    def noisy(self) -> bool:
        """Whether its converters draw noise in every run."""
        return any(each is not None and each.noise > 0 for each in (self.drive, self.errors))

    def exact(self) -> "Stage":
        """Return the layer with converters without errors."""
        return replace(self, drive=None, errors=None)


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
        for name, shape in (*_weight_shapes(stage), *_error_shapes(stage), *_norm_shapes(stage)):
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
    for name in (*watched, *(name for stage in stages for name in measured_names(stage))):
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
            made = _cut(stage, node, use) if stage.tiles else [_whole(stage, node)]
            nodes += _normalised(stage, made) if stage.norm else made
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


def tile_sum(stage: Stage, bit: int, tile: int, use: int = 0, plane: int = 0) -> str:
    """Return the name of the tensor of a tile's sums, before the ADC."""
    return f"{stage.layer.name}::sum {bit} {tile} {use} {plane}"


def error_values(
    stage: Stage, address: NDArray[np.int64], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Return the inputs that hold the errors of a layer's converters on one chip."""
    out = _drive_values(stage, address, seed)
    if stage.errors is None or stage.adc is None:
        return out
    for s, converter in enumerate(stage.adc):
        for t in range(len(stage.tiles)):
            name = f"{stage.layer.name} {s} {t}"
            found = sample_errors(
                stage.errors, converter.ends, stage.layer.outputs, name, address, seed
            )
            out[_error(stage, "gain", s, t)] = found.gain.reshape(_wide(stage))
            out[_error(stage, "offset", s, t)] = found.offset.reshape(_wide(stage))
            if found.table is not None:
                out[_error(stage, "table", s, t)] = found.table.ravel()
    return out


def _drive_values(
    stage: Stage, address: NDArray[np.int64], seed: int
) -> dict[str, NDArray[np.float32]]:
    if stage.drive is None or stage.dac is None:
        return {}
    top = stage.dac.ends[1]
    found = sample_drive(stage.drive, top, stage.tiles, stage.layer.name, address, seed)
    values = found._asdict()
    return {name: values[what].reshape(shape) for what, name, shape in _drive_names(stage)}


def _drive_names(stage: Stage) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """What is drawn for the converters of inputs, its name and its shape."""
    if stage.drive is None or stage.dac is None:
        return
    rows = stage.layer.rows
    wide = _wide(stage, rows)
    for what in ("gain", "offset"):
        yield what, f"{stage.layer.name}::dac {what}", wide
    if stage.drive.mismatch:
        yield "table", f"{stage.layer.name}::dac table", (rows * (stage.dac.ends[1] + 1),)


def _error_shapes(stage: Stage) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from ((name, shape) for _, name, shape in _drive_names(stage))
    if stage.errors is None or stage.adc is None:
        return
    for s, converter in enumerate(stage.adc):
        low, high = converter.ends
        size = converters_of(stage.errors, stage.layer.outputs) * (high - low + 1) * FINE
        for t in range(len(stage.tiles)):
            yield _error(stage, "gain", s, t), _wide(stage)
            yield _error(stage, "offset", s, t), _wide(stage)
            if stage.errors.mismatch:
                yield _error(stage, "table", s, t), (size,)


def _error(stage: Stage, what: str, bit: int, tile: int) -> str:
    return f"{stage.layer.name}::adc {what} {bit} {tile}"


def norm_names(stage: Stage) -> tuple[str, str]:
    """Return the names of the mean and standard deviation (or shift and scale) that are inputs."""
    return f"{stage.layer.name}::mean", f"{stage.layer.name}::deviation"


def measured_names(stage: Stage) -> tuple[str, ...]:
    """Return the names of the measured mean and standard deviation of each channel."""
    named = f"{stage.layer.name}::mean seen", f"{stage.layer.name}::deviation seen"
    return named if stage.norm in ("measured", "set") else ()


def _norm_shapes(stage: Stage) -> Iterator[tuple[str, tuple[int, ...]]]:
    if stage.norm in ("set", "applied"):
        yield from ((name, _wide(stage)) for name in norm_names(stage))


def _normalised(stage: Stage, nodes: list[Any]) -> list[Any]:
    """Nodes of a layer with mean and standard deviation of its channels measured, or set."""
    writer, out = Writer(f"{stage.layer.name}::norm"), nodes[-1].output[0]
    x = f"{out}::raw"
    nodes[-1].output[0] = x
    add = writer.add
    if stage.norm == "applied":
        shift, scale = norm_names(stage)
        add("Add", [add("Mul", [x, scale]), shift], out)
        return [*nodes, *writer.nodes]
    convolution = stage.layer.operator == "Conv"
    axes = [0, *range(2, 2 + len(stage.layer.kernel))] if convolution else None
    seen = measured_names(stage)
    if axes is None:  # all axes but the last: as rows of a matrix
        x = add("Reshape", [x, writer.constant([-1, stage.layer.outputs], np.int64)])
        axes = [0]
    over = writer.constant(axes, np.int64)
    count = add("Div", [writer.cast(add("Size", [x])), writer.constant(stage.layer.outputs)])

    def mean(values: str, name: str | None = None) -> str:
        return add("Div", [add("ReduceSum", [values, over], keepdims=1), count], name)

    middle = mean(x, seen[0])
    off = add("Sub", [x, middle])
    deviation = add("Sqrt", [mean(add("Mul", [off, off]))], seen[1])
    if stage.norm == "measured":
        add("Identity", [f"{out}::raw"], out)
        return [*nodes, *writer.nodes]
    wanted_mean, wanted = norm_names(stage)
    least = add("Max", [deviation, writer.constant(LEAST)])
    made = add("Add", [add("Mul", [off, add("Div", [wanted, least])]), wanted_mean])
    if convolution:
        add("Identity", [made], out)
    else:
        add("Reshape", [made, add("Shape", [f"{out}::raw"])], out)
    return [*nodes, *writer.nodes]


def with_noise(model: bytes, address: NDArray[np.int64], seed: int) -> bytes:
    """Return a graph whose converters draw the noise of one chip."""
    proto = onnx_package().load_model_from_string(model)
    graphs = [proto.graph]
    for graph in graphs:  # grows by the graphs inside
        for node in graph.node:
            graphs += inner_graphs(node)
            if node.op_type == "RandomNormalLike":
                key = f"{seed} {address.tolist()} {node.output[0]}".encode()
                held = next(a for a in node.attribute if a.name == "seed")
                held.f = float(int.from_bytes(sha256(key).digest()[:3]))
    return bytes(proto.SerializeToString())


def _wide(stage: Stage, size: int | None = None) -> tuple[int, ...]:
    """Shape in which numbers of each output channel (or row) meet the layer's sums (or inputs)."""
    size = stage.layer.outputs if size is None else size
    if stage.layer.operator != "Conv":
        return (size,)
    return (1, size, *(1 for _ in stage.layer.kernel))


def _weight(stage: Stage, bit: int = 0, tile: int = 0) -> str:
    return f"{stage.layer.name}::weight {bit} {tile}"


def _channels(stage: Stage, rows: slice) -> slice:
    """Input channels of a convolution that a tile of rows needs; all of them if grouped."""
    layer = stage.layer
    kernel = prod(stage.kernel)
    if layer.groups > 1:
        return slice(0, layer.rows // kernel)
    return slice(rows.start // kernel, -(-rows.stop // kernel))


def _in_graph(stage: Stage, weights: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
    """Weights (rows of the tile, outputs) as the product takes them."""
    layer = stage.layer
    if layer.operator != "Conv":
        return np.ascontiguousarray(weights)
    channels = _channels(stage, rows)
    kernel = prod(stage.kernel)
    out = np.zeros((layer.outputs, (channels.stop - channels.start) * kernel), np.float32)
    start = rows.start - channels.start * kernel
    out[:, start : start + len(weights)] = weights.T
    return out.reshape(layer.outputs, -1, *stage.kernel)


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
    drive = _planes(stage, x, writer) if stage.planes else [(1.0, x)]
    kept = attributes_of(node) if convolution else {}
    own = kept
    if stage.drive is not None:
        driven = [(k, _driven(stage, plane, kept, writer)) for k, plane in drive]
        drive, own = driven, {"group": stage.layer.groups} if convolution else {}
    operator = "Conv" if convolution else "MatMul"
    wide = _wide(stage)
    parts = [[_slice(stage, rows, plane, writer) for rows in stage.tiles] for _, plane in drive]
    terms = []
    for s in range(len(stage.placed.coded)):
        sums = []
        for k, (value, _) in enumerate(drive):
            for t, part in enumerate(parts[k]):
                name = tile_sum(stage, s, t, use, k)
                total = add(operator, [part, _weight(stage, s, t)], name, **own)
                if stage.adc is not None and stage.errors is not None:
                    total = _convert_with_errors(stage, s, t, total, writer)
                elif stage.adc is not None:
                    total = convert(total, stage.adc[s])
                sums.append(total if value == 1 else add("Mul", [total, constant(value)]))
        factor = constant(stage.placed.factor[s].reshape(wide))
        terms.append(add("Mul", [add("Sum", sums), factor]))
    if stage.placed.offset is not None:  # of the inputs' sum, digitally
        of_inputs = np.broadcast_to(stage.placed.offset, (layer.rows, layer.outputs))
        weights = constant(_in_graph(stage.exact(), of_inputs, slice(0, layer.rows)))
        terms.append(add(operator, [x, weights], **kept))
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


def _planes(stage: Stage, x: str, writer: Writer) -> list[tuple[float, str]]:
    """Bits of the DAC's codes as pulses of 0 or 1, with the input that each stands for."""
    assert stage.dac is not None  # only codes have bits
    add, constant = writer.add, writer.constant
    code = add("Round", [add("Div", [x, constant(stage.dac.step)])])
    if stage.dac.low < 0:  # two's complement
        negative = writer.cast(add("Less", [code, constant(0.0)]))
        code = add("Add", [code, add("Mul", [negative, constant(2.0 ** len(stage.planes))])])
    out, whole = [], code
    for value in stage.planes:
        half = add("Floor", [add("Mul", [whole, constant(0.5)])])
        bit = add("Sub", [whole, add("Mul", [half, constant(2.0)])])
        out.append((value * stage.dac.step, bit))
        whole = half
    return out


def _driven(stage: Stage, x: str, kept: dict[str, Any], writer: Writer) -> str:
    """Inputs of every row (of each group) as its converter drives it."""
    assert stage.dac is not None  # as the caller knows
    assert stage.drive is not None
    add, constant, layer = writer.add, writer.constant, stage.layer
    rows = layer.rows
    if layer.operator == "Conv":  # each channel to one for each place of the kernel
        size = prod(layer.kernel)
        channels = rows // size * layer.groups
        places = np.eye(size).reshape(1, size, 1, *layer.kernel)
        one = np.broadcast_to(places, (channels, *places.shape[1:]))
        one = one.reshape(-1, 1, *layer.kernel)
        x = add("Conv", [x, constant(one)], **kept | {"group": channels})
    step = constant(1.0 if stage.planes else stage.dac.step)
    code = add("Div", [x, step])
    held = {what: name for what, name, _ in _drive_names(stage)}
    level = code
    if "table" in held:
        first = np.arange(rows) * (stage.dac.ends[1] + 1.0)
        first_of_row = _of_rows(stage, constant(first.reshape(_wide(stage, rows))), writer)
        place = add("Add", [add("Round", [add("Abs", [code])]), first_of_row])
        level = add("Gather", [held["table"], writer.cast(place, np.int64)])
        level = add("Mul", [level, add("Sign", [code])])
    level = add("Mul", [level, _of_rows(stage, held["gain"], writer)])
    level = add("Add", [level, _of_rows(stage, held["offset"], writer)])
    if stage.drive.noise:
        noise = add("RandomNormalLike", [level], scale=stage.drive.noise, seed=0.0)  # `with_noise`
        level = add("Add", [level, noise])
    return add("Mul", [level, step])


def _of_rows(stage: Stage, values: str, writer: Writer) -> str:
    """Numbers of each row, again for each group of a convolution, which read the same rows."""
    groups = stage.layer.groups
    return values if groups == 1 else writer.add("Concat", [values] * groups, axis=1)


def _convert_with_errors(stage: Stage, bit: int, tile: int, total: str, writer: Writer) -> str:
    """Sums of a tile as its converters give them: gain, offset, noise, then codes."""
    assert stage.adc is not None  # as the caller knows
    assert stage.errors is not None
    add, constant, converter = writer.add, writer.constant, stage.adc[bit]
    step = constant(converter.step)
    x = add("Mul", [add("Div", [total, step]), _error(stage, "gain", bit, tile)])
    x = add("Add", [x, _error(stage, "offset", bit, tile)])
    if stage.errors.noise:
        noise = add("RandomNormalLike", [x], scale=stage.errors.noise, seed=0.0)  # `with_noise`
        x = add("Add", [x, noise])
    low, high = converter.ends
    if not stage.errors.mismatch:
        code = add("Clip", [add("Round", [x]), constant(low), constant(high)])
        return add("Mul", [code, step])
    length, layer = (high - low + 1) * FINE, stage.layer
    place = add("Floor", [add("Mul", [add("Sub", [x, constant(low - 0.5)]), constant(FINE)])])
    place = add("Clip", [place, constant(0.0), constant(length - 1.0)])
    if converters_of(stage.errors, layer.outputs) > 1:
        own = np.arange(layer.outputs) // stage.errors.columns * float(length)
        place = add("Add", [place, constant(own.reshape(_wide(stage)))])
    code = add("Gather", [_error(stage, "table", bit, tile), writer.cast(place, np.int64)])
    return add("Mul", [code, step])


def _slice(stage: Stage, rows: slice, x: str, writer: Writer) -> str:
    """Inputs that drive the rows of a tile: channels of a convolution, else single numbers."""
    layer = stage.layer
    if layer.operator != "Conv":
        part, everything, axis = rows, slice(0, layer.rows), -1
    else:
        part, axis = _channels(stage, rows), 1
        everything = slice(0, layer.rows // prod(stage.kernel))
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
