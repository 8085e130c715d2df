"""Differences of means and of what is drawn, paired or not, and which of many are real.

Units that share all but what is compared (chip 7 of two studies with one seed) are matched: the
mean of their differences is known better than either mean. Units that share nothing have
variances that add (Welch). Where values are draws from what is uncertain, the question is the
difference of one more draw, not the mean of many.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.statistics.crossed import variance_of_mean

Found = dict[str, float]


def paired_difference(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    confidence: float,
    variance: float = 0.0,
    groups: ArrayLike | None = None,
) -> Found:
    """Mean of y - x of matched units, its Student-t interval and two-sided p.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    confidence : float
    variance : float
        Of the mean, that the units do not show (other images).
    groups : array_like, shape (n,), optional
        Wafer of each unit: units of one may resemble each other
        (`reliability.statistics.crossed.variance_of_mean`).

    Returns
    -------
    dict
        ``difference``, ``low``, ``high``, ``p``; NaN but the first of less than two units.

    Examples
    --------
    >>> found = paired_difference(np.array([1.0, 5.0, 9.0]), np.array([1.1, 5.2, 9.3]), 0.95)
    >>> round(found["difference"], 3), found["low"] > -0.1
    (0.2, True)
    """
    d = np.asarray(y, float) - np.asarray(x, float)
    own = variance_of_mean(d, groups)
    return _interval(float(d.mean()), np.sqrt(own.variance + variance), own.freedom, confidence)


def unpaired_difference(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    confidence: float,
    variance: float = 0.0,
    groups: tuple[ArrayLike | None, ArrayLike | None] = (None, None),
) -> Found:
    """Mean of y less mean of x of units of their own, by Welch's test [1]_; as `paired_difference`.

    ``groups`` holds the wafers of the units of x, and those of y.

    References
    ----------
    .. [1] B. L. Welch, Biometrika 34, 28 (1947).

    Examples
    --------
    >>> found = unpaired_difference(np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 4.0]), 0.95)
    >>> round(found["difference"], 3), found["low"] < 0
    (1.0, True)
    """
    x, y = np.asarray(x, float), np.asarray(y, float)
    means = [variance_of_mean(v, group) for v, group in zip((x, y), groups, strict=True)]
    error, freedom = _welch([m.variance for m in means], [m.freedom for m in means])
    error = float(np.hypot(error, np.sqrt(variance)))
    return _interval(float(y.mean() - x.mean()), error, freedom, confidence)


def drawn_difference(
    x: NDArray[np.float64], y: NDArray[np.float64], confidence: float, *, paired: bool
) -> Found:
    """Return y - x of one more draw of what is uncertain in both; as `paired_difference`.

    A prediction interval: the spread of the draws and the error of their mean, Student t. More
    draws make it better known, not narrower.

    Parameters
    ----------
    x, y : ndarray, shape (draws,)
        Two or more draws each; of one length if paired.
    confidence : float
    paired : bool
        Whether draw k of both is of the same uncertain numbers.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> found = drawn_difference(x, x + np.array([1.0, 1.1, 0.9, 1.0]), 0.95, paired=True)
    >>> found["low"] > 0, drawn_difference(x, x + 1, 0.95, paired=False)["low"] > 0
    (True, False)
    """
    if paired:
        d = y - x
        error, freedom = np.sqrt(d.var(ddof=1) * (1 + 1 / d.size)), d.size - 1.0
        return _interval(float(d.mean()), float(error), freedom, confidence)
    parts = [v.var(ddof=1) * (1 + 1 / v.size) for v in (x, y)]
    error, freedom = _welch(parts, (x.size - 1.0, y.size - 1.0))
    return _interval(float(y.mean() - x.mean()), error, freedom, confidence)


def _welch(variances: Sequence[float], degrees: Sequence[float]) -> tuple[float, float]:
    """Standard deviation of a difference, and its degrees of freedom (Welch-Satterthwaite)."""
    squares = sum(v**2 / n for v, n in zip(variances, degrees, strict=True))
    freedom = sum(variances) ** 2 / squares if squares else sum(degrees)
    return float(np.sqrt(sum(variances))), float(freedom)


def _interval(difference: float, error: float, freedom: float, confidence: float) -> Found:
    """Interval and p; without an error the difference is exact, and real if it is not zero."""
    error = float(error)
    half = error * float(special.stdtrit(freedom, 0.5 + confidence / 2))
    if error == 0:
        p = 1.0 if difference == 0 else 0.0
    else:
        p = 2 * float(special.stdtr(freedom, -abs(difference) / error))
    return {"difference": difference, "low": difference - half, "high": difference + half, "p": p}


def holm(p: Sequence[float], level: float) -> list[bool]:
    """Return which of several hypotheses are rejected when all are tested at one level [1]_.

    NaN, of a difference without an interval, is not rejected.

    References
    ----------
    .. [1] S. Holm, Scand. J. Stat. 6, 65 (1979).

    Examples
    --------
    >>> holm([0.001, 0.04, 0.03], 0.05)
    [True, False, False]
    """
    from statsmodels.stats.multitest import multipletests

    values = np.nan_to_num(np.asarray(p, float), nan=1.0)
    if not values.size:
        return []
    return [bool(rejected) for rejected in multipletests(values, level, method="holm")[0]]
