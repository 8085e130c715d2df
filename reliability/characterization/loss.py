"""Loss of a state towards an end, by time in the oven (retention) or by reads (read disturb).

Both laws are one:

    G = G_end + (G_0 - G_end) exp(-x^shape),    x = stress / tau,    ln tau = location + spread z

with a latent z for each cell. The likelihood of a cell's reads, ln G with normal errors and an end
that spreads by ``sigma_final``, is summed over z on a grid; the sigmas come from the curvature of
the likelihood and the scores of the cells (sandwich), so that cells are the independent units.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from reliability.characterization.fit import Array

_Z = np.linspace(-5.0, 5.0, 161)  # latent scores that are summed over
_LEAST = 0.02  # of ln G: errors below are not resolved by the grid


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


def log_likelihood(data: Stressed, own: Array, log_end: float, sigma_final: float) -> Array:
    """Return the log-likelihood of every cell, shape (cells,).

    Parameters
    ----------
    data : Stressed
    own : ndarray
        Coefficients of the features, then ln spread, ln shape and ln of the error of ln G.
    log_end : float
        ln of the end resistance.
    sigma_final : float
    """
    count = data.features.shape[1]
    location = data.features @ own[:count]
    spread, shape = math.exp(own[count]), math.exp(own[count + 1])
    error = math.hypot(math.exp(own[count + 2]), _LEAST)
    end = math.exp(-log_end)
    log_x = np.log(data.stress)[:, None] - location[:, None] - spread * data.scale[:, None] * _Z
    left = np.exp(-np.exp(np.minimum(shape * log_x, 6.0)))
    g = end + (data.first[:, None] - end) * left
    of_end = end * (1 - left) / g  # d ln G / d ln G_end
    variance = error**2 + (sigma_final * of_end) ** 2
    off = np.log(data.conductance)[:, None] - np.log(g)
    each = -0.5 * (off**2 / variance + np.log(2 * np.pi * variance))
    starts = np.flatnonzero(np.diff(data.cell, prepend=-1))
    total = np.add.reduceat(each, starts, axis=0) - _Z**2 / 2
    top = total.max(axis=1, keepdims=True)
    step = _Z[1] - _Z[0]
    inside = np.log(np.exp(total - top).sum(axis=1) * step / math.sqrt(2 * math.pi))
    return np.asarray(top[:, 0] + inside)


def maximise(
    loss_of_cells: Callable[[Array], Array], start: Array, bounds: Sequence[tuple[float, float]]
) -> tuple[Array, Array]:
    """Return the estimates and their sandwich covariance.

    Parameters
    ----------
    loss_of_cells : callable
        Estimates -> minus the log-likelihood of each independent cell.
    start : ndarray
    bounds : sequence of (float, float)
    """
    scaled = len(loss_of_cells(start))
    best = minimize(
        lambda x: float(loss_of_cells(x).sum()) / scaled, start, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 300, "ftol": 1e-13, "gtol": 1e-7},
    ).x  # fmt: skip
    low, high = np.array(bounds).T
    inside = np.flatnonzero((best > low + 1e-3) & (best < high - 1e-3))
    step = 3e-4 * np.maximum(np.abs(best), 0.3)

    def scores(x: Array) -> Array:
        return np.stack(
            [
                (loss_of_cells(x + _unit(k, step)) - loss_of_cells(x - _unit(k, step))) / (2 * step[k])
                for k in inside
            ]
        )

    at_best = scores(best)
    curvature = np.stack(
        [
            (scores(best + _unit(k, step)).sum(axis=1) - scores(best - _unit(k, step)).sum(axis=1))
            / (2 * step[k])
            for k in inside
        ]
    )
    bread = np.linalg.pinv((curvature + curvature.T) / 2, hermitian=True)
    covariance = np.zeros((len(best), len(best)))
    covariance[np.ix_(inside, inside)] = bread @ (at_best @ at_best.T) @ bread
    return np.asarray(best), covariance


def _unit(k: int, step: Array) -> Array:
    out = np.zeros(len(step))
    out[k] = step[k]
    return out
