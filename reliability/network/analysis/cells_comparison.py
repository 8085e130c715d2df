"""A network on measured cells beside the same network on cells of a card.

Whatever a model of the cells leaves out is in the difference, in the unit that decides: accuracy.
"""

import warnings
from dataclasses import replace

import numpy as np
import xarray as xr

from reliability.errors import InputError, expect
from reliability.mission import MissionProfile
from reliability.network.evaluation import evaluate
from reliability.network.one_layer.model import Network, expect_network
from reliability.network.one_layer.weight_mapping import Mapping
from reliability.population.measured import MeasuredCells
from reliability.progress import tracked
from reliability.statistics import mean_interval
from reliability.technology import Technology
from reliability.version import __version__


def compare_cells(
    network: Network,
    measured: xr.Dataset,
    technology: Technology,
    *,
    mapping: Mapping | None = None,
    chips: int = 20,
    images: int = 2000,
    seed: int = 0,
    confidence: float = 0.9,
) -> xr.Dataset:
    """Compare the accuracy of a network on measured cells with that on cells of a card.

    Parameters
    ----------
    network : Network
        Of one layer; neurons are ideal.
    measured : Dataset
        From `reliability.read_measurements`.
    technology : Technology
        Card to compare with, usually one that was fitted on these cells. Its select transistor is
        left out: the measured conductances hold it.
    mapping : {"two_level", "multi_level"}, optional
        By default ``multi_level`` where both have levels.
    chips, images, seed : int
    confidence : float

    Returns
    -------
    Dataset
        Along ``condition``, as programmed and at the last measured time of each temperature
        (coordinates ``time``, s, and ``temperature``, K): ``measured`` and ``modelled``, mean
        accuracies, and ``difference`` (modelled less measured) with its interval ``low``,
        ``high``. It holds the finite number of measured cells (bootstrap) and of chips; the
        parameters of the card are taken as they are.

    Raises
    ------
    InputError
        Measured cells that no network can be programmed into, or a card of another kind.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.resources import data_folder
    >>> file = rel.read_measurements(data_folder() / "measured" / "techB_relaxation.tsv.gz")
    >>> found = compare_cells(rel.load_network("spirit"), file, rel.load_technology("techB"),
    ...                       chips=4, images=100)
    >>> found["time"].values.tolist(), bool(abs(found["difference"]).max() < 0.1)
    ([0.0, 10000.0], True)
    """
    expect_network(network)
    expect(technology, Technology, "technology", "a Technology, as load_technology gives it")
    cells = MeasuredCells.of(measured)
    if cells.has_states != technology.has_states:
        kind = {True: "LRS and HRS", False: "levels"}
        raise InputError(f"technology: {technology.name} has {kind[technology.has_states]}, but "
                         f"{cells.name} has {kind[cells.has_states]}")  # fmt: skip
    # measured conductances hold the select transistor, and so does a fit of them
    series = {"access.series_resistance": cells.parameters["access.series_resistance"]}
    technology = replace(technology, parameters=technology.parameters | series)
    how = {"mapping": mapping or ("two_level" if cells.has_states else "multi_level"),
           "chips": chips, "images": images, "seed": seed, "confidence": confidence}  # fmt: skip
    rows = []
    for time, kelvin in tracked(cells.ends, "conditions", len(cells.ends)):
        profile = None if time == 0 else MissionProfile.constant(time, kelvin)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = evaluate(network, measured, profile=profile, **how)  # type: ignore[arg-type]
            other = evaluate(network, technology, profile=profile, **how)  # type: ignore[arg-type]
        mean, low, high = mean_interval(other["accuracy"].values.ravel(), confidence)
        off = mean - float(own["mean"])
        error = np.hypot((high - low) / 2, float(own["high"] - own["low"]) / 2)
        rows.append((float(own["mean"]), mean, off, off - error, off + error))
    unit = {"units": "1"}
    names = ("measured", "modelled", "difference", "low", "high")
    values = dict(zip(names, np.array(rows).T, strict=True))
    time, kelvin = np.array(cells.ends).T
    return xr.Dataset(
        {name: ("condition", column, unit) for name, column in values.items()},
        coords={
            "time": ("condition", time, {"units": "s"}),
            "temperature": ("condition", kelvin, {"units": "K"}),
        },
        attrs={
            "network": network.name, "mapping": how["mapping"], "chips": chips, "images": images,
            "confidence": confidence, "seed": seed, "technology": technology.name,
            "warnings": list(own.attrs["warnings"]), "cells": cells.cells, **cells.source,
            "spec_hash": "", "reliability_version": __version__,
        },
    )  # fmt: skip
