"""Networks from ONNX files: which of their layers go into cells.

An operator that multiplies its input by a constant matrix is a layer of cells. What has no matrix
(activations, pooling, reshaping, normalisation, products of two activations) is done digitally.
What multiplies by a matrix in a way that cells can't hold is refused by name, or left digital
where the user says so.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.network.deep.neurons import Neurons
from reliability.network.deep.onnx_branches import fix_inputs, take_branches
from reliability.network.deep.onnx_constants import Constants
from reliability.network.deep.onnx_file import read_model
from reliability.network.deep.onnx_forms import PRODUCTS, in_product_form, node_names
from reliability.network.deep.onnx_products import ADDS
from reliability.network.deep.onnx_recurrent import STEPS
from reliability.network.deep.onnx_writer import (
    attributes_of,
    inner_graphs,
    needs,
    replace_nodes,
)
from reliability.network.deep.runtime import onnx_package

# What multiplies by a matrix.
_MULTIPLIERS = frozenset(
    {
        *("Conv", "Gemm", "MatMul", "ConvTranspose", "DeformConv", "ConvInteger", "MatMulInteger"),
        *("QLinearConv", "QLinearMatMul", "Einsum", "RNN", "GRU", "LSTM"),
    }
)
# What works on activations without weights of a layer, and is listed.
_DIGITAL = frozenset(
    {
        *("Softmax", "LogSoftmax", "LayerNormalization", "RMSNormalization", "Attention"),
        *("GroupNormalization", "InstanceNormalization"),
    }
)
_BATCH = 4096  # images at a time that a file may ask for
_IMAGE = 10_000_000  # numbers of one of them
_PROBE = 512  # open size of an input with which branches that shapes decide are looked up


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of weights that go into cells.

    Attributes
    ----------
    name : str
        Of its first node; of the node's output where the node has no name of its own.
    operator : {"Conv", "Gemm", "MatMul"}
    uses : tuple of str
        Outputs of the nodes that read its cells: one node, or more where they take the same
        tensor, as an unrolled recurrent network does.
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
    uses: tuple[str, ...]
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


@dataclass(frozen=True)
class Input:
    """One input of a network.

    Attributes
    ----------
    name : str
    dtype : str
        Of its numbers, as NumPy names it.
    dims : tuple
        Sizes; a name or None where one is open.
    """

    name: str
    dtype: str
    dims: tuple[int | str | None, ...]


@dataclass(frozen=True, eq=False)
class DeepNetwork:
    """A network of many layers, as its ONNX model.

    Attributes
    ----------
    name : str
    model : onnx.ModelProto
        Whole, without tensors in other files, in the form of
        `reliability.network.deep.onnx_forms`.
    layers : tuple of Layer
        Those that go into cells, in the order of the graph.
    digital : tuple of str
        Names of nodes that are digital: products of two activations, softmax, normalisation,
        embeddings, and those left digital.
    digital_weights : int
        Weights of layers left digital, and of embeddings.
    inputs : tuple of Input
        The images first; states and others behind.
    output_name : str
        First output.
    metadata : dict of str to str
        What the file says of itself.
    shaped : bool
        Whether the shape of the images decided on branches of the graph.
    neurons : tuple of Neurons
        Of a spiking network, whose graph is that of one time step.
    """

    name: str
    model: Any
    layers: tuple[Layer, ...]
    digital: tuple[str, ...]
    digital_weights: int
    inputs: tuple[Input, ...]
    output_name: str
    metadata: dict[str, str]
    shaped: bool = False
    neurons: tuple[Neurons, ...] = ()

    @property
    def input_name(self) -> str:
        """Name of the input that takes the images."""
        return self.inputs[0].name

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Shape of one image, without the batch; None is any size."""
        return tuple(size if isinstance(size, int) else None for size in self.inputs[0].dims[1:])

    @property
    def batch(self) -> int | None:
        """Images at a time, where the file fixes it."""
        size = self.inputs[0].dims[0]
        return size if isinstance(size, int) else None

    @property
    def weights(self) -> int:
        """Number of weights that go into cells, each once."""
        return sum(layer.matrix.size for layer in self.layers)

    @property
    def notes(self) -> list[str]:
        """What is left out of cells, for the warnings of results."""
        out = ["reads and costs are those of one time step"] if self.neurons else []
        if self.digital_weights:
            whole = self.weights + self.digital_weights
            out.append(
                f"{self.weights} of {whole} weights ({self.weights / whole:.1%}) are in cells; "
                f"digital: {', '.join(self.digital)}"
            )
        return out

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the model."""
        return sha256(self.model.SerializeToString(deterministic=True)).hexdigest()


def load_onnx(
    path: Path,
    *,
    name: str | None = None,
    digital: Collection[str] = (),
    fixed: Mapping[str, Any] | None = None,
    input_shape: Collection[int] | None = None,
) -> DeepNetwork:
    """Load an ONNX file.

    Parameters
    ----------
    path : Path
    name : str, optional
        By default that of the file.
    digital : collection of str
        Names of nodes, or types of operators, whose weights stay in digital memory.
    fixed : mapping of str to array-like, optional
        Inputs that are the same for all images, by name.
    input_shape : collection of int, optional
        Of one image, for a network whose branches depend on it; by default open sizes are 512.

    Raises
    ------
    InputError
        Not an ONNX file or cut short; tensors outside the file's folder, or of another size than
        the file holds; an input that is neither images nor a state and has no fixed value; an
        operator that cells can't hold; weights that are not numbers or not finite; no layer at all.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> [layer.name for layer in net.layers][:3], net.input_shape
    (['stem', 'depthwise_1', 'pointwise_1'], (1, 28, 28))
    """
    where = str(path)
    model = read_model(path)
    fix_inputs(model, fixed or {}, where)
    shaped = _take_branches(model, input_shape, where)
    _drop_unused(model.graph)
    inputs = _inputs(model.graph, where)
    before = {*node_names(model.graph), *(node.op_type for node in model.graph.node)}
    known = in_product_form(model, digital, where)
    layers, left, weights = _layers(model, known, digital, before, where)
    if not layers:
        said = f": all {weights} weights are digital" if weights else ""
        raise InputError(f"{where}: no layer whose weights could go into cells{said}")
    return DeepNetwork(
        name=path.stem if name is None else name,
        model=model,
        layers=layers,
        digital=left,
        digital_weights=weights,
        inputs=inputs,
        output_name=model.graph.output[0].name,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        shaped=shaped,
    )


def _take_branches(model: Any, input_shape: Collection[int] | None, where: str) -> bool:
    """Take the branches that shapes decide, and hold the graph to the shape that decided."""
    if not any(node.op_type == "If" for node in model.graph.node):
        return False
    first, *others = _inputs(model.graph, where)
    dims = (first.dims[0], *(first.dims[1:] if input_shape is None else input_shape))
    sizes = [size if isinstance(size, int) else _PROBE for size in dims]
    sizes[0] = first.dims[0] if isinstance(first.dims[0], int) else 2
    named = {name: size for name, size in zip(first.dims, sizes, strict=False)
             if isinstance(name, str)}  # fmt: skip
    given = {first.name: np.zeros(sizes, first.dtype)}
    for other in others:
        shape = [d if isinstance(d, int) else named.get(str(d), sizes[0]) for d in other.dims]
        given[other.name] = np.zeros(shape, other.dtype)
    try:
        shaped = take_branches(model, given)
    except InputError as error:
        raise InputError(
            f"{where}: branches of the graph depend on the shape of its input, {tuple(sizes[1:])} "
            f"does not run ({error}); give input_shape"
        ) from None
    if shaped:
        value = next(v for v in model.graph.input if v.name == first.name)
        for dim, size in list(zip(value.type.tensor_type.shape.dim, sizes, strict=True))[1:]:
            dim.dim_value = size
    return shaped


def _drop_unused(graph: Any) -> None:
    """Take away nodes and inputs on which no output depends."""
    used, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if used & set(node.output):
            kept.append(node)
            used |= needs(node)
    replace_nodes(graph, kept[::-1])
    for value in [v for v in graph.input if v.name not in used]:
        graph.input.remove(value)


def products(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph and of the loops over steps that recurrent layers became."""
    for node in graph.node:
        yield node
        if node.doc_string == STEPS:
            for inner in inner_graphs(node):
                yield from inner.node


def _layers(
    model: Any, known: Constants, digital: Collection[str], before: set[str], where: str
) -> tuple[tuple[Layer, ...], tuple[str, ...], int]:
    """Layers that go into cells, and the names and the weights of nodes that are digital."""
    graph = model.graph
    layers: dict[Any, Layer] = {}
    left_digital: list[str] = []
    weights = 0
    names = dict(zip((n.output[0] for n in graph.node), node_names(graph), strict=True))
    for node in products(graph):
        name = names.get(node.output[0], node.name)
        constant = [source for source in node.input if source in known.tensors]
        if {name, node.op_type} & set(digital):
            if node.op_type in _MULTIPLIERS or _hidden(node):
                left_digital.append(name)
                weights += _sizes(known, constant)
        elif node.domain not in ("", "ai.onnx"):
            raise InputError(
                f"{where}: {node.op_type} {name!r}: operator of the domain {node.domain!r}, "
                "whose weights are not known; name it in digital to leave it digital"
            )
        elif _is_digital(node, known):
            left_digital.append(name)
            weights += _sizes(known, constant) if node.op_type == "Gather" else 0
        elif (node.op_type in _MULTIPLIERS and node.doc_string != ADDS) or _hidden(node):
            try:
                key, layer = _layer(name, node, known)
            except InputError as error:
                raise InputError(
                    f"{where}: {node.op_type} {name!r} can't go into cells: {error}; "
                    "name it in digital to leave it digital"
                ) from None
            held = layers.setdefault(key, layer)
            if held is not layer:
                layers[key] = replace(held, uses=(*held.uses, node.output[0]))
    known_names = {*before, *(name for name in names.values() if "::" not in name)}
    for name in sorted(set(digital) - before - set(names.values())):
        raise unknown_name(f"node or operator in digital, {where}:", name, known_names)
    return tuple(layers.values()), tuple(left_digital), weights


def _hidden(node: Any) -> bool:
    """Whether a node holds graphs with weights that are not looked into."""
    if node.doc_string == STEPS:
        return False
    return any(
        inner.op_type in _MULTIPLIERS or _hidden(inner)
        for graph in inner_graphs(node)
        for inner in graph.node
    )


def _is_digital(node: Any, known: Constants) -> bool:
    """Whether a node multiplies activations alone, normalises, or looks up a table."""
    if node.op_type in ("MatMul", "Gemm", "Einsum"):
        return not known.tensors.keys() & set(node.input[: 2 if node.op_type == "Gemm" else None])
    if node.op_type == "Gather":
        table = known.tensors.get(node.input[0])
        if table is None or node.input[1] in known.tensors or len(table.dims) < 2:
            return False
        return bool(table.data_type == onnx_package().TensorProto.FLOAT)
    return node.op_type in _DIGITAL


def _sizes(known: Constants, names: Collection[str]) -> int:
    """Numbers of the constants that are matrices or more."""
    dims = (known.tensors[name].dims for name in names)
    return sum(prod(each) for each in dims if len(each) > 1)


def _layer(name: str, node: Any, known: Constants) -> tuple[Any, Layer]:
    """A layer, and what tells whether another node reads the same cells."""
    if node.op_type not in PRODUCTS:
        raise InputError("it holds weights that are not looked into" if _hidden(node)
                         else "only products with a constant are mapped")  # fmt: skip
    if node.input[1] not in known.tensors:
        raise InputError(f"its second input {node.input[1]!r} is not a constant")
    if node.input[0] in known.tensors:
        raise InputError("both inputs are constants")
    weights = known.array(node.input[1])
    if weights.dtype != np.float32:
        raise InputError(f"weights of {weights.dtype}, allowed float32")
    if not np.isfinite(weights).all():
        raise InputError("weights are not all finite")
    if weights.size == 0:
        raise InputError(f"weights of shape {weights.shape} are none")
    held = attributes_of(node)
    kernel, groups = (), 1
    if node.op_type == "Conv":
        if weights.ndim < 3:
            raise InputError(f"weights of shape {weights.shape}, expected (out, in, kernel ...)")
        matrix = weights.reshape(len(weights), -1).T
        kernel, groups = weights.shape[2:], int(held.get("group", 1))
        if len(weights) % groups:
            raise InputError(f"{len(weights)} output channels in {groups} groups")
    elif weights.ndim != 2:
        raise InputError(f"weights of shape {weights.shape}, expected (rows, outputs)")
    else:
        matrix = np.float32(held.get("alpha", 1.0)) * (weights.T if held.get("transB") else weights)
    matrix = np.ascontiguousarray(matrix)
    layer = Layer(name, node.op_type, (node.output[0],), matrix, kernel, groups)
    key = (known.roots[node.input[1]], matrix.shape, kernel, groups, matrix.tobytes())
    return key, layer


def _inputs(graph: Any, where: str) -> tuple[Input, ...]:
    """Inputs that are not initializers, the images first."""
    onnx = onnx_package()
    held = {tensor.name for tensor in graph.initializer}
    out = []
    for value in graph.input:
        if value.name in held:
            continue
        kind = value.type.tensor_type
        try:
            dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type))
        except KeyError:
            raise InputError(f"{where}: input {value.name!r}: expected a tensor") from None
        if dtype.kind not in "fiub":
            raise InputError(f"{where}: input {value.name!r}: got {dtype}, expected numbers")
        if not kind.shape.dim:
            raise InputError(
                f"{where}: input {value.name!r}: a single {dtype} for all images, give its value: "
                f"fixed={{{value.name!r}: ...}}"
            )
        batch, *image = (max(int(d.dim_value), 1) for d in kind.shape.dim)
        if batch > _BATCH or prod(image) > _IMAGE:
            raise InputError(
                f"{where}: input {value.name!r}: got {batch} images of {prod(image)} numbers, "
                f"allowed {_BATCH} of {_IMAGE}"
            )
        sizes = kind.shape.dim
        dims = tuple(d.dim_value if d.dim_value > 0 else d.dim_param or None for d in sizes)
        out.append(Input(value.name, dtype.name, dims))
    if not out:
        raise InputError(f"{where}: no input, expected one of images")
    return tuple(out)
