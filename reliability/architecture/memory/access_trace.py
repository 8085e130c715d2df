"""What a network reads and writes while it is executed, as a trace of memory lines.

Weights lie one after the other in the order of execution, activations in a scratch area behind
them, where a tensor takes the lowest place that no living tensor has. A weight takes
``weight_bits``, an activation a byte. Tensors of images lie with the channels innermost (NHWC).

Two orders of execution bound what is done in practice:

- ``"pixels"``: for each output pixel its patch of the input, then all weights, then its outputs.
  So do kernels of microcontrollers: little scratch, weights are read again for each pixel.
- ``"channels"``: for each output channel its weights once, then all patches of the input. So do
  weight-stationary accelerators: activations are read again for each channel.

An access is one line, however many of its bytes are used before the next line is touched. What has
no weights of its own and changes one element at a time (activation functions, scales, biases,
reshaping) is done on the way and moves nothing but its constants.
"""

import math
from dataclasses import dataclass, replace
from itertools import accumulate, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name, whole_number
from reliability.network import DeepNetwork, Network
from reliability.network.deep.onnx import Layer
from reliability.network.deep.onnx_constants import constants
from reliability.network.deep.runtime import onnx_package

Order = Literal["pixels", "channels"]
ORDERS = ("pixels", "channels")
READ, WRITE_PART, WRITE_WHOLE = 0, 1, 2  # what an access does to its line

# What moves no tensor: done on the way, in the place where its input lies.
_ON_THE_WAY = frozenset(
    {
        *("Relu", "Clip", "LeakyRelu", "Sigmoid", "Tanh", "Sign", "HardSigmoid", "HardSwish"),
        *("Mul", "Add", "Sub", "Div", "BatchNormalization", "Cast", "Identity", "Dropout"),
        *("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Softmax", "QuantizeLinear"),
        *("DequantizeLinear",),
    }
)
_LAYERS = frozenset({"Conv", "Gemm", "MatMul"})


@dataclass(frozen=True, eq=False)
class Trace:
    """Accesses of one inference, in order.

    Attributes
    ----------
    line : ndarray of int64
        Which line of memory; weights come first, then the scratch area.
    kind : ndarray of uint8
        ``READ``, ``WRITE_PART`` or ``WRITE_WHOLE``.
    line_bytes : int
    weight_lines, scratch_lines : int
        Size of the two areas.
    """

    line: NDArray[np.int64]
    kind: NDArray[np.uint8]
    line_bytes: int
    weight_lines: int
    scratch_lines: int

    @property
    def lines(self) -> int:
        """Size of all that is touched."""
        return self.weight_lines + self.scratch_lines


def layer_trace(
    network: Network | DeepNetwork,
    *,
    order: Order = "pixels",
    line_bytes: int = 32,
    weight_bits: int = 8,
) -> Trace:
    """Return what one inference reads and writes.

    Parameters
    ----------
    network : Network or DeepNetwork
    order : {"pixels", "channels"}
        Which of weights and activations is read again, see above.
    line_bytes : int
    weight_bits : int
        Of a weight; an activation has 8.

    Raises
    ------
    InputError
        An order that is unknown, a size below 1, a network whose shapes its file leaves open, an
        operator whose traffic is not known.

    Examples
    --------
    >>> import reliability as rel
    >>> trace = layer_trace(rel.load_network("mobilenet-mnist"))
    >>> trace.weight_lines * 32, trace.scratch_lines * 32
    (20096, 9408)
    """
    if order not in ORDERS:
        raise unknown_name("order", str(order), ORDERS)
    for name, size in (("line_bytes", line_bytes), ("weight_bits", weight_bits)):
        whole_number(size, name, low=1)
    if isinstance(network, Network):
        inputs, outputs = network.weights.shape
        shapes = (1, 1, inputs), (1, 1, outputs)
        steps = [_Step("dense", "image", "sums", *shapes, weights=inputs * outputs)]
    else:
        steps = _steps(network)
    weights, weight_lines = _place_weights(steps, line_bytes, weight_bits)
    place, scratch_lines = _place_scratch(steps, line_bytes, weight_lines)
    image = steps[0].source, math.prod(steps[0].shape_in)
    pieces = [_of_kind(_span(place[image[0]], image[1], line_bytes), WRITE_WHOLE)]
    for step, weight in zip(steps, weights, strict=True):
        pieces += _accesses(step, weight, place, order, line_bytes, weight_bits)
    line = np.concatenate([lines for lines, _ in pieces])
    kind = np.concatenate([kinds for _, kinds in pieces])
    new = np.ones(len(line), bool)
    new[1:] = (line[1:] != line[:-1]) | (kind[1:] != kind[:-1])
    return Trace(line[new], kind[new], line_bytes, weight_lines, scratch_lines)


@dataclass(frozen=True)
class _Step:
    """One operator: shapes of images as (height, width, channels)."""

    operator: Literal["dense", "conv", "depthwise", "stream"]
    source: str
    result: str
    shape_in: tuple[int, int, int]
    shape_out: tuple[int, int, int]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    pad: tuple[int, int] = (0, 0)
    weights: int = 0  # how many
    constants: int = 0  # bytes that are read once: biases, scales
    more: tuple[tuple[str, int], ...] = ()  # further inputs of a stream, and their bytes

    @property
    def tensors(self) -> dict[str, int]:
        """Bytes of each tensor that the step needs at once."""
        return {
            self.source: math.prod(self.shape_in),
            self.result: math.prod(self.shape_out),
            **dict(self.more),
        }


_Pieces = list[tuple[NDArray[np.int64], NDArray[np.uint8]]]


def _weight_bytes(step: _Step, weight_bits: int) -> int:
    return -(-step.weights * weight_bits // 8)


def _place_weights(steps: list[_Step], size: int, weight_bits: int) -> tuple[list[int], int]:
    """First byte of each step's weights and constants, and how many lines all take."""
    needed = [-(-(_weight_bytes(step, weight_bits) + step.constants) // size) for step in steps]
    ends = list(accumulate(needed, initial=0))
    return [end * size for end in ends[:-1]], ends[-1]


def _place_scratch(steps: list[_Step], size: int, first: int) -> tuple[dict[str, int], int]:
    """First byte of each tensor, and how many lines all take.

    The largest is placed first, each as low as no tensor that lives at the same time allows.
    """
    born: dict[str, int] = {}
    dies: dict[str, int] = {}
    need: dict[str, int] = {}
    for i, step in enumerate(steps):
        for name, count in step.tensors.items():
            born.setdefault(name, i)
            dies[name] = i
            need[name] = -(-count // size)
    at: dict[str, int] = {}
    for name in sorted(need, key=lambda n: -need[n]):
        beside = [
            (at[other], at[other] + need[other])
            for other in at
            if born[other] <= dies[name] and born[name] <= dies[other]
        ]
        low = 0
        for begin, end in sorted(beside):
            if low + need[name] <= begin:
                break
            low = max(low, end)
        at[name] = low
    top = max(at[name] + need[name] for name in at)
    return {name: (first + low) * size for name, low in at.items()}, top


def _span(first: int, count: int, size: int) -> NDArray[np.int64]:
    """Lines of ``count`` bytes from ``first`` on."""
    return np.arange(first // size, (first + count - 1) // size + 1 if count else first // size)


def _of_kind(lines: NDArray[np.int64], kind: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    return lines, np.full(len(lines), kind, np.uint8)


def _accesses(
    step: _Step, weight: int, place: dict[str, int], order: Order, size: int, weight_bits: int
) -> _Pieces:
    """What one step reads and writes, in order."""
    held = _weight_bytes(step, weight_bits)
    pieces = [_of_kind(_span(weight + held, step.constants, size), READ)]
    if step.operator == "stream":
        for name, count in step.tensors.items():
            kind = WRITE_WHOLE if name == step.result else READ
            pieces.append(_of_kind(_span(place[name], count, size), kind))
        return pieces
    pixels, channels = step.shape_out[0] * step.shape_out[1], step.shape_out[2]
    result = place[step.result]
    if order == "pixels":
        patches = _patches(step, place[step.source], size, None)
        weights = _of_kind(_span(weight, held, size), READ)
        for p in range(pixels):
            done = _span(result + p * channels, channels, size)
            pieces += [_of_kind(patches[p], READ), weights, _of_kind(done, WRITE_PART)]
        return pieces
    per_channel = held / channels
    depthwise = step.operator == "depthwise"
    for c in range(channels):
        begin, end = int(c * per_channel), math.ceil((c + 1) * per_channel)
        pieces.append(_of_kind(_span(weight + begin, end - begin, size), READ))
        if c == 0 or depthwise:
            patches = _patches(step, place[step.source], size, c if depthwise else None)
            all_pixels = np.concatenate([np.append(patch, 0) for patch in patches])
            done = np.cumsum([len(patch) + 1 for patch in patches]) - 1
        line, kinds = _of_kind(all_pixels.copy(), READ)
        line[done] = (result + np.arange(pixels) * channels + c) // size
        kinds[done] = WRITE_PART
        pieces.append((line, kinds))
    return pieces


def _patches(step: _Step, source: int, size: int, channel: int | None) -> list[NDArray[np.int64]]:
    """Lines of the input of each output pixel: of all channels, or of one."""
    rows, columns, inner = step.shape_in
    out = []
    for y, x in product(range(step.shape_out[0]), range(step.shape_out[1])):
        top, left = y * step.stride[0] - step.pad[0], x * step.stride[1] - step.pad[1]
        begin, end = max(left, 0), min(left + step.kernel[1], columns)
        lines = [np.empty(0, np.int64)]
        for row in range(max(top, 0), min(top + step.kernel[0], rows)):
            first = source + (row * columns + begin) * inner
            if channel is None:  # a row of the patch lies in one piece
                lines.append(_span(first, max(end - begin, 0) * inner, size))
            else:
                lines.append((first + channel + np.arange(end - begin) * inner) // size)
        out.append(np.concatenate(lines))
    return out


def _steps(network: DeepNetwork) -> list[_Step]:
    """Steps of a graph in the order of execution, with what is done on the way left out."""
    graph, shapes = _with_shapes(network)
    known = constants(network.model).tensors
    layers = {use: layer for layer in network.layers for use in layer.uses}
    alias: dict[str, str] = {}

    def tensor(name: str) -> str:
        while name in alias:
            name = alias[name]
        return name

    def shape(name: str) -> tuple[int, int, int]:
        found = shapes.get(name)
        if found is None or not all(found):
            raise InputError(f"network {network.name}: tensor {name!r}: its shape is left open")
        if len(found) == 4:
            return found[2], found[3], found[1]
        return 1, 1, math.prod(found[1:])

    steps: list[_Step] = []
    for node in graph.node:
        given = [name for name in node.input if name and name not in known]
        if not given:
            continue  # a constant
        result = node.output[0]
        layer = layers.get(result)
        weights = {node.input[1]} if layer else set()
        fixed = sum(4 * math.prod(known[n].dims) for n in node.input if n in known.keys() - weights)
        if layer is None and node.op_type in _ON_THE_WAY and len(given) == 1:
            alias[result] = given[0]
            if steps:
                steps[-1] = replace(steps[-1], constants=steps[-1].constants + fixed)
            continue
        if layer is None and node.op_type in _LAYERS:
            raise InputError(
                f"network {network.name}: {node.op_type} {node.name!r}: its weights are no layer, "
                "so that what it moves is not known"
            )
        source, shape_in = tensor(given[0]), shape(given[0])
        step = _Step("stream", source, result, shape_in, shape(result), constants=fixed)
        if layer is None:
            step = replace(step, more=tuple((tensor(n), math.prod(shape(n))) for n in given[1:]))
        else:
            step = replace(step, operator="dense", weights=int(layer.matrix.size))
            if layer.operator == "Conv":
                step = _convolution(step, node, layer)
            else:
                step = replace(step, shape_in=(1, 1, math.prod(shape_in)))
        steps.append(step)
    return steps


def _convolution(step: _Step, node: Any, layer: Layer) -> _Step:
    onnx = onnx_package()
    values = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if len(layer.kernel) != 2 or set(values.get("dilations", [1])) != {1}:
        raise InputError(
            f"layer {layer.name!r}: got a kernel {layer.kernel} with dilations "
            f"{values.get('dilations', [])}, expected two dimensions and no dilation"
        )
    inner, outer = step.shape_in[2], step.shape_out[2]
    if layer.groups != 1 and not layer.groups == inner == outer:
        raise InputError(
            f"layer {layer.name!r}: got {layer.groups} groups of {inner} channels, expected one "
            "group or one for each channel"
        )
    strides, pads = values.get("strides", [1, 1]), values.get("pads", [0] * 4)
    return replace(
        step,
        operator="conv" if layer.groups == 1 else "depthwise",
        kernel=(int(layer.kernel[0]), int(layer.kernel[1])),
        stride=(int(strides[0]), int(strides[1])),
        pad=(int(pads[0]), int(pads[1])),
    )


def _with_shapes(network: DeepNetwork) -> tuple[Any, dict[str, list[int]]]:
    """Graph of one image, and the shape of every tensor in it; 0 where it is open."""
    onnx = onnx_package()
    model = onnx.ModelProto()
    model.CopyFrom(network.model)
    for value in model.graph.input:
        if value.name == network.input_name:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = [*inferred.value_info, *inferred.input, *inferred.output]
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    return inferred, shapes
