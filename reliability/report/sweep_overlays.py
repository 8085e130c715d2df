"""Sweeps of several studies over each other: one answer against the axes that they share."""

from collections.abc import Iterator
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from numpy.typing import ArrayLike, NDArray

from reliability.campaign.spec import Study
from reliability.report.comparison_words import Row, at_end, condition, quantity_of
from reliability.report.figures.style import (
    colour,
    log_axis,
    marker,
    name_axis,
    percent_axis,
    reading_unit,
)
from reliability.report.outputs import CHAPTERS
from reliability.report.page import Drawing, Figure, Numbers, canvas, svg
from reliability.report.points import axis_numbers, value_text

_MOST_FIGURES = 6  # quantities
_MOST_PANELS = 6  # values of a second axis
_MOST_STUDIES = 7  # of the palette
_FAR = 10.0  # largest over smallest, beyond which an axis is logarithmic
_Key = tuple[tuple[str, Any], ...]
# value, low and high at a point, and whether it is really another than the first study's
_Curve = dict[_Key, tuple[float, float, float, bool]]


def sweep_overlays(told: dict[str, Any], names: list[str], study: Study) -> Iterator[Figure]:
    """Yield, for each quantity, all studies against the axes of their sweeps.

    One axis: a line for each study. Two: a panel for each value of the one with fewer. More, or
    points that are no grid: each study against the first.

    Parameters
    ----------
    told : dict
        Of `reliability.campaign.compare_studies`.
    names : list of str
        Short names of the studies.
    study : Study
        The first one.
    """
    rows = at_end(told["differences"])
    for name in list(dict.fromkeys(map(quantity_of, rows)))[:_MOST_FIGURES]:
        own = [row for row in rows if quantity_of(row) == name]
        quantity = own[0]["quantity"]
        curves = _curves(told, own)
        title = f"{quantity[0].upper()}{quantity[1:]}"
        ages = {condition(row) for row in own}
        when = ages.pop() if len(ages) == 1 else "at the end of the mission"
        said = f"{when[0].upper()}{when[1:]}." if when else ""
        slug = "".join(c if c.isalnum() else "-" for c in name.lower())
        if study.is_grid and len(told["axes"]) <= 2:
            drawing, left_out = _against(told["axes"], curves, names, own[0])
            title += f" against {' and '.join(told['axes'].values())}"
            of = f"Bars: interval of each study, with all that is uncertain in it. {left_out}"
        else:
            drawing = _against_first(curves, names, own[0])
            title += f" of each study against that of {names[0]}"
            of = "A point of the sweeps each; on the line both are the same."
        open_ = f"Open symbols: difference from {names[0]} not significant."
        caption = " ".join(filter(None, (said, of.strip(), open_)))
        yield Figure(f"overlay-{slug}", title, caption, drawing, _numbers(told, curves, names))


def _numbers(told: dict[str, Any], curves: list[_Curve], names: list[str]) -> Numbers:
    """Return what the curves show, in SI."""
    rows = [
        [name, *(dict(key)[axis] for axis in told["axes"]), *found[:3]]
        for name, curve in zip(names, curves, strict=False)
        for key, found in curve.items()
    ]
    return Numbers(["study", *told["axes"].values(), "value", "low", "high"], rows)


def _curves(told: dict[str, Any], rows: list[Row]) -> list[_Curve]:
    """Return what each study found of one quantity, at the points that are compared."""
    answers = [{_key(point["point"]): point for point in one["points"]} for one in told["studies"]]
    curves: list[_Curve] = [{} for _ in answers]
    shown: dict[_Key, dict[str, float]] = {}
    for row in rows:
        key = _key(row["point"])
        if shown.setdefault(key, row["condition"]) != row["condition"]:
            continue  # this study ends at another age than the one before it
        for k, value, real in ((row["to"], row["first"], True),
                               (row["study"], row["other"], row["real"])):  # fmt: skip
            low, high = _interval(answers[k][key], row, "first" if k == row["to"] else "other")
            of = (np.nan if v is None else float(v) for v in (value, low, high))
            curves[k][key] = (*of, real)  # type: ignore[assignment]
    return curves[:_MOST_STUDIES]


def _key(point: dict[str, Any]) -> _Key:
    return tuple(sorted(point.items()))


def _interval(answer: dict[str, Any], row: Row, which: str) -> tuple[float | None, float | None]:
    """Return the interval that a study has at the condition of a row, where it has one."""
    at = row["condition"].get(f"of_{which}", row["condition"])
    found = CHAPTERS[row["output"]].interval(answer, row, at)
    return (None, None) if found is None else found


def _against(
    axes: dict[str, str], curves: list[_Curve], names: list[str], row: Row
) -> tuple[Drawing, str]:
    """Draw a grid of one or two axes; say which panels are left out."""
    curves, symbol = _readable(curves, row["unit"])
    points = [dict(key) for key in curves[0]]
    values = {axis: _ordered([point[axis] for point in points]) for axis in axes}
    along = max(axes, key=lambda axis: (_is_number(values[axis]), len(values[axis])))
    other = next((axis for axis in axes if axis != along), None)
    panels = [None] if other is None else values[other]
    shown = panels
    if len(panels) > _MOST_PANELS:
        chosen = np.unique(np.linspace(0, len(panels) - 1, _MOST_PANELS).round().astype(int))
        shown = [panels[k] for k in chosen]
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    size = (7.6, 4.6) if len(shown) == 1 else (9.6, 0.6 + 3.2 * rows)
    with canvas(*size, rows, columns, sharey=True) as (figure, all_axes):
        for ax, value in zip(all_axes.flat, shown, strict=False):
            for k, curve in enumerate(curves):
                here = {dict(key)[along]: found for key, found in curve.items()
                        if other is None or dict(key)[other] == value}  # fmt: skip
                _line(ax, here, along, values[along], k, len(curves), names[k])
            _name_x(ax, along, axes[along], values[along])
            if other is not None:
                ax.set_title(f"{axes[other]} {value_text(other, value)}", fontsize=9)
        for ax in all_axes.flat[len(shown) :]:
            ax.set_visible(False)
        for ax in all_axes[:, 0]:
            _name_y(ax.yaxis, curves, row, fill(row["quantity"], 44), symbol)
        all_axes.flat[0].legend(title="study", loc="best")
        drawing = svg(figure, f"{row['quantity']} of each study against {axes[along]}")
        if len(shown) == len(panels):
            return drawing, ""
        return drawing, f"{len(shown)} of {len(panels)} values of {axes[other or along]}."


def _against_first(curves: list[_Curve], names: list[str], row: Row) -> Drawing:
    """Draw each study against the first, a point of the sweeps each."""
    curves, symbol = _readable(curves, row["unit"])
    with canvas(6.4, 5.2) as (figure, axes):
        ax = axes.flat[0]
        for k, curve in enumerate(curves[1:], start=1):
            for real in (True, False):
                here = [(curves[0][key][0], found[0]) for key, found in curve.items()
                        if found[3] is real]  # fmt: skip
                x, y = np.array(here, float).reshape(-1, 2).T
                ax.plot(x, y, marker(k), ms=5, color=colour(k), mfc=colour(k) if real else "white")
            ax.plot([], [], marker(k), ms=5, color=colour(k), label=names[k])
        ax.axline(_finite(curves)[:1].repeat(2), slope=1, color="0.3", lw=1)
        label = fill(row["quantity"], 40)
        for axis, name in ((ax.xaxis, names[0]), (ax.yaxis, "the others")):
            _name_y(axis, curves, row, f"{label} of {name}", symbol)
        ax.legend(title="study", loc="best")
        return svg(figure, f"{row['quantity']} of each study against that of the first")


def _line(
    ax: Axes,
    found: dict[Any, tuple[float, float, float, bool]],
    along: str,
    values: list[Any],
    k: int,
    of: int,
    name: str,
) -> None:
    """Draw one study: its line, bars side by side with the others', open where not real."""
    xs = [x for x in values if x in found]
    if not xs:
        return
    if _is_number(values):
        x, _ = axis_numbers(along, "", xs)
        whole, _ = axis_numbers(along, "", values)
        step = 0.008 * (k - (of - 1) / 2)
        x = x * (1 + 2 * step) if _is_far(whole) else x + step * np.ptp(whole)
    else:
        x = np.array([values.index(v) for v in xs]) + 0.08 * (k - (of - 1) / 2)
    value, low, high = (np.array([found[v][i] for v in xs]) for i in range(3))
    real = np.array([found[v][3] for v in xs])
    ends = np.maximum(np.nan_to_num(np.stack([value - low, high - value])), 0)
    ax.errorbar(x, value, ends, fmt="-", lw=1.2, capsize=3, color=colour(k))
    for kind, face in ((real, colour(k)), (~real, "white")):
        ax.plot(x[kind], value[kind], marker(k), ms=6, color=colour(k), mfc=face)
    ax.plot([], [], f"{marker(k)}-", ms=6, color=colour(k), label=name)


def _name_x(ax: Axes, name: str, label: str, values: list[Any]) -> None:
    if not _is_number(values):
        ax.set_xticks(range(len(values)), [value_text(name, value) for value in values])
        ax.set_xlabel(label)
        return
    x, text = axis_numbers(name, label, values)
    ax.set_xlabel(text)
    if _is_far(x):
        log_axis(ax.xaxis, x)


def _name_y(axis: Axis, curves: list[_Curve], row: Row, label: str, symbol: str) -> None:
    numbers = _finite(curves)
    far = numbers.size > 0 and _is_far(numbers)
    if far:
        log_axis(axis, numbers)
    if row["unit"] == "share" and not far:
        percent_axis(axis, label)
    else:
        name_axis(axis, label, symbol)


def _readable(curves: list[_Curve], unit: str) -> tuple[list[_Curve], str]:
    """Return the curves in the unit in which they are read best, and that unit."""
    if unit == "K":
        factor, zero, symbol = 1.0, 273.15, "°C"
    elif unit in ("share", "lines"):
        factor, zero, symbol = 1.0, 0.0, unit.replace("share", "")
    else:
        (factor, symbol), zero = reading_unit(_finite(curves), unit), 0.0
    read: list[_Curve] = [
        {key: tuple((v - zero) / factor for v in found[:3]) + found[3:]
         for key, found in curve.items()}
        for curve in curves
    ]  # fmt: skip
    return read, symbol


def _finite(curves: list[_Curve]) -> NDArray[np.float64]:
    found = np.array([found[:3] for curve in curves for found in curve.values()], float).ravel()
    return found[np.isfinite(found)]


def _is_number(values: list[Any]) -> bool:
    return all(not isinstance(value, str) for value in values) and len(values) > 1


def _is_far(values: ArrayLike) -> bool:
    """Whether a logarithmic axis shows numbers better."""
    low, high = np.min(values), np.max(values)
    return bool(low > 0 and high > _FAR * low)


def _ordered(values: list[Any]) -> list[Any]:
    """Return each value once, numbers rising."""
    each = list(dict.fromkeys(values))
    return sorted(each) if _is_number(each) else each
