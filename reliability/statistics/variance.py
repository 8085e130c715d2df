"""Variance components of nested data: lot, wafer, die, cell and cycle, balanced or not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

from reliability.errors import InputError, unknown_name

Array = NDArray[np.float64]


@dataclass(frozen=True)
class VarianceComponents:
    """Result of `variance_components`.

    Attributes
    ----------
    variance : dict of str to float
        Of each level, outermost first, and of the residual (within the innermost level).
    interval : dict of str to (float, float)
        Profile-likelihood interval of each variance; the lower end is 0 where the data do not
        show that the component exists.
    mean, mean_error : float
        Mean over the outermost level and its standard error.
    log_likelihood : float
        Restricted log-likelihood at the maximum (moments: at the estimate).
    covariance : ndarray, shape (levels + 1, levels + 1)
        Of the logarithms of the standard deviations, in the order of `variance`: inverse of the
        observed information. NaN in the rows of a component estimated as 0, and for moments.
    """

    variance: dict[str, float]
    interval: dict[str, tuple[float, float]]
    mean: float
    mean_error: float
    log_likelihood: float
    covariance: Array = field(repr=False)

    @property
    def deviation(self) -> dict[str, float]:
        """Standard deviation of each level."""
        return {name: float(np.sqrt(value)) for name, value in self.variance.items()}

    @property
    def fraction(self) -> dict[str, float]:
        """Fraction of the total variance at each level."""
        total = sum(self.variance.values())
        return {name: value / total for name, value in self.variance.items()}


class _Level(NamedTuple):
    """Where each group of one level begins among the groups below it."""

    begins: NDArray[np.intp]


class _Nested(NamedTuple):
    """Sufficient statistics of the innermost groups, and the tree above them.

    Innermost groups of one size in one parent are one class: their number, the mean of their means
    and the sum of squares of these are all that the likelihood needs.
    """

    size: Array  # values in each group of the class
    groups: Array  # groups in the class
    mean: Array
    square: Array  # sum of squares of the group means about their mean
    within: float
    levels: list[_Level]  # innermost grouping first

    @property
    def values(self) -> float:
        """Number of values."""
        return float(self.size @ self.groups)


def variance_components(
    values: ArrayLike,
    groups: Mapping[str, ArrayLike],
    *,
    residual: str = "residual",
    method: Literal["reml", "moments"] = "reml",
    integrated_time: float = 1.0,
    confidence: float = 0.9,
) -> VarianceComponents:
    """Split a variance into the parts of a nested hierarchy.

    Parameters
    ----------
    values : array_like, shape (n,)
    groups : mapping of str to array_like, shape (n,)
        Labels of each level, outermost first, e.g. ``{"wafer": …, "die": …, "cell": …}``. A label
        needs to be unique only within its parent.
    residual : str
        What to call the variance within the innermost level, e.g. ``"cycle"``.
    method : {"reml", "moments"}
        Restricted maximum likelihood, or the sums of squares of the nested analysis of variance
        (Henderson's first method), which needs no iteration and gives no interval.
    integrated_time : float
        Integrated autocorrelation time of the values within the innermost level, in values: that
        many values carry the information of one. 1: independent.
    confidence : float

    Returns
    -------
    VarianceComponents

    Raises
    ------
    InputError
        Fewer than two groups at a level, no repeated value, or columns of different lengths.

    Notes
    -----
    Exact for unbalanced data. A nested likelihood factorises: given the variances, each group
    passes to its parent one number, its weighted mean, with a variance [1]_; groups of one size in
    one parent share their statistics. So a million values are summed once.

    References
    ----------
    .. [1] S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", Wiley, 1992,
       chapters 5 and 6, doi:10.1002/9780470316856.

    Examples
    --------
    Four wafers determine the variance between wafers poorly; the interval is wide.

    >>> rng = np.random.default_rng(1)
    >>> wafer, die = np.repeat([0, 1, 2, 3], 50), np.tile(np.repeat(np.arange(10), 5), 4)
    >>> y = rng.normal(0, 2, 4)[wafer] + rng.normal(0, 1, 40)[wafer * 10 + die]
    >>> y = y + rng.normal(0, 0.5, 200)
    >>> found = variance_components(y, {"wafer": wafer, "die": die}, residual="cycle")
    >>> {name: round(value, 2) for name, value in found.deviation.items()}
    {'wafer': 2.06, 'die': 0.95, 'cycle': 0.48}
    """
    if method not in ("reml", "moments"):
        raise unknown_name("method", method, ("reml", "moments"))
    y = np.asarray(values, float).ravel()
    if not groups:
        raise InputError("groups: got none, at least one level is required")
    if not np.all(np.isfinite(y)):
        raise InputError(f"values: row {int(np.argmin(np.isfinite(y)))} is not a finite number")
    if integrated_time < 1:
        raise InputError(f"integrated_time: got {integrated_time!r}, allowed 1 or more")
    nested = _nest(y, groups)
    names = (*groups, residual)
    spread = float(np.var(y))
    if spread == 0 or nested.within == 0:
        raise InputError("values: no variance within the innermost level, nothing to split")
    moments = _moments(nested, integrated_time)
    if method == "moments":
        value, mean, error = _restricted(moments, nested, integrated_time)
        nothing = dict.fromkeys(names, (float("nan"), float("nan")))
        reported = dict(zip(names, moments.tolist(), strict=True))
        unknown = np.full((len(names), len(names)), np.nan)
        return VarianceComponents(
            reported, nothing, float(mean), float(error), float(value), unknown
        )

    start = np.maximum(moments, 1e-3 * spread)
    best, value = _maximise(nested, integrated_time, start)
    _, mean, error = _restricted(best, nested, integrated_time)
    drop = float(special.chdtri(1, 1 - confidence)) / 2
    interval = {
        name: _profile(i, best, value, drop, nested, integrated_time)
        for i, name in enumerate(names)
    }
    reported = dict(zip(names, best.tolist(), strict=True))
    covariance = _covariance(best, nested, integrated_time)
    return VarianceComponents(reported, interval, float(mean), float(error), value, covariance)


def _nest(y: Array, groups: Mapping[str, ArrayLike]) -> _Nested:
    codes: NDArray[np.intp] = np.zeros(y.size, np.intp)
    at_level = []
    for name, labels in groups.items():
        array = np.asarray(labels).ravel()
        if array.size != y.size:
            raise InputError(f"groups {name}: got {array.size} rows, expected {y.size}")
        _, own = np.unique(array, return_inverse=True)
        _, codes = np.unique(codes * (own.max() + 1) + own, return_inverse=True)
        at_level.append(codes)
        if codes.max() < 1:
            raise InputError(f"groups {name}: got one group, at least 2 are required")
    cells = int(codes.max()) + 1
    if cells == y.size:
        raise InputError("groups: no group has two values; leave out the innermost level")
    size = np.bincount(codes, minlength=cells)
    mean = np.bincount(codes, y, cells) / size
    within = float(np.sum((y - mean[codes]) ** 2))

    parent = np.zeros(cells, np.intp)
    if len(at_level) > 1:
        parent[codes] = at_level[-2]
    key = parent * (int(size.max()) + 1) + size
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    number = np.bincount(kind)
    class_mean = np.bincount(kind, mean) / number
    square = np.bincount(kind, (mean - class_mean[kind]) ** 2)

    # Codes of a level sort like those of its parents, so groups are runs.
    levels = []
    value_of_cell = np.zeros(cells, np.intp)
    value_of_cell[codes] = np.arange(y.size)
    value = value_of_cell[first]
    for above in reversed(at_level[:-1]):
        _, begins = np.unique(above[value], return_index=True)
        levels.append(_Level(begins))
        value = value[begins]
    return _Nested(
        np.asarray(size[first], float), np.asarray(number, float), np.asarray(class_mean, float),
        np.asarray(square, float), within, levels,
    )  # fmt: skip


_ROOT = _Level(np.zeros(1, np.intp))


def _restricted(variance: Any, nested: _Nested, time: float) -> tuple[Any, Any, Any]:
    """Restricted log-likelihood, mean and its standard error; complex variances pass through."""
    *above, noise = variance
    cells = np.sum(nested.groups)
    degrees = nested.values / time - cells
    within = nested.within * degrees / (nested.values - time * cells)
    spread = above[-1] + noise * time / nested.size
    mean: Any = nested.mean
    number: Any = nested.groups
    total = degrees * np.log(noise) + within / noise + np.sum(nested.square / spread)
    extras = [*reversed(above[:-1]), 0.0]
    for level, extra in zip([*nested.levels, _ROOT], extras, strict=True):
        weight = number / spread
        precision = np.add.reduceat(weight, level.begins)
        joint = np.add.reduceat(weight * mean, level.begins) / precision
        runs = np.diff(np.append(level.begins, len(weight)))
        total = total + np.sum(number * np.log(spread)) + np.sum(np.log(precision))
        total = total + np.sum(weight * (mean - np.repeat(joint, runs)) ** 2)
        spread, mean, number = extra + 1 / precision, joint, np.ones(len(level.begins))
    return -0.5 * total, mean[0], np.sqrt(1 / precision[0])


def _maximise(
    nested: _Nested, time: float, start: Array, fixed: dict[int, float] | None = None,
    tolerance: float = 1e-14,
) -> tuple[Array, float]:  # fmt: skip
    """Maximise over standard deviations of 0 or more, with gradients by complex steps."""
    held = fixed or {}
    free = [i for i in range(start.size) if i not in held]
    scale = np.sqrt(start.max())

    def full(deviation: Any) -> Any:
        variance = np.zeros(start.size, dtype=np.asarray(deviation).dtype)
        variance[free] = (deviation * scale) ** 2
        for i, value in held.items():
            variance[i] = value
        return variance

    def loss(deviation: Array) -> tuple[float, Array]:
        gradient = np.empty(len(free))
        for j in range(len(free)):
            moved = deviation.astype(complex)
            moved[j] += 1e-30j
            value = _restricted(full(moved), nested, time)[0]
            gradient[j] = -value.imag / 1e-30
        return -float(_restricted(full(deviation), nested, time)[0]), gradient

    least = [1e-6 if i == start.size - 1 else 0.0 for i in free]
    found = scipy.optimize.minimize(
        loss, np.sqrt(start[free]) / scale, jac=True, method="L-BFGS-B",
        bounds=[(low, None) for low in least],
        options={"ftol": tolerance, "gtol": 1e-6 * np.sqrt(tolerance / 1e-14), "maxiter": 500},
    )  # fmt: skip
    return np.asarray(full(found.x), float), -float(found.fun)


def _covariance(best: Array, nested: _Nested, time: float) -> Array:
    """Covariance of ln(standard deviation), from the curvature of the restricted likelihood.

    Gradients by complex steps, their differences central in the logarithm.
    """
    out = np.full((best.size, best.size), np.nan)
    shown = np.flatnonzero(best > 1e-8 * best.sum())
    step = 1e-4

    def gradient(log_deviation: Array) -> Array:
        slopes = np.empty(shown.size)
        for j in range(shown.size):
            moved = log_deviation.astype(complex)
            moved[j] += 1e-30j
            variance = best.astype(complex)
            variance[shown] = np.exp(2 * moved)
            slopes[j] = _restricted(variance, nested, time)[0].imag / 1e-30
        return slopes

    at = np.log(best[shown]) / 2
    move = step * np.eye(shown.size)
    curvature = np.array([(gradient(at + m) - gradient(at - m)) / (2 * step) for m in move])
    information = -(curvature + curvature.T) / 2
    if np.linalg.eigvalsh(information)[0] > 0:
        out[np.ix_(shown, shown)] = np.linalg.inv(information)
    return out


def _profile(
    which: int, best: Array, top: float, drop: float, nested: _Nested, time: float
) -> tuple[float, float]:
    """Interval of one variance: where the profile of the restricted likelihood drops enough.

    The signed root of the drop is nearly linear in the log of the variance, and its slope is the
    derivative of the likelihood at the constrained maximum.
    """
    nearest = np.maximum(best, 1e-6 * best.sum())

    def root(log_variance: float) -> tuple[float, float]:
        """Excess of the root over its target, and its slope in the log of the variance."""
        nonlocal nearest
        held = float(np.exp(log_variance))
        at, value = _maximise(nested, time, nearest, {which: held}, tolerance=1e-10)
        nearest = np.maximum(at, 1e-6 * best.sum())
        moved = at.astype(complex)
        moved[which] += 1e-30j
        slope = held * _restricted(moved, nested, time)[0].imag / 1e-30
        fallen = np.sqrt(max(2 * (top - value), 0.0))
        return fallen - np.sqrt(2 * drop), -slope / max(fallen, 1e-12)

    centre = float(np.log(max(best[which], 1e-5 * best.sum())))
    high = _solve(root, centre, 1.0)
    least = 1e-9 * best.sum()
    if which < best.size - 1:
        if top - _maximise(nested, time, nearest, {which: 0.0}, tolerance=1e-10)[1] <= drop:
            return 0.0, float(np.exp(high))
        nearest = np.maximum(best, 1e-6 * best.sum())
    low = max(_solve(root, centre, -1.0), float(np.log(least)))
    return float(np.exp(low)), float(np.exp(high))


def _solve(root: Callable[[float], tuple[float, float]], start: float, side: float) -> float:
    """Where a root that rises away from the start reaches its target: Newton in a bracket."""
    inner, outer = start, side * np.inf
    x = start + 0.3 * side
    for _ in range(60):
        miss, slope = root(x)
        if miss < 0:
            inner = x
        else:
            outer = x
        step = -miss / slope if slope * side > 0 else 2.0 * side
        if abs(step) < 1e-6 or abs(outer - inner) < 1e-9:
            break
        following = x + float(np.clip(step, -2.0, 2.0))
        inside = side * (following - inner) > 0 and side * (outer - following) > 0
        x = following if inside else (inner + outer) / 2
    return x


def _moments(nested: _Nested, time: float) -> Array:
    """Nested analysis of variance with unequal numbers; negative estimates are set to 0."""
    size, number, mean, square = nested.size, nested.groups, nested.mean, nested.square
    components = [nested.within / (nested.values - time * number.sum())]
    # For each component below: sum over its groups within a current group of their squared sizes.
    sums = [time * size]
    for level in [*nested.levels, _ROOT]:
        runs = np.diff(np.append(level.begins, size.size))
        parents = np.add.reduceat(number * size, level.begins)
        joint = np.add.reduceat(number * size * mean, level.begins) / parents
        away = number * (mean - np.repeat(joint, runs)) ** 2 + square
        between = float(np.sum(size * away))
        sums.append(size**2)
        expected = []
        for each in sums:
            inside = np.sum(number * each / size)
            above = np.sum(np.add.reduceat(number * each, level.begins) / parents)
            expected.append(float(inside - above))
        known = sum(c * e for c, e in zip(components, expected[:-1], strict=True))
        components.append(max((between - known) / expected[-1], 0.0) if expected[-1] > 0 else 0.0)
        sums = [np.add.reduceat(number * each, level.begins) for each in sums]
        size, mean = parents, joint
        number, square = np.ones(parents.size), np.zeros(parents.size)
    return np.array([*reversed(components[1:]), components[0]])


class RadialTrend(NamedTuple):
    """Coefficient of ``(radius/reference)^2`` with its interval, p-value and residual deviation."""

    coefficient: float
    low: float
    high: float
    p_value: float
    residual: float


def radial_trend(
    values: ArrayLike,
    radius: ArrayLike,
    wafer: ArrayLike,
    *,
    reference: float | None = None,
    confidence: float = 0.9,
) -> RadialTrend:
    """Trend from the centre of wafers to their edge.

    Parameters
    ----------
    values : array_like, shape (dies,)
        One value per die (a mean of its cells): cells of one die are not independent.
    radius : array_like, shape (dies,)
        Distance from the centre of the wafer, in any one unit.
    wafer : array_like, shape (dies,)
        Labels; each wafer has its own level.
    reference : float, optional
        Radius at which the coefficient is reached; default: the largest.
    confidence : float

    Returns
    -------
    RadialTrend

    Raises
    ------
    InputError
        Too few dies, or all at one radius.

    Notes
    -----
    Least squares of ``values = level(wafer) + coefficient (radius/reference)^2`` with the Student
    interval.

    Examples
    --------
    >>> radius = [0.0, 30.0, 60.0, 90.0] * 2
    >>> values = [1.0, 1.11, 1.39, 1.9, 2.0, 2.09, 2.41, 2.91]
    >>> trend = radial_trend(values, radius, ["a"] * 4 + ["b"] * 4)
    >>> round(trend.coefficient, 2), trend.low < 0.9 < trend.high
    (0.91, True)
    """
    y, r = np.asarray(values, float).ravel(), np.asarray(radius, float).ravel()
    _, level = np.unique(np.asarray(wafer).ravel(), return_inverse=True)
    if not y.size == r.size == level.size:
        raise InputError(f"radius: got {r.size} rows and {level.size} wafers, expected {y.size}")
    edge = float(r.max()) if reference is None else float(reference)
    if not edge > 0:
        raise InputError(f"reference: got {edge!r}, allowed greater than 0")
    from statsmodels.regression.linear_model import OLS

    x, wafers = (r / edge) ** 2, np.eye(level.max() + 1)[level]
    design = np.column_stack([x, wafers])
    if y.size <= design.shape[1] or np.linalg.matrix_rank(design, tol=1e-6) < design.shape[1]:
        raise InputError("radius: too few dies at different radii for a trend")
    fit = OLS(y, design).fit()
    low, high = fit.conf_int(1 - confidence)[0]
    return RadialTrend(
        float(fit.params[0]), float(low), float(high), float(fit.pvalues[0]),
        float(np.sqrt(fit.scale)),
    )  # fmt: skip
