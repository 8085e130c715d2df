"""Mixed-effects fits of degradation paths, and the crossing times that they predict.

u and v of the units are normal (`reliability.lifetime.degradation`), with maximum likelihood.
Straight paths are a linear mixed model given the coefficients of the acceleration, which are those
with the highest likelihood of it; the saturating shape is fitted by alternating linear mixed
models, linearised about the predicted path of each unit [1]_. With one read of each unit
(destructive measurements) units and reads cannot be told apart; their common spread counts.

.. [1] M. J. Lindstrom, D. M. Bates, "Nonlinear Mixed Effects Models for Repeated Measures Data",
   Biometrics 46, 673 (1990), doi:10.2307/2532087.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize
from scipy.special import ndtr, ndtri, stdtrit

from reliability.errors import InputError, fraction
from reliability.lifetime.degradation import Paths, of_units, pseudo_failures
from reliability.lifetime.mixed_effects import MixedFit, fit_mixed, second_derivatives

Array = NDArray[np.float64]
_ROUNDS = 200  # of linearising
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(41)
_ENERGY = 0.7  # eV, to begin with where the paths of the units give none


class Bounded(NamedTuple):
    """A value with its two-sided interval."""

    value: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class DegradationFit:
    """Mixed-effects fit of paths.

    Attributes
    ----------
    data : Paths
    theta : ndarray
        Mean u and v; the lower triangular root of their covariance, row by row; fitted coefficients
        of the acceleration. Of paths with a known start the mean and standard deviation of v.
    covariance : ndarray
        Of theta.
    sigma : float
        Standard deviation of the error of a read, on the scale of the shape.
    log_likelihood : float
        Of the reads themselves, so that shapes can be compared on the same reads.
    """

    data: Paths
    theta: Array
    covariance: Array
    sigma: float
    log_likelihood: float

    @property
    def aicc(self) -> float:
        """Akaike's criterion for small samples."""
        k, n = self.theta.size + 1, self.data.value.size
        return float(2 * k - 2 * self.log_likelihood + 2 * k * (k + 1) / max(n - k - 1, 1))

    @property
    def coefficients(self) -> dict[str, float]:
        """Of the acceleration, known and fitted."""
        stresses = self.data.stresses
        if stresses is None:
            return {}
        fitted = self.theta[self.theta.size - len(stresses.free) :]
        return stresses.fixed | dict(zip(stresses.free, map(float, fitted), strict=True))

    def failure_probability(
        self, time: ArrayLike, confidence: float = 0.9,
        stress: Mapping[str, float] | None = None,
    ) -> Bounded:  # fmt: skip
        """Return the fraction of units whose path is beyond the limit, with its interval.

        Parameters
        ----------
        time : array_like
        confidence : float
            Two-sided (delta method on the normal deviate, Student's t of the units less one).
        stress : mapping of str to float, optional
            Condition of the time; the reference of the paths by default.
        """
        fraction(confidence, "confidence")
        t = np.atleast_1d(np.asarray(time, float))

        def score(theta: Array) -> Array:
            return _beyond(self.data, theta, t * self._factor(theta, stress))

        value = score(self.theta)
        gradient = _gradient(score, self.theta)
        error = np.sqrt(
            np.maximum(np.einsum("it,ij,jt->t", gradient, self.covariance, gradient), 0)
        )
        reach, middle = self._t((1 + confidence) / 2) * error, score(self._unbiased)
        ends = np.minimum(value, middle - reach), np.maximum(value, middle + reach)
        return Bounded(*(np.asarray(ndtr(each)) for each in (value, *ends)))

    def quantile(
        self, probability: float, confidence: float = 0.9,
        stress: Mapping[str, float] | None = None,
    ) -> Bounded:  # fmt: skip
        """Return the time by which a fraction of the units has crossed, with its interval.

        Delta method on the logarithm of the time; inf where the fraction never crosses.
        """
        fraction(probability, "probability")
        fraction(confidence, "confidence")
        wanted, longest = float(ndtri(probability)), float(self.data.time.max())
        grid = np.log(longest) + np.linspace(-12.0, 16.0, 561)

        def log_time(theta: Array) -> Array:
            over = _beyond(self.data, theta, np.exp(grid)) - wanted
            crosses = np.flatnonzero((over[:-1] < 0) & (over[1:] >= 0))
            if not crosses.size:
                return np.array([np.inf])
            ends = grid[crosses[0]], grid[crosses[0] + 1]
            root = brentq(
                lambda u: float(_beyond(self.data, theta, np.exp([u]))[0]) - wanted, *ends
            )
            return np.array([root - np.log(self._factor(theta, stress))])

        value = float(log_time(self.theta)[0])
        if not np.isfinite(value):
            return Bounded(*(np.array(np.inf),) * 3)
        slope = _gradient(log_time, self.theta)[:, 0]
        error = np.sqrt(max(float(slope @ self.covariance @ slope), 0.0))
        reach, middle = self._t((1 + confidence) / 2) * error, float(log_time(self._unbiased)[0])
        ends = min(value, middle - reach), max(value, middle + reach)
        return Bounded(*(np.asarray(np.exp(each)) for each in (value, *ends)))

    @property
    def _units(self) -> int:
        return int(np.unique(self.data.unit).size)

    @property
    def _unbiased(self) -> Array:
        """Parameters with the spread of units that maximum likelihood makes too small."""
        theta = self.theta.copy()
        theta[slice(1, 2) if self.data.from_start else slice(2, 5)] *= np.sqrt(
            self._units / (self._units - 1)
        )
        return theta

    def _t(self, probability: float) -> float:
        """Quantile of Student's t with as many degrees of freedom as units less one."""
        return float(stdtrit(self._units - 1, probability))

    def _factor(self, theta: Array, stress: Mapping[str, float] | None) -> float:
        """Acceleration factor of a condition to the reference."""
        stresses = self.data.stresses
        if stress is None:
            return 1.0
        if stresses is None:
            raise InputError("stress: the paths were fitted at one condition")
        known, columns = stresses.log_factor(stress)
        fitted = theta[theta.size - columns.shape[1] :]
        return float(np.exp(known[0] + columns[0] @ fitted))


def _gradient(score: Callable[[Array], Array], theta: Array) -> Array:
    step = 1e-5 * np.maximum(np.abs(theta), 1e-3)
    return np.array([
        (score(theta + h) - score(theta - h)) / (2 * h.max())
        for h in np.diag(step)
    ])  # fmt: skip


def _beyond(data: Paths, theta: Array, time: Array) -> Array:
    """Standard normal deviate of the fraction beyond the limit, at times at the reference."""
    if data.shape == "saturating":
        return _beyond_saturating(data, theta, time)
    x, limit = data.progress(time), float(data.scaled(data.limit))
    if data.from_start:
        mean = float(data.scaled(data.start)) + theta[0] * x  # type: ignore[arg-type]
        spread = np.abs(theta[1] * x)
    else:
        mean = theta[0] + theta[1] * x
        spread = np.hypot(theta[2] + theta[3] * x, theta[4] * x)
    over = mean - limit if data.upwards else limit - mean
    return np.asarray(over / np.maximum(spread, 1e-300))


def _beyond_saturating(data: Paths, theta: Array, time: Array) -> Array:
    """The end, given the rate, is log-normal; quadrature over the rate."""
    covariance = np.array([[theta[2], 0.0], [theta[3], theta[4]]])
    covariance = covariance @ covariance.T
    spread = np.sqrt(covariance[1, 1])
    slope = covariance[0, 1] / max(covariance[1, 1], 1e-300)
    rest = np.sqrt(max(covariance[0, 0] - slope * covariance[0, 1], 1e-300))
    rate = theta[1] + spread * _NODES
    with np.errstate(divide="ignore"):
        needed = np.log(abs(data.limit - (data.start or 0.0))) - np.log(
            -np.expm1(-np.exp(rate) * np.asarray(time)[:, None])
        )
    mean = theta[0] + slope * spread * _NODES
    part = ndtr((mean - needed) / rest) @ (_WEIGHTS / _WEIGHTS.sum())
    return np.asarray(ndtri(np.clip(part, 1e-300, 1 - 1e-16)))


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
        Too few units or reads, or a fit that does not converge.

    Examples
    --------
    >>> from reliability.lifetime.degradation import paths
    >>> time = np.tile([1.0, 2.0, 3.0], 3)
    >>> value = time * np.repeat([0.9, 1.0, 1.1], 3) + np.tile([0.01, 0.0, -0.01], 3)
    >>> fit = fit_degradation(paths(time, value, np.repeat([0, 1, 2], 3), limit=5.0, start=0.0))
    >>> fit.theta.round(3).tolist()
    [0.999, 0.082]
    """
    if data.units < 3:
        raise InputError(f"unit: got {data.units} units, expected 3 or more")
    free = data.columns.shape[1]
    if free and np.linalg.matrix_rank(data.columns - data.columns.mean(axis=0)) < free:
        raise InputError("stress: the units were tested at too few for its acceleration; fix it")
    if data.destructive:
        return _destructive(data)
    if data.shape == "saturating":
        return _linearised(data)
    return _accelerated(data) if free else _straight(data, np.zeros(0))


def _times(data: Paths, coefficients: Array) -> Array:
    """Times of the reads at the reference."""
    return data.time * np.exp(data.known + data.columns @ coefficients)


def _destructive(data: Paths) -> DegradationFit:
    """Least squares; u of the units and the error of the reads are one spread."""
    if data.columns.shape[1] or data.shape == "saturating":
        raise InputError(
            "shape: one read of each unit fits straight paths with a known acceleration only"
        )
    x, y = data.progress(_times(data, np.zeros(0))), data.scaled(data.value)
    design = np.column_stack([np.ones_like(x), x])
    mean, *_ = np.linalg.lstsq(design, y, rcond=None)
    n = y.size
    sigma = float(np.sqrt(((y - design @ mean) ** 2).mean()))
    theta = np.array([*mean, sigma, 0.0, 0.0])
    covariance = np.zeros((5, 5))
    covariance[:2, :2] = sigma**2 * np.linalg.inv(design.T @ design)
    covariance[2, 2] = sigma**2 / (2 * n)
    likelihood = -n / 2 * (np.log(2 * np.pi * sigma**2) + 1) + data.log_jacobian
    return DegradationFit(data, theta, covariance, sigma, float(likelihood))


def _straight(
    data: Paths, coefficients: Array, start: Array | None = None, errors: bool = True
) -> DegradationFit:
    """Straight paths with an acceleration that is taken as known."""
    x, y = data.progress(_times(data, coefficients)), data.scaled(data.value)
    if data.from_start:
        design = x[:, None]
        y = y - float(data.scaled(data.start))  # type: ignore[arg-type]
    else:
        design = np.column_stack([np.ones_like(x), x])
    return _found(data, fit_mixed(data.unit, design, design, y, start, errors=errors))


def _accelerated(data: Paths) -> DegradationFit:
    """Straight paths with a fitted acceleration: the likelihood given it, and its maximum.

    The spread of the slopes grows with the acceleration factor, which a linearisation about
    predicted paths leaves out of the likelihood: an activation energy of 0.9 eV came out as 0.84.
    """
    known: dict[bytes, DegradationFit] = {}
    count = 1 if data.from_start else 3
    first = _straight(data, begin := _first_coefficients(data), errors=False)

    def at(coefficients: Array) -> DegradationFit:
        if (key := coefficients.tobytes()) not in known:
            start = np.array([*first.theta[-count:], first.sigma])
            known[key] = _straight(data, coefficients, start, errors=False)
        return known[key]

    found = minimize(
        lambda c: -at(c).log_likelihood, begin, method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-9, "maxiter": _ROUNDS * begin.size},
    )  # fmt: skip
    if not found.success:
        raise InputError("stress: the fit of its acceleration does not converge; fix it")
    best = _straight(data, found.x)
    # errors given the coefficients, and what those of the coefficients add: block inversion
    hessian = second_derivatives(lambda c: -at(c).log_likelihood, found.x, 1e-3)
    of_coefficients = np.linalg.pinv((hessian + hessian.T) / 2, hermitian=True)
    step = np.diag(1e-3 * np.maximum(np.abs(found.x), 0.1))
    slope = np.array(
        [(at(found.x + p).theta - at(found.x - p).theta) / (2 * p.max()) for p in step]
    )
    across = slope.T @ of_coefficients
    covariance = np.block([
        [best.covariance + across @ slope, across], [across.T, of_coefficients]
    ])  # fmt: skip
    return replace(best, theta=np.array([*best.theta, *found.x]), covariance=covariance)


def _found(data: Paths, fit: MixedFit) -> DegradationFit:
    """Order the parameters: means, root, coefficients."""
    count = fit.root.shape[0]
    low = np.tril_indices(count)
    free = fit.beta.size - count
    order = np.concatenate([
        np.arange(count), fit.beta.size + np.arange(low[0].size), count + np.arange(free)
    ]).astype(int)  # fmt: skip
    # signs of the columns of the root say nothing
    root = fit.root * np.where(np.diag(fit.root) < 0, -1.0, 1.0)
    theta = np.concatenate([fit.beta[:count], root[low], fit.beta[count:]])
    signs = np.where(np.diag(fit.root) < 0, -1.0, 1.0)[low[1]]
    turned = np.concatenate([np.ones(count), signs, np.ones(free)])
    covariance = fit.covariance[np.ix_(order, order)] * np.outer(turned, turned)
    return DegradationFit(
        data, theta, covariance, fit.sigma, fit.log_likelihood + data.log_jacobian
    )


def _linearised(data: Paths) -> DegradationFit:
    """Saturating paths: alternate linear mixed models about the predicted path of each unit."""
    y = data.scaled(data.value)
    coefficients = _first_coefficients(data)
    units = np.column_stack(of_units(_at_reference(data, coefficients)))
    mean = np.median(units, axis=0)
    fixed, effects = np.concatenate([mean, coefficients]), units - mean
    fit, start = None, None
    for _ in range(_ROUNDS):
        u, v = (fixed[:2] + effects)[data.unit].T
        time = _times(data, fixed[2:])
        random = np.column_stack(data.slope(u, v, time))
        # time is accelerated where its rate is
        design = np.column_stack([random, random[:, 1:] * data.columns])
        target = y - data.path(u, v, time) + design @ fixed
        target += (random * effects[data.unit]).sum(axis=1)
        if not (np.isfinite(design).all() and np.isfinite(target).all()):
            break
        fit = fit_mixed(data.unit, design, random, target, start, errors=False)
        step = np.abs(np.concatenate([fit.beta - fixed, (fit.effects - effects).ravel()])).max()
        # half a step where a whole one is too far for the linearisation
        part = 1.0 if step < 1.0 else 1.0 / step
        fixed = fixed + part * (fit.beta - fixed)
        effects = effects + part * (fit.effects - effects)
        start = np.array([*fit.root[np.tril_indices(2)], fit.sigma])
        if step < 1e-7 * max(1.0, float(np.abs(fixed).max())):
            return _found(data, fit_mixed(data.unit, design, random, target, start))
    raise InputError(f"shape: the fit of {data.shape} paths does not converge; choose another")


def _at_reference(data: Paths, coefficients: Array) -> Paths:
    return replace(data, time=_times(data, coefficients))


def _first_coefficients(data: Paths) -> Array:
    """Coefficients from the crossing times of the units, each at its own stress."""
    if data.stresses is None or not data.stresses.free:
        return np.zeros(0)
    begins = np.unique(data.unit, return_index=True)[1]
    life = pseudo_failures(data)
    seen = np.isfinite(life) & (life > 0)
    columns = data.columns[begins]
    design = np.column_stack([np.ones(data.units), columns])[seen]
    if seen.any() and np.linalg.matrix_rank(design) == design.shape[1]:
        target = -np.log(life[seen]) - data.known[begins][seen]
        return np.asarray(np.linalg.lstsq(design, target, rcond=None)[0][1:], float)
    return np.array([_ENERGY if n == "activation_energy" else 1.0 for n in data.stresses.free])
