"""First passage: the cycle in which a cell's correlated path first crosses a threshold.

Two ways to the same model, for cells whose thresholds move slowly as they wear:

- `first_crossings` draws every cycle of the process of `devices.cycles` until it crosses;
- `hazards` gives the model itself. Given the medium part a and the slow part b of the deviate, the
  white part makes the crossings of single cycles independent, with the probability

      q(a, b) = Phi(-(threshold - sqrt(w_m) a - sqrt(w_s) b) / sqrt(w_white))

  so the density of the survivors over (a, b) is stepped exactly from cycle to cycle, multiplied by
  1 - q and carried on by the two Ornstein-Uhlenbeck kernels, on Gauss-Hermite nodes. The hazard
  falls from Phi(-threshold) in the first cycle to the rate of the survivors, which is reached after
  a few memories and then follows the threshold.

Threshold and hazard are constant within a block of cycles (`blocks`). The model holds where LRS and
HRS are independent of one another; with correlated states draw every cycle. Its error is that of a
threshold which moves within a memory of the slow part: d(threshold)/dn times the memory, relative
to one sigma.

Source: the chain of survivors of a Gauss-Markov process, as in D. R. Cox and H. D. Miller, "The
Theory of Stochastic Processes", Chapman and Hall (1965), chapter 5.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
from numpy.polynomial.hermite_e import hermegauss, hermeval
from numpy.typing import NDArray
from scipy.special import factorial, log_ndtr

from reliability.devices.cycles import Cycles, Walk, parts_of
from reliability.devices.shapes import moments
from reliability.errors import InputError
from reliability.random.xoshiro import normal

Floats = NDArray[np.float64]
# Thresholds, in sigma of the deviate, between which hazards are tabulated; beyond 12 sigma the
# hazard is below 1e-32 a cycle, at -5 a cell crosses in its first cycle.
_LEVELS = np.arange(-50, 121) / 10
_MEMORIES = 6  # after which the survivors have forgotten that they started fresh
_MOST_STEPS = 8000


class Blocks(NamedTuple):
    """Stretches of cycles in which thresholds are constant, 1 cycle first, then 1/20 decade."""

    last: NDArray[np.int64]  # last cycle of each block
    middle: Floats  # cycle at which wear is evaluated, writes before that cycle


def blocks(cycles: int) -> Blocks:
    """Return the blocks of a test of ``cycles`` cycles.

    Examples
    --------
    >>> blocks(1000).last[:4], len(blocks(10**9).last)
    (array([1, 2, 3, 4]), 170)
    """
    count = int(np.ceil(20 * np.log10(cycles))) + 1
    last = np.unique(np.round(np.geomspace(1, cycles, count)).astype(np.int64))
    first = np.r_[1, last[:-1] + 1]
    return Blocks(last, (first + last) / 2 - 1)


def hazards(parameters: Cycles, state: int, last: NDArray[np.int64], attempts: int = 1) -> Floats:
    """Return the cumulative hazard that each block adds, for each tabulated threshold.

    Parameters
    ----------
    parameters : Cycles
    state : int
        0 LRS, 1 HRS.
    last : ndarray of int, shape (blocks,)
        Last cycle of each block.
    attempts : int
        Pulses of one cycle, each verified, that must all cross: the white part is drawn anew by
        each of them, so q becomes q^attempts.

    Returns
    -------
    ndarray, shape (levels, blocks)
        -ln of the probability that a survivor survives the block.

    Raises
    ------
    InputError
        The two states are correlated, so they do not cross independently, or a memory that is too
        long to step to its end.

    Examples
    --------
    The first cycle knows no past, whatever the fractions:

    >>> model = Cycles((10, 100), (0.08, 0.01), (0.45, 0.28))
    >>> first = hazards(model, 0, np.array([1]))[:, 0]
    >>> bool(np.allclose(-np.expm1(-first[70]), np.exp(log_ndtr(-_LEVELS[70])), rtol=1e-4))
    True
    """
    if any(parameters.correlation):
        raise InputError(
            f"first passage: got correlation {parameters.correlation} between LRS and HRS, allowed "
            "0; draw every cycle (method='every_cycle')"
        )
    phi_medium, phi_slow = parameters.phi
    medium, slow = parameters.medium[state], parameters.slow[state]
    each = _each_cycle(medium, slow, phi_medium, phi_slow, attempts)
    steps = len(each)
    cumulative = np.concatenate([np.zeros((1, len(_LEVELS))), np.cumsum(each, axis=0)])
    beyond = np.maximum(last - steps, 0)
    at_end = cumulative[np.minimum(last, steps)] + beyond[:, None] * each[-1]
    return np.diff(at_end, axis=0, prepend=0.0).T.copy()


@lru_cache(maxsize=16)
def _each_cycle(
    medium: float, slow: float, phi_medium: float, phi_slow: float, attempts: int
) -> Floats:
    """-ln(1 - hazard) of the survivors in cycle 1, 2, ..., shape (cycles, levels)."""
    white = 1.0 - medium - slow
    a, weight_a, carry_a = _part(medium, white, phi_medium)
    b, weight_b, carry_b = _part(slow, white, phi_slow)
    known = np.sqrt(medium) * a[:, None] + np.sqrt(slow) * b
    deviate = (known - _LEVELS[:, None, None]) / np.sqrt(white)
    log_crosses = attempts * log_ndtr(deviate)
    crosses, stays = np.exp(log_crosses), -np.expm1(log_crosses)
    weight = weight_a[:, None] * weight_b
    memory = max(
        -1 / np.log(phi) if fraction > 0 else 0.0
        for phi, fraction in ((phi_medium, medium), (phi_slow, slow))
    )
    if _MEMORIES * memory > _MOST_STEPS:
        raise InputError(
            f"first passage: got a memory of {memory:.4g} cycles, allowed up to "
            f"{_MOST_STEPS // _MEMORIES}; draw every cycle (method='every_cycle')"
        )
    out = []
    survivors = np.ones_like(crosses)
    for _ in range(int(_MEMORIES * memory) + 1):
        survivors = np.maximum(survivors, 0.0)  # what rounding leaves below zero
        survivors /= (weight * survivors).sum(axis=(1, 2))[:, None, None]
        gone = (weight * survivors * crosses).sum(axis=(1, 2))
        survivors *= stays
        left = np.maximum((weight * survivors).sum(axis=(1, 2)), 1e-300)
        out.append(np.log1p(gone / left))
        survivors = carry_a @ (survivors / left[:, None, None]) @ carry_b.T
    return np.array(out)


def _part(fraction: float, white: float, phi: float) -> tuple[Floats, Floats, Floats]:
    """Nodes and weights of one part's normal distribution, and its kernel from cycle to cycle."""
    if fraction == 0:
        return np.zeros(1), np.ones(1), np.ones((1, 1))
    count = int(np.clip(8 + 16 * np.sqrt(fraction / white), 8, 80))
    nodes, weights = hermegauss(count)
    weights = weights / weights.sum()
    order = np.arange(count)
    basis = np.stack([hermeval(nodes, np.eye(count)[n]) for n in order], axis=1)
    basis /= np.exp(0.5 * np.log(factorial(order)))
    return nodes, weights, (basis * phi**order) @ (basis * weights[:, None]).T


class Reading(NamedTuple):
    """What turns wear into thresholds: a cell fails when it is on the wrong side of a reference.

    Conditions c are temperatures or the like; a block k of a condition has its own wear. Deviations
    are those of `devices.programming`.
    """

    fixed: Floats  # (cells, 2), deviation of LRS and HRS that stays from pulse to pulse
    sigma: Floats  # (cells, 2), standard deviation of the part that each cycle draws, fresh
    limit: Floats  # (conditions, blocks, 2), deviation of a worn cell at the reference
    spread: Floats  # (conditions, blocks, 2), growth of sigma by wear
    last: NDArray[np.int64]  # (blocks,)


def first_crossings(
    parameters: Cycles, walk: Walk, reading: Reading, stop: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Draw every cycle of every cell until it crosses in all conditions, or to its last one.

    Parameters
    ----------
    parameters : Cycles
    walk : Walk
        At the first cycle.
    reading : Reading
    stop : ndarray of int, shape (conditions, cells)
        Last cycle that matters, e.g. the hard failure of the cell or the end of the test.

    Returns
    -------
    cycle : ndarray of int, shape (conditions, cells)
        First crossing; 0 if there is none up to ``stop``.
    state : ndarray of uint8, shape (conditions, cells)
        The state that was misread: 0 LRS, 1 HRS.
    """
    cycle = np.zeros(stop.shape, np.int64)
    state = np.zeros(stop.shape, np.uint8)
    form, maps = walk.form, _maps(parameters)

    def run(part: slice) -> None:
        _draw_until_crossing(
            walk.x[part], walk.generators[part], form.phi, form.step, form.scale, maps,
            reading.fixed[part], reading.sigma[part], reading.limit, reading.spread, reading.last,
            stop[:, part], cycle[:, part], state[:, part],
        )  # fmt: skip

    _share_out(run, stop.shape[1])
    return cycle, state


def crossings_from_hazards(
    parameters: Cycles,
    reading: Reading,
    energy: Floats,
    stop: NDArray[np.int64],
    attempts: int = 1,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Return the first crossings by the model of the first passage, block by block.

    Parameters
    ----------
    parameters : Cycles
    reading : Reading
    energy : ndarray, shape (cells, 2)
        Standard exponential number of each cell and state: the cumulative hazard that it survives.
    stop : ndarray of int, shape (conditions, cells)
    attempts : int
        As of `hazards`.

    Returns
    -------
    As `first_crossings`.
    """
    cycle = np.zeros(stop.shape, np.int64)
    state = np.zeros(stop.shape, np.uint8)
    tables = np.stack([hazards(parameters, s, reading.last, attempts) for s in (0, 1)])
    log_tables = np.log(np.maximum(tables, 1e-300))
    maps = _maps(parameters)

    def run(part: slice) -> None:
        _step_blocks(
            log_tables, _LEVELS[0], _LEVELS[1] - _LEVELS[0], maps, reading.fixed[part],
            reading.sigma[part], reading.limit, reading.spread, reading.last, energy[part],
            stop[:, part], cycle[:, part], state[:, part],
        )  # fmt: skip

    _share_out(run, stop.shape[1])
    return cycle, state


def _share_out(run: Callable[[slice], None], cells: int) -> None:
    with ThreadPoolExecutor() as pool:
        list(pool.map(run, parts_of(cells)))


def _maps(parameters: Cycles) -> Floats:
    """Mean, standard deviation, skew and tail of the map of each state, shape (2, 4)."""
    pairs = zip(parameters.skew, parameters.tail, strict=True)
    return np.array([[*moments(skew, tail), skew, tail] for skew, tail in pairs])


@numba.njit(cache=True)
def _threshold(maps, s, fixed, sigma, limit, spread):  # type: ignore[no-untyped-def]
    """Deviate of state s beyond which a cell is misread, positive on the far side."""
    mean, sd, skew, tail = maps[s]
    deviation = (limit - fixed) / (sigma * spread)
    deviate = np.sinh(np.arcsinh(deviation * sd + mean) * tail - skew)
    return deviate if s == 0 else -deviate


@numba.njit(cache=True, nogil=True)
def _draw_until_crossing(  # type: ignore[no-untyped-def]
    x, generators, phi, step, scale, maps, fixed, sigma, limit, spread, last, stop, cycle, state
):  # fmt: skip
    """Step each cell's path; one comparison a cycle against the nearest threshold of any
    condition.
    """
    (k00, k01), (k10, k11), (k20, k21), (k30, k31) = step
    l00, l10, l11 = scale[0, 0], scale[1, 0], scale[1, 1]
    f0, f1, f2, f3 = phi
    conditions = len(stop)
    threshold = np.empty((conditions, 2))
    for i in range(len(x)):
        s0, s1, s2, s3 = generators[i]
        a, b, c, d = x[i]
        end = stop[:, i].max()
        n = 0
        for k in range(len(last)):
            if n >= end:
                break
            lrs = hrs = np.inf
            going = False
            for j in range(conditions):
                if cycle[j, i] == 0 and n < stop[j, i]:
                    going = True
                    for s in range(2):
                        threshold[j, s] = _threshold(
                            maps, s, fixed[i, s], sigma[i, s], limit[j, k, s], spread[j, k, s]
                        )
                    lrs, hrs = min(lrs, threshold[j, 0]), min(hrs, threshold[j, 1])
            if not going:
                break
            while n < min(last[k], end):
                n += 1
                z, s0, s1, s2, s3 = normal(s0, s1, s2, s3)
                y, s0, s1, s2, s3 = normal(s0, s1, s2, s3)
                u = a + b + l00 * z
                v = -(c + d + l10 * z + l11 * y)
                if u > lrs or v > hrs:
                    for j in range(conditions):
                        if cycle[j, i] == 0 and n <= stop[j, i]:
                            if v > threshold[j, 1]:  # the RESET comes first
                                cycle[j, i], state[j, i] = n, 1
                            elif u > threshold[j, 0]:
                                cycle[j, i], state[j, i] = n, 0
                a = f0 * (a + k00 * z + k01 * y)
                b = f1 * (b + k10 * z + k11 * y)
                c = f2 * (c + k20 * z + k21 * y)
                d = f3 * (d + k30 * z + k31 * y)


@numba.njit(cache=True, nogil=True)
def _step_blocks(  # type: ignore[no-untyped-def]
    log_tables, lowest, pitch, maps, fixed, sigma, limit, spread, last, energy, stop, cycle, state
):  # fmt: skip
    """Add up each state's hazard block by block until it has used up the cell's energy."""
    levels = log_tables.shape[1]
    for i in range(len(fixed)):
        for j in range(len(stop)):
            left0, left1 = energy[i]
            n = 0
            for k in range(len(last)):
                if n >= stop[j, i]:
                    break
                for s in (1, 0):
                    threshold = _threshold(
                        maps, s, fixed[i, s], sigma[i, s], limit[j, k, s], spread[j, k, s]
                    )
                    at = min(max((threshold - lowest) / pitch, 0.0), levels - 1.000001)
                    row = int(at)
                    low, high = log_tables[s, row, k], log_tables[s, row + 1, k]
                    hazard = np.exp(low + (at - row) * (high - low))
                    left = left0 if s == 0 else left1
                    if left <= hazard:
                        # constant within the block
                        found = n + max(1, int(np.ceil((last[k] - n) * left / hazard)))
                        if found <= stop[j, i] and (cycle[j, i] == 0 or found < cycle[j, i]):
                            cycle[j, i], state[j, i] = found, s
                    if s == 0:
                        left0 -= hazard
                    else:
                        left1 -= hazard
                if cycle[j, i] > 0:
                    break
                n = last[k]
