"""Degradation paths: repeated reads of units, fitted as paths, and the time at which they cross.

A unit's read is y = a_i + b_i x(t) + e, on the scale of one of the shapes

=========== ======================= =====================
shape       scale of the read       x(t)
=========== ======================= =====================
linear      y                       t
log_time    y                       ln(1 + t / unit_time)
power       ln |y - start|          ln t
exponential ln y                    t
=========== ======================= =====================

with normal intercepts a_i and slopes b_i of the units (mixed effects, maximum likelihood), or with
paths that all begin at one known value (``start``; then only the slope varies). A unit fails when
its path, without the error of the read, crosses the limit. With one read of each unit
(destructive measurements) units and reads cannot be told apart; their common spread counts.

- `pseudo_failures`: crossing time of the path of each unit, to be fitted as lifetimes [1]_;
- `DegradationFit.failure_probability`: closed form of the normal coefficients, with an interval
  from the covariance of all parameters; `DegradationFit.quantile`, the crossing time;
- `crossing_intervals`: the read-out intervals in which reads crossed, for a failure-time analysis
  of the same file.

.. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
   chapter 13.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from reliability.errors import InputError, fraction, unknown_name

Array = NDArray[np.float64]
SHAPES = ("linear", "log_time", "power", "exponential")


class Bounded(NamedTuple):
    """A value with its two-sided interval."""

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Paths:
    """Reads of units.

    Attributes
    ----------
    time, value : ndarray, shape (reads,)
    unit : ndarray of int, shape (reads,)
        From 0 on.
    limit : float
        A unit beyond it has failed.
    shape : str
    start : float or None
        Known value of all units at time 0.
    unit_time : float
        Of the shape ``log_time``.
    """

    time: Array
    value: Array
    unit: NDArray[np.intp]
    limit: float
    shape: str
    start: float | None
    unit_time: float

    @property
    def upwards(self) -> bool:
        """Whether paths rise to the limit."""
        first = self.start if self.start is not None else float(np.median(self.value))
        return self.limit > first

    def progress(self, time: ArrayLike) -> Array:
        """Return x(t)."""
        t = np.asarray(time, float)
        if self.shape == "log_time":
            return np.log1p(t / self.unit_time)
        with np.errstate(divide="ignore"):
            return np.log(t) if self.shape == "power" else t

    def time_of(self, x: ArrayLike) -> Array:
        """Return the time at which x is reached."""
        at = np.asarray(x, float)
        with np.errstate(over="ignore"):
            if self.shape == "log_time":
                return self.unit_time * np.expm1(at)
            return np.exp(at) if self.shape == "power" else at

    def scaled(self, value: ArrayLike) -> Array:
        """Return values on the scale on which paths are straight."""
        y = np.asarray(value, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.shape == "exponential":
                return np.log(y)
            if self.shape == "power":
                return np.log(np.abs(y - (self.start or 0.0)))
        return y


def paths(
    time: ArrayLike, value: ArrayLike, unit: ArrayLike, *, limit: float, shape: str = "linear",
    start: float | None = None, unit_time: float = 1.0,
) -> Paths:  # fmt: skip
    """Check reads of units and return them as `Paths`.

    Parameters
    ----------
    time, value, unit : array_like, shape (reads,)
    limit : float
        A unit beyond it has failed.
    shape : {"linear", "log_time", "power", "exponential"}
    start : float, optional
        Known value of all units at time 0; ``power`` is relative to it, 0 by default.
    unit_time : float
        Of ``log_time``.

    Raises
    ------
    InputError
        An unknown shape, arrays that do not match, values that are not finite, a time below 0, a
        value that the shape does not take.
    """
    if shape not in SHAPES:
        raise unknown_name("shape", shape, SHAPES)
    t, y = (np.atleast_1d(np.asarray(each, float)) for each in (time, value))
    _, own = np.unique(np.atleast_1d(np.asarray(unit)), return_inverse=True)
    if not t.shape == y.shape == own.shape or t.ndim != 1 or t.size < 3:
        raise InputError(
            f"time, value, unit: got {t.size}, {y.size} and {own.size}, expected as many, 3 or more"
        )
    if not (np.isfinite(t).all() and np.isfinite(y).all() and (t >= 0).all()):
        raise InputError("time, value: got one that is not finite, or a time below 0")
    if unit_time <= 0:
        raise InputError(f"unit_time: got {unit_time!r}, allowed above 0")
    found = Paths(t, y, own, float(limit), shape, start, unit_time)
    kept = np.isfinite(found.progress(t))
    if shape == "power":  # at time 0 there is nothing to take a logarithm of
        kept &= t > 0
    if start is not None and shape != "power":
        kept &= t > 0  # the start itself is no read
    found = Paths(t[kept], y[kept], own[kept], float(limit), shape, start, unit_time)
    if not np.isfinite(found.scaled(found.value)).all() or not np.isfinite(found.scaled(limit)):
        raise InputError(f"value: got one whose logarithm the shape {shape} cannot take")
    return found


def pseudo_failures(data: Paths) -> Array:
    """Return the time at which the straight path of each unit crosses the limit, inf for never.

    Least squares of each unit by itself.

    Examples
    --------
    >>> one = paths([1, 2, 3], [2.0, 4.0, 6.0], [0, 0, 0], limit=10.0, start=0.0)
    >>> pseudo_failures(one).round(6).tolist()
    [5.0]
    """
    intercept, slope = _of_units(data)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = (data.scaled(data.limit) - intercept) / slope
    reached = np.isfinite(x) & ((x > 0) | (data.shape == "power"))
    return np.where(reached, data.time_of(np.where(reached, x, 0.0)), np.inf)


def _of_units(data: Paths) -> tuple[Array, Array]:
    """Intercept and slope of each unit."""
    x, y = data.progress(data.time), data.scaled(data.value)
    intercepts, slopes = [], []
    for k in range(int(data.unit.max()) + 1):
        own = data.unit == k
        if _fixed_start(data):
            offset = float(data.scaled(data.start))  # type: ignore[arg-type]
            intercepts.append(offset)
            slopes.append(float(x[own] @ (y[own] - offset) / (x[own] @ x[own])))
        elif own.sum() < 2 or np.ptp(x[own]) == 0:
            raise InputError("unit: got one with a single read, expected 2 or more of each")
        else:
            slope, intercept = np.polyfit(x[own], y[own], 1)
            intercepts.append(float(intercept))
            slopes.append(float(slope))
    return np.array(intercepts), np.array(slopes)


def _fixed_start(data: Paths) -> bool:
    return data.start is not None and data.shape != "power"


def crossing_intervals(data: Paths) -> tuple[Array, Array]:
    """Return the read-out interval in which each unit's reads first crossed the limit.

    The upper end is inf for a unit that has not; as `reliability.fit_lifetime` takes them.
    """
    lower, upper = [], []
    for k in range(int(data.unit.max()) + 1):
        own = data.unit == k
        order = np.argsort(data.time[own])
        t, y = data.time[own][order], data.value[own][order]
        beyond = y >= data.limit if data.upwards else y <= data.limit
        first = int(beyond.argmax()) if beyond.any() else t.size
        lower.append(float(t[first - 1]) if first else 0.0)
        upper.append(float(t[first]) if first < t.size else np.inf)
    return np.array(lower), np.array(upper)


@dataclass(frozen=True)
class DegradationFit:
    """Mixed-effects fit of paths.

    Attributes
    ----------
    data : Paths
    theta : ndarray
        Mean intercept and slope, and the Cholesky parts of their covariance over units; of paths
        with a known start the mean and standard deviation of the slope.
    covariance : ndarray
        Of theta.
    sigma : float
        Standard deviation of the error of a read.
    log_likelihood : float
    """

    data: Paths
    theta: Array
    covariance: Array
    sigma: float
    log_likelihood: float

    @property
    def aicc(self) -> float:
        """Akaike's criterion for small samples; compare shapes of one scale of the reads only."""
        k, n = self.theta.size + 1, self.data.value.size
        return float(2 * k - 2 * self.log_likelihood + 2 * k * (k + 1) / max(n - k - 1, 1))

    def failure_probability(self, time: ArrayLike, confidence: float = 0.9) -> Bounded:
        """Return the fraction of units whose path is beyond the limit, with its interval.

        Parameters
        ----------
        time : array_like
        confidence : float
            Two-sided (delta method on log-odds).
        """
        fraction(confidence, "confidence")
        t = np.atleast_1d(np.asarray(time, float))

        def score(theta: Array) -> Array:
            return _beyond(self.data, theta, t)

        value = score(self.theta)
        gradient = _gradient(score, self.theta)
        error = np.sqrt(
            np.maximum(np.einsum("it,ij,jt->t", gradient, self.covariance, gradient), 0)
        )
        reach = float(ndtri((1 + confidence) / 2)) * error
        return Bounded(*(np.asarray(ndtr(each)) for each in (value, value - reach, value + reach)))

    def quantile(self, probability: float, confidence: float = 0.9) -> Bounded:
        """Return the time by which a fraction of the units has crossed, with its interval.

        Delta method on the logarithm of the time; inf where the fraction never crosses.
        """
        fraction(probability, "probability")
        fraction(confidence, "confidence")
        wanted, longest = float(ndtri(probability)), float(self.data.time.max())

        def log_time(theta: Array) -> Array:
            grid = np.log(longest) + np.linspace(-12.0, 16.0, 561)
            over = _beyond(self.data, theta, np.exp(grid)) - wanted
            crosses = np.flatnonzero((over[:-1] < 0) & (over[1:] >= 0))
            if not crosses.size:
                return np.array([np.inf])
            ends = grid[crosses[0]], grid[crosses[0] + 1]
            root = scipy.optimize.brentq(
                lambda u: float(_beyond(self.data, theta, np.exp([u]))[0]) - wanted, *ends
            )
            return np.array([root])

        value = float(log_time(self.theta)[0])
        if not np.isfinite(value):
            return Bounded(*(np.array(np.inf),) * 3)
        slope = _gradient(log_time, self.theta)[:, 0]
        reach = float(
            ndtri((1 + confidence) / 2) * np.sqrt(max(float(slope @ self.covariance @ slope), 0.0))
        )
        return Bounded(
            *(np.asarray(np.exp(each)) for each in (value, value - reach, value + reach))
        )


def _gradient(score: Callable[[Array], Array], theta: Array) -> Array:
    step = 1e-5 * np.maximum(np.abs(theta), 1e-3)
    return np.array([
        (score(theta + h) - score(theta - h)) / (2 * h.max())
        for h in np.diag(step)
    ])  # fmt: skip


def _beyond(data: Paths, theta: Array, time: Array) -> Array:
    """Standard normal deviate of the fraction beyond the limit."""
    x, limit = data.progress(time), float(data.scaled(data.limit))
    if _fixed_start(data):
        mean = float(data.scaled(data.start)) + theta[0] * x  # type: ignore[arg-type]
        spread = np.abs(theta[1] * x)
    else:
        mean = theta[0] + theta[1] * x
        spread = np.hypot(theta[2] + theta[3] * x, theta[4] * x)
    # towards the limit, on the scale of the path
    first = (
        data.scaled(data.start if data.start is not None else 0.0)
        if _fixed_start(data)
        else theta[0]
    )
    rises = limit > float(first)
    if data.shape == "power":
        rises = True  # |y - start| grows
    return np.asarray((mean - limit if rises else limit - mean) / np.maximum(spread, 1e-300))


def fit_degradation(data: Paths) -> DegradationFit:
    """Fit the mixed-effects model of paths by maximum likelihood.

    Parameters
    ----------
    data : Paths
        Two reads or more of each of three units or more; with one read of each (destructive
        measurements) a regression whose spread is that of units and reads together.

    Raises
    ------
    InputError
        Too few units or reads.

    Examples
    --------
    >>> time = np.tile([1.0, 2.0, 3.0], 3)
    >>> value = time * np.repeat([0.9, 1.0, 1.1], 3)
    >>> fit = fit_degradation(paths(time, value, np.repeat([0, 1, 2], 3), limit=5.0, start=0.0))
    >>> fit.theta.round(3).tolist()
    [1.0, 0.082]
    """
    units = int(data.unit.max()) + 1
    if units < 3:
        raise InputError(f"unit: got {units} units, expected 3 or more")
    x, y = data.progress(data.time), data.scaled(data.value)
    if np.bincount(data.unit).max() == 1:
        return _destructive(data, x, y)
    if _fixed_start(data):
        designs = x[:, None]
        y = y - float(data.scaled(data.start))  # type: ignore[arg-type]
    else:
        designs = np.column_stack([np.ones_like(x), x])
    return _maximum(data, designs, y)


def _destructive(data: Paths, x: Array, y: Array) -> DegradationFit:
    design = np.column_stack([np.ones_like(x), x])
    mean, *_ = np.linalg.lstsq(design, y, rcond=None)
    n = y.size
    sigma = float(np.sqrt(((y - design @ mean) ** 2).mean()))
    theta = np.array([*mean, sigma, 0.0, 0.0])
    covariance = np.zeros((5, 5))
    covariance[:2, :2] = sigma**2 * np.linalg.inv(design.T @ design)
    covariance[2, 2] = sigma**2 / (2 * n)
    likelihood = -n / 2 * (np.log(2 * np.pi * sigma**2) + 1)
    return DegradationFit(data, np.asarray(theta, float), covariance, sigma, float(likelihood))


def _maximum(data: Paths, designs: Array, y: Array) -> DegradationFit:
    """Likelihood of a normal mixed model: each unit's reads have covariance Z D Z' + sigma^2."""
    groups = [np.flatnonzero(data.unit == k) for k in range(int(data.unit.max()) + 1)]
    scale_x, scale_y = np.abs(designs).max(axis=0), max(float(np.std(y)), 1e-300)
    z, target = designs / scale_x, y / scale_y
    count = z.shape[1]
    # of each unit: Z'Z, Z'y, y'y
    zz = np.array([z[own].T @ z[own] for own in groups])
    zy = np.array([z[own].T @ target[own] for own in groups])
    yy = np.array([target[own] @ target[own] for own in groups])

    def root(theta: Array) -> Array:
        if count == 1:
            return np.array([[theta[1]]])
        return np.array([[theta[2], 0.0], [theta[3], theta[4]]])

    def loss(theta: Array) -> float:
        mean, factor = theta[:count], root(theta)
        variance = np.exp(2 * theta[-1])
        inner = np.eye(count) + factor.T @ zz @ factor / variance
        rest = zy - zz @ mean
        square = yy - 2 * zy @ mean + np.einsum("i,uij,j->u", mean, zz, mean)
        left = rest @ factor
        solved = np.linalg.solve(inner, left[..., None])[..., 0]
        square = square / variance - (left * solved).sum(axis=1) / variance**2
        log_det = np.linalg.slogdet(inner)[1]
        return float(0.5 * ((square + log_det).sum() + y.size * np.log(2 * np.pi * variance)))

    each = np.array([np.linalg.lstsq(z[own], target[own], rcond=None)[0] for own in groups])
    left = [target[own] - z[own] @ b for own, b in zip(groups, each, strict=True)]
    noise = max(float(np.sqrt(np.mean(np.concatenate(left) ** 2))), 1e-6)
    spread = np.maximum(each.std(axis=0), 1e-3)
    first = [*each.mean(axis=0), spread[0], *((0.0, spread[1]) if count == 2 else ())]
    found = scipy.optimize.minimize(
        loss, [*first, np.log(noise)], method="BFGS", options={"gtol": 1e-7}
    )
    theta = np.asarray(found.x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        hessian = _hessian(loss, theta)
    covariance = np.linalg.pinv((hessian + hessian.T) / 2, hermitian=True)
    unit = scale_y / scale_x
    back = np.array([*unit, unit[0]]) if count == 1 else np.array(
        [*unit, unit[0], unit[1], unit[1]]
    )  # fmt: skip
    sigma = float(np.exp(theta[-1]) * scale_y)
    likelihood = -float(found.fun) - y.size * np.log(scale_y)
    own = theta[:-1] * back
    own[count] = abs(own[count]) if count == 1 else own[count]
    return DegradationFit(
        data,
        np.asarray(own, float),
        np.asarray(covariance[:-1, :-1] * np.outer(back, back), float),
        sigma,
        float(likelihood),
    )


def _hessian(loss: Callable[[Array], float], theta: Array) -> Array:
    n, step = theta.size, 1e-4 * np.maximum(np.abs(theta), 0.1)
    out = np.empty((n, n))
    e = np.diag(step)
    for i in range(n):
        for j in range(n):
            pair = [loss(theta + a * e[i] + b * e[j]) for a in (1, -1) for b in (1, -1)]
            out[i, j] = (pair[0] - pair[1] - pair[2] + pair[3]) / (4 * step[i] * step[j])
    return out
