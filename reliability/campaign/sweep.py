"""The points of a sweep: all combinations of its axes, or a design spread over their ranges."""

import itertools
import math

import numpy as np

from reliability.campaign.frame import Point, StudyFrame
from reliability.campaign.quantities import unit_in
from reliability.campaign.tables import Axis
from reliability.errors import InputError
from reliability.random import stream
from reliability.units import quantity


def count_points(study: StudyFrame) -> int:
    """Return how many points a sweep has; 1 without a sweep.

    The product is not built: a sweep that is too large by mistake can be told from its size.
    """
    if study.sweep and study.design.kind != "grid":
        return study.design.points
    return math.prod(len(axis.values) or axis.points for axis in study.sweep)


def sweep_points(study: StudyFrame) -> list[Point]:
    """Return the value of each axis at every point, the last axis fastest; one empty point without.

    Raises
    ------
    InputError
        A range of something that is no number, or a design over listed values.

    Examples
    --------
    >>> from reliability.campaign.spec import Study
    >>> axes = [{"name": "network.delta_s", "values": [5, 10]},
    ...         {"name": "temperature", "low": "25 degC", "high": "85 degC", "points": 2}]
    >>> study = Study(title="t", technology="oxram-130nm", sweep=axes)
    >>> [tuple(point.values()) for point in sweep_points(study)]
    [(5, 298.15), (5, 358.15), (10, 298.15), (10, 358.15)]
    """
    points = _all_points(study)
    return [point for k, point in enumerate(points) if k not in study.left_out]


def _all_points(study: StudyFrame) -> list[Point]:
    names = [axis.name for axis in study.sweep]
    if study.design.kind == "grid" or not study.sweep:
        levels = [
            _listed(study, axis) if axis.values else _on_range(study, axis, _even(axis.points))
            for axis in study.sweep
        ]
        return [dict(zip(names, point, strict=True)) for point in itertools.product(*levels)]
    listed = [axis.name for axis in study.sweep if axis.values]
    if listed:
        raise InputError(f"sweep: {listed[0]}: got values, a {study.design.kind} needs low, high")
    drawn = zip(study.sweep, _design(study).T, strict=True)
    columns = [_on_range(study, axis, column) for axis, column in drawn]
    return [dict(zip(names, point, strict=True)) for point in zip(*columns, strict=True)]


def _even(points: int) -> np.ndarray:
    return np.linspace(0.0, 1.0, points)


def _design(study: StudyFrame) -> np.ndarray:
    """Points in the unit cube, shape (points, axes)."""
    from scipy.stats import qmc  # half a second that a worker need not pay

    # scipy's designs spawn generators of their own, which a keyed stream cannot
    rng = np.random.default_rng(int(stream(study.seed, "design").integers(2**63)))
    if study.design.kind == "latin_hypercube":
        return qmc.LatinHypercube(len(study.sweep), rng=rng).random(study.design.points)
    sobol = qmc.Sobol(len(study.sweep), rng=rng)
    whole = sobol.random_base2(max(math.ceil(math.log2(study.design.points)), 0))
    return whole[: study.design.points]


def _listed(study: StudyFrame, axis: Axis) -> tuple[int | float | str, ...]:
    unit = unit_in(type(study), axis.name)
    if unit is None:
        return axis.values
    return tuple(_tidy(quantity(value, unit, f"sweep: {axis.name}")) for value in axis.values)


def _on_range(study: StudyFrame, axis: Axis, share: np.ndarray) -> tuple[float, ...]:
    unit = unit_in(type(study), axis.name)
    ends = [end for end in (axis.low, axis.high) if end is not None]  # the spec has both
    low, high = (quantity(end, unit or "", f"sweep: {axis.name}") for end in ends)
    if axis.spacing == "linear":
        values = low + share * (high - low)
    elif low <= 0 or high <= 0:
        raise InputError(f"sweep: {axis.name}: got {low:g} to {high:g}, a log range is above 0")
    else:
        values = low * (high / low) ** share
    return tuple(map(_tidy, values))


def _tidy(value: float) -> float:
    """Round off what the conversion of a unit or the spacing of a range leaves behind."""
    return float(f"{value:.12g}")
