"""The shape of a state: slopes of its quantile function, where neither model of the body holds.

ln R = ln median + sigma T(v), and v = (cell + cycle) / sigma, whose distribution is known for given
tails of single pulses (`reliability.devices.programming`). T is fitted to the quantiles of ln R in
between the smallest probabilities that the data support, each weighted by its error between
bootstrap samples of cells; then the cells' v give the tails of pulses anew, until both stay.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import ndtr, ndtri

from reliability.characterization.cycles import pulse_shape
from reliability.characterization.estimates import Array, bootstrap
from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.devices.shapes import KNOTS, Slopes, bent, unbent
from reliability.random import stream

_FEWEST_CELLS, _FEWEST = 40, 400  # cells and values of a state
_BEYOND = 5  # cells beyond the smallest probability that the data support
_FITTED = 3  # cells beyond the last quantile that is fitted
_CERTAIN = 1e-3  # probability of a misfit by chance, below which a body is not the data's
_BEND = 1.5  # ln slopes of neighbours differ by about so much where no data tell
_ROUNDS = 6
_FEWEST_CYCLES = 40  # of a cell, below which its pulses tell no shape


class Pulses(NamedTuple):
    """Sinh-arcsinh shape of the part that each pulse draws."""

    skew: float = 0.0
    tail: float = 1.0


class StateShape(NamedTuple):
    """Quantile function of a state.

    Attributes
    ----------
    log_centre : float
        ln of the resistance at the deviation 0, ohm.
    sigma : float
        Standard deviation of ln R.
    slopes : tuple of float
        At `KNOTS`.
    again : ndarray, shape (samples, 7)
        ln slopes of bootstrap samples of the cells.
    smallest_probability : float
    """

    log_centre: float
    sigma: float
    slopes: Slopes
    again: Array
    smallest_probability: float

    def deviation(self, log_resistance: Array) -> Array:
        """Return the deviation d of values of ln R, normal but for the tails of pulses."""
        return self.sigma * unbent((log_resistance - self.log_centre) / self.sigma, self.slopes)


def fit_shape(
    log_resistance: Array,
    cell: Array,
    name: str,
    seed: int,
    known: tuple[float, Pulses] | None = None,
) -> StateShape | None:
    """Fit the quantile function of a state; None where values are too few.

    Parameters
    ----------
    log_resistance : ndarray, shape (values,)
        In the order of the cycles of each cell.
    cell : ndarray of int, shape (values,)
    name, seed
        Of the random stream of the bootstrap.
    known : (float, Pulses), optional
        The cells' fraction of the variance and the shape of single pulses; found along the way by
        default.
    """
    number = np.unique(cell, return_inverse=True)[1]
    cells, n = int(number.max()) + 1, len(log_resistance)
    if cells < _FEWEST_CELLS or n < _FEWEST:
        return None
    order = np.argsort(log_resistance)
    y, of_cell = log_resistance[order], number[order]
    low, high = _fraction(of_cell, _FITTED), _fraction(of_cell[::-1], _FITTED)
    score = np.linspace(float(ndtri(low)), -float(ndtri(high)), 81)
    measured = np.interp(ndtr(score), (np.arange(n) + 0.5) / n, y)
    last = np.searchsorted(y, measured, side="right")

    def resampled(weights: Sequence[Array]) -> Array:
        """Normal scores of the measured quantiles among weighted cells, and their own quantiles."""
        w = weights[0][of_cell]
        below = np.concatenate([[0.0], np.cumsum(w)])
        low = 0.5  # of a value, so that no score is infinite
        scores = ndtri(np.clip(below[last], low, n - low) / n)
        own = np.interp(np.append(ndtr(score), 0.5) * below[-1], (below[1:] + below[:-1]) / 2, y)
        return np.concatenate([scores, own[:-1] - own[-1]])

    samples, quantiles = np.hsplit(bootstrap(resampled, [cells], f"shape.{name}", seed), 2)
    median = float(np.median(y))
    at, pulses = known or (0.5, Pulses())
    by_cell = np.argsort(number, kind="stable")
    for _ in range(_ROUNDS):
        v = _quantiles_of(pulses, at)
        sigma, slopes, again_of = _slopes(v, score, measured - median, samples.std(axis=0))
        centre = median - sigma * float(bent(v(np.zeros(1)), slopes)[0])
        if known or n < 2 * cells:  # or nothing to tell pulses from cells by
            break
        deviation = unbent((log_resistance - centre) / sigma, slopes)
        at, pulses = _pulses_of(deviation[by_cell], number[by_cell])
    smallest = max(_fraction(side, _BEYOND) for side in (of_cell, of_cell[::-1]))
    return StateShape(centre, sigma, slopes, again_of(quantiles), smallest)


def is_needed(shape: StateShape) -> bool:
    """Return whether the slopes differ from 1 by more than chance explains."""
    off = np.log(shape.slopes)
    covariance = np.cov(shape.again, rowvar=False)
    size = float(off @ np.linalg.pinv(covariance, rcond=1e-6, hermitian=True) @ off)
    return bool(scipy.stats.chi2.sf(size, len(off)) < _CERTAIN)


def _fraction(cell: NDArray[np.intp], cells: int) -> float:
    """Fraction of sorted values within which so many cells have one."""
    first = np.sort(np.unique(cell, return_index=True)[1])
    return float(first[cells - 1] + 1) / len(cell)


Quantiles = Callable[[Array], Array]


def _quantiles_of(pulses: Pulses, at: float) -> Quantiles:
    """Return what gives v at standard normal scores, cells having a fraction of its variance."""
    model = Programming(
        "lognormal_resistance", 1.0, 0, 0, 0, 0, at**0.5, (1 - at) ** 0.5,
        skew=pulses.skew, tail=pulses.tail,
    )  # fmt: skip
    return lambda score: programming.deviation_of(model, score)


def _slopes(
    v_at: Quantiles, score: Array, log_r: Array, error: Array
) -> tuple[float, Slopes, Callable[[Array], Array]]:
    """Return the standard deviation of ln R, the slopes of a T(v) of standard deviation 1, and
    what gives ln slopes of quantiles of bootstrap samples, by one step from these.

    Parameters
    ----------
    v_at : callable
    score : ndarray, shape (n,)
        Of quantiles of ln R.
    log_r : ndarray, shape (n,)
        Those quantiles, from the median.
    error : ndarray, shape (n,)
        Standard error of the scores.
    """
    v = v_at(score)
    width = error * np.gradient(v, score)
    scale = float(np.ptp(log_r) / np.ptp(v))
    weight, z = programming.standard_nodes()
    nodes, middle = v_at(z), v_at(np.zeros(1))

    def off(u: Array, measured: Array) -> Array:
        slopes = tuple(np.exp(u))
        miss = (unbent(measured / scale + bent(middle, slopes), slopes) - v) / width
        return np.concatenate([miss, np.diff(u) / _BEND])

    def sd(u: Array) -> float:
        at = bent(nodes, tuple(np.exp(u)))
        return float(np.sqrt(weight @ at**2 - (weight @ at) ** 2))

    found = least_squares(off, np.zeros(len(KNOTS)), bounds=(-7.0, 7.0), args=(log_r,))
    step = -np.linalg.pinv(found.jac)

    def again(samples: Array) -> Array:
        miss = np.array([off(found.x, one) for one in samples])
        miss[:, len(v) :] += rng.standard_normal((len(miss), miss.shape[1] - len(v)))
        steps = found.x + np.clip(miss @ step.T, -1.5, 1.5)
        return np.array([u - np.log(sd(u)) for u in steps])

    rng = stream(len(v), "characterization.shape.smoothness")  # what no data hold stays uncertain
    size = sd(found.x)
    return scale * size, tuple((np.exp(found.x) / size).tolist()), again


def _pulses_of(deviation: Array, number: NDArray[np.intp]) -> tuple[float, Pulses]:
    """Return the cells' fraction of the variance, and the shape of single pulses.

    Values of a cell are consecutive; cells with unequal numbers of values tell no shape.
    """
    count = np.bincount(number)
    mean = np.bincount(number, deviation) / count
    inside = float(((deviation - mean[number]) ** 2).sum() / (count - 1).sum())
    between = max(float(mean.var(ddof=1)) - inside * float((1 / count).mean()), 0.01 * inside)
    at = between / (between + inside)
    if count.min() < count.max() or count[0] < _FEWEST_CYCLES:
        return at, Pulses()
    return at, Pulses(*pulse_shape(deviation.reshape(len(count), -1)))
