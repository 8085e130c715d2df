"""Points of a sweep: what they are called, and the answer of each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.quantities import unit_of
from reliability.campaign.selection import at_point
from reliability.campaign.spec import Study
from reliability.campaign.sweep import Point, sweep_points
from reliability.campaign.tables import Axis
from reliability.units import engineering

Results = dict[str, xr.Dataset]
MOST_LINES = 7  # of the palette


def axis_label(axis: Axis) -> str:
    """Return what figures call an axis of a sweep."""
    return axis.label or axis.name


def value_text(name: str, value: float | str) -> str:
    """Print the value of an axis as engineers read it."""
    unit = unit_of(name)
    if isinstance(value, str) or unit is None:
        return str(value).replace("_", " ")
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
    """Print a point of a sweep with the names of its axes."""
    names = {axis.name: axis_label(axis) for axis in study.sweep}
    return ", ".join(f"{names[name]} {value_text(name, value)}" for name, value in point.items())


def anchor(name: str, title: str = "") -> str:
    """Return the anchor of what a report has at each point, title the text of one of them."""
    text = f"{name}{title and '-'}{title}".lower()
    return "".join(c if c.isalnum() else "-" for c in text)


def without(point: Point, name: str) -> tuple[tuple[str, Any], ...]:
    """Return a point without one of its axes, as something that can be a key."""
    return tuple((key, value) for key, value in point.items() if key != name)


def answers_of_points(study: Study, summary: dict[str, Any]) -> list[tuple[Point, dict[str, Any]]]:
    """Each point of the study with its answers; without a sweep there is one."""
    if not study.sweep:
        return [({}, summary)]
    return list(zip(sweep_points(study), summary["points"], strict=True))


def results_of_points(
    study: Study, results: Results, summary: dict[str, Any]
) -> Iterator[tuple[str, Results, dict[str, Any]]]:
    """Yield the text, the results and the answers of each point."""
    for point, answer in answers_of_points(study, summary):
        yield point_text(point), at_point(results, point) if study.sweep else results, answer
