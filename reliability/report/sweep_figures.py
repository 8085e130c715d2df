"""The figures of a sweep: its points beside each other, against time, against an axis."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.quantities import unit_of
from reliability.campaign.selection import at_age, at_point
from reliability.campaign.spec import Study
from reliability.campaign.sweep import Point, sweep_points
from reliability.campaign.tables import Axis
from reliability.report import figures as draw
from reliability.report.page import Figure, canvas, svg
from reliability.report.words import age_title, percent
from reliability.units import engineering

MOST_LINES = 7  # of the palette
_MOST_ROWS = 40


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
    """Print a point of a sweep."""
    return ", ".join(value_text(name, value) for name, value in point.items())


def sweep_figures(
    study: Study, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> Iterator[Figure]:
    """Yield the figures of a sweep's document."""
    points = sweep_points(study)
    names = " × ".join(axis_label(axis) for axis in study.sweep)
    labels = [point_text(point) for point in points]
    here = [at_point({"chips": results["chips"]}, point)["chips"]["accuracy"] for point in points]
    end = study.ages.end
    last = np.array([at_age(values, end).values for values in here])
    many = f"{results['chips'].sizes['chip']} chips"
    sure = percent(study.confidence, 0)
    swept = {axis.name for axis in study.sweep}
    when = age_title(end) if not swept & set(end) else "At the age that is swept"

    if len(points) <= _MOST_ROWS:
        intervals = np.array(
            [[p["accuracy"]["low"], p["accuracy"]["high"]] for p in summary["points"]]
        )
        with canvas(8.6, 1.6 + 0.34 * len(points)) as (figure, axes):
            draw.accuracy_of_points(last, intervals, labels, axes.flat[0])
            yield Figure(
                "points",
                "Accuracy at every point",
                f"{names}. {when}: mean of {many} with its {sure} interval, and the spread of "
                "chips.",
                svg(figure, "Accuracy at every point of the sweep"),
            )
    if "time" in here[0].dims and len(study.ages.times) > 1 and len(points) <= MOST_LINES:
        with canvas(8.6, 4.8) as (figure, axes):
            rest = {k: v for k, v in end.items() if k != "time"}
            draw.points_against_time([at_age(v, rest) for v in here], labels, axes.flat[0])
            at = "" if "temperature" in swept else f" At {engineering(end['temperature'], 'K')}."
            yield Figure(
                "time",
                "Accuracy against time",
                f"One line for each of {names}: mean of {many}, and 5 to 95 % of them (band).{at}",
                svg(figure, "Accuracy against time for each point of the sweep"),
            )
    for axis in study.sweep:
        yield from _against(study, axis, points, last, when, many)


def _against(
    study: Study, axis: Axis, points: list[Point], last: np.ndarray, when: str, many: str
) -> Iterator[Figure]:
    """Draw accuracy against one axis of a grid, if it is of numbers and the lines are not many."""
    values = sorted({point[axis.name] for point in points}, key=str)
    others = list(dict.fromkeys(without(point, axis.name) for point in points))
    numbers = [value for value in values if not isinstance(value, str)]
    if study.design.kind != "grid" or len(numbers) < max(len(values), 2):
        return
    if len(others) > MOST_LINES:
        return
    values = sorted(numbers)
    index = {(without(p, axis.name), p[axis.name]): k for k, p in enumerate(points)}
    accuracy = np.array([[last[index[other, value]] for value in values] for other in others])
    x, label = axis_numbers(axis.name, axis_label(axis), values)
    with canvas(7.6, 4.6) as (figure, axes):
        draw.accuracy_against_axis(
            x,
            accuracy,
            [point_text(dict(other)) for other in others],
            axes.flat[0],
            label=label,
            log=bool(x.min() > 0 and x.max() / x.min() > 30),
        )
        yield Figure(
            f"against-{axis.name.replace('.', '-').replace('_', '-').lower()}",
            f"Accuracy against {axis_label(axis)}",
            f"{when}. Mean of {many} (line) and 5 to 95 % of them (band).",
            svg(figure, f"Accuracy against {axis_label(axis)}"),
        )


def without(point: Point, name: str) -> tuple[tuple[str, Any], ...]:
    """Return a point without one of its axes, as something that can be a key."""
    return tuple((key, value) for key, value in point.items() if key != name)
