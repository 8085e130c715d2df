"""Accuracy over a sweep: its points beside each other, against time, against an axis."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from reliability.campaign.selection import at_age, at_point, wafers_of
from reliability.campaign.spec import Study
from reliability.campaign.sweep import Point, sweep_points
from reliability.campaign.tables import Axis
from reliability.report import figures as draw
from reliability.report.page import Figure, Section, Table, canvas, svg
from reliability.report.points import (
    MOST_LINES,
    Results,
    anchor,
    axis_label,
    axis_numbers,
    named_point,
    point_text,
    value_text,
    without,
)
from reliability.report.words import age_title, percent
from reliability.statistics.crossed import mean_of_rows
from reliability.units import engineering

_MOST_ROWS = 40


def sweep_section(study: Study, results: Results, summary: dict[str, Any]) -> Section:
    """Return the accuracy of every point."""
    figures = tuple(_figures(study, results, summary))
    return Section("network", "Network", (), figures, (_table(study, results, summary),))


def sweep_lines(study: Study, results: Results, summary: dict[str, Any]) -> list[str]:
    """Say which points are best and worst, and by how much."""
    points = sweep_points(study)
    means = [point["accuracy"]["mean"] for point in summary["points"]]
    best, worst = int(np.argmax(means)), int(np.argmin(means))
    axes = " × ".join(axis_label(axis) for axis in study.sweep)
    swept = {axis.name for axis in study.sweep}
    end = study.stress.end
    when = "" if swept & set(end) else f" {age_title(end)}:"

    def said(k: int) -> str:
        answer = summary["points"][k]["accuracy"]
        return (
            f"{percent(answer['mean'])} ({percent(answer['low'])} to {percent(answer['high'])}) "
            f"with {named_point(study, points[k])}"
        )

    lines = [f"{len(points)} points of {axes}.{when} best {said(best)}; worst {said(worst)}."]
    chips = {"chips": results["chips"]}
    pair = [at_age(at_point(chips, points[k])["chips"]["accuracy"], end) for k in (best, worst)]
    difference, wafers = pair[0].values - pair[1].values, wafers_of(pair[0])
    mean, low, high = mean_of_rows(difference, wafers, study.confidence)
    lines.append(
        f"On the same chips and images the best is ahead of the worst by {mean * 100:.1f} points "
        f"({low * 100:.1f} to {high * 100:.1f} at {percent(study.confidence, 0)}, for the card as "
        "it stands)."
    )
    return lines


def _figures(study: Study, results: Results, summary: dict[str, Any]) -> Iterator[Figure]:
    points = sweep_points(study)
    names = " × ".join(axis_label(axis) for axis in study.sweep)
    labels = [point_text(point) for point in points]
    here = [at_point({"chips": results["chips"]}, point)["chips"]["accuracy"] for point in points]
    end = study.stress.end
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
                f"{names[:1].upper()}{names[1:]}. {when}: mean of {many} with its {sure} interval, "
                "and the spread of chips.",
                svg(figure, "Accuracy at every point of the sweep"),
            )
    if "time" in here[0].dims and len(study.stress.times) > 1 and len(points) <= MOST_LINES:
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
            anchor("against", axis.name),
            f"Accuracy against {axis_label(axis)}",
            f"{when}. Mean of {many} (line) and 5 to 95 % of them (band).",
            svg(figure, f"Accuracy against {axis_label(axis)}"),
        )


def _table(study: Study, results: Results, summary: dict[str, Any]) -> Table:
    header = [*(axis_label(axis) for axis in study.sweep), "age", "accuracy", "interval",
              "chip to chip (1σ)", "spikes per image", "difference to the first"]  # fmt: skip
    return Table(
        "answers", "All points",
        f"Mean accuracy of a chip at every point and age with its {percent(study.confidence, 0)} "
        "interval. Points share their chips, images and random numbers, so their differences are "
        "known better than the points themselves: the last column is the difference to the first "
        "point, in points of accuracy, with the interval of the mean of paired chips.",
        header, list(_rows(study, results, summary)),
    )  # fmt: skip


def _rows(study: Study, results: Results, summary: dict[str, Any]) -> Iterator[list[str]]:
    points = sweep_points(study)
    first = at_point({"chips": results["chips"]}, points[0])["chips"]["accuracy"]
    wafers = wafers_of(at_age(first, study.stress.end))
    swept = {axis.name for axis in study.sweep}
    for point, answer in zip(points, summary["points"], strict=True):
        here = at_point({"chips": results["chips"]}, point)["chips"]
        ages = study.at(point).stress.combinations
        for age, found in zip(ages, answer["accuracy_by_age"], strict=True):
            difference = at_age(here["accuracy"], age).values - at_age(first, age).values
            found_difference = mean_of_rows(difference, wafers, study.confidence)
            mean, low, high = (100 * v for v in found_difference)
            spikes = f"{float(at_age(here['spikes'], age).mean()):.0f}" if "spikes" in here else ""
            yield [
                *(value_text(name, value) for name, value in point.items()),
                "swept" if swept & {"time"} else age_title(age),
                percent(found["mean"]),
                f"{percent(found['low'])} to {percent(found['high'])}",
                percent(found["sigma_chips"]),
                spikes,
                "" if point is points[0] else f"{mean:+.2f} ({low:+.2f} to {high:+.2f})",
            ]
