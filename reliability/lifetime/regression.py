"""How the internal parameters of a lifetime law depend on stress, and what is reported of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, unknown_name
from reliability.lifetime.acceleration import Acceleration
from reliability.lifetime.acceleration import acceleration as assign
from reliability.lifetime.distributions import Distribution, Parameter
from reliability.lifetime.observations import Observations

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Predictor:
    """``u = constant + base * theta + sum of slope_j (x_j - centre_j) / width_j * theta_j``.

    ``free`` says for the constant (first) and each slope whether it is estimated; the values of
    those that are not are in ``held``, on the scale of x itself.
    """

    stresses: Acceleration | None
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
    """Linear predictors of a law and their translation to reported parameters.

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

    def at(self, stress: Mapping[str, float] | None) -> Callable[[Array], list[Array]]:
        """Function from ``theta``, shape (..., p), to the internal parameters at one stress.

        Raises
        ------
        InputError
            A stress is missing or is not used by the fit.
        """
        given = dict(stress or {})
        if not self.stresses and given:
            raise InputError("stress: the fit has no acceleration law, so it takes no stress")
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
    law: Distribution,
    data: Observations,
    acceleration: str | Mapping[str, str] | None,
    shape_acceleration: str | Mapping[str, str] | None,
    fixed: Mapping[str, float] | None,
) -> Regression:
    """Set up the linear predictors of a fit; parameters as `fit_lifetime`."""
    location = _assign(law, data, acceleration, "acceleration")
    scale = _assign(law, data, shape_acceleration, "shape_acceleration")
    if scale is not None and (law.fixed_scale or law.count < 2):
        raise InputError(f"shape_acceleration: {law.name} has no shape")
    if data.stress and location is None and scale is None:
        raise InputError("stress: given without acceleration, name the law that it follows")
    used = {n for terms in (location, scale) if terms for group in terms.stresses for n in group}
    for name in data.stress:
        if name not in used:
            raise InputError(f"stress: {name!r} is given, but no acceleration law uses it")
    if fixed and (law.threshold or len(law.parts) > 1):
        raise InputError(f"fixed: not available for {law.name}")

    names: list[str] = []
    parameters: list[Parameter] = []
    groups: list[tuple[Acceleration | None, list[int]]] = []
    for j, parameter in enumerate(law.parameters):
        stresses = location if j == 0 else scale if j == 1 else None
        at = list(range(len(names), len(names) + 1 + (0 if stresses is None else _width(stresses))))
        groups.append((stresses, at))
        if stresses is None:
            names.append(parameter.name)
            parameters.append(parameter)
            continue
        prefix = "" if j == 0 else "log_scale_"
        names += [f"{prefix}intercept", *(prefix + c for c in stresses.coefficients)]
        parameters.append(Parameter("intercept", "identity", parameter.unit))
        parameters += [Parameter(c, "identity") for c in stresses.coefficients]

    held = _held(law, data, names, parameters, fixed or {})
    predictors, designs, offsets = [], [], []
    for stresses, at in groups:
        free = np.array([names[i] not in held for i in at])
        values = np.array([held.get(names[i], 0.0) for i in at])
        centre = width = np.zeros(len(at) - 1)
        if stresses is not None:
            x, _ = stresses.regressors(data.stress)
            centre, width = _centre(x, data, free[1:], stresses)
        predictor = _Predictor(stresses, centre, width, free, values)
        columns, offset = predictor.columns(data.stress)
        constant = stresses is None and bool(free[0])
        rows = data.lower.size
        designs.append(None if constant else np.broadcast_to(columns, (rows, columns.shape[1])))
        offsets.append(0.0 if constant else np.broadcast_to(offset, (rows,)).copy())
        predictors.append(predictor)
    _check_rank(designs, predictors)
    reports = _reports(law, data, names, groups, predictors)
    return Regression(
        tuple(names), tuple(parameters), tuple(designs), tuple(offsets), tuple(predictors), reports
    )


def _assign(
    law: Distribution, data: Observations, laws: str | Mapping[str, str] | None, name: str
) -> Acceleration | None:
    if laws is None:
        return None
    if law.location is None or not law.positive:
        raise InputError(f"{name}: {law.name} has no single location for a stress to act on")
    if not data.stress:
        raise InputError(f"{name}: needs stress, e.g. stress={{'temperature': ...}}")
    return assign(laws, list(data.stress), name)


def _width(stresses: Acceleration) -> int:
    return len(stresses.coefficients)


def _centre(
    x: Array, data: Observations, free: NDArray[np.bool_], stresses: Acceleration
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


def _held(
    law: Distribution,
    data: Observations,
    names: list[str],
    parameters: list[Parameter],
    fixed: Mapping[str, float],
) -> dict[str, float]:
    """Internal values of parameters held fixed, with time in typical times."""
    held = {}
    for name, value in fixed.items():
        if name not in names:
            raise unknown_name("parameter in fixed", name, names)
        spec = parameters[names.index(name)]
        if law.shift is not None and names.index(name) == 0:
            raise InputError(f"fixed: {name} of {law.name} cannot be held fixed")
        with np.errstate(invalid="ignore", divide="ignore"):
            v = np.float64(value)
            inside = {
                "identity": v, "log": np.log(v), "negative_log": -np.log(v),
                "logit": np.log(v / (1 - v)),
            }[spec.link]  # fmt: skip
        if not np.isfinite(inside):
            raise InputError(f"fixed: {name} is {value!r}, outside its range")
        if spec.unit == "log time":
            inside -= np.log(data.unit)
        elif spec.unit == "time":
            inside /= data.unit
        held[name] = float(inside)
    if len(held) == len(names):
        raise InputError("fixed: all parameters are held fixed, nothing is left to fit")
    return held


def _check_rank(designs: list[Array | None], predictors: list[_Predictor]) -> None:
    for design, predictor in zip(designs, predictors, strict=True):
        if design is None or design.shape[1] < 2 or predictor.stresses is None:
            continue
        if np.linalg.matrix_rank(np.unique(design, axis=0), tol=1e-8) < design.shape[1]:
            raise InputError(
                "stress: the conditions do not separate "
                f"{', '.join(predictor.stresses.coefficients)}; vary one stress at a time"
            )


def _reports(
    law: Distribution,
    data: Observations,
    names: list[str],
    groups: list[tuple[Acceleration | None, list[int]]],
    predictors: list[_Predictor],
) -> dict[str, tuple[Array, float]]:
    size = sum(int(p.free.sum()) for p in predictors)
    reports: dict[str, tuple[Array, float]] = {}
    start = 0
    for (_, at), predictor, parameter in zip(groups, predictors, law.parameters, strict=True):
        place = start + np.cumsum(predictor.free) - 1
        constant, level = np.zeros(size), 0.0
        if predictor.free[0]:
            constant[place[0]] = 1.0
        else:
            level = predictor.held[0]
        for j, i in enumerate(at[1:]):
            row = np.zeros(size)
            if predictor.free[j + 1]:
                row[place[j + 1]] = 1 / predictor.width[j]
                constant[place[j + 1]] = -predictor.centre[j] / predictor.width[j]
                reports[names[i]] = (row, 0.0)
            else:
                reports[names[i]] = (row, float(predictor.held[j + 1]))
        if not predictor.free[0]:  # a fixed intercept is on the scale of the stress itself
            constant[:] = 0.0
        if parameter.unit == "log time":
            level += np.log(data.unit)
        reports[names[at[0]]] = (constant, float(level))
        start += int(predictor.free.sum())
    if law.shift is not None:
        row, level = reports[names[0]]
        for share, (_, at), predictor in zip(law.shift, groups[1:], predictors[1:], strict=True):
            if predictor.stresses is not None:
                raise InputError(f"shape_acceleration: not available for {law.name}")
            other, more = reports[names[at[0]]]
            row, level = row + share * other, level + share * more
        reports[names[0]] = (row, level)
    return reports
