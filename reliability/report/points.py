"""Points of a sweep: what they are called, and the answer of each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.frame import Point
from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study, unit_of
from reliability.campaign.sweep import sweep_points
from reliability.campaign.tables import Axis
from reliability.technology import Technology
from reliability.units import engineering, grouped

Results = dict[str, xr.Dataset]
MOST_LINES = 7  # of the palette
MOST_SENTENCES = 3  # on the cover, one for each point of a sweep


def axis_label(axis: Axis) -> str:
    """Return what figures call an axis of a sweep."""
    return axis.label or axis.name


def value_text(name: str, value: float | str) -> str:
    """Print the value of an axis as engineers read it."""
    if isinstance(value, str | bool):
        return str(value).replace("_", " ")
    return number_with_unit(value, unit_of(name))


def number_with_unit(value: float, unit: str | None) -> str:
    """Print the number of a key in its unit; without one all of its digits."""
    if unit is None:
        return grouped(value) if 1e4 <= abs(value) < 1e6 else f"{value:.6g}"
    return engineering(float(value), unit or "1")


def axis_numbers(name: str, label: str, values: list[Any]) -> tuple[np.ndarray, str]:
    """Return the values of a numeric axis as figures have them, and the label with their unit."""
    unit = unit_of(name)
    numbers = np.array(values, float) - (273.15 if unit == "K" else 0.0)
    symbol = {"K": "°C", "ohm": "Ω", "": "", "1": "", None: ""}.get(unit, unit)
    return numbers, label + (f" ({symbol})" if symbol else "")


def point_text(point: Point) -> str:
    """Print a point of a sweep, "" where there is none."""
    return ", ".join(value_text(name, value) for name, value in point.items())


def named_point(study: Study, point: Point) -> str:
    """Print a point of a sweep with the names of its axes: ``code = secded, node = 28 nm``."""
    names = {axis.name: axis_label(axis) for axis in study.sweep}
    return ", ".join(f"{names[name]} = {value_text(name, value)}" for name, value in point.items())


def told_apart(study: Study, point: Point) -> str:
    """Print a point of a sweep, with the names of its axes where two of them share a unit."""
    units = [unit_of(axis.name) for axis in study.sweep]
    shared = len(set(units)) < len(units)
    return named_point(study, point) if shared else point_text(point)


def points_text(study: Study, count: int) -> str:
    """Say how many points a sweep has: ``4 technologies``, ``12 points of coding × node``."""
    labels = [axis_label(axis) for axis in study.sweep]
    if labels == ["technology"]:
        return f"{count} technologies"
    return f"{count} {'values' if len(labels) == 1 else 'points'} of {' × '.join(labels)}"


def cards_of(study: Study) -> dict[str, tuple[Technology, list[Study]]]:
    """Return each card of a study by its name, with the points that use it."""
    points = study.at_points()
    names = map(str, study.values_of("technology"))
    return {
        name: (study.model_copy(update={"technology": name}).load_technology(),
               [point for point in points if str(point.technology) == name])
        for name in names
    }  # fmt: skip


def anchor(name: str, title: str = "") -> str:
    """Return the anchor of what a report has at each point, title the text of one of them."""
    text = f"{name}{title and '-'}{title}".lower()
    return "".join(c if c.isalnum() else "-" for c in text)


def without(point: Point, name: str) -> tuple[tuple[str, Any], ...]:
    """Return a point without one of its axes, as something that can be a key."""
    return tuple((key, value) for key, value in point.items() if key != name)


@dataclass(frozen=True)
class Finished:
    """A finished study, or one point of its sweep: what it is, its results and its answers."""

    study: Study
    results: Results
    summary: dict[str, Any]

    def points(self) -> "Iterator[tuple[str, Finished]]":
        """Yield each point with its name; without a sweep the study itself."""
        for point, answer in self.answers():
            if point:
                at = Finished(self.study.at(point), at_point(self.results, point), answer)
                yield named_point(self.study, point), at
            else:
                yield "", self

    def answers(self) -> list[tuple[Point, dict[str, Any]]]:
        """Return each point of the sweep with its answers; without a sweep there is one."""
        if not self.study.sweep:
            return [({}, self.summary)]
        return list(zip(sweep_points(self.study), self.summary["points"], strict=True))


def sentences(
    finished: Finished,
    headline: Callable[[dict[str, Any]], str],
    size: Callable[[dict[str, Any]], float],
) -> Iterator[str]:
    """Yield what ``headline`` says of the answers at each point, after the name of the point.

    Of many points those of the least and of the largest ``size``.
    """
    points = list(finished.points())
    if len(points) > MOST_SENTENCES:
        ordered = sorted(points, key=lambda each: size(each[1].summary))
        points = [ordered[0], ordered[-1]]
    for point, here in points:
        said = headline(here.summary)
        yield f"With {point}: {said[0].lower()}{said[1:]}." if point else f"{said}."


def titled(title: str, point: str) -> str:
    """Return a title with the text of a point of a sweep, where there is one."""
    return f"{title}: {point}" if point else title
