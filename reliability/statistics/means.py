"""Interval of a mean of independent values."""

import numpy as np
from numpy.typing import ArrayLike


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
    from statsmodels.stats.weightstats import DescrStatsW

    x = np.asarray(values, float).ravel()
    if x.size < 2:
        return float(x.mean()), float("nan"), float("nan")
    sample = DescrStatsW(x)
    low, high = sample.tconfint_mean(1 - confidence)
    return float(sample.mean), float(low), float(high)
