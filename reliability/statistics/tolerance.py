"""Tolerance intervals: limits that hold a stated fraction of a population, not of its mean."""

from typing import Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction, unknown_name
from reliability.statistics.proportions import Interval

Array = NDArray[np.float64]
Sides = Literal["two", "lower", "upper"]
Kind = Literal["normal", "lognormal", "any"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


def tolerance_factor(
    size: int, content: float = 0.99, confidence: float = 0.95, *, two_sided: bool = True
) -> float:
    """Factor k of the normal tolerance limits ``mean +- k * standard deviation``.

    Parameters
    ----------
    size : int
        Number of independent values, at least 2.
    content : float
        Fraction of the population within the limits.
    confidence : float
    two_sided : bool
        False: one limit only, ``mean + k * s`` or ``mean - k * s``.

    Raises
    ------
    InputError
        A value that is not possible.

    Notes
    -----
    Exact: from the noncentral t distribution for one side, from the integral over the mean for two
    [1]_.

    References
    ----------
    .. [1] K. Krishnamoorthy, T. Mathew, "Statistical Tolerance Regions", Wiley, 2009, chapter 2,
       doi:10.1002/9780470473900.

    Examples
    --------
    NIST/SEMATECH e-Handbook of Statistical Methods, section 7.2.6.3: 1.8740 for one side.

    >>> round(tolerance_factor(43, 0.9, 0.99, two_sided=False), 4)
    1.874
    """
    if size != int(size) or size < 2:
        raise InputError(f"size: got {size!r}, allowed a whole number of at least 2")
    fraction(content, "content")
    fraction(confidence, "confidence")
    root = np.sqrt(size)
    if not two_sided:
        shift = special.ndtri(content) * root
        return float(scipy.stats.nct.ppf(confidence, size - 1, shift) / root)
    # Half-width that holds the content about a mean that is off by x, squared: noncentral chi2.
    width = scipy.stats.ncx2.ppf(content, 1, np.square(_NODES / root))
    weight = _WEIGHTS / _WEIGHTS.sum()

    def miss(log_k: float) -> float:
        beyond = scipy.stats.chi2.sf((size - 1) * width / np.exp(2 * log_k), size - 1)
        return float(weight @ beyond) - confidence

    return float(np.exp(scipy.optimize.brentq(miss, -10.0, 15.0)))


def tolerance_interval(
    values: ArrayLike, content: float = 0.99, confidence: float = 0.95, *, sides: Sides = "two",
    distribution: Kind = "normal",
) -> Interval:  # fmt: skip
    """Limits that hold a fraction of the population at a confidence.

    Parameters
    ----------
    values : array_like, shape (n,)
        Independent.
    content : float
    confidence : float
    sides : {"two", "lower", "upper"}
        The other end of a one-sided interval is infinite.
    distribution : {"normal", "lognormal", "any"}
        ``"any"``: from order statistics, whatever the distribution; needs many values
        (`tolerance_size`).

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        Too few values, or values that are not possible.

    Examples
    --------
    >>> low, high = tolerance_interval([9.8, 10.1, 10.0, 9.9, 10.2, 10.0], 0.95, 0.95)
    >>> round(float(low), 2), round(float(high), 2)
    (9.37, 10.63)
    """
    if sides not in ("two", "lower", "upper"):
        raise unknown_name("sides", sides, ("two", "lower", "upper"))
    if distribution not in ("normal", "lognormal", "any"):
        raise unknown_name("distribution", distribution, ("normal", "lognormal", "any"))
    x = np.asarray(values, float).ravel()
    if not np.all(np.isfinite(x)):
        raise InputError(f"values: row {int(np.argmin(np.isfinite(x)))} is not a finite number")
    if distribution == "any":
        return _order_statistics(np.sort(x), content, confidence, sides)
    if distribution == "lognormal":
        if not np.all(x > 0):
            raise InputError("values: got one that is not above 0, required for lognormal")
        ends = tolerance_interval(np.log(x), content, confidence, sides=sides)
        return Interval(np.exp(ends.low), np.exp(ends.high))
    k = tolerance_factor(x.size, content, confidence, two_sided=sides == "two")
    reach = k * np.std(x, ddof=1)
    low = -np.inf if sides == "upper" else np.mean(x) - reach
    high = np.inf if sides == "lower" else np.mean(x) + reach
    return Interval(np.asarray(low), np.asarray(high))


def tolerance_size(content: float, confidence: float, *, two_sided: bool = True) -> int:
    """Fewest values whose extremes are tolerance limits of any distribution [1]_.

    References
    ----------
    .. [1] S. S. Wilks, Ann. Math. Stat. 12, 91 (1941), doi:10.1214/aoms/1177731788.

    Examples
    --------
    >>> tolerance_size(0.95, 0.95, two_sided=False), tolerance_size(0.95, 0.95)
    (59, 93)
    """
    fraction(content, "content")
    fraction(confidence, "confidence")
    left_out = 2 if two_sided else 1
    size = left_out
    while scipy.stats.binom.cdf(left_out - 1, size, 1 - content) > 1 - confidence:
        size += max(size // 1000, 1)
    while size > left_out and scipy.stats.binom.cdf(left_out - 1, size - 1, 1 - content) <= (
        1 - confidence
    ):
        size -= 1
    return size


def _order_statistics(x: Array, content: float, confidence: float, sides: Sides) -> Interval:
    """Limits from order statistics, as many values beyond each as the confidence allows."""
    two = sides == "two"
    needed = tolerance_size(content, confidence, two_sided=two)
    if x.size < needed:
        raise InputError(f"values: got {x.size}, at least {needed} are required without a model")
    # With k values left out the content is a beta variable; the largest k that holds.
    k = int(scipy.stats.binom.ppf(1 - confidence, x.size, 1 - content)) + 1
    while scipy.stats.binom.cdf(k - 1, x.size, 1 - content) > 1 - confidence:
        k -= 1
    below, above = {"two": (k // 2, k - k // 2), "lower": (k, 0), "upper": (0, k)}[sides]
    if two:
        below = max(below, 1)
        above = max(k - below, 1)
    low = x[below - 1] if below else -np.inf
    high = x[x.size - above] if above else np.inf
    return Interval(np.asarray(low), np.asarray(high))
