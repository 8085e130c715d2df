"""Products of integers, as whole numbers in float32, which holds them exactly up to 2^24."""

from math import prod
from typing import Any

import numpy as np

from reliability.errors import InputError
from reliability.network.deep.onnx_constants import Constants
from reliability.network.deep.onnx_writer import Writer, attributes_of, inputs_of

_OPERATORS = ("QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")


def float_product(node: Any, writer: Writer, known: Constants) -> bool:
    """Write a product of integers as zero points taken off, a product, and scale and rounding.

    Parameters
    ----------
    node : NodeProto
    writer : Writer
        Takes the nodes that stand for it.
    known : Constants

    Returns
    -------
    bool
        False: it is another operator.

    Raises
    ------
    InputError
        Weights that are no constant; a zero point or scale for each row of the input.
    """
    if node.op_type not in _OPERATORS:
        return False
    given = inputs_of(node, 9)
    channels = node.op_type in ("QLinearConv", "ConvInteger")
    scaled = node.op_type.startswith("QLinear")
    x, x_zero, w, w_zero = [given[k] for k in ((0, 2, 3, 5) if scaled else (0, 2, 1, 3))]
    if w not in known.tensors and channels:
        raise InputError("its weights are no constant")
    if x not in known.tensors and any(_size(known, n) > 1 for n in (x_zero, given[1] * scaled)):
        raise InputError("a zero point or scale for each row")
    rank = len(known.tensors[w].dims) if w in known.tensors else 2

    def of_channel(name: str, shape: list[int]) -> str:
        """A number for each output channel, along its axis."""
        if not channels or _size(known, name) <= 1:
            return name
        return writer.add("Reshape", [name, writer.constant(shape, np.int64)])

    def without(name: str, zero: str) -> str:
        y = writer.cast(name)
        return writer.add("Sub", [y, writer.cast(zero)]) if zero else y

    right = without(w, of_channel(w_zero, [-1, *[1] * (rank - 1)]))
    inputs = [without(x, x_zero), right]
    if channels and given[8]:
        inputs.append(writer.cast(given[8]))
    y = writer.add("Conv" if channels else "MatMul", inputs, **attributes_of(node))
    if not scaled:
        writer.cast(y, np.int32, node.output[0])
        return True
    scale = writer.add("Mul", [given[1], of_channel(given[4], [1, -1, *[1] * (rank - 2)])])
    scale = writer.add("Div", [scale, given[6]])
    _rounded(node, writer, known, writer.add("Mul", [y, scale]), given[7])
    return True


def _rounded(node: Any, writer: Writer, known: Constants, y: str, zero: str) -> None:
    """Round to the integers of the zero point's type."""
    kind = known.array(zero).dtype if zero in known.tensors else np.dtype(np.uint8)
    y = writer.add("Round", [y])
    if zero:
        y = writer.add("Add", [y, writer.cast(zero)])
    ends = [writer.constant(float(end)) for end in (np.iinfo(kind).min, np.iinfo(kind).max)]
    writer.cast(writer.add("Clip", [y, *ends]), kind, node.output[0])


def _size(known: Constants, name: str) -> int:
    return prod(known.tensors[name].dims) if name in known.tensors else 1
