"""Value of information: which uncertain parameter to measure so that a verdict is right.

A verdict (a limit is met or not) is taken for the more probable side. Knowing a parameter exactly
before the verdict makes it right more often; the gain in probability is the expected value of
partial perfect information [1]_ with a loss of one for a wrong verdict. Sampled cards give the rank
correlation of a parameter with the answer; with a Gaussian copula of the two, the gain follows from
that correlation and from the probability that the limit is met.

References
----------
.. [1] M. Strong, J. E. Oakley, A. Brennan, Med. Decis. Making 34, 311 (2014),
   doi:10.1177/0272989X13505910.
.. [2] D. G. Bonett, T. A. Wright, Psychometrika 65, 23 (2000), doi:10.1007/BF02294183.
"""

import math
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from reliability.errors import InputError
from reliability.statistics.proportions import wilson

_SCORES = ndtri((np.arange(4000) + 0.5) / 4000)  # of a standard normal parameter
_MOST = 1 - 1e-9
_LEAST = 1e-9  # rounding


class Information(NamedTuple):
    """Rank correlation of a parameter with an answer, and the value of knowing it.

    Attributes
    ----------
    correlation, correlation_low, correlation_high : float
        Spearman's, as of `rank_correlation`.
    value, low, high : float
        Gain in the probability of a right verdict.
    """

    correlation: float
    correlation_low: float
    correlation_high: float
    value: float
    low: float
    high: float


def gain_of_verdict(correlation: float, probability: float) -> float:
    """Return the gain in the probability of a right verdict from knowing a parameter exactly.

    Parameters
    ----------
    correlation : float
        Of the normal scores of parameter and answer, from -1 to 1.
    probability : float
        That the answer meets its limit, from 0 to 1.

    Notes
    -----
    ``E[max(P, 1 - P)] - max(p, 1 - p)`` with ``P = Phi((rho u + z_p) / sqrt(1 - rho^2))`` of a
    standard normal u. At p = 1/2 it is ``asin(|rho|) / pi``.

    Examples
    --------
    >>> round(gain_of_verdict(0.8, 0.5), 3), round(float(np.arcsin(0.8) / np.pi), 3)
    (0.295, 0.295)
    >>> gain_of_verdict(0.8, 1.0)
    0.0
    """
    if not 0 < probability < 1:
        return 0.0
    rho = min(abs(correlation), _MOST)
    met = ndtr((rho * _SCORES + ndtri(probability)) / math.sqrt(1 - rho**2))
    right = float(np.maximum(met, 1 - met).mean())
    gain = right - max(probability, 1 - probability)
    return gain if gain > _LEAST else 0.0


def value_of_information(
    parameter: ArrayLike, answer: ArrayLike, met: ArrayLike, confidence: float = 0.95
) -> Information:
    """Return the value of knowing a parameter before the verdict on an answer.

    Parameters
    ----------
    parameter, answer : array_like, shape (draws,)
        Of sampled cards; eight or more.
    met : array_like of bool, shape (draws,)
        Whether the answer meets its limit, which is a threshold of ``answer``.
    confidence : float
        Of the intervals: that of the value holds both the interval of the correlation
        (`rank_correlation`) and that of the probability (Wilson), and is conservative.

    Raises
    ------
    InputError
        Fewer than eight draws, or arrays of different lengths.

    Notes
    -----
    A parameter that moves the answer both ways (a best value inside its range) has no rank
    correlation and is missed.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=64)
    >>> y = 0.8 * x + 0.6 * rng.normal(size=64)
    >>> found = value_of_information(x, y, y > 0)
    >>> found.low < 0.295 < found.high
    True
    """
    x, y, passed = np.asarray(parameter, float), np.asarray(answer, float), np.asarray(met, bool)
    if x.ndim != 1 or x.shape != y.shape or x.shape != passed.shape or x.size < 8:
        raise InputError(f"parameter, answer, met: got shapes {x.shape}, {y.shape}, "
                         f"{passed.shape}, expected one of 8 or more")  # fmt: skip
    n = x.size
    rank, least, most = rank_correlation(x, y, confidence)
    sizes = sorted((abs(least), abs(most)))
    sizes[0] = 0.0 if least < 0 < most else sizes[0]
    p = float(passed.mean())
    below, above = wilson(int(passed.sum()), n, confidence)
    middle = min(max(0.5, float(below)), float(above))  # where the gain is largest
    far = max(float(below), float(above), key=lambda q: abs(q - 0.5))
    low, high = (gain_of_verdict(_normal(size), q) for size, q in zip(sizes, (far, middle),
                                                                       strict=True))  # fmt: skip
    value = gain_of_verdict(_normal(rank), p)
    return Information(rank, least, most, value, min(low, value), max(high, value))


def rank_correlation(
    x: ArrayLike, y: ArrayLike, confidence: float = 0.95
) -> tuple[float, float, float]:
    """Return Spearman's rank correlation with its interval; 0 where one of the two is constant.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        Four or more.
    confidence : float

    Notes
    -----
    By Fisher's z with the variance (1 + r^2/2)/(n - 3) [2]_ of the module, which holds up to
    correlations of 0.95; an estimate of one is an end of its own interval.

    Examples
    --------
    The example of R's ``statpsych::ci.spear``:

    >>> y = [21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19]
    >>> x = [67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51]
    >>> [round(value, 6) for value in rank_correlation(x, y)]
    [0.869964, 0.584095, 0.96383]
    """
    first, other = np.asarray(x, float), np.asarray(y, float)
    flat = np.ptp(first) == 0 or np.ptp(other) == 0
    rank = 0.0 if flat else float(scipy.stats.spearmanr(first, other).statistic)
    error = math.sqrt((1 + rank**2 / 2) / (first.size - 3))
    half = float(ndtri(0.5 + confidence / 2)) * error
    centre = math.atanh(min(max(rank, -_MOST), _MOST))
    return rank, min(math.tanh(centre - half), rank), max(math.tanh(centre + half), rank)


def correlation_by_chance(draws: int, parameters: int, probability: float = 0.05) -> float:
    """Return the rank correlation that the largest of parameters without effect exceeds by chance.

    Parameters
    ----------
    draws, parameters : int
    probability : float

    Examples
    --------
    >>> round(correlation_by_chance(64, 1), 2), round(correlation_by_chance(64, 100), 2)
    (0.25, 0.42)
    """
    t = scipy.stats.t.ppf(1 - (1 - (1 - probability) ** (1 / parameters)) / 2, draws - 2)
    return float(t / math.sqrt(draws - 2 + t**2))


def _normal(rank: float) -> float:
    """Correlation of normal scores of a Gaussian copula with a Spearman correlation."""
    return 2 * math.sin(math.pi * rank / 6)
