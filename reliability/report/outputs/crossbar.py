"""The largest crossbar of a study: headline, figures and a table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from reliability.campaign.outputs.crossbar import mission_of
from reliability.campaign.spec import Study, unit_of
from reliability.campaign.tables import Axis
from reliability.report import figures as draw
from reliability.report.chapter import Chapter, LimitWords
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import (
    MOST_LINES,
    Finished,
    anchor,
    axis_label,
    named_point,
    point_text,
    value_text,
    without,
)
from reliability.report.words import interval_text, lines_range, percent
from reliability.units import engineering

_AGEING = ("relaxation", "retention", "read_disturb", "endurance", "wear")


def _sections(finished: Finished) -> Iterator[Section]:
    yield Section("crossbar", "Array size", (), tuple(_figures(finished)), (_table(finished),))


def _figures(finished: Finished) -> Iterator[Figure]:
    study = finished.study
    for axis in study.sweep:
        found = _against(finished, axis)
        if found is None:
            continue
        with canvas(7.6, 4.6) as (figure, axes):
            several = found.sizes["other"] > 1
            draw.size_against(
                found if several else found.isel(other=0), axes.flat[0], x="swept",
                lines="other" if several else None,
            )  # fmt: skip
            yield Figure(
                anchor("size", axis.name),
                f"Largest array against {axis_label(axis)}",
                f"Number of word and bit lines at which {size_criterion(study)}, with the "
                f"{percent(study.confidence, 0)} interval (Monte Carlo arrays"
                + (" and the card's uncertainty)." if study.uncertainty else ").")
                + (" Cross: no array." if (found["size"] == 0).any() else ""),
                svg(figure, f"Largest array against {axis_label(axis)}"),
                numbers_of(found.rename(swept=axis.name.rpartition(".")[2], other="point")),
            )


def _against(finished: Finished, axis: Axis) -> xr.Dataset | None:
    """Return the sizes on a grid of one axis and all others, None where they are no such grid."""
    found = {(without(point, axis.name), point[axis.name]): answer["crossbar"]
             for point, answer in finished.answers()}  # fmt: skip
    values = sorted({value for _, value in found if not isinstance(value, str)})
    others = list(dict.fromkeys(other for other, _ in found))
    if len(values) < 2 or len(others) > MOST_LINES or min(values) <= 0:
        return None
    if len(found) < len(values) * len(others):
        return None
    rest = ", ".join(axis_label(other) for other in finished.study.sweep if other != axis)
    size = np.array([[[found[other, value][name] for name in ("size", "low", "high")]
                      for value in values] for other in others])  # fmt: skip
    return xr.Dataset(
        {name: (("other", "swept"), size[..., k])
         for k, name in enumerate(("size", "size_low", "size_high"))},
        {"swept": ("swept", np.array(values, float),
                   {"units": unit_of(axis.name) or "1", "long_name": axis_label(axis)}),
         "other": ("other", [point_text(dict(other)) for other in others], {"long_name": rest})},
    )  # fmt: skip


def size_criterion(study: Study) -> str:
    """Say what an array has to meet."""
    c = study.options("crossbar")
    sign, limit = ("at least", f"{c.limit:g}") if c.criterion == "read_margin" else (
        "at most", f"{100 * c.limit:.3g} %")  # fmt: skip
    return f"the {c.criterion.replace('_', ' ')} is {sign} {limit}"


def _extremes(finished: Finished) -> list[tuple[str, dict[str, Any]]]:
    """Return the points of the smallest and the largest array; without a sweep there is one."""
    ordered = sorted(finished.answers(), key=lambda each: each[1]["crossbar"]["size"])
    ends = ordered if len(ordered) == 1 else [ordered[0], ordered[-1]]
    return [(named_point(finished.study, point), answer["crossbar"]) for point, answer in ends]


def _statement(finished: Finished) -> Iterator[str]:
    study, ends = finished.study, _extremes(finished)
    if ends[-1][1]["size"] == 0:
        yield f"No array meets the limit that {size_criterion(study)}."
        return
    parts = [
        f"{_shape(found)} lines ({_ends(study, found)})"
        + (f" with {where}" if where else "")
        for where, found in ends if found["size"]
    ]  # fmt: skip
    yield (
        f"The largest array at which {size_criterion(study)} has {' and '.join(parts)} "
        f"({percent(study.confidence, 0)} confidence)."
    )
    if ends[0][1]["size"] == 0:
        yield f"With {ends[0][0]} no array meets the limit."
    most = study.options("crossbar").max_size
    if ends[-1][1]["size"] >= most:
        yield f"Arrays of more than {most} lines were not searched."


def _ends(study: Study, found: dict[str, Any]) -> str:
    return lines_range(found["low"], found["high"], study.options("crossbar").max_size)


def _shape(found: dict[str, Any]) -> str:
    return f"{found['rows']} × {found['columns']}" if found["size"] else "none"


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    found = answer["crossbar"]
    yield (
        f"largest array {found['rows']} × {found['columns']} ({found['low']:.0f} to "
        f"{found['high']:.0f} lines)"
    )


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    confidence, ends = finished.study.confidence, _extremes(finished)
    names = ("largest array, smallest of all points", "largest array, largest of all points")
    for name, (where, found) in zip(names if len(ends) > 1 else ("largest array",), ends,
                                    strict=True):  # fmt: skip
        interval = interval_text(f"{_ends(finished.study, found)} lines", confidence)
        yield KeyFigure(name, _shape(found), interval, where)


def _table(finished: Finished) -> Table:
    rows = []
    for point, answer in finished.answers():
        found = answer["crossbar"]
        values = [value_text(name, value) for name, value in point.items()] or ["the study"]
        rows.append([*values, _shape(found), _ends(finished.study, found)])
    header = [axis_label(axis) for axis in finished.study.sweep] or ["point"]
    return Table("sizes", "Largest arrays", "",
                 [*header, "word lines × bit lines", "interval (lines)"], rows)  # fmt: skip


def _method(study: Study) -> Iterator[str]:
    c = study.options("crossbar")
    wires = f"wires of {c.node}" if c.node else (
        f"lines of {engineering(c.segment_resistance, 'ohm')} per cell")  # fmt: skip
    sides = {"left": "the left end", "right": "the right end", "both": "both ends"}
    ends = {"top": "the top", "bottom": "the bottom", "both": "both ends"}
    yield (
        f"The largest array at which {size_criterion(study)} was searched up to {c.max_size} lines "
        f"with exact currents through lines and cells of Monte Carlo arrays of technology "
        f"{study.technology}: {c.cell_layout} cells, {wires}, bias scheme "
        f"{c.bias_scheme}, {percent(c.activity, 0)} of the rows driven at once from "
        f"{sides[c.drive]}, columns sensed at {ends[c.sense]}, {percent(c.density, 0)} of cells "
        "in LRS."
    )
    if c.gain_correction:
        yield ("The sums of each array are multiplied by the one factor that suits them best (gain "
               "correction).")  # fmt: skip
    if (mission := mission_of(study)) is not None:
        yield f"Cells are read after {mission}."


def _intervals(study: Study) -> Iterator[str]:
    yield ("The interval of a size includes the noise of the Monte Carlo arrays"
           + (" and the sampled cards." if study.uncertainty else "."))  # fmt: skip


def _acts(phenomenon: str, study: Study) -> str:
    if phenomenon in ("programming", "conduction", "defects"):
        return "as on the card"
    if mission_of(study) is None:
        return "does not act: arrays are read as programmed"
    return "over the mission" if phenomenon in _AGEING else "does not act on the size of arrays"


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    acts=_acts,
    interval=lambda answer, *_: (answer["crossbar"]["low"], answer["crossbar"]["high"]),
    limits={"array_lines": LimitWords("lines of the largest array", lambda v: f"{v:.0f}")},
)
