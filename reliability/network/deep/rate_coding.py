"""Deep networks in spikes: every activation becomes integrate-and-fire neurons.

At each time step a layer adds its weighted inputs and its bias to the neurons behind it:

    u = (1 - leak) v + x,    spike if u >= theta,    v = u - theta on a spike, else u

and a spike stands for the activation theta, so that over T steps the mean output is the rectified
input, cut at theta, to within theta / T (reset by subtraction, P. U. Diehl et al., IJCNN 2015,
doi:10.1109/IJCNN.2015.7280696; B. Rueckauer et al., Front. Neurosci. 11, 682 (2017),
doi:10.3389/fnins.2017.00682). theta of a layer is the largest activation on the calibration images,
or the upper limit of a Clip below it; neurons start half charged. The outputs of the last layer are
summed without spikes. Networks of NIR graphs have neurons of their own
(`reliability.network.deep.nir_import`).

Networks of Conv, Gemm, MatMul, averages and sums with Relu or Clip from 0 between them; a maximum
over spikes is not the spike of a maximum, so MaxPool and other functions are refused by name.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, repeat
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect, unknown_name
from reliability.mission import MissionProfile
from reliability.network.deep.calibration import calibration_inputs, extremes
from reliability.network.deep.chips import card_of, chips_of, default_tiling, load_chip
from reliability.network.deep.graph import Stage, executed_graph, feeds
from reliability.network.deep.images import Images, chosen_images, shipped_images
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.neurons import Neurons, after, spiking, step_nodes
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.onnx_constants import constants
from reliability.network.deep.onnx_forms import node_names
from reliability.network.deep.onnx_writer import replace_nodes
from reliability.network.deep.runtime import Session, onnx_package
from reliability.network.deep.tiling import Tiling
from reliability.network.own_data import data_of
from reliability.network.results import Values, on_chips, provenance
from reliability.progress import tracked
from reliability.random import draw, stream
from reliability.statistics.proportions import wilson
from reliability.technology import Technology

# Linear in their input, so that the mean over steps passes through them.
_LINEAR = frozenset(
    {
        *("Conv", "Gemm", "MatMul", "AveragePool", "GlobalAveragePool", "ReduceMean", "Flatten"),
        *("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity", "Dropout", "Concat"),
        *("Add", "Sub", "Sum", "Pad", "Constant", "BatchNormalization"),
    }
)
_BATCH = 250  # images


def evaluate_spiking(
    network: DeepNetwork,
    cells: Technology | xr.Dataset | None = None,
    *,
    steps: Sequence[int] = (16, 64, 256),
    coding: Literal["current", "events", "steps"] = "events",
    tiling: Tiling | None = None,
    chips: int = 4,
    images: int | None = None,
    data: Any = None,
    calibration: Any = None,
    threshold_mismatch: float = 0.0,
    leak: float = 0.0,
    profile: MissionProfile | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Evaluate a deep network in spikes, with an integrate-and-fire neuron for each activation.

    Parameters
    ----------
    network, cells, tiling, chips, images, data, calibration, profile, seed, confidence
        As for `reliability.network.evaluate_deep`, but that the tiling has no converters: spikes
        need no DAC, and charge is summed in the neuron.
    steps : sequence of int
        Numbers of time steps after which the outputs are compared.
    coding : {"current", "events", "steps"}
        Of the input: its value at every step; an event of size one with its value as the
        probability (inputs must be 0 to 1), anew at every step; or inputs (image, step, ...) of
        one's own for every step.
    threshold_mismatch : float
        Standard deviation of each neuron's threshold, relative.
    leak : float
        Fraction of a neuron's charge that is lost per step; neurons of a NIR graph have their own.

    Returns
    -------
    Dataset
        ``accuracy``, ``accuracy_low``, ``accuracy_high`` with the population's leading dimensions
        and ``steps``; ``spikes``, mean number of spikes of all neurons per image up to then;
        ``events``, mean number of non-zero inputs (expected number of events) per image.

    Raises
    ------
    InputError
        An operator that neurons can't stand for, by name; converters in the tiling; fewer steps
        in the inputs than are asked for.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> out = evaluate_spiking(net, steps=[8, 48], images=50, coding="current")
    >>> bool(out["accuracy"][0, 0] < out["accuracy"][0, 1])
    True
    """
    expect(network, DeepNetwork, "network", "one of many layers, as load_network gives")
    tiling = default_tiling(cells) if tiling is None else tiling
    neuron = {"threshold_mismatch": threshold_mismatch, "leak": leak}
    counts = _check(steps, coding, network, tiling, neuron)
    data = data_of(data, "inputs")
    test = shipped_images(network) if data is None else data
    inputs, labels, index = _inputs(network, test, images, coding, counts[-1])
    placed = place(network, tiling, card_of(cells))
    stages = tuple(Stage(p) for p in placed)
    neurons = _neurons_of(network, stages, data, calibration, leak)
    graph = _spiking_graph(network, stages, neurons)
    population = chips_of(cells, placed, tiling, chips, profile, seed)

    def one(chip: int) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str]]:
        loaded = load_chip(population, chip, stages)
        thresholds = _thresholds(neurons, threshold_mismatch, population.address[[chip]], seed)
        session = Session(graph, loaded.values | thresholds)
        correct, spikes = np.zeros(len(counts), np.int64), np.zeros(len(counts))
        for part in (slice(k, k + _BATCH) for k in range(0, len(inputs), _BATCH)):
            sources = _sources(seed, index[part]) if coding == "events" else None
            steps_of = _steps(coding, inputs[part], sources)
            scores, fired = _run_steps(session, network, neurons, thresholds, steps_of, counts)
            correct += (scores.argmax(axis=-1) == labels[part]).sum(axis=1)
            spikes += fired
        return correct, spikes / len(inputs), loaded.warnings

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        count = population.lead.size
        done = list(tracked(pool.map(one, range(count)), "chips", count))
    correct, spikes = (np.array(each) for each in list(zip(*done, strict=True))[:2])
    values = _of_steps(correct, spikes, len(labels), confidence)
    out = on_chips(values, population.lead, {"steps": counts})
    out["events"] = ("steps", _events(coding, inputs, counts), {"units": "1"})
    return out.assign_attrs(
        provenance(network, population.technology, seed),
        tiling=tiling.text,
        coding=coding,
        images=len(labels),
        confidence=confidence,
        mission=population.mission,
        warnings=sorted({note for _, _, notes in done for note in notes}),
    )


def _neurons_of(
    network: DeepNetwork, stages: tuple[Stage, ...], data: Any, calibration: Any, leak: float
) -> tuple[Neurons, ...]:
    """Return the neurons of a graph that has its own, or one for each activation."""
    if not network.neurons:
        return _neurons(network, stages, calibration_inputs(network, data, calibration), leak)
    if calibration is not None or leak:
        raise InputError(
            f"calibration, leak: network {network.name} has neurons of its own, with thresholds "
            "and leak"
        )
    return network.neurons


def _sources(seed: int, images: NDArray[np.int64]) -> list[np.random.Generator]:
    """Streams of events: an image has the same on every chip, whichever others are evaluated."""
    return [stream(seed, "deep.events", int(image)) for image in images]


def _inputs(
    network: DeepNetwork, data: xr.Dataset, images: int | None, coding: str, steps: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Inputs (of every step), labels and indices of the images, checked."""
    if coding != "steps":
        taken, labels, index = chosen_images(network, data, images)
        inputs = taken[network.input_name]
        if coding == "events" and (inputs.min() < 0 or inputs.max() > 1):
            raise InputError(
                f"coding: got 'events', but inputs are {inputs.min():g} to {inputs.max():g}, "
                "allowed 0 to 1; use 'current'"
            )
        return inputs, labels, index
    whole = data.get("inputs")
    if whole is None or whole.ndim < 2 or whole.shape[1] < steps:
        got = "none" if whole is None else f"shape {whole.shape}"
        raise InputError(f"inputs: got {got}, coding 'steps' needs (image, {steps} steps, ...)")
    first = data.assign(inputs=whole.isel({whole.dims[1]: 0}))
    _, labels, index = chosen_images(network, first, images)
    inputs = np.asarray(whole.values[index, :steps], np.float32)
    if not np.isfinite(inputs).all():
        raise InputError("inputs: got numbers that are not finite")
    return inputs, labels, index


def _steps(
    coding: str, inputs: NDArray[np.float32], events: list[np.random.Generator] | None
) -> Iterator[NDArray[np.float32]]:
    """Yield what drives the images (image, ...) at each step, without end but for given steps."""
    if coding == "steps":
        yield from (np.ascontiguousarray(inputs[:, step]) for step in range(inputs.shape[1]))
    elif events is None:
        yield from repeat(inputs)
    else:
        while True:
            u = np.stack([source.random(inputs[0].size, dtype=np.float32) for source in events])
            yield (u.reshape(inputs.shape) < inputs).astype(np.float32)


def _events(coding: str, inputs: NDArray[np.float32], counts: list[int]) -> NDArray[np.float64]:
    """Mean (or expected) number of non-zero inputs per image after each number of steps."""
    if coding == "steps":
        each = np.count_nonzero(inputs.reshape(*inputs.shape[:2], -1), axis=(0, 2)).cumsum()
        return np.asarray(each[np.array(counts) - 1] / len(inputs))
    active = float(np.count_nonzero(inputs) if coding == "current" else inputs.sum())
    return np.asarray(active / len(inputs) * np.array(counts))


def _of_steps(
    correct: NDArray[np.int64], spikes: NDArray[np.float64], images: int, confidence: float
) -> Values:
    low, high = wilson(correct, images, confidence)
    return {
        "accuracy": (("steps",), correct / images, "1"),
        "accuracy_low": (("steps",), low, "1"),
        "accuracy_high": (("steps",), high, "1"),
        "spikes": (("steps",), spikes, "1"),
    }


def _thresholds(
    neurons: tuple[Neurons, ...], mismatch: float, address: NDArray[np.int64], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Thresholds of the neurons of one chip, as inputs of the graph."""
    thresholds = {}
    for n in spiking(neurons):
        z = draw(seed, f"neuron.{n.name}", address, int(np.prod(n.shape)))[0]
        # one that mismatches by more than itself would fire for ever
        scale = np.maximum(1 + mismatch * z, 0.05).reshape(1, *n.shape)
        thresholds[n.limit] = np.asarray(n.threshold * scale, np.float32)
    return thresholds


def _run_steps(
    session: Session,
    network: DeepNetwork,
    neurons: tuple[Neurons, ...],
    thresholds: dict[str, NDArray[np.float32]],
    inputs: Iterator[NDArray[np.float32]],
    counts: list[int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Summed scores (count, image, class) and spikes of all images (count,) after each count."""
    total: NDArray[np.float64] | float = 0.0
    state: dict[str, NDArray[np.float32]] = {}
    fired, kept, spikes = 0.0, [], []
    for step, now in enumerate(islice(inputs, counts[-1])):
        state = state or _at_rest(network, neurons, thresholds, len(now))
        scores, *after_step = session.run({network.input_name: now} | state)
        total = total + scores.astype(float)
        state = dict(zip(state, after_step, strict=False))
        fired += sum(float(count) for count in after_step[len(state) :])
        if step + 1 in counts:
            kept.append(total)
            spikes.append(fired)
    return np.array(kept), np.array(spikes)


def _at_rest(
    network: DeepNetwork,
    neurons: tuple[Neurons, ...],
    thresholds: dict[str, NDArray[np.float32]],
    images: int,
) -> dict[str, NDArray[np.float32]]:
    """States before the first step: of the neurons, and spikes that return from the step before."""
    state = {}
    for n in neurons:
        charge, *current = n.states
        first = n.start * thresholds[n.limit] if n.start else np.float32(0)
        wide = images, *n.shape
        state[charge] = np.broadcast_to(first, wide).astype(np.float32)
        state |= {name: np.zeros(wide, np.float32) for name in current}
    for each in network.inputs[1:]:
        sizes = [size for size in each.dims[1:] if isinstance(size, int)]
        state[each.name] = np.zeros((images, *sizes), np.float32)
    return state


def _neurons(
    network: DeepNetwork, stages: tuple[Stage, ...], tuning: Images, leak: float
) -> tuple[Neurons, ...]:
    """Neurons for every activation, with thresholds from ideal weights and these images."""
    onnx = onnx_package()
    known = constants(network.model).tensors
    graph = network.model.graph
    names = node_names(graph)
    found: list[tuple[int, float]] = []  # node and upper limit
    for index, node in enumerate(graph.node):
        name = names[index]
        if node.output[0] in known or node.op_type in _LINEAR:
            continue
        if node.op_type in ("Mul", "Div") and any(source in known for source in node.input[-2:]):
            continue
        ends = [
            float(onnx.numpy_helper.to_array(known[source])) if source in known else None
            for source in node.input[1:]
        ]
        if node.op_type == "Relu":
            found.append((index, np.inf))
        elif node.op_type == "Clip" and len(ends) == 2 and ends[0] == 0 and ends[1] is not None:
            found.append((index, ends[1]))
        else:
            raise InputError(
                f"network {network.name}: {node.op_type} {name!r} has no neuron, "
                "allowed between layers: Relu, Clip from 0, averages and sums"
            )
    if not found:
        raise InputError(f"network {network.name}: no Relu or Clip that neurons could stand for")
    values = {k: v for stage in stages for k, v in feeds(stage, stage.placed.coded).items()}
    outputs = [graph.node[index].output[0] for index, _ in found]
    seen = extremes(network, stages, outputs, values, tuning)
    out = []
    for (index, limit), output in zip(found, outputs, strict=True):
        size = min(seen[output].high, limit) if seen[output].high > 0 else 1.0
        source, shape = graph.node[index].input[0], seen[output].shape[1:]
        out.append(Neurons(names[index], source, output, shape, size, keep=1 - leak, size=size))
    return tuple(out)


def _spiking_graph(
    network: DeepNetwork, stages: tuple[Stage, ...], neurons: tuple[Neurons, ...]
) -> bytes:
    """One time step: states and thresholds in; scores, states and numbers of spikes out."""
    onnx = onnx_package()
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    model = onnx.load_model_from_string(executed_graph(network, stages))
    graph = model.graph
    replaced = {n.output: n for n in neurons}
    nodes: list[Any] = []
    for node in graph.node:
        n = replaced.get(node.output[0])
        nodes += [node] if n is None else step_nodes(n)
    made = []
    for n in neurons:
        names = [*n.states, *([n.limit] if n.threshold is not None else [])]
        for name in names:
            wide = [1 if name == n.limit else "N", *n.shape]
            graph.input.append(helper.make_tensor_value_info(name, real, wide))
        made += [after(state) for state in n.states]
    for each in network.inputs[1:]:  # spikes that return in the next step
        nodes.append(helper.make_node("Identity", [each.name.removesuffix("::before")],
                                      [after(each.name)]))  # fmt: skip
        made.append(after(each.name))
    for name in (*made, *(n.spikes for n in spiking(neurons))):
        graph.output.append(helper.make_tensor_value_info(name, real, None))
    replace_nodes(graph, nodes)
    return bytes(model.SerializeToString())


def _check(
    steps: Sequence[int], coding: Any, network: DeepNetwork, tiling: Tiling, numbers: dict
) -> list[int]:
    counts = sorted(set(steps))
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in counts)
    if not counts or not whole or counts[0] < 1:
        raise InputError(f"steps: got {steps!r}, expected integers of 1 or more")
    if coding not in ("current", "events", "steps"):
        raise unknown_name("coding", str(coding), ("current", "events", "steps"))
    if len(network.inputs) > 1 and not network.neurons:
        raise InputError(f"network {network.name}: got {len(network.inputs)} inputs, expected one")
    if tiling.adc_bits is not None or tiling.dac_bits is not None:
        raise InputError("tiling: spikes are neither driven by a DAC nor read by an ADC")
    if network.batch is not None:
        raise InputError(
            f"network {network.name}: the file fixes {network.batch} images at a time, "
            "expected an open number"
        )
    for name, value in numbers.items():
        if not 0 <= value < 1:
            raise InputError(f"{name}: got {value}, allowed 0 to below 1")
    return [int(n) for n in counts]
