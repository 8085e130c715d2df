"""What a sweep's document says in words and in its table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.selection import at_age, at_point
from reliability.campaign.spec import Study
from reliability.campaign.sweep import sweep_points
from reliability.report.page import Table
from reliability.report.sweep_figures import axis_label, point_text, value_text
from reliability.report.words import age_title, percent
from reliability.statistics.intervals import mean_interval


def sweep_answer(
    study: Study, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> list[str]:
    """Say which points are best and worst, and by how much."""
    points = sweep_points(study)
    means = [point["accuracy"]["mean"] for point in summary["points"]]
    best, worst = int(np.argmax(means)), int(np.argmin(means))
    axes = " × ".join(axis_label(axis) for axis in study.sweep)
    swept = {axis.name for axis in study.sweep}
    end = study.ages.end
    when = "" if swept & set(end) else f" {age_title(end)}:"

    def said(k: int) -> str:
        answer = summary["points"][k]["accuracy"]
        return (
            f"{percent(answer['mean'])} ({percent(answer['low'])} to {percent(answer['high'])}) "
            f"with {point_text(points[k])}"
        )

    lines = [f"{len(points)} points of {axes}.{when} best {said(best)}; worst {said(worst)}."]
    chips = {"chips": results["chips"]}
    pair = [at_age(at_point(chips, points[k])["chips"]["accuracy"], end) for k in (best, worst)]
    mean, low, high = mean_interval(pair[0].values - pair[1].values, study.confidence)
    lines.append(
        f"On the same chips and images the best is ahead of the worst by {mean * 100:.1f} points "
        f"({low * 100:.1f} to {high * 100:.1f} at {percent(study.confidence, 0)}, for the card as "
        "it stands)."
    )
    return lines


def sweep_table(study: Study, results: dict[str, xr.Dataset], summary: dict[str, Any]) -> Table:
    """Return the table of each point at each age."""
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


def _rows(
    study: Study, results: dict[str, xr.Dataset], summary: dict[str, Any]
) -> Iterator[list[str]]:
    points = sweep_points(study)
    first = at_point({"chips": results["chips"]}, points[0])["chips"]["accuracy"]
    swept = {axis.name for axis in study.sweep}
    for point, answer in zip(points, summary["points"], strict=True):
        here = at_point({"chips": results["chips"]}, point)["chips"]
        ages = study.at(point).ages.combinations
        for age, found in zip(ages, answer["accuracy_by_age"], strict=True):
            difference = at_age(here["accuracy"], age).values - at_age(first, age).values
            mean, low, high = (100 * v for v in mean_interval(difference, study.confidence))
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
