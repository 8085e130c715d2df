"""Parametric bootstrap of a lifetime fit: samples drawn like the data, all refitted at once.

A simulated unit is censored the way its original could have been. A right-censored unit has the
censoring time that it had; one that failed gets a censoring time drawn from the Kaplan-Meier
estimate of censoring times after its failure (there is none, if nothing was censored) [1]_. If all
units that survived were stopped at the last failure, the test was stopped at that number of
failures, and so are the samples. Interval-censored units are inspected at the times at which units
of the data were.

References
----------
.. [1] A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application", Cambridge, 1997,
   section 3.5, doi:10.1017/CBO9780511802843.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.lifetime.distributions import Distribution
from reliability.lifetime.likelihood import Likelihood, split_terms
from reliability.lifetime.maximise import (
    Maximum,
    gradient_of,
    held_maximum,
    is_proper,
    maximise,
)
from reliability.lifetime.observations import Observations
from reliability.random import stream

Array = NDArray[np.float64]

_MOST_INSPECTIONS = 64  # beyond, each unit is inspected at its own two times only
_MOST_ROWS = 50_000_000


class Fitted(Protocol):
    """What its samples need of a fitted distribution; a `LifetimeFit` has it."""

    @property
    def distribution(self) -> Distribution: ...
    @property
    def data(self) -> Observations: ...
    @property
    def likelihood(self) -> Likelihood: ...
    @property
    def maximum(self) -> Maximum: ...


class Censoring(NamedTuple):
    """How units are censored; one row per unit, times in typical times."""

    row: NDArray[np.intp]
    end: Array  # right-censoring time; infinite: none
    drawn: NDArray[np.bool_]  # the censoring time is drawn, after the failure that was seen
    inspected: NDArray[np.bool_]
    grid: Array | None  # common inspection times
    own: Array  # inspection times of each unit, shape (units, 2)
    stop_after: int | None  # number of failures that stops the test


class Samples(NamedTuple):
    """Refitted samples; those without a maximum are left out. Times, shape (samples, units)."""

    likelihood: Likelihood
    maximum: Maximum
    fraction_fitted: float
    lower: Array
    upper: Array
    row: NDArray[np.intp]


def refit(fit: Fitted, samples: int, seed: int = 0) -> Samples:
    """Simulate and refit samples of the fitted distribution.

    Raises
    ------
    InputError
        A random effect of lots or a step stress, frequencies that are not whole numbers, or fewer
        than half of the samples have a maximum.
    """
    if type(fit.likelihood) is not Likelihood:
        raise InputError(f"bootstrap: not available for {fit.distribution.name}")
    rng = stream(seed, "statistics.bootstrap")
    censoring = _censoring(fit.data)
    if censoring.row.size * samples > _MOST_ROWS:
        raise InputError(
            f"bootstrap: {censoring.row.size} units times {samples} samples is too much; "
            "use method='profile'"
        )
    lower, upper = _simulate(fit, censoring, samples, rng)
    likelihood = _likelihood(fit, censoring, lower, upper)
    maximum = maximise(likelihood, np.tile(fit.maximum.theta, (samples, 1)), iterations=30)
    good = maximum.converged & is_proper(maximum)
    if good.mean() < 0.5:
        raise InputError(
            f"bootstrap: only {good.mean():.0%} of the simulated samples have a maximum, "
            "too few failures for this method"
        )
    kept = maximum.pick(good)
    return Samples(
        likelihood.select(good), kept, float(good.mean()), lower[good], upper[good], censoring.row
    )


def studentised(samples: Samples, quantity: Callable[[Array], Array], centre: float) -> Array:
    """``(g_b - g) / standard error of g_b`` of each sample."""
    slope = gradient_of(quantity, samples.maximum)
    variance = np.einsum("bi,bij,bj->b", slope, samples.maximum.covariance, slope)
    pivots = (quantity(samples.maximum.theta) - centre) / np.sqrt(np.maximum(variance, 1e-300))
    return pivots[np.isfinite(pivots)]


def bartlett_factor(
    fit: Fitted, quantity: Callable[[Array], Array], samples: int, seed: int = 0
) -> float:
    """Mean of the likelihood-ratio statistic of a quantity at its true value, over samples.

    It is 1 with many failures; multiplying the quantile of chi-square by it removes most of the
    error of the likelihood-ratio interval with few [1]_.

    References
    ----------
    .. [1] S.-L. Jeng, W. Q. Meeker, Technometrics 42, 135 (2000).
    """
    refitted = refit(fit, samples, seed)
    level = np.full(refitted.likelihood.fits, quantity(fit.maximum.theta)[0])
    start = np.tile(fit.maximum.theta, (len(level), 1))
    held = held_maximum(refitted.likelihood, start, quantity, level, refitted.maximum)
    ratio = 2 * (refitted.maximum.value - held.value)
    return float(np.mean(ratio[np.isfinite(ratio)]))


def _simulate(
    fit: Fitted, censoring: Censoring, samples: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Bounds of the times to failure of simulated units, shape (samples, units)."""
    data, distribution = fit.data, fit.distribution
    u = predictors(fit.likelihood, fit.maximum.theta[0], censoring.row)
    fraction = rng.random((samples, censoring.row.size))
    if data.entry is not None or data.leave is not None:
        low, high = _window(data, censoring)
        with np.errstate(divide="ignore"):
            before, after = (np.exp(distribution.log_cdf(t, *u)) for t in (low, high))
        fraction = before + fraction * (after - before)
    return _censor(distribution.quantile(fraction, *u), censoring, data, rng)


def _window(data: Observations, censoring: Censoring) -> tuple[Array, Array]:
    """Times between which each unit must fail to be seen."""
    low = np.full(censoring.row.size, 0.0 if data.positive else -np.inf)
    high = np.full(censoring.row.size, np.inf)
    if data.entry is not None:
        low = data.entry[censoring.row] / data.unit
    if data.leave is not None:
        high = data.leave[censoring.row] / data.unit
    return low, high


def _likelihood(fit: Fitted, censoring: Censoring, lower: Array, upper: Array) -> Likelihood:
    data, base = fit.data, fit.likelihood
    entry = leave = None
    if data.entry is not None or data.leave is not None:
        entry, leave = (np.broadcast_to(t, lower.shape) for t in _window(data, censoring))
    terms = split_terms(lower, upper, np.ones_like(lower), entry, leave, positive=data.positive)
    # Designs belong to rows of the data; a simulated unit keeps the row of its original.
    terms = [term._replace(row=censoring.row[term.row]) for term in terms]
    return Likelihood(fit.distribution, terms, len(lower), base.designs, base.offsets)


def predictors(likelihood: Likelihood, theta: Array, row: NDArray[np.intp]) -> list[Array]:
    """Internal parameters of each unit, shape (units,), or (fits, units) for many ``theta``."""
    out = []
    parts = zip(likelihood.designs, likelihood.offsets, likelihood.slices, strict=True)
    for design, offset, at in parts:
        own = theta[..., at]
        u = own if design is None else own @ design[row].T
        out.append(u + (offset[row] if isinstance(offset, np.ndarray) else offset))
    return out


def _censoring(data: Observations) -> Censoring:
    if np.any(data.frequency % 1):
        raise InputError("frequency: a bootstrap needs whole numbers of units")
    row = np.repeat(np.arange(data.lower.size), data.frequency.astype(int))
    lower, upper = data.lower[row] / data.unit, data.upper[row] / data.unit
    censored = np.isposinf(upper)
    exact = lower == upper
    inspected = ~exact & ~censored
    end = np.where(censored, lower, np.inf)
    stop_after = None
    if exact.any() and censored.any() and not inspected.any() and not data.stress:
        last = lower[exact].max()
        if np.all(lower[censored] == last):
            stop_after = int(exact.sum())
    grid = None
    if inspected.any():
        ends = np.concatenate([lower[inspected], upper[inspected]])
        times = np.unique(ends[ends > 0] if data.positive else ends[np.isfinite(ends)])
        grid = times if times.size <= _MOST_INSPECTIONS else None
    own = np.stack([lower, np.where(np.isfinite(upper), upper, lower)], axis=1)
    # A censored unit of an inspected test was inspected too, until its end.
    seen = inspected | (censored & inspected.any() & ~exact.any())
    return Censoring(row, end, exact & censored.any(), seen, grid, own, stop_after)


def _censor(
    times: Array, censoring: Censoring, data: Observations, rng: np.random.Generator
) -> tuple[Array, Array]:
    if censoring.stop_after is not None:
        end = np.partition(times, censoring.stop_after - 1, axis=1)[
            :, censoring.stop_after - 1, None
        ]
        return np.minimum(times, end), np.where(times <= end, times, np.inf)
    end = np.broadcast_to(censoring.end, times.shape).copy()
    if censoring.drawn.any():
        end[:, censoring.drawn] = _censoring_times(censoring, data, rng, len(times))
    lower = np.minimum(times, end)
    upper = np.where(times <= end, times, np.inf)
    if censoring.inspected.any():
        least = 0.0 if data.positive else -np.inf
        which = np.nonzero(censoring.inspected)[0]
        t, limit = times[:, which], end[:, which]
        if censoring.grid is not None:
            edges = np.concatenate([[least], censoring.grid, [np.inf]])
            place = np.searchsorted(edges, t, side="left")
            low, high = edges[place - 1], edges[place]
        else:
            a, b = censoring.own[which, 0], censoring.own[which, 1]
            low = np.where(t <= a, least, np.where(t <= b, a, b))
            high = np.where(t <= a, a, np.where(t <= b, b, np.inf))
        good = t > limit
        lower[:, which] = np.where(good | (low >= limit), np.minimum(limit, low), low)
        lower[:, which] = np.where(good, limit, lower[:, which])
        upper[:, which] = np.where(good, np.inf, np.minimum(high, limit))
    return lower, upper


def _censoring_times(
    censoring: Censoring, data: Observations, rng: np.random.Generator, samples: int
) -> Array:
    """Censoring times of failed units, from the Kaplan-Meier estimate beyond each failure."""
    lower = data.lower[censoring.row] / data.unit
    censored = np.isposinf(data.upper[censoring.row])
    order = np.lexsort((censored, lower))  # a failure at the same time comes before
    t, c = lower[order], censored[order]
    at_risk = np.arange(t.size, 0, -1)
    survival = np.cumprod(1 - c / at_risk)  # of the censoring time
    points = np.concatenate([t[c], [np.inf]])
    mass = -np.diff(np.concatenate([[1.0], survival[c], [0.0]]))
    if survival[-1] > 0 and not c[-1]:
        # The last unit failed: nothing is known of censoring beyond the last censoring time.
        points, mass = points[:-1], np.append(mass[:-2], mass[-2] + mass[-1])
    total = np.cumsum(mass)
    failed = lower[censoring.drawn]
    before = np.concatenate([[0.0], total])[np.searchsorted(points, failed, side="left")]
    fraction = before + rng.random((samples, failed.size)) * (total[-1] - before)
    place = np.minimum(np.searchsorted(total, fraction, side="right"), points.size - 1)
    drawn = points[place]
    # A failure after the last censoring time: the test went on at least until then.
    return np.where(before >= total[-1] - 1e-12, np.inf, drawn)
