"""Likelihood of changes of conductance under `reliability.devices.unstable_cells`.

The density of one read is that of a mixture: stable cells normal, unstable cells normal plus a
two-sided exponential that ends at G = 0, rare ones anywhere. Reads of a level at a condition share
six local parameters (shift, ln sigma, ln jumps, ln down, ln up, ln rare); their scores and squared
scores are summed per group, so that a step of Fisher scoring costs one pass over the reads.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from reliability.characterization.estimates import Array

LOCAL = 6
BODY = 5  # without rare cells, of which single groups have none or one
_LOG_ROOT = 0.5 * math.log(2 * math.pi)
_LEAST = 1e-12  # of a density, in 1/unit: no read is less likely
_SIMULATED = 400  # reads of each group that give its expected information
_LEAST_INFORMATION = 1e-3  # of one read
_ITERATIONS, _CONVERGED = 60, 0.05  # gain in log-likelihood


@dataclass(frozen=True)
class Changes:
    """Changes since programming, in units of G_max/128.

    Parameters
    ----------
    change, initial : ndarray, shape (reads,)
    group : ndarray of int, shape (reads,)
        Reads of one level at one condition.
    run : ndarray of int, shape (reads,)
        What was programmed once.
    level, condition : ndarray of int, shape (groups,)
    """

    change: Array
    initial: Array
    group: NDArray[np.intp]
    run: NDArray[np.intp]
    level: NDArray[np.intp]
    condition: NDArray[np.intp]


@dataclass(frozen=True)
class Weights:
    """What makes local parameters of the estimates.

    Parameters
    ----------
    of_levels : ndarray, shape (levels, knots)
    of_conditions : ndarray, shape (conditions, stated)
    penalty : ndarray, shape (6 stated knots, 6 stated knots)
        Second derivative of the penalty, about ``centre``.
    centre : ndarray, shape (stated, 6, knots)
    """

    of_levels: Array
    of_conditions: Array
    penalty: Array
    centre: Array


def log_density(change: Array, initial: Array, local: Array, span: float) -> tuple[Array, Array]:
    """Return the log-density of each read and its derivatives.

    Parameters
    ----------
    change, initial : ndarray, shape (reads,)
    local : ndarray, shape (6, reads)
        shift, ln sigma, ln jumps, ln down, ln up, and ln of the fraction that lands anywhere.
    span : float
        G_max.

    Returns
    -------
    ndarray, shape (reads,), and ndarray, shape (6, reads)
    """
    sigma, jumps, down, up, rare = np.exp(local[1:])
    rare = np.minimum(rare, 0.5)
    y = change - local[0]
    stable = np.exp(-0.5 * (y / sigma) ** 2 - _LOG_ROOT) / sigma
    still, unstable = np.exp(-jumps), -np.expm1(-jumps)
    near, far = _minus_exponential(y, sigma, down), _minus_exponential(y + initial, sigma, down)
    lost = np.exp(-initial / down)
    kept = 1.0 / (1.0 - lost)
    fall = (near - lost * far) * kept
    per_down = lost * initial / down**2
    fall[3] += per_down * kept * (fall[0] - far[0])
    rise = _minus_exponential(-y, sigma, up)
    side = down / (down + up)
    moved = side * fall[0] + (1 - side) * rise[0]
    anywhere = 1.0 / span
    density = (1 - rare) * (still * stable + unstable * moved) + rare * anywhere
    density = np.maximum(density, _LEAST)
    in_y = -still * stable * y / sigma**2 + unstable * (side * fall[1] - (1 - side) * rise[1])
    in_sigma = still * stable * ((y / sigma) ** 2 - 1) / sigma + unstable * (
        side * fall[2] + (1 - side) * rise[2]
    )
    turn = side * (1 - side) * (fall[0] - rise[0])
    slopes = np.array([
        -in_y, sigma * in_sigma, jumps * still * (moved - stable),
        unstable * (down * side * fall[3] + turn), unstable * (up * (1 - side) * rise[3] - turn),
    ]) * (1 - rare)  # fmt: skip
    of_rare = rare * (anywhere - (still * stable + unstable * moved))
    return np.log(density), np.vstack([slopes, of_rare]) / density


def _minus_exponential(y: Array, sigma: Array, mean: Array) -> Array:
    """Density of N - E at y, and its slopes in y, sigma and the mean of E, shape (4, reads)."""
    a = sigma / mean + y / sigma
    log_tail = log_ndtr(-a)
    hazard = np.exp(-0.5 * a * a - _LOG_ROOT - log_tail)
    f = np.exp(0.5 * (sigma / mean) ** 2 + y / mean + log_tail) / mean
    return np.array([
        f, f * (1 / mean - hazard / sigma),
        f * (sigma / mean**2 - hazard * (1 / mean - y / sigma**2)),
        f * (-1 / mean - sigma**2 / mean**3 - y / mean**2 + hazard * sigma / mean**2),
    ])  # fmt: skip


@dataclass(frozen=True)
class Estimated:
    """Estimates and what they are worth.

    Parameters
    ----------
    estimates : ndarray, shape (stated, 6, knots)
    covariance : ndarray
        Of the estimates, flat.
    misfit : ndarray, shape (groups,)
        Score of each group in units of its scatter: chi-squared of 5 where the model is right.
    log_likelihood : float
    """

    estimates: Array
    covariance: Array
    misfit: Array
    log_likelihood: float


def maximise(data: Changes, weights: Weights, span: float) -> Estimated:
    """Maximise the penalised likelihood by damped Fisher scoring.

    The covariance is that of clustered scores: the reads that follow one programming count as one.

    Parameters
    ----------
    data : Changes
    weights : Weights
    span : float
        G_max.
    """
    x = weights.centre.ravel()
    state = _evaluate(data, weights, span, x)
    damping = 1e-2
    for _ in range(_ITERATIONS):
        curved = state.information + np.diag(damping * np.diag(state.information))
        moved = x + np.clip(np.linalg.solve(curved, state.slope), -1.0, 1.0)
        there = _evaluate(data, weights, span, moved)
        gain = there.value - state.value
        if gain > 0:
            x, state, damping = moved, there, damping / 5
            if gain < _CONVERGED:
                break
        elif damping > 1e8:
            break
        else:
            damping *= 8
    return _estimated(data, weights, span, state, x)


@dataclass(frozen=True)
class _State:
    value: float
    log_likelihood: float
    slope: Array
    information: Array
    scores: Array  # (6, reads)
    group_slope: Array  # (groups, 6)


def _evaluate(data: Changes, weights: Weights, span: float, x: Array) -> _State:
    stated, _, knots = weights.centre.shape
    local = _local(data, weights, x)
    log_f, scores = log_density(data.change, data.initial, local[:, data.group], span)
    count = len(data.level)
    slope = np.array([np.bincount(data.group, row, count) for row in scores]).T
    off = x - weights.centre.ravel()
    value = float(log_f.sum())
    levels, conditions = weights.of_levels[data.level], weights.of_conditions[data.condition]
    down = np.einsum("gs,gj,gk->sjk", conditions, slope, levels).ravel()
    design = np.einsum("gs,gk->gsk", conditions, levels).reshape(count, -1)
    inner = np.empty((stated, LOCAL, knots, stated, LOCAL, knots))
    for i in range(LOCAL):
        for j in range(i + 1):
            square = np.bincount(data.group, scores[i] * scores[j], count)
            block = ((design * square[:, None]).T @ design).reshape(stated, knots, stated, knots)
            inner[:, i, :, :, j, :] = inner[:, j, :, :, i, :] = block
    information = inner.reshape(len(off), len(off)) + weights.penalty
    penalised = value - 0.5 * float(off @ weights.penalty @ off)
    return _State(penalised, value, down - weights.penalty @ off, information, scores, slope)


def _local(data: Changes, weights: Weights, x: Array) -> Array:
    """Return the local parameters of each group, shape (6, groups)."""
    at_condition = np.tensordot(weights.of_conditions, x.reshape(weights.centre.shape), 1)
    return np.asarray(
        np.einsum("gjk,gk->jg", at_condition[data.condition], weights.of_levels[data.level])
    )


def _expected(data: Changes, weights: Weights, span: float, x: Array) -> Array:
    """Return the expected information of each group, shape (groups, 6, 6), on simulated reads."""
    local = _local(data, weights, x)
    count = np.bincount(data.group)
    initial = np.bincount(data.group, data.initial) / count
    rng = np.random.default_rng(0)
    shape = (_SIMULATED, len(count))
    sigma, jumps, down, up, rare = np.exp(local[1:])
    falls = rng.random(shape) < down / (down + up)
    u = rng.random(shape)
    jump = np.where(falls, down * np.log1p(-u * -np.expm1(-initial / down)), -up * np.log(u))
    moved = rng.random(shape) < -np.expm1(-jumps)
    change = local[0] + sigma * rng.standard_normal(shape) + np.where(moved, jump, 0.0)
    change = np.where(rng.random(shape) < rare, rng.random(shape) * span - initial, change)
    flat = np.broadcast_to(np.arange(len(count)), shape).ravel()
    scores = log_density(change.ravel(), initial[flat], local[:, flat], span)[1]
    scores = scores.reshape(LOCAL, *shape)
    per_read = np.einsum("isg,jsg->gij", scores, scores) / _SIMULATED
    return np.asarray(count[:, None, None] * (per_read + _LEAST_INFORMATION * np.eye(LOCAL)))


def _estimated(data: Changes, weights: Weights, span: float, state: _State, x: Array) -> Estimated:
    shape = weights.centre.shape
    stated = shape[0]
    # Scores of what was programmed once: of (stated, local) for the one level that a run has.
    runs = int(data.run.max()) + 1
    conditions = weights.of_conditions[data.condition][data.group]
    own = np.array([
        np.bincount(data.run, conditions[:, s] * row, runs)
        for s in range(stated) for row in state.scores
    ]).T.reshape(runs, stated, LOCAL)  # fmt: skip
    level = np.zeros(runs, np.intp)
    level[data.run] = data.level[data.group]
    spread = np.zeros_like(state.information)
    for number, weight in enumerate(weights.of_levels):
        mine = level == number
        flat = own[mine].reshape(-1, stated * LOCAL)
        square = (flat.T @ flat).reshape(stated, LOCAL, stated, LOCAL)
        own_part = np.einsum("sjtl,k,m->sjktlm", square, weight, weight)
        spread += own_part.reshape(spread.shape)
    spread += weights.penalty
    inverse = np.linalg.inv(state.information)
    expected = _expected(data, weights, span, x)[:, :BODY, :BODY]
    slope = state.group_slope[:, :BODY]
    misfit = np.einsum("gi,gi->g", slope, np.linalg.solve(expected, slope[..., None])[..., 0])
    return Estimated(
        x.reshape(shape), inverse @ spread @ inverse, misfit, state.log_likelihood
    )  # fmt: skip
