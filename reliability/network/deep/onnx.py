"""Networks from ONNX files: which of their layers go into cells.

An operator that multiplies its input by a constant matrix (Conv, Gemm, MatMul) is a layer of
cells. What has no matrix (activations, pooling, reshaping, normalisation) is done digitally. What
multiplies by a matrix in a way that cells can't hold is refused by name, or left digital where the
user says so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.network.deep.onnx_file import read_model
from reliability.network.deep.onnx_normal import constants_second
from reliability.network.deep.runtime import Session, onnx_package

# What multiplies by a matrix, or hides operators that may.
_MULTIPLIERS = frozenset(
    {
        *("Conv", "Gemm", "MatMul", "ConvTranspose", "DeformConv", "ConvInteger", "MatMulInteger"),
        *("QLinearConv", "QLinearMatMul", "Einsum", "RNN", "GRU", "LSTM", "Attention"),
        *("If", "Loop", "Scan"),
    }
)
# A constant behind these is a constant of about the same size.
_FOLDED = frozenset(
    {
        *("Identity", "Cast", "Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze"),
        "DequantizeLinear",
    }
)


_BATCH = 4096  # images at a time that a file may ask for
_IMAGE = 10_000_000  # numbers of one of them


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of weights that go into cells.

    Attributes
    ----------
    name : str
        Of the node; of its output where the node has none of its own.
    operator : {"Conv", "Gemm", "MatMul"}
    node : int
        Index of the node in the graph.
    matrix : ndarray of float32, shape (rows, outputs)
        ``y = x @ matrix`` for the rows that one output sees: the inputs of a fully connected
        layer, or channel by channel the kernel of a convolution.
    kernel : tuple of int
        Of a convolution, ``()`` otherwise.
    groups : int
        Of a convolution; a depthwise one has as many as channels.
    """

    name: str
    operator: str
    node: int
    matrix: NDArray[np.float32]
    kernel: tuple[int, ...] = ()
    groups: int = 1

    @property
    def rows(self) -> int:
        """Inputs of one output."""
        return int(self.matrix.shape[0])

    @property
    def outputs(self) -> int:
        """Output channels, all groups together."""
        return int(self.matrix.shape[1])


@dataclass(frozen=True, eq=False)
class DeepNetwork:
    """A network of many layers, as its ONNX model.

    Attributes
    ----------
    name : str
    model : onnx.ModelProto
        Whole, without tensors in other files.
    layers : tuple of Layer
        Those that go into cells, in the order of the graph.
    digital : tuple of str
        Names of other nodes that multiply: products of two activations, and those left digital.
    input_name : str
    input_shape : tuple of int or None
        Of one image, without the batch; None is any size.
    batch : int or None
        Images at a time, where the file fixes it.
    output_name : str
        First output, one number for each class.
    metadata : dict of str to str
        What the file says of itself.
    """

    name: str
    model: Any
    layers: tuple[Layer, ...]
    digital: tuple[str, ...]
    input_name: str
    input_shape: tuple[int | None, ...]
    batch: int | None
    output_name: str
    metadata: dict[str, str]

    @property
    def weights(self) -> int:
        """Number of weights that go into cells."""
        return sum(layer.matrix.size for layer in self.layers)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model."""
        return sha256(self.model.SerializeToString(deterministic=True)).hexdigest()


def load_onnx(path: Path, *, name: str | None = None, digital: Collection[str] = ()) -> DeepNetwork:
    """Load an ONNX file.

    Parameters
    ----------
    path : Path
    name : str, optional
        By default that of the file.
    digital : collection of str
        Names of nodes, or types of operators, whose weights stay in digital memory.

    Raises
    ------
    InputError
        Not an ONNX file or cut short; tensors outside the file's folder, or of another size than
        the file holds; more than one input; an operator that cells can't hold; weights that are
        not numbers or not finite; no layer at all.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> [layer.name for layer in net.layers][:3], net.input_shape
    (['stem', 'depthwise_1', 'pointwise_1'], (1, 28, 28))
    """
    where = str(path)
    model = read_model(path)
    constants_second(model, constants(model))
    inputs = _inputs(model.graph, where)
    if len(inputs) != 1:
        raise InputError(f"{where}: got {len(inputs)} inputs ({', '.join(inputs)}), expected one")
    input_name, shape = next(iter(inputs.items()))
    layers, left = _layers(model, set(digital), where)
    if not layers:
        raise InputError(f"{where}: no layer whose weights could go into cells")
    return DeepNetwork(
        name=path.stem if name is None else name,
        model=model,
        layers=layers,
        digital=left,
        input_name=input_name,
        input_shape=shape[1:],
        batch=shape[0],
        output_name=model.graph.output[0].name,
        metadata={entry.key: entry.value for entry in model.metadata_props},
    )


def constants(model: Any) -> dict[str, Any]:
    """Return the constant tensors of a model's graph by name.

    Those are initializers, outputs of Constant, and what is only cast, reshaped or dequantised
    from them.
    """
    onnx = onnx_package()
    graph = model.graph
    given = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    found = {t.name: t for t in graph.initializer if t.name not in given}
    for node in graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None)
        if node.op_type == "Constant" and value is not None:
            found[node.output[0]] = value
        elif node.op_type in _FOLDED and all(name in found for name in node.input if name):
            array = _folded(model, node, found)
            found[node.output[0]] = onnx.numpy_helper.from_array(array, node.output[0])
    return found


def _folded(model: Any, node: Any, known: dict[str, Any]) -> NDArray[Any]:
    """What a node makes of constants."""
    onnx = onnx_package()
    held = {name: onnx.TensorProto() for name in node.input if name}
    for name, tensor in held.items():
        tensor.CopyFrom(known[name])
        tensor.name = name
    result = onnx.helper.make_empty_tensor_value_info(node.output[0])
    graph = onnx.helper.make_graph([node], "constant", [], [result], list(held.values()))
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import)
    try:
        return Session(part.SerializeToString()).run({})[0]
    except Exception as error:  # onnxruntime's own kinds
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"{node.op_type} of constants can't be computed: {first}") from None


def node_name(graph: Any, index: int) -> str:
    """Return the name of a node, or of its first output where it has none of its own."""
    node = graph.node[index]
    alone = sum(other.name == node.name for other in graph.node) == 1
    return str(node.name if node.name and alone else node.output[0])


def _layers(model: Any, digital: set[str], where: str) -> tuple[tuple[Layer, ...], tuple[str, ...]]:
    """Layers that go into cells, and the names of nodes that multiply digitally."""
    graph = model.graph
    known = constants(model)
    used: set[str] = set()
    layers: list[Layer] = []
    left_digital: list[str] = []
    names = {node_name(graph, i): node.op_type for i, node in enumerate(graph.node)}
    for index, node in enumerate(graph.node):
        name = node_name(graph, index)
        if left := digital & {name, node.op_type}:
            used |= left
            left_digital += [name] if node.op_type in _MULTIPLIERS else []
        elif node.op_type in ("MatMul", "Gemm", "Einsum") and not known.keys() & set(node.input):
            left_digital.append(name)  # of two activations: no weight is in it
        elif node.domain not in ("", "ai.onnx"):
            raise InputError(
                f"{where}: {node.op_type} {name!r}: operator of the domain {node.domain!r}, "
                "whose weights are not known; name it in digital to leave it digital"
            )
        elif node.op_type in _MULTIPLIERS:
            try:
                layers.append(_layer(index, name, node, known))
            except InputError as error:
                raise InputError(
                    f"{where}: {node.op_type} {name!r} can't go into cells: {error}; "
                    "name it in digital to leave it digital"
                ) from None
    for name in sorted(digital - used):
        raise unknown_name(
            f"node or operator in digital, {where}:", name, {*names, *names.values()}
        )
    return tuple(layers), tuple(left_digital)


def _layer(index: int, name: str, node: Any, known: dict[str, Any]) -> Layer:
    onnx = onnx_package()
    if node.op_type not in ("Conv", "Gemm", "MatMul"):
        raise InputError("only Conv, Gemm and MatMul are mapped")
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    if node.input[1] not in known:
        raise InputError(f"its second input {node.input[1]!r} is not a constant")
    if node.input[0] in known:
        raise InputError("both inputs are constants")
    weights = onnx.numpy_helper.to_array(known[node.input[1]])
    if weights.dtype != np.float32:
        raise InputError(f"weights of {weights.dtype}, allowed float32")
    if not np.isfinite(weights).all():
        raise InputError("weights are not all finite")
    if weights.size == 0:
        raise InputError(f"weights of shape {weights.shape} are none")
    if node.op_type == "Conv":
        matrix = weights.reshape(len(weights), -1).T
        kernel, groups = weights.shape[2:], int(attributes.get("group", 1))
        if len(weights) % groups:
            raise InputError(f"{len(weights)} output channels in {groups} groups")
        return Layer(name, "Conv", index, np.ascontiguousarray(matrix), kernel, groups)
    if weights.ndim != 2:
        raise InputError(f"weights of shape {weights.shape}, expected (rows, outputs)")
    if attributes.get("transA"):
        raise InputError("its input is transposed (transA)")
    if attributes.get("transB"):
        weights = weights.T
    matrix = np.float32(attributes.get("alpha", 1.0)) * weights
    return Layer(name, node.op_type, index, np.ascontiguousarray(matrix))


def _inputs(graph: Any, where: str) -> dict[str, tuple[int | None, ...]]:
    """Shape of each input that is not an initializer, None where it is open."""
    held = {tensor.name for tensor in graph.initializer}
    out = {}
    for value in graph.input:
        if value.name not in held:
            if value.type.tensor_type.elem_type != onnx_package().TensorProto.FLOAT:
                raise InputError(f"{where}: input {value.name!r}: expected float32 numbers")
            dims = value.type.tensor_type.shape.dim
            if not dims:
                raise InputError(f"{where}: input {value.name!r}: no shape, expected (image, ...)")
            batch, *image = (max(int(d.dim_value), 1) for d in dims)
            if batch > _BATCH or prod(image) > _IMAGE:
                raise InputError(
                    f"{where}: input {value.name!r}: got {batch} images of {prod(image)} numbers, "
                    f"allowed {_BATCH} of {_IMAGE}"
                )
            out[value.name] = tuple(d.dim_value if d.dim_value > 0 else None for d in dims)
    return out
