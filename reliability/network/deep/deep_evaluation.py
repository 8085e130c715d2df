"""Accuracy of a deep network on ideal cells, on a technology, or on a given population of chips."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.mission import MissionProfile
from reliability.network.datasets import load_mnist28
from reliability.network.deep.calibration import calibrated_stages, calibration_inputs
from reliability.network.deep.chips import Loaded, chips_of, default_tiling, load_chip
from reliability.network.deep.graph import executed_graph
from reliability.network.deep.images import chosen_images, class_scores
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling
from reliability.network.results import of_decisions, on_chips, provenance
from reliability.technology import Technology


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
    stages, reads = calibrated_stages(network, placed, tiling, tuning)
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
