"""Regression of the internal parameters of a distribution on stress, and reported parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, unknown_name
from reliability.lifetime.acceleration import Acceleration
from reliability.lifetime.distributions import Distribution, Parameter
from reliability.lifetime.formula import Formula, find_acceleration
from reliability.lifetime.observations import Observations

Array = NDArray[np.float64]
Models = str | Mapping[str, str] | Formula


@dataclass(frozen=True)
class _Predictor:
    """``u = constant + base * theta + sum of slope_j (x_j - centre_j) / width_j * theta_j``.

    ``free`` says for the constant (first) and each slope whether it is estimated; the values of
    those that are not are in ``held``, on the scale of x itself.
    """

    stresses: Acceleration | Formula | None
    centre: Array
    width: Array
    free: NDArray[np.bool_]
    held: Array

    def columns(self, stress: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
        """Regressors of the estimated coefficients, and offset."""
        if self.stresses is None:
            return np.ones((1, 1))[:, self.free], np.array([np.sum(self.held[~self.free])])
        x, offset = self.stresses.regressors(stress)
        scaled = np.column_stack([np.ones(len(x)), (x - self.centre) / self.width])
        raw = np.column_stack([np.ones(len(x)), x])
        return scaled[:, self.free], offset + raw[:, ~self.free] @ self.held[~self.free]


@dataclass(frozen=True)
class Regression:
    """Linear predictors of a distribution and their translation to reported parameters.

    Attributes
    ----------
    names : tuple of str
    parameters : tuple of Parameter
        One for each name.
    designs, offsets : tuple
        As `Likelihood` takes them.
    """

    names: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    designs: tuple[Array | None, ...]
    offsets: tuple[float | Array, ...]
    predictors: tuple[_Predictor, ...]
    reports: dict[str, tuple[Array, float]]

    @property
    def stresses(self) -> tuple[str, ...]:
        """Names of the stresses that a prediction needs."""
        names: dict[str, None] = {}
        for predictor in self.predictors:
            if predictor.stresses is not None:
                names |= dict.fromkeys(n for group in predictor.stresses.stresses for n in group)
        return tuple(names)

    def report(self, name: str) -> tuple[Array, float]:
        """``(a, b)`` such that the parameter is the link of ``a @ theta + b``."""
        return self.reports[name]

    def at(self, stress: Mapping[str, float | str] | None) -> Callable[[Array], list[Array]]:
        """Function from ``theta``, shape (..., p), to the internal parameters at one stress.

        Raises
        ------
        InputError
            A stress is missing or is not used by the fit.
        """
        if stress is not None and not isinstance(stress, Mapping):
            raise InputError(
                f"stress: got {stress!r}, expected a mapping such as {{'temperature': 358.15}}"
            )
        given = dict(stress or {})
        if not self.stresses and given:
            raise InputError("stress: the fit has no acceleration, so it takes no stress")
        if self.stresses and not given:
            raise InputError(f"stress: required, with {', '.join(self.stresses)}")
        for name in given:
            if name not in self.stresses:
                raise unknown_name("stress", name, self.stresses)
        rows = [predictor.columns(given) for predictor in self.predictors]
        if any(len(columns) != 1 for columns, _ in rows):
            raise InputError("stress: one condition at a time")

        def predict(theta: Array) -> list[Array]:
            out, start = [], 0
            for columns, offset in rows:
                stop = start + columns.shape[1]
                out.append(theta[..., start:stop] @ columns[0] + offset[0])
                start = stop
            return out

        return predict


def regression(
    distribution: Distribution,
    data: Observations,
    acceleration: Models | None,
    shape_acceleration: Models | None,
    fixed: Mapping[str, float] | None,
) -> Regression:
    """Set up the linear predictors of a fit; parameters as `fit_lifetime`."""
    models = _models(distribution, data, acceleration, shape_acceleration)
    if fixed and (distribution.threshold or len(distribution.parts) > 1):
        raise InputError(f"fixed: not available for {distribution.name}")
    groups = [
        _coefficients(parameter, model, "log_scale_" if j else "")
        for j, (parameter, model) in enumerate(zip(distribution.parameters, models, strict=True))
    ]
    parameters = {name: spec for group in groups for name, spec in group.items()}
    held = _held(distribution, data, parameters, fixed or {})
    predictors = tuple(
        _predictor(data, tuple(group), model, held)
        for group, model in zip(groups, models, strict=True)
    )
    designs, offsets = zip(*(_design(each, data) for each in predictors), strict=True)
    return Regression(
        tuple(parameters), tuple(parameters.values()), designs, offsets, predictors,
        _reports(distribution, data, groups, predictors),
    )  # fmt: skip


def _models(
    distribution: Distribution,
    data: Observations,
    acceleration: Models | None,
    shape_acceleration: Models | None,
) -> list[Acceleration | Formula | None]:
    """Acceleration model of each internal parameter; every stress must be used."""
    location = _assign(distribution, data, acceleration, "acceleration")
    scale = _assign(distribution, data, shape_acceleration, "shape_acceleration")
    if scale is not None and (distribution.fixed_scale or distribution.count < 2):
        raise InputError(f"shape_acceleration: {distribution.name} has no shape")
    if scale is not None and distribution.shift is not None:
        raise InputError(f"shape_acceleration: not available for {distribution.name}")
    if data.stress and location is None and scale is None:
        raise InputError("stress: given without acceleration, name the model that it follows")
    used = {n for model in (location, scale) if model for group in model.stresses for n in group}
    for name in data.stress:
        if name not in used:
            raise InputError(f"stress: {name!r} is given, but no acceleration model uses it")
    return ([location, scale] + [None] * distribution.count)[: distribution.count]


def _assign(
    distribution: Distribution, data: Observations, models: Models | None, name: str
) -> Acceleration | Formula | None:  # fmt: skip
    if models is None:
        return None
    formula = isinstance(models, Formula) or "~" in models
    if distribution.location is None or not (distribution.positive or formula):
        raise InputError(f"{name}: {distribution.name} has no single location for a stress")
    if not data.stress:
        raise InputError(f"{name}: needs stress, e.g. stress={{'temperature': ...}}")
    found = find_acceleration(models, data.stress, name)
    return found if found.coefficients else None


def _coefficients(
    parameter: Parameter, model: Acceleration | Formula | None, prefix: str
) -> dict[str, Parameter]:
    """Reported parameters of one internal parameter: itself, or those of its regression."""
    if model is None:
        return {parameter.name: parameter}
    intercept = {prefix + "intercept": Parameter("intercept", "identity", parameter.unit)}
    unit: Literal["1", "time"] = "time" if parameter.unit == "time" else "1"
    return intercept | {prefix + c: Parameter(c, "identity", unit) for c in model.coefficients}


def _predictor(
    data: Observations,
    names: tuple[str, ...],
    model: Acceleration | Formula | None,
    held: dict[str, float],
) -> _Predictor:
    free = np.array([name not in held for name in names])
    values = np.array([held.get(name, 0.0) for name in names])
    centre = width = np.zeros(len(names) - 1)
    if model is not None:
        centre, width = _centre(model.regressors(data.stress)[0], data, free[1:], model)
    return _Predictor(model, centre, width, free, values)


def _design(predictor: _Predictor, data: Observations) -> tuple[Array | None, float | Array]:
    """Regressors and offset of each row, as `Likelihood` takes them."""
    if predictor.stresses is None and predictor.free[0]:
        return None, 0.0
    columns, offset = predictor.columns(data.stress)
    rows = data.lower.size
    rank = np.linalg.matrix_rank(np.unique(columns, axis=0), tol=1e-8)
    if predictor.stresses is not None and 1 < columns.shape[1] > rank:
        raise InputError(
            "stress: the conditions do not separate "
            f"{', '.join(predictor.stresses.coefficients)}; vary one stress at a time"
        )
    return (
        np.broadcast_to(columns, (rows, columns.shape[1])), np.broadcast_to(offset, (rows,)).copy()
    )  # fmt: skip


def _centre(
    x: Array, data: Observations, free: NDArray[np.bool_], stresses: Acceleration | Formula
) -> tuple[Array, Array]:
    rows = np.broadcast_to(x, (data.lower.size, x.shape[1]))
    weight = data.frequency
    centre = np.average(rows, axis=0, weights=weight)
    width = np.sqrt(np.average((rows - centre) ** 2, axis=0, weights=weight))
    flat = width <= 1e-9 * np.maximum(np.abs(centre), 1e-300)
    if np.any(flat & free):
        name = stresses.coefficients[int(np.argmax(flat & free))]
        raise InputError(
            f"{name}: cannot be estimated, its stress has one value only; "
            "vary the stress or give the value in fixed"
        )
    return centre, np.where(flat, 1.0, width)


_INSIDE: dict[str, Callable[[Any], Any]] = {
    "identity": lambda v: v,
    "log": np.log,
    "negative_log": lambda v: -np.log(v),
    "logit": lambda v: np.log(v / (1 - v)),
}


def _held(
    distribution: Distribution,
    data: Observations,
    parameters: Mapping[str, Parameter],
    fixed: Mapping[str, float],
) -> dict[str, float]:
    """Internal values of parameters held fixed, with time in typical times."""
    held = {}
    for name, value in fixed.items():
        if name not in parameters:
            raise unknown_name("parameter in fixed", name, parameters)
        spec = parameters[name]
        if distribution.shift is not None and name == next(iter(parameters)):
            raise InputError(f"fixed: {name} of {distribution.name} cannot be held fixed")
        with np.errstate(invalid="ignore", divide="ignore"):
            inside = float(_INSIDE[spec.link](np.float64(value)))
        if not np.isfinite(inside):
            raise InputError(f"fixed: {name} is {value!r}, outside its range")
        if spec.unit == "log time":
            inside -= np.log(data.unit)
        elif spec.unit == "time":
            inside /= data.unit
        held[name] = float(inside)
    if len(held) == len(parameters):
        raise InputError("fixed: all parameters are held fixed, nothing is left to fit")
    return held


def _reports(
    distribution: Distribution,
    data: Observations,
    groups: Sequence[Mapping[str, Parameter]],
    predictors: Sequence[_Predictor],
) -> dict[str, tuple[Array, float]]:
    """For each reported parameter ``(a, b)``, as `Regression.report` gives it."""
    size = sum(int(p.free.sum()) for p in predictors)
    reports: dict[str, tuple[Array, float]] = {}
    start = 0
    for names, predictor, parameter in zip(
        groups, predictors, distribution.parameters, strict=True
    ):
        first, *others = names
        rows = np.zeros((len(names), size))
        rows[predictor.free, start : start + int(predictor.free.sum())] = np.eye(
            int(predictor.free.sum())
        )
        start += int(predictor.free.sum())
        levels = np.where(predictor.free, 0.0, predictor.held)
        rows[1:] /= predictor.width[:, None]
        if predictor.free[0]:  # a fixed intercept is on the scale of the stress itself
            rows[0] -= predictor.centre @ rows[1:]
        if parameter.unit == "log time":
            levels[0] += np.log(data.unit)
        reports[first] = rows[0], float(levels[0])
        reports |= {n: (rows[j], float(levels[j])) for j, n in enumerate(others, start=1)}
    if distribution.shift is not None:
        firsts = [next(iter(names)) for names in groups]
        row, level = reports[firsts[0]]
        for factor, name in zip(distribution.shift, firsts[1:], strict=True):
            row, level = row + factor * reports[name][0], level + factor * reports[name][1]
        reports[firsts[0]] = row, level
    return reports
