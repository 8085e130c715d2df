"""What an evaluation returns: put together from its chips, and taken apart into chips and images.

Evaluators work on flat arrays, one row a chip; results have the dimensions of the population.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError, expect
from reliability.statistics.proportions import Interval, score_interval_over, wilson
from reliability.technology import Technology
from reliability.version import __version__

# Dimensions behind those of the chips, values with one row a chip, unit.
Values = dict[str, tuple[tuple[str, ...], NDArray, str]]
OF_CHIPS = ("wafer", "die", "chip", "lot")


def of_decisions(
    predicted: NDArray[np.integer],
    labels: NDArray[np.int64],
    classes: int,
    confidence: float,
    images: int | None = None,
) -> Values:
    """Return what decisions say of each chip.

    Parameters
    ----------
    predicted : ndarray of int, shape (chips, labels)
    labels : ndarray of int, shape (labels,)
    classes : int
    confidence : float
    images : int, optional
        That have these labels; by default one label each.

    Returns
    -------
    dict
        ``accuracy`` with its interval over images ``accuracy_low``, ``accuracy_high``;
        ``confusion`` (label, predicted), counts of images; ``correct`` (image).

    Examples
    --------
    >>> found = of_decisions(np.array([[0, 1, 1]]), np.array([0, 0, 1]), 2, 0.95)
    >>> found["accuracy"][1].round(3).tolist(), found["confusion"][1].tolist()
    ([0.667], [[[1, 1], [0, 1]]])
    """
    correct = predicted == labels
    low, high = over_images(correct, len(labels) if images is None else images, confidence)
    counts = [np.bincount(row, minlength=classes**2) for row in labels * classes + predicted]
    confusion = np.array(counts).reshape(len(predicted), classes, classes)
    return {
        "accuracy": ((), correct.mean(axis=1), "1"),
        "accuracy_low": ((), low, "1"),
        "accuracy_high": ((), high, "1"),
        "confusion": (("label", "predicted"), confusion, "1"),
        "correct": (("image",), correct, "1"),
    }


def over_images(right: NDArray[np.bool_], images: int, confidence: float) -> Interval:
    """Interval over images of the fraction of labels that are right, (chips, labels) -> (chips,).

    Wilson's, and of images with several labels (pixels) one that allows for their likeness.

    Examples
    --------
    >>> low, high = over_images(np.array([[True, True, True, False]] * 2), 4, 0.9)
    >>> low.round(2).tolist(), high.round(2).tolist()
    ([0.36, 0.36], [0.94, 0.94])
    """
    of_image = right.reshape(len(right), images, -1)
    trials = of_image.shape[2]
    if trials == 1 or images < 2:
        return wilson(right.sum(axis=1), right.shape[1], confidence)
    return score_interval_over(of_image.mean(axis=2), trials, confidence)


def joined(parts: Sequence[Values]) -> Values:
    """Return rows of chips one after the other.

    >>> one = {"accuracy": ((), np.array([0.5]), "1")}
    >>> joined([one, one])["accuracy"][1].tolist()
    [0.5, 0.5]
    """
    return {
        name: (dims, np.concatenate([part[name][1] for part in parts]), unit)
        for name, (dims, _, unit) in parts[0].items()
    }


def on_chips(values: Values, lead: xr.DataArray, coords: dict[str, Any]) -> xr.Dataset:
    """Give rows of chips the leading dimensions and coordinates of their population.

    Parameters
    ----------
    values : dict
        Of each name: dimensions behind those of the chips, array, unit.
    lead : DataArray
        With a population's leading dimensions.
    coords : dict
        Of the dimensions behind them.

    Examples
    --------
    >>> lead = xr.DataArray(np.zeros((1, 2)), dims=("wafer", "die"))
    >>> on_chips({"accuracy": ((), np.array([0.8, 0.9]), "1")}, lead, {})["accuracy"].shape
    (1, 2)
    """
    return xr.Dataset(
        {
            name: ((*lead.dims, *dims), array.reshape(*lead.shape, *array.shape[1:]), {"units": u})
            for name, (dims, array, u) in values.items()
        },
        coords={name: c for name, c in lead.coords.items() if "cell" not in c.dims} | coords,
    )


def provenance(network: Any, technology: Technology | None, seed: int) -> dict[str, Any]:
    """Return the attributes that every result has; without a technology cells are ideal."""
    return {
        "seed": int(seed),
        "technology": "ideal" if technology is None else technology.name,
        "network": network.name,
        "network_sha256": network.fingerprint,
        "spec_hash": "",
        "reliability_version": __version__,
    }


def table(result: xr.Dataset) -> tuple[NDArray[np.bool_], xr.DataArray, NDArray[Any]]:
    """Return ``correct`` as (conditions, chips, images), the conditions, and wafers of the chips.

    Raises
    ------
    InputError
        A result without ``correct``.
    """
    expect(result, xr.Dataset, "result", "a Dataset, as evaluate gives it")
    if "correct" not in result or "image" not in result["correct"].dims:
        raise InputError("result: expected 'correct' of chips and images, as evaluate gives it")
    right = result["correct"]
    of_chips = [name for name in right.dims if name in OF_CHIPS]
    rest = [name for name in right.dims if name not in (*of_chips, "image")]
    ordered = right.transpose(*rest, *of_chips, "image")
    conditions = ordered.isel(dict.fromkeys([*of_chips, "image"], 0), drop=True)
    one = ordered.isel(dict.fromkeys([*rest, "image"], 0), drop=True)
    wafer = label_of_chips(one, "wafer") if "wafer" in one.coords else np.zeros(one.size, int)
    shape = (max(conditions.size, 1), max(one.size, 1), ordered.sizes["image"])
    return ordered.values.reshape(shape), conditions, wafer


def table_of_one(result: xr.Dataset) -> NDArray[np.bool_]:
    """Return ``correct`` as (chips, images) of a result at one condition.

    Raises
    ------
    InputError
        A result without ``correct``, or at more than one condition.
    """
    right, conditions, _ = table(result)
    if conditions.size > 1:
        raise InputError(f"result: got conditions {dict(conditions.sizes)}, select one of them")
    return right[0]


def label_of_chips(of_chips: xr.DataArray, name: str) -> NDArray[Any]:
    """Return a coordinate of chips, one label for each of their values in order."""
    return of_chips[name].broadcast_like(of_chips).transpose(*of_chips.dims).values.ravel()
