"""How long cells last that receive unlike numbers of writes, and what levelling them buys.

A training gives cell i the equivalent cycles n_i. After R trainings the share of cells that have
failed for good, the time of a given share and the time of the first are

    S(R) = mean over i of F(R n_i),      S(R_s) = s,      1 - prod over i of (1 - F(R n_i)) = 1/2

with the law F of cycles to failure of the card (`reliability.devices.endurance`). A die whose cells
last exp(d) times as long has all times exp(d) times as long.

Wear-levelling moves the load without changing its sum: over the cells of a synapse (the cells of a
side take turns, and the two sides change roles), over the rows of the array, or over all cells of
it. What moving costs, one more write of each cell at each move, is left out; once in a training it
is small against the training.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from reliability.devices import endurance
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


def share_failed(law: Endurance, cycles: ArrayLike, trainings: ArrayLike) -> NDArray[np.float64]:
    """Return the share of cells that have failed for good after some trainings.

    Parameters
    ----------
    law : Endurance
    cycles : array_like
        Equivalent cycles of each cell in one training, any shape.
    trainings : array_like

    Examples
    --------
    >>> law = endurance._example()
    >>> share_failed(law, [0.0, 1e6], [10.0]).round(4)
    array([0.3161])
    """
    n, count = _spectrum(cycles)
    x = np.multiply.outer(np.asarray(trainings, float), n)
    return endurance.probability_failed(law, x) @ count / count.sum()


def trainings_to_share(law: Endurance, cycles: ArrayLike, share: float) -> float:
    """Return the trainings after which ``share`` of the cells have failed; inf if never.

    >>> law = endurance._example()
    >>> round(trainings_to_share(law, [1e6, 1e6], 1 - np.exp(-1)), 6)
    10.0
    >>> trainings_to_share(law, [0.0, 1e6], 0.6)  # half of the cells are never written
    inf
    """
    n, count = _spectrum(cycles)
    weight = count / count.sum()
    if share >= weight[n > 0].sum():
        return np.inf
    # not before the same share would fail if all cells had the largest load
    earliest = float(endurance.hard_failure(law, share)) / n[-1]
    return _solve(
        lambda r: float(endurance.probability_failed(law, r * n) @ weight) - share, earliest
    )


def trainings_to_first(law: Endurance, cycles: ArrayLike, probability: float = 0.5) -> float:
    """Return the trainings by which the first cell has failed, at a probability.

    >>> law = endurance._example()
    >>> n = np.full(1000, 1e6)
    >>> first = trainings_to_first(law, n)
    >>> bool(np.isclose(first * 1e6, endurance.array_quantile(law, 0.5, cells=1000)))
    True
    """
    n, count = _spectrum(cycles)
    if n[-1] == 0:
        return np.inf

    def missing(trainings: float) -> float:
        with np.errstate(divide="ignore"):
            alive = np.log1p(-endurance.probability_failed(law, trainings * n)) @ count
        return float(-np.expm1(alive)) - probability

    earliest = float(endurance.array_quantile(law, probability, float(count.sum()))) / n[-1]
    return _solve(missing, earliest)


def failed_cells(
    law: Endurance, loads: NDArray[np.integer], share: float, seed: int
) -> NDArray[np.int8]:
    """Return the state of cells of which ``share`` have failed, those that fail first.

    Parameters
    ----------
    law : Endurance
    loads : ndarray, shape (cells,)
        Writes in one training; cells without any do not fail.
    share : float
        Of all cells.
    seed : int

    Returns
    -------
    ndarray of int8, shape (cells,)
        `FREE`, `AT_ZERO` or `AT_ONE`.
    """
    random = stream(seed, "learning.failures")
    lives = endurance.hard_failure(law, random.random(loads.size))
    in_lrs = random.random(loads.size) < law.stuck_lrs
    with np.errstate(divide="ignore"):
        lives = lives / loads
    order = np.argsort(lives)[: round(share * loads.size)]
    order = order[np.isfinite(lives[order])]
    out = np.full(loads.size, FREE, np.int8)
    out[order] = np.where(in_lrs[order], AT_ONE, AT_ZERO)
    return out


def _spectrum(cycles: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Loads that occur, growing, and how many cells have each."""
    return np.unique(np.asarray(cycles, float), return_counts=True)


def _solve(missing: Callable[[float], float], earliest: float) -> float:
    """Zero of a function that grows with the trainings and is not above 0 at the earliest."""
    low, high = earliest * (1 - 1e-9), 2 * earliest
    while missing(high) < 0:
        low, high = high, 4 * high
    log = brentq(lambda v: missing(np.exp(v)), np.log(low), np.log(high), xtol=1e-7)
    return float(np.exp(log))
