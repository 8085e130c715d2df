"""Error rates beyond the data by a fitted tail.

An error rate of 1e-9 from a thousand cells is an extrapolation whatever the method. The estimate
comes with its interval and with a sentence that says when the data cannot support it.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, unknown_name
from reliability.lifetime.distributions import Distribution, Parameter
from reliability.lifetime.likelihood import Likelihood, split_terms
from reliability.lifetime.maximise import (
    Maximum,
    is_proper,
    maximise,
    profile_bound,
    profile_interval,
)
from reliability.lifetime.standard_forms import log1mexp

Array = NDArray[np.float64]

_FEWEST = 30  # exceedances for a fit (assumed: below, the interval of the shape spans all tails)
_DECADES = 1.0  # how far beyond 1/n a fitted tail may go without a warning (assumed)


def _scaled_log(x: Any, shape: Any) -> Array:
    """``log(1 + shape x)/shape``, minus infinity from its end on, x at shape 0."""
    w = np.asarray(shape * x, float)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(np.abs(w) < 1e-4, 1 - w * (1 / 2 - w * (1 / 3 - w / 4)), np.log1p(w) / w)
    return np.where(w > -1, x * ratio, np.inf)


def _log_rate(u: tuple[Any, ...]) -> Any:
    return -np.logaddexp(0.0, -u[0])


def _log_pdf(x: Any, *u: Any) -> Array:
    beyond = _scaled_log(x * np.exp(-u[1]), u[2])
    return np.where(u[2] < -0.5, -np.inf, _log_rate(u) - u[1] - (1 + u[2]) * beyond)


def _log_sf(x: Any, *u: Any) -> Array:
    return _log_rate(u) - _scaled_log(x * np.exp(-u[1]), u[2])


def _quantile(p: Array, *u: Any) -> Array:
    fraction = -np.expm1(np.log1p(-np.asarray(p, float)) - _log_rate(u))
    return np.exp(u[1]) * special.boxcox1p(fraction / (1 - fraction), u[2])


# The excess over a threshold: a rate of values beyond it and a generalised Pareto distribution; the
# values below are data too, censored at the threshold. Below a shape of -1/2 the maximum is not
# regular.
_BEYOND = Distribution(
    "tail", (Parameter("rate", "logit"), Parameter("scale", "log"), Parameter("shape")),
    _log_pdf, _log_sf, lambda x, *u: log1mexp(_log_sf(x, *u)), _quantile,
    lambda *u: np.exp(u[1]), location=None,
)  # fmt: skip


class TailProbability(NamedTuple):
    """Probability of an error with its interval, and a warning (empty: the data support it)."""

    value: float
    low: float
    high: float
    warning: str


@dataclass(frozen=True)
class TailFit:
    """Generalised Pareto distribution of the values beyond a threshold.

    ``P(X > x) = rate (1 + shape (x - threshold)/scale)^(-1/shape)``

    Attributes
    ----------
    threshold, rate, scale, shape : float
        In the direction of the tail: for a lower tail the values are taken negative.
    shape_interval : (float, float)
        Profile-likelihood interval.
    values, exceedances : int
    side : {"upper", "lower"}
    excess : ndarray, shape (exceedances,)
    """

    threshold: float
    rate: float
    scale: float
    shape: float
    shape_interval: tuple[float, float]
    values: int
    exceedances: int
    side: str
    excess: Array = field(repr=False)
    likelihood: Likelihood = field(repr=False)
    maximum: Maximum = field(repr=False)

    def probability(self, reference: float, confidence: float = 0.9) -> TailProbability:
        """Probability of a value beyond ``reference``, which must lie beyond the threshold.

        Notes
        -----
        Profile likelihood over rate, scale and shape together. A negative fitted shape means
        an end; beyond the largest value that end is a guess, so there the upper end of the interval
        is not less than that of an exponential tail (shape 0), which covers every
        lighter tail.
        """
        sign = 1.0 if self.side == "upper" else -1.0
        distance = sign * reference - self.threshold
        if distance <= 0:
            raise InputError(
                f"reference: got {reference!r}, which is not beyond the threshold "
                f"{sign * self.threshold:g}"
            )
        x = np.float64(distance / self.excess.mean())
        drop = float(special.chdtri(1, 1 - confidence))

        def quantity(theta: Array) -> Array:
            return _log_sf(x, *np.moveaxis(theta, -1, 0))

        value = float(np.exp(quantity(self.maximum.theta)[0]))
        low = high = 0.0
        if value > 0:
            end = profile_bound(self.likelihood, self.maximum, quantity, drop, 1)
            high = float(np.exp(end[0]))
        if value > 0 and not self._may_end_before(distance, drop):
            end = profile_bound(self.likelihood, self.maximum, quantity, drop, -1)
            low = float(np.exp(end[0]))
        if self.shape < 0 and distance > self.excess.max():
            high = max(high, self._exponential_bound(x, drop))
        return TailProbability(value, low, high, _warn(value, high, self.values))

    def _may_end_before(self, distance: float, drop: float) -> bool:
        """Whether a distribution that ends at the distance is as likely as the interval asks."""
        if distance <= self.excess.max():
            return False

        def loss(shape: float) -> float:
            log_scale = np.log(-shape * distance / self.excess.mean())
            theta = np.array([[self.maximum.theta[0, 0], log_scale, shape]])
            return -float(self.likelihood.value(theta)[0])

        found = scipy.optimize.minimize_scalar(loss, bounds=(-0.5, -1e-6), method="bounded")
        return bool(2 * (float(self.maximum.value[0]) + float(found.fun)) < drop)

    def _exponential_bound(self, x: np.float64, drop: float) -> float:
        """Upper end of the interval with the shape held at 0."""
        empty = np.zeros((self.exceedances + 1, 0))
        held = Likelihood(_BEYOND, self.likelihood.terms, 1, (None, None, empty), (0.0, 0.0, 0.0))
        best = maximise(held, self.maximum.theta[:, :2] * [1.0, 0.0])

        def quantity(theta: Array) -> Array:
            return _log_sf(x, theta[..., 0], theta[..., 1], 0.0)

        return float(np.exp(profile_bound(held, best, quantity, drop, 1)[0]))


def _warn(value: float, high: float, n: int) -> str:
    if value * n < 10.0**-_DECADES:
        reach = (
            "the fitted tail ends before it"
            if value == 0
            else (f"{value:.1e} lies {-np.log10(value * n):.1f} decades beyond")
        )
        return (
            f"{n} values reach to about {1 / n:.0e}; {reach} and rests on the shape of the fitted "
            f"tail; what is shown is <= {high:.1e}"
        )
    if high > 10 * value:
        return f"the interval spans more than a decade above {value:.1e}: too few values"
    return ""


def _likelihood(excess: Array, values: int) -> Likelihood:
    """Of samples of excesses, shape (samples, exceedances), each in units of its mean."""
    scaled = np.column_stack([excess / excess.mean(1, keepdims=True), np.zeros(len(excess))])
    lower = scaled.copy()
    lower[:, -1] = -np.inf
    weight = np.ones_like(scaled)
    weight[:, -1] = values - excess.shape[1]
    terms = split_terms(lower, scaled, weight, positive=False)
    return Likelihood(_BEYOND, terms, len(excess), (None,) * 3, (0.0,) * 3)


def _fit(excess: Array, values: int) -> tuple[Likelihood, Maximum]:
    likelihood = _likelihood(excess, values)
    fraction = excess.shape[1] / values
    # Moment estimates: with mean 1 the variance is 1/(1 - 2 shape).
    variance = np.var(excess / excess.mean(1, keepdims=True), axis=1)
    shape = np.clip((1 - 1 / np.maximum(variance, 1e-9)) / 2, -0.2, 0.4)
    start = np.stack(
        [np.full(len(excess), special.logit(fraction)), np.log1p(-shape), shape], axis=1
    )
    # A distribution with an end must reach beyond the largest excess.
    largest = (excess.max(1) / excess.mean(1)) * np.maximum(-shape, 0.0)
    start[:, 1] = np.maximum(start[:, 1], np.log(1.05 * np.maximum(largest, 1e-9)))
    return likelihood, maximise(likelihood, start)


def fit_tail(
    values: ArrayLike,
    *,
    exceedances: int | None = None,
    threshold: float | None = None,
    side: Literal["upper", "lower"] = "upper",
    confidence: float = 0.9,
) -> TailFit:
    """Fit a generalised Pareto distribution to the most extreme values [1]_.

    Parameters
    ----------
    values : array_like, shape (n,)
    exceedances : int, optional
        How many values make the tail; default: a tenth of them, at most 1000. Above a good
        threshold the shape does not change: compare the intervals of several.
    threshold : float, optional
        Value beyond which the tail lies, instead of ``exceedances``.
    side : {"upper", "lower"}
    confidence : float
        Of the interval of the shape.

    Returns
    -------
    TailFit

    Raises
    ------
    InputError
        Fewer than 30 exceedances, values that are not finite, or a shape of -1/2 or less, for
        which the likelihood has no regular maximum.

    References
    ----------
    .. [1] S. Coles, "An Introduction to Statistical Modeling of Extreme Values", Springer, 2001,
       chapter 4, doi:10.1007/978-1-4471-3675-0.

    Examples
    --------
    >>> x = np.random.default_rng(0).exponential(size=10_000)
    >>> tail = fit_tail(x)
    >>> tail.shape_interval[0] < 0.0 < tail.shape_interval[1]
    True
    >>> rate = tail.probability(12.0)
    >>> bool(rate.low < np.exp(-12.0) < rate.high)
    True
    """
    if side not in ("upper", "lower"):
        raise unknown_name("side", side, ("upper", "lower"))
    x = np.asarray(values, float).ravel()
    if not np.all(np.isfinite(x)):
        raise InputError("values: got a value that is not finite")
    x = np.sort(x if side == "upper" else -x)
    sign = 1.0 if side == "upper" else -1.0
    if threshold is not None and exceedances is not None:
        raise InputError("threshold, exceedances: give one of them")
    if threshold is not None:
        exceedances = int(np.sum(x > sign * threshold))
    count = min(x.size // 10, 1000) if exceedances is None else exceedances
    if not _FEWEST <= count < x.size:
        raise InputError(
            f"exceedances: got {count} of {x.size} values, allowed {_FEWEST} to {x.size - 1}"
        )
    limit = float(x[-count - 1]) if threshold is None else sign * threshold
    excess = x[-count:] - limit
    if excess[-1] <= 0:
        raise InputError("values: all values of the tail are equal")
    likelihood, best = _fit(excess[None], x.size)
    if not (best.converged[0] and is_proper(best)[0]):
        raise InputError(
            f"exceedances: {count} values have no generalised Pareto fit with a shape above -1/2; "
            "they end abruptly or are too few"
        )
    ends = profile_interval(
        likelihood, best, lambda theta: theta[..., 2], float(special.chdtri(1, 1 - confidence))
    )
    shape, scale = float(best.theta[0, 2]), float(np.exp(best.theta[0, 1]) * excess.mean())
    return TailFit(
        limit, count / x.size, scale, shape, (float(ends.low[0]), float(ends.high[0])), x.size,
        count, side, excess, likelihood, best,
    )  # fmt: skip
