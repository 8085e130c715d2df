"""Spiking networks from NIR graphs, the Neuromorphic Intermediate Representation.

J. E. Pedersen et al., Nat. Commun. 15, 8122 (2024), doi:10.1038/s41467-024-52259-9. Its neurons are
differential equations; here they take forward Euler steps, as snnTorch, Norse and others do, with
the current of a synapse renewed before the charge. A spike travels through the graph within a step;
where the graph has a loop, it returns a step later.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.deep.calibration import tensor_shapes
from reliability.network.deep.neurons import Neurons
from reliability.network.deep.onnx import DeepNetwork, load_onnx
from reliability.network.deep.onnx_writer import Writer
from reliability.network.deep.runtime import onnx_package

TIME_STEP = 1e-4  # s, of the graphs that snnTorch writes
_NEURONS = ("I", "IF", "LI", "LIF", "CubaLI", "CubaLIF")
_OPSET = 17


class _Graph(NamedTuple):
    """Nodes by name, those of graphs inside it included, and which ones feed each of them."""

    nodes: dict[str, Any]
    feeds: dict[str, list[str]]

    def kind(self, name: str) -> str:
        return type(self.nodes[name]).__name__


def load_nir(
    path: Path, *, digital: Collection[str] = (), time_step: float = TIME_STEP
) -> DeepNetwork:
    """Load a NIR graph, for `reliability.evaluate_spiking`.

    Parameters
    ----------
    path : Path
    digital : collection of str
        Names of nodes whose weights stay digital.
    time_step : float
        s.

    Returns
    -------
    DeepNetwork
        With ``neurons``.

    Raises
    ------
    InputError
        Not a NIR file, a node that is not known, a loop without neurons, a time step beyond a time
        constant.

    Examples
    --------
    ``load_nir(Path("network.nir"))``
    """
    graph = _flat(_read(path))
    order, late = _ordered(graph, str(path))
    with TemporaryDirectory() as folder:
        made = Path(folder) / "network.onnx"
        made.write_bytes(_one_step(graph, order, late, str(path)))
        network = load_onnx(made, name=path.stem, digital=digital)
    groups = [name for name in order if graph.kind(name) in _NEURONS]
    shape = [size if isinstance(size, int) else 1 for size in network.inputs[0].dims]
    zeros = {network.input_name: np.zeros(shape, np.float32)}
    shapes = tensor_shapes(network, groups, zeros)
    sources = {node.output[0]: node.input[0] for node in network.model.graph.node if node.input}
    neurons = []
    for name in groups:
        own = _discrete(graph.nodes[name], time_step, f"{path}: {graph.kind(name)} {name!r}")
        size = shapes[name][1:]
        neurons.append(Neurons(name, sources[name], name, size, **own, start=0.0))
    return replace(network, neurons=tuple(neurons))


def _read(path: Path) -> Any:
    try:
        import nir
    except ImportError:
        raise InputError(
            "NIR graphs need the package nir; install the extra: "
            "pip install 'rram-reliability[nir]'"
        ) from None
    if not path.is_file():
        raise InputError(f"network: no file {str(path)!r}")
    try:
        return nir.read(path)
    except Exception as error:  # h5py's and nir's own kinds
        line = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a NIR graph: {line}") from None


def _flat(graph: Any, prefix: str = "") -> _Graph:
    """Nodes of a graph and of the graphs inside it, whose inputs and outputs pass on."""
    nodes: dict[str, Any] = {}
    feeds: dict[str, list[str]] = {}
    ends: dict[str, tuple[str, str]] = {}  # of each node: where it takes, and where it gives
    for name, node in graph.nodes.items():
        whole = prefix + str(name)
        ends[str(name)] = whole, whole
        if type(node).__name__ != "NIRGraph":
            nodes[whole], feeds[whole] = node, []
            continue
        inner = _flat(node, f"{whole}.")
        nodes, feeds = nodes | inner.nodes, feeds | inner.feeds
        ends[str(name)] = tuple(  # type: ignore[assignment]
            next(f"{whole}.{key}" for key, each in node.nodes.items() if type(each).__name__ == end)
            for end in ("Input", "Output")
        )
    for source, target in graph.edges:
        feeds[ends[str(target)][0]].append(ends[str(source)][1])
    return _Graph(nodes, feeds)


def _ordered(graph: _Graph, where: str) -> tuple[list[str], set[tuple[str, str]]]:
    """Names in an order of execution, and the edges that come a step late to close a loop."""
    done: list[str] = []
    late: set[tuple[str, str]] = set()
    left = dict.fromkeys(graph.nodes)

    def missing(name: str) -> list[str]:
        return [s for s in graph.feeds[name] if s not in done and (s, name) not in late]

    while left:
        ready = [name for name in left if not missing(name)]
        if not ready:
            begun = [name for name in left if any(s in done for s in graph.feeds[name])]
            late |= set(_into(graph, begun[0] if begun else next(iter(left)), missing, where))
            continue
        done += ready
        left = {name: None for name in left if name not in ready}
    return done, late


def _into(graph: _Graph, name: str, missing: Any, where: str) -> Iterator[tuple[str, str]]:
    """Edges from the neurons behind which a node waits for itself."""
    seen, behind = {name}, [name]
    found = False
    while behind:
        target = behind.pop()
        for source in missing(target):
            if graph.kind(source) in _NEURONS:
                found = True
                yield source, target
            elif source not in seen:
                seen.add(source)
                behind.append(source)
    if not found:
        raise InputError(f"{where}: a loop through {name!r} has no neurons")


def _one_step(graph: _Graph, order: list[str], late: set[tuple[str, str]], where: str) -> bytes:
    """The graph of one step as an ONNX model, where neurons are marked by Relu."""
    onnx, writer = onnx_package(), Writer("nir")
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    inputs = [name for name in order if graph.kind(name) == "Input" and not graph.feeds[name]]
    outer = {source for sources in graph.feeds.values() for source in sources}
    outputs = [name for name in order if graph.kind(name) == "Output" and name not in outer]
    for what, names in (("Input", inputs), ("Output", outputs)):
        if len(names) != 1:
            raise InputError(f"{where}: got {len(names)} nodes {what}, expected one")
    values = [helper.make_tensor_value_info(inputs[0], real, ["N", *_shape(graph, inputs[0])])]
    for name in sorted({source for source, _ in late}):
        shape = ["N", *_shape(graph, name)]
        values.append(helper.make_tensor_value_info(f"{name}::before", real, shape))
    for name in order:
        if name == inputs[0]:
            continue
        taken = [f"{s}::before" if (s, name) in late else s for s in graph.feeds[name]]
        if not taken:
            raise InputError(f"{where}: {graph.kind(name)} {name!r} has no input")
        x = taken[0] if len(taken) == 1 else writer.add("Sum", taken)
        begin = len(writer.nodes)
        _translate(graph.nodes[name], name, x, writer, where)
        own = writer.nodes[begin:]
        next((n for n in own if n.op_type in ("MatMul", "Conv")), own[-1]).name = name
    end = helper.make_tensor_value_info(outputs[0], real, ["N", *_shape(graph, outputs[0])])
    made = helper.make_graph(writer.nodes, "nir", values, [end])
    opsets = [helper.make_opsetid("", _OPSET)]
    return bytes(helper.make_model(made, ir_version=8, opset_imports=opsets).SerializeToString())


def _shape(graph: _Graph, name: str) -> list[int]:
    return [int(size) for size in graph.nodes[name].output_type["output"]]


def _translate(node: Any, name: str, x: str, writer: Writer, where: str) -> None:
    """Add the nodes that make the tensor ``name`` of ``x``."""
    add, constant, kind = writer.add, writer.constant, type(node).__name__
    if kind in _NEURONS:
        add("Relu", [x], name)
    elif kind in ("Input", "Output"):
        add("Identity", [x], name)
    elif kind in ("Linear", "Affine"):
        if np.ndim(node.weight) != 2:
            raise InputError(f"{where}: {kind} {name!r}: got weights of shape "
                             f"{np.shape(node.weight)}, expected (outputs, inputs)")  # fmt: skip
        biased = kind == "Affine"
        y = add("MatMul", [x, constant(np.transpose(node.weight))], None if biased else name)
        if biased:
            add("Add", [y, constant(node.bias)], name)
    elif kind in ("Conv1d", "Conv2d"):
        add("Conv", [x, constant(node.weight), constant(node.bias)], name, **_window(node))
    elif kind in ("SumPool2d", "AvgPool2d"):
        kernel = _two(node.kernel_size)
        pads = _two(node.padding)
        mean = add("AveragePool", [x], name if kind == "AvgPool2d" else None, count_include_pad=1,
                   kernel_shape=kernel, strides=_two(node.stride), pads=pads * 2)  # fmt: skip
        if kind == "SumPool2d":
            add("Mul", [mean, constant(float(np.prod(kernel)))], name)
    elif kind == "Flatten":
        shape = [-1, *(int(size) for size in node.output_type["output"])]
        add("Reshape", [x, constant(shape, np.int64)], name)
    elif kind == "Scale":
        add("Mul", [x, constant(node.scale)], name)
    elif kind == "Threshold":
        writer.cast(add("Greater", [x, constant(node.threshold)]), output=name)
    else:
        raise InputError(f"{where}: {kind} {name!r} is not evaluated here")


def _window(node: Any) -> dict[str, Any]:
    """Attributes of a convolution; "same" pads the end by what is left over, as torch does."""
    kernel = np.shape(node.weight)[2:]
    many = len(kernel)

    def each(value: Any) -> list[int]:
        return [int(v) for v in np.broadcast_to(np.atleast_1d(value), many)]

    dilations = each(node.dilation)
    padding = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
    if isinstance(padding, str):
        whole = [d * (k - 1) if padding == "same" else 0
                 for d, k in zip(dilations, kernel, strict=True)]  # fmt: skip
        pads = [w // 2 for w in whole] + [w - w // 2 for w in whole]
    else:
        pads = each(padding) * 2
    return {"strides": each(node.stride), "dilations": dilations, "pads": pads,
            "group": int(node.groups)}  # fmt: skip


def _two(value: Any) -> list[int]:
    return [int(v) for v in np.broadcast_to(np.atleast_1d(value), 2)]


def _discrete(node: Any, step: float, where: str) -> dict[str, Any]:
    """Coefficients of one time step of a node's neurons."""
    held: Mapping[str, Any] = vars(node)

    def rate(name: str) -> NDArray[np.float64]:
        tau = np.asarray(held[name], float)
        if not (tau >= step).all():
            raise InputError(
                f"{where}: got {name} of {tau.min():g} s, allowed the time step of {step:g} s or "
                "more; give a shorter time_step"
            )
        return step / tau

    r = np.asarray(node.r, float)
    out: dict[str, Any] = {"threshold": None, "gain": step * r}
    name = {"L": "tau", "C": "tau_mem"}.get(type(node).__name__[0])
    if name is not None:
        part = rate(name)
        out |= {"keep": 1 - part, "gain": part * r, "bias": part * np.asarray(node.v_leak, float)}
    if "tau_syn" in held:
        part = rate("tau_syn")
        out["synapse"] = 1 - part, part * np.asarray(node.w_in, float)
    if "v_threshold" in held:
        out["threshold"] = np.asarray(node.v_threshold, float)
        out["reset"] = np.asarray(node.v_reset, float)
    return out
