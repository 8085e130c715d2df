"""Life of cells that receive unlike numbers of writes, and what wear levelling adds to it.

A training run gives cell i the equivalent cycles n_i. After R runs the fraction of cells that have
failed for good, the runs until a given fraction and those until the first are

    S(R) = mean over i of F(R n_i),      S(R_s) = s,      1 - prod over i of (1 - F(R n_i)) = 1/2

with the distribution F of cycles to failure of the card (`reliability.devices.endurance`). A die
whose cells last exp(d) times as long has all times exp(d) times as long.

Wear levelling moves the load without changing its sum: over the cells of a synapse (the cells of a
side take turns, and the two sides change roles), over the rows of the array, or over all cells of
it. What moving costs, one more write of each cell at each move, is left out; once in a training run
it is small against the run.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from reliability.devices import endurance as physics
from reliability.devices.endurance import Endurance
from reliability.errors import unknown_name
from reliability.random import stream

FREE, AT_ZERO, AT_ONE = -1, 0, 1  # of a cell: not stuck, stuck in HRS, stuck in LRS
LEVELLING = ("none", "synapse", "rows", "array")
_AXES = {"none": (), "synapse": (1, 2), "rows": (0,), "array": (0, 1, 2, 3)}


def level(loads: Sequence[NDArray[np.floating]], over: str) -> list[NDArray[np.float64]]:
    """Return the loads of cells that take turns.

    Parameters
    ----------
    loads : sequence of ndarray, shape (inputs, 2, cells, outputs) each
        Of the layers of a network.
    over : {"none", "synapse", "rows", "array"}

    Examples
    --------
    >>> load = np.arange(8.0).reshape(2, 2, 1, 2)
    >>> level([load], "rows")[0][0].ravel().tolist()
    [2.0, 3.0, 4.0, 5.0]
    >>> [float(level([load], way)[0].sum()) for way in LEVELLING]
    [28.0, 28.0, 28.0, 28.0]
    """
    if over not in _AXES:
        raise unknown_name("levelling", over, LEVELLING)
    axes = _AXES[over]
    out = [np.asarray(load, float) for load in loads]
    if not axes:
        return out
    return [np.broadcast_to(load.mean(axis=axes, keepdims=True), load.shape) for load in out]


def runs_to_failure(endurance: Endurance, cycles: ArrayLike, fraction: float) -> float:
    """Return the training runs after which ``fraction`` of the cells have failed; inf if none does.

    >>> endurance = physics._example()
    >>> round(runs_to_failure(endurance, [1e6, 1e6], 1 - np.exp(-1)), 6)
    10.0
    >>> runs_to_failure(endurance, [0.0, 1e6], 0.6)  # half of the cells are not written
    inf
    """
    n, count = _spectrum(cycles)
    weight = count / count.sum()
    if fraction >= weight[n > 0].sum():
        return np.inf
    # not before the same fraction would fail if all cells had the largest load
    earliest = float(physics.hard_failure(endurance, fraction)) / n[-1]
    return _solve(
        lambda r: float(physics.probability_failed(endurance, r * n) @ weight) - fraction, earliest
    )


def runs_to_first_failure(
    endurance: Endurance, cycles: ArrayLike, probability: float = 0.5
) -> float:
    """Return the training runs by which the first cell has failed, at a probability.

    >>> endurance = physics._example()
    >>> n = np.full(1000, 1e6)
    >>> first = runs_to_first_failure(endurance, n)
    >>> bool(np.isclose(first * 1e6, physics.array_quantile(endurance, 0.5, cells=1000)))
    True
    """
    n, count = _spectrum(cycles)
    if n[-1] == 0:
        return np.inf

    def missing(runs: float) -> float:
        with np.errstate(divide="ignore"):
            alive = np.log1p(-physics.probability_failed(endurance, runs * n)) @ count
        return float(-np.expm1(alive)) - probability

    earliest = float(physics.array_quantile(endurance, probability, float(count.sum()))) / n[-1]
    return _solve(missing, earliest)


def failed_cells(
    endurance: Endurance, loads: NDArray[np.integer], fraction: float, seed: int
) -> NDArray[np.int8]:
    """Return the state of cells of which ``fraction`` have failed, those that fail first.

    Parameters
    ----------
    endurance : Endurance
    loads : ndarray, shape (cells,)
        Writes in one training run; cells without any do not fail.
    fraction : float
        Of all cells.
    seed : int

    Returns
    -------
    ndarray of int8, shape (cells,)
        `FREE`, `AT_ZERO` or `AT_ONE`.
    """
    random = stream(seed, "learning.failures")
    lives = physics.hard_failure(endurance, random.random(loads.size))
    in_lrs = random.random(loads.size) < endurance.stuck_lrs
    with np.errstate(divide="ignore"):
        lives = lives / loads
    order = np.argsort(lives)[: round(fraction * loads.size)]
    order = order[np.isfinite(lives[order])]
    out = np.full(loads.size, FREE, np.int8)
    out[order] = np.where(in_lrs[order], AT_ONE, AT_ZERO)
    return out


def _spectrum(cycles: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Loads that occur, growing, and how many cells have each."""
    return np.unique(np.asarray(cycles, float), return_counts=True)


def _solve(missing: Callable[[float], float], earliest: float) -> float:
    """Zero of a function that grows with the runs and is not above 0 at the earliest."""
    low, high = earliest * (1 - 1e-9), 2 * earliest
    while missing(high) < 0:
        low, high = high, 4 * high
    log = scipy.optimize.brentq(lambda v: missing(np.exp(v)), np.log(low), np.log(high), xtol=1e-7)
    return float(np.exp(log))
