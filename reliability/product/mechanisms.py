"""The claim of a qualification for one failure mechanism, from the tests that speak of it.

A mechanism in time is assessed at the constant condition that ages as much as the mission, with the
acceleration that is assumed or fitted; cycles and reads by their number.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy
import xarray as xr

from reliability.errors import InputError
from reliability.lifetime.acceleration import acceleration
from reliability.lifetime.claims import Assessment, Claim, assess_claim
from reliability.lifetime.next_lot import SCALE, next_lot_bound, next_lot_fraction
from reliability.product.mission_equivalent import (
    VOLTAGE_MODELS,
    equivalent_t_model,
    equivalent_temperature,
    has_voltage,
    log_factor,
    voltage_factors,
)
from reliability.product.path_answers import Mission, PathAnswer, path_answers
from reliability.product.plan_tables import claimed_fraction, known_acceleration
from reliability.product.qualification_plan import LifeTest, Plan
from reliability.units import BOLTZMANN

_STEP = 0.1  # eV, of the sensitivity
_DIFFER = 0.01  # probability below which lots are said to differ


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
    condition : dict of str to float
        Constant temperature, K, and voltage that age as much as the mission.
    models : str
        Acceleration models between tests and mission, joined by ``+``.
    sensitivity : tuple of (float, float)
        Activation energy (eV), 0.1 eV off too, and the bound with it.
    conditions : tuple of dict of str to float
        Equivalent of the mission with each of these.
    t_model : Assessment or None
        The same with the T-model.
    clock : str
    paths : tuple of PathAnswer
        Degradation analyses of the tests whose files hold reads.
    """

    mechanism: str
    tests: tuple[LifeTest, ...]
    found: Assessment | None
    reason: str = ""
    next_lot: float | None = None
    condition: dict[str, float] = field(default_factory=dict)
    models: str = ""
    sensitivity: tuple[tuple[float, float], ...] = ()
    conditions: tuple[dict[str, float], ...] = ()
    t_model: Assessment | None = None
    clock: str = "time"
    paths: tuple[PathAnswer, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the claim is demonstrated."""
        return self.found is not None and self.found.passed


def assess_mechanism(name: str, tests: tuple[LifeTest, ...], plan: Plan, seed: int) -> Answer:
    """Assess the claim of a plan on the tests of one mechanism.

    Raises
    ------
    InputError
        Tests that count different things.
    """
    clocks = {test.clock for test in tests}
    if len(clocks) > 1:
        raise InputError(
            f"{plan.path}: mechanism {name}: tests count {' and '.join(sorted(clocks))}; state a "
            "mechanism for each"
        )
    if len(units := {test.table.unit for test in tests}) > 1:
        raise InputError(
            f"{plan.path}: mechanism {name}: tests count {' and '.join(sorted(units))}; state a "
            "mechanism for each"
        )
    _check_voltages(name, tests, plan)
    clock = clocks.pop()
    segments = plan.table.claim.segment
    claimed = sum({"time": s.time, "cycles": s.cycles, "reads": s.reads}[clock] for s in segments)
    if not claimed:
        return Answer(name, tests, None, f"the mission states no {clock}", clock=clock)
    try:
        if clock == "time":
            return _with_limitations(_over_time(name, tests, plan, seed), plan)
        claim = Claim(claimed, claimed_fraction(plan.table.claim), {}, plan.table.claim.confidence)
        found = _assess(claim, tests, {}, seed)
    except InputError as error:
        return Answer(name, tests, None, _reason(error), clock=clock)
    answer = Answer(name, tests, found, next_lot=_next_lot(found, tests), clock=clock)
    return _with_limitations(answer, plan)


def _reason(error: InputError) -> str:
    """Say an error as the reason why nothing was concluded: its key in words."""
    key, colon, rest = str(error).partition(": ")
    return rest if key in ("lower", "time") else f"{key.replace('_', ' ')}{colon}{rest}"


def _check_voltages(name: str, tests: tuple[LifeTest, ...], plan: Plan) -> None:
    """Refuse a voltage that some tests of a mechanism state and others do not."""
    stated = [test.table.voltage is not None for test in tests]
    if any(stated) and not all(stated):
        other = tests[stated.index(False)].table.name
        raise InputError(
            f"{plan.path}: mechanism {name}: voltage: test {other} states none, others do; state "
            "it of all (0 V where nothing is applied), or a mechanism for each"
        )


def _with_limitations(answer: Answer, plan: Plan) -> Answer:
    """Add what the plan says beside the bound: a voltage that is not in it, lots that differ."""
    if answer.found is None:
        return answer
    more, tests = [], answer.tests
    if plan.table.claim.segment[0].voltage is not None and tests[0].table.voltage is None:
        more.append("the voltage of the mission is not in the bound: its tests state none")
    if answer.found.fit is None and (p := _alike(tests)) < _DIFFER:
        more.append(
            f"the lots differ (probability {p:.2g} if they were alike): the bound is that of all "
            "of them together, not of each"
        )
    found = replace(answer.found, limitations=(*answer.found.limitations, *more))
    return replace(answer, found=found)


def _alike(tests: Sequence[LifeTest]) -> float:
    """p-value of the chi-square test of equal failing fractions of the lots of each test."""
    each = []
    for test in tests:
        table = np.array([(lot.failed, lot.devices - lot.failed) for lot in test.lots])
        if len(table) > 1 and (table.sum(axis=0) > 0).all():
            each.append(float(scipy.stats.chi2_contingency(table, correction=False).pvalue))
    return min(1.0, min(each, default=1.0) * max(len(each), 1))  # Bonferroni


@dataclass(frozen=True)
class _Mechanism:
    """Tests of a mechanism that counts time, and the mission that they stand for."""

    tests: tuple[LifeTest, ...]
    plan: Plan
    seed: int

    @property
    def voltage(self) -> bool:
        """Whether voltage is a stress."""
        return has_voltage(self.tests, self.plan.table.claim.segment)

    @property
    def voltage_model(self) -> str:
        given = self.plan.table.acceleration
        return given.voltage_model if given else "exponential"

    def claim_at(self, stress: dict[str, float]) -> Claim:
        """The claim of the plan at a constant condition, over the time of the mission."""
        table = self.plan.table.claim
        total = sum(segment.time for segment in table.segment)
        return Claim(total, claimed_fraction(table), stress, table.confidence)

    def condition(self, coefficients: Mapping[str, float]) -> dict[str, float]:
        """Constant condition that ages as much as the mission with such coefficients."""
        segments = self.plan.table.claim.segment
        times = [segment.time for segment in segments]
        kelvin = [segment.temperature for segment in segments]
        highest, given = None, None
        if self.voltage:
            highest, given = voltage_factors(segments, self.voltage_model, coefficients)
        if "temperature_slope" in coefficients:
            hot = equivalent_t_model(times, kelvin, coefficients["temperature_slope"], given)
        else:
            energy = coefficients.get("activation_energy", 0.0)
            hot = equivalent_temperature(times, kelvin, energy, given)
        return {"temperature": hot} | ({"voltage": highest} if highest is not None else {})

    def assess(
        self, stress: dict[str, float], fixed: Mapping[str, Any], thermal: str = "arrhenius"
    ) -> Assessment:
        """Assess the claim at a condition."""
        models = self.models(stress, thermal)
        acting = {
            name for model in models
            for name in acceleration(model, ["temperature", "voltage"]).coefficients
        }  # fmt: skip
        known = {k: v for k, v in fixed.items() if k == "shape" or k in acting}
        return _assess(self.claim_at(stress), self.tests, known, self.seed, models="+".join(models))

    def all_models(self) -> str:
        """Acceleration models of the stresses of the mission at its hottest."""
        return "+".join(self.models(self.condition({}), "arrhenius"))

    def models(self, stress: dict[str, float], thermal: str) -> list[str]:
        """Acceleration models of the stresses in which tests and use differ."""
        names = {"temperature": thermal, "voltage": VOLTAGE_MODELS[self.voltage_model]}
        return [
            names[name] for name, value in stress.items()
            if any(abs(test.stress[name] - value) > 1e-9 * abs(value) for test in self.tests)
        ]  # fmt: skip


def _over_time(name: str, tests: tuple[LifeTest, ...], plan: Plan, seed: int) -> Answer:
    own = _Mechanism(tests, plan, seed)
    known = known_acceleration(plan.table.acceleration)
    ends = {key: value for key, value in known.items() if isinstance(value, tuple)}

    def at(coefficients: Mapping[str, Any]) -> tuple[Assessment, dict[str, float]]:
        """Assess with known coefficients, at the condition that goes with them."""
        values = {k: min(v) if isinstance(v, tuple) else v for k, v in coefficients.items()}
        stress = own.condition(values)
        found = own.assess(stress, coefficients)
        if set(found.coefficients) <= set(values):
            return found, stress
        # fitted at the hottest segment, assessed at the condition that follows from the fit
        stress = own.condition(found.coefficients)
        return own.assess(stress, coefficients), stress

    single = {k: min(v) if isinstance(v, tuple) else v for k, v in known.items()}
    mission = Mission(own.claim_at, own.condition, single, own.all_models(), None)
    try:
        found, stress = at(known)
    except InputError as error:  # the paths may say more
        return Answer(name, tests, None, _reason(error), paths=path_answers(tests, mission))
    if "activation_energy" in ends:  # the worst of both ends, each with its own mission
        for energy in ends["activation_energy"]:
            other, other_stress = at(known | {"activation_energy": energy})
            if other.bound >= found.bound:
                found, stress = other, other_stress
    coefficients = found.coefficients
    energy = coefficients.get("activation_energy", 0.0)
    steps = [energy + step for step in (-_STEP, 0.0, _STEP) if energy > 0 and energy + step > 0]
    others = [at(known | coefficients | {"activation_energy": each}) for each in steps]
    models = "+".join(own.models(stress, "arrhenius"))
    return Answer(
        name, tests, found, "", _next_lot(found, tests, models), stress, models,
        tuple((each, other.bound) for each, (other, _) in zip(steps, others, strict=True)),
        tuple(condition for _, condition in others), _with_t_model(own, known, found),
        paths=path_answers(tests, replace(mission, models=models, found=found)),
    )  # fmt: skip


def _with_t_model(own: _Mechanism, known: dict[str, Any], found: Assessment) -> Assessment | None:
    """Assess with life linear in T: fitted, or tangent to the Arrhenius law at the hottest test."""
    energy = found.coefficients.get("activation_energy", 0.0)
    if energy <= 0:
        return None
    hottest = max(test.temperature for test in own.tests)
    fixed = {k: v for k, v in known.items() if k != "activation_energy"}
    slope = energy / (BOLTZMANN * hottest**2)
    if "activation_energy" in known or len({test.temperature for test in own.tests}) == 1:
        fixed["temperature_slope"] = slope
    stress = own.condition({**found.coefficients, "temperature_slope": slope})
    try:
        return own.assess(stress, fixed, "t_model")
    except InputError:
        return None


def _assess(
    claim: Claim, tests: tuple[LifeTest, ...], fixed: dict[str, Any], seed: int, *,
    models: str = "",
) -> Assessment:  # fmt: skip
    data = pooled_units(tests)
    lots = data["lot"].values
    several = len(set(lots)) > 1
    return assess_claim(
        claim,
        lower=data["lower"].values, upper=data["upper"].values,
        frequency=data["frequency"].values,
        stress={name: data[name].values for name in claim.stress} or None,
        lots=lots if several else None,
        fixed=fixed or None, acceleration=models or None, seed=seed,
    )  # fmt: skip


def pooled_units(tests: Sequence[LifeTest]) -> xr.Dataset:
    """Return the units of some tests with their stress and lot."""
    parts: dict[str, list[Any]] = {
        name: [] for name in ("lower", "upper", "frequency", "temperature", "voltage", "lot")
    }
    for test in tests:
        count = test.units.sizes["unit"]
        for name in ("lower", "upper", "frequency"):
            parts[name].append(np.asarray(test.units[name].values, float))
        for name in ("temperature", "voltage"):
            parts[name].append(np.full(count, test.stress.get(name, np.nan)))
        parts["lot"].append(np.asarray(test.units["lot"].values, str))
    return xr.Dataset({name: ("unit", np.concatenate(each)) for name, each in parts.items()})


def _next_lot(found: Assessment, tests: Sequence[LifeTest], models: str = "") -> float | None:
    """Bound of the fraction that fails of the next lot; None where the shape is not known."""
    data, claim = pooled_units(tests), found.claim
    if found.fit is not None and found.fit.data.lots is not None:
        stress = {name: claim.stress[name] for name in found.fit.stresses} or None
        fitted = next_lot_fraction(found.fit, claim.duration, stress, claim.confidence)
        return max(fitted, found.bound)
    time = data["lower"].values
    if models:
        factor = [
            math.exp(log_factor(models, claim.stress, test.stress, found.coefficients))
            for test in tests
            for _ in range(test.units.sizes["unit"])
        ]
        time = time * factor
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
