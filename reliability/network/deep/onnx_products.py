"""Products with a constant, brought to the two forms that go into cells.

Those are Conv, and MatMul or Gemm of an activation and a matrix. Here every other product with a
constant is written as these two and operators without weights, with the same result:

- a constant first, ``W @ x``: the transpose of ``x' @ W'``;
- a stack of matrices: one product each;
- Einsum of an activation and a constant: axes moved, then a product;
- ConvTranspose: a pointwise convolution, whose outputs are the products of every input position
  with the whole kernel, and a ConvTranspose with kernels of ones that adds them up where they
  belong.
"""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from reliability.errors import InputError
from reliability.network.deep.onnx_constants import Constants
from reliability.network.deep.onnx_writer import Writer, attributes_of

Shapes = Mapping[str, list[int | None]]
# doc_string of a ConvTranspose that only adds: it has no weights.
ADDS = "sum of the products of a kernel"


def plain_product(node: Any, writer: Writer, known: Constants, shapes: Shapes) -> bool:
    """Write a product with a constant in the form that goes into cells.

    Parameters
    ----------
    node : NodeProto
    writer : Writer
        Takes the nodes that stand for it.
    known : Constants
    shapes : mapping of str to list
        Of the tensors whose number of axes is known.

    Returns
    -------
    bool
        False: nothing to do.

    Raises
    ------
    InputError
        A product that can't be written in this form.
    """
    constant = [name in known.tensors for name in node.input[:2]]
    if node.op_type == "Einsum" and len(node.input) == 2 and sum(constant) == 1:
        _einsum(node, writer, known, shapes)
        return True
    if node.op_type == "ConvTranspose" and constant[1] and node.doc_string != ADDS:
        _conv_transpose(node, writer, known)
        return True
    if node.op_type == "Gemm" and sum(constant) == 1:
        return _gemm(node, writer, known, constant[0])
    if node.op_type != "MatMul" or sum(constant) != 1:
        return False
    if constant[0]:
        return _constant_first(node, writer, known, shapes)
    return _stack(node, writer, known, shapes)


def _constant_first(node: Any, writer: Writer, known: Constants, shapes: Shapes) -> bool:
    weights = known.array(node.input[0])
    rank = len(shapes.get(node.input[1], ()))
    if rank < 2 or weights.ndim < 2:
        raise InputError(f"a constant of {weights.ndim} axes times a tensor of {rank or 'unknown'}")
    x = writer.add("Transpose", [node.input[1]], perm=_swapped(rank))
    y = writer.add("MatMul", [x, known.derived(writer, node.input[0], weights.swapaxes(-1, -2))])
    writer.add("Transpose", [y], node.output[0], perm=_swapped(max(rank, weights.ndim)))
    return True


def _swapped(rank: int) -> list[int]:
    return [*range(rank - 2), rank - 1, rank - 2]


def _gemm(node: Any, writer: Writer, known: Constants, first: bool) -> bool:
    """A transposed input, or the constant first, where both are matrices."""
    held = attributes_of(node)
    if not first and not held.get("transA"):
        return False
    weights = known.array(node.input[0 if first else 1])
    x = node.input[1 if first else 0]
    if held.get("transB" if first else "transA", 0) != first:
        x = writer.add("Transpose", [x], perm=[1, 0])
    # first: (A B)' = B' A', so that x is B' and the constant is A'
    if held.get("transA" if first else "transB", 0) != first:
        weights = weights.T
    source = node.input[0 if first else 1]
    weights = np.float32(held.get("alpha", 1.0)) * weights
    y = writer.add("MatMul", [x, known.derived(writer, source, weights)])
    if first:
        y = writer.add("Transpose", [y], perm=[1, 0])
    if len(node.input) > 2 and node.input[2]:
        beta = writer.constant(held.get("beta", 1.0))
        y = writer.add("Add", [y, writer.add("Mul", [node.input[2], beta])])
    writer.add("Identity", [y], node.output[0])
    return True


def _stack(node: Any, writer: Writer, known: Constants, shapes: Shapes) -> bool:
    """A vector or a stack of matrices as the second one."""
    weights = known.array(node.input[1])
    if weights.ndim == 2 or not weights.size:
        return False
    x, source = node.input[0], node.input[1]
    if weights.ndim == 1:
        y = writer.add("MatMul", [x, known.derived(writer, source, weights[:, None])])
        writer.add("Squeeze", [y, writer.constant([-1], np.int64)], node.output[0])
        return True
    axis = -weights.ndim  # of the first axis of the stack
    shape = shapes.get(x)
    # the input may have fewer axes than the stack, or one that is repeated
    repeated = shape is not None and (len(shape) < weights.ndim or shape[axis] == 1)
    outputs = []
    for k, matrix in enumerate(weights):
        part = x
        if len(weights) > 1 and not repeated:
            ends = [writer.constant([v], np.int64) for v in (k, k + 1, axis)]
            part = writer.add("Slice", [x, *ends])
        y = writer.add("MatMul", [part, known.derived(writer, source, matrix)])
        if shape is not None and len(shape) < weights.ndim:
            y = writer.add("Unsqueeze", [y, writer.constant([axis], np.int64)])
        outputs.append(y)
    writer.add("Concat", outputs, node.output[0], axis=axis)
    return True


def _einsum(node: Any, writer: Writer, known: Constants, shapes: Shapes) -> None:
    """Sum of products of an activation and a constant, given by labels of axes."""
    equation = attributes_of(node)["equation"].decode().replace(" ", "")
    terms, arrow, out = equation.partition("->")
    first = node.input[0] in known.tensors
    left = terms.split(",")
    if "." in equation or len(left) != 2 or any(len(set(t)) < len(t) for t in (*left, out)):
        raise InputError(f"the equation {equation!r}")
    if not arrow:
        out = "".join(sorted(c for c in set("".join(left)) if "".join(left).count(c) == 1))
    of_w, of_x = (left[0], left[1]) if first else (left[1], left[0])
    source, x = (node.input[0], node.input[1]) if first else (node.input[1], node.input[0])
    weights = known.array(source)
    if weights.ndim != len(of_w):
        raise InputError(f"the equation {equation!r} for weights of shape {weights.shape}")
    alone = [of_w.index(c) for c in of_w if c not in of_x + out]
    weights, of_w = weights.sum(axis=tuple(alone)), "".join(c for c in of_w if c in of_x + out)
    if summed := [of_x.index(c) for c in of_x if c not in of_w + out]:
        axes = writer.constant(summed, np.int64)
        x = writer.add("ReduceSum", [x, axes], keepdims=0)
        of_x = "".join(c for c in of_x if c in of_w + out)
    each = [c for c in of_x if c in of_w and c in out]  # one matrix for each of these
    inner = [c for c in of_x if c in of_w and c not in out]
    free, new = [c for c in of_x if c not in of_w], [c for c in of_w if c not in of_x]
    size = dict(zip(of_w, weights.shape, strict=True))
    stack = weights.transpose([of_w.index(c) for c in (*each, *inner, *new)]).reshape(
        *(size[c] for c in each), prod(size[c] for c in inner), prod(size[c] for c in new)
    )
    # free axes first, then those of the stack, one row, the axis that is summed over
    x = writer.add("Transpose", [x], perm=[of_x.index(c) for c in (*free, *each, *inner)])
    keep = [0] * len(free)
    rows = [*(size[c] for c in each), *([1] if each else [])]
    shape = [*keep, *rows, prod(size[c] for c in inner)]
    x = writer.add("Reshape", [x, writer.constant(shape, np.int64)])
    if not shape[:-1]:  # all axes are summed over: one row
        x = writer.add("Unsqueeze", [x, writer.constant([0], np.int64)])
    y = writer.add("MatMul", [x, known.derived(writer, source, stack)])
    shape = [*keep, *(size[c] for c in (*each, *new))]
    y = writer.add("Reshape", [y, writer.constant(shape, np.int64)])
    order = [*free, *each, *new]
    writer.add("Transpose", [y], node.output[0], perm=[order.index(c) for c in out])


def _conv_transpose(node: Any, writer: Writer, known: Constants) -> None:
    weights = known.array(node.input[1])
    if weights.ndim < 3 or not weights.size:
        raise InputError(f"weights of shape {weights.shape}, expected (in, out, kernel ...)")
    held = attributes_of(node)
    groups = int(held.pop("group", 1))
    entered, each, *kernel = weights.shape
    if entered % groups:
        raise InputError(f"{entered} input channels in {groups} groups")
    many = prod(kernel)
    # (group, in, out, kernel) to one output channel for each output and place in the kernel
    parts = weights.reshape(groups, entered // groups, each, many)
    matrix = parts.transpose(0, 2, 3, 1).reshape(groups * each * many, entered // groups)
    pointwise = matrix.reshape(*matrix.shape, *(1 for _ in kernel))
    name = known.derived(writer, node.input[1], pointwise)
    products = writer.add("Conv", [node.input[0], name], group=groups)
    ones = np.tile(np.eye(many, dtype=np.float32), (groups * each, 1))
    fold = writer.constant(ones.reshape(-1, 1, *kernel))
    bias = [name for name in node.input[2:] if name]
    writer.add("ConvTranspose", [products, fold, *bias], node.output[0],
               group=groups * each, doc_string=ADDS, **held)  # fmt: skip
