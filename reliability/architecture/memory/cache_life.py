"""Life of a resistive cache: writes of each of its lines against the card's endurance model.

A write changes the fraction ``changed`` of the bits of a line, and a SET and a RESET make one cycle
of the endurance model, so n writes are ``changed n / 2`` cycles of each cell. A word has lost its
data when more cells than its code corrects (one) have failed for good; a line with such a word is
retired, and the cache goes on with the others. Its life ends when a given fraction of the lines
that are written at all is retired; those that are only read do not wear and count for nothing.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from reliability.devices.endurance import Endurance, probability_failed
from reliability.errors import fraction

_FEWEST, _MOST = 1e-6, 1e30  # inferences: no card ends earlier or later


def line_lost(
    endurance: Endurance, cycles: ArrayLike, *, words: float, word_cells: float
) -> NDArray[np.float64]:
    """Return the probability that a line has a word in which two cells or more have failed.

    ``1 - [(1 - F)^n + n F (1 - F)^(n - 1)]^words`` with F of one cell, n cells in a word.

    Parameters
    ----------
    endurance : Endurance
    cycles : array_like
        Equivalent cycles at the reference condition of every cell of the line.
    words, word_cells : float
        Words in the line, cells in a word with its check bits.

    Examples
    --------
    >>> import reliability as rel
    >>> endurance = Endurance.from_technology(rel.load_technology("oxram-130nm"))
    >>> line_lost(endurance, [0.0, 1e5, 1e9], words=4, word_cells=72).round(4)
    array([0.e+00, 1.e-04, 1.e+00])
    """
    return line_failure(probability_failed(endurance, cycles), words=words, word_cells=word_cells)


def line_failure(one: ArrayLike, *, words: float, word_cells: float) -> NDArray[np.float64]:
    """Return the probability that a line has a word with two bad cells or more.

    Parameters
    ----------
    one : array_like
        Probability that a cell is bad.
    words, word_cells : float
        As of `line_lost`.

    Examples
    --------
    >>> line_failure([0.0, 1e-3, 1.0], words=4, word_cells=72).round(4)
    array([0.    , 0.0097, 1.    ])
    """
    one = np.asarray(one, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_alive = np.log1p(-one)
        whole = np.exp(word_cells * log_alive)
        single = np.where(one < 1, word_cells * one * np.exp((word_cells - 1) * log_alive), 0.0)
    # for few failures 1 - whole - single cancels: the two-failure term is what is left
    pair = 0.5 * word_cells * (word_cells - 1) * one**2
    word = np.where(one * word_cells < 1e-4, pair, 1.0 - whole - single)
    return -np.expm1(words * np.log1p(-np.clip(word, 0.0, 1.0 - 1e-16)))


def inferences_until(
    endurance: Endurance,
    writes: NDArray[np.float64],
    *,
    lost_fraction: float,
    changed: float,
    acceleration: float,
    words: float,
    word_cells: float,
) -> float:
    """Return after how many inferences a fraction of the lines that are written is retired.

    Parameters
    ----------
    endurance : Endurance
    writes : ndarray, shape (lines,)
        Writes of each line in one inference.
    lost_fraction : float
        Of the lines, 0 to 1.
    changed : float
        Fraction of the bits that a write changes.
    acceleration : float
        Equivalent cycles at the reference condition of one cycle at the chip's temperature.
    words, word_cells : float
        As of `line_lost`.

    Returns
    -------
    float
        Infinite where no line is ever written.

    Examples
    --------
    >>> import reliability as rel
    >>> endurance = Endurance.from_technology(rel.load_technology("oxram-130nm"))
    >>> common = dict(lost_fraction=0.01, changed=0.25, acceleration=1.0, words=4, word_cells=72)
    >>> one = inferences_until(endurance, np.ones(100), **common)
    >>> ten = inferences_until(endurance, np.full(100, 10.0), **common)
    >>> round(one), round(one / ten, 6)
    (3635997, 10.0)
    """
    fraction(lost_fraction, "lost_fraction")
    rate = np.asarray(writes, float) * changed / 2 * acceleration
    kinds, counts = np.unique(rate[rate > 0], return_counts=True)
    if len(kinds) == 0:
        return np.inf
    weight = counts / counts.sum()

    def beyond(log_n: float) -> float:
        lost = line_lost(endurance, kinds * np.exp(log_n), words=words, word_cells=word_cells)
        return float(weight @ lost) - lost_fraction

    return float(np.exp(scipy.optimize.brentq(beyond, np.log(_FEWEST), np.log(_MOST), xtol=1e-9)))
