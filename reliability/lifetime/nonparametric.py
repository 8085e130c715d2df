"""Nonparametric estimates of censored data: Kaplan-Meier, Turnbull, plotting positions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError
from reliability.lifetime.observations import observations

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SurvivalCurve:
    """Product-limit estimate at the times of failure.

    Attributes
    ----------
    time, survival, low, high : ndarray, shape (m,)
        Survival just after each time, with its pointwise interval; NaN where no unit is left, for
        which Greenwood's variance gives none.
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
    from statsmodels.duration.survfunc import SurvfuncRight

    kept = data.frequency > 0
    curve = SurvfuncRight(
        data.lower[kept], np.isfinite(data.upper)[kept].astype(float),
        None if data.entry is None else data.entry[kept], freq_weights=data.frequency[kept],
    )  # fmt: skip
    survival, at_risk, failures = curve.surv_prob, curve.n_risk, curve.n_events
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(failures / (at_risk * (at_risk - failures)))
        centre = np.log(-np.log(survival))
        half = special.ndtri(0.5 + confidence / 2) * np.sqrt(variance) / np.abs(np.log(survival))
        ends = np.exp(-np.exp(centre + half)), np.exp(-np.exp(centre - half))
    low, high = (np.where(survival > 0, end, np.nan) for end in ends)
    return SurvivalCurve(curve.surv_times, survival, low, high, at_risk, failures)


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
        part = count / total / np.maximum(below[last] - below[first], 1e-300)
        change = np.bincount(first, part, size + 1) - np.bincount(last, part, size + 1)
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
) -> tuple[Array, Array]:
    """Points of a probability plot of censored data.

    Parameters
    ----------
    time, event, lower, upper, frequency
        As `fit_lifetime`.

    Returns
    -------
    time, probability : ndarray, shape (m,)
        Middle of the step of the Kaplan-Meier estimate [1]_; of interval-censored data Turnbull's
        estimate at the upper end of each interval.

    Raises
    ------
    InputError
        Data that cannot be right, or no failure.

    References
    ----------
    .. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
       section 6.4.

    Examples
    --------
    >>> t, p = plotting_positions([1.0, 2.0, 3.0, 4.0])
    >>> p.round(3).tolist()
    [0.125, 0.375, 0.625, 0.875]
    """
    data = observations(
        time, event=event, lower=lower, upper=upper, frequency=frequency, positive=False
    )
    failed = np.isfinite(data.upper) & (data.frequency > 0)
    if not failed.any():
        raise InputError("event: no unit failed, there is nothing to plot")
    if np.all(data.lower[failed] == data.upper[failed]):
        curve = kaplan_meier(data.lower, failed, frequency=data.frequency)
        before = np.concatenate([[1.0], curve.survival[:-1]])
        return curve.time, 1 - (before + curve.survival) / 2
    found = turnbull(data.lower, data.upper, frequency=data.frequency)
    finite = np.isfinite(found.high) & (found.mass > 1e-12)
    time_, probability = found.high[finite], found.failure_probability[finite]
    # A point at probability 1 cannot be drawn: take the middle of its step.
    full = probability > 1 - 1e-9
    return time_, np.where(full, probability - found.mass[finite] / 2, probability)
