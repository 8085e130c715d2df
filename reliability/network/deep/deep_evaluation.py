"""Accuracy of a deep network on ideal cells, on a technology, or on a given population of chips."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network.datasets import data_of, evenly_spaced
from reliability.network.deep.calibration import calibrated_stages, calibration_inputs
from reliability.network.deep.chips import Loaded, chips_of, default_tiling, load_chip
from reliability.network.deep.graph import executed_graph
from reliability.network.deep.images import (
    Images,
    at,
    first_outputs,
    images_of,
    network_inputs,
    shipped_images,
    targets,
)
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.metrics import Metric, check_target, measured, metric_of
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling
from reliability.network.results import on_chips, provenance
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
    data : Dataset, (inputs, label) or path, optional
        ``inputs`` (image, ...), as the network takes them, and ``label`` (image, ...), as a
        Dataset, two arrays or an ``.npz`` file; by default the 2000 test images of `load_mnist28`.
    metric : str or callable
        ``"accuracy"``, ``"top5"``, ``"f1"`` of labels; ``"agreement"`` with the decisions of the
        network in floating point, which needs no labels; ``"mse"`` against targets of the
        outputs' shape; a function ``f(outputs, target) -> float`` or its ``module:function``
        (`reliability.network.deep.metrics`).
    calibration : Dataset, optional
        ``inputs`` that set the ranges of the converters; by default 200 MNIST training images, or
        200 of ``data``, evenly spaced, whose labels play no part in it.
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
    tiling = default_tiling(cells) if tiling is None else tiling
    data = data_of(data, "inputs")
    test = shipped_images(network) if data is None else data
    name, _ = metric_of(metric)
    inputs, target, chosen = _chosen(network, test, images, metric)
    tuning = calibration_inputs(network, data, calibration)
    placed = place(network, tiling)
    stages, reads = calibrated_stages(network, placed, tiling, tuning)
    graph = executed_graph(network, stages)
    population = chips_of(cells, placed, tiling, chips, profile, seed)

    def one(chip: int) -> tuple[NDArray[np.float32], Loaded]:
        loaded = load_chip(population, chip, stages, tiling)
        return first_outputs(Session(graph, loaded.values), network, {}, inputs), loaded

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(one, range(population.lead.size)))
    outputs = np.array([scores for scores, _ in done])
    values = measured(
        metric, outputs, target,
        lambda: first_outputs(
            Session(network.model.SerializeToString()), network, {}, inputs
        ),
        confidence,
    )  # fmt: skip
    values["weight_error"] = (("layer",), np.array([loaded.errors for _, loaded in done]), "1")
    axes: dict[str, Any] = {
        "layer": [p.layer.name for p in placed],
    }
    if "confusion" in values:
        classes = np.arange(values["confusion"][1].shape[-1])
        axes |= {"label": classes, "predicted": classes}
        axes["image"] = chosen if target is not None and target.ndim == 1 else np.arange(
            values["correct"][1].shape[1]
        )  # fmt: skip
    out = on_chips(values, population.lead, axes)
    out["reads"] = ("layer", reads, {"units": "1"})
    return out.assign_attrs(
        provenance(network, population.technology, seed),
        tiling=json.dumps(asdict(tiling)),
        metric=name,
        images=len(chosen),
        confidence=confidence,
        mission=population.mission,
        warnings=network.notes + sorted({note for _, loaded in done for note in loaded.warnings}),
    )


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
    session = Session(network.model.SerializeToString())
    outputs = first_outputs(session, network, {}, at(inputs, slice(1)))
    check_target(metric, outputs.shape[1:], targets(data, images_of(inputs)))
    return images_of(inputs)


def _chosen(
    network: DeepNetwork, data: xr.Dataset, images: int | None, metric: Metric
) -> tuple[Images, NDArray[Any] | None, NDArray[np.int64]]:
    """Inputs, labels or targets, and indices of images, evenly spaced over the data."""
    inputs = network_inputs(network, data)
    count = images_of(inputs)
    target = targets(data, count)
    chosen = evenly_spaced(count, images)
    if target is None and metric != "agreement":
        raise InputError(f"data: expected 'label' of shape ({count},), one for each image")
    return at(inputs, chosen), None if target is None else target[chosen], chosen
