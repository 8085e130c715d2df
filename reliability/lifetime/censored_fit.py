"""Maximum-likelihood fits of censored lifetimes, with intervals that hold.

`fit_lifetime` takes exact, right-, left- and interval-censored and truncated data, mixed, with
frequencies, and stresses with an acceleration model. Times are divided by a typical time before the
fit and stresses centred, so that the unit does not matter. What to use when:

=========== ======================================================================================
method      interval
=========== ======================================================================================
profile     likelihood ratio; the default; good from about 15 failures on
calibrated  likelihood ratio with Bartlett's factor from simulated samples; for few failures
bootstrap   parametric bootstrap of the studentised estimate
wald        normal approximation on an unlimited scale (log, log-odds); quick, for many failures
=========== ======================================================================================

None of them can give a probability outside 0 to 1 or a negative life. With a random effect of lots
"profile" is the posterior of `reliability.lifetime.lot_posterior`: few lots do not give the spread
between them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction, unknown_name
from reliability.lifetime import bootstrap
from reliability.lifetime.clusters import robust_covariance
from reliability.lifetime.distributions import Distribution, Parameter, find_distribution
from reliability.lifetime.likelihood import Likelihood, Terms, split_terms
from reliability.lifetime.lot_posterior import LotPosterior, lot_posterior
from reliability.lifetime.maximise import Maximum, gradient_of, profile_interval
from reliability.lifetime.observations import Observations, lifetimes_on_the_line, observations
from reliability.lifetime.random_lots import RandomLots, fit_random_lots, over_lots
from reliability.lifetime.regression import Models, Regression, regression
from reliability.lifetime.starting_values import NoMaximum, best_fit

Array = NDArray[np.float64]
Stress = Mapping[str, float | str]
Method = Literal["profile", "calibrated", "bootstrap", "wald"]

_METHODS = ("profile", "calibrated", "bootstrap", "wald")
_SAMPLES = 2000  # of the bootstrap
_LINKS: dict[str, Callable[[ArrayLike], Array]] = {
    "identity": lambda v: np.asarray(v, float),
    "log": np.exp,
    "negative_log": lambda v: np.exp(-np.asarray(v, float)),
    "logit": lambda v: special.expit(np.asarray(v, float)),
}


class Estimate(NamedTuple):
    """A value with the ends of its interval; ``float()`` gives the value."""

    value: float | Array
    low: float | Array
    high: float | Array

    def __float__(self) -> float:
        return float(self.value)


@dataclass(frozen=True)
class LifetimeFit:
    """A fitted lifetime distribution.

    Attributes
    ----------
    distribution : Distribution
    parameters : dict of str to float
        In the units of the data; with an acceleration model ``intercept`` (of the log life) and its
        coefficients take the place of the location.
    covariance : ndarray, shape (p, p)
        Of the parameters, in their order: inverse of the observed information. Rows of parameters
        that were held fixed are zero.
    log_likelihood : float
        With densities per unit of the data's time.
    units, failures : float
        Sum of the frequencies, and of those that are not right-censored.
    stresses : tuple of str
        Names of the stresses that a prediction needs.
    """

    distribution: Distribution
    parameters: dict[str, float]
    covariance: Array = field(repr=False)
    log_likelihood: float
    units: float
    failures: float
    stresses: tuple[str, ...]
    data: Observations = field(repr=False)
    regression: Regression = field(repr=False)
    likelihood: Likelihood = field(repr=False)
    maximum: Maximum = field(repr=False)
    inner_covariance: Array = field(repr=False)

    @property
    def free_parameters(self) -> int:
        """Number of parameters that were estimated."""
        return self.likelihood.size

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return 2 * self.free_parameters - 2 * self.log_likelihood

    @property
    def aicc(self) -> float:
        """Akaike's criterion corrected for few data; infinite with n <= parameters + 1."""
        k, n = self.free_parameters, self.units
        return self.aic + 2 * k * (k + 1) / (n - k - 1) if n > k + 1 else np.inf

    @cached_property
    def lot_posterior(self) -> LotPosterior:
        """Posterior of a fit with a random effect of lots (`reliability.lifetime.lot_posterior`).

        Raises
        ------
        InputError
            A fit without one.
        """
        if not isinstance(self.likelihood, RandomLots):
            raise InputError("lot_posterior: the fit has no random effect of lots")
        return lot_posterior(self.likelihood, self.maximum)

    def interval(
        self, name: str, confidence: float = 0.9, method: Method = "profile", *, seed: int = 0
    ) -> tuple[float, float]:
        """Two-sided interval of a parameter.

        Parameters
        ----------
        name : str
            One of `parameters`.
        confidence : float
            Between 0 and 1.
        method : {"profile", "calibrated", "bootstrap", "wald"}
        seed : int
            Of the simulated samples, for the methods that need them.

        Returns
        -------
        low, high : float

        Raises
        ------
        InputError
            Unknown parameter or method, or confidence outside 0 to 1.

        Examples
        --------
        >>> fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
        >>> low, high = fit.interval("shape", 0.9)
        >>> round(low, 2), round(high, 2)
        (1.86, 4.64)
        """
        if name not in self.parameters:
            raise unknown_name("parameter", name, self.parameters)
        spec = self.regression.parameters[list(self.parameters).index(name)]
        row, constant = self.regression.report(name)
        if not np.any(row):
            return self.parameters[name], self.parameters[name]
        if self.distribution.threshold and spec.unit == "time":
            return self._threshold_interval(row, confidence, method, seed)
        low, high = self.bounds(lambda theta: theta @ row + constant, confidence, method, seed)
        with np.errstate(over="ignore"):  # an end that the data leave open is infinite
            a, b = _LINKS[spec.link](low), _LINKS[spec.link](high)
        scale = self.data.unit if spec.unit == "time" else 1.0
        return float(min(a, b)) * scale, float(max(a, b)) * scale

    def _threshold_interval(
        self, row: Array, confidence: float, method: Method, seed: int
    ) -> tuple[float, float]:
        """Interval of a threshold, which lies before the first failure."""
        first = float(self.data.upper[self.data.frequency > 0].min()) / self.data.unit

        def quantity(theta: Array) -> Array:
            with np.errstate(invalid="ignore", divide="ignore"):
                return -np.log(first - theta @ row)

        ends = self.bounds(quantity, confidence, method, seed)
        low, high = (self.data.unit * (first - float(np.exp(-end))) for end in ends)
        return low, high

    def quantile(
        self, p: ArrayLike, stress: Stress | None = None,
        confidence: float = 0.9, method: Method = "profile", *, seed: int = 0,
    ) -> Estimate:  # fmt: skip
        """Time by which a fraction ``p`` of the units has failed.

        Parameters
        ----------
        p : array_like
            Between 0 and 1; an array gives arrays.
        stress : mapping of str to float (or str, a level of a factor), optional
            Required if the fit has an acceleration.
        confidence, method, seed
            As in `interval`.

        Returns
        -------
        Estimate
            In the unit of the data. Where the fraction that can fail is estimated below ``p`` the
            value is infinite and the lower end the time by which ``p`` may have failed.

        Examples
        --------
        >>> fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
        >>> value, low, high = fit.quantile(0.01)
        >>> round(value), round(low), round(high)
        (69, 24, 121)
        """
        at = self.regression.at(stress)
        distribution, unit = self.distribution, self.data.unit
        forward = np.log if distribution.positive else np.positive
        back = np.exp if distribution.positive else np.positive

        def one(p: float) -> tuple[float, float, float]:
            fraction(p, "p")

            def quantity(theta: Array) -> Array:
                with np.errstate(divide="ignore", invalid="ignore"):
                    return forward(distribution.quantile(np.float64(p), *at(theta)))

            value = float(quantity(self.maximum.theta)[0])
            if not np.isfinite(value):  # beyond the fraction that can fail
                return np.inf, self._earliest(p, stress, confidence, method, seed), np.inf
            ends = self.bounds(quantity, confidence, method, seed)
            middle, low, high = (unit * float(back(x)) for x in (value, *ends))
            if not np.isfinite(ends[0]):  # close to it, where the quantile has no derivative
                low = self._earliest(p, stress, confidence, method, seed)
            return middle, low, high

        return _over(one, p)

    def _earliest(
        self, p: float, stress: Stress | None, confidence: float, method: Method,
        seed: int,
    ) -> float:  # fmt: skip
        """Time at which the upper bound of the failure probability reaches ``p``; inf if none."""

        def miss(log_time: float) -> float:
            time = self.data.unit * float(np.exp(log_time))
            high = float(self._log_odds(time, stress, confidence, method, seed).high)
            return min(high, 700.0) - float(special.logit(p))

        if miss(14.0) < 0:  # a million typical times
            return np.inf
        if miss(-30.0) > 0:
            return 0.0
        return self.data.unit * float(np.exp(scipy.optimize.brentq(miss, -30.0, 14.0, xtol=1e-4)))

    def failure_probability(
        self, t: ArrayLike, stress: Stress | None = None,
        confidence: float = 0.9, method: Method = "profile", *, seed: int = 0,
    ) -> Estimate:  # fmt: skip
        """Probability of failure by the time ``t``; parameters as in `quantile`.

        Before a fitted threshold the upper end is not known (NaN): it is an estimate too.

        Examples
        --------
        >>> fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
        >>> value, low, high = fit.failure_probability(100.0)
        >>> round(value, 3), round(low, 3), round(high, 3)
        (0.031, 0.004, 0.139)
        """
        found = self._log_odds(t, stress, confidence, method, seed)
        return Estimate(*map(_fraction, found))

    def survival_probability(
        self, t: ArrayLike, stress: Stress | None = None,
        confidence: float = 0.9, method: Method = "profile", *, seed: int = 0,
    ) -> Estimate:  # fmt: skip
        """Probability to live longer than ``t``, with all digits however small it is.

        Parameters as in `quantile`.

        Examples
        --------
        >>> fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
        >>> round(float(fit.survival_probability(100.0)), 3)
        0.969
        >>> 0 < float(fit.survival_probability(1500.0)) < 1e-30
        True
        """
        value, low, high = self._log_odds(t, stress, confidence, method, seed)
        return Estimate(*(_fraction(-np.asarray(x)) for x in (value, high, low)))

    def _log_odds(
        self, t: ArrayLike, stress: Stress | None, confidence: float, method: Method,
        seed: int,
    ) -> Estimate:  # fmt: skip
        """Log-odds of failure by the time ``t``."""
        at, distribution = self.regression.at(stress), self.distribution
        form = None if distribution.threshold else distribution.form

        def one(t: float) -> tuple[float, float, float]:
            if np.isnan(t) or (distribution.positive and t <= 0):
                if t == 0:
                    return -np.inf, -np.inf, -np.inf
                raise InputError(f"t: got {t!r}, allowed a time greater than 0")

            def quantity(theta: Array) -> Array:
                u, scaled = at(theta), np.float64(t / self.data.unit)
                with np.errstate(divide="ignore", invalid="ignore"):
                    return distribution.log_cdf(scaled, *u) - distribution.log_sf(scaled, *u)

            value = float(quantity(self.maximum.theta)[0])
            if distribution.threshold and np.isneginf(value):  # the threshold itself is not sure
                return value, value, np.nan
            if form is not None and np.isfinite(t):

                def standardised(theta: Array) -> Array:
                    u = at(theta)
                    y = np.log(t / self.data.unit) if distribution.positive else t / self.data.unit
                    return (y - u[0]) * np.exp(0.0 if distribution.fixed_scale else -u[1])

                ends = self.bounds(standardised, confidence, method, seed)
                z = np.array(ends)
                with np.errstate(divide="ignore", invalid="ignore"):
                    low, high = np.where(np.isinf(z), z, form.log_cdf(z) - form.log_sf(z))
                return value, float(low), float(high)
            if not np.isfinite(value):  # beyond the precision of a double
                return value, value, value
            return value, *self.bounds(quantity, confidence, method, seed)

        return _over(one, t)

    def acceleration_factor(
        self, stress_from: Stress, stress_to: Stress,
        confidence: float = 0.9, method: Method = "profile", *, p: float = 0.5, seed: int = 0,
    ) -> Estimate:  # fmt: skip
        """How many times shorter the life is at ``stress_to`` than at ``stress_from``.

        Parameters
        ----------
        stress_from, stress_to : mapping of str to float
        p : float
            Fraction failed at which lives are compared; matters only where the shape depends on
            the stress.
        confidence, method, seed
            As in `interval`.

        Raises
        ------
        InputError
            The fit has no acceleration.
        """
        if not self.stresses:
            raise InputError("acceleration_factor: the fit has no acceleration")
        before, after = self.regression.at(stress_from), self.regression.at(stress_to)
        quantile = self.distribution.quantile

        def quantity(theta: Array) -> Array:
            fraction = np.float64(p)
            return np.log(quantile(fraction, *before(theta)) / quantile(fraction, *after(theta)))

        value = float(np.exp(quantity(self.maximum.theta)[0]))
        low, high = self.bounds(quantity, confidence, method, seed)
        return Estimate(value, float(np.exp(low)), float(np.exp(high)))

    def bounds(
        self, quantity: Callable[[Array], Array], confidence: float, method: str, seed: int = 0
    ) -> tuple[float, float]:
        """Ends of the interval of a function of the internal coefficients, on an unlimited scale.

        Parameters
        ----------
        quantity : callable
            Function of ``theta``, shape (..., p), smooth, such as a log life or a log-odds.
        confidence, method, seed
            As in `interval`.
        """
        if method not in _METHODS:
            raise unknown_name("method", method, _METHODS)
        fraction(confidence, "confidence")
        centre = float(quantity(self.maximum.theta)[0])
        if isinstance(self.likelihood, RandomLots) and method == "profile":
            return self.lot_posterior.interval(quantity, confidence)
        slope = gradient_of(quantity, self.maximum)[0]
        naive = float(np.sqrt(max(slope @ self.maximum.covariance[0] @ slope, 0.0)))
        if naive == 0:
            return centre, centre
        z = float(special.ndtri(0.5 + confidence / 2))
        error, lots = naive, self.data.lots
        if lots is not None:
            if method in ("calibrated", "bootstrap"):
                raise InputError(f"method: {method} is not available with lots")
            z = float(special.stdtrit(lots.max(), 0.5 + confidence / 2))
            error = max(float(np.sqrt(slope @ self.inner_covariance @ slope)), naive)
        if method == "wald":
            return centre - z * error, centre + z * error
        if method == "bootstrap":
            samples = bootstrap.refit(self, _SAMPLES, seed)
            pivots = bootstrap.studentised(samples, quantity, centre)
            low, high = np.quantile(pivots, [0.5 - confidence / 2, 0.5 + confidence / 2])
            return centre - high * error, centre - low * error
        drop = (z * error / naive) ** 2
        if method == "calibrated":
            drop *= bootstrap.bartlett_factor(self, quantity, _SAMPLES, seed)
        ends = profile_interval(self.likelihood, self.maximum, quantity, drop)
        return float(ends.low[0]), float(ends.high[0])


def _fraction(log_odds: ArrayLike) -> float | Array:
    fraction = special.expit(np.asarray(log_odds, float))
    return fraction if np.ndim(fraction) else float(fraction)


def _over(one: Callable[[float], tuple[float, float, float]], values: ArrayLike) -> Estimate:
    array = np.asarray(values, float)
    if array.ndim == 0:
        return Estimate(*one(float(array)))
    rows = np.array([one(float(value)) for value in array.ravel()]).reshape(-1, 3)
    return Estimate(*(rows[:, k].reshape(array.shape) for k in range(3)))


def fit_lifetime(
    time: ArrayLike | None = None,
    *,
    event: ArrayLike | None = None,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    frequency: ArrayLike | None = None,
    truncation: ArrayLike | tuple[ArrayLike | None, ArrayLike | None] | None = None,
    stress: Mapping[str, ArrayLike] | None = None,
    lots: ArrayLike | None = None,
    lot_effect: Literal["robust", "random"] = "robust",
    distribution: str | Distribution = "weibull",
    acceleration: Models | None = None,
    shape_acceleration: Models | None = None,
    fixed: Mapping[str, float] | None = None,
) -> LifetimeFit:
    """Fit a lifetime distribution to censored data by maximum likelihood.

    Parameters
    ----------
    time : array_like, shape (n,)
        Times to failure or to the end of the test, in any one unit. Either this or ``lower`` and
        ``upper``.
    event : array_like of bool, shape (n,), optional
        Whether the unit failed at ``time`` (default) or was still good (right-censored).
    lower, upper : array_like, shape (n,)
        Interval that holds the time to failure. Equal: exact; ``upper=inf``: right-censored;
        ``lower=0``: left-censored (``-inf`` for normal and Gumbel distributions, if some times are
        negative).
    frequency : array_like, shape (n,), optional
        How many units each row stands for.
    truncation : array_like or (array_like or None, array_like or None), optional
        Units that failed before this time could not be in the data (left truncation); a tuple
        gives also the time after which they could not.
    stress : mapping of str to array_like, shape (n,) or scalar, optional
        E.g. ``{"temperature": K, "voltage": V}``; text is a factor of a formula.
    lots : array_like, shape (n,), optional
        Lot (wafer, die, board) of each row, at least 2: units of one resemble each other.
    lot_effect : {"robust", "random"}
        ``"robust"``: the distribution is that of all units, intervals and covariance allow for the
        lots (`reliability.lifetime.clusters`). ``"random"``: each lot shifts the log life by a
        normal deviate, whose standard deviation is a parameter, ``lot_deviation``; predictions are
        of a unit of any lot (`reliability.lifetime.random_lots`). Better with few, different lots.
    distribution : str or Distribution
        See `reliability.lifetime.distributions`.
    acceleration : str, mapping or Formula, optional
        How the stresses act on the log life: models of `reliability.lifetime.acceleration` by name,
        or a formula, ``"~ arrhenius(temperature) + lot"`` (`reliability.lifetime.formula`).
    shape_acceleration : str, mapping or Formula, optional
        The same for the log scale (minus the log of a Weibull shape); none: constant.
        Test it with `likelihood_ratio_test`.
    fixed : mapping of str to float, optional
        Parameters held at a value, e.g. ``{"shape": 2.0}`` or ``{"activation_energy": 0.7}``.

    Returns
    -------
    LifetimeFit

    Raises
    ------
    InputError
        Data that cannot be right (the row is named), or a likelihood without a maximum.

    Notes
    -----
    Log-likelihood: sum over rows of ``frequency * log f(t)`` for exact data, ``log S(lower)``,
    ``log F(upper)`` or ``log(F(upper) - F(lower))`` for censored ones, minus the log of the
    probability of being seen at all for truncated ones [1]_.

    References
    ----------
    .. [1] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
       chapters 8, 11 and 19.

    Examples
    --------
    Ten of twenty units failed, the others were taken off the test at 500 h (NIST/SEMATECH
    e-Handbook of Statistical Methods, section 8.4.1.3: 606.5280 and 1.7208).

    >>> time = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386, 500]
    >>> fit = fit_lifetime(time, event=[1] * 10 + [0], frequency=[1] * 10 + [10])
    >>> {name: round(value, 4) for name, value in fit.parameters.items()}
    {'scale': 606.5276, 'shape': 1.7208}
    """
    chosen = find_distribution(distribution)
    data = observations(
        time, event=event, lower=lower, upper=upper, frequency=frequency, truncation=truncation,
        stress=stress, lots=lots, positive=chosen.positive,
    )  # fmt: skip
    data = lifetimes_on_the_line(data)
    if data.failures == 0:
        raise InputError(
            "no unit failed: the likelihood has no maximum; state a bound with "
            "failure_rate_bound or binomial_bound"
        )
    random = _has_random_lots(lot_effect, data, chosen)
    whole = over_lots(chosen) if random else chosen
    model = regression(whole, data, acceleration, shape_acceleration, fixed)
    terms = split_terms(
        data.lower[None] / data.unit, data.upper[None] / data.unit, data.frequency[None],
        _scaled(data.entry, data.unit), _scaled(data.leave, data.unit), positive=chosen.positive,
    )  # fmt: skip
    likelihood = Likelihood(whole, terms, 1, model.designs, model.offsets)
    if random and data.lots is not None:
        likelihood, maximum = fit_random_lots(likelihood, chosen, data.lots)
    else:
        maximum = best_fit(likelihood)
    return assembled(whole, data, model, likelihood, maximum)


def assembled(
    distribution: Distribution, data: Observations, model: Regression, likelihood: Likelihood,
    maximum: Maximum,
) -> LifetimeFit:  # fmt: skip
    """Reported parameters and their covariance from a maximum of the likelihood."""
    value = float(maximum.value[0] - likelihood.penalty(maximum.theta)[0])
    value += _density_unit(likelihood.terms, data)
    matrix = np.stack([model.report(name)[0] for name in model.names])
    internal = matrix @ maximum.theta[0] + [model.report(name)[1] for name in model.names]
    slope, parameters = np.empty(len(internal)), {}
    for i, (name, spec) in enumerate(zip(model.names, model.parameters, strict=True)):
        link = spec.link
        factor = data.unit if spec.unit == "time" else 1.0
        reported = float(_LINKS[link](internal[i]))
        parameters[name] = reported * factor
        slope[i] = factor * {
            "identity": 1.0, "log": reported, "negative_log": -reported,
            "logit": reported * (1 - reported),
        }[link]  # fmt: skip
    jacobian = slope[:, None] * matrix
    inner = maximum.covariance[0]
    if data.lots is not None and type(likelihood) is Likelihood:
        inner = robust_covariance(likelihood, maximum, data.lots)
    return LifetimeFit(
        distribution, parameters, jacobian @ inner @ jacobian.T, value, data.units, data.failures,
        model.stresses, data, model, likelihood, maximum, inner,
    )  # fmt: skip


def _has_random_lots(lot_effect: str, data: Observations, distribution: Distribution) -> bool:
    if lot_effect not in ("robust", "random"):
        raise unknown_name("lot_effect", lot_effect, ("robust", "random"))
    if lot_effect == "robust":
        return False
    if data.lots is None:
        raise InputError("lot_effect: random needs lots, the lot of each row")
    if distribution.location is None or distribution.threshold or distribution.shift is not None:
        raise InputError(f"lot_effect: random is not available for {distribution.name}")
    return True


def _scaled(times: Array | None, unit: float) -> Array | None:
    return None if times is None else times[None] / unit


def _density_unit(terms: list[Terms], data: Observations) -> float:
    """What densities per unit of the data's time add to those per typical time."""
    total = 0.0
    for term in terms:
        if term.kind == "density":
            total -= float(term.weight.sum()) * np.log(data.unit)
            width = (data.upper - data.lower)[term.row]
            narrow = width > 0
            total += float(term.weight[narrow] @ np.log(width[narrow]))
    return total


__all__ = ["Estimate", "LifetimeFit", "NoMaximum", "Parameter", "fit_lifetime"]
