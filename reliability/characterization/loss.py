"""Loss of a state towards an end, by time in the oven (retention) or by reads (read disturb).

Both models are one, the kinetic forms of `reliability.devices.retention` with

    x = stress / tau,    ln tau = location + spread z

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
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import minimize

from reliability.characterization.estimates import Array

_Z = np.linspace(-4.0, 4.0, 121)  # standard normal deviates that are summed over
LEAST = 0.015  # of ln G: no read is surer
# A standard normal as three normals at 0 and +-0.8 sqrt(3), which has its moments up to the fifth:
# where, fraction and standard deviation of each.
_ENDS = tuple((0.8 * math.sqrt(3) * k, 1 / 6 if k else 2 / 3, 0.6) for k in (-1, 0, 1))
FORMS = ("arrhenius_loss", "log_resistance_loss", "log_time_loss")
_CONVERGED = 1e-9  # relative gain in log-likelihood
_BETWEEN = 0.3  # of a step of the grid


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


def log_likelihood(
    data: Stressed, own: Array, log_end: float, sigma_asymptotic: float, form: str = FORMS[0]
) -> Array:
    """Return the log-likelihood of every cell, shape (cells,).

    Parameters
    ----------
    data : Stressed
    own : ndarray
        Coefficients of the features, then ln spread, ln shape and ln of the error of ln G.
    log_end : float
        ln of the end resistance.
    sigma_asymptotic : float
    form : str
        Kinetic form of `reliability.devices.retention`.
    """
    count = data.features.shape[1]
    log_x = np.log(data.stress) - data.features @ own[:count]
    starts = np.flatnonzero(np.diff(data.cell, prepend=-1))
    out = np.empty(len(starts))
    # ln G is linear in its end where ln R is what moves: one normal distribution is exact
    ends = _ENDS if sigma_asymptotic > 0 and form == FORMS[0] else ((0.0, 1.0, 1.0),)
    _cells(
        np.append(starts, len(data.cell)), log_x, math.exp(own[count]) * data.scale,
        np.log(data.first), np.log(data.conductance), FORMS.index(form),
        math.exp(own[count + 1]), math.hypot(math.exp(own[count + 2]), LEAST),
        -log_end, sigma_asymptotic, np.array(ends), _Z, out,
    )  # fmt: skip
    return out


@njit(cache=True, nogil=True)
def _cells(  # type: ignore[no-untyped-def]
    starts, log_x, spread, log_first, log_g, form, shape, error, log_end, sigma, ends, z, out
):
    """Sum the likelihood of each cell over its deviate and its end."""
    nodes, step = len(z), z[1] - z[0]
    most = (starts[1:] - starts[:-1]).max()
    left, here, part = np.empty((most, nodes)), np.empty((most, nodes)), np.empty((most, nodes))
    total = np.empty(nodes)
    for cell in range(len(starts) - 1):
        first, reads = starts[cell], starts[cell + 1] - starts[cell]
        for i in range(reads):
            for k in range(nodes):
                x = log_x[first + i] - spread[first + i] * z[k]
                if form == 2:
                    left[i, k] = max(1.0 - shape * np.log1p(np.exp(min(x, 600.0))), 0.0)
                else:
                    left[i, k] = np.exp(-np.exp(min(shape * x, 6.0)))
        best = -np.inf
        sums = 0.0
        for e in range(len(ends)):
            end, rest = log_end + sigma * ends[e, 0], sigma * ends[e, 2]
            for i in range(reads):
                away = log_first[first + i] - end
                beyond = np.exp(away) - 1.0
                for k in range(nodes):
                    if form == 0:
                        moved = beyond * left[i, k] + 1.0
                        here[i, k] = end + np.log(moved)
                        part[i, k] = (1.0 - left[i, k]) / moved
                    else:
                        here[i, k] = end + away * left[i, k]
                        part[i, k] = 1.0 - left[i, k]
            for k in range(nodes):
                low, high = max(k - 1, 0), min(k + 1, nodes - 1)
                square = cross = parts = weights = 0.0
                product = 1.0
                for i in range(reads):
                    # what a step of the grid changes counts as an error, or the likelihood falls
                    # between the nodes
                    wide = _BETWEEN * (here[i, high] - here[i, low]) / (high - low)
                    weight = 1.0 / (error * error + reads * wide * wide)
                    off = log_g[first + i] - here[i, k]
                    square += off * off * weight
                    cross += off * part[i, k] * weight
                    parts += part[i, k] * part[i, k] * weight
                    product *= weight
                    if product > 1e200 or product < 1e-200:
                        weights += np.log(product)
                        product = 1.0
                weights += np.log(product)
                # errors and one common end: a diagonal covariance plus rest^2 part part^T
                both = 1.0 + rest * rest * parts
                total[k] = -0.5 * (
                    square - rest * rest * cross * cross / both - weights + np.log(both) + z[k] ** 2
                )
            top = total.max()
            inside = np.log(ends[e, 1]) + top
            inside += np.log(np.exp(total - top).sum() * step / np.sqrt(2.0 * np.pi))
            if inside > best:
                sums = sums * np.exp(best - inside) + 1.0
                best = inside
            else:
                sums += np.exp(inside - best)
        out[cell] = best + np.log(sums)


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
    L-BFGS-B of scipy; the information is that of the summed squared scores of the cells [1]_.

    .. [1] E. K. Berndt, B. H. Hall, R. E. Hall, J. A. Hausman, Annals of Economic and Social
       Measurement 3, 653 (1974).
    """
    low, high = np.array(bounds, float).T
    x, step = np.clip(np.asarray(start, float), low, high), 1e-3
    x = minimize(
        lambda u: float(loss_of_cells(u).sum()), x, method="L-BFGS-B", bounds=list(bounds),
        options={"ftol": _CONVERGED},
    ).x  # fmt: skip
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
