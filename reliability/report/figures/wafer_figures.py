"""Wafer maps: one value or one category per die, on the die grid of its wafer."""

from collections.abc import Iterator, Sequence
from copy import copy

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.patches import Circle, Patch, Polygon, Rectangle
from matplotlib.ticker import MultipleLocator

from reliability.errors import InputError
from reliability.report.figures.style import PALETTE, Array, axes_of, name_axis, reading_unit

_NOTCH = 0.035  # of the diameter: drawn larger than it is (1 mm), so that it is seen


def wafer_map(
    values: xr.DataArray,
    ax: Axes | None = None,
    *,
    diameter: float,
    die: tuple[float, float],
    edge_exclusion: float = 0.0,
    norm: Normalize | None = None,
) -> Axes:
    """One value or category per die on a wafer, with its notch, die grid and edge exclusion.

    Parameters
    ----------
    values : DataArray, one-dimensional (die or chip)
        Numbers, or texts as categories, with coordinates ``x`` and ``y`` (mm), as of
        `reliability.sample_population` or `reliability.read_measurements`; ``units`` and
        ``long_name`` name the colour bar. Dies without a number (NaN) are hatched.
    ax : Axes, optional
        A new figure without.
    diameter : float
        Of the wafer, mm.
    die : (float, float)
        Width and height of a die, mm.
    edge_exclusion : float
        Width of the ring at the edge that is not used, mm.
    norm : Normalize, optional
        Scale of the colours, from the lowest to the highest value by default.

    Raises
    ------
    InputError
        Not one value for each die.
    """
    named = "wafer" in values.coords and values["wafer"].ndim == 1  # of each chip
    one = values if named else values.expand_dims("wafer")
    return wafer_maps(
        one, [axes_of(ax)], diameter=diameter, die=die, edge_exclusion=edge_exclusion, norm=norm
    )[0]


def wafer_maps(
    values: xr.DataArray,
    axes: Sequence[Axes],
    *,
    diameter: float,
    die: tuple[float, float],
    edge_exclusion: float = 0.0,
    norm: Normalize | None = None,
) -> list[Axes]:
    """Maps of several wafers side by side, on one scale of colours.

    Parameters
    ----------
    values : DataArray (wafer, die), or (chip) with the coordinate wafer
        As of `wafer_map`.
    axes : sequence of Axes
        At least one for each wafer, all of one figure; those left over are blanked.
    diameter, die, edge_exclusion, norm
        As of `wafer_map`; the scale is from the 2 % to the 98 % quantile by default where there are
        more than 50 dies.

    Returns
    -------
    list of Axes
        One for each wafer.

    Raises
    ------
    InputError
        Not one value for each die, or fewer axes than wafers.
    """
    parts = list(_wafers(values))
    if len(axes) < len(parts):
        raise InputError(f"axes: got {len(axes)}, expected one for each of {len(parts)} wafers")
    texts = values.dtype.kind in "OUS"
    kinds = np.unique(values.values.astype(str)).tolist() if texts else None
    factor, symbol = 1.0, ""
    scale = Normalize(-0.5, len(kinds or ()) - 0.5)
    if kinds is None:
        factor, symbol = reading_unit(values.values, str(values.attrs.get("units", "1")))
        scale = copy(norm) if norm is not None else _scale(values.values)
        scale.vmin, scale.vmax = (float(end or 0.0) / factor for end in (scale.vmin, scale.vmax))
    drawn = list(axes[: len(parts)])
    for ax, (name, one) in zip(drawn, parts, strict=True):
        shown = (one.values.astype(float) / factor if kinds is None
                 else np.searchsorted(kinds, one.values.astype(str)).astype(float))  # fmt: skip
        _outline(ax, one, diameter, die, edge_exclusion)
        boxes = _boxes(one["x"].values, one["y"].values, die)
        here = np.isfinite(shown)
        dies = PatchCollection(
            [box for box, there in zip(boxes, here, strict=True) if there], norm=scale,
            cmap="cividis" if kinds is None else ListedColormap(list(PALETTE[: len(kinds)])),
            edgecolor="white", lw=0.5,
        )  # fmt: skip
        dies.set_array(shown[here])
        ax.add_collection(dies)
        for box, there in zip(boxes, here, strict=True):
            if not there:
                box.set(facecolor="none", edgecolor="0.5", hatch="////", lw=0.3)
                ax.add_patch(box)
        if name:
            ax.set_title(name, fontsize=10)
    for ax in drawn[1:]:
        ax.set_ylabel("")
        ax.tick_params(labelleft=False)
    for ax in axes[len(parts) :]:
        ax.set_axis_off()
    if kinds is None:
        _colour_bar(dies, drawn, values.copy(data=values.values / factor), symbol)
    else:
        _categories(kinds, drawn[-1])
    return drawn


def _wafers(values: xr.DataArray) -> Iterator[tuple[str, xr.DataArray]]:
    """Each wafer with its title; a map of one wafer has none."""
    if "wafer" in values.dims:
        for k in range(values.sizes["wafer"]):
            one = values.isel(wafer=k)
            yield (f"wafer {one['wafer'].item()}" if "wafer" in one.coords else ""), _flat(one)
    else:
        for wafer in np.unique(values["wafer"].values):
            yield f"wafer {wafer}", _flat(values[values["wafer"].values == wafer])


def _flat(one: xr.DataArray) -> xr.DataArray:
    if one.ndim != 1 or not {"x", "y"} <= set(one.coords):
        raise InputError(
            f"values: got dimensions {', '.join(map(str, one.dims))} for a wafer, expected one "
            "value for each die with the coordinates x and y (mm)"
        )
    return one


def _scale(values: Array) -> Normalize:
    finite = np.asarray(values, float)
    finite = finite[np.isfinite(finite)]
    ends = (0.02, 0.98) if finite.size > 50 else (0.0, 1.0)
    return Normalize(*np.quantile(finite, ends))


def _boxes(x: Array, y: Array, die: tuple[float, float]) -> list[Rectangle]:
    w, h = die
    return [Rectangle((a - w / 2, b - h / 2), w, h) for a, b in zip(x, y, strict=True)]


def _outline(
    ax: Axes, one: xr.DataArray, diameter: float, die: tuple[float, float], exclusion: float
) -> None:
    """Draw the wafer, its notch at the bottom, the ring at the edge, and the grid of all dies."""
    radius, usable = diameter / 2, diameter / 2 - exclusion
    ax.add_patch(Circle((0, 0), radius, facecolor="0.95", edgecolor="0.4", lw=1))
    if exclusion > 0:
        ax.add_patch(Circle((0, 0), usable, fill=False, edgecolor="0.4", lw=0.8, ls=(0, (4, 3))))
    deep = _NOTCH * diameter
    ax.add_patch(
        Polygon([(-deep * 0.7, -radius * 1.01), (0, -radius + deep), (deep * 0.7, -radius * 1.01)],
                facecolor="white", edgecolor="0.4", lw=1)
    )  # fmt: skip
    x, y = (
        np.arange(-np.ceil(radius / size) - 1, np.ceil(radius / size) + 2) * size + first % size
        for size, first in zip(die, (one["x"].values[0], one["y"].values[0]), strict=True)
    )
    across, up = (grid.ravel() for grid in np.meshgrid(x, y))
    inside = np.hypot(np.abs(across) + die[0] / 2, np.abs(up) + die[1] / 2) <= usable
    grid = PatchCollection(_boxes(across[inside], up[inside], die), facecolor="white",
                           edgecolor="0.8", lw=0.5)  # fmt: skip
    ax.add_collection(grid)
    ax.set_aspect("equal")
    ax.set_xlim(-radius * 1.04, radius * 1.04)
    ax.set_ylim(-radius * 1.04, radius * 1.04)
    for axis, name in ((ax.xaxis, "x"), (ax.yaxis, "y")):
        axis.set_major_locator(MultipleLocator(50.0))
        axis.set_label_text(f"{name} (mm)")
    ax.grid(False)


def _colour_bar(dies: PatchCollection, axes: list[Axes], values: xr.DataArray, symbol: str) -> None:
    finite, scale = values.values[np.isfinite(values.values)], dies.norm
    beyond = bool(finite.min() < scale.vmin), bool(finite.max() > scale.vmax)
    extend = {(True, True): "both", (True, False): "min", (False, True): "max"}.get(beyond)
    bar = axes[0].figure.colorbar(dies, ax=axes, shrink=0.75, extend=extend or "neither")
    name_axis(bar.ax.yaxis, str(values.attrs.get("long_name", "value")), symbol)


def _categories(kinds: Sequence[str], ax: Axes) -> None:
    boxes = [Patch(facecolor=PALETTE[k], label=str(kind)) for k, kind in enumerate(kinds)]
    ax.legend(handles=boxes, loc="upper left", bbox_to_anchor=(1.0, 1.0))
