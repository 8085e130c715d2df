"""Loss of a state towards an end, by time in the oven (retention) or by reads (read disturb).

Both models are one:

    G = G_end + (G_0 - G_end) exp(-x^shape),    x = stress / tau,    ln tau = location + spread z

with a deviate z for each cell. The likelihood of a cell's reads, ln G with normal errors and an end
of its own that spreads by ``sigma_asymptotic``, is summed over z on a grid (which takes cells that
have
lost nothing yet, or all, for what they are); the end is a sum of three narrower normal
distributions, around
each of which ln G is linear in it.
The sigmas are those of the information in the scores of the cells, the independent units.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reliability.characterization.estimates import Array

_Z = np.linspace(-4.0, 4.0, 61)  # standard normal deviates that are summed over
_LEAST = 0.03  # of ln G: no read is surer
# A standard normal as three normals at 0 and +-0.8 sqrt(3), which has its moments up to the fifth:
# where, share and standard deviation of each.
_ENDS = tuple((0.8 * math.sqrt(3) * k, 1 / 6 if k else 2 / 3, 0.6) for k in (-1, 0, 1))
_ITERATIONS, _CONVERGED = 100, 1e-3  # of the scoring; gain in log-likelihood
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
    parts = [
        math.log(share)
        + _given_end(data, own, log_end - sigma_asymptotic * at, sigma_asymptotic * rest)
        for at, share, rest in ends
    ]
    return np.asarray(np.logaddexp.reduce(parts, axis=0))


def _given_end(data: Stressed, own: Array, log_end: float, sigma_asymptotic: float) -> Array:
    """Log-likelihood of cells whose ends spread little, around which ln G is linear in the end."""
    count = data.features.shape[1]
    location = data.features @ own[:count]
    spread, shape = math.exp(own[count]), math.exp(own[count + 1])
    error = math.hypot(math.exp(own[count + 2]), _LEAST)
    end = math.exp(-log_end)
    log_x = np.log(data.stress)[:, None] - location[:, None] - spread * data.scale[:, None] * _Z
    left = np.exp(-np.exp(np.minimum(shape * log_x, 6.0)))
    g = end + (data.first[:, None] - end) * left
    share = end * (1 - left) / g  # d ln G / d ln G_end
    log_g = np.log(g)
    off = np.log(data.conductance)[:, None] - log_g
    # What a step of the grid changes counts as an error, or the likelihood falls between the nodes.
    starts = np.flatnonzero(np.diff(data.cell, prepend=-1))
    reads = np.diff(np.append(starts, len(off)))
    wide = _BETWEEN * np.sqrt(np.repeat(reads, reads))[:, None] * np.gradient(log_g, axis=1)
    weight = 1 / (error**2 + wide**2)
    square, cross, shares, log_weight = (
        np.add.reduceat(x, starts, axis=0)
        for x in (off**2 * weight, off * share * weight, share**2 * weight, np.log(weight))
    )
    # Errors and one common end: a diagonal covariance plus sigma_asymptotic^2 share share^T.
    both = 1 + sigma_asymptotic**2 * shares
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
    Damped scoring with the summed squared scores of the cells as the information (BHHH) [1]_.

    .. [1] E. K. Berndt, B. H. Hall, R. E. Hall, J. A. Hausman, Annals of Economic and Social
       Measurement 3, 653 (1974).
    """
    low, high = np.array(bounds, float).T
    x, step = np.clip(np.asarray(start, float), low, high), 1e-3
    value, damping = loss_of_cells(x), 1.0
    for _ in range(_ITERATIONS):
        scores = _scores(loss_of_cells, x, low, high, step)
        information = scores @ scores.T
        information[np.diag_indices(len(x))] *= 1 + damping
        information[np.diag_indices(len(x))] += 1e-9
        moved = np.clip(x - np.linalg.solve(information, scores.sum(axis=1)), low, high)
        there = loss_of_cells(moved)
        gain = float(value.sum() - there.sum())
        if gain > 0:
            x, value, damping = moved, there, damping / 4
            if gain < _CONVERGED:
                break
        elif damping > 1e8:
            break
        else:
            damping *= 6
    scores = _scores(loss_of_cells, x, low, high, step)
    inside = np.flatnonzero((x > low + 1e-3) & (x < high - 1e-3))
    covariance = np.zeros((len(x), len(x)))
    information = scores[inside] @ scores[inside].T
    covariance[np.ix_(inside, inside)] = np.linalg.pinv(information, hermitian=True)
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
