"""Power of a life test before it is run: what chance has a good product of demonstrating its claim?

`assess_claim` keeps the consumer's risk: a product that just misses the claim passes in at most
1 - confidence of tests. The producer's risk, that a product better than the claim fails to show it,
depends on how much better it is and on the plan; it is found here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, fraction
from reliability.lifetime.acceleration import acceleration as assign_models
from reliability.lifetime.censored_fit import Estimate
from reliability.lifetime.claims import Claim, assess_claim
from reliability.lifetime.demonstration import sample_size
from reliability.lifetime.distributions import Distribution, find_distribution
from reliability.random import stream
from reliability.statistics.proportions import wilson

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

_MOST_FAILURES = 200
_SPREADS: dict[str, Any] = {"negative_log": lambda v: -np.log(v), "log": np.log}


class DemonstrationPlan(NamedTuple):
    """Devices, failures allowed, and the risks of a plan."""

    devices: int
    failures: int
    consumer_risk: float
    producer_risk: float


def plan_demonstration(
    claimed: float, actual: float, *, confidence: float = 0.9, producer_risk: float = 0.1
) -> DemonstrationPlan:
    """Fewest devices that demonstrate a failure probability with both risks under control.

    Parameters
    ----------
    claimed : float
        Failure probability within the test that must not be exceeded.
    actual : float
        What the producer expects; below ``claimed``.
    confidence : float
        One less the consumer's risk: a product at ``claimed`` passes in at most that fraction.
    producer_risk : float
        A product at ``actual`` fails in at most this fraction of tests.

    Returns
    -------
    DemonstrationPlan

    Raises
    ------
    InputError
        Probabilities that are not possible, or too close for any plan of up to 200 failures.

    Notes
    -----
    Exact binomial probabilities; the smallest number of allowed failures for which both hold.

    Examples
    --------
    A claim of 1 %, a product of 0.2 %: two failures allowed.

    >>> plan_demonstration(0.01, 0.002)[:2]
    (531, 2)
    """
    fraction(claimed, "claimed")
    fraction(actual, "actual")
    fraction(producer_risk, "producer_risk")
    if not actual < claimed:
        raise InputError(f"actual: got {actual!r}, allowed below claimed = {claimed!r}")
    for failures in range(_MOST_FAILURES):
        devices = sample_size(claimed, failures=failures, confidence=confidence)
        risk = float(scipy.stats.binom.sf(failures, devices, actual))
        if risk <= producer_risk:
            consumer = float(scipy.stats.binom.cdf(failures, devices, claimed))
            return DemonstrationPlan(devices, failures, consumer, risk)
    raise InputError(
        f"actual: {actual:g} is too close to claimed = {claimed:g}, more than {_MOST_FAILURES} "
        "failures would have to be allowed"
    )


@dataclass(frozen=True)
class Arm:
    """Units of a plan at one condition.

    Attributes
    ----------
    units : int
    duration : float
        End of the test, in the unit of the claim.
    stress : dict of str to float
    read_outs : sequence of float
        Times at which units are read, in ascending order up to ``duration``; empty: failures are
        seen as they occur.
    """

    units: int
    duration: float
    stress: dict[str, float] = field(default_factory=dict)
    read_outs: Sequence[float] = ()

    def __post_init__(self) -> None:
        if self.units != int(self.units) or self.units < 0:
            raise InputError(f"units: got {self.units!r}, allowed a whole number of 0 or more")
        if not (np.isfinite(self.duration) and self.duration > 0):
            raise InputError(f"duration: got {self.duration!r}, allowed a finite time above 0")
        reads = np.asarray(self.read_outs, float)
        if reads.size and not (reads[0] > 0 and np.all(np.diff(reads) > 0)):
            raise InputError("read_outs: got times that are not ascending from above 0")
        if reads.size and reads[-1] != self.duration:
            raise InputError(f"read_outs: the last is {reads[-1]:g}, expected the duration")

    def observed(self, life: Array) -> tuple[Array, Array]:
        """Bounds of the lives of simulated units."""
        if not len(self.read_outs):
            good = life > self.duration
            return np.minimum(life, self.duration), np.where(good, np.inf, life)
        edges = np.concatenate([[0.0], self.read_outs, [np.inf]])
        place = np.searchsorted(edges, life, side="left")
        return edges[place - 1], edges[place]


@dataclass(frozen=True)
class PlanPower:
    """Outcome of the simulated tests of a plan.

    Attributes
    ----------
    power : Estimate
        Fraction of tests that demonstrate the claim, with its 95 % interval.
    failures : tuple of float
        Mean number in each arm.
    bound : float
        Median of the bound of the failed fraction.
    refused : int
        Tests that could not be evaluated (no failure, no shape); they count as not demonstrated.
    """

    power: Estimate
    failures: tuple[float, ...]
    bound: float
    refused: int

    @property
    def producer_risk(self) -> float:
        """Fraction of tests of this product that do not demonstrate the claim."""
        return 1 - float(self.power.value)


def plan_power(
    claim: Claim, arms: Sequence[Arm], parameters: Mapping[str, float], *,
    distribution: str = "weibull", acceleration: str | Mapping[str, str] | None = None,
    samples: int = 200, seed: int = 0, **options: Any,
) -> PlanPower:  # fmt: skip
    """Simulate a plan with assumed parameters, each test evaluated by `assess_claim`.

    Parameters
    ----------
    claim : Claim
    arms : sequence of Arm
    parameters : mapping of str to float
        Of the product, assumed: named as those of a `LifetimeFit` (``scale`` and ``shape``, or
        ``intercept``, ``activation_energy`` and ``shape``).
    distribution : str
        Of the simulated lives: ``weibull``, ``lognormal``, ``loglogistic`` or ``exponential``.
    acceleration : str or mapping, optional
    samples : int
    seed : int
        The same random numbers for every plan, so that plans compare well.
    **options
        Of `assess_claim`, e.g. ``fixed`` or ``priors``; ``assessed_as`` is its ``distribution``.

    Returns
    -------
    PlanPower

    Raises
    ------
    InputError
        A parameter that is missing or not used, or an arm that cannot be right.

    Examples
    --------
    A product of 0.1 % passes the test of 230 units without a failure that shows 1 % in 79 %.

    >>> life = {"scale": 1e6, "shape": 1.0}
    >>> found = plan_power(Claim(1000.0, 0.01), [Arm(230, 1000.0)], life)
    >>> found.power.low < 0.79 < found.power.high
    True
    """
    lives = _Lives.of(find_distribution(distribution), arms, parameters, acceleration)
    rng = stream(seed, "statistics.bootstrap")
    assessed = options.pop("assessed_as", None)
    passed, bounds, refused, why = 0, [], 0, ""
    failed = np.zeros(len(arms))
    for _ in range(samples):
        lower, upper, row = lives.simulate(arms, rng)
        failed += np.bincount(row, np.isfinite(upper), len(arms))
        stress = {n: np.array([a.stress[n] for a in arms])[row] for n in lives.names}
        try:
            found = assess_claim(
                claim, lower=lower, upper=upper, stress=stress or None, distribution=assessed,
                acceleration=acceleration if isinstance(acceleration, str) else None, **options,
            )  # fmt: skip
        except InputError as error:
            refused, why = refused + 1, str(error)
            continue
        passed += found.passed
        bounds.append(found.bound)
    if not bounds:
        raise InputError(f"arms: none of the simulated tests could be evaluated: {why}")
    low, high = (float(end) for end in wilson(passed, samples))
    return PlanPower(
        Estimate(passed / samples, low, high), tuple(float(x) for x in failed / samples),
        float(np.median(bounds)), refused,
    )  # fmt: skip


def compare_allocations(
    claim: Claim, arms: Sequence[Arm], parameters: Mapping[str, float], total: int,
    fractions: Sequence[Sequence[float]], **options: Any,
) -> "pd.DataFrame":  # fmt: skip
    """Power of ways to share the units of a test between its conditions.

    Parameters
    ----------
    claim, arms, parameters, options
        As `plan_power`; the units of the arms are replaced.
    total : int
        Units of each plan.
    fractions : sequence of sequence of float
        Fraction of the units at each arm, adding to 1.

    Returns
    -------
    pandas.DataFrame
        ``units`` (of each arm), ``power``, ``power_low``, ``power_high``, ``failures``, ``bound``;
        the most powerful plan first.

    Raises
    ------
    InputError
        Fractions that do not add to 1, or as `plan_power`.
    """
    import pandas as pd

    rows = []
    for each in fractions:
        if len(each) != len(arms) or abs(sum(each) - 1) > 1e-6 or min(each) < 0:
            raise InputError(f"fractions: got {tuple(each)}, expected {len(arms)} that add to 1")
        ends = np.round(total * np.cumsum([0.0, *each])).astype(int)
        units = [int(n) for n in np.diff(ends)]
        plan = [
            Arm(n, a.duration, a.stress, a.read_outs) for n, a in zip(units, arms, strict=True) if n
        ]
        found = plan_power(claim, plan, parameters, **options)
        rows.append((tuple(units), *found.power, sum(found.failures), found.bound))
    columns = ["units", "power", "power_low", "power_high", "failures", "bound"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["power", "bound"], ascending=[False, True], ignore_index=True)


class _Lives(NamedTuple):
    """Location of each arm and the log scale of the assumed distribution."""

    distribution: Distribution
    names: tuple[str, ...]
    location: Array
    log_scale: float

    @classmethod
    def of(
        cls, distribution: Distribution, arms: Sequence[Arm], parameters: Mapping[str, float],
        acceleration: str | Mapping[str, str] | None,
    ) -> "_Lives":  # fmt: skip
        if distribution.form is None or distribution.threshold or not distribution.positive:
            raise InputError(
                f"distribution: got {distribution.name!r}, allowed to plan with: weibull, "
                "lognormal, loglogistic, exponential"
            )
        if not sum(arm.units for arm in arms) > 0:
            raise InputError("arms: got no unit")
        first, *others = distribution.parameters
        names = tuple(dict.fromkeys(name for arm in arms for name in arm.stress))
        stress: dict[str, ArrayLike] = {}
        for name in names:
            if any(name not in arm.stress for arm in arms):
                raise InputError(f"stress: {name!r} is missing in an arm")
            stress[name] = np.array([arm.stress[name] for arm in arms])
            if acceleration is None and len({arm.stress[name] for arm in arms}) > 1:
                raise InputError(
                    f"acceleration: the arms differ in {name}; name the model of its effect on life"
                )
        wanted = [first.name] if acceleration is None else ["intercept"]
        offset = np.zeros(len(arms))
        if acceleration is not None:
            model = assign_models(acceleration, list(names))
            x, offset = model.regressors(stress)
            wanted += model.coefficients
        wanted += [spec.name for spec in others]
        if set(wanted) != set(parameters):
            raise InputError(
                f"parameters: got {', '.join(parameters) or 'none'}, expected {', '.join(wanted)}"
            )
        start = parameters[wanted[0]]
        location = np.full(len(arms), np.log(start) if first.link == "log" and acceleration is None
                           else start) + offset  # fmt: skip
        if acceleration is not None:
            location = location + x @ np.array([parameters[n] for n in model.coefficients])
        spread = others[0] if others else None
        log_scale = float(_SPREADS[spread.link](parameters[spread.name])) if spread else 0.0
        return cls(distribution, names, location, log_scale)

    def simulate(
        self, arms: Sequence[Arm], rng: np.random.Generator
    ) -> tuple[Array, Array, NDArray[np.intp]]:
        """Bounds of the lives of all units, and the arm of each."""
        own = () if self.distribution.fixed_scale else (self.log_scale,)
        found = []
        for arm, location in zip(arms, self.location, strict=True):
            life = self.distribution.quantile(rng.random(arm.units), location, *own)
            found.append(arm.observed(np.asarray(life)))
        lower, upper = (np.concatenate([each[k] for each in found]) for k in (0, 1))
        return lower, upper, np.repeat(np.arange(len(arms)), [arm.units for arm in arms])
