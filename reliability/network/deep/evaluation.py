"""Accuracy of a deep network on ideal cells, on a technology, or on a given population of chips."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network.datasets import evenly_spaced, load_mnist28
from reliability.network.deep.chips import Loaded, chips_of, default_tiling, load_chip
from reliability.network.deep.graph import (
    Converter,
    Stage,
    executed_graph,
    feeds,
    layer_input,
    tile_sum,
)
from reliability.network.deep.mapping import Placed, place, row_tiles
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling
from reliability.network.results import of_decisions, on_chips, provenance
from reliability.technology import Technology

_BATCH = 250  # images of one run
_CALIBRATION = 200  # images that set the ranges of converters


class Extremes(NamedTuple):
    """Range and shape of a tensor."""

    low: float
    high: float
    shape: tuple[int, ...]


def evaluate_deep(
    network: DeepNetwork,
    cells: Technology | xr.Dataset | None = None,
    *,
    tiling: Tiling | None = None,
    chips: int = 20,
    images: int | None = None,
    data: xr.Dataset | None = None,
    calibration: xr.Dataset | None = None,
    profile: MissionProfile | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Evaluate a deep network on test images.

    Parameters
    ----------
    network : DeepNetwork
        Of `load_network`.
    cells : Technology, Dataset or None
        A technology: ``chips`` chips are sampled from it. A population of chips (..., cell) with
        cells ordered as by `program_layers`: used as it is. None: one chip of ideal cells.
    tiling : Tiling, optional
        How weights lie in cells, and converters; by default levels where the card has them, else
        bits, on tiles of 256 x 256 with exact converters.
    chips : int
        Number of chips to sample.
    images : int, optional
        Number of images, evenly spaced over the data; by default all.
    data : Dataset, optional
        ``inputs`` (image, ...), as the network takes them, and ``label`` (image); by default the
        2000 test images of `load_mnist28`.
    calibration : Dataset, optional
        ``inputs`` that set the ranges of the converters; by default 200 MNIST training images, or
        the first 200 of ``data``, whose labels play no part in it.
    profile : MissionProfile, optional
        Mission to age the cells by before they are evaluated.
    seed : int
        Of the cells.
    confidence : float
        Of the intervals.

    Returns
    -------
    Dataset
        With the population's leading dimensions (``chip``): ``accuracy`` with its Wilson interval
        over images ``accuracy_low``, ``accuracy_high``; ``confusion`` (label, predicted);
        ``weight_error`` (layer), the root mean square of what the pairs read as, less what they
        should, in units of a full pair. ``reads`` (layer), pulses that a cell gets per image.

        Biases, activations and everything else that has no matrix are digital and exact.

    Raises
    ------
    InputError
        Data of another shape than the network takes, a size out of range, cells that the tiling
        can't use, a weight beyond a fixed scale.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("mobilenet-mnist")
    >>> bool(evaluate_deep(net, images=100)["accuracy"].item() > 0.9)
    True
    """
    tiling = default_tiling(cells) if tiling is None else tiling
    test = load_mnist28("test") if data is None else data
    inputs, labels, chosen = chosen_images(network, test, images)
    tuning = calibration_inputs(network, data, calibration)
    placed = place(network, tiling)
    stages, reads = _stages(network, placed, tiling, tuning)
    graph = executed_graph(network, stages)
    population = chips_of(cells, placed, tiling, chips, profile, seed)

    def one(chip: int) -> tuple[NDArray[np.float32], Loaded]:
        loaded = load_chip(population, chip, stages, tiling)
        return class_scores(Session(graph, loaded.values), network, {}, inputs), loaded

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(one, range(population.lead.size)))
    classes = done[0][0].shape[1]
    predicted = np.array([scores.argmax(axis=1) for scores, _ in done])
    if labels.max() >= classes:
        raise InputError(f"label: got {labels.max()}, allowed 0 to {classes - 1} in {network.name}")
    values = of_decisions(predicted, labels, classes, confidence)
    values["weight_error"] = (("layer",), np.array([loaded.errors for _, loaded in done]), "1")
    axes = {
        "layer": [p.layer.name for p in placed],
        "label": np.arange(classes),
        "predicted": np.arange(classes),
        "image": chosen,
    }
    out = on_chips(values, population.lead, axes)
    out["reads"] = ("layer", reads, {"units": "1"})
    return out.assign_attrs(
        provenance(network, population.technology, seed),
        tiling=json.dumps(asdict(tiling)),
        images=len(labels),
        confidence=confidence,
        mission=population.mission,
        warnings=sorted({note for _, loaded in done for note in loaded.warnings}),
    )


def class_scores(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return the network's first output, shape (images, classes), for given weights.

    Raises
    ------
    InputError
        The output has another shape.
    """
    scores = np.concatenate([out[0] for out in _run(session, network, weights, inputs)])
    scores = scores[: len(inputs)]
    if scores.ndim != 2 or len(scores) != len(inputs):
        raise InputError(
            f"network {network.name}: its first output has shape {scores.shape} for "
            f"{len(inputs)} images, expected (image, class)"
        )
    return scores


def _stages(
    network: DeepNetwork,
    placed: tuple[Placed, ...],
    tiling: Tiling,
    tuning: NDArray[np.float32],
) -> tuple[tuple[Stage, ...], NDArray[np.int64]]:
    """How each layer is executed, with converters set on ideal weights; reads per image."""
    cut = tuple(Stage(p, row_tiles(p.layer, tiling.rows)) for p in placed)
    sums = {
        (stage.placed.layer.name, s): [tile_sum(stage, s, t) for t in range(len(stage.tiles))]
        for stage in cut
        for s in range(len(stage.placed.coded))
    }
    names = [layer_input(stage, network) for stage in cut]
    names += [name for group in sums.values() for name in group]
    values = {k: v for stage in cut for k, v in feeds(stage, stage.placed.coded).items()}
    seen = extremes(network, cut, names, values, tuning)
    out, reads = [], []
    for stage, source in zip(cut, names, strict=False):  # its own input comes first in names
        layer = stage.placed.layer
        shape = seen[tile_sum(stage, 0, 0)].shape
        reads.append(int(np.prod(shape[2:] if layer.operator == "Conv" else shape[1:-1])))
        if tiling.dac_bits is None and tiling.adc_bits is None:
            out.append(Stage(stage.placed))
            continue
        dac = adc = None
        if tiling.dac_bits is not None:
            dac = _converter(seen[source], tiling.dac_bits, tiling.dac_range)
        if tiling.adc_bits is not None:
            ends = [
                max(max(-seen[name].low, seen[name].high) for name in sums[layer.name, s])
                for s in range(len(stage.placed.coded))
            ]
            adc = tuple(
                _converter(Extremes(-e, e, ()), tiling.adc_bits, tiling.adc_range) for e in ends
            )
        out.append(Stage(stage.placed, stage.tiles, dac, adc))
    return tuple(out), np.array(reads)


def _converter(seen: Extremes, bits: int, share: float) -> Converter:
    """Quantiser of a range: codes from 0 where it holds nothing negative, else around 0."""
    end = share * max(-seen.low, seen.high)
    if seen.low >= 0:
        codes = 2**bits - 1
        return Converter(end / codes if end else 1.0, 0.0, float(codes))
    codes = max(2 ** (bits - 1) - 1, 1)
    return Converter(end / codes if end else 1.0, float(-codes), float(codes))


def _run(
    session: Session,
    network: DeepNetwork,
    weights: Mapping[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
) -> Iterator[list[NDArray[np.float32]]]:
    """Run batches of images, all of one size where the file fixes it."""
    size = network.batch or _BATCH
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        if network.batch and len(part) < size:
            part = np.concatenate([part, np.zeros((size - len(part), *part.shape[1:]), np.float32)])
        yield session.run({network.input_name: part, **weights})


def extremes(
    network: DeepNetwork,
    stages: tuple[Stage, ...],
    names: Sequence[str],
    weights: Mapping[str, NDArray[np.float32]],
    inputs: NDArray[np.float32],
) -> dict[str, Extremes]:
    """Return the range over these inputs, and the shape, of each named tensor of the graph."""
    held = (network.input_name, network.output_name)
    watched = tuple(name for name in dict.fromkeys(names) if name not in held)
    session = Session(executed_graph(network, stages, watched))
    ends = Extremes(float(inputs.min()), float(inputs.max()), inputs.shape)
    out = {network.input_name: ends}
    for arrays in _run(session, network, weights, inputs):
        for name, array in zip((network.output_name, *watched), arrays, strict=True):
            low, high = float(array.min()), float(array.max())
            if name in out:
                low, high = min(low, out[name].low), max(high, out[name].high)
            out[name] = Extremes(low, high, array.shape)
    return out


def calibration_inputs(
    network: DeepNetwork, data: xr.Dataset | None, calibration: xr.Dataset | None
) -> NDArray[np.float32]:
    """Return the inputs that set ranges, as `evaluate_deep` says."""
    if calibration is None:
        calibration = load_mnist28("calibration") if data is None else data
    return _inputs(network, calibration)[:_CALIBRATION]


def chosen_images(
    network: DeepNetwork, data: xr.Dataset, images: int | None
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return inputs, labels and indices of ``images`` images, evenly spaced over the data."""
    inputs = _inputs(network, data)
    total = len(inputs)
    chosen = evenly_spaced(total, images)
    if "label" not in data or data["label"].shape != (total,):
        raise InputError(f"data: expected 'label' of shape ({total},), one for each image")
    if data["label"].dtype.kind not in "iu":
        raise InputError(f"label: got {data['label'].dtype}, expected integers")
    labels = data["label"].values.astype(np.int64)
    if labels.min() < 0:
        raise InputError(f"label: got {labels.min()}, expected 0 or more")
    return inputs[chosen], labels[chosen], chosen


def _inputs(network: DeepNetwork, data: xr.Dataset) -> NDArray[np.float32]:
    if not isinstance(data, xr.Dataset) or "inputs" not in data or not data["inputs"].size:
        raise InputError("data: expected the variable 'inputs' (image, ...), as the network takes")
    inputs = data["inputs"].values
    if inputs.dtype.kind not in "fiub":
        raise InputError(f"inputs: got {inputs.dtype}, expected numbers")
    shape, wanted_shape = inputs.shape[1:], network.input_shape
    fits = len(shape) == len(wanted_shape)
    if not fits or any(w not in (None, s) for s, w in zip(shape, wanted_shape, strict=True)):
        raise InputError(
            f"inputs: got images of shape {shape}, network {network.name} takes {wanted_shape}"
        )
    if not np.isfinite(inputs).all():
        raise InputError("inputs: got numbers that are not finite")
    return np.ascontiguousarray(inputs, dtype=np.float32)
