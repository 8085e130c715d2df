"""Stress that changes during the test or in use: steps, ramps and temperature profiles.

Cumulative exposure [1]_: what counts is the life used up. A unit that spent the times ``d_k`` at
stresses with location ``mu_k`` is as old as one after the time ``sum of d_k exp(-mu_k)`` at
location 0, whatever the order. Damage that depends on the order (relaxation, recovery) is not in
it.

References
----------
.. [1] W. Nelson, IEEE Trans. Reliab. R-29, 103 (1980), doi:10.1109/TR.1980.5220742.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError
from reliability.lifetime.censored_fit import Estimate, LifetimeFit, Method, assembled
from reliability.lifetime.distributions import Distribution, find_distribution
from reliability.lifetime.likelihood import Evaluation, Likelihood, Terms, split_terms
from reliability.lifetime.maximise import is_proper, maximise
from reliability.lifetime.observations import observations
from reliability.lifetime.regression import Models, regression
from reliability.lifetime.starting_values import NoMaximum

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Schedule:
    """Stresses in the order in which a unit meets them.

    Attributes
    ----------
    durations : sequence of float
        Of each step, in the unit of the lifetimes; the last one goes on for ever.
    stress : mapping of str to sequence of float
        One value per step; divide a ramp into short steps.
    repeat : bool
        The steps start again after the last one (day and night, a mission profile).

    Raises
    ------
    InputError
        No step, a duration that is not positive, or stresses of another length.

    Examples
    --------
    >>> Schedule([10.0, 10.0, 10.0], {"voltage": [1.0, 1.2, 1.4]}).spent(25.0).tolist()
    [10.0, 10.0, 5.0]
    >>> Schedule([8.0, 16.0], {"temperature": [358.15, 298.15]}, repeat=True).spent(50.0).tolist()
    [18.0, 32.0]
    """

    durations: Sequence[float]
    stress: Mapping[str, Sequence[float]]
    repeat: bool = False

    def __post_init__(self) -> None:
        durations = np.asarray(self.durations, float)
        if durations.ndim != 1 or not durations.size:
            raise InputError("schedule: give the duration of at least one step")
        if not np.all(np.isfinite(durations) & (durations > 0)):
            raise InputError("schedule: got a duration that is not a finite number above 0")
        if not self.stress:
            raise InputError("schedule: got no stress, e.g. {'voltage': [1.0, 1.2]}")
        for name, values in self.stress.items():
            if np.shape(values) != durations.shape:
                raise InputError(
                    f"schedule: {name} has {np.size(values)} values for {durations.size} steps"
                )

    def spent(self, t: float) -> Array:
        """Time in each step by the time ``t``, shape (steps,)."""
        durations = np.asarray(self.durations, float)
        whole = 0.0
        if self.repeat:
            whole, t = divmod(float(t), float(durations.sum()))
        starts = np.concatenate([[0.0], np.cumsum(durations)[:-1]])
        limit = durations if self.repeat else np.append(durations[:-1], np.inf)
        return whole * durations + np.clip(t - starts, 0.0, limit)

    def at(self, t: float) -> int:
        """Step in which the time ``t`` lies; at the change of two, the earlier one."""
        durations = np.asarray(self.durations, float)
        if self.repeat:
            t = float(t) % float(durations.sum())
        return min(int(np.searchsorted(np.cumsum(durations), t)), durations.size - 1)


def fit_step_stress(
    time: ArrayLike | None, schedules: Schedule | Sequence[Schedule], *, acceleration: Models,
    distribution: str = "weibull", **data: Any,
) -> LifetimeFit:  # fmt: skip
    """Fit lives under stresses that change in steps, by cumulative exposure.

    Parameters
    ----------
    time : array_like, shape (n,), or None
        Time to failure or to the end of the test from the start of the first step; None with
        ``lower`` and ``upper``.
    schedules : Schedule or sequence of Schedule, length n
        One for all units, or one for each row.
    acceleration : str, mapping or Formula
        As `fit_lifetime`.
    distribution : str
        ``weibull``, ``exponential``, ``lognormal`` or ``loglogistic``.
    **data
        ``event``, ``lower``, ``upper`` and ``frequency`` as for `fit_lifetime`.

    Returns
    -------
    LifetimeFit
        Predictions are at constant stress; under a schedule by `failure_under`.

    Raises
    ------
    InputError
        Data that cannot be right, or a likelihood without a maximum.

    Examples
    --------
    >>> steps = Schedule([30.0] * 6, {"voltage": [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]})
    >>> time = [25, 48, 61, 72, 80, 88, 93, 97, 104, 111, 118, 127]
    >>> fit = fit_step_stress(time, steps, acceleration="inverse_power", event=[1] * 11 + [0])
    >>> {name: round(value, 2) for name, value in fit.parameters.items()}
    {'intercept': 4.76, 'exponent': 0.89, 'shape': 2.63}
    """
    chosen = _allowed(distribution, data)
    seen = observations(time, **data)
    if seen.failures == 0:
        raise InputError("no unit failed: the likelihood has no maximum")
    rows = seen.lower.size
    each = [schedules] * rows if isinstance(schedules, Schedule) else list(schedules)
    if len(each) != rows:
        raise InputError(f"schedules: got {len(each)}, expected one or {rows}")
    plans = list({id(plan): plan for plan in each}.values())
    names = list(plans[0].stress)
    if any(list(plan.stress) != names for plan in plans):
        raise InputError("schedules: all must name the same stresses in the same order")
    starts = np.cumsum([0, *(len(plan.durations) for plan in plans)])
    place = {id(plan): int(start) for plan, start in zip(plans, starts, strict=False)}
    steps = {name: np.concatenate([plan.stress[name] for plan in plans]) for name in names}
    count = int(starts[-1])
    listed = replace(
        seen, stress=steps, lower=np.zeros(count), upper=np.ones(count), frequency=np.ones(count)
    )
    model = regression(chosen, listed, acceleration, None, None)

    def spent(times: Array) -> Array:
        out = np.zeros((rows, count))
        for row, (plan, t) in enumerate(zip(each, times, strict=True)):
            start = place[id(plan)]
            if np.isfinite(t):
                out[row, start : start + len(plan.durations)] = plan.spent(t) / seen.unit
        return out

    terms = split_terms(
        seen.lower[None] / seen.unit, seen.upper[None] / seen.unit, seen.frequency[None]
    )
    last = np.array(
        [
            place[id(plan)] + plan.at(t if np.isfinite(t) else low)
            for plan, low, t in zip(each, seen.lower, seen.upper, strict=True)
        ]
    )
    likelihood = _StepLikelihood(
        chosen, terms, 1, model.designs, model.offsets,
        exposed=_Exposed(spent(seen.lower), spent(seen.upper), last),
    )  # fmt: skip
    start = np.zeros(likelihood.size)
    tried = [maximise(likelihood, start[None] + shift) for shift in (0.0, -1.0)]
    usable = [each for each in tried if each.converged[0] and is_proper(each)[0]]
    if not usable:
        raise NoMaximum(
            f"{chosen.name}: no maximum; failures at more than one stress are required to "
            "separate the stress from the shape"
        )
    best = max(usable, key=lambda found: float(found.value[0]))
    return assembled(chosen, replace(seen, stress={}), model, likelihood, best)


def _allowed(distribution: str, data: dict[str, Any]) -> Distribution:
    """Return a distribution that can be fitted with steps; refuse others, and other data."""
    chosen = find_distribution(distribution)
    if chosen.form is None or chosen.threshold or not chosen.positive:
        raise InputError(
            f"distribution: got {chosen.name!r}, allowed with steps: weibull, exponential, "
            "lognormal, loglogistic"
        )
    for name in data:
        if name not in ("event", "lower", "upper", "frequency"):
            raise InputError(f"{name}: not available with steps")
    return chosen


class _Exposed(NamedTuple):
    """Time of each row in each step by its lower and upper time, and the step at its failure."""

    lower: Array
    upper: Array
    last: NDArray[np.intp]


class _Age(NamedTuple):
    """Log of the life used up, y, and its derivatives in the slopes."""

    y: Array
    slope: Array
    bend: Array


@dataclass(frozen=True)
class _StepLikelihood(Likelihood):
    """The likelihood of one data set under cumulative exposure; designs have one row per step."""

    exposed: _Exposed = field(repr=False, kw_only=True)

    def value(self, theta: Array) -> Array:
        return self.evaluate(theta).value

    @np.errstate(all="ignore")
    def evaluate(self, theta: Array) -> Evaluation:
        p = self.size
        value, gradient, hessian = 0.0, np.zeros(p), np.zeros((p, p))
        for term in self.terms:
            rows = self._rows(theta[0], term)
            value += float(term.weight @ rows[0])
            gradient += term.weight @ rows[1]
            hessian += np.einsum("i,ijk->jk", term.weight, rows[2])
        value = value if np.isfinite(value) else -np.inf
        return Evaluation(np.array([value]), gradient[None], hessian[None])

    def _location(self, theta: Array) -> tuple[Array, Array]:
        """Location of each step and its regressors, the constant first."""
        design, offset = self.designs[0], self.offsets[0]
        assert design is not None
        return design @ theta[self.slices[0]] + offset, design

    def _age(self, theta: Array, spent: Array) -> _Age:
        location, design = self._location(theta)
        log_spent = np.log(spent) - location
        y = special.logsumexp(log_spent, axis=1)
        share = np.exp(log_spent - y[:, None])
        mean = share @ design
        second = np.einsum("ik,kj,kl->ijl", share, design, design)
        return _Age(y, -mean, second - mean[:, :, None] * mean[:, None, :])

    def _standardised(self, theta: Array, age: _Age) -> tuple[Array, Array, Array]:
        """z of each row, its gradient and Hessian in all coefficients."""
        fixed = self.distribution.fixed_scale
        s = 1.0 if fixed else float(np.exp(-theta[self.slices[1]][0]))
        k, p = age.slope.shape[1], self.size
        z = age.y * s
        first, second = np.zeros((z.size, p)), np.zeros((z.size, p, p))
        first[:, :k], second[:, :k, :k] = s * age.slope, s * age.bend
        if not fixed:
            first[:, k], second[:, k, k] = -z, z
            second[:, :k, k] = second[:, k, :k] = -s * age.slope
        return z, first, second

    def _rows(self, theta: Array, term: Terms) -> tuple[Array, Array, Array]:
        """Log-likelihood of each row with its gradient and Hessian."""
        form = self.distribution.form
        assert form is not None
        low, high = self.exposed.lower[term.row], self.exposed.upper[term.row]
        if term.kind == "interval":
            return self._intervals(theta, low, high)
        age = self._age(theta, high if term.kind == "failure" else low)
        z, first, second = self._standardised(theta, age)
        derivatives = {"density": form.d_pdf, "survival": form.d_sf, "failure": form.d_cdf}
        value, d1, d2 = derivatives[term.kind](z)  # type: ignore[misc]
        gradient = d1[:, None] * first
        hessian = d2[:, None, None] * first[:, :, None] * first[:, None, :]
        hessian += d1[:, None, None] * second
        if term.kind == "density":  # f(t) = phi(z)/sigma * exp(-location of the step - y)
            location, design = self._location(theta)
            k, step = age.slope.shape[1], self.exposed.last[term.row]
            value = value - location[step] - age.y
            gradient[:, :k] -= design[step] + age.slope
            hessian[:, :k, :k] -= age.bend
            if not self.distribution.fixed_scale:
                value = value - theta[self.slices[1]][0]
                gradient[:, k] -= 1
        return value, gradient, hessian

    def _intervals(self, theta: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
        form = self.distribution.form
        a, b = (self._standardised(theta, self._age(theta, spent)) for spent in (low, high))
        value = form.log_probability(a[0], b[0])  # type: ignore[misc, union-attr]
        gradient, hessian = np.zeros_like(a[1]), np.zeros_like(a[2])
        for sign, (z, first, second) in ((-1.0, a), (1.0, b)):
            density = form.d_pdf(z)  # type: ignore[misc, union-attr]
            rate = sign * np.exp(density.value - value)
            gradient += rate[:, None] * first
            bend = (rate * density.first)[:, None, None] * first[:, :, None] * first[:, None, :]
            hessian += bend + rate[:, None, None] * second
        return value, gradient, hessian - gradient[:, :, None] * gradient[:, None, :]


def failure_under(
    fit: LifetimeFit, schedule: Schedule, t: float, confidence: float = 0.9,
    method: Method = "profile",
) -> Estimate:  # fmt: skip
    """Failure probability by a time under stresses that change, by cumulative exposure.

    Parameters
    ----------
    fit : LifetimeFit
        With an acceleration and one shape, of constant or of step stress.
    schedule : Schedule
        Its stresses are those of the fit.
    t : float
        In the unit of the fit, above 0.
    confidence, method
        As `LifetimeFit.interval`.

    Raises
    ------
    InputError
        A fit without acceleration or whose shape depends on the stress, or a time not above 0.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> fit = fit_lifetime([500, 700, 900, 60, 80, 90], acceleration="arrhenius",
    ...     stress={"temperature": [398.15] * 3 + [448.15] * 3})
    >>> day = Schedule([8.0, 16.0], {"temperature": [358.15, 298.15]}, repeat=True)
    >>> half = failure_under(fit, day, 8760.0).value
    >>> half < fit.failure_probability(8760.0, {"temperature": 358.15}).value
    True
    """
    form = fit.distribution.form
    if not fit.stresses or form is None or fit.distribution.threshold:
        raise InputError("fit: an acceleration and a location-scale distribution are required")
    if not (np.isfinite(t) and t > 0):
        raise InputError(f"t: got {t!r}, allowed a finite time greater than 0")
    spent = schedule.spent(t) / fit.data.unit
    steps = [k for k in range(spent.size) if spent[k] > 0]
    at = [fit.regression.at({n: float(v[k]) for n, v in schedule.stress.items()}) for k in steps]
    if not fit.distribution.fixed_scale and fit.regression.predictors[1].stresses is not None:
        raise InputError("fit: its shape depends on the stress, life used up is not defined")

    def standardised(theta: Array) -> Array:
        each = [predict(theta) for predict in at]
        location = np.stack([u[0] for u in each], axis=-1)
        age = special.logsumexp(np.log(spent[steps]) - location, axis=-1)
        return age * np.exp(0.0 if fit.distribution.fixed_scale else -each[0][1])

    value = float(standardised(fit.maximum.theta)[0])
    low, high = fit.bounds(standardised, confidence, method)
    return Estimate(*(float(np.exp(form.log_cdf(np.float64(z)))) for z in (value, low, high)))
