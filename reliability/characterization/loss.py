"""Loss of a state towards an end, by time in the oven (retention) or by reads (read disturb).

Both models are one:

    G = G_end + (G_0 - G_end) exp(-x^shape),    x = stress / tau,    ln tau = location + spread z

with a deviate z for each cell. The likelihood of a cell's reads, ln G with normal errors and an end
of its own that spreads by ``sigma_asymptotic``, is summed over z on a grid (which takes cells that
have lost nothing yet, or all, for what they are); the end is a sum of three narrower normal
distributions, around each of which ln G is linear in it. The sigmas are those of the information in
the scores of the cells, the independent units.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from reliability.characterization.estimates import Array

_Z = np.linspace(-4.0, 4.0, 61)  # standard normal deviates that are summed over
_LEAST = 0.03  # of ln G: no read is surer
# A standard normal as three normals at 0 and +-0.8 sqrt(3), which has its moments up to the fifth:
# where, fraction and standard deviation of each.
_ENDS = tuple((0.8 * math.sqrt(3) * k, 1 / 6 if k else 2 / 3, 0.6) for k in (-1, 0, 1))
_ITERATIONS, _TOLERANCE, _CONVERGED = 100, 1e-3, 0.1  # the latter two of the log-likelihood
_BETWEEN = 0.6  # of a step of the grid


@dataclass(frozen=True)
class Stressed:
    """Reads of one state under stress.

    Parameters
    ----------
    cell : ndarray of int, shape (reads,)
        0, 1, ... in the order of the reads.
    first, conductance : ndarray, shape (reads,)
        S.
    stress : ndarray, shape (reads,)
        Time or reads.
    features : ndarray, shape (reads, k)
        What the location of ln tau is linear in, the constant first.
    scale : ndarray, shape (reads,)
        What the spread of ln tau is multiplied by.
    """

    cell: NDArray[np.intp]
    first: Array
    conductance: Array
    stress: Array
    features: Array
    scale: Array

    @property
    def cells(self) -> int:
        """Number of cells."""
        return int(self.cell[-1]) + 1


def log_likelihood(data: Stressed, own: Array, log_end: float, sigma_asymptotic: float) -> Array:
    """Return the log-likelihood of every cell, shape (cells,).

    Parameters
    ----------
    data : Stressed
    own : ndarray
        Coefficients of the features, then ln spread, ln shape and ln of the error of ln G.
    log_end : float
        ln of the end resistance.
    sigma_asymptotic : float
    """
    ends = _ENDS if sigma_asymptotic > 0 else ((0.0, 1.0, 0.0),)
    left = _left(data, own)
    error = math.hypot(math.exp(own[-1]), _LEAST)
    parts = [
        math.log(fraction)
        + _given_end(data, left, error, log_end - sigma_asymptotic * at, sigma_asymptotic * rest)
        for at, fraction, rest in ends
    ]
    return np.asarray(np.logaddexp.reduce(parts, axis=0))


def _left(data: Stressed, own: Array) -> Array:
    """Fraction of what can be lost that every read still has, shape (reads, deviates)."""
    count = data.features.shape[1]
    spread, shape = math.exp(own[count]), math.exp(own[count + 1])
    location = np.log(data.stress) - data.features @ own[:count]
    log_x = location[:, None] - spread * data.scale[:, None] * _Z
    return np.asarray(np.exp(-np.exp(np.minimum(shape * log_x, 6.0))))


def _given_end(
    data: Stressed, left: Array, error: float, log_end: float, sigma_asymptotic: float
) -> Array:
    """Log-likelihood of cells whose ends spread little, around which ln G is linear in the end."""
    end = math.exp(-log_end)
    g = end + (data.first[:, None] - end) * left
    fraction = end * (1 - left) / g  # d ln G / d ln G_end
    log_g = np.log(g)
    off = np.log(data.conductance)[:, None] - log_g
    # What a step of the grid changes counts as an error, or the likelihood falls between the nodes.
    starts = np.flatnonzero(np.diff(data.cell, prepend=-1))
    reads = np.diff(np.append(starts, len(off)))
    wide = _BETWEEN * np.sqrt(np.repeat(reads, reads))[:, None] * np.gradient(log_g, axis=1)
    weight = 1 / (error**2 + wide**2)
    square, cross, fractions, log_weight = (
        np.add.reduceat(x, starts, axis=0)
        for x in (off**2 * weight, off * fraction * weight, fraction**2 * weight, np.log(weight))
    )
    # Errors and one common end: a diagonal covariance plus sigma_asymptotic^2 fraction fraction^T.
    both = 1 + sigma_asymptotic**2 * fractions
    total = -0.5 * (
        square - sigma_asymptotic**2 * cross**2 / both - log_weight + np.log(both) + _Z**2
    )
    top = total.max(axis=1, keepdims=True)
    step = _Z[1] - _Z[0]
    inside = np.log(np.exp(total - top).sum(axis=1) * step / math.sqrt(2 * math.pi))
    return np.asarray(top[:, 0] + inside)


def maximise(
    loss_of_cells: Callable[[Array], Array], start: Array, bounds: Sequence[tuple[float, float]]
) -> tuple[Array, Array]:
    """Return the estimates and their covariance: inverse of the cells' summed squared scores.

    Parameters
    ----------
    loss_of_cells : callable
        Estimates -> minus the log-likelihood of each independent cell.
    start : ndarray
    bounds : sequence of (float, float)

    Notes
    -----
    Sequential quadratic programming (`scipy.optimize.minimize`, SLSQP) on slopes by central
    differences. The summed squared scores of the cells are the information [1]_; a maximum that it
    places more than `_CONVERGED` of log-likelihood away is not reached, which is a warning.

    .. [1] E. K. Berndt, B. H. Hall, R. E. Hall, J. A. Hausman, Annals of Economic and Social
       Measurement 3, 653 (1974).
    """
    low, high = np.array(bounds, float).T
    start, step = np.clip(np.asarray(start, float), low, high), 1e-3
    cells = len(loss_of_cells(start))

    def mean(x: Array) -> tuple[float, Array]:
        value = loss_of_cells(x).mean()
        return float(value), _scores(loss_of_cells, x, low, high, step).mean(axis=1)

    found = minimize(mean, start, jac=True, method="SLSQP", bounds=bounds,
                     options={"maxiter": _ITERATIONS, "ftol": _TOLERANCE / cells})  # fmt: skip
    x = np.clip(found.x, low, high)
    scores = _scores(loss_of_cells, x, low, high, step)
    inside = np.flatnonzero((x > low + 1e-3) & (x < high - 1e-3))
    covariance = np.zeros((len(x), len(x)))
    information = scores[inside] @ scores[inside].T
    covariance[np.ix_(inside, inside)] = np.linalg.pinv(information, hermitian=True)
    slope = scores.sum(axis=1)
    if slope @ covariance @ slope > 2 * _CONVERGED:
        warnings.warn(f"the fit stopped before its maximum: {found.message}", stacklevel=2)
    return x, covariance


def _scores(
    loss_of_cells: Callable[[Array], Array], x: Array, low: Array, high: Array, step: float
) -> Array:
    """Slope of each cell's loss in each estimate, shape (estimates, cells)."""
    out = []
    for k in range(len(x)):
        ends = np.repeat(x[None], 2, axis=0)
        ends[:, k] = np.clip([x[k] - step, x[k] + step], low[k], high[k])
        down, up = (loss_of_cells(end) for end in ends)
        out.append((up - down) / (ends[1, k] - ends[0, k]))
    return np.array(out)
