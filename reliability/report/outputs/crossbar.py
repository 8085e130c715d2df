"""The largest crossbar of a study: its figures, words and table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.quantities import unit_of
from reliability.campaign.spec import Study
from reliability.campaign.sweep import sweep_points
from reliability.report import figures as draw
from reliability.report.page import Figure, Section, Table, canvas, svg
from reliability.report.points import (
    MOST_LINES,
    anchor,
    axis_label,
    named_point,
    point_text,
    value_text,
    without,
)
from reliability.report.words import percent


def crossbar_section(study: Study, summary: dict[str, Any]) -> Section:
    """Return the largest arrays, against each numeric axis of a grid and in a table."""
    figures = tuple(_figures(study, summary)) if study.sweep else ()
    return Section("crossbar", "Crossbar", (), figures, (_table(study, summary),))


def _figures(study: Study, summary: dict[str, Any]) -> Iterator[Figure]:
    points = sweep_points(study)
    sizes = [[p["crossbar"][name] for name in ("size", "low", "high")] for p in summary["points"]]
    for axis in study.sweep:
        given = {point[axis.name] for point in points}
        values = sorted(value for value in given if not isinstance(value, str))
        others = list(dict.fromkeys(without(point, axis.name) for point in points))
        if len(values) < 2 or len(others) > MOST_LINES or min(values) <= 0:
            continue
        index = {(without(p, axis.name), p[axis.name]): k for k, p in enumerate(points)}
        if len(index) < len(values) * len(others):  # not a grid
            continue
        size = np.array([[sizes[index[other, value]] for value in values] for other in others])
        with canvas(7.6, 4.6) as (figure, axes):
            rest = ", ".join(axis_label(other) for other in study.sweep if other != axis)
            found = xr.Dataset(
                {name: (("other", "swept"), size[..., k])
                 for k, name in enumerate(("size", "size_low", "size_high"))},
                {"swept": ("swept", np.array(values, float),
                           {"units": unit_of(axis.name) or "1", "long_name": axis_label(axis)}),
                 "other": ("other", [point_text(dict(other)) for other in others],
                           {"long_name": rest})},
            )  # fmt: skip
            lines = "other" if rest else None
            draw.size_against(
                found if rest else found.isel(other=0), axes.flat[0], x="swept", lines=lines
            )
            yield Figure(
                anchor("size", axis.name),
                f"Largest array against {axis_label(axis)}",
                f"Number of word and bit lines at which {size_criterion(study)}, with the "
                f"{percent(study.confidence, 0)} interval (Monte Carlo arrays"
                + (" and the card's uncertainty)." if study.uncertainty else ").")
                + " A cross: no array.",
                svg(figure, f"Largest array against {axis_label(axis)}"),
            )


def size_criterion(study: Study) -> str:
    """Say what an array has to meet."""
    c = study.crossbar
    sign, limit = ("at least", f"{c.limit:g}") if c.criterion == "read_margin" else (
        "at most", f"{100 * c.limit:.3g} %")  # fmt: skip
    return f"the {c.criterion.replace('_', ' ')} is {sign} {limit}"


def crossbar_lines(study: Study, summary: dict[str, Any]) -> list[str]:
    """Say which array is the largest."""
    points = sweep_points(study)
    answers = summary.get("points", [summary])
    best = int(np.argmax([answer["crossbar"]["size"] for answer in answers]))
    found, where = answers[best]["crossbar"], named_point(study, points[best])
    if found["size"] == 0:
        return [f"No array meets the limit: nowhere {size_criterion(study)}."]
    return [
        f"Largest array at which {size_criterion(study)}: {found['rows']} × {found['columns']} "
        f"({found['low']:.0f} to {found['high']:.0f} lines at {percent(study.confidence, 0)})"
        + (f" with {where}." if where else ".")
    ]


def _table(study: Study, summary: dict[str, Any]) -> Table:
    rows = []
    for point, answer in zip(sweep_points(study), summary.get("points", [summary]), strict=True):
        found = answer["crossbar"]
        shape = f"{found['rows']} × {found['columns']}" if found["size"] else "none"
        values = [value_text(name, value) for name, value in point.items()] or ["the study"]
        rows.append([*values, shape, f"{found['low']:.0f} to {found['high']:.0f}"])
    header = [axis_label(axis) for axis in study.sweep] or ["point"]
    return Table("sizes", "Largest arrays", "",
                 [*header, "word lines × bit lines", "interval (lines)"], rows)  # fmt: skip
