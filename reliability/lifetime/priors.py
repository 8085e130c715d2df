"""Life tests of few failures with stated priors on shape, activation energy, voltage acceleration.

Zero to five failures do not give the shape of the life distribution, and a test at one temperature
gives no activation energy. Where such a value is known from earlier tests or a standard, but not
exactly, it enters as a prior with its source; the result says what it was and how far the data
moved it. What stays without a prior is how many failures the test was expected to give: all numbers
are equally likely beforehand. With every other parameter known, the bound is then the chi-square
bound of JESD85, and a wider prior only makes it wider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction, unknown_name
from reliability.lifetime.acceleration import Acceleration
from reliability.lifetime.censored_fit import Estimate, Stress
from reliability.lifetime.distributions import Distribution, find_distribution
from reliability.lifetime.formula import Formula, find_acceleration
from reliability.lifetime.likelihood import Terms, split_terms, term_value
from reliability.lifetime.observations import Observations, observations

Array = NDArray[np.float64]

_NINETY = float(special.ndtri(0.95))
_DRAWS, _GRID = 512, 400
_MOST_ROWS = 2_000_000  # values of the likelihood at a time
_ROUNDS = 6


@dataclass(frozen=True)
class Prior:
    """What is known of a parameter before the test: a log-normal distribution, and its source.

    Attributes
    ----------
    name : str
        A parameter that is positive: ``"shape"``, ``"sigma"``, ``"activation_energy"`` (eV),
        ``"voltage_acceleration"`` (1/V), ``"exponent"`` ...
    median : float
    spread : float
        Factor above 1: the value lies between ``median / spread`` and ``median * spread`` with
        90 % probability.
    source : str
        Where this is known from: a standard, an earlier test, a publication.

    Raises
    ------
    InputError
        A median that is not positive, a spread that is not above 1, or no source.

    Examples
    --------
    >>> Prior("activation_energy", 1.1, 1.2, "three earlier bakes of the same process").ends
    (0.9166666666666667, 1.32)
    """

    name: str
    median: float
    spread: float
    source: str

    def __post_init__(self) -> None:
        for key, low in (("median", 0.0), ("spread", 1.0)):
            value = getattr(self, key)
            if not (np.isfinite(value) and value > low):
                raise InputError(
                    f"prior of {self.name}: {key} is {value!r}, allowed a number above {low:g}"
                )
        if not str(self.source).strip():
            raise InputError(f"prior of {self.name}: source is empty, say where it is known from")

    @property
    def ends(self) -> tuple[float, float]:
        """Values that hold the parameter with 90 % probability."""
        return self.median / self.spread, self.median * self.spread

    def values(self, deviates: Array) -> Array:
        """The parameter at standard normal deviates."""
        return self.median * np.exp(np.log(self.spread) / _NINETY * deviates)


class Updated(NamedTuple):
    """A prior and what the data made of it.

    ``estimate`` is the median afterwards with the ends of the central 90 %; ``moved`` the shift of
    the mean of its logarithm in standard deviations of the prior; ``learnt`` the fraction of the
    prior variance (of the logarithm) that the data removed.
    """

    prior: Prior
    estimate: Estimate
    moved: float
    learnt: float

    def __str__(self) -> str:
        name, (low, high) = self.prior.name.replace("_", " "), self.prior.ends
        value, below, above = self.estimate
        conflict = "; the data contradict the prior" if abs(self.moved) > 2 else ""
        return (
            f"prior on {name}: {self.prior.median:.3g} ({low:.3g} to {high:.3g}, "
            f"{self.prior.source}); after the data {value:.3g} ({below:.3g} to {above:.3g}), moved "
            f"by {round(self.moved, 1) + 0.0:+.1f} prior standard deviations{conflict}"
        )


@dataclass(frozen=True)
class LifetimePosterior:
    """A life distribution after a test, with priors on all parameters but the location.

    Attributes
    ----------
    distribution : Distribution
    priors : tuple of Updated
        Each prior, and how far the data moved it.
    units, failures : float
    stresses : tuple of str
        Names of the stresses that a prediction needs.
    """

    distribution: Distribution
    priors: tuple[Updated, ...]
    units: float
    failures: float
    stresses: tuple[str, ...]
    model: "Acceleration | Formula | None" = field(repr=False)
    draws: "_Draws" = field(repr=False)

    @property
    def medians(self) -> dict[str, float]:
        """Median of each parameter that has a prior, after the data."""
        return {each.prior.name: float(each.estimate.value) for each in self.priors}

    def failure_probability(
        self, t: float, stress: Stress | None = None, confidence: float = 0.9
    ) -> Estimate:
        """Probability of failure by the time ``t``: median and central interval.

        Parameters
        ----------
        t : float
            In the unit of the data, above 0.
        stress : mapping of str to float, optional
            Required if there is an acceleration.
        confidence : float
            Two-sided: the upper end of 0.8 is the one-sided 90 % bound.

        Raises
        ------
        InputError
            A time that is not above 0, or a stress that is missing.
        """
        if not (np.isfinite(t) and t > 0):
            raise InputError(f"t: got {t!r}, allowed a time greater than 0")
        form, y = self.distribution.form, float(np.log(t))
        assert form is not None
        z = self._solve(lambda z, level: 1 - self._below(y, z, stress) - level, confidence)
        return Estimate(*(float(np.exp(form.log_cdf(np.float64(x)))) for x in z))

    def quantile(self, p: float, stress: Stress | None = None, confidence: float = 0.9) -> Estimate:
        """Time by which a fraction ``p`` has failed; parameters as `failure_probability`."""
        form = self.distribution.form
        assert form is not None
        z = float(form.quantile(fraction(p, "p")))
        y = self._solve(lambda y, level: self._below(y, z, stress) - level, confidence)
        return Estimate(*(float(np.exp(x)) for x in y))

    def _below(self, y: float, z: float, stress: Stress | None) -> float:
        """Probability that the quantile of the standardised value z is below exp(y)."""
        given = dict(stress or {})
        for name in {*given, *self.stresses}:
            if name not in given or name not in self.stresses:
                raise InputError(
                    f"stress: got {', '.join(given) or 'none'}, expected "
                    f"{', '.join(self.stresses) or 'none'}"
                )
        draws, shift = self.draws, np.zeros(len(self.draws.scale))
        if self.model is not None:
            x, offset = self.model.regressors(given)
            shift = draws.coefficients @ x[0] + offset[0]
        return float(draws.weight @ draws.below(y - shift - draws.scale * z))

    @staticmethod
    def _solve(miss: Any, confidence: float) -> list[float]:
        tail = (1 - fraction(confidence, "confidence")) / 2
        return [
            float(scipy.optimize.brentq(miss, -800.0, 800.0, args=(level,), xtol=1e-10))
            for level in (0.5, tail, 1 - tail)
        ]


class _Draws(NamedTuple):
    """Parameters with priors, shape (draws,) each, and the location on a grid for each of them.

    The location is ``top - scale * z`` on the common grid of z, ``cumulative`` the probability,
    shape (draws, grid), that it is above.
    """

    weight: Array
    coefficients: Array
    scale: Array
    top: Array
    z: Array
    cumulative: Array

    def below(self, location: Array) -> Array:
        """Probability that the location is below a value, for each draw."""
        at = (self.top - location) / self.scale
        k = np.clip(np.searchsorted(self.z, at) - 1, 0, self.z.size - 2)
        part = np.clip((at - self.z[k]) / (self.z[k + 1] - self.z[k]), 0.0, 1.0)
        row = np.arange(at.size)
        low, high = self.cumulative[row, k], self.cumulative[row, k + 1]
        return 1 - (low + part * (high - low))


def fit_with_priors(
    priors: Sequence[Prior],
    time: ArrayLike | None = None,
    *,
    distribution: str = "weibull",
    acceleration: "str | Mapping[str, str] | Formula | None" = None,
    fixed: Mapping[str, float] | None = None,
    seed: int = 0,
    **data: Any,
) -> LifetimePosterior:
    """Evaluate a life test of few failures, or none, with stated priors.

    Parameters
    ----------
    priors : sequence of Prior
        On the shape (or sigma) and on each coefficient of the acceleration that is not in
        ``fixed``.
    time : array_like, shape (n,), optional
    distribution : str
        ``weibull``, ``exponential``, ``lognormal`` or ``loglogistic``.
    acceleration : str, mapping or Formula, optional
        As `fit_lifetime`.
    fixed : mapping of str to float, optional
        Parameters that are known.
    seed : int
        Of the (quasi-random) sample of the priors.
    **data
        ``event``, ``lower``, ``upper``, ``frequency``, ``stress`` as for `fit_lifetime`.

    Returns
    -------
    LifetimePosterior

    Raises
    ------
    InputError
        A parameter with neither prior nor value, a prior on one that the model does not have, or
        data that cannot be right.

    Notes
    -----
    The prior density of the location is flat in the expected number of failures of the test,
    ``m = sum of -log S(time on test)``; then for a Weibull distribution of known shape and
    acceleration m has a gamma distribution with parameter ``failures + 1``, and bounds are those of
    JESD85 [1]_. Parameters with priors are integrated over a Sobol sample with importance weights
    adapted to the posterior, the location on a grid.

    References
    ----------
    .. [1] JEDEC JESD85, "Methods for Calculating Failure Rates in Units of FITs", 2001.
    .. [2] H. F. Martz, R. A. Waller, "Bayesian Reliability Analysis", Wiley, 1982.

    Examples
    --------
    231 devices, 1000 h at 125 degC, none failed: at most what fraction in ten years at 55 degC?

    >>> found = fit_with_priors(
    ...     [Prior("shape", 1.5, 1.5, "lots 1 to 4"),
    ...      Prior("activation_energy", 0.8, 1.15, "three bakes")],
    ...     [1000.0], event=[0], frequency=[231], stress={"temperature": [398.15]},
    ...     acceleration="arrhenius")
    >>> round(found.failure_probability(87660.0, {"temperature": 328.15}, 0.8).high, 4)
    0.0059
    """
    chosen = find_distribution(distribution)
    if chosen.form is None or chosen.threshold or not chosen.positive:
        raise InputError(
            f"distribution: got {chosen.name!r}, allowed with priors: weibull, exponential, "
            "lognormal, loglogistic"
        )
    unknown = [name for name in data if name in ("truncation", "lots")]
    if unknown:
        raise InputError(f"{unknown[0]}: not available with priors")
    seen = observations(time, **data)
    model = None
    if acceleration is not None:
        model = find_acceleration(acceleration, seen.stress, "acceleration")
    elif seen.stress:
        raise InputError("stress: given without acceleration, name the model that it follows")
    test = _Test.of(chosen, seen, model, priors, fixed or {})
    draws, deviates = _sample(test, priors, seed)
    updated = tuple(_update(p, deviates[:, j], draws.weight) for j, p in enumerate(priors))
    names = tuple(n for group in model.stresses for n in group) if model else ()
    return LifetimePosterior(
        chosen, updated, seen.units, seen.failures, tuple(dict.fromkeys(names)), model, draws
    )


class _Test(NamedTuple):
    """Data as terms of the likelihood, and where each parameter comes from."""

    distribution: Distribution
    data: Observations
    terms: list[Terms]
    x: Array
    offset: Array
    names: tuple[str, ...]  # coefficients
    shape: Any  # reported parameter of the spread, or None
    fixed: dict[str, float]

    @classmethod
    def of(
        cls, distribution: Distribution, data: Observations,
        model: "Acceleration | Formula | None", priors: Sequence[Prior],
        fixed: Mapping[str, float],
    ) -> "_Test":  # fmt: skip
        rows = data.lower.size
        x, offset = np.empty((rows, 0)), np.zeros(rows)
        names: tuple[str, ...] = ()
        if model is not None:
            found, plus = model.regressors(data.stress)
            names = model.coefficients
            x = np.broadcast_to(found, (rows, len(names)))
            offset = np.broadcast_to(plus, (rows,))
        shape = None if distribution.fixed_scale else distribution.parameters[1]
        needed = (*names, *([shape.name] if shape else []))
        stated = [prior.name for prior in priors]
        for name in (*stated, *fixed):
            if name not in needed:
                raise unknown_name("parameter with a prior or a fixed value", name, needed)
            if [*stated, *fixed].count(name) > 1:
                raise InputError(f"{name}: stated twice, give one prior or one fixed value")
        for name in needed:
            if name not in stated and name not in fixed:
                raise InputError(f"{name}: give a prior or a fixed value, few failures do not")
        terms = split_terms(data.lower[None], data.upper[None], data.frequency[None])
        return cls(distribution, data, terms, x, offset, names, shape, dict(fixed))

    def parameters(self, priors: Sequence[Prior], deviates: Array) -> tuple[Array, Array]:
        """Coefficients, shape (draws, k), and the log scale, shape (draws,)."""
        values = {prior.name: prior.values(deviates[:, j]) for j, prior in enumerate(priors)}
        values |= {name: np.full(len(deviates), value) for name, value in self.fixed.items()}
        rows = [values[name] for name in self.names]
        coefficients = np.stack(rows, axis=1) if rows else np.empty((len(deviates), 0))
        if self.shape is None:
            return coefficients, np.zeros(len(deviates))
        sign = -1 if self.shape.link == "negative_log" else 1
        return coefficients, sign * np.log(values[self.shape.name])


def _sample(test: _Test, priors: Sequence[Prior], seed: int) -> tuple[_Draws, Array]:
    """Weighted draws of the parameters with priors, with the grid of the location."""
    if not priors:
        coefficients, log_scale = test.parameters(priors, np.empty((1, 0)))
        draws, _ = _locations(test, coefficients, log_scale)
        return draws, np.empty((1, 0))
    mean, root = np.zeros(len(priors)), np.eye(len(priors))
    for k in range(_ROUNDS):
        sobol = scipy.stats.qmc.Sobol(len(priors), rng=np.random.default_rng([seed, k]))
        normal = special.ndtri(np.clip(sobol.random(_DRAWS), 1e-12, 1 - 1e-12))
        deviates = mean + normal @ root.T
        draws, log_evidence = _locations(test, *test.parameters(priors, deviates))
        log_weight = log_evidence + (np.sum(normal**2, 1) - np.sum(deviates**2, 1)) / 2
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        if 1 / np.sum(weight**2) > 0.6 * _DRAWS:
            break
        # The next sample is normal about this posterior, wider, so that its tails are reached.
        mean = weight @ deviates
        covariance = (deviates - mean).T @ ((deviates - mean) * weight[:, None])
        root = np.linalg.cholesky(1.2 * covariance + 1e-4 * np.eye(len(priors)))
    return draws._replace(weight=weight), deviates


def _locations(test: _Test, coefficients: Array, log_scale: Array) -> tuple[_Draws, Array]:
    """Posterior of the location on a grid for each draw, and the log of its integral."""
    data, form = test.data, test.distribution.form
    assert form is not None
    end = np.where(np.isfinite(data.upper), data.upper, data.lower)
    with np.errstate(divide="ignore"):
        aged = np.log(end) - test.offset - coefficients @ test.x.T
    scale = np.exp(log_scale)
    top = np.max(np.where(data.frequency > 0, aged, -np.inf), axis=1)
    if not np.all(np.isfinite(top)):
        raise InputError("time: no unit is known to have lived for any time")
    hazard = np.geomspace(1e-4 / data.units, 60.0 + 4 * data.failures, _GRID)
    z = form.quantile(-np.expm1(-np.minimum(hazard, 36.0)))
    z = np.unique(z)
    location = top[:, None] - scale[:, None] * z
    expected, value = np.zeros(location.shape), np.zeros(location.shape)
    step = max(_MOST_ROWS // (z.size * data.lower.size), 1)
    for start in range(0, len(scale), step):
        at = slice(start, start + step)
        shift = (coefficients[at] @ test.x.T + test.offset)[:, None, :]
        u = location[at, :, None] + shift
        with np.errstate(divide="ignore"):
            ages = (np.log(end) - u) / scale[at, None, None]
        expected[at] = -form.log_sf(ages) @ data.frequency
        for term in test.terms:
            own = [u[:, :, term.row], log_scale[at, None, None]]
            if test.distribution.fixed_scale:
                own = own[:1]
            found = term_value(test.distribution, term.kind, term.low, term.high, own)
            value[at] += found @ term.weight
    value = np.where(np.isnan(value), -np.inf, value)
    largest = value.max(axis=1, keepdims=True)
    density = np.exp(value - largest)
    # Flat in the expected number of failures m: the integral of the density over m, in log m.
    height = density * expected
    steps = np.diff(np.log(expected), axis=1) * (height[:, 1:] + height[:, :-1]) / 2
    total = steps.sum(axis=1)
    cumulative = np.concatenate([np.zeros((len(scale), 1)), np.cumsum(steps, axis=1)], axis=1)
    draws = _Draws(
        np.ones(len(scale)) / len(scale), coefficients, scale, top, z, cumulative / total[:, None]
    )
    return draws, largest[:, 0] + np.log(total)


def _update(prior: Prior, deviates: Array, weight: Array) -> Updated:
    mean = float(weight @ deviates)
    variance = float(weight @ (deviates - mean) ** 2)
    order = np.argsort(deviates)
    levels = np.cumsum(weight[order]) - weight[order] / 2
    ends = np.interp([0.5, 0.05, 0.95], levels, deviates[order])
    return Updated(prior, Estimate(*map(float, prior.values(ends))), mean, 1 - variance)
