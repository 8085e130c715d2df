"""Degradation paths: reads of units over time, and when each crosses a limit.

A unit's read is y = path(t) + e, on the scale of one of the shapes

=========== ======================= ===============================
shape       scale of the read       path
=========== ======================= ===============================
linear      y                       u + v t
log_time    y                       u + v ln(1 + t / unit_time)
power       ln |y - start|          u + v ln t
exponential ln y                    u + v t
saturating  y                       start ± exp(u) (1 - exp(-exp(v) t))
=========== ======================= ===============================

where u and v differ from unit to unit. With paths that all begin at one known value (``start``, of
linear, log_time and exponential) only v varies. ``saturating`` is a first-order reaction with its
rate exp(v) and its end exp(u) [1]_; its start is 0 unless given. Stress acts on the time scale: t
is then the time at a reference condition, by an acceleration model of
`reliability.lifetime.acceleration`. A unit fails when its path, without the error of the read,
crosses the limit.

- `pseudo_failures`: crossing time of the path of each unit, to be fitted as lifetimes [2]_;
- `crossing_intervals`: the read-out intervals in which reads crossed, for a failure-time analysis
  of the same file;
- `reliability.lifetime.degradation_fit`: mixed-effects fits and what they predict.

.. [1] W. Q. Meeker, L. A. Escobar, C. J. Lu, "Accelerated Degradation Tests: Modeling and
   Analysis", Technometrics 40, 89 (1998), doi:10.1080/00401706.1998.10485191.
.. [2] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
   chapter 13.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, unknown_name
from reliability.lifetime.acceleration import Acceleration, acceleration

Array = NDArray[np.float64]
SHAPES = ("linear", "log_time", "power", "exponential", "saturating")
_AT_START = ("linear", "log_time", "exponential")  # shapes of which start fixes the intercept


@dataclass(frozen=True)
class Stresses:
    """How stress scales the time of paths.

    Attributes
    ----------
    models : Acceleration
    reference : dict of str to float
        Condition whose time the paths are in.
    fixed : dict of str to float
        Coefficients that are taken as known.
    """

    models: Acceleration
    reference: dict[str, float]
    fixed: dict[str, float]

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the coefficients to fit."""
        return tuple(name for name in self.models.coefficients if name not in self.fixed)

    def log_factor(self, stress: Mapping[str, ArrayLike]) -> tuple[Array, Array]:
        """Logarithm of the acceleration factor to the reference.

        Returns
        -------
        known : ndarray, shape (rows,)
            Part of the known coefficients.
        columns : ndarray, shape (rows, free coefficients)
            What the others are multiplied with.
        """
        rows, offset = self.models.regressors(stress)
        at, at_offset = self.models.regressors(self.reference)
        gap = at - rows
        names = self.models.coefficients
        known = at_offset - offset + sum(
            self.fixed[name] * gap[:, k] for k, name in enumerate(names) if name in self.fixed
        )  # fmt: skip
        kept = [k for k, name in enumerate(names) if name not in self.fixed]
        return np.asarray(known, float), gap[:, kept]


@dataclass(frozen=True)
class Paths:
    """Reads of units.

    Attributes
    ----------
    time, value : ndarray, shape (reads,)
    unit : ndarray of int, shape (reads,)
        From 0 on.
    limit : float
        A unit beyond it has failed.
    shape : str
    start : float or None
        Known value of all units at time 0.
    unit_time : float
        Of the shape ``log_time``.
    stresses : Stresses or None
    known, columns : ndarray
        Of `Stresses.log_factor`, at each read.
    """

    time: Array
    value: Array
    unit: NDArray[np.intp]
    limit: float
    shape: str
    start: float | None
    unit_time: float
    stresses: Stresses | None
    known: Array
    columns: Array

    @property
    def units(self) -> int:
        """Number of units."""
        return int(self.unit.max()) + 1

    @property
    def destructive(self) -> bool:
        """Whether each unit was read once."""
        return bool(np.bincount(self.unit).max() == 1)

    @property
    def from_start(self) -> bool:
        """Whether paths are straight and begin at one known value."""
        return self.start is not None and self.shape in _AT_START

    @property
    def upwards(self) -> bool:
        """Whether paths rise to the limit, on their own scale."""
        if self.shape == "saturating":
            return self.limit > (self.start or 0.0)
        if self.from_start:
            first = float(self.scaled(self.start))  # type: ignore[arg-type]
        else:
            order = np.lexsort((self.time, self.unit))
            begins = np.unique(self.unit[order], return_index=True)[1]
            first = float(np.median(self.scaled(self.value)[order][begins]))
        return float(self.scaled(self.limit)) > first

    def progress(self, time: ArrayLike) -> Array:
        """Return what straight paths are straight in."""
        t = np.asarray(time, float)
        if self.shape == "log_time":
            return np.log1p(t / self.unit_time)
        with np.errstate(divide="ignore"):
            return np.log(t) if self.shape == "power" else t

    def time_of(self, x: ArrayLike) -> Array:
        """Return the time at which this is reached."""
        at = np.asarray(x, float)
        with np.errstate(over="ignore"):
            if self.shape == "log_time":
                return self.unit_time * np.expm1(at)
            return np.exp(at) if self.shape == "power" else at

    def scaled(self, value: ArrayLike) -> Array:
        """Return values on the scale of the shape."""
        y = np.asarray(value, float)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.shape == "exponential":
                return np.log(y)
            if self.shape == "power":
                return np.log(np.abs(y - (self.start or 0.0)))
        return y

    @property
    def log_jacobian(self) -> float:
        """Of the scale: added to a log-likelihood it is that of the reads themselves."""
        if self.shape in ("exponential", "power"):
            return -float(self.scaled(self.value).sum())
        return 0.0

    def path(self, u: ArrayLike, v: ArrayLike, time: ArrayLike) -> Array:
        """Return paths on the scale of the shape."""
        t, a, b = np.asarray(time, float), np.asarray(u, float), np.asarray(v, float)
        if self.shape == "saturating":
            sign = 1.0 if self.upwards else -1.0
            return (self.start or 0.0) - sign * np.exp(a) * np.expm1(-np.exp(b) * t)
        return a + b * self.progress(t)

    def slope(self, u: ArrayLike, v: ArrayLike, time: ArrayLike) -> tuple[Array, Array]:
        """Return the derivatives of a saturating path in u and in v."""
        t, a, b = np.asarray(time, float), np.asarray(u, float), np.asarray(v, float)
        rise, x = self.path(a, b, t) - (self.start or 0.0), np.exp(b) * t
        end = (1.0 if self.upwards else -1.0) * np.exp(a)
        return rise, end * np.exp(-x) * x


def paths(
    time: ArrayLike, value: ArrayLike, unit: ArrayLike, *, limit: float, shape: str = "linear",
    start: float | None = None, unit_time: float = 1.0,
    stress: Mapping[str, ArrayLike] | None = None, acceleration_models: str = "arrhenius",
    fixed: Mapping[str, float] | None = None,
) -> Paths:  # fmt: skip
    """Check reads of units and return them as `Paths`.

    Parameters
    ----------
    time, value, unit : array_like, shape (reads,)
    limit : float
        A unit beyond it has failed.
    shape : {"linear", "log_time", "power", "exponential", "saturating"}
    start : float, optional
        Known value of all units at time 0; ``power`` and ``saturating`` are relative to it, 0 by
        default.
    unit_time : float
        Of ``log_time``.
    stress : mapping of str to array_like, shape (reads,), optional
        Where units were tested at several: ``{"temperature": ...}`` in K, voltages in V.
    acceleration_models : str
        Models of `reliability.lifetime.acceleration` by which ``stress`` scales the time.
    fixed : mapping of str to float, optional
        Coefficients that are taken as known.

    Raises
    ------
    InputError
        An unknown shape, arrays that do not match, values that are not finite, a time below 0, a
        value that the shape does not take.
    """
    if shape not in SHAPES:
        raise unknown_name("shape", shape, SHAPES)
    t, y = (np.atleast_1d(np.asarray(each, float)) for each in (time, value))
    _, own = np.unique(np.atleast_1d(np.asarray(unit)), return_inverse=True)
    if not t.shape == y.shape == own.shape or t.ndim != 1 or t.size < 3:
        raise InputError(
            f"time, value, unit: got {t.size}, {y.size} and {own.size}, expected as many, 3 or more"
        )
    if not (np.isfinite(t).all() and np.isfinite(y).all() and (t >= 0).all()):
        raise InputError("time, value: got one that is not finite, or a time below 0")
    if unit_time <= 0:
        raise InputError(f"unit_time: got {unit_time!r}, allowed above 0")
    stresses, known, columns = _scaling(stress, acceleration_models, fixed, t.size)
    found = Paths(t, y, own, float(limit), shape, start, unit_time, stresses, known, columns)
    kept = np.isfinite(found.progress(t))
    if shape == "power" or found.from_start:  # ln 0; a start that is known is no read
        kept &= t > 0
    _, again = np.unique(own[kept], return_inverse=True)
    found = replace(
        found, time=t[kept], value=y[kept], unit=again, known=known[kept], columns=columns[kept]
    )
    if not np.isfinite(found.scaled(found.value)).all() or not np.isfinite(found.scaled(limit)):
        raise InputError(f"value: got one whose logarithm the shape {shape} cannot take")
    return found


def _scaling(
    stress: Mapping[str, ArrayLike] | None, models: str, fixed: Mapping[str, float] | None,
    count: int,
) -> tuple[Stresses | None, Array, Array]:  # fmt: skip
    if not stress:
        return None, np.zeros(count), np.zeros((count, 0))
    rows = {k: np.broadcast_to(np.asarray(v, float), (count,)) for k, v in stress.items()}
    chosen = acceleration(models, list(rows))
    for name in fixed or {}:
        if name not in chosen.coefficients:
            raise unknown_name("coefficient in fixed", name, chosen.coefficients)
    used = {name for group in chosen.stresses for name in group}
    highest = {name: float(rows[name].max()) for name in used}
    out = Stresses(chosen, highest, dict(fixed or {}))
    return out, *out.log_factor(rows)


def pseudo_failures(data: Paths) -> Array:
    """Return the time at which the path of each unit crosses the limit, inf for never.

    Least squares of each unit by itself, at its own stress.

    Examples
    --------
    >>> one = paths([1, 2, 3], [2.0, 4.0, 6.0], [0, 0, 0], limit=10.0, start=0.0)
    >>> pseudo_failures(one).round(6).tolist()
    [5.0]
    """
    intercept, slope = of_units(data)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if data.shape == "saturating":
            part = abs(data.limit - (data.start or 0.0)) / np.exp(intercept)
            return np.where(part < 1, -np.log1p(-np.minimum(part, 1.0)) / np.exp(slope), np.inf)
        x = (data.scaled(data.limit) - intercept) / slope
    reached = np.isfinite(x) & ((x > 0) | (data.shape == "power"))
    return np.where(reached, data.time_of(np.where(reached, x, 0.0)), np.inf)


def of_units(data: Paths) -> tuple[Array, Array]:
    """Return u and v of the path of each unit, by least squares."""
    y = data.scaled(data.value)
    found = [_of_unit(data, y, data.unit == k) for k in range(data.units)]
    u, v = np.array(found).T
    return u, v


def _of_unit(data: Paths, y: Array, own: NDArray[np.bool_]) -> tuple[float, float]:
    x = data.progress(data.time[own])
    if data.from_start:
        offset = float(data.scaled(data.start))  # type: ignore[arg-type]
        return offset, float(x @ (y[own] - offset) / (x @ x))
    if own.sum() < 2 or np.ptp(x) == 0:
        raise InputError("unit: got one with a single read, expected 2 or more of each")
    if data.shape != "saturating":
        slope, intercept = np.polyfit(x, y[own], 1)
        return float(intercept), float(slope)
    rise = np.abs(y[own] - (data.start or 0.0))
    size = max(float(rise.max()), 1e-300)
    first = np.log([1.5 * size, 1 / max(float(np.median(x)), 1e-300)])
    found = scipy.optimize.least_squares(
        lambda p: (data.path(p[0], p[1], x) - y[own]) / size, first,
        bounds=(np.subtract(first, [8, 12]), np.add(first, [8, 12])),
    )  # fmt: skip
    return float(found.x[0]), float(found.x[1])


def crossing_intervals(data: Paths) -> tuple[Array, Array]:
    """Return the read-out interval in which each unit's reads first crossed the limit.

    The upper end is inf for a unit that has not; as `reliability.fit_lifetime` takes them.
    """
    lower, upper = [], []
    scaled, limit = data.scaled(data.value), float(data.scaled(data.limit))
    for k in range(data.units):
        own = data.unit == k
        order = np.argsort(data.time[own])
        t, y = data.time[own][order], scaled[own][order]
        beyond = y >= limit if data.upwards else y <= limit
        first = int(beyond.argmax()) if beyond.any() else t.size
        lower.append(float(t[first - 1]) if first else 0.0)
        upper.append(float(t[first]) if first < t.size else np.inf)
    return np.array(lower), np.array(upper)
