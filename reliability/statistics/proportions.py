"""Intervals of a proportion: of independent trials, and of trials in clusters such as wafers."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]

_SPREADS = np.concatenate([[0.0], np.geomspace(0.08, 3.0, 15)])  # between clusters, in log-odds
_PRIOR_SPREAD = 1.0  # scale of its half-Cauchy prior
_MEANS = 41  # points in the log-odds of the median cluster
_NODES = np.polynomial.hermite.hermgauss(5)  # of one cluster about its mode
_AVERAGE = np.polynomial.hermite.hermgauss(41)  # over clusters


class Interval(NamedTuple):
    """A two-sided interval; ``low`` and ``high`` have the shape of the data."""

    low: Array
    high: Array


def wilson(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Interval:
    """Score interval of a proportion.

    Close to nominal coverage on average for any true proportion, also with few trials [1]_.

    Parameters
    ----------
    successes, trials : array_like
        Counts, 0 <= successes <= trials, trials >= 1; broadcast together.
    confidence : float

    Returns
    -------
    Interval

    References
    ----------
    .. [1] E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927), doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> low, high = wilson(84, 100)
    >>> round(float(low), 3), round(float(high), 3)
    (0.756, 0.899)
    """
    return _proportion_confint(successes, trials, confidence, "wilson")


def clopper_pearson(successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95) -> Interval:
    """Exact interval of a proportion: covers at least ``confidence`` for every true value [1]_.

    Parameters and returns as `wilson`.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, Biometrika 26, 404 (1934), doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 100)
    >>> float(low), round(float(high), 4)
    (0.0, 0.0362)
    """
    return _proportion_confint(successes, trials, confidence, "beta")


def _proportion_confint(
    successes: ArrayLike, trials: ArrayLike, confidence: float, method: str
) -> Interval:
    from statsmodels.stats.proportion import proportion_confint

    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    low, high = proportion_confint(k.copy(), n.copy(), alpha=1 - confidence, method=method)
    return Interval(np.asarray(low), np.asarray(high))


def score_interval_over(fractions: ArrayLike, trials: int, confidence: float = 0.95) -> Interval:
    """Score interval of the mean fraction of units that hold several trials each.

    Pixels of one image resemble each other: Wilson's interval with as many trials as have the
    variance of the mean over units [1]_, and the quantile of Student's t.

    Parameters
    ----------
    fractions : array_like, shape (..., units)
        At least two units.
    trials : int
        Of each unit.
    confidence : float

    Returns
    -------
    Interval
        Of arrays of shape (...). Where all units are alike each counts as one trial.

    References
    ----------
    .. [1] E. L. Korn, B. I. Graubard, Survey Methodology 24, 193 (1998).

    Examples
    --------
    Ten images of a hundred pixels, wrong as a whole or not at all: as ten trials.

    >>> low, high = score_interval_over([1] * 8 + [0] * 2, 100)
    >>> round(float(low), 2), round(float(high), 2)
    (0.43, 0.96)
    """
    x = np.asarray(fractions, float)
    units, p = x.shape[-1], x.mean(axis=-1)
    inside, variance = p * (1 - p), x.var(axis=-1, ddof=1) / units
    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.where(variance > 0, np.minimum(inside / variance, units * trials), units)
    square = special.stdtrit(units - 1, 0.5 + confidence / 2) ** 2 / count
    middle = (p + square / 2) / (1 + square)
    half = np.sqrt(square * inside + square**2 / 4) / (1 + square)
    return Interval(np.clip(middle - half, 0.0, p), np.clip(middle + half, p, 1.0))


def binomial_bound(failures: int, trials: int, confidence: float = 0.95) -> float:
    """Exact one-sided upper bound of a failure probability.

    With no failure it is ``1 - (1 - confidence)**(1/trials)``, about 3/trials at 95 %.

    Examples
    --------
    >>> round(binomial_bound(0, 11_520, 0.95) * 1e6)  # ppm
    260
    """
    return float(clopper_pearson(failures, trials, 2 * confidence - 1).high)


class ClusteredProportion(NamedTuple):
    """Interval of a proportion of clustered trials.

    ``effective_fraction`` is the fraction of the trials that as many independent ones would have
    (the inverse of the design effect), above 0 and at most 1.
    """

    low: Array
    high: Array
    effective_fraction: Array


def clustered_proportion(
    successes: ArrayLike, trials: ArrayLike, confidence: float = 0.95
) -> ClusteredProportion:
    """Interval of the proportion in the population from which clusters are drawn.

    Trials of one cluster (the cells of a wafer) resemble each other. A few clusters say little of
    how much they differ, so that the spread between them is averaged over instead of estimated.

    Parameters
    ----------
    successes : array_like, shape (..., clusters)
    trials : array_like, broadcast to ``successes``
        At least 1 each.
    confidence : float

    Returns
    -------
    ClusteredProportion
        Of arrays of shape (...). With one cluster the exact interval of that cluster.

    Notes
    -----
    Log-odds of the clusters are normal with an unknown mean and spread; the interval is that of
    the mean proportion under Jeffreys' prior of a proportion and a half-Cauchy prior of the
    spread [1]_. Likelihood of a cluster by adaptive Gauss-Hermite quadrature [2]_. Its coverage
    is in docs/coverage.md.

    References
    ----------
    .. [1] A. Gelman, Bayesian Analysis 1, 515 (2006), doi:10.1214/06-BA117A.
    .. [2] Q. Liu, D. A. Pierce, Biometrika 81, 624 (1994), doi:10.1093/biomet/81.3.624.

    Examples
    --------
    >>> low, high, effective = clustered_proportion([1, 0, 30, 5], [100, 100, 100, 100])
    >>> bool(low < 0.03), bool(high > 0.3), bool(effective < 0.05)
    (True, True, True)
    """
    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    shape, clusters = k.shape[:-1], k.shape[-1]
    total = k.sum(axis=-1), n.sum(axis=-1)
    if clusters < 2:
        return ClusteredProportion(*clopper_pearson(*total, confidence), np.ones(shape))
    tables = np.stack([k, n], axis=-1).reshape(-1, clusters, 2)
    order = np.lexsort((tables[..., 1], tables[..., 0]), axis=-1)
    tables = np.take_along_axis(tables, order[..., None], axis=1)
    different, place = np.unique(tables, axis=0, return_inverse=True)
    rows = np.array([_posterior(a[:, 0], a[:, 1], confidence) for a in different])
    low, high, effective = rows[place.ravel()].T.reshape(3, *shape)
    low, high = np.where(total[0] == 0, 0.0, low), np.where(total[0] == total[1], 1.0, high)
    return ClusteredProportion(low, high, effective)


def _posterior(k: Array, n: Array, confidence: float) -> tuple[float, float, float]:
    """Ends of the interval of the mean proportion, and the effective sample fraction."""
    clusters = k.size
    ends = special.betaincinv(k.sum() + 0.5, (n - k).sum() + 0.5, [1e-4, 1 - 1e-4])
    (k, n), count = np.unique(np.stack([k, n]), axis=1, return_counts=True)
    near, far = special.logit(ends)
    reach = 4 * _SPREADS / np.sqrt(clusters)
    median = np.linspace(near - reach - _SPREADS**2 / 2, far + reach, _MEANS)  # (mean, spread)
    likelihood = _log_likelihood(k, n, median) @ count
    proportion = special.expit(median)
    prior = np.gradient(_SPREADS) / (1 + (_SPREADS / _PRIOR_SPREAD) ** 2)
    weight = np.exp(likelihood - likelihood.max()) * np.sqrt(proportion * (1 - proportion))
    weight *= prior * (median[1] - median[0])
    nodes, chances = _AVERAGE
    spread = np.sqrt(2) * _SPREADS[:, None] * nodes
    mean = special.expit(median[..., None] + spread) @ (chances / np.sqrt(np.pi))
    order = np.argsort(mean, axis=None)
    y, w = special.logit(mean).ravel()[order], weight.ravel()[order]
    below = np.cumsum(w) - w / 2
    low, high = np.interp([0.5 - confidence / 2, 0.5 + confidence / 2], below / w.sum(), y)
    variances = [
        np.average((a - np.average(a, weights=b)) ** 2, weights=b)
        for a, b in ((median[:, 0], weight[:, 0]), (y, w))
    ]
    effective = min(float(variances[0] / variances[1]), 1.0)
    return float(special.expit(low)), float(special.expit(high)), effective


def _log_likelihood(k: Array, n: Array, median: Array) -> Array:
    """Log-likelihood of each cluster at each median log-odds and spread: (means, spreads, k)."""
    mu, spread = median[:, 1:, None], _SPREADS[1:, None]
    alike = k * median[:, :1, None] - n * np.logaddexp(0, median[:, :1, None])

    def joint(x: Array) -> Array:
        return np.asarray(k * x - n * np.logaddexp(0, x) - ((x - mu) / spread) ** 2 / 2)

    own = (k + 0.5) / (n + 1)
    known, precision = n * own * (1 - own), spread**-2.0
    x = (mu * precision + special.logit(own) * known) / (precision + known)
    for _ in range(8):  # Newton; the joint density is log-concave
        p = special.expit(x)
        curvature = n * p * (1 - p) + precision
        x = x + np.clip((k - n * p - (x - mu) * precision) / curvature, -1.5, 1.5)
    p = special.expit(x)
    width = np.sqrt(2 / (n * p * (1 - p) + precision))
    top = joint(x)
    nodes, weights = _NODES
    inside = sum(
        w * np.exp(joint(x + width * a) - top + a * a) for a, w in zip(nodes, weights, strict=True)
    )
    differing = top + np.log(inside * width / spread / np.sqrt(2 * np.pi))
    return np.concatenate([alike, differing], axis=1)
