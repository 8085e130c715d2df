"""Intervals of a mean of independent values, and of values drawn from what is uncertain."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


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


def one_more(values: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """Interval that contains one more value of a sample with a probability.

    Of n values the k-th from either end, ``k = (n + 1) (1 - confidence) / 2`` rounded down: one
    more lies between them with the probability ``(n + 1 - 2 k) / (n + 1)``, which is the confidence
    or more; the outermost where n is too small for that (19 for 90 %, 39 for 95 %).

    Parameters
    ----------
    values : array_like, shape (n, ...)
    confidence : float

    Returns
    -------
    ndarray, shape (2, ...)

    Examples
    --------
    >>> one_more(range(39)).tolist(), one_more(range(39), 0.9).tolist()
    ([0, 38], [1, 37])
    """
    ordered = np.sort(np.asarray(values), axis=0)
    k = _from_either_end(len(ordered), confidence)
    return np.array([ordered[k - 1], ordered[-k]])


def nominal_and_drawn(values: ArrayLike, confidence: float = 0.95) -> NDArray[np.float64]:
    """Interval that contains one more drawn value with a probability, and the nominal one.

    `one_more` of the draws, which reaches to the nominal value where no draw lies beyond it: few
    draws of skewed parameters may all lie on one side. Its ends are draws that are there: nothing
    lies between two endless lives.

    Parameters
    ----------
    values : array_like, shape (1 + draws, ...)
        The nominal one first.
    confidence : float

    Returns
    -------
    ndarray, shape (2, ...)

    Examples
    --------
    >>> nominal_and_drawn([1.0, 2.0, 3.0, 4.0], 0.9).tolist(), nominal_and_drawn([1.0]).tolist()
    ([1.0, 4.0], [1.0, 1.0])
    """
    x = np.asarray(values, float)
    ends = one_more(x[min(1, len(x) - 1) :], confidence)
    return np.array([np.fmin(ends[0], x[0]), np.fmax(ends[1], x[0])])


def member_of_a_draw(values: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval that contains one more member of one more draw: the next lot of one more card.

    As `nominal_and_drawn`, with the middle one of the members that are k-th from either end. It
    contains them as often as that where draws differ, more often where only members do.

    Parameters
    ----------
    values : array_like, shape (draws, members)
    confidence : float

    Examples
    --------
    >>> member_of_a_draw([[1.0, 1.1, 1.2], [2.0, 2.1, 2.2]], 0.9)
    (1.1, 2.1)
    """
    x = np.asarray(values, float)
    draws, members = x.shape
    place = members * (_from_either_end(draws, confidence) - 1) + (members - 1) // 2
    inward = np.sort(x, axis=None)
    return float(inward[place]), float(inward[-1 - place])


def held_by_draws(draws: int, confidence: float = 0.95) -> float:
    """Probability with which the intervals of this module contain one more draw.

    Examples
    --------
    >>> held_by_draws(19, 0.9), round(held_by_draws(8, 0.9), 2)
    (0.9, 0.78)
    """
    return max(draws + 1 - 2 * _from_either_end(draws, confidence), 0) / (draws + 1)


def _from_either_end(draws: int, confidence: float) -> int:
    return max(int((draws + 1) * (1 - confidence) / 2 + 1e-9), 1)
