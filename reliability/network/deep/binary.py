"""Binary networks on differential pairs of two-state cells: errors of bits, and what they cost.

A weight of -1 or +1 is a 2T2R pair, one cell in the LRS and one in the HRS, read by a sense
amplifier that tells which conducts better. A bit is wrong where the pair has turned round. T.
Hirtzlin et al. (arXiv:1904.03652) report that binary networks bear a bit-error rate of 1e-4 with
little loss, and of 4e-2 if they were trained with errors.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices.verify import Verify
from reliability.errors import InputError, expect, whole_number
from reliability.mission import MissionProfile
from reliability.network.deep.graph import Stage, executed_graph, feeds
from reliability.network.deep.images import chosen_images, class_scores, shipped_images
from reliability.network.deep.layer_mapping import place
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session
from reliability.network.deep.tiling import Tiling
from reliability.network.own_data import data_of
from reliability.network.results import provenance
from reliability.population import age, sample_dies
from reliability.population.measured import MeasuredCells, technology_of
from reliability.population.measured_window import pair_errors
from reliability.progress import tracked
from reliability.random import draw
from reliability.statistics import (
    clopper_pearson,
    clustered_proportion,
    mean_interval,
)
from reliability.technology import Technology


def bit_error_tolerance(
    network: DeepNetwork,
    rates: Sequence[float],
    *,
    draws: int = 20,
    images: int | None = None,
    data: Any = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Accuracy of a binary network against the bit-error rate of its weights.

    Parameters
    ----------
    network : DeepNetwork
        All its weights minus or plus one magnitude in each output channel.
    rates : sequence of float
        Probabilities that a bit is wrong, 0 to 1, independent from bit to bit.
    draws : int
        Sets of wrong bits. The wrong bits of a draw at one rate are among those at a higher one.
    images, data
        As for `reliability.network.evaluate_deep`.
    seed : int
    confidence : float
        Of the interval over draws.

    Returns
    -------
    Dataset
        ``accuracy`` (rate, draw); ``accuracy_mean``, ``accuracy_low``, ``accuracy_high`` (rate):
        mean over draws and its Student-t interval, for these images.

    Raises
    ------
    InputError
        Weights of more than two values, a rate outside 0 to 1, fewer than two draws.

    Examples
    --------
    >>> import reliability as rel
    >>> net = rel.load_network("binary-mnist-aware")
    >>> out = bit_error_tolerance(net, [0.0, 0.5], draws=2, images=200)
    >>> bool(out["accuracy_mean"][0] > 0.9), bool(out["accuracy_mean"][1] < 0.5)
    (True, True)
    """
    expect(network, DeepNetwork, "network", "one of many layers, as load_network gives")
    chosen = np.asarray(rates, dtype=float)
    if chosen.ndim != 1 or not chosen.size or not ((chosen >= 0) & (chosen <= 1)).all():
        raise InputError(f"rates: got {rates!r}, expected probabilities from 0 to 1")
    whole_number(draws, "draws", 2)
    data = data_of(data, "inputs")
    test = shipped_images(network) if data is None else data
    inputs, labels, _ = chosen_images(network, test, images)
    stages = tuple(Stage(p) for p in place(network, Tiling("pairs")))
    session = Session(executed_graph(network, stages))

    def one(task: tuple[int, float]) -> float:
        number, rate = task
        values: dict[str, NDArray[np.float32]] = {}
        for at, stage in enumerate(stages):
            signs = stage.placed.coded
            address = [[0, number, at]]
            u = draw(
                seed, "binary.bits", address, signs.size, distribution="uniform", dtype=np.float32
            )
            wrong = u.reshape(signs.shape) < np.float32(rate)
            values |= feeds(stage, np.where(wrong, -signs, signs))
        predicted = class_scores(session, network, values, inputs).argmax(axis=1)
        return float((predicted == labels).mean())

    tasks = [(number, float(rate)) for rate in chosen for number in range(draws)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        accuracy = np.array(list(tracked(pool.map(one, tasks), "evaluations", len(tasks)))).reshape(
            len(chosen), draws
        )
    ends = np.array([mean_interval(row, confidence) for row in accuracy])
    mean, low, high = np.clip(ends, 0.0, 1.0).T
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "accuracy": (("rate", "draw"), accuracy, unit),
            "accuracy_mean": ("rate", mean, unit),
            "accuracy_low": ("rate", low, unit),
            "accuracy_high": ("rate", high, unit),
        },
        coords={"rate": ("rate", chosen, unit), "draw": np.arange(draws)},
        attrs=provenance(network, None, seed) | {"images": len(labels), "confidence": confidence},
    )


def pair_error_rate(
    technology: Technology | xr.Dataset,
    *,
    pairs: int = 100_000,
    chips: int = 20,
    profile: MissionProfile | None = None,
    verify: Verify | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> xr.Dataset:
    """Bit-error rate of differential (2T2R) reading, from sampled cells.

    Parameters
    ----------
    technology : Technology or Dataset
        A Dataset of `reliability.read_measurements`: pairs of its cells, at conditions that were
        measured. With the two states; all phenomena of the card apply.
    pairs : int
        On each chip.
    chips : int
        One per die.
    profile : MissionProfile, optional
        Mission to age the cells by before they are read.
    verify : Verify, optional
        Programming with verify instead of by one pulse.
    seed : int
    confidence : float

    Returns
    -------
    Dataset
        ``error_rate`` (chip), the fraction of pairs whose LRS cell conducts no better than its HRS
        cell, with its Clopper-Pearson interval ``error_rate_low``, ``error_rate_high``; ``mean``,
        ``low``, ``high``: of the population that the chips are drawn from, with wafers as clusters,
        or chips where all are of one wafer (`reliability.statistics.clustered_proportion`; of one
        chip the exact interval of that chip); of measured cells all pairs of an LRS and an HRS
        cell, with the interval over the dies or cells of the file. The sense amplifier itself is
        taken as exact.

    Raises
    ------
    InputError
        A card without the two states, a size below 1.

    Examples
    --------
    >>> import reliability as rel
    >>> fresh = pair_error_rate(rel.load_technology("oxram-130nm"), pairs=5000, chips=2)
    >>> bool(1e-3 < fresh["mean"] < 0.1)
    True
    """
    technology = technology_of(technology)
    if "target.maximum" in technology:
        raise InputError(f"technology: {technology.name} has levels, pairs need LRS and HRS")
    whole_number(pairs, "pairs", 1)
    whole_number(chips, "chips", 1)
    state = np.tile(["LRS", "HRS"], pairs)
    cells = sample_dies(technology, state=state, count=chips, verify=verify, seed=seed)
    if profile is not None:
        cells = age(cells, profile)
    g = cells["conductance"].values.reshape(chips, pairs, 2)
    wrong = (g[..., 0] <= g[..., 1]).sum(axis=1)
    low, high = clopper_pearson(wrong, pairs, confidence)
    wafer = np.unique(cells["wafer"].values, return_inverse=True)[1]
    cluster = wafer if wafer.max() > 0 else np.arange(chips)
    errors, trials = np.bincount(cluster, wrong), np.bincount(cluster) * pairs
    of_all = clustered_proportion(errors, trials, confidence)
    mean, *ends = wrong.sum() / (pairs * chips), float(of_all.low), float(of_all.high)
    if isinstance(technology, MeasuredCells):
        mean, *ends = pair_errors(technology, profile, confidence)
    unit = {"units": "1"}
    return xr.Dataset(
        {
            "error_rate": ("chip", wrong / pairs, unit),
            "error_rate_low": ("chip", low, unit),
            "error_rate_high": ("chip", high, unit),
            "mean": ((), mean, unit),
            "low": ((), ends[0], unit),
            "high": ((), ends[1], unit),
        },
        coords=cells["conductance"].isel(cell=0, drop=True).coords,
        attrs=cells.attrs | {"confidence": confidence},
    )
