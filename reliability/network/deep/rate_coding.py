"""Deep networks in spikes: every activation becomes integrate-and-fire neurons.

At each time step a layer adds its weighted inputs and its bias to the neurons behind it:

    u = (1 - leak) v + x,    spike if u >= theta,    v = u - theta on a spike, else u

and a spike stands for the activation theta, so that over T steps the mean output is the rectified
input, cut at theta, to within theta / T (reset by subtraction, P. U. Diehl et al., IJCNN 2015,
doi:10.1109/IJCNN.2015.7280696; B. Rueckauer et al., Front. Neurosci. 11, 682 (2017),
doi:10.3389/fnins.2017.00682). theta of a layer is the largest activation on the calibration images,
or the upper limit of a Clip below it; neurons start half charged. The outputs of the last layer are
summed without spikes.

Networks of Conv, Gemm, MatMul, averages and sums with Relu or Clip from 0 between them; a maximum
over spikes is not the spike of a maximum, so MaxPool and other functions are refused by name.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect, unknown_name
from reliability.mission import MissionProfile
from reliability.network.datasets import data_of
from reliability.network.deep.calibration import calibration_inputs, extremes
from reliability.network.deep.chips import card_of, chips_of, default_tiling, load_chip
from reliability.network.deep.graph import Stage, executed_graph, feeds
from reliability.network.deep.images import Images, chosen_images, shipped_images
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.onnx_constants import constants
from reliability.network.deep.onnx_forms import node_names
from reliability.network.deep.runtime import Session, onnx_package
from reliability.network.deep.tiling import Tiling
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


class _Neurons(NamedTuple):
    """The neurons of one activation, between the tensors ``source`` and ``output``."""

    name: str
    source: str
    output: str
    shape: tuple[int, ...]
    threshold: float


def evaluate_spiking(
    network: DeepNetwork,
    cells: Technology | xr.Dataset | None = None,
    *,
    steps: Sequence[int] = (16, 64, 256),
    coding: Literal["current", "events"] = "events",
    tiling: Tiling | None = None,
    chips: int = 4,
    images: int | None = None,
    data: Any = None,
    calibration: xr.Dataset | None = None,
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
    coding : {"current", "events"}
        Of the input: its value at every step, or an event of size one with its value as the
        probability (inputs must be 0 to 1), anew at every step.
    threshold_mismatch : float
        Standard deviation of each neuron's threshold, relative.
    leak : float
        Fraction of a neuron's charge that is lost per step.

    Returns
    -------
    Dataset
        ``accuracy``, ``accuracy_low``, ``accuracy_high`` with the population's leading dimensions
        and ``steps``; ``spikes``, mean number of spikes of all neurons per image up to then;
        ``events``, mean number of non-zero inputs (expected number of events) per image.

    Raises
    ------
    InputError
        An operator that neurons can't stand for, by name; converters in the tiling.

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
    taken, labels, index = chosen_images(network, test, images)
    inputs = _checked_inputs(coding, taken[network.input_name])
    placed = place(network, tiling, card_of(cells))
    stages = tuple(Stage(p) for p in placed)
    neurons = _neurons(network, stages, calibration_inputs(network, data, calibration))
    graph = _spiking_graph(network, stages, neurons, leak)
    population = chips_of(cells, placed, tiling, chips, profile, seed)

    def one(chip: int) -> tuple[NDArray[np.int64], NDArray[np.float64], list[str]]:
        loaded = load_chip(population, chip, stages)
        thresholds = _thresholds(neurons, threshold_mismatch, population.address[[chip]], seed)
        session = Session(graph, loaded.values | thresholds)
        correct, spikes = np.zeros(len(counts), np.int64), np.zeros(len(counts))
        for part in (slice(k, k + _BATCH) for k in range(0, len(inputs), _BATCH)):
            sources = _sources(seed, index[part]) if coding == "events" else None
            scores, fired = _run_steps(
                session, network, neurons, thresholds, inputs[part], sources, counts
            )
            correct += (scores.argmax(axis=-1) == labels[part]).sum(axis=1)
            spikes += fired
        return correct, spikes / len(inputs), loaded.warnings

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        count = population.lead.size
        done = list(tracked(pool.map(one, range(count)), "chips", count))
    correct, spikes = (np.array(each) for each in list(zip(*done, strict=True))[:2])
    values = _of_steps(correct, spikes, len(labels), confidence)
    out = on_chips(values, population.lead, {"steps": counts})
    active = float(np.count_nonzero(inputs) if coding == "current" else inputs.sum())
    out["events"] = ("steps", active / len(inputs) * np.array(counts), {"units": "1"})
    return out.assign_attrs(
        provenance(network, population.technology, seed),
        tiling=tiling.text,
        coding=coding,
        images=len(labels),
        confidence=confidence,
        mission=population.mission,
        warnings=sorted({note for _, _, notes in done for note in notes}),
    )


def _sources(seed: int, images: NDArray[np.int64]) -> list[np.random.Generator]:
    """Streams of events: an image has the same on every chip, whichever others are evaluated."""
    return [stream(seed, "deep.events", int(image)) for image in images]


def _checked_inputs(coding: str, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    if coding == "events" and (inputs.min() < 0 or inputs.max() > 1):
        raise InputError(
            f"coding: got 'events', but inputs are {inputs.min():g} to {inputs.max():g}, "
            "allowed 0 to 1; use 'current'"
        )
    return inputs


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
    neurons: tuple[_Neurons, ...], mismatch: float, address: NDArray[np.int64], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Thresholds of the neurons of one chip, as inputs of the graph."""
    thresholds = {}
    for n in neurons:
        z = draw(seed, f"neuron.{n.name}", address, int(np.prod(n.shape)))[0]
        # one that mismatches by more than itself would fire for ever
        scale = np.maximum(1 + mismatch * z, 0.05).reshape(1, *n.shape)
        thresholds[f"{n.name}::threshold"] = (n.threshold * scale).astype(np.float32)
    return thresholds


def _run_steps(
    session: Session,
    network: DeepNetwork,
    neurons: tuple[_Neurons, ...],
    thresholds: dict[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
    events: list[np.random.Generator] | None,
    counts: list[int],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Summed scores (count, image, class) and spikes of all images (count,) after each count."""
    charge = {
        f"{n.name}::charge": np.broadcast_to(
            thresholds[f"{n.name}::threshold"] / 2, (len(inputs), *n.shape)
        ).astype(np.float32)
        for n in neurons
    }
    total: NDArray[np.float64] | float = 0.0
    fired, kept, spikes = 0.0, [], []
    now = inputs
    for step in range(counts[-1]):
        if events is not None:
            u = np.stack([source.random(inputs[0].size, dtype=np.float32) for source in events])
            now = (u.reshape(inputs.shape) < inputs).astype(np.float32)
        scores, *state = session.run({network.input_name: now} | charge)
        total = total + scores.astype(float)
        charge = dict(zip(charge, state[0::2], strict=True))
        fired += sum(float(count) for count in state[1::2])
        if step + 1 in counts:
            kept.append(total)
            spikes.append(fired)
    return np.array(kept), np.array(spikes)


def _neurons(
    network: DeepNetwork, stages: tuple[Stage, ...], tuning: Images
) -> tuple[_Neurons, ...]:
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
    return tuple(
        _Neurons(
            name=names[index],
            source=graph.node[index].input[0],
            output=output,
            shape=seen[output].shape[1:],
            threshold=min(seen[output].high, limit) if seen[output].high > 0 else 1.0,
        )
        for (index, limit), output in zip(found, outputs, strict=True)
    )


def _spiking_graph(
    network: DeepNetwork, stages: tuple[Stage, ...], neurons: tuple[_Neurons, ...], leak: float
) -> bytes:
    """One time step: charges and thresholds in; scores, charges and numbers of spikes out."""
    onnx = onnx_package()
    helper, real = onnx.helper, onnx.TensorProto.FLOAT
    model = onnx.load_model_from_string(executed_graph(network, stages))
    graph = model.graph
    replaced = {n.output: n for n in neurons}
    nodes = []
    for node in graph.node:
        n = replaced.get(node.output[0])
        if n is None:
            nodes.append(node)
            continue
        own = {key: f"{n.name}::{key}" for key in (
            "charge", "threshold", "keep", "kept", "sum", "ratio", "whole", "low", "high",
            "spike", "taken", "left", "size", "count",
        )}  # fmt: skip
        held = {"keep": 1 - leak, "low": 0.0, "high": 1.0, "size": n.threshold}
        for key, value in held.items():
            tensor = onnx.numpy_helper.from_array(np.asarray(value, np.float32), own[key])
            graph.initializer.append(tensor)
        nodes += [
            helper.make_node("Mul", [own["charge"], own["keep"]], [own["kept"]]),
            helper.make_node("Add", [own["kept"], n.source], [own["sum"]]),
            helper.make_node("Div", [own["sum"], own["threshold"]], [own["ratio"]]),
            helper.make_node("Floor", [own["ratio"]], [own["whole"]]),
            helper.make_node("Clip", [own["whole"], own["low"], own["high"]], [own["spike"]]),
            helper.make_node("Mul", [own["spike"], own["threshold"]], [own["taken"]]),
            helper.make_node("Sub", [own["sum"], own["taken"]], [own["left"]]),
            helper.make_node("Mul", [own["spike"], own["size"]], [n.output]),
            helper.make_node("ReduceSum", [own["spike"]], [own["count"]], keepdims=0),
        ]
        graph.input.append(helper.make_tensor_value_info(own["charge"], real, ["N", *n.shape]))
        graph.input.append(helper.make_tensor_value_info(own["threshold"], real, [1, *n.shape]))
        graph.output.append(helper.make_tensor_value_info(own["left"], real, ["N", *n.shape]))
        graph.output.append(helper.make_tensor_value_info(own["count"], real, []))
    copies = [onnx.NodeProto() for _ in nodes]
    for copy, node in zip(copies, nodes, strict=True):
        copy.CopyFrom(node)
    del graph.node[:]
    graph.node.extend(copies)
    return bytes(model.SerializeToString())


def _check(
    steps: Sequence[int], coding: Any, network: DeepNetwork, tiling: Tiling, numbers: dict
) -> list[int]:
    counts = sorted(set(steps))
    whole = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in counts)
    if not counts or not whole or counts[0] < 1:
        raise InputError(f"steps: got {steps!r}, expected integers of 1 or more")
    if coding not in ("current", "events"):
        raise unknown_name("coding", str(coding), ("current", "events"))
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
