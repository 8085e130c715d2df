"""Process control: capability indices with intervals, X-bar/S and EWMA charts over lots and wafers.

References
----------
.. [1] D. C. Montgomery, "Introduction to Statistical Quality Control", Wiley, 2012, chapters 6, 8
   and 9.
.. [2] I. W. Burr, J. Qual. Technol. 1, 163 (1969).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]


class Index(NamedTuple):
    """A capability index with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Capability:
    """Capability of a process against its specification limits.

    Attributes
    ----------
    pp, ppk : Index
        From the deviation of all values: what the customer receives. ``pp`` is NaN with one limit.
    cp, cpk : Index or None
        From the deviation within groups: what the process could do if groups did not differ; None
        without groups.
    mean, deviation : float
    within : float
        Deviation within groups; NaN without groups.
    """

    pp: Index
    ppk: Index
    cp: Index | None
    cpk: Index | None
    mean: float
    deviation: float
    within: float


def capability(
    values: ArrayLike, *, lower: float | None = None, upper: float | None = None,
    groups: ArrayLike | None = None, confidence: float = 0.9,
) -> Capability:  # fmt: skip
    """Capability indices Pp, Ppk, Cp and Cpk of normal values, with intervals.

    Parameters
    ----------
    values : array_like, shape (n,)
        For skewed quantities (resistance) take logarithms, of the limits too.
    lower, upper : float, optional
        Specification limits; at least one.
    groups : array_like, shape (n,), optional
        Wafer or lot of each value.
    confidence : float
        Two-sided.

    Returns
    -------
    Capability

    Raises
    ------
    InputError
        No limit, limits in the wrong order, or too few values.

    Notes
    -----
    ``Cp = (upper - lower)/(6 s)``, its interval from chi-square; ``Cpk`` is the distance of the
    mean to the nearer limit over ``3 s``, its interval from the noncentral t distribution: exact
    for one limit [1]_.

    Examples
    --------
    >>> x = scipy.stats.norm(50, 1.75).ppf((np.arange(20) + 0.5) / 20)
    >>> found = capability(x, lower=38, upper=62, confidence=0.95)
    >>> [round(number, 2) for number in found.pp]
    [2.3, 1.57, 3.02]
    """
    x = _finite(values)
    fraction(confidence, "confidence")
    if lower is None and upper is None:
        raise InputError("lower, upper: give at least one specification limit")
    if lower is not None and upper is not None and not lower < upper:
        raise InputError(f"upper: got {upper!r}, allowed above lower = {lower!r}")
    mean, deviation = float(x.mean()), float(x.std(ddof=1))
    if not deviation > 0:
        raise InputError("values: all are equal, a capability needs a deviation")

    def both(s: float, degrees: int) -> tuple[Index, Index]:
        width = np.nan if lower is None or upper is None else (upper - lower) / (6 * s)
        tail = (1 - confidence) / 2
        ends = np.sqrt(special.chdtri(degrees, [1 - tail, tail]) / degrees)
        potential = Index(float(width), float(width * ends[0]), float(width * ends[1]))
        distances = [mean - lower] if lower is not None else []
        distances += [upper - mean] if upper is not None else []
        return potential, _one_sided(min(distances) / (3 * s), x.size, degrees, tail)

    pp, ppk = both(deviation, x.size - 1)
    if groups is None:
        return Capability(pp, ppk, None, None, mean, deviation, np.nan)
    split = _groups(x, groups)
    degrees = x.size - len(split)
    if degrees < 1:
        raise InputError("groups: each has one value, a deviation within groups needs two")
    within = float(np.sqrt(sum(np.sum((g - g.mean()) ** 2) for g in split.values()) / degrees))
    cp, cpk = both(within, degrees)
    return Capability(pp, ppk, cp, cpk, mean, deviation, within)


def _one_sided(index: float, size: int, degrees: int, tail: float) -> Index:
    """Interval of a one-sided index: ``3 sqrt(n)`` times it is noncentral t."""
    t = 3 * np.sqrt(size) * index
    reach = 8 * np.sqrt(1 + t * t / (2 * degrees))

    def miss(shift: float, level: float) -> float:
        below = float(scipy.stats.nct.cdf(t, degrees, shift))  # not a number far from the median
        return (float(shift < t) if np.isnan(below) else below) - level

    def end(level: float) -> float:
        found = scipy.optimize.brentq(miss, t - reach, t + reach, args=(level,))
        return float(found / (3 * np.sqrt(size)))

    return Index(float(index), end(1 - tail), end(tail))


def xbar_s_chart(
    values: ArrayLike, groups: ArrayLike, *, width: float = 3.0, between: bool = False
) -> "pd.DataFrame":
    """Shewhart chart of the means and standard deviations of groups (wafers, lots).

    Parameters
    ----------
    values : array_like, shape (n,)
    groups : array_like, shape (n,)
        In the order of production.
    width : float
        Limits, in standard deviations.
    between : bool
        Limits of the means from their moving range, not from the deviation within groups: wafers
        that always differ a little are then in control.

    Returns
    -------
    pandas.DataFrame
        One row per group: ``group``, ``size``, ``mean``, ``mean_low``, ``mean_centre``,
        ``mean_high``, ``deviation``, ``deviation_low``, ``deviation_centre``, ``deviation_high``,
        ``out`` (a point beyond its limits).

    Raises
    ------
    InputError
        Fewer than two groups, or a group of one value.

    Notes
    -----
    ``sigma`` is the average of ``s_i / c4(n_i)``, weighted by ``c4^2/(1 - c4^2)`` [2]_; with groups
    of one size the limits are those of the factors A3, B3 and B4 [1]_.

    Examples
    --------
    >>> chart = xbar_s_chart([9, 11, 10, 10, 12, 11, 30, 31, 32], np.repeat(["a", "b", "c"], 3))
    >>> chart["out"].tolist()
    [True, True, True]
    """
    import pandas as pd

    split = _groups(_finite(values), groups)
    size = np.array([len(group) for group in split.values()])
    if len(split) < 2 or size.min() < 2:
        raise InputError("groups: at least two groups of at least two values are required")
    mean = np.array([group.mean() for group in split.values()])
    s = np.array([group.std(ddof=1) for group in split.values()])
    c4 = _c4(size)
    weight = c4**2 / (1 - c4**2)
    sigma = float(np.average(s / c4, weights=weight))
    centre = float(np.average(mean, weights=size))
    of_means = sigma / np.sqrt(size)
    if between:
        of_means = np.full(len(size), np.abs(np.diff(mean)).mean() / (2 / np.sqrt(np.pi)))
    of_s = sigma * np.sqrt(1 - c4**2)
    table = pd.DataFrame(
        {
            "group": list(split), "size": size,
            "mean": mean, "mean_low": centre - width * of_means, "mean_centre": centre,
            "mean_high": centre + width * of_means,
            "deviation": s, "deviation_low": np.maximum(sigma * c4 - width * of_s, 0.0),
            "deviation_centre": sigma * c4, "deviation_high": sigma * c4 + width * of_s,
        }
    )  # fmt: skip
    beyond = (mean < table["mean_low"]) | (mean > table["mean_high"])
    return table.assign(out=beyond | (s < table["deviation_low"]) | (s > table["deviation_high"]))


def ewma_chart(
    values: ArrayLike, *, weight: float = 0.2, width: float = 3.0, target: float | None = None,
    deviation: float | None = None,
) -> "pd.DataFrame":  # fmt: skip
    """Exponentially weighted moving average of single values or group means: finds small shifts.

    Parameters
    ----------
    values : array_like, shape (n,)
        In the order of production.
    weight : float
        Of the newest value, above 0 to 1; 0.05 to 0.3 is usual.
    width : float
        Limits, in standard deviations of the average.
    target, deviation : float, optional
        Of the process in control; by default the mean and the average moving range over 1.128.

    Returns
    -------
    pandas.DataFrame
        ``value``, ``average``, ``low``, ``centre``, ``high``, ``out``.

    Raises
    ------
    InputError
        A weight or deviation that is not possible, or fewer than two values.

    Notes
    -----
    The limits widen from the first value on, ``weight/(2 - weight) (1 - (1 - weight)^(2 i))``
    [1]_ (section 9.2).

    Examples
    --------
    >>> chart = ewma_chart([52.0, 47.0, 53.0], weight=0.3, target=50.0, deviation=2.0539)
    >>> chart["average"].round(2).tolist()
    [50.6, 49.52, 50.56]
    """
    import pandas as pd

    x = _finite(values)
    if not 0 < weight <= 1:
        raise InputError(f"weight: got {weight!r}, allowed above 0, at most 1")
    centre = float(x.mean()) if target is None else float(target)
    if deviation is None:
        deviation = float(np.abs(np.diff(x)).mean() / (2 / np.sqrt(np.pi)))
    if not deviation > 0:
        raise InputError(f"deviation: got {deviation!r}, allowed a number above 0")
    average, now = np.empty_like(x), centre
    for i, value in enumerate(x):
        now = weight * value + (1 - weight) * now
        average[i] = now
    passed = 1 - (1 - weight) ** (2 * np.arange(1, x.size + 1))
    reach = width * deviation * np.sqrt(weight / (2 - weight) * passed)
    out = np.abs(average - centre) > reach
    return pd.DataFrame(
        {"value": x, "average": average, "low": centre - reach, "centre": centre,
         "high": centre + reach, "out": out}
    )  # fmt: skip


def _c4(size: NDArray[np.int_]) -> Array:
    """Mean of the sample standard deviation of normal values, in standard deviations."""
    half = size / 2
    log = special.gammaln(half) - special.gammaln(half - 0.5)
    return np.asarray(np.sqrt(2 / (size - 1)) * np.exp(log))


def _finite(values: ArrayLike) -> Array:
    x = np.asarray(values, float).ravel()
    if x.size < 2:
        raise InputError(f"values: got {x.size}, at least 2 are required")
    if not np.all(np.isfinite(x)):
        raise InputError(f"values: row {int(np.argmin(np.isfinite(x)))} is not a finite number")
    return x


def _groups(x: Array, groups: ArrayLike) -> dict[str, Array]:
    """Values of each group, in the order in which groups appear."""
    labels = np.asarray(groups).ravel()
    if labels.size != x.size:
        raise InputError(f"groups: got {labels.size} rows, expected {x.size}")
    order = dict.fromkeys(labels.tolist())
    return {str(label): x[labels == label] for label in order}
