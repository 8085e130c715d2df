"""Damped Newton for many likelihoods at once, and the interval of a profile likelihood.

Every step is an ascent: the Hessian's eigenvalues are made negative, the step is halved until the
likelihood rises. For the log-concave location-scale distributions the likelihood has one maximum
[1]_, so that an ascent cannot end elsewhere. A profile is followed with Newton steps on the
Lagrangian of "maximise the likelihood with g(theta) held at c"; its multiplier is the slope of the
profile, which gives the next c.

References
----------
.. [1] J. Burridge, J. R. Stat. Soc. B 43, 41 (1981).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.lifetime.likelihood import Evaluation, Likelihood

Array = NDArray[np.float64]
Scalar = Callable[[Array], Array]  # theta, shape (..., p) -> shape (...)

_HELD_ITERATIONS = 60
_LOOSEST = 50.0
_DONE = 1e-9  # twice the rise that is left; one more Newton step squares it


class Maximum(NamedTuple):
    """Where the likelihoods are largest; shapes (fits, p), (fits,), (fits, p, p), (fits,)."""

    theta: Array
    value: Array
    hessian: Array
    converged: NDArray[np.bool_]

    def pick(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> "Maximum":
        """Only some of the fits."""
        return Maximum(
            self.theta[which], self.value[which], self.hessian[which], self.converged[which]
        )

    @property
    def covariance(self) -> Array:
        """Inverse of the observed information."""
        return _inverse(-self.hessian)


def _inverse(matrices: Array) -> Array:
    """Inverse of each matrix; the pseudoinverse of those, and only those, that are singular."""
    try:
        return np.asarray(np.linalg.inv(matrices), float)
    except np.linalg.LinAlgError:
        pass
    out = np.empty_like(matrices)
    for k, matrix in enumerate(matrices):
        try:
            out[k] = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            out[k] = np.linalg.pinv(matrix) if np.all(np.isfinite(matrix)) else np.nan
    return out


def maximise(likelihood: Likelihood, start: Array, iterations: int = 100) -> Maximum:
    """Maximise each of the likelihoods from its start.

    Parameters
    ----------
    likelihood : Likelihood
    start : ndarray, shape (fits, p)
    iterations : int
        Largest number; a fit that is not done by then has ``converged`` False.

    Returns
    -------
    Maximum
    """
    theta = np.array(start, float)
    now = likelihood.evaluate(theta)
    out = Maximum(theta, now.value.copy(), now.hessian.copy(), np.zeros(len(theta), bool))
    index = np.arange(len(theta))
    length = np.ones(len(theta))
    step, left = _ascent(now)
    for _ in range(iterations):
        trial = theta[index] + length[:, None] * step
        then = likelihood.evaluate(trial)
        slack = 1e-13 * (np.abs(now.value) + 1)
        risen = (then.value >= now.value - slack) & np.isfinite(then.value)
        finished = risen & (left < _DONE)
        _take(out, index, risen, trial, then)
        now = Evaluation(*(_where(risen, b, a) for a, b in zip(now, then, strict=True)))
        length = np.where(risen, np.minimum(1.0, 4 * length), length / 4)
        finished |= length < 1e-12
        fresh, rest = _ascent(now)
        step, left = np.where(risen[:, None], fresh, step), np.where(risen, rest, left)
        out.converged[index[finished & (left < 1e-6)]] = True
        if finished.all():
            break
        if finished.any() and (len(index) == 1 or finished.mean() > 0.3):
            keep = ~finished
            likelihood = likelihood.select(keep)
            index, length, step, left = index[keep], length[keep], step[keep], left[keep]
            now = Evaluation(*(part[keep] for part in now))
    return out


def is_proper(maximum: Maximum) -> NDArray[np.bool_]:
    """Whether each maximum is one in all directions, and not on its way to infinity.

    Parameters are of order 1 (logs, standardised coefficients), so that a standard error of 50
    means that the data do not hold the parameter at all.
    """
    hessian = maximum.hessian
    finite = np.all(np.isfinite(hessian), axis=(1, 2)) & (np.abs(maximum.theta).max(1) < 500)
    information = np.where(finite[:, None, None], -hessian, -np.eye(hessian.shape[1]))
    scale = np.sqrt(np.maximum(np.abs(np.diagonal(information, axis1=1, axis2=2)), 1e-300))
    values = np.linalg.eigvalsh(information / scale[:, :, None] / scale[:, None, :])
    finite &= (values[:, 0] > 1e-11) & (scale.max(1) < 1e12)
    inverse = np.linalg.inv(np.where(finite[:, None, None], information, np.eye(len(hessian[0]))))
    errors = np.sqrt(np.maximum(np.diagonal(inverse, axis1=1, axis2=2), 0.0))
    return finite & (errors.max(1) < _LOOSEST)


def _take(
    out: Maximum, index: NDArray[np.intp], risen: NDArray[np.bool_], theta: Array, then: Evaluation
) -> None:
    at = index[risen]
    out.theta[at] = theta[risen]
    out.value[at] = then.value[risen]
    out.hessian[at] = then.hessian[risen]


def _where(mask: NDArray[np.bool_], a: Array, b: Array) -> Array:
    return np.where(mask.reshape(-1, *[1] * (a.ndim - 1)), a, b)


def _ascent(now: Evaluation) -> tuple[Array, Array]:
    """Newton step on the Hessian made negative definite, and twice the rise that it promises."""
    bad = ~np.all(np.isfinite(now.hessian), axis=(1, 2))
    bad |= ~np.all(np.isfinite(now.gradient), axis=1)
    information = np.where(bad[:, None, None], np.eye(now.gradient.shape[1]), -now.hessian)
    gradient = np.where(bad[:, None], 0.0, now.gradient)
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diagonal(information, axis1=1, axis2=2)), 1e-12))
    values, vectors = np.linalg.eigh(information * scale[:, :, None] * scale[:, None, :])
    size = np.maximum(np.abs(values), 1e-9)
    along = np.einsum("bij,bi->bj", vectors, gradient * scale) / size
    step = np.einsum("bij,bj->bi", vectors, along) * scale
    promised = np.einsum("bi,bi->b", step, gradient)
    # Beyond 3 in a log-scale or log-odds the quadratic means nothing.
    limit = 3.0 / np.maximum(np.abs(step).max(1), 3.0)
    return step * limit[:, None], np.where(bad, np.inf, np.abs(promised))


class Bounds(NamedTuple):
    """Ends of the interval of g, shape (fits,); infinite where the likelihood sets no bound."""

    low: Array
    high: Array


def profile_interval(
    likelihood: Likelihood, best: Maximum, quantity: Scalar, drop: float | Array
) -> Bounds:
    """Values of a quantity at which twice the profile log-likelihood has dropped by ``drop``.

    Parameters
    ----------
    likelihood : Likelihood
    best : Maximum
    quantity : callable
        g(theta), smooth, on a scale without limits (log of a time, log-odds of a probability).
    drop : float or ndarray, shape (fits,)
        Quantile of chi-square with one degree of freedom.

    Returns
    -------
    Bounds

    Notes
    -----
    The signed root of the drop is nearly linear in g; its slope is the Lagrange multiplier over
    the root, so that each bound takes three or four Newton steps.
    """
    low, high = (profile_bound(likelihood, best, quantity, drop, side) for side in (-1, 1))
    return Bounds(low, high)


@np.errstate(all="ignore")  # far from the maximum: not finite, and not taken
def profile_bound(
    likelihood: Likelihood, best: Maximum, quantity: Scalar, drop: float | Array, side: int
) -> Array:
    """One end of `profile_interval`, shape (fits,): the lower (side -1) or the upper (1)."""
    root = np.sqrt(np.broadcast_to(np.asarray(drop, float), best.value.shape))
    centre = quantity(best.theta)
    slope = gradient_of(quantity, best)
    width = np.sqrt(np.maximum(np.einsum("bi,bij,bj->b", slope, best.covariance, slope), 1e-300))
    level = centre + side * root * width
    inside, outside = centre.copy(), np.full_like(centre, side * np.inf)
    reach = 4 * np.abs(level - centre)
    theta = best.theta.copy()
    bound = np.full_like(centre, np.nan)
    index, failures = np.arange(len(centre)), np.zeros(len(centre))
    for _ in range(60):
        held = held_maximum(likelihood, theta, quantity, level, best.pick(index))
        found = np.isfinite(held.value)
        theta = np.where(found[:, None], held.theta, theta)
        here = np.sqrt(np.maximum(2 * (best.value[index] - held.value), 0.0))
        gap = root[index] - here
        # A level without a constrained maximum was too far to go at once.
        reach = np.where(found, 2 * reach, np.abs(level - inside) / 2)
        inside = np.where(found & (gap >= 0), level, inside)
        outside = np.where(found & (gap < 0), level, outside)
        rate = np.abs(held.multiplier) / np.maximum(here, 1e-300)
        move = np.where(found & (rate > 0), gap / rate, np.inf)
        done = found & ((np.abs(move) < 1e-8 * width[index]) | (np.abs(gap) < 1e-8))
        far = np.abs(inside - centre[index]) > 1e3 * root[index] * width[index]
        least = np.where(found, 1e-12 * (np.abs(level) + width[index]), 1e-3 * width[index])
        failures += ~found
        stuck = (np.minimum(np.abs(outside - inside), reach) < least) | far | (failures > 5)
        stuck &= ~done
        bound[index] = np.where(done, level, np.where(stuck, outside, bound[index]))
        ended = done | stuck
        if ended.all():
            break
        # Newton within the bracket, and not further than the reach.
        following = np.where(found, level, inside) + side * np.clip(move, -reach, reach)
        between = (side * (following - inside) > 0) & (side * (outside - following) > 0)
        middle = np.where(np.isfinite(outside), (inside + outside) / 2, inside + side * reach)
        level = np.where(between, following, middle)
        if ended.any():
            keep = ~ended
            likelihood = likelihood.select(keep)
            index, level, theta, reach = index[keep], level[keep], theta[keep], reach[keep]
            inside, outside, failures = inside[keep], outside[keep], failures[keep]
    else:
        bound[index] = outside  # not settled: the safe side
    return bound


class Held(NamedTuple):
    """Maxima with a quantity held; shapes (fits, p), (fits,), (fits,)."""

    theta: Array
    value: Array
    multiplier: Array


@np.errstate(all="ignore")
def held_maximum(
    likelihood: Likelihood, start: Array, quantity: Scalar, level: Array, best: Maximum
) -> Held:
    """Maximise each likelihood with the quantity held at its level.

    ``value`` is minus infinity where no maximum was found; ``multiplier`` is the slope of the
    profile log-likelihood in the level.
    """
    scales = _scales(best.hessian)
    out = Held(start.copy(), np.full(len(start), -np.inf), np.zeros(len(start)))
    index = np.arange(len(start))
    theta, base, step = start.copy(), start.copy(), np.zeros_like(start)
    multiplier, penalty = np.zeros(len(start)), np.ones(len(start))
    value, merit = np.full(len(start), -np.inf), np.full(len(start), -np.inf)
    length = np.ones(len(start))
    for _ in range(_HELD_ITERATIONS):
        now = likelihood.evaluate(theta)
        miss = level - quantity(theta)
        here = now.value - penalty * np.abs(miss)
        here = np.where(np.isfinite(here), here, -np.inf)
        risen = (here >= merit - 1e-12 * (np.abs(merit) + 1)) | ~np.isfinite(merit)
        taken = risen | (length < 1e-9)
        base = np.where(taken[:, None], theta, base)
        value = np.where(taken, now.value, value)
        slope, bend = _derivatives(quantity, theta, scales)
        fresh, pull = _lagrange_step(now, slope, bend, multiplier, miss)
        step = np.where(taken[:, None], fresh, step)
        multiplier = np.where(taken, pull, multiplier)
        penalty = np.where(taken, np.maximum(penalty, 2 * np.abs(pull)), penalty)
        merit = np.where(taken, now.value - penalty * np.abs(miss), merit)
        length = np.where(taken, 1.0, length / 3)
        relative = np.max(np.abs(step) / scales, axis=1)
        done = taken & (relative < 1e-6)
        at = index[done]
        # The last step is taken without an evaluation: it changes the value by its first order.
        out.theta[at] = (base + step)[done]
        out.value[at] = (value + multiplier * miss)[done]
        out.multiplier[at] = multiplier[done]
        if done.all():
            break
        if done.any():
            keep = ~done
            likelihood = likelihood.select(keep)
            index, level, scales = index[keep], level[keep], scales[keep]
            base, step, relative = base[keep], step[keep], relative[keep]
            multiplier, penalty = multiplier[keep], penalty[keep]
            value, merit, length = value[keep], merit[keep], length[keep]
        capped = length * 2.0 / np.maximum(relative, 2.0)
        theta = base + capped[:, None] * step
    return out


def _lagrange_step(
    now: Evaluation, slope: Array, bend: Array, multiplier: Array, miss: Array
) -> tuple[Array, Array]:
    """Step and multiplier of Newton on the Lagrangian ``value + multiplier (level - g)``."""
    fits, p = slope.shape
    curvature = -(now.hessian - multiplier[:, None, None] * bend)
    usable = np.all(np.isfinite(curvature), axis=(1, 2))
    usable &= np.all(np.isfinite(now.gradient), axis=1) & np.isfinite(miss)
    usable &= np.all(np.isfinite(slope), axis=1)
    slope, miss = np.where(usable[:, None], slope, 1.0), np.where(usable, miss, 0.0)
    curvature = np.where(usable[:, None, None], curvature, np.eye(p))
    # On the plane that keeps g, the curvature must be positive for the step to be an ascent.
    norm = np.linalg.norm(slope, axis=1)[:, None]
    n = slope / np.where(norm > 0, norm, 1)
    plane = np.eye(p) - n[:, :, None] * n[:, None, :]
    inside = plane @ curvature @ plane
    values, vectors = np.linalg.eigh(inside)
    largest = np.maximum(np.abs(values).max(1, keepdims=True), 1e-12)
    lift = np.where(values < 1e-10 * largest, 2 * np.abs(values) + 1e-10 * largest, 0.0)
    curvature = curvature + np.einsum("bij,bj,bkj->bik", vectors, lift, vectors)
    system = np.zeros((fits, p + 1, p + 1))
    system[:, :p, :p] = curvature
    system[:, :p, p] = system[:, p, :p] = slope
    right = np.concatenate([np.where(usable[:, None], now.gradient, 0.0), miss[:, None]], axis=1)
    solved = np.einsum("bij,bj->bi", _inverse(system), right)
    return solved[:, :p], solved[:, p]


def gradient_of(quantity: Scalar, at: Maximum) -> Array:
    """Gradient of a quantity at each maximum, shape (fits, p)."""
    return _derivatives(quantity, at.theta, _scales(at.hessian))[0]


def _scales(hessian: Array) -> Array:
    """Standard error of each coefficient with the others fixed: the natural step in it."""
    curvature = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    return 1 / np.sqrt(np.maximum(curvature, 1e-12))


@np.errstate(invalid="ignore")  # a quantity may be infinite nearby
def _derivatives(quantity: Scalar, theta: Array, scales: Array) -> tuple[Array, Array]:
    """Gradient and Hessian of the quantity by fourth-order differences, shapes (fits, p[, p])."""
    fits, p = theta.shape
    steps = 0.02 * np.minimum(scales, 1.0)
    gradient, hessian = np.empty((fits, p)), np.empty((fits, p, p))
    centre = quantity(theta)

    def along(direction: Array) -> tuple[Array, Array]:
        m2, m1, p1, p2 = (quantity(theta + k * direction) for k in (-2, -1, 1, 2))
        second = (16 * (p1 + m1) - (p2 + m2) - 30 * centre) / 12
        return (8 * (p1 - m1) - (p2 - m2)) / 12, second

    units = steps[:, :, None] * np.eye(p)
    lines = [along(units[:, j]) for j in range(p)]
    for j in range(p):
        gradient[:, j] = lines[j][0] / steps[:, j]
        hessian[:, j, j] = lines[j][1] / steps[:, j] ** 2
        for k in range(j):
            mixed = (along(units[:, j] + units[:, k])[1] - lines[j][1] - lines[k][1]) / 2
            hessian[:, j, k] = hessian[:, k, j] = mixed / (steps[:, j] * steps[:, k])
    return gradient, hessian
