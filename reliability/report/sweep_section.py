"""Accuracy over a sweep: its points beside each other, against time, against an axis."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.frame import Point
from reliability.campaign.selection import at_age, at_point, wafers_of
from reliability.campaign.spec import Study
from reliability.campaign.sweep import sweep_points
from reliability.campaign.tables import Axis
from reliability.report import figures as draw
from reliability.report.figures.accuracy_figures import band_or_bars, bands_of_chips
from reliability.report.measure import Measure
from reliability.report.page import Figure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import (
    MOST_LINES,
    Finished,
    anchor,
    axis_label,
    axis_numbers,
    named_point,
    point_text,
    points_text,
    told_apart,
    value_text,
    without,
)
from reliability.report.words import (
    age_title,
    counted,
    ends_text,
    of_age,
    percent,
    stress_columns,
    typeset,
)
from reliability.statistics.crossed import mean_of_rows
from reliability.units import engineering

_MOST_ROWS = 40


def sweep_section(finished: Finished) -> Section:
    """Return the accuracy of every point."""
    return Section("network", "Network", (), tuple(_figures(finished)), (_table(finished),))


def sweep_statement(finished: Finished) -> Iterator[str]:
    """Say which points are best and worst, and by how much."""
    study, points = finished.study, sweep_points(finished.study)
    answers = [answer["accuracy"] for _, answer in finished.answers()]
    means = [answer["mean"] for answer in answers]
    best, worst = int(np.argmax(means)), int(np.argmin(means))
    measure = Measure.of(study)
    top, bottom = ("best", "worst") if measure.fraction else ("highest", "lowest")
    end = study.stress.end
    swept = {axis.name for axis in study.sweep}
    when = "The" if swept & set(end) else f"{age_title(end)} the"
    sure = percent(study.confidence, 0)

    def said(k: int) -> str:
        found, where = answers[k], named_point(study, points[k])
        return f"{measure.text(found['mean'])} ({measure.ends(found)}) with {where}"

    yield (
        f"{when} {measure.mean} of a chip is at {top} {said(best)}, at {bottom} "
        f"{said(worst)} "
        f"({sure} confidence; {points_text(study, len(points))})."
    )
    chips = {"chips": finished.results["chips"]}
    here = [at_age(at_point(chips, point)["chips"]["accuracy"], end) for point in points]
    if measure.fraction:
        yield from _best_choice(study, points, [float(values.mean()) for values in here])
    pair = [here[k] for k in (best, worst)]
    difference, wafers = pair[0].values - pair[1].values, wafers_of(pair[0])
    found = mean_of_rows(difference, wafers, study.confidence)
    if measure.fraction:
        by, low, high = (f"{100 * value:.1f}" for value in found)
        by += " points"
    else:
        by, low, high = map(measure.text, found)
    ends = f"{low} to {high} at {sure} confidence"
    if math.isnan(found[1]):
        ends = "interval not known from one chip"
    yield (
        f"On the same chips and images the {top} point is {by} above the {bottom} ({ends}, nominal "
        "card)."
    )


def _best_choice(study: Study, points: Sequence[Point], means: Sequence[float]) -> Iterator[str]:
    """Say which value of the first axis is the best, where it is a choice and mostly the same."""
    first, *others = study.sweep
    choices = {point[first.name] for point in points}
    if not (study.is_grid and others and all(isinstance(choice, str) for choice in choices)):
        return
    at: dict[Any, list[tuple[float, Any]]] = {}
    for point, mean in zip(points, means, strict=True):
        at.setdefault(without(point, first.name), []).append((mean, point[first.name]))
    choice, wins = Counter(max(each)[1] for each in at.values()).most_common(1)[0]
    if 2 * wins <= len(at):
        return
    rest = " × ".join(axis_label(axis) for axis in others)
    where = f"every {rest}" if wins == len(at) else f"{wins} of {len(at)} values of {rest}"
    yield (f"With the nominal card {axis_label(first)} = {value_text(first.name, choice)} has the "
           f"highest mean at {where}.")  # fmt: skip


def _figures(finished: Finished) -> Iterator[Figure]:
    study, points = finished.study, sweep_points(finished.study)
    names = " × ".join(axis_label(axis) for axis in study.sweep)
    here = [at_point({"chips": finished.results["chips"]}, point)["chips"]["accuracy"].load()
            for point in points]  # fmt: skip
    end, swept = study.stress.end, {axis.name for axis in study.sweep}
    labels = xr.DataArray(
        [typeset(point_text(point)) for point in points], dims="point", name="point"
    )
    last = xr.concat([at_age(values, end) for values in here], labels, coords="minimal",
                     compat="override", join="override")  # fmt: skip
    many = counted(finished.results["chips"].sizes["chip"], "chip")
    when = age_title(end) if not swept & set(end) else "At the swept stress condition"
    if len(points) <= _MOST_ROWS:
        of = "median over the sampled cards" if study.uncertainty else f"mean of {many}"
        yield _all_points(finished, last, f"{names[:1].upper()}{names[1:]}. {when}: {of}")
    if "time" in here[0].dims and len(study.stress.times) > 1 and len(points) <= MOST_LINES:
        rest = {k: v for k, v in end.items() if k != "time"}
        accuracy = xr.concat([at_age(v, rest) for v in here], labels, coords="minimal",
                             compat="override", join="override")  # fmt: skip
        with canvas(8.6, 4.8) as (figure, axes):
            draw.points_against_time(accuracy, axes.flat[0])
            at = "" if "temperature" in swept else f" At {engineering(end['temperature'], 'K')}."
            if end["cycles"] and "cycles" not in swept:
                at += typeset(f" After {end['cycles']:.5g} cycles.")
            yield Figure(
                "time",
                f"{Measure.of(study).title} against time",
                f"One line per {names}: mean of {many}, and 5 to 95 % of them "
                f"({band_or_bars(len(points))}).{at}",
                svg(figure, f"{Measure.of(study).title} against time for each point of the sweep"),
                numbers_of(bands_of_chips(accuracy)),
            )
    for axis in study.sweep:
        yield from _against(finished, axis, last, f"{when}. Mean of {many}")


def _all_points(finished: Finished, last: xr.DataArray, caption: str) -> Figure:
    answers = [answer["accuracy"] for _, answer in finished.answers()]
    found = bands_of_chips(last).assign(
        {end: ("point", [answer[end] for answer in answers]) for end in ("low", "high")}
    )
    found["mean"] = found["mean"].copy(data=[answer["mean"] for answer in answers])
    with canvas(8.6, 1.6 + 0.34 * len(answers)) as (figure, axes):
        draw.accuracy_of_points(found, axes.flat[0])
        return Figure(
            "points",
            f"{Measure.of(finished.study).title} at every point",
            f"{caption} with its {percent(finished.study.confidence, 0)} interval, and the middle "
            "90 % of the chips of the nominal card.",
            svg(figure, f"{Measure.of(finished.study).title} at every point of the sweep"),
            numbers_of(found),
        )


def _against(finished: Finished, axis: Axis, last: xr.DataArray, caption: str) -> Iterator[Figure]:
    """Draw accuracy against one axis of a grid, if it is of numbers and the lines are not many."""
    study, points = finished.study, sweep_points(finished.study)
    values = {point[axis.name] for point in points}
    numbers = sorted(value for value in values if not isinstance(value, str))
    others = list(dict.fromkeys(without(point, axis.name) for point in points))
    if not study.is_grid or len(numbers) < max(len(values), 2):
        return
    if len(others) > MOST_LINES:
        return
    index = {(without(p, axis.name), p[axis.name]): k for k, p in enumerate(points)}
    chosen = [[index[other, value] for value in numbers] for other in others]
    x, label = axis_numbers(axis.name, axis_label(axis), numbers)
    rest = " × ".join(axis_label(other) for other in study.sweep if other.name != axis.name)
    lines = f"line, one per {rest}" if rest else "line"
    accuracy = xr.DataArray(
        last.transpose("point", "chip").values[np.array(chosen)], dims=("line", "x", "chip"),
        coords={"line": [told_apart(study, dict(other)) for other in others], "x": x},
        name="accuracy", attrs=last.attrs,
    ).rename(x=label)  # fmt: skip
    with canvas(7.6, 4.6) as (figure, axes):
        log = bool(x.min() > 0 and x.max() / x.min() > 30)
        draw.accuracy_against_axis(accuracy, axes.flat[0], x=label, label=label, log=log)
        yield Figure(
            anchor("against", axis.name),
            f"{Measure.of(study).title} against {axis_label(axis)}",
            f"{caption} ({lines}) and 5 to 95 % of them ({band_or_bars(len(others))}).",
            svg(figure, f"{Measure.of(study).title} against {axis_label(axis)}"),
            numbers_of(bands_of_chips(accuracy)),
        )


def _table(finished: Finished) -> Table:
    study, measure, end = finished.study, Measure.of(finished.study), finished.study.stress.end
    points = f", in points of {measure.name}" if measure.fraction else ""
    columns = _stress(study)
    spikes = "spikes" in finished.results["chips"]
    fixed = "" if columns or {axis.name for axis in study.sweep} & set(end) else of_age(end) + " "
    header = [*(axis_label(axis) for axis in study.sweep), *columns, measure.name, "interval",
              "chip-to-chip (1σ)", *(["spikes per image"] if spikes else []),
              "difference to the first"]  # fmt: skip
    return Table(
        "answers", "All points",
        f"{measure.mean[:1].upper()}{measure.mean[1:]} of a chip {fixed}at every point"
        f"{' and stress condition' if columns else ''} with its "
        f"{percent(study.confidence, 0)} interval. Points share their chips, images and random "
        "numbers, so their differences are better known than the points themselves: the last "
        f"column is the difference to the first point{points}, of the nominal card, with the "
        "interval of the mean over paired chips.",
        header, list(_rows(finished, columns)),
    )  # fmt: skip


def _stress(study: Study) -> dict[str, Callable[..., str]]:
    """Columns of the stress conditions that differ at a point."""
    found: dict[str, Callable[..., str]] = {}
    for point in study.at_points():
        found |= stress_columns(point.stress.combinations)
    return found


def _rows(finished: Finished, columns: dict[str, Callable[..., str]]) -> Iterator[list[str]]:
    study, points = finished.study, finished.answers()
    chips = {"chips": finished.results["chips"]}
    first = at_point(chips, points[0][0])["chips"]["accuracy"]
    wafers = wafers_of(at_age(first, study.stress.end))
    measure = Measure.of(study)
    for k, (point, answer) in enumerate(points):
        here = at_point(chips, point)["chips"]
        read_outs = study.at(point).stress.combinations
        for at, found in zip(read_outs, answer["accuracy_by_age"], strict=True):
            difference = at_age(here["accuracy"], at).values - at_age(first, at).values
            found_difference = mean_of_rows(difference, wafers, study.confidence)
            mean, low, high = measure.difference(*found_difference)
            yield [
                *(value_text(name, value) for name, value in point.items()),
                *(text(at) for text in columns.values()),
                measure.text(found["mean"]),
                measure.ends(found).replace(" % to ", " to "),
                measure.text(found["sigma_chips"]),
                *([f"{float(at_age(here['spikes'], at).mean()):.0f}"] if "spikes" in here else []),
                f"{mean} ({ends_text(low, high)})" if k else "",
            ]
