"""Variance components of accuracy: wafers, dies, chips and test images."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from reliability.errors import InputError
from reliability.network.results import label_of_chips, table_of_one
from reliability.statistics.crossed import crossed_mean
from reliability.statistics.variance import variance_components

_Row = tuple[float, float, float]


def accuracy_variability(result: xr.Dataset, confidence: float = 0.95) -> xr.Dataset:
    """Separate the variability of accuracy over wafers, dies and chips from that of images.

    Parameters
    ----------
    result : Dataset
        Of `reliability.evaluate` at one condition, of 3 chips or more.
    confidence : float

    Returns
    -------
    Dataset
        ``mean`` accuracy with ``mean_low`` and ``mean_high`` for all chips and images alike, and
        its standard errors ``error_chips`` and ``error_images``. Over ``source``, the standard
        ``deviation`` with ``low`` and ``high``:

        - ``wafer``, ``die``, ``chip``: of accuracies on endless images; only the levels that the
          chips have (with one chip on each die ``chip`` is what its die adds too).
        - ``images``: of what a draw of as many images does to all chips alike.
        - ``images_of_chip``: of what it does to each chip alone.

    Raises
    ------
    InputError
        Fewer than 3 chips, more than one condition, or a result without ``correct``.

    Notes
    -----
    Image by image a chip is right or wrong, so chips and images are crossed
    (`reliability.statistics.crossed_mean`): what images do to a chip alone is the residual, and it
    is taken from the variability of the chips. Wafers and dies are split by restricted likelihood
    (`reliability.statistics.variance_components`), or, with one wafer, by the chi-square
    distribution. The interval of ``images`` is from the fourth moment of the images' means.

    Examples
    --------
    >>> import reliability as rel
    >>> chips = rel.evaluate(
    ...     rel.load_network("spirit"), rel.load_technology("oxram-130nm"), chips=20, images=500)
    >>> found = accuracy_variability(chips)
    >>> found["source"].values.tolist()
    ['chip', 'images', 'images_of_chip']
    >>> bool(found["deviation"].sel(source="chip") < chips["accuracy"].std("chip", ddof=1))
    True
    """
    values = table_of_one(result)
    chips, images = values.shape
    if chips < 3:
        raise InputError(f"result: got {chips} chips, at least 3 are needed")
    groups = _groups(result)
    crossed = crossed_mean(values, groups.get("wafer"), confidence)
    noise = crossed.residual_variance / images
    rows = _of_chips(values.mean(axis=1), groups, noise, confidence)
    rows["images"] = _of_images(values, crossed.residual_variance, confidence)
    rows["images_of_chip"] = (np.sqrt(noise),) * 3  # known from chips x images values
    numbers = {
        "mean": crossed.mean,
        "mean_low": crossed.low,
        "mean_high": crossed.high,
        "error_chips": crossed.row_error,
        "error_images": crossed.column_error,
    }
    out = xr.Dataset(
        {name: ((), value, {"units": "1"}) for name, value in numbers.items()}
        | {
            name: ("source", list(column), {"units": "1"})
            for name, column in zip(
                ("deviation", "low", "high"), zip(*rows.values(), strict=True), strict=True
            )
        },
        coords={"source": list(rows)},
    )
    out.attrs = dict(result.attrs) | {"confidence": confidence, "chips": chips}
    return out


def _groups(result: xr.Dataset) -> dict[str, NDArray[Any]]:
    """Labels of the levels above a chip that have more than one group, outermost first."""
    accuracy = result["accuracy"]
    levels = [name for name in ("wafer", "die") if name in accuracy.coords]
    labels = {name: label_of_chips(accuracy, name) for name in levels}
    several = "die" in labels and {"die", "chip"} <= set(accuracy.dims)
    out = {}
    if "wafer" in labels and 1 < np.unique(labels["wafer"]).size < accuracy.size:
        out["wafer"] = labels["wafer"]
    if several and accuracy.sizes["chip"] > 1 and np.unique(labels["die"]).size > 1:
        out["die"] = labels["die"]
    return out


def _of_chips(
    accuracy: NDArray[np.float64], groups: dict[str, NDArray], noise: float, confidence: float
) -> dict[str, _Row]:
    variances: dict[str, _Row]
    if groups and np.ptp(accuracy) > 0:
        found = variance_components(accuracy, groups, residual="chip", confidence=confidence)
        variances = {name: (v, *found.interval[name]) for name, v in found.variance.items()}
    else:
        variance, degrees = float(accuracy.var(ddof=1)), accuracy.size - 1
        large, small = (
            float(special.chdtri(degrees, 0.5 - side * confidence / 2)) for side in (1, -1)
        )
        variances = {"chip": (variance, variance * degrees / large, variance * degrees / small)}
    rows = {}
    for name, of_level in variances.items():
        taken = noise if name == "chip" else 0.0
        value, low, high = (float(np.sqrt(max(v - taken, 0.0))) for v in of_level)
        rows[name] = (value, low, high)
    return rows


def _of_images(values: NDArray[np.bool_], residual: float, confidence: float) -> _Row:
    """Deviation of the mean of all chips over draws of the images."""
    chips, images = values.shape
    each = values.mean(axis=0)
    moment = float(np.mean((each - each.mean()) ** 4))
    variation = float(each.var(ddof=1))
    variance = max(variation - residual / chips, 0.0)
    error = np.sqrt(max(moment - variation**2 * (images - 3) / (images - 1), 0.0) / images)
    half = special.ndtri(0.5 + confidence / 2) * error
    ends = np.maximum([variance, variance - half, variance + half], 0.0) / images
    low = np.sqrt(ends)
    return float(low[0]), float(low[1]), float(low[2])
