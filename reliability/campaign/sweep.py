"""The points of a sweep: all combinations of its axes, or a design spread over their ranges."""

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import scipy

from reliability.campaign.frame import Point, StudyFrame
from reliability.campaign.quantities import is_whole, unit_in
from reliability.campaign.search import Space
from reliability.campaign.tables import Axis, is_choice
from reliability.errors import InputError
from reliability.random import stream
from reliability.units import quantity

_MOST_PAIRED = 32  # values of a choice that are tried with those of others before a search


def count_points(study: StudyFrame) -> int:
    """Return how many points a sweep has; 1 without a sweep.

    The product is not built: a sweep that is too large by mistake can be told from its size.
    """
    if study.sweep and study.design.kind == "listed":
        rest = (axis for axis in study.sweep if axis.name not in study.design.listed[0])
        return len(study.design.listed) * math.prod(len(a.values) or a.points for a in rest)
    if study.search:
        conditions = (len(a.values) or a.points for a in study.sweep if not is_choice(a))
        return study.search.evaluations * math.prod(conditions)
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
    if study.design.kind == "listed":
        return _of_designs(study, study.design.listed)
    if study.design.kind == "grid" or not study.sweep:
        levels = [_levels(study, axis) for axis in study.sweep]
        return [dict(zip(names, point, strict=True)) for point in itertools.product(*levels)]
    listed = [axis.name for axis in study.sweep if axis.values]
    if listed:
        raise InputError(f"sweep: {listed[0]}: got values, a {study.design.kind} needs low, high")
    drawn = zip(study.sweep, _design(study).T, strict=True)
    columns = [_on_range(study, axis, column) for axis, column in drawn]
    found = list(zip(*columns, strict=True))
    if (unlike := len(set(found))) < len(found):
        raise InputError(f"design: points: got {len(found)} of ranges of whole numbers, of which "
                         f"{unlike} differ")  # fmt: skip
    return [dict(zip(names, point, strict=True)) for point in found]


def _of_designs(study: StudyFrame, designs: Sequence[Point]) -> list[Point]:
    """Each design at every combination of the axes that it leaves open."""
    open_ = [axis for axis in study.sweep if axis.name not in designs[0]]
    levels = itertools.product(*(_levels(study, axis) for axis in open_))
    rest = [dict(zip((axis.name for axis in open_), point, strict=True)) for point in levels]
    names = [axis.name for axis in study.sweep]
    return [{n: (design | more)[n] for n in names} for design in designs for more in rest]


def _levels(study: StudyFrame, axis: Axis) -> tuple[int | float | str, ...]:
    found = _listed(study, axis) if axis.values else _on_range(study, axis, _even(axis.points))
    if (unlike := len(set(found))) < len(found):
        raise InputError(f"sweep: {axis.name}: points: got {len(found)} of a range of whole "
                         f"numbers, of which {unlike} differ")  # fmt: skip
    return found


def search_space(study: StudyFrame) -> dict[str, Space]:
    """Return what each choice of a search may be: whole numbers of a key that takes no others."""
    space: dict[str, Space] = {}
    for axis in study.sweep:
        if not is_choice(axis):
            continue
        if axis.values:
            space[axis.name] = Space(_listed(study, axis))
            continue
        low, high = _on_range(study, axis, np.array([0.0, 1.0]))
        whole = is_whole(type(study), axis.name)
        space[axis.name] = Space((), low, high, axis.spacing == "log", whole)
    if not space:
        raise InputError("search: got no axis of the sweep that is a choice")
    return space


def paired_designs(study: StudyFrame) -> Iterator[Point]:
    """Yield designs in which each value of a choice meets each value of every other, once each.

    Ranges stand with their ends, many values with some of them; the conditions of a sweep with
    their first value.
    """
    space = search_space(study)
    ends = {name: _some(one.values) or _whole_ends(one) for name, one in space.items()}
    first = {axis.name: _levels(study, axis)[0] for axis in study.sweep if axis.name not in space}
    base = {name: values[0] for name, values in ends.items()}
    seen = set()
    for a, b in itertools.combinations_with_replacement(ends, 2):
        for x, y in itertools.product(ends[a], ends[b]):
            point = {**base, a: x, b: y} if a != b else {**base, a: x}
            if (key := tuple(point.values())) not in seen:
                seen.add(key)
                yield point | first


def _some(values: tuple[int | float | str, ...]) -> tuple[int | float | str, ...]:
    """At most so many of the values, evenly spaced, the first and the last among them."""
    if len(values) <= _MOST_PAIRED:
        return values
    return tuple(values[k * (len(values) - 1) // (_MOST_PAIRED - 1)] for k in range(_MOST_PAIRED))


def _whole_ends(space: Space) -> tuple[int | float, ...]:
    ends = space.low, space.high
    return tuple(map(int, ends)) if space.whole else ends


def _even(points: int) -> np.ndarray:
    return np.linspace(0.0, 1.0, points)


def _design(study: StudyFrame) -> np.ndarray:
    """Points in the unit cube, shape (points, axes)."""
    # scipy's designs spawn generators of their own, which a keyed stream cannot
    rng = np.random.default_rng(int(stream(study.seed, "design").integers(2**63)))
    if study.design.kind == "latin_hypercube":
        return scipy.stats.qmc.LatinHypercube(len(study.sweep), rng=rng).random(study.design.points)
    sobol = scipy.stats.qmc.Sobol(len(study.sweep), rng=rng)
    whole = sobol.random_base2(max(math.ceil(math.log2(study.design.points)), 0))
    return whole[: study.design.points]


def _listed(study: StudyFrame, axis: Axis) -> tuple[int | float | str, ...]:
    unit = unit_in(type(study), axis.name)
    if unit is None:
        return axis.values
    return tuple(_tidy(quantity(value, unit, f"sweep: {axis.name}")) for value in axis.values)


def _on_range(study: StudyFrame, axis: Axis, share: np.ndarray) -> tuple[int | float, ...]:
    """Values at fractions of a range, rounded where the key takes whole numbers only."""
    unit = unit_in(type(study), axis.name)
    ends = [end for end in (axis.low, axis.high) if end is not None]  # the spec has both
    low, high = (quantity(end, unit or "", f"sweep: {axis.name}") for end in ends)
    if axis.spacing == "linear":
        values = low + share * (high - low)
    elif low <= 0 or high <= 0:
        raise InputError(f"sweep: {axis.name}: got {low:g} to {high:g}, a log range is above 0")
    else:
        values = low * (high / low) ** share
    if not is_whole(type(study), axis.name):
        return tuple(map(_tidy, values))
    if low != round(low) or high != round(high):
        raise InputError(f"sweep: {axis.name}: got {low:g} to {high:g}, expected whole numbers")
    return tuple(int(value) for value in np.round(values))


def _tidy(value: float) -> float:
    """Round off what the conversion of a unit or the spacing of a range leaves behind."""
    return float(f"{value:.12g}")
