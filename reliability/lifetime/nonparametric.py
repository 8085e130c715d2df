"""What censored data say without a law: Kaplan-Meier, Turnbull, plotting positions."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, unknown_name
from reliability.lifetime.observations import Observations, observations

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SurvivalCurve:
    """Product-limit estimate at the times of failure.

    Attributes
    ----------
    time, survival, low, high : ndarray, shape (m,)
        Survival just after each time, with its pointwise interval.
    at_risk, failures : ndarray, shape (m,)
    """

    time: Array
    survival: Array
    low: Array
    high: Array
    at_risk: Array
    failures: Array


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike | None = None,
    *,
    frequency: ArrayLike | None = None,
    truncation: ArrayLike | None = None,
    confidence: float = 0.9,
) -> SurvivalCurve:
    """Kaplan-Meier estimate of right-censored (and left-truncated) data.

    Parameters
    ----------
    time, event, frequency, truncation
        As `fit_lifetime`.
    confidence : float
        Of the pointwise interval: Greenwood's variance on the scale of log(-log S), which stays
        within 0 and 1 [1]_.

    Returns
    -------
    SurvivalCurve

    Raises
    ------
    InputError
        Data that cannot be right, or no failure.

    References
    ----------
    .. [1] J. D. Kalbfleisch, R. L. Prentice, "The Statistical Analysis of Failure Time Data",
       2nd ed., Wiley, 2002, section 1.4, doi:10.1002/9781118032985.

    Examples
    --------
    >>> curve = kaplan_meier([1.0, 2.0, 3.0, 4.0], [1, 0, 1, 1])
    >>> curve.survival.round(3).tolist()
    [0.75, 0.375, 0.0]
    """
    data = observations(
        time, event=event, frequency=frequency, truncation=truncation, positive=False
    )
    failed = np.isfinite(data.upper) & (data.frequency > 0)
    if not failed.any():
        raise InputError("event: no unit failed, there is no curve to estimate")
    if data.entry is not None and np.any(data.entry[failed] >= data.lower[failed]):
        raise InputError("truncation: a unit fails at its entry, allowed: entry before the failure")
    times, place = np.unique(data.lower[failed], return_inverse=True)
    failures = np.bincount(place, data.frequency[failed], times.size)
    order = np.argsort(data.lower, kind="stable")
    before = np.concatenate([[0.0], np.cumsum(data.frequency[order])])
    gone = before[np.searchsorted(data.lower[order], times, side="left")]
    at_risk = data.units - gone
    if data.entry is not None:
        order = np.argsort(data.entry, kind="stable")
        entered = np.concatenate([[0.0], np.cumsum(data.frequency[order])])
        at_risk = entered[np.searchsorted(data.entry[order], times, side="left")] - gone
    survival = np.asarray(np.cumprod(1 - failures / at_risk), float)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(failures / (at_risk * (at_risk - failures)))
        centre = np.log(-np.log(survival))
        half = special.ndtri(0.5 + confidence / 2) * np.sqrt(variance) / np.abs(np.log(survival))
        low, high = np.exp(-np.exp(centre + half)), np.exp(-np.exp(centre - half))
    last = survival <= 0
    return SurvivalCurve(
        np.asarray(times, float), survival, np.where(last, 0.0, low), np.where(last, 0.0, high),
        at_risk, np.asarray(failures, float),
    )  # fmt: skip


@dataclass(frozen=True)
class IntervalMass:
    """Turnbull's estimate: where the probability is, not how it lies inside an interval.

    Attributes
    ----------
    low, high : ndarray, shape (m,)
        Innermost intervals ``(low, high]``; a point where they are equal.
    mass : ndarray, shape (m,)
        Probability of each.
    """

    low: Array
    high: Array
    mass: Array

    @property
    def failure_probability(self) -> Array:
        """Probability of failure by ``high`` of each interval, shape (m,)."""
        return np.minimum(np.cumsum(self.mass), 1.0)


def turnbull(
    lower: ArrayLike, upper: ArrayLike, *, frequency: ArrayLike | None = None,
    tolerance: float = 1e-7,
) -> IntervalMass:  # fmt: skip
    """Nonparametric maximum-likelihood estimate from interval-censored data [1]_.

    Parameters
    ----------
    lower, upper, frequency
        As `fit_lifetime`; any mixture of exact and left-, right- and interval-censored data.
    tolerance : float
        Largest relative excess of the gradient over its value at the maximum (the condition of
        Karush, Kuhn and Tucker), at which the iteration stops.

    Returns
    -------
    IntervalMass

    Notes
    -----
    Self-consistent (EM) iteration with squared extrapolation [2]_. Each datum covers a run of
    innermost intervals, so that one iteration is two cumulative sums.

    References
    ----------
    .. [1] B. W. Turnbull, J. R. Stat. Soc. B 38, 290 (1976),
       doi:10.1111/j.2517-6161.1976.tb01597.x.
    .. [2] R. Varadhan, C. Roland, Scand. J. Stat. 35, 335 (2008),
       doi:10.1111/j.1467-9469.2007.00585.x.

    Examples
    --------
    >>> found = turnbull([0, 1, 1, 3], [1, 3, 2, np.inf])
    >>> found.high.tolist(), found.mass.round(3).tolist()
    ([1.0, 2.0, inf], [0.25, 0.5, 0.25])
    """
    data = observations(lower=lower, upper=upper, frequency=frequency, positive=False)
    keep = data.frequency > 0
    low, high, weight = data.lower[keep], data.upper[keep], data.frequency[keep]
    # Order of ends at one time: an exact datum begins, closed upper ends, open lower ends.
    _, place = np.unique(np.concatenate([low, high]), return_inverse=True)
    begin = 3 * place[: low.size] + np.where(low == high, 0, 2)
    end = 3 * place[low.size :] + 1
    keys = np.unique(np.concatenate([begin, end]))
    is_begin = np.isin(keys, begin)
    inner = np.nonzero(is_begin[:-1] & ~is_begin[1:])[0]
    left_keys, right_keys = keys[inner], keys[inner + 1]
    values = np.unique(np.concatenate([low, high]))
    first = np.searchsorted(left_keys, begin, side="left")
    last = np.searchsorted(right_keys, end, side="right")
    pairs, place = np.unique(np.stack([first, last]), axis=1, return_inverse=True)
    count = np.asarray(np.bincount(place.ravel(), weight), float)
    mass = _self_consistent(pairs[0], pairs[1], count, inner.size, tolerance)
    return IntervalMass(values[left_keys // 3], values[right_keys // 3], mass)


def _self_consistent(
    first: NDArray[np.intp], last: NDArray[np.intp], count: Array, size: int, tolerance: float
) -> Array:
    total = count.sum()

    def gradient(mass: Array) -> Array:
        """Derivative of the log-likelihood per unit, at most 1 at the maximum."""
        below = np.concatenate([[0.0], np.cumsum(mass)])
        share = count / total / np.maximum(below[last] - below[first], 1e-300)
        change = np.bincount(first, share, size + 1) - np.bincount(last, share, size + 1)
        return np.cumsum(change)[:-1]

    def log_likelihood(mass: Array) -> float:
        below = np.concatenate([[0.0], np.cumsum(mass)])
        return float(count @ np.log(np.maximum(below[last] - below[first], 1e-300)))

    mass = np.full(size, 1 / size)
    for _ in range(20_000):
        slope = gradient(mass)
        if slope.max() <= 1 + tolerance:
            break
        one = mass * slope
        two = one * gradient(one)
        r, v = one - mass, two - 2 * one + mass
        length = -np.sqrt((r @ r) / max(v @ v, 1e-300))
        jump = np.maximum(mass - 2 * length * r + length**2 * v, 0.0)
        jump /= jump.sum()
        jump = jump * gradient(jump)
        mass = jump if log_likelihood(jump) >= log_likelihood(two) else two
        mass = mass / mass.sum()
    return mass


def plotting_positions(
    time: ArrayLike | None = None,
    event: ArrayLike | None = None,
    *,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    method: Literal["modified_kaplan_meier", "median_rank"] = "modified_kaplan_meier",
) -> tuple[Array, Array]:
    """Points of a probability plot of censored data.

    Parameters
    ----------
    time, event, lower, upper, frequency
        As `fit_lifetime`.
    method : {"modified_kaplan_meier", "median_rank"}
        Middle of the step of the Kaplan-Meier estimate [1]_, or Johnson's adjusted rank with
        Benard's median rank ``(rank - 0.3)/(n + 0.4)``. Interval-censored data always use
        Turnbull's estimate at the upper end of each interval.

    Returns
    -------
    time, probability : ndarray, shape (m,)

    Raises
    ------
    InputError
        Data that cannot be right, no failure, or an unknown method.

    References
    ----------
    .. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
       section 6.4.

    Examples
    --------
    >>> t, p = plotting_positions([1.0, 2.0, 3.0, 4.0])
    >>> p.tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    if method not in ("modified_kaplan_meier", "median_rank"):
        raise unknown_name("method", method, ("modified_kaplan_meier", "median_rank"))
    data = observations(
        time, event=event, lower=lower, upper=upper, frequency=frequency, positive=False
    )
    failed = np.isfinite(data.upper) & (data.frequency > 0)
    if not failed.any():
        raise InputError("event: no unit failed, there is nothing to plot")
    if np.all(data.lower[failed] == data.upper[failed]):
        if method == "median_rank":
            return _median_ranks(data)
        curve = kaplan_meier(data.lower, failed, frequency=data.frequency)
        before = np.concatenate([[1.0], curve.survival[:-1]])
        return curve.time, 1 - (before + curve.survival) / 2
    found = turnbull(data.lower, data.upper, frequency=data.frequency)
    finite = np.isfinite(found.high) & (found.mass > 1e-12)
    time_, probability = found.high[finite], found.failure_probability[finite]
    # A point at probability 1 cannot be drawn: take the middle of its step.
    full = probability > 1 - 1e-9
    return time_, np.where(full, probability - found.mass[finite] / 2, probability)


def _median_ranks(data: Observations) -> tuple[Array, Array]:
    if np.any(data.frequency % 1):
        raise InputError("frequency: median ranks need whole numbers of units")
    units = np.repeat(np.arange(data.lower.size), data.frequency.astype(int))
    failed = np.isfinite(data.upper[units])
    order = np.lexsort((~failed, data.lower[units]))
    t, failed = data.lower[units][order], failed[order]
    n, rank, ranks = t.size, 0.0, []
    for i in np.nonzero(failed)[0]:
        rank += (n + 1 - rank) / (n - i + 1)
        ranks.append(rank)
    return t[failed], (np.array(ranks) - 0.3) / (n + 0.4)
