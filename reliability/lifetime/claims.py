"""Does a life test show a claim: "at most this fraction fails in this time, at this confidence"?

Two ways, by what the test gave:

========== =====================================================================================
failures   how
========== =====================================================================================
0, 1 or 2  chi-square bound on the test's time, carried to the use condition with an acceleration
           and a Weibull shape that are assumed [1]_ [2]_; holds in at least the stated share of
           tests that end at a time, in more of those that end at a failure; with no failure it is
           the exact binomial bound
3 or more  a fitted law (given, or the best by AICc) with its acceleration; likelihood-ratio bound
========== =====================================================================================

References
----------
.. [1] JEDEC JESD85, "Methods for Calculating Failure Rates in Units of FITs", 2001; JEDEC JESD47,
   "Stress-Test-Driven Qualification of Integrated Circuits"; JEDEC JEP122H, 2016.
.. [2] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
   sections 8.5 and 19.3.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError
from reliability.lifetime.acceleration import acceleration as assign_laws
from reliability.lifetime.censored_fit import LifetimeFit, fit_lifetime
from reliability.lifetime.model_choice import compare_lifetimes
from reliability.lifetime.observations import observations
from reliability.statistics.proportions import binomial_bound

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]
CANDIDATES = ("exponential", "weibull", "lognormal")
FEW = 3  # with fewer failures no law is fitted


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
        if not 0 < self.fraction < 1:
            raise InputError(f"fraction: got {self.fraction!r}, allowed between 0 and 1")
        if not 0.5 < self.confidence < 1:
            raise InputError(f"confidence: got {self.confidence!r}, allowed above 0.5, below 1")


@dataclass(frozen=True)
class Assessment:
    """What a test shows about a claim.

    Attributes
    ----------
    claim : Claim
    passed : bool
        The bound is within the claimed fraction.
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
    rate_bound : float
        Upper confidence bound of the mean failure rate over that time, in 1/s (or 1/cycle).
    binomial : float
        Exact binomial bound of the fraction, NaN unless all units had the same test and the bound
        is not of a fit.
    fit : LifetimeFit or None
    coefficients : dict of str to float
        Of the acceleration, fitted or assumed.
    shape : float or None
        Of the Weibull law, None of another.
    comparison : pandas.DataFrame or None
        Laws that were compared.
    assumptions : tuple of str
    not_shown : tuple of str
        What the test could not show.
    factor : float
        How many times more units the same test needs to show the claim with the same outcome: 1 if
        it is shown, inf if the estimate itself is above the claim.
    method : str
        Of the bound of a fit, as given to `assess_claim`; empty where nothing was fitted.
    """

    claim: Claim
    passed: bool
    bound: float
    estimate: float
    life_bound: float
    units: float
    failures: float
    use_time: float
    longest: float
    rate_bound: float
    binomial: float
    fit: LifetimeFit | None
    coefficients: dict[str, float]
    shape: float | None
    comparison: "pd.DataFrame | None"
    assumptions: tuple[str, ...]
    not_shown: tuple[str, ...]
    factor: float
    method: str = ""

    @property
    def margin(self) -> float:
        """Claimed fraction over its bound; above 1 the claim is shown with room."""
        return self.claim.fraction / self.bound if self.bound > 0 else math.inf


def assess_claim(
    claim: Claim,
    *,
    lower: ArrayLike,
    upper: ArrayLike,
    frequency: ArrayLike | None = None,
    stress: Mapping[str, ArrayLike] | None = None,
    distribution: str | None = None,
    acceleration: str | None = None,
    fixed: Mapping[str, float] | None = None,
    method: str = "profile",
    seed: int = 0,
) -> Assessment:
    """Assess a claim on the outcome of a life test.

    Parameters
    ----------
    claim : Claim
    lower, upper, frequency, stress
        As for `fit_lifetime`; a stress that no law acts on is left out.
    distribution : str, optional
        Best of exponential, Weibull and log-normal by AICc when not given.
    acceleration : str, optional
        Laws, ``"arrhenius+inverse_power"``. By default Arrhenius if temperatures differ, from test
        to test or to the use, and exponential in voltage if voltages do.
    fixed : mapping of str to float, optional
        Coefficients that are taken as known (``{"activation_energy": 1.1}``), and ``shape`` of a
        Weibull law. With a shape and all coefficients nothing is fitted.
    method : str
        Of the interval of a fit, see `reliability.lifetime.censored_fit`.
    seed : int

    Returns
    -------
    Assessment

    Raises
    ------
    InputError
        A coefficient that neither the data nor ``fixed`` gives, or data that cannot be right.

    Examples
    --------
    231 devices, 1000 h at 125 degC, none failed: 1 % in ten years at 55 degC with 0.7 eV.

    >>> claim = Claim(87660.0, 0.01, {"temperature": 328.15})
    >>> found = assess_claim(claim, lower=[1000.0], upper=[np.inf], frequency=[231],
    ...     stress={"temperature": [398.15]}, fixed={"activation_energy": 0.7, "shape": 1.0})
    >>> found.passed, round(found.bound, 4), round(found.factor, 2)
    (False, 0.0112, 1.12)
    """
    fixed = dict(fixed or {})
    data = observations(lower=lower, upper=upper, frequency=frequency, stress=stress)
    laws, chosen = _laws(claim, data.stress, acceleration)
    coefficients = (
        {name: fixed[name] for name in laws.coefficients if name in fixed} if laws else {}
    )
    _check_fixed(fixed, laws.coefficients if laws else ())
    wanted = {name for group in laws.stresses for name in group} if laws else set()
    acting = {name: values for name, values in data.stress.items() if name in wanted}
    all_known = laws is None or len(coefficients) == len(laws.coefficients)
    given = "shape" in fixed and all_known and distribution in (None, "weibull", "exponential")
    if data.failures < FEW or given:
        if not all_known and laws is not None:
            missing = [name for name in laws.coefficients if name not in coefficients]
            raise InputError(
                f"{missing[0]}: {data.failures:g} failures do not give it; state it as known"
            )
        return _assumed(claim, data, acting, laws, coefficients, fixed.get("shape", 1.0))
    arguments: dict[str, Any] = {
        "lower": data.lower, "upper": data.upper, "frequency": data.frequency,
        "stress": acting or None, "acceleration": chosen,
    }  # fmt: skip
    fits = []
    for name in [distribution] if distribution else CANDIDATES:
        held = {key: value for key, value in fixed.items() if key != "shape" or name == "weibull"}
        fits.append(fit_lifetime(distribution=name, fixed=held or None, **arguments))
    table = compare_lifetimes(fits)
    best = str(table["distribution"][0])
    fits.sort(key=lambda fit: fit.distribution.name != best)
    return _fitted(claim, fits, table, wanted, coefficients, chosen, method, seed)


def _laws(
    claim: Claim, stress: Mapping[str, Array], acceleration: str | None
) -> tuple[Any, str | None]:
    """Laws of acceleration to use, None if nothing is accelerated."""
    for name in claim.stress:
        if name not in stress:
            raise InputError(
                f"{name}: the claim names it, the data do not; give the {name} of the test"
            )
    if acceleration is None:
        differ = [
            name for name, values in stress.items()
            if np.ptp(values) > 0 or claim.stress.get(name, values[0]) != values[0]
        ]  # fmt: skip
        for name in differ:
            if name not in claim.stress:
                raise InputError(f"{name}: differs in the test; say at which one the claim holds")
        parts = ["arrhenius" if n == "temperature" else "voltage_exponential" for n in differ]
        if not parts:
            return None, None
        acceleration = "+".join(parts)
    laws = assign_laws(acceleration, list(stress))
    for group in laws.stresses:
        for name in group:
            if name not in claim.stress:
                raise InputError(f"{name}: {acceleration} needs it; say at which the claim holds")
    return laws, acceleration


def _check_fixed(fixed: Mapping[str, float], coefficients: Sequence[str]) -> None:
    for name, value in fixed.items():
        if name == "shape" or name in coefficients:
            if not (math.isfinite(value) and value > 0):
                raise InputError(f"{name}: got {value!r}, allowed a finite number above 0")
        else:
            raise InputError(
                f"{name}: nothing depends on it in this test"
                + (f"; coefficients: {', '.join(coefficients)}" if coefficients else "")
            )


def _factors(claim: Claim, acting: Mapping[str, Array], laws: Any, values: Array) -> Array:
    """Acceleration of each row against the use condition."""
    if laws is None:
        return np.ones(1)
    (test, test_offset), (use, use_offset) = (
        laws.regressors(acting), laws.regressors(claim.stress)
    )  # fmt: skip
    return np.asarray(np.exp((use - test) @ values + use_offset - test_offset))


def _assumed(
    claim: Claim, data: Any, acting: Mapping[str, Array], laws: Any,
    coefficients: Mapping[str, float], shape: float,
) -> Assessment:  # fmt: skip
    """Bound with a known shape and acceleration, also without a failure."""
    values = np.array([coefficients[name] for name in laws.coefficients]) if laws else np.zeros(0)
    # A unit counts for the time that it is known to have lived.
    use = np.broadcast_to(data.lower * _factors(claim, acting, laws, values), data.lower.shape)
    failures = float(data.failures)
    exposure = float(data.frequency @ (use / claim.duration) ** shape)
    if not exposure > 0:
        raise InputError("lower: no unit is known to have lived for any time")
    needed = float(special.chdtri(2 * failures + 2, 1 - claim.confidence)) / 2
    bound = -math.expm1(-needed / exposure)
    hazard = -math.log1p(-claim.fraction)
    factor = max(needed / hazard / exposure, 1.0)
    total = float(data.frequency @ use)
    same = np.ptp(np.where(np.isfinite(data.upper), data.upper, data.lower)) == 0 or failures == 0
    exact = math.nan
    if same and np.ptp(use) <= 1e-9 * use.max() and data.units == int(data.units):
        share = binomial_bound(int(failures), int(data.units), claim.confidence)
        exponent = (claim.duration / use.max()) ** shape
        exact = -math.expm1(math.log1p(-share) * exponent) if share < 1 else 1.0
    law = "constant failure rate" if shape == 1 else f"Weibull shape {shape:g}"
    assumed = [f"{law} assumed"]
    assumed += [f"{_told(name, value)} assumed" for name, value in coefficients.items()]
    assumed.append(f"{failures:g} of {data.units:g} units failed in the test")
    told = [
        "the shape of the life distribution and the acceleration are not tested, only used",
        *_reach(claim, float(use.max())),
    ]
    return Assessment(
        claim, bound <= claim.fraction, bound, math.nan,
        claim.duration * (hazard * exposure / needed) ** (1 / shape), data.units, failures, total,
        float(use.max()), needed / total, exact, None, dict(coefficients), shape, None,
        tuple(assumed), tuple(told), factor,
    )  # fmt: skip


def _fitted(
    claim: Claim, fits: Sequence[LifetimeFit], table: "pd.DataFrame", wanted: set[str],
    coefficients: Mapping[str, float], chosen: str | None, method: str, seed: int,
) -> Assessment:  # fmt: skip
    """Bound of the first of the fitted laws, and of rivals that the data do not tell from it."""
    fit = fits[0]
    stress = {name: claim.stress[name] for name in wanted} or None
    two_sided = 2 * claim.confidence - 1
    options: Any = {"confidence": two_sided, "method": method, "seed": seed}
    share = fit.failure_probability(claim.duration, stress, **options)
    life = fit.quantile(claim.fraction, stress, **options)
    estimate, bound = float(share.value), float(share.high)
    if math.isnan(bound):
        raise InputError(
            f"distribution: the claim ends before the fitted threshold of {fit.distribution.name}, "
            "where it gives no bound; use a law without a threshold"
        )
    data = fit.data
    known = np.maximum(data.lower, 0.0)  # a unit counts for the time it is known to have lived
    laws = assign_laws(chosen, list(data.stress)) if chosen else None
    names = laws.coefficients if laws else ()
    values = np.array([fit.parameters[name] for name in names])
    shape = {"weibull": fit.parameters.get("shape"), "exponential": 1.0}.get(fit.distribution.name)
    use = np.broadcast_to(known * _factors(claim, data.stress, laws, values), known.shape)
    total = float(data.frequency @ use)
    assumed = [f"{fit.distribution.name} law"]
    if chosen and laws is not None:
        for name in laws.coefficients:
            source = "assumed" if name in coefficients else "fitted"
            assumed.append(f"{_told(name, fit.parameters[name])} {source}")
    assumed.append(f"{fit.failures:g} of {fit.units:g} units failed in the test")
    told = list(_reach(claim, float(use.max())))
    if estimate > 0 and float(data.frequency.sum()) * max(estimate, 1e-300) < 1:
        told.append(
            f"the fraction at the claim (estimate {estimate:.2g}) is below one unit of "
            f"{fit.units:g}: the tail is that of the law, not seen"
        )
    close = set(table[table["difference"] < 2]["distribution"])
    for rival in fits[1:]:
        if rival.distribution.name in close:
            other = rival.failure_probability(claim.duration, stress, **options)
            told.append(
                f"the data do not tell {fit.distribution.name} from {rival.distribution.name} "
                f"(AICc within 2), with which the bound is {float(other.high):.2g}"
            )
    factor = 1.0
    if bound > claim.fraction:
        factor = math.inf
        if 0 < estimate < claim.fraction and bound < 1:
            gap, have = (
                float(special.logit(x) - special.logit(estimate)) for x in (claim.fraction, bound)
            )
            factor = (have / gap) ** 2
    energy = fit.parameters.get("activation_energy", 1.0)
    if energy <= 0:
        told.append("failures do not come sooner when hotter: the fitted Ea is not above 0")
    needed = float(special.chdtri(2 * fit.failures + 2, 1 - claim.confidence)) / 2
    return Assessment(
        claim, bound <= claim.fraction, bound, estimate, float(life.low), fit.units, fit.failures,
        total, float(use.max()), needed / total if total else math.inf,
        math.nan, fit,
        {name: fit.parameters[name] for name in names}, shape, table, tuple(assumed),
        tuple(told), factor, method,
    )  # fmt: skip


def _reach(claim: Claim, longest: float) -> list[str]:
    if longest >= claim.duration:
        return []
    return [
        f"the longest test stands for {longest / claim.duration:.2g} of the claimed time at use; "
        "the rest is extrapolated"
    ]


def _told(name: str, value: float) -> str:
    """A coefficient as it stands in a sentence.

    >>> _told("activation_energy", 0.7), _told("exponent", 3.0)
    ('Ea = 0.7 eV', 'exponent = 3')
    """
    known = {"activation_energy": ("Ea", " eV"), "voltage_acceleration": ("voltage slope", " /V")}
    words, unit = known.get(name, (name.replace("_", " "), ""))
    return f"{words} = {value:.3g}{unit}"


def more_units(found: Assessment) -> int | None:
    """Units that the same test needs to show the claim; None if no number would.

    With as many failures where the shape was assumed, with failures in proportion for a fitted law
    (its bound then closes in as one over the root of the number of units).

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
