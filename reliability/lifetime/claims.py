"""Assess a claim on a life test: "at most this fraction fails in this time, at this confidence".

What is used, by what the test holds:

=================== ============================================================================
test                bound of the fraction that fails
=================== ============================================================================
a shape is known    chi-square bound on the time of the test, carried to the use condition with the
                    known acceleration and Weibull shape [1]_ [2]_; without a failure it is the
                    exact binomial bound
a prior is stated   posterior bound with priors on shape and acceleration
                    (`reliability.lifetime.priors`); for 0 to 5 failures
0 to 2 failures, or exact binomial bound of the units that lived as long as the claim; a longer
no shape in them    claim needs a shape
3 or more failures  likelihood-ratio bound of fitted distributions
=================== ============================================================================

With lots, each of them shifts the log life by a normal deviate; how much lots differ is averaged
over with a prior (`reliability.lifetime.lot_posterior`), which the assumptions state.

Without a stated distribution the bound is the worst one of all candidates whose AICc is within 4
of the best: data of a few failures do not choose between them, and a claim beyond the test depends
on the choice. Quantiles are those of Student's t with as many degrees of freedom as failures, which
keeps one-sided bounds of 5 to 50 failures near their nominal error (docs/coverage.md).

References
----------
.. [1] JEDEC JESD85, "Methods for Calculating Failure Rates in Units of FITs", 2001; JEDEC JESD47,
   "Stress-Test-Driven Qualification of Integrated Circuits"; JEDEC JEP122H, 2016.
.. [2] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
   sections 8.5 and 19.3.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, fraction, unknown_name
from reliability.lifetime.acceleration import Acceleration
from reliability.lifetime.censored_fit import LifetimeFit, NoMaximum, fit_lifetime
from reliability.lifetime.distributions import name_in_words
from reliability.lifetime.formula import Formula, find_acceleration
from reliability.lifetime.future_units import Prediction, predict_failures
from reliability.lifetime.model_choice import compare_lifetimes
from reliability.lifetime.observations import Observations, observations
from reliability.lifetime.priors import LifetimePosterior, Prior, fit_with_priors
from reliability.lifetime.random_lots import PRIOR_SCALE
from reliability.statistics.proportions import clustered_proportion

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
Choice = Literal["worst", "average"]
CANDIDATES = ("exponential", "weibull", "lognormal")
FEW = 3  # with fewer failures nothing is fitted
# Difference of AICc up to which candidates count: with 2 the bound of Weibull lives is missed in up
# to 19 % of tests at nominal 10 %, with 4 in at most 12 % (docs/coverage.md).
CLOSE = 4.0


@dataclass(frozen=True)
class Claim:
    """At most ``fraction`` of the units fails within ``duration`` at ``stress``.

    Attributes
    ----------
    duration : float
        In the unit of the lifetimes (s, cycles or reads).
    fraction : float
    stress : dict of str to float
        Use condition, e.g. ``{"temperature": 358.15}``.
    confidence : float
        One-sided.
    """

    duration: float
    fraction: float
    stress: dict[str, float] = field(default_factory=dict)
    confidence: float = 0.9

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration) and self.duration > 0):
            raise InputError(f"claim: got {self.duration!r}, allowed a finite time above 0")
        fraction(self.fraction, "fraction")
        if not 0.5 < self.confidence < 1:
            raise InputError(f"confidence: got {self.confidence!r}, allowed above 0.5, below 1")


@dataclass(frozen=True)
class Assessment:
    """What a test demonstrates of a claim.

    Attributes
    ----------
    claim : Claim
    verdict : str
        ``"demonstrated"``, ``"not demonstrated"``, or ``"depends on the distribution"`` where only
        some of the candidates that fit equally well demonstrate the claim.
    bound : float
        Upper confidence bound of the fraction that fails as claimed.
    estimate : float
        Its estimate; NaN without a fit.
    life_bound : float
        Lower confidence bound of the time by which the claimed fraction has failed.
    units, failures : float
    use_time : float
        Total time on test of all units, as time at use.
    longest : float
        Longest time on test of one unit, as time at use.
    fit : LifetimeFit or None
        The best by AICc of the candidates.
    coefficients : dict of str to float
        Of the acceleration, fitted or assumed.
    shape : float or None
        Of the Weibull distribution, None of another.
    comparison : pandas.DataFrame or None
        Candidates as `compare_lifetimes` gives them, with the ``bound`` of each (NaN where it is
        not among those that the bound is taken from).
    assumptions : tuple of str
    limitations : tuple of str
        What the test does not demonstrate.
    factor : float
        How many times more units the same test needs to demonstrate the claim with the same
        outcome: 1 if it is demonstrated, inf if the estimate itself is above the claim.
    method : str
        Of the bound of a fit, as given to `assess_claim`, or ``"random lots"``; ``"priors"``,
        ``"known shape"`` or ``"binomial"`` where nothing was fitted.
    predictive : LifetimeFit, LifetimePosterior or None
        What predicts the failures of other units: the fit with the worst bound, or the posterior
        with priors or a known shape; None where nothing was assumed on the distribution.
    """

    claim: Claim
    verdict: str
    bound: float
    estimate: float
    life_bound: float
    units: float
    failures: float
    use_time: float
    longest: float
    fit: LifetimeFit | None
    coefficients: dict[str, float]
    shape: float | None
    comparison: "pd.DataFrame | None"
    assumptions: tuple[str, ...]
    limitations: tuple[str, ...]
    factor: float
    method: str
    predictive: LifetimeFit | LifetimePosterior | None = None

    @property
    def passed(self) -> bool:
        """Whether the claim is demonstrated: the bound is within the claimed fraction."""
        return self.bound <= self.claim.fraction

    @property
    def margin(self) -> float:
        """Claimed fraction over its bound; above 1 the claim is demonstrated with room."""
        return self.claim.fraction / self.bound if self.bound > 0 else math.inf

    @property
    def extrapolation(self) -> float:
        """Claimed time over the longest time on test of one unit, as time at use."""
        return self.claim.duration / self.longest if self.longest > 0 else math.inf

    @property
    def rate_bound(self) -> float:
        """Upper confidence bound of the mean failure rate over the claimed time, 1/s or 1/cycle.

        ``-ln(1 - bound) / duration``: the cumulative hazard by the claimed time over that time.
        """
        return -math.log1p(-self.bound) / self.claim.duration if self.bound < 1 else math.inf


def assess_claim(
    claim: Claim,
    *,
    lower: ArrayLike,
    upper: ArrayLike,
    frequency: ArrayLike | None = None,
    stress: Mapping[str, ArrayLike] | None = None,
    lots: ArrayLike | None = None,
    distribution: str | None = None,
    acceleration: str | None = None,
    fixed: Mapping[str, float | tuple[float, float]] | None = None,
    priors: Sequence[Prior] = (),
    choice: Choice = "worst",
    method: str = "profile",
    seed: int = 0,
) -> Assessment:
    """Assess a claim on the outcome of a life test.

    Parameters
    ----------
    claim : Claim
    lower, upper, frequency, stress, lots
        As for `fit_lifetime`; a stress that no acceleration model uses is left out.
    distribution : str, optional
        By default the candidates exponential, Weibull and log-normal, see ``choice``.
    acceleration : str, optional
        Models, ``"arrhenius+inverse_power"``, or a formula, ``"~ arrhenius(temperature) + lot"``
        (`reliability.lifetime.formula`). By default Arrhenius if temperatures differ, from
        test to test or to the use, and exponential in voltage if voltages do.
    fixed : mapping of str to float or (float, float), optional
        Coefficients that are taken as known (``{"activation_energy": 1.1}``), and ``shape`` of a
        Weibull distribution. With a shape and all coefficients nothing is fitted, and each may be
        a range ``(low, high)``: the bound is then the worst one within.
    priors : sequence of Prior
        Of the shape (or sigma) and of the coefficients that are not in ``fixed``; the bound is then
        that of `fit_with_priors`, of a Weibull distribution unless stated, and the assumptions name
        each prior and how far the data moved it.
    choice : {"worst", "average"}
        Bound from the candidates within 4 of the best AICc: the worst of theirs, or the average of
        their log-odds with Akaike's weights, which is missed about twice as often as stated
        (docs/coverage.md).
    method : str
        Of the interval of a fit, see `reliability.lifetime.censored_fit`.
    seed : int

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        A coefficient or shape that neither the data nor ``fixed`` gives, or data that cannot be
        right.

    Examples
    --------
    231 devices, 1000 h at 125 degC, none failed: 1 % in ten years at 55 degC with 0.7 eV.

    >>> claim = Claim(87660.0, 0.01, {"temperature": 328.15})
    >>> found = assess_claim(claim, lower=[1000.0], upper=[np.inf], frequency=[231],
    ...     stress={"temperature": [398.15]}, fixed={"activation_energy": 0.7, "shape": 1.0})
    >>> found.passed, round(found.bound, 4), round(found.factor, 2)
    (False, 0.0112, 1.12)
    """
    if choice not in ("worst", "average"):
        raise unknown_name("choice", choice, ("worst", "average"))
    data = observations(lower=lower, upper=upper, frequency=frequency, stress=stress, lots=lots)
    models, chosen = _models(claim, data.stress, acceleration)
    ranges = {k: v if isinstance(v, tuple) else (v, v) for k, v in (fixed or {}).items()}
    test = _Test(claim, data, models, {name: low for name, (low, _) in ranges.items()})
    if priors:
        for name, (low, high) in ranges.items():
            if low != high:
                raise InputError(f"{name}: got a range beside priors; give it a prior too")
        return _with_priors(test, priors, chosen, distribution or "weibull", seed)
    _check_fixed(test, ranges)
    if "shape" in ranges and test.known and distribution in (None, "weibull", "exponential"):
        return _worst_within(test, ranges, chosen)
    for name, (low, high) in ranges.items():
        if low != high:
            raise InputError(f"{name}: a range is allowed only where the shape is known too")
    if data.failures < FEW:
        return _binomial(test)
    candidates = (distribution,) if distribution else CANDIDATES
    fits = _fits(test, chosen, candidates)
    if not distribution and {_name(fit) for fit in fits} <= {"exponential"}:
        return _binomial(test)  # the data hold no shape
    return _fitted(test, fits, choice, {"method": method, "seed": seed})


class _Test(NamedTuple):
    """A test and the claim that is made on it."""

    claim: Claim
    data: Observations
    models: Acceleration | Formula | None
    fixed: dict[str, float]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients of the acceleration."""
        return self.models.coefficients if self.models else ()

    @property
    def known(self) -> bool:
        """Whether all coefficients of the acceleration are."""
        return all(name in self.fixed for name in self.names)

    @property
    def acting(self) -> dict[str, Array]:
        """Stresses that the acceleration uses."""
        used = {name for group in self.models.stresses for name in group} if self.models else ()
        return {name: values for name, values in self.data.stress.items() if name in used}

    @property
    def use_stress(self) -> dict[str, float] | None:
        """The same of the claim, None if nothing is accelerated."""
        return {name: self.claim.stress[name] for name in self.acting} or None

    def at_use(self, times: Array, coefficients: Mapping[str, float]) -> Array:
        """Times of the test as times at the use condition."""
        if self.models is None:
            return times
        values = np.array([coefficients[name] for name in self.names])
        (test, test_offset), (use, use_offset) = (
            self.models.regressors(self.acting), self.models.regressors(self.claim.stress)
        )  # fmt: skip
        factors = np.exp((use - test) @ values + use_offset - test_offset)
        return np.asarray(np.broadcast_to(times * factors, times.shape))

    def coefficients(self) -> dict[str, float]:
        """Coefficients of the acceleration that are taken as known: all are needed."""
        for name in self.names:
            if name not in self.fixed:
                raise InputError(
                    f"{name}: got {self.data.failures:g} failed units, which do not give it; state "
                    "it as known"
                )
        return {name: self.fixed[name] for name in self.names}


def _models(
    claim: Claim, stress: Mapping[str, Array], acceleration: str | None
) -> tuple[Acceleration | Formula | None, str | None]:
    """Acceleration models to use, None if nothing is accelerated."""
    for name in claim.stress:
        if name not in stress:
            raise InputError(
                f"{name}: the claim names it, the data do not; give the {name} of the test"
            )
    if acceleration is None:
        differ = [
            name for name, values in stress.items()
            if np.unique(values).size > 1 or claim.stress.get(name, values[0]) != values[0]
        ]  # fmt: skip
        for name in differ:
            if name not in claim.stress:
                raise InputError(f"{name}: differs in the test; say at which one the claim holds")
        parts = ["arrhenius" if n == "temperature" else "voltage_exponential" for n in differ]
        if not parts:
            return None, None
        acceleration = "+".join(parts)
    models = find_acceleration(acceleration, stress, "acceleration")
    for group in models.stresses:
        for name in group:
            if name not in claim.stress:
                raise InputError(f"{name}: {acceleration} needs it; say at which the claim holds")
    return models, acceleration


def _check_fixed(test: _Test, ranges: Mapping[str, tuple[float, float]]) -> None:
    for name, (low, high) in ranges.items():
        if name != "shape" and name not in test.names:
            raise InputError(
                f"{name}: nothing depends on it in this test"
                + (f"; coefficients: {', '.join(test.names)}" if test.names else "")
            )
        if not 0 < low <= high < math.inf:
            got = low if low == high else (low, high)
            raise InputError(f"{name}: got {got!r}, allowed a finite number above 0")


def _worst_within(
    test: _Test, ranges: Mapping[str, tuple[float, float]], chosen: str | None
) -> Assessment:
    """The largest bound within ranges of the shape and the coefficients.

    The bound is monotonic in each coefficient, but not in the shape where some units lived longer
    than the claim and others shorter.
    """
    ends = [dict.fromkeys(ranges[name]) for name in test.names]
    shapes = np.unique(np.geomspace(*ranges["shape"], 25))
    found = [
        _known_shape(test._replace(fixed=dict(zip(test.names, corner, strict=True))), float(shape))
        for corner in itertools.product(*ends)
        for shape in shapes
    ]
    worst = max(found, key=lambda each: each.bound)
    data, known = test.data, worst.coefficients | {"shape": worst.shape}
    predictive = fit_with_priors(
        (), acceleration=chosen, fixed={k: float(v) for k, v in known.items() if v is not None},
        lower=data.lower, upper=data.upper, frequency=data.frequency, stress=test.acting or None,
    )  # fmt: skip
    wide = [
        f"worst within {name.replace('_', ' ')} {low:g} to {high:g}"
        for name, (low, high) in ranges.items()
        if low != high
    ]
    return replace(worst, assumptions=(*wide, *worst.assumptions), predictive=predictive)


def _with_priors(
    test: _Test, priors: Sequence[Prior], chosen: str | None, distribution: str, seed: int
) -> Assessment:
    """Bound with priors on the shape and the coefficients of the acceleration."""
    claim, data = test.claim, test.data
    if data.lots is not None:
        raise InputError("lots: not available with priors")
    fit = fit_with_priors(
        priors, distribution=distribution, acceleration=chosen, fixed=test.fixed, seed=seed,
        lower=data.lower, upper=data.upper, frequency=data.frequency, stress=test.acting or None,
    )  # fmt: skip
    sure = 2 * claim.confidence - 1
    estimate, _, bound = fit.failure_probability(claim.duration, test.use_stress, sure)
    life = fit.quantile(claim.fraction, test.use_stress, sure).low
    factor = max(math.log1p(-bound) / math.log1p(-claim.fraction), 1.0) if bound < 1 else math.inf
    values = test.fixed | fit.medians
    known = test._replace(fixed={name: values[name] for name in test.names})
    found = _unfitted(
        known, test.at_use(data.lower, values), float(bound), float(life), factor,
        values.get("shape"), [f"{name_in_words(fit.distribution.name)} distribution"], [], "priors",
    )  # fmt: skip
    stated = [f"{_with_unit(name, value)} assumed" for name, value in test.fixed.items()]
    assumptions = (found.assumptions[0], *stated, *map(str, fit.priors), found.assumptions[-1])
    return replace(found, estimate=float(estimate), assumptions=assumptions, predictive=fit)


def _known_shape(test: _Test, shape: float) -> Assessment:
    """Bound with a known shape and acceleration, also without a failure."""
    claim, data, coefficients = test.claim, test.data, test.coefficients()
    # A unit counts for the time that it is known to have lived.
    use = test.at_use(data.lower, coefficients)
    exposure = float(data.frequency @ (use / claim.duration) ** shape)
    if not exposure > 0:
        raise InputError("lower: no unit is known to have lived for any time")
    needed = float(special.chdtri(2 * data.failures + 2, 1 - claim.confidence)) / 2
    hazard = -math.log1p(-claim.fraction)
    name = "constant failure rate" if shape == 1 else f"Weibull shape {shape:g}"
    limits = ["the shape of the life distribution and the acceleration are assumed, not tested"]
    if data.lots is not None:
        limits.append("units of one lot are taken as independent")
    return _unfitted(
        test, use, -math.expm1(-needed / exposure),
        claim.duration * (hazard * exposure / needed) ** (1 / shape),
        max(needed / hazard / exposure, 1.0), shape, [f"{name} assumed"], limits, "known shape",
    )  # fmt: skip


def _binomial(test: _Test) -> Assessment:
    """Bound that needs no shape, from the units that lived as long as the claim."""
    claim, data, coefficients = test.claim, test.data, test.coefficients()
    use = test.at_use(data.lower, coefficients)
    if not use.max() > 0:
        raise InputError("lower: no unit is known to have lived for any time")

    lots = np.zeros(use.size, np.intp) if data.lots is None else data.lots

    def counted(duration: float) -> tuple[Array, Array]:
        """Failed and all units of each lot; those censored before are left out."""
        good = np.bincount(lots, data.frequency * (use >= duration * (1 - 1e-12)))
        failed = np.bincount(lots, data.frequency * (np.isfinite(data.upper) & (use < duration)))
        both = np.asarray(good + failed, float)
        return np.asarray(failed, float)[both > 0], both[both > 0]

    def bound(duration: float, times: float = 1.0) -> float:
        failed, tested = counted(duration)
        return float(clustered_proportion(failed, tested * times, 2 * claim.confidence - 1).high)

    if use.max() < claim.duration * (1 - 1e-12):
        raise InputError(
            f"shape: the claim is {claim.duration / use.max():.3g} times as long as the equivalent "
            f"test, and the number of failures ({data.failures:g}) does not give the shape of the "
            "life distribution; state it (1: constant failure rate). To the end of the test the "
            f"bound is {100 * bound(float(use.max())):.3g} %"
        )
    found = bound(claim.duration)
    times = [float(t) for t in np.unique(use) if t > 0 and bound(float(t)) <= claim.fraction]
    factor = _times_more(lambda times: bound(claim.duration, times) <= claim.fraction)
    limits = ["the acceleration is assumed, not tested"] if coefficients else []
    return _unfitted(
        test, use, found, max(times, default=0.0), factor, None,
        ["no assumption on the life distribution"], limits, "binomial",
    )  # fmt: skip


def _times_more(enough: Callable[[float], bool]) -> float:
    """How many times more units are enough, with as many failures; inf if ten thousand are not."""
    if enough(1.0):
        return 1.0
    low, high = 1.0, 1e4
    if not enough(high):
        return math.inf
    while high / low > 1.0001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _unfitted(
    test: _Test, use: Array, bound: float, life_bound: float, factor: float, shape: float | None,
    assumed: list[str], limits: list[str], method: str,
) -> Assessment:  # fmt: skip
    claim, data, coefficients = test.claim, test.data, test.coefficients()
    assumed += [f"{_with_unit(name, value)} assumed" for name, value in coefficients.items()]
    assumed.append(f"{data.failures:g} of {data.units:g} units failed in the test")
    longest = float(use.max())
    return Assessment(
        claim, _verdict([bound], bound, claim.fraction), bound, math.nan, life_bound, data.units,
        data.failures, float(data.frequency @ use), longest, None, coefficients, shape, None,
        tuple(assumed), (*limits, *_extrapolated(claim, longest)), factor, method,
    )  # fmt: skip


def _fits(test: _Test, chosen: str | None, candidates: Sequence[str]) -> list[LifetimeFit]:
    """Fits of the candidates that have a maximum, best first by AICc."""
    data, fits = test.data, []
    for name in candidates:
        fixed = {k: v for k, v in test.fixed.items() if k != "shape" or name == "weibull"}
        try:
            fit = fit_lifetime(
                lower=data.lower, upper=data.upper, frequency=data.frequency,
                stress=test.acting or None, distribution=name, lots=data.lots,
                lot_effect="robust" if data.lots is None else "random",
                acceleration=chosen, fixed=fixed or None,
            )  # fmt: skip
        except NoMaximum:
            if len(candidates) == 1:
                raise
            continue
        fits.append(fit)
    return sorted(fits, key=lambda fit: fit.aicc)


def _fitted(
    test: _Test, fits: Sequence[LifetimeFit], choice: Choice, options: Mapping[str, Any]
) -> Assessment:
    """Bound of the fitted distributions that fit the data equally well."""
    claim, data, fit = test.claim, test.data, fits[0]
    stress = test.use_stress
    sure: dict[str, Any] = {"confidence": _two_sided(claim, data, options["method"]), **options}
    table = compare_lifetimes(fits)
    close = _close(fits)
    found = [f.failure_probability(claim.duration, stress, **sure) for f in close]
    bounds, estimate = [float(each.high) for each in found], float(found[0].value)
    if math.isnan(max(bounds)):
        raise InputError(
            f"distribution: the claim ends before the fitted threshold of {fit.distribution.name}, "
            "where it gives no bound; choose one without a threshold"
        )
    lives = [float(f.quantile(claim.fraction, stress, **sure).low) for f in close]
    weights = table["weight"].to_numpy()[: len(close)]
    bound, life = max(bounds), min(lives)
    if choice == "average":
        bound = float(special.expit(np.average(special.logit(bounds), weights=weights)))
        life = float(np.exp(np.average(np.log(np.maximum(lives, 1e-300)), weights=weights)))
    table["bound"] = np.array(bounds + [math.nan] * (len(fits) - len(close)))
    use = test.at_use(np.maximum(data.lower, 0.0), fit.parameters)
    factor = max(_more(claim, float(each.high), float(each.value)) for each in found)
    method = options["method"]
    if data.lots is not None and method == "profile":
        method = "random lots"
    return Assessment(
        claim, _verdict(bounds, bound, claim.fraction), bound, estimate,
        life, fit.units, fit.failures, float(data.frequency @ use), float(use.max()), fit,
        {name: fit.parameters[name] for name in test.names},
        {"weibull": fit.parameters.get("shape"), "exponential": 1.0}.get(_name(fit)),
        table, tuple(_assumed(test, close, choice)),
        tuple(_limits(test, close, bounds, float(use.max()), estimate)),
        factor, method, close[int(np.argmax(bounds))],
    )  # fmt: skip


def _two_sided(claim: Claim, data: Observations, method: str) -> float:
    """Confidence of the two-sided interval whose upper end is the bound."""
    # These allow for the number of failures themselves.
    if method in ("calibrated", "bootstrap") or data.lots is not None:
        return 2 * claim.confidence - 1
    quantile = special.stdtrit(data.failures, claim.confidence)
    return float(2 * special.ndtr(quantile) - 1)


def _close(fits: Sequence[LifetimeFit]) -> list[LifetimeFit]:
    """Candidates within 4 of the best AICc; the exponential does not stand without the Weibull.

    Its shape of 1 is a special case that a few failures cannot refuse, and AICc counts a parameter
    as a little more than 2.
    """
    best = fits[0].aicc
    near = [f for f in fits if not f.aicc - best > CLOSE]
    if any(_name(f) == "exponential" for f in near):
        near += [f for f in fits if _name(f) == "weibull" and f not in near]
    return sorted(near, key=lambda fit: fit.aicc)


def _verdict(bounds: Sequence[float], bound: float, fraction: float) -> str:
    if bound <= fraction:
        return "demonstrated"
    return "depends on the distribution" if min(bounds) <= fraction else "not demonstrated"


def _assumed(test: _Test, close: Sequence[LifetimeFit], choice: Choice) -> list[str]:
    fit, names = close[0], [name_in_words(_name(f)) for f in close]
    assumed = [f"{names[0]} distribution"]
    if len(names) > 1:
        of = {"worst": "worst", "average": "weighted average"}[choice]
        assumed = [f"{of} of the {', '.join(names[:-1])} and {names[-1]} distributions"]
    for name in test.names:
        source = "assumed" if name in test.fixed else "fitted"
        assumed.append(f"{_with_unit(name, fit.parameters[name])} {source}")
    if "shape" in test.fixed and "Weibull" in names:
        assumed.append(f"Weibull shape {test.fixed['shape']:g} assumed")
    lots = ""
    if test.data.lots is not None:
        value, low, high = fit.parameters["lot_deviation"], *fit.interval("lot_deviation")
        assumed.append(
            f"standard deviation of ln life between lots {value:.2g} ({low:.2g} to {high:.2g}; "
            f"half-Cauchy prior of scale {PRIOR_SCALE:g})"
        )
        lots = f", from {np.unique(test.data.lots).size} lots"
    assumed.append(f"{fit.failures:g} of {fit.units:g} units failed in the test{lots}")
    return assumed


def _name(fit: LifetimeFit) -> str:
    """Distribution of the units of a lot."""
    return fit.distribution.name.removesuffix(" over lots")


def _limits(
    test: _Test, close: Sequence[LifetimeFit], bounds: Sequence[float], longest: float,
    estimate: float,
) -> list[str]:  # fmt: skip
    """What the test does not demonstrate."""
    claim, fit = test.claim, close[0]
    limits = list(_extrapolated(claim, longest))
    if estimate > 0 and fit.units * max(estimate, 1e-300) < 1:
        limits.append(
            f"the fraction at the claim (estimate {estimate:.2g}) is below one unit of "
            f"{fit.units:g}: the tail is that of the distribution, not observed"
        )
    if len(bounds) > 1:
        pairs = zip(close, bounds, strict=True)
        each = ", ".join(f"{name_in_words(_name(f))} {bound:.2g}" for f, bound in pairs)
        limits.append(f"the data fit several distributions equally well; bound of each: {each}")
    if fit.parameters.get("activation_energy", 1.0) <= 0:
        limits.append("failures do not come sooner at higher temperature: the fitted Ea is not > 0")
    return limits


def _more(claim: Claim, bound: float, estimate: float) -> float:
    """Factor of units with which a fitted bound would reach the claim."""
    if bound <= claim.fraction:
        return 1.0
    if not (0 < estimate < claim.fraction and bound < 1):
        return math.inf
    gap, have = (float(special.logit(x) - special.logit(estimate)) for x in (claim.fraction, bound))
    return (have / gap) ** 2


def _extrapolated(claim: Claim, longest: float) -> list[str]:
    if longest >= claim.duration:
        return []
    return [
        f"the claimed time is {claim.duration / longest:.2g} times the longest equivalent test: "
        "the rest is extrapolated"
    ]


def _with_unit(name: str, value: float) -> str:
    """A coefficient as it stands in a sentence.

    >>> _with_unit("activation_energy", 0.7), _with_unit("exponent", 3.0)
    ('Ea = 0.7 eV', 'exponent = 3')
    """
    known = {"activation_energy": ("Ea", " eV"), "voltage_acceleration": ("voltage slope", " /V")}
    words, unit = known.get(name, (name.replace("_", " "), ""))
    return f"{words} = {value:.3g}{unit}"


def predict_next_lot(found: Assessment, units: int) -> Prediction:
    """Predict how many units of the next lot fail in the claimed use.

    Parameters
    ----------
    found : Assessment
    units : int

    Returns
    -------
    Prediction
        Its ``high`` is not exceeded with the confidence of the claim.

    Raises
    ------
    InputError
        A bound without any assumption on the distribution, which says nothing of other units.

    Examples
    --------
    >>> claim = Claim(1000.0, 0.01)
    >>> found = assess_claim(claim, lower=[2000.0], upper=[np.inf], frequency=[231],
    ...     fixed={"shape": 1.0})
    >>> predict_next_lot(found, 1000).high
    6
    """
    if found.predictive is None:
        raise InputError(
            "next lot: the bound has no life distribution to predict from; state a shape or priors"
        )
    names, claim = found.predictive.stresses, found.claim
    stress = {name: claim.stress[name] for name in names} or None
    sure = 2 * claim.confidence - 1
    return predict_failures(found.predictive, units, claim.duration, stress, sure)


def more_units(found: Assessment) -> int | None:
    """Units that the same test needs to demonstrate the claim; None if no number would.

    With as many failures where nothing was fitted, with failures in proportion for a fit (its bound
    then closes in as one over the root of the number of units).

    Examples
    --------
    >>> claim = Claim(1000.0, 0.01)
    >>> found = assess_claim(claim, lower=[1000.0], upper=[np.inf], frequency=[100])
    >>> more_units(found)
    230
    """
    if not math.isfinite(found.factor):
        return None
    return math.ceil(found.units * found.factor - 1e-9)
