"""A qualification of several tests against a mission: requirements, claims, acceleration, lots.

Tests are pooled by failure mechanism, and each mechanism is assessed for the mission of the claim:
a time mechanism at the constant temperature that ages as much as the mission (with the activation
energy that is assumed or fitted), cycles and reads by their number. `assess_claim` gives the bound,
`next_lot_bound` that for the next lot.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.lifetime.acceleration import arrhenius
from reliability.lifetime.claims import Assessment, Claim, assess_claim
from reliability.lifetime.demonstration import sample_size
from reliability.lifetime.statements import parse_known
from reliability.product.next_lot import SCALE, next_lot_bound
from reliability.product.qualification_plan import LifeTest, Plan, claimed_fraction
from reliability.product.standard_rows import Row, check_requirements
from reliability.units import BOLTZMANN

Floats = NDArray[np.float64]
# What each test of the standards says something about; a test's own mechanism goes before.
MECHANISMS = {
    "UCHTDR": "retention", "HTSL": "retention", "PCHTDR": "retention after cycling",
    "LTDR": "retention and read disturb", "NVCE": "endurance", "HTOL": "operating life",
    "ELFR": "early life", "LTOL": "low-temperature life", "cross-temperature": "cross-temperature",
    "read disturb": "read disturb", "UBER": "uncorrectable errors",
}  # fmt: skip
# Rows that have requirements but no claim of their own: a limit in them is all there is.
_NO_CLAIM = (
    "early life", "cross-temperature", "low-temperature life", "uncorrectable errors",
    "retention and read disturb",
)  # fmt: skip
_STEP = 0.1  # eV, of the sensitivity


@dataclass(frozen=True)
class Answer:
    """One mechanism against the mission.

    Attributes
    ----------
    mechanism : str
    tests : tuple of LifeTest
    found : Assessment or None
        None where nothing could be concluded, for the ``reason``.
    reason : str
    next_lot : float or None
        Bound of the fraction that fails of the next lot.
    temperature : float or None
        Constant temperature that ages as much as the mission, K.
    sensitivity : tuple of (float, float)
        Activation energy (eV) and the bound with it.
    t_model : Assessment or None
        The same with the T-model.
    clock : str
    """

    mechanism: str
    tests: tuple[LifeTest, ...]
    found: Assessment | None
    reason: str = ""
    next_lot: float | None = None
    temperature: float | None = None
    sensitivity: tuple[tuple[float, float], ...] = ()
    t_model: Assessment | None = None
    clock: str = "time"

    @property
    def passed(self) -> bool:
        """Whether the claim is demonstrated."""
        return self.found is not None and self.found.passed


@dataclass(frozen=True)
class Dossier:
    """A plan with its rows and answers."""

    plan: Plan
    rows: list[Row]
    answers: list[Answer]
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no requirement with a test is missed and every claim is demonstrated."""
        return all(row.met is not False for row in self.rows) and all(
            answer.passed for answer in self.answers
        )


def qualify_plan(plan: Plan, *, seed: int = 0) -> Dossier:
    """Check the requirements of a plan and assess its claim for each mechanism.

    Parameters
    ----------
    plan : Plan
        Of `load_plan`.
    seed : int
        Of simulated samples.

    Raises
    ------
    InputError
        A plan that contradicts itself.
    """
    rows = check_requirements(plan)
    pooled: dict[str, list[LifeTest]] = {}
    for test in plan.tests:
        name = test.table.mechanism or MECHANISMS.get(test.table.name, test.table.name)
        pooled.setdefault(name, []).append(test)
    answers = [
        _answer(name, tuple(tests), plan, seed)
        for name, tests in pooled.items()
        if name not in _NO_CLAIM
    ]
    wanted = claimed_fraction(plan.table.claim)
    confidence = plan.table.claim.confidence
    samples = [
        (p, *(sample_size(p, failures=r, confidence=confidence) for r in range(3)))
        for p in sorted({0.1, 0.03, 0.01, 1e-3, 1e-4, wanted}, reverse=True)
    ]
    return Dossier(plan, rows, answers, samples)  # type: ignore[arg-type]


def equivalent_temperature(
    times: Sequence[float], temperatures: Sequence[float], activation_energy: float
) -> float:
    """Return the constant temperature, K, that ages as much as segments in the same total time.

    Examples
    --------
    >>> round(equivalent_temperature([1.0, 1.0], [300.0, 400.0], 1.0), 1)
    390.7
    """
    t, kelvin = np.asarray(times, float), np.asarray(temperatures, float)
    if activation_energy <= 0 or t.sum() == 0:
        return float(kelvin.max())
    hottest = float(kelvin.max())
    rate = float((t / t.sum()) @ arrhenius(hottest, kelvin, activation_energy))
    return float(1 / (1 / hottest - BOLTZMANN * math.log(rate) / activation_energy))


def _answer(name: str, tests: tuple[LifeTest, ...], plan: Plan, seed: int) -> Answer:
    clocks = {test.clock for test in tests}
    if len(clocks) > 1:
        raise InputError(
            f"{plan.path}: mechanism {name}: tests count {' and '.join(sorted(clocks))}; state a "
            "mechanism for each"
        )
    clock = clocks.pop()
    segments = plan.table.claim.segment
    claimed = sum({"time": s.time, "cycles": s.cycles, "reads": s.reads}[clock] for s in segments)
    if not claimed:
        return Answer(name, tests, None, f"the mission states no {clock}", clock=clock)
    try:
        if clock == "time":
            return _over_time(name, tests, plan, seed)
        claim = Claim(claimed, claimed_fraction(plan.table.claim), {}, plan.table.claim.confidence)
        found = _assess(claim, tests, {}, seed, thermal=False)
    except InputError as error:
        return Answer(name, tests, None, str(error), clock=clock)
    bound = _next_lot(found, tests, claim, None)
    return Answer(name, tests, found, next_lot=bound, clock=clock)


def _over_time(name: str, tests: tuple[LifeTest, ...], plan: Plan, seed: int) -> Answer:
    claim_table = plan.table.claim
    times = [s.time for s in claim_table.segment]
    kelvins = [s.temperature for s in claim_table.segment]
    known = _known(plan)

    def claim_at(temperature: float) -> Claim:
        return Claim(
            sum(times), claimed_fraction(claim_table), {"temperature": temperature},
            claim_table.confidence,
        )  # fmt: skip

    def at_energy(fixed: dict[str, Any], energy: float) -> tuple[Assessment, float]:
        hot = equivalent_temperature(times, kelvins, energy)
        return _assess(claim_at(hot), tests, fixed, seed), hot

    given = known.get("activation_energy")
    if given is None:  # fitted: the mission's temperature follows from the fit at its hottest one
        first, _ = at_energy(known, 0.0)
        energy = first.coefficients.get("activation_energy", 0.0)
    else:
        energy = min(given) if isinstance(given, tuple) else float(given)
    found, hot = at_energy(known, energy)
    if isinstance(given, tuple):  # the worst of both ends, each with its own mission
        other, other_hot = at_energy(known, max(given))
        found, hot = (other, other_hot) if other.bound > found.bound else (found, hot)
    energy = found.coefficients.get("activation_energy", energy)
    sensitivity = []
    for step in (-_STEP, 0.0, _STEP):
        if energy + step > 0:
            at, _ = at_energy({**known, "activation_energy": energy + step}, energy + step)
            sensitivity.append((energy + step, at.bound))
    t_model = _with_t_model(tests, plan, known, energy, seed)
    bound = _next_lot(found, tests, claim_at(hot), energy)
    return Answer(name, tests, found, "", bound, hot, tuple(sensitivity), t_model)


def _with_t_model(
    tests: tuple[LifeTest, ...], plan: Plan, known: dict[str, Any], energy: float, seed: int
) -> Assessment | None:
    """Assess with life linear in T: fitted, or tangent to the Arrhenius law at the hottest test."""
    if energy <= 0:
        return None
    hottest = max(test.temperature for test in tests)
    fixed = {k: v for k, v in known.items() if k != "activation_energy"}
    slope = energy / (BOLTZMANN * hottest**2)
    if "activation_energy" in known or len({test.temperature for test in tests}) == 1:
        fixed["temperature_slope"] = slope
    segments = plan.table.claim.segment
    t = np.array([s.time for s in segments])
    kelvin = np.array([s.temperature for s in segments])
    mean = float((t / t.sum()) @ np.exp(slope * (kelvin - kelvin.max())))
    same = float(kelvin.max() + math.log(mean) / slope)
    table = plan.table.claim
    claim = Claim(float(t.sum()), claimed_fraction(table), {"temperature": same}, table.confidence)
    try:
        return _assess(claim, tests, fixed, seed, acceleration="t_model")
    except InputError:
        return None


def _known(plan: Plan) -> dict[str, Any]:
    given = plan.table.acceleration
    return parse_known(given.activation_energy, given.shape, None) if given else {}


def _assess(
    claim: Claim, tests: tuple[LifeTest, ...], fixed: dict[str, Any], seed: int, *,
    thermal: bool = True, acceleration: str | None = None,
) -> Assessment:  # fmt: skip
    data = pooled_units(tests)
    lots = data["lot"].values
    several = len(set(lots)) > 1
    failures = float(data["frequency"].values[np.isfinite(data["upper"].values)].sum())
    return assess_claim(
        claim if thermal else replace(claim, stress={}),
        lower=data["lower"].values, upper=data["upper"].values,
        frequency=data["frequency"].values,
        stress={"temperature": data["temperature"].values} if thermal else None,
        # a robust covariance of fewer lots than coefficients says nothing
        lots=lots if several and (failures < 3 or len(set(lots)) > 4) else None,
        fixed=fixed or None, acceleration=acceleration, seed=seed,
    )  # fmt: skip


def pooled_units(tests: Sequence[LifeTest]) -> xr.Dataset:
    """Return the units of some tests with their temperature and lot."""
    parts: dict[str, list[Any]] = {
        name: [] for name in ("lower", "upper", "frequency", "temperature", "lot")
    }
    for test in tests:
        count = test.units.sizes["unit"]
        for name in ("lower", "upper", "frequency"):
            parts[name].append(np.asarray(test.units[name].values, float))
        parts["temperature"].append(np.full(count, test.temperature))
        parts["lot"].append(np.asarray(test.units["lot"].values, str))
    return xr.Dataset({name: ("unit", np.concatenate(each)) for name, each in parts.items()})


def _next_lot(
    found: Assessment, tests: Sequence[LifeTest], claim: Claim, energy: float | None
) -> float | None:
    """Bound of the fraction that fails of the next lot; None where the shape is not known."""
    data = pooled_units(tests)
    time = data["lower"].values
    if energy is not None:
        time = time * arrhenius(claim.stress["temperature"], data["temperature"].values, energy)
    relative = time / claim.duration
    if found.shape is not None:
        exposed = data["frequency"].values * relative**found.shape
    elif (relative[~np.isfinite(data["upper"].values)] >= 1 - 1e-12).all():
        exposed = data["frequency"].values * (relative >= 1 - 1e-12)
    else:
        return None
    lots = np.unique(data["lot"].values)
    failed = data["frequency"].values * np.isfinite(data["upper"].values)
    own = [data["lot"].values == lot for lot in lots]
    exposure = np.array([exposed[each].sum() for each in own])
    if not (exposure > 0).all():
        return None
    k = np.array([failed[each].sum() for each in own])
    hazard = next_lot_bound(k, exposure, claim.confidence, scale=SCALE)
    return max(float(-math.expm1(-hazard)), found.bound)
