"""Accuracy of a deep network on ideal cells, on a technology, or on a given population of chips."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, whole_number
from reliability.mission import MissionProfile
from reliability.network.datasets import evenly_spaced
from reliability.network.deep.batch_norm import Recalibration
from reliability.network.deep.calibration import calibrated_stages, calibration_inputs
from reliability.network.deep.chips import card_of, chips_of, default_tiling, load_chip
from reliability.network.deep.graph import Stage, error_values, executed_graph, feeds, with_noise
from reliability.network.deep.images import (
    Images,
    at,
    checked_target,
    first_outputs,
    images_of,
    network_inputs,
    shipped_images,
)
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.memory import batch_of
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling
from reliability.network.metrics import Metric, measured, metric_of, outputs_of
from reliability.network.own_data import data_of
from reliability.network.results import Values, joined, on_chips, provenance
from reliability.progress import tracked
from reliability.technology import Technology


def evaluate_deep(
    network: DeepNetwork,
    cells: Technology | xr.Dataset | None = None,
    *,
    tiling: Tiling | None = None,
    chips: int = 20,
    images: int | None = None,
    data: Any = None,
    metric: Metric = "accuracy",
    outputs: bool = False,
    calibration: Any = None,
    profile: MissionProfile | None = None,
    seed: int = 0,
    confidence: float = 0.95,
    workers: int | None = None,
    batch: int | None = None,
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
    data : Dataset, (inputs, label) or path, optional
        ``inputs`` (image, ...), as the network takes them, and ``label`` (image, ...), as a
        Dataset, two arrays or an ``.npz`` file; by default the 2000 test images of `load_mnist28`.
    metric : str or callable
        ``"accuracy"``, ``"top5"``, ``"f1"`` of labels; ``"agreement"`` with the decisions of the
        network in floating point, which needs no labels; ``"mse"`` against targets of the
        outputs' shape; a function ``f(outputs, target) -> float`` or its ``module:function``
        (`reliability.network.metrics`).
    outputs : bool
        Keep the outputs of every chip, too, in ``outputs`` (image, output ...).
    calibration : as data, optional
        Inputs that set the ranges of the converters; by default 200 MNIST training images, or
        200 of ``data``, evenly spaced, whose labels play no part in it.
    profile : MissionProfile, optional
        Mission to age the cells by before they are evaluated.
    seed : int
        Of the cells.
    confidence : float
        Of the intervals.
    workers : int, optional
        Chips at the same time; by default as many as there are cores. Results do not depend on it.
    batch : int, optional
        Images at the same time on each of them; by default so many that their tensors take at most
        256 MiB, and 250 at most. The noise of converters depends on it, nothing else does.

    Returns
    -------
    Dataset
        With the population's leading dimensions (``chip``): ``accuracy`` with its Wilson interval
        over images ``accuracy_low``, ``accuracy_high``; ``confusion`` (label, predicted), or
        another metric under its name, with its interval where it is a mean over images;
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
    if network.neurons:
        raise InputError(f"network {network.name}: its neurons spike; use evaluate_spiking")
    tiling = default_tiling(cells) if tiling is None else tiling
    data = data_of(data, "inputs")
    inputs, target, chosen = _chosen(network, data, images, metric)
    tuning = calibration_inputs(network, data, calibration)
    placed = place(network, tiling, card_of(cells))
    stages, reads = calibrated_stages(network, placed, tuning)
    graph, again = executed_graph(network, stages), None
    if tiling.compensation == "batch_norm" and cells is not None:
        again = Recalibration.of(network, stages, tuning)
        graph = again.applied
    many = whole_number(os.cpu_count() if workers is None else workers, "workers", 1)
    size = _batch(network, stages, inputs, batch)
    noisy = any(stage.noisy for stage in stages)
    population = chips_of(cells, placed, tiling, chips, profile, seed)

    def one(chip: int) -> _Ran:
        loaded = load_chip(population, chip, stages, seed)
        if again is not None:
            loaded.values.update(again.values(loaded.values))
        own = with_noise(graph, population.address[chip], seed) if noisy else graph
        scores = first_outputs(Session(own, loaded.values), network, {}, inputs, size)
        return _Ran(scores, loaded.errors, loaded.warnings)

    @cache
    def ideal() -> NDArray[np.float32]:
        return first_outputs(Session(network.model.SerializeToString()), network, {}, inputs, size)

    def score(ran: _Ran) -> Values:
        found = measured(metric, ran.scores[None], target, ideal, confidence)
        return found | outputs_of(ran.scores[None]) if outputs else found

    values, warnings = _of_chips(_run(one, population.lead.size, many), score)
    axes = {"layer": [p.layer.name for p in placed], **_of_images(values, chosen, outputs)}
    out = on_chips(values, population.lead, axes)
    out["reads"] = ("layer", reads, {"units": "1"})
    return out.assign_attrs(
        provenance(network, population.technology, seed),
        tiling=tiling.text,
        metric=metric_of(metric)[0],
        images=len(chosen),
        confidence=confidence,
        mission=population.mission,
        warnings=sorted(warnings | set(network.notes)),
    )


class _Ran(NamedTuple):
    """Outputs of one chip, the error of each of its layers, and warnings."""

    scores: NDArray[np.float32]
    errors: list[float]
    warnings: list[str]


def _of_chips(runs: Iterator[_Ran], score: Callable[[_Ran], Values]) -> tuple[Values, set[str]]:
    """What is kept of each chip, whose outputs go once they are scored."""
    each, errors, warnings = [], [], set[str]()
    for ran in runs:
        each.append(score(ran))
        errors.append(ran.errors)
        warnings.update(ran.warnings)
    return joined(each) | {"weight_error": (("layer",), np.array(errors), "1")}, warnings


def _run(one: Callable[[int], _Ran], chips: int, workers: int) -> Iterator[_Ran]:
    """Yield the chips in their order, some at the same time; an error stops those that wait."""
    pool = ThreadPoolExecutor(workers)
    try:
        yield from tracked(pool.map(one, range(chips)), "chips", chips)
    finally:
        pool.shutdown(cancel_futures=True)


def _of_images(values: Values, chosen: NDArray[np.int64], outputs: bool) -> dict[str, Any]:
    """Axes of decisions and outputs; where images have several labels, "image" counts labels, and
    outputs lie along "sample"."""
    if "confusion" not in values:
        return {"image": chosen} if outputs else {}
    classes = np.arange(values["confusion"][1].shape[-1])
    axes = {"label": classes, "predicted": classes}
    labels = values["correct"][1].shape[1]
    if labels == len(chosen):
        return axes | {"image": chosen}
    axes["image"] = np.arange(labels)
    if outputs:
        (_, *dims), array, unit = values["outputs"]
        values["outputs"] = ("sample", *dims), array, unit
        axes["sample"] = chosen
    return axes


def _batch(
    network: DeepNetwork, stages: tuple[Stage, ...], inputs: Images, batch: int | None
) -> int:
    """Images at the same time, from the tensors of the graph with ideal weights."""
    values: dict[str, NDArray[np.float32]] = {}
    for stage in stages:
        values |= feeds(stage, stage.placed.coded) | error_values(stage, np.zeros(3, np.int64), 0)
    return batch_of(network, executed_graph(network, stages), values, inputs, batch)


def check_data(network: DeepNetwork, data: xr.Dataset, metric: Metric = "accuracy") -> int:
    """Refuse data that a network or metric does not take; return the number of images.

    One image is run, so that shapes are known.

    Parameters
    ----------
    network : DeepNetwork
    data : Dataset
        As of `evaluate_deep`.
    metric : str or callable

    Raises
    ------
    InputError
        Images of another shape, labels or targets that do not go with the outputs.
    """
    inputs = network_inputs(network, data)
    checked_target(network, data, inputs, metric)
    return images_of(inputs)


def _chosen(
    network: DeepNetwork, data: xr.Dataset | None, images: int | None, metric: Metric
) -> tuple[Images, NDArray[Any] | None, NDArray[np.int64]]:
    """Inputs, labels or targets, and indices of images, evenly spaced over the data."""
    data = shipped_images(network) if data is None else data
    inputs = network_inputs(network, data)
    target = checked_target(network, data, inputs, metric)
    whole = images_of(inputs)
    chosen = evenly_spaced(whole, images)
    if len(chosen) == whole:  # no copy
        return inputs, target, chosen
    return at(inputs, chosen), None if target is None else target[chosen], chosen
