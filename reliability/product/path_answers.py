"""What degradation paths say of a claim, beside the failure times of the same file.

The reads of a test, and of all tests of a mechanism together, are fitted as paths of several shapes
(`reliability.lifetime.degradation_fit`). The shapes whose AICc is within 4 of the best count, and
the worst of their bounds, as for life distributions.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.lifetime.acceleration import acceleration
from reliability.lifetime.claims import CLOSE, Assessment, Claim, assess_claim
from reliability.lifetime.degradation import Paths, paths
from reliability.lifetime.degradation_fit import Bounded, DegradationFit, fit_degradation
from reliability.product.mission_equivalent import log_factor
from reliability.product.qualification_plan import LifeTest
from reliability.statistics.proportions import clustered_proportion

Array = NDArray[np.float64]
_STRESSES = ("temperature", "voltage")
_FEWEST = 3  # read-outs of repeated reads: with two the error cannot be told from the units


class Counted(NamedTuple):
    """Failures by the last read-out of nine tenths of the units, predicted and counted."""

    predicted: float
    failed: float
    units: float
    low: float
    high: float

    @property
    def agree(self) -> bool:
        """Whether the prediction lies within the interval of what was counted."""
        return self.low <= self.predicted <= self.high


@dataclass(frozen=True)
class PathAnswer:
    """Degradation analysis of one test, or of all tests of a mechanism.

    Attributes
    ----------
    tests : tuple of LifeTest
    data : Paths or None
        Of the best shape; None where nothing was fitted, for the ``reason``.
    fits : tuple of (str, DegradationFit)
        Shapes that could be fitted, the best first.
    duration : float or None
        Equivalent of the mission at the (highest) condition of the tests, s; None where the
        acceleration is not known.
    stress : dict of str to float
        That condition.
    at_mission : Bounded or None
        Fraction beyond the limit after the mission: estimate of the best shape, and the lowest and
        highest end of the intervals of the shapes that count, each one-sided.
    median : Bounded or None
        Crossing time of half of the units at that condition, two-sided, of the best shape.
    counted : Counted or None
        By the end of the test, of a single one.
    of_times : Assessment or None
        The same claim on the failure times of the same files alone, fitted.
    of_times_reason : str
        Why there is none.
    reason : str
    left_out : tuple of str
        Shapes that could not be fitted, and why.
    """

    tests: tuple[LifeTest, ...]
    fits: tuple[tuple[str, DegradationFit], ...]
    duration: float | None
    stress: dict[str, float]
    at_mission: Bounded | None = None
    median: Bounded | None = None
    counted: Counted | None = None
    of_times: Assessment | None = None
    of_times_reason: str = ""
    reason: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def close(self) -> tuple[tuple[str, DegradationFit], ...]:
        """Shapes that count: within 4 AICc of the best."""
        return tuple(
            (name, fit) for name, fit in self.fits if fit.aicc - self.fits[0][1].aicc <= CLOSE
        )


@dataclass(frozen=True)
class Mission:
    """What the paths of tests are to be carried to.

    Attributes
    ----------
    claim_at : callable
        Claim at a constant condition.
    condition : callable
        Constant condition that ages as much as the mission, of coefficients of the acceleration.
    known : dict of str to float
        Coefficients that are taken as known.
    models : str
        Acceleration models between tests and mission, joined by ``+``; empty for none.
    found : Assessment or None
        Of the failure times.
    """

    claim_at: Callable[[dict[str, float]], Claim]
    condition: Callable[[dict[str, float]], dict[str, float]]
    known: dict[str, float]
    models: str
    found: Assessment | None

    @property
    def coefficients(self) -> dict[str, float] | None:
        """Coefficients known, or fitted to the failure times; None where one is missing."""
        if self.found is not None:
            return self.found.coefficients
        return self.known if set(self.known) >= set(self.names) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return acceleration(self.models, _STRESSES).coefficients if self.models else ()

    def acting(self, stress: dict[str, float]) -> dict[str, float]:
        """Of a condition what the models act on."""
        if not self.models:
            return {}
        names = {n for group in acceleration(self.models, _STRESSES).stresses for n in group}
        return {name: stress[name] for name in stress if name in names}


def path_answers(tests: Sequence[LifeTest], mission: Mission) -> tuple[PathAnswer, ...]:
    """Fit the reads of tests as degradation paths: each test, and all of them if conditions differ.

    Of several conditions the acceleration is fitted to the paths, unless it is known.

    Parameters
    ----------
    tests : sequence of LifeTest
        Of one mechanism.
    mission : Mission
    """
    read = tuple(test for test in tests if test.reads is not None and test.table.degradation)
    answers = [_answer((test,), mission) for test in read]
    conditions = {tuple(sorted(test.stress.items())) for test in read}
    limits = {(t.reads.attrs["quantity"], t.reads.attrs["limit"]) for t in read}  # type: ignore[union-attr]
    if mission.models and len(conditions) > 1 and len(limits) == 1:
        answers.append(_answer(read, mission))
    return tuple(answers)


def _answer(tests: tuple[LifeTest, ...], mission: Mission) -> PathAnswer:
    stress = {n: max(t.stress[n] for t in tests) for n in tests[0].stress}
    reads, reason = _pooled(tests), ""
    each = np.bincount(reads["unit"].values, minlength=1)
    if each.size < 3:
        reason = f"{each.size} units, at least 3 are needed"
    elif 1 < each.max() < _FEWEST:
        reason = f"{each.max()} read-outs after time zero, at least {_FEWEST} are needed"
    if reason:
        return PathAnswer(tests, (), None, stress, reason=reason)
    several = len(tests) > 1
    known = {n: v for n, v in mission.known.items() if n in mission.names}
    fits, left_out = _fits(tests, reads, mission.models if several else "", known)
    if not fits:
        return PathAnswer(tests, (), None, stress, reason="; ".join(left_out))
    best = fits[0][1]
    coefficients = best.coefficients if several else mission.coefficients
    duration, use = None, None
    if coefficients is not None:
        claim = mission.claim_at(mission.condition(coefficients))
        use = claim.stress
        faster = 0.0
        if mission.models:
            at, here = mission.acting(use), mission.acting(stress)
            faster = log_factor(mission.models, at, here, coefficients)
        duration = claim.duration * math.exp(-faster)
    times, why = _failure_times(tests, mission, use, coefficients)
    sure = 2 * mission.claim_at(mission.condition({})).confidence - 1
    answer = PathAnswer(
        tests, fits, duration, stress, median=best.quantile(0.5, sure),
        counted=None if several else _counted(tests[0], best), of_times=times,
        of_times_reason=why, left_out=tuple(left_out),
    )  # fmt: skip
    if duration is None:
        return answer
    at_end = [fit.failure_probability(duration, sure) for _, fit in answer.close]
    return replace(answer, at_mission=Bounded(
        np.asarray(at_end[0].value[0]), np.asarray(min(float(a.low[0]) for a in at_end)),
        np.asarray(max(float(a.high[0]) for a in at_end)),
    ))  # fmt: skip


def _pooled(tests: Sequence[LifeTest]) -> xr.Dataset:
    """Reads after time zero of some tests, with the stress of each; units counted on."""
    parts, units = [], 0
    for test in tests:
        assert test.reads is not None
        own = test.reads.isel(read=test.reads["time"].values > 0)
        _, unit = np.unique(own["unit"].values, return_inverse=True)
        given = {name: ("read", np.full(unit.size, value)) for name, value in test.stress.items()}
        parts.append(own.assign({"unit": ("read", unit + units), **given}))
        units += int(unit.max()) + 1 if unit.size else 0
    return xr.concat(parts, "read", combine_attrs="override")


def _fits(
    tests: Sequence[LifeTest], reads: xr.Dataset, models: str, fixed: dict[str, float]
) -> tuple[tuple[tuple[str, DegradationFit], ...], list[str]]:
    """Fits of the shapes of the tests, best first, and those that could not be fitted."""
    shapes = [s for s in tests[0].table.degradation if all(s in t.table.degradation for t in tests)]
    found, left_out = [], []
    for shape in shapes:
        try:
            start = _common_start(tests) if shape == "saturating" else None
            found.append((shape, fit_degradation(_paths(reads, shape, models, fixed, start))))
        except InputError as error:
            left_out.append(f"{shape}: {error}")
    return tuple(sorted(found, key=lambda pair: pair[1].aicc)), left_out


def _common_start(tests: Sequence[LifeTest]) -> float:
    """The value that all units have at time zero, which saturating paths need."""
    reads = xr.concat(
        [test.reads for test in tests if test.reads is not None], "read", combine_attrs="override"
    )
    first = np.unique(reads["value"].values[reads["time"].values <= 0])
    if not first.size or np.ptp(first) > 1e-9 * np.abs(first).max():
        raise InputError(
            "units do not begin at one value; state the failure as a part of the first read, "
            "'conductance < 80 %'"
        )
    return float(first[0])


def _paths(
    reads: xr.Dataset, shape: str, models: str, fixed: dict[str, float], start: float | None
) -> Paths:
    stress = None
    if models:
        groups = acceleration(models, _STRESSES).stresses
        stress = {n: reads[n].values for group in groups for n in group}
    return paths(
        reads["time"].values, reads["value"].values, reads["unit"].values,
        limit=float(reads.attrs["limit"]), shape=shape, start=start, stress=stress,
        acceleration_models=models or "arrhenius", fixed=fixed if models else None,
    )  # fmt: skip


def _counted(test: LifeTest, fit: DegradationFit) -> Counted:
    """Failures by the last read-out to which at least nine tenths of the units were read.

    Units that were withdrawn before it are left out, those that failed before it are not: with half
    of the units withdrawn, 74 % failed would be counted where the true fraction is 60 %.
    """
    last = np.where(np.isfinite(test.units["upper"]), np.inf, test.units["lower"].values)
    count = test.units["frequency"].values
    points = [t for t in test.points if count[last >= t * (1 - 1e-9)].sum() >= 0.9 * count.sum()]
    end = max(points, default=test.duration)
    there = last >= end * (1 - 1e-9)
    fails = test.units["upper"].values <= end * (1 + 1e-9)
    of_lots = [test.units["lot"].values == name for name in np.unique(test.units["lot"].values)]
    table = np.array([
        (count[own & fails].sum(), count[own & there].sum())
        for own in of_lots if (own & there).any()
    ])  # fmt: skip
    failed, units = table.T
    low, high, _ = clustered_proportion(failed, units, 0.9)
    return Counted(
        float(fit.failure_probability(end).value[0]), float(failed.sum()), float(units.sum()),
        float(low), float(high),
    )  # fmt: skip


def _failure_times(
    tests: Sequence[LifeTest], mission: Mission, use: dict[str, float] | None,
    coefficients: dict[str, float] | None,
) -> tuple[Assessment | None, str]:  # fmt: skip
    """The claim on the failure times of the same files, fitted: without the known shape."""
    if use is None:
        return None, "the acceleration is not known"
    parts: dict[str, list[float]] = {name: [] for name in ("lower", "upper", "frequency")}
    stress: dict[str, list[float]] = {name: [] for name in use}
    for test in tests:
        for name, values in parts.items():
            values.extend(test.units[name].values)
        for name, each in stress.items():
            each.extend([test.stress[name]] * test.units.sizes["unit"])
    try:
        return assess_claim(
            mission.claim_at(use), lower=parts["lower"], upper=parts["upper"],
            frequency=parts["frequency"], stress=stress, acceleration=mission.models or None,
            fixed=coefficients or None,
        ), ""  # fmt: skip
    except InputError as error:
        return None, str(error)


def path_curves(answer: PathAnswer, most: int = 40) -> xr.Dataset:
    """Return what a figure of the paths of one test draws.

    Returns
    -------
    Dataset
        ``seen_time``, ``seen_value`` (unit, read), NaN where there are fewer reads; ``middle``,
        ``low``, ``high`` (time): median path and those of the 5 % and 95 % of the units, on the
        scale of the reads; ``attrs``: limit, quantity, units, shape.
    """
    shape, fit = answer.fits[0]
    reads = answer.tests[0].reads
    assert reads is not None
    chosen = np.unique(reads["unit"].values)
    chosen = chosen[np.linspace(0, chosen.size - 1, min(most, chosen.size)).astype(int)]
    longest = max(int((reads["unit"].values == unit).sum()) for unit in chosen)
    seen = np.full((2, chosen.size, longest), np.nan)
    for k, unit in enumerate(chosen):
        own = reads["unit"].values == unit
        seen[0, k, : own.sum()] = np.where(own_time := reads["time"].values[own], own_time, np.nan)
        seen[1, k, : own.sum()] = reads["value"].values[own]
    data = fit.data
    ends = [float(data.time.min()), float(data.time.max())]
    ends += [answer.duration] if answer.duration is not None else []
    time = np.geomspace(min(ends) / 2, 3 * max(ends), 80)
    z = np.random.default_rng(0).normal(size=(2000, 2))  # of units, for their quantiles
    root = np.array([[fit.theta[2], 0.0], [fit.theta[3], fit.theta[4]]])
    u, v = (fit.theta[:2] + z @ root.T).T
    path = data.path(u[:, None], v[:, None], time)
    low, middle, high = np.quantile(path, [0.05, 0.5, 0.95], axis=0)
    if shape in ("power", "exponential"):
        low, middle, high = (np.exp(each) for each in (low, middle, high))
    return xr.Dataset(
        {
            "seen_time": (("unit", "read"), seen[0]), "seen_value": (("unit", "read"), seen[1]),
            "low": ("time", low), "middle": ("time", middle), "high": ("time", high),
        },
        coords={"time": ("time", time, {"units": "s"}), "unit": chosen},
        attrs={**reads.attrs, "shape": shape},
    )  # fmt: skip
