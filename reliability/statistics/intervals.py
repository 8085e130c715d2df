"""Intervals for a proportion and a mean."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special


class Interval(NamedTuple):
    """A two-sided interval; ``low`` and ``high`` have the shape of the data."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


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
    k, n = np.asarray(successes, float), np.asarray(trials, float)
    z = special.ndtri(0.5 + confidence / 2)
    p = k / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return Interval(np.where(k == 0, 0.0, centre - half), np.where(k == n, 1.0, centre + half))


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
    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    tail = (1 - confidence) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(k == 0, 0.0, special.betaincinv(np.maximum(k, 0.5), n - k + 1, tail))
        high = np.where(k == n, 1.0, special.betaincinv(k + 1, np.maximum(n - k, 0.5), 1 - tail))
    return Interval(low, high)


def effective_share(successes: ArrayLike, trials: ArrayLike) -> NDArray[np.float64]:
    """Share of the trials that clustered trials are worth, 0 to 1 (one over the design effect).

    Trials of one cluster (the cells of a wafer) resemble each other. The variance of the
    proportion is estimated from the clusters, and compared with the binomial one; with few
    clusters the quantile of Student's t allows for what is not known of that variance [1]_.

    Parameters
    ----------
    successes : array_like, shape (..., clusters)
    trials : array_like, broadcast to ``successes``

    Returns
    -------
    ndarray, shape (...)
        To multiply successes and trials with before `clopper_pearson`. 1 with one cluster, and
        where the clusters show no more than binomial scatter (or no success at all).

    References
    ----------
    .. [1] E. L. Korn, B. I. Graubard, Survey Methodology 24, 193 (1998).

    Examples
    --------
    >>> round(float(effective_share([1, 0, 30, 5], [100, 100, 100, 100])), 3)
    0.016
    """
    k, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    clusters = k.shape[-1]
    total = n.sum(axis=-1)
    if clusters < 2:
        return np.ones(total.shape)
    p = k.sum(axis=-1) / total
    deviation = k - p[..., None] * n
    variance = clusters / (clusters - 1) * (deviation**2).sum(axis=-1) / total**2
    binomial = p * (1 - p) / total
    with np.errstate(invalid="ignore", divide="ignore"):
        effect = np.where(binomial > 0, variance / binomial, 1.0)
    quantiles = special.stdtrit(total - 1, 0.975) / special.stdtrit(clusters - 1, 0.975)
    return np.where(effect > 1, np.minimum(quantiles**2 / np.maximum(effect, 1.0), 1.0), 1.0)


def binomial_bound(failures: int, trials: int, confidence: float = 0.95) -> float:
    """Exact one-sided upper bound of a failure probability.

    With no failure it is ``1 - (1 - confidence)**(1/trials)``, about 3/trials at 95 %.

    Examples
    --------
    >>> round(binomial_bound(0, 11_520, 0.95) * 1e6)  # ppm
    260
    """
    return float(clopper_pearson(failures, trials, 2 * confidence - 1).high)


def mean_interval(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent values and its Student-t interval.

    Parameters
    ----------
    values : array_like, shape (n,)
        At least two values; with one, the interval is not known and is returned as NaN.
    confidence : float

    Returns
    -------
    mean, low, high : float

    Examples
    --------
    >>> mean, low, high = mean_interval([0.83, 0.84, 0.85])
    >>> round(mean, 3), round(low, 3), round(high, 3)
    (0.84, 0.815, 0.865)
    """
    x = np.asarray(values, float).ravel()
    mean = float(x.mean())
    if x.size < 2:
        return mean, float("nan"), float("nan")
    half = special.stdtrit(x.size - 1, 0.5 + confidence / 2) * x.std(ddof=1) / np.sqrt(x.size)
    return mean, mean - float(half), mean + float(half)
