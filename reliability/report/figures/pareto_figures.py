"""Designs against several quantities: fronts, curves with intervals, parallel coordinates."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reliability.report.figures.style import (
    LABEL,
    axes_of,
    clock_axis,
    colour,
    legend_above,
    log_axis,
    marker,
    name_axis,
    power_of_ten,
    prefix_axis,
    reading_unit,
)
from reliability.units import engineering

Array = NDArray[np.float64]
_SIDES = ({"ha": "right", "xytext": (-5, 3)}, {"ha": "left", "xytext": (5, 3)},
          {"ha": "right", "xytext": (-5, -9)}, {"ha": "left", "xytext": (5, -9)})  # fmt: skip
_WIDE = 30.0  # ratio from which an axis of positive numbers is logarithmic


def pareto(designs: xr.Dataset, ax: Axes | None = None, *, x: str, y: str) -> Axes:
    """Two quantities of designs with their intervals, the front as a staircase.

    Parameters
    ----------
    designs : Dataset
        Dimension ``design``: x and y, each with ``_low`` and ``_high`` where it has an interval;
        ``front`` (bool), and the coordinate ``name`` for those that are labelled, "" else.
        ``attrs["long_name"]``, ``["units"]`` and ``["direction"]`` ("minimise", "maximise") of x
        and y.
    ax : Axes, optional
        A new figure without.
    x, y : str
    """
    ax = axes_of(ax)
    front = designs["front"].values
    scale = {}
    for name, axis in ((x, ax.xaxis), (y, ax.yaxis)):
        scale[name] = quantity_axis(axis, designs[name], _ends(designs, name))
    for chosen, k, label in ((~front, 5, "dominated"), (front, 0, "on the front")):
        part = designs.isel(design=np.flatnonzero(chosen))
        if not part.sizes["design"]:
            continue
        at = [part[name].values / scale[name] for name in (x, y)]
        bars = [
            np.abs(_ends(part, name) / scale[name] - middle)
            for name, middle in zip((x, y), at, strict=True)
        ]
        ax.errorbar(at[0], at[1], bars[1], bars[0], fmt=marker(k % 2), color=colour(k), ms=5, lw=1,
                    capsize=2, alpha=0.9 if k == 0 else 0.45, label=label)  # fmt: skip
    _staircase(designs, ax, scale, x, y)
    where = np.stack([designs[name].values / scale[name] for name in (x, y)], axis=1)
    _names(ax, where, designs["name"].values)
    legend_above(ax)
    return ax


def _names(ax: Axes, where: Array, names: Array) -> None:
    """Write the names of designs beside their points, on a side where they cover no other name."""
    written: list[Any] = []  # boxes
    if (figure := ax.get_figure(root=True)) is not None:
        figure.draw_without_rendering()  # places are known only then
    inside = ax.get_window_extent()
    for name, point in zip(names, where, strict=True):
        for side in _SIDES if name else ():
            text = ax.annotate(str(name), point, **LABEL | side)
            box = text.get_window_extent()
            if inside.x0 <= box.x0 and box.x1 <= inside.x1 and not box.count_overlaps(written):
                written.append(box)
                break
            text.remove()


def _staircase(designs: xr.Dataset, ax: Axes, scale: dict[str, float], x: str, y: str) -> None:
    """What the front reaches in these two quantities; a front in more has designs behind it."""
    best = designs.isel(design=np.flatnonzero(designs["front"].values))
    signs = [1 if designs[name].attrs["direction"] == "minimise" else -1 for name in (x, y)]
    v = np.column_stack([s * best[name].values for s, name in zip(signs, (x, y), strict=True)])
    order = np.lexsort(v.T[::-1])
    reached = np.minimum.accumulate(v[order, 1])
    if len(order) > 1:
        ax.step(signs[0] * v[order, 0] / scale[x], signs[1] * reached / scale[y], where="post",
                color=colour(0), lw=1, alpha=0.6)  # fmt: skip


def _ends(designs: xr.Dataset, name: str) -> Array:
    """Ends of the interval of a quantity, shape (2, designs); itself where it has none."""
    return np.stack([
        designs[f"{name}_{end}"].values if f"{name}_{end}" in designs else designs[name].values
        for end in ("low", "high")
    ])  # fmt: skip


def quantity_axis(axis: Any, values: xr.DataArray, more: Array) -> float:
    """Label an axis, logarithmic where positive numbers reach far; return what divides them."""
    numbers = np.concatenate([values.values.ravel(), np.ravel(more)])
    numbers = numbers[np.isfinite(numbers)]
    label, unit = str(values.attrs["long_name"]), str(values.attrs.get("units", "1"))
    if numbers.size and numbers.min() > 0 and numbers.max() / numbers.min() > _WIDE:
        if unit in ("1", "", "1e-6"):
            log_axis(axis, numbers)
            name_axis(axis, label, "ppm" if unit == "1e-6" else "")
        else:
            prefix_axis(axis, label, values)
        return 1.0
    factor, symbol = (1.0, "ppm") if unit == "1e-6" else reading_unit(numbers, unit)
    name_axis(axis, label, symbol)
    return factor


def curves_against(
    found: xr.Dataset, ax: Axes | None = None, *, floor: float = 0.0, clock: bool = False
) -> Axes:
    """A quantity against one axis, a line for each design, with bands of its interval.

    Parameters
    ----------
    found : Dataset
        ``value``, ``low`` and ``high`` over dimensions ``line`` and ``x``; ``attrs["long_name"]``
        and ``["units"]`` of value and x.
    ax : Axes, optional
        A new figure without.
    floor : float
        Values below it are drawn at it.
    clock : bool
        Whether x is a time, s.
    """
    ax = axes_of(ax)
    x = found["x"].values.astype(float)
    low, value, high = (np.maximum(found[name].values, floor) for name in ("low", "value", "high"))
    for k in range(found.sizes["line"]):
        ax.fill_between(x, low[k], high[k], color=colour(k), alpha=0.14, lw=0)
        ax.plot(x, value[k], marker(k) + "-", ms=4, color=colour(k),
                label=str(found["line"].values[k]) or None)  # fmt: skip
    drawn = np.concatenate([low.ravel(), high.ravel()])
    log_axis(ax.yaxis, drawn)
    unit = found["value"].attrs["units"]
    name_axis(ax.yaxis, found["value"].attrs["long_name"], "ppm" if unit == "1e-6" else "")
    if clock:
        clock_axis(ax.xaxis, "time", x)
        ax.set_xlabel(found["x"].attrs["long_name"])
    elif x.min() > 0 and x.max() / x.min() > 5:
        prefix_axis(ax.xaxis, found["x"].attrs["long_name"], found["x"])
    else:
        symbol = found["x"].attrs.get("units", "1")
        name_axis(ax.xaxis, found["x"].attrs["long_name"], "" if symbol == "1" else symbol)
    if found.sizes["line"] > 1:
        ax.legend(title=found["line"].attrs.get("long_name", ""), loc="best")
    return ax


def hypervolume_growth(volume: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Volume that the designs of a search dominate, against how many were computed.

    Parameters
    ----------
    volume : DataArray, shape (evaluation,)
        Fraction.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    ax.step(volume["evaluation"], volume.values, where="post", color=colour(0))
    ax.set_xlabel("designs computed")
    ax.set_ylabel("hypervolume (fraction)")
    ax.set_ylim(0.0, 1.0)
    return ax


def parallel_coordinates(designs: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Every design as a line over its choices and objectives; those on the front in colour.

    Parameters
    ----------
    designs : Dataset
        Dimension ``design``: a variable for each axis, numbers or texts, with
        ``attrs["long_name"]`` and ``["units"]``, of texts ``["order"]`` from below; the coordinate
        ``front`` (bool).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    names = list(designs.data_vars)
    places = np.empty((designs.sizes["design"], len(names)))
    for k, name in enumerate(names):
        places[:, k], ticks = parallel_axis(designs[name])
        ax.axvline(k, color="0.6", lw=0.8, zorder=1)
        for at, text in ticks:
            ax.annotate(
                text,
                (k, at),
                (4, 0),
                textcoords="offset points",
                fontsize=8,
                va="center",
                zorder=4,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
            )
    front = designs["front"].values
    dull: dict[str, Any] = {"color": "0.7", "lw": 0.7, "alpha": 0.6, "zorder": 2}
    bright: dict[str, Any] = {"color": colour(0), "lw": 1.6, "alpha": 0.9, "zorder": 3}
    for on, style in ((False, dull), (True, bright)):
        for k, row in enumerate(places[front == on]):
            label = ("on the front" if on else "other designs") if k == 0 else None
            ax.plot(np.arange(len(names)), row, label=label, **style)
    ax.set_xticks(np.arange(len(names)), [_wrapped(designs[name]) for name in names])
    ax.set_xlim(-0.15, len(names) - 1 + 0.45)
    ax.set_yticks([])
    ax.grid(False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def _wrapped(values: xr.DataArray) -> str:
    return str(values.attrs["long_name"]).replace(" ", "\n", 1)


def parallel_axis(values: xr.DataArray) -> tuple[Array, list[tuple[float, str]]]:
    """Return places of values between 0 and 1, and the ticks of their axis.

    Parameters
    ----------
    values : DataArray
        As `parallel_coordinates` takes them.
    """
    if values.dtype.kind not in "fiu":
        texts = values.attrs.get("order") or list(dict.fromkeys(values.values.tolist()))
        step = {text: (k + 0.5) / len(texts) for k, text in enumerate(texts)}
        return np.array([step[v] for v in values.values]), [(v, k) for k, v in step.items()]
    numbers = values.values.astype(float)
    low, high = float(numbers.min()), float(numbers.max())
    log = low > 0 and high / low > _WIDE
    place = np.log(numbers) if log else numbers
    wide = float(np.ptp(place)) or 1.0
    unit = str(values.attrs.get("units", "1"))
    at = np.linspace(0, 1, 3)
    ticks = np.exp(place.min() + at * wide) if log else low + at * (high - low)
    if high == low:
        return np.full(numbers.shape, 0.5), [(0.5, reading_text(low, unit))]
    return (place - place.min()) / wide, [
        (float(a), reading_text(float(t), unit)) for a, t in zip(at, ticks, strict=True)
    ]


def reading_text(value: float, unit: str) -> str:
    """Print a value of an axis with its unit."""
    if unit in ("1", "", "1e-6"):
        far = value and (abs(value) >= 1e5 or abs(value) < 1e-3)
        return (power_of_ten(value) if far else f"{value:.3g}") + (" ppm" if unit == "1e-6" else "")
    return engineering(value, unit)
