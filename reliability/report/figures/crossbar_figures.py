"""Crossbars: the largest array over levels and wires, its price in energy, its voltages."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patheffects import AbstractPathEffect, withStroke

from reliability.report.figures.style import (
    axes_of,
    colour,
    legend_above,
    marker,
    octave_axis,
    percent_axis,
    prefix_axis,
)
from reliability.units import engineering, engineering_unit

_NAMES = {
    "lrs_resistance": "LRS resistance",
    "hrs_resistance": "HRS resistance",
    "ratio": "HRS / LRS",
    "wire": "line resistance per cell",
    "segment_resistance": "line resistance per cell",
    "variability": "variability of the states (× card)",
    "nonlinearity_voltage": "nonlinearity voltage",
    "bias_scheme": "bias scheme",
    "rows": "rows (word lines)",
    "columns": "columns (bit lines)",
}


def largest_array_map(
    sizes: xr.Dataset, ax: Axes | None = None, *, x: str, y: str, wanted: int | None = None
) -> Axes:
    """Contours of the largest array over two axes; one of them with the border of its interval.

    Parameters
    ----------
    sizes : Dataset
        ``size``, ``size_low``, ``size_high`` of `size_map` with the two dimensions x and y, both
        of positive numbers.
    ax : Axes, optional
        A new figure without.
    x, y : str
    wanted : int, optional
        Size whose border is drawn thick, with dashes where the lower and dots where the upper end
        of the interval reaches it.
    """
    ax = axes_of(ax)
    across, up = sizes[x].values.astype(float), sizes[y].values.astype(float)

    def octaves(name: str) -> np.ndarray:
        return np.log2(np.maximum(sizes[name].transpose(y, x).values.astype(float), 1.0))

    size = octaves("size")
    levels = np.arange(np.floor(size.min()), np.ceil(size.max()) + 1.5)
    filled = ax.contourf(across, up, size, levels, cmap="cividis", alpha=0.8)
    filled.set_edgecolor("face")
    inner = levels[levels > size.min()]  # where no array works the surface is flat
    lines = ax.contour(across, up, size, inner, colors="black", linewidths=0.7)
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.5, foreground="white")]
    for text in ax.clabel(lines, fmt=lambda level: f"{2**level:.0f}", fontsize=9):
        text.set_path_effects(halo)
    if wanted is not None:
        ends = (("size_low", "--", "lower end of the interval"), ("size", "-", "largest array"),
                ("size_high", ":", "upper end"))  # fmt: skip
        for name, style, label in ends:
            values, level = octaves(name), np.log2(wanted)
            if np.nanmin(values) < level < np.nanmax(values):
                for width, tone in ((3.6, "white"), (2.0, colour(4))):
                    ax.contour(across, up, values, [level], colors=tone, linewidths=width,
                               linestyles=style)  # fmt: skip
                ax.plot([], [], style, color=colour(4), lw=2, label=label)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(title=f"{wanted} lines", loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    prefix_axis(ax.xaxis, _name(sizes[x]), sizes[x])
    prefix_axis(ax.yaxis, _name(sizes[y]), sizes[y])
    ax.grid(False)
    return ax


def size_against(
    sizes: xr.Dataset, ax: Axes | None = None, *, x: str, lines: str | None = None
) -> Axes:
    """Largest array against one axis, a line for each value of a second, intervals as bars.

    A cross where no array meets the limit.

    Parameters
    ----------
    sizes : Dataset
        ``size``, ``size_low``, ``size_high`` of `size_map` with the dimension x and, if given,
        the dimension ``lines``.
    ax : Axes, optional
        A new figure without.
    x : str
    lines : str, optional
    """
    ax = axes_of(ax)
    numbers = sizes[x].dtype.kind in "fiu" and np.all(np.isfinite(sizes[x].values.astype(float)))
    place = sizes[x].values.astype(float) if numbers else np.arange(sizes.sizes[x], dtype=float)
    parts = (
        [sizes] if lines is None else [sizes.isel({lines: k}) for k in range(sizes.sizes[lines])]
    )
    for k, part in enumerate(parts):
        size, bars = _size_bars(part)
        label = None if lines is None else _value(sizes[lines], k)
        shift = 1 + 0.02 * (k - (len(parts) - 1) / 2)  # bars side by side
        at = place * shift if numbers else place + 0.06 * (k - (len(parts) - 1) / 2)
        works = part["size"].values > 0
        ax.errorbar(at, np.where(works, size, np.nan), bars, fmt=marker(k) + "-", capsize=3, lw=1.3,
                    color=colour(k), label=label)  # fmt: skip
        if not works.all():  # a line of no points would still take its place in the layout
            ax.plot(at[~works], size[~works], "x", color=colour(k), clip_on=False)
    if numbers:
        prefix_axis(ax.xaxis, _name(sizes[x]), sizes[x])
    else:
        ax.set_xticks(place, [_value(sizes[x], k) for k in range(len(place))])
        ax.set_xlabel(_name(sizes[x]))
    _size_axis(ax, sizes)
    if lines is not None:
        legend_above(ax, title=_name(sizes[lines]))
    return ax


def levels_pareto(levels: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Size against read energy of every pair of LRS resistance and HRS/LRS ratio.

    Colour is the LRS resistance, the marker the ratio, bars are the interval of the size; pairs
    that no other beats in size, energy and signal together are filled.

    Parameters
    ----------
    levels : Dataset
        Of `resistance_levels`.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    for a, ohm in enumerate(levels["lrs_resistance"].values):
        ax.plot([], [], "s", color=colour(a), label=engineering(float(ohm), "ohm"))
        for b, _ in enumerate(levels["ratio"].values):
            one = levels.isel(lrs_resistance=a, ratio=b)
            size, bars = _size_bars(one)
            ax.errorbar(float(one["energy"]), size[0], bars, capsize=3,
                        fmt=marker(b), color=colour(a), ms=7,
                        mfc=colour(a) if bool(one["pareto"]) else "white")  # fmt: skip
    for b, times in enumerate(levels["ratio"].values):
        ax.plot([], [], marker(b), color="0.3", mfc="white", label=f"HRS / LRS {times:g}")
    prefix_axis(ax.xaxis, "energy of one cell's read, mean over data", levels["energy"])
    _size_axis(ax, levels)
    ax.legend(ncols=2, title="LRS, ratio; filled: not beaten")
    return ax


def feasible_border(border: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Most columns for each number of rows: the arrays that work lie below the line.

    Parameters
    ----------
    border : Dataset
        Of `crossbar_border`.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    rows = border["rows"].values.astype(float)
    columns = np.maximum(border["columns"].values.astype(float), 1.0)
    low = np.maximum(border["columns_low"].values, 1.0)
    high = np.maximum(border["columns_high"].values, 1.0)
    ax.fill_between(rows, low, high, color=colour(0), alpha=0.25, lw=0, label="interval")
    ax.fill_between(rows, 1, low, color=colour(2), alpha=0.15, lw=0, label="works")
    ax.plot(rows, columns, "o-", color=colour(0), label="largest")
    octave_axis(ax.xaxis, _NAMES["rows"])
    ax.set_ylim(1, 1.2 * float(high.max()))
    octave_axis(ax.yaxis, _NAMES["columns"])
    ax.legend(loc="lower left")
    return ax


def criterion_against_size(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Criterion of every tried size with its interval, the limit, and the sizes of drawn cards.

    Parameters
    ----------
    found : Dataset
        Of `crossbar_limit` or `tile_limit`.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    tried, value = found["tried"].values, found["value"].values
    low, high = found["value_low"].values, found["value_high"].values
    bars = _bars(value, low, high)
    ax.axhline(found.attrs["limit"], color=colour(4), lw=1.2, ls="--", label="limit")
    ax.errorbar(tried, value, bars, fmt="o-", ms=4, lw=1, capsize=3, color=colour(0),
                label="mean over arrays")  # fmt: skip
    lines = np.clip([found[name].item() for name in ("size_low", "size_high")], 1, None)
    ax.axvspan(lines[0], lines[1], color=colour(2), alpha=0.2, lw=0, label="interval of the size")
    if found["size"] > 0:
        ax.axvline(found["size"].item(), color=colour(2), lw=1.5, label="largest")
    octave_axis(ax.xaxis, "searched lines")
    ax.set_ylabel(str(found.attrs["criterion"]).replace("_", " "))
    ax.legend()
    return ax


def voltage_map(voltage: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Voltage of the word line, or of the bit line, at every cell of one array.

    Parameters
    ----------
    voltage : DataArray (row, column)
        ``word_line_voltage`` or ``bit_line_voltage`` (V) of `solve_crossbar` with ``fields``.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    volts = voltage.transpose("row", "column").values
    factor, symbol = engineering_unit(float(np.abs(volts).max()), "V")
    image = ax.imshow(volts / factor, cmap="cividis", interpolation="nearest", aspect="equal")
    ax.figure.colorbar(image, ax=ax, label=f"voltage ({symbol})")
    ax.set_xlabel("bit line")
    ax.set_ylabel("word line")
    ax.grid(False)
    return ax


def accuracy_against_resistance(found: Mapping[str, xr.Dataset], ax: Axes | None = None) -> Axes:
    """Accuracy that a network loses to the lines of its tiles, with its interval as bars.

    Parameters
    ----------
    found : mapping of str to Dataset
        Label and Dataset of `accuracy_on_tiles`.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    for k, (label, one) in enumerate(found.items()):
        part = one.sel(segment_resistance=one["segment_resistance"] > 0)
        mean = part["lost_mean"].values
        bars = _bars(mean, part["lost_low"].values, part["lost_high"].values)
        shift = 1 + 0.05 * (k - (len(found) - 1) / 2)  # bars side by side
        ax.errorbar(part["segment_resistance"].values * shift, mean, bars, capsize=3, lw=1.3,
                    fmt=marker(k) + "-", color=colour(k),
                    label=label)  # fmt: skip
    prefix_axis(ax.xaxis, _name(one["segment_resistance"]), one["segment_resistance"])
    percent_axis(ax.yaxis, "accuracy lost to the lines")
    ax.set_ylabel("accuracy lost to the lines (points)")
    ax.legend()
    return ax


def _size_bars(sizes: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and lengths of their bars; none stands at one line, where a log axis ends."""
    names = ("size", "size_low", "size_high")
    size, low, high = (np.maximum(np.atleast_1d(sizes[n].values).astype(float), 1.0) for n in names)
    return size, _bars(size, low, high)


def _bars(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Lengths of error bars, 0 where an end is not known."""
    ends = np.stack([value - low, high - value])
    return np.nan_to_num(np.maximum(ends, 0.0))


def _value(axis: xr.DataArray, place: int) -> str:
    value = axis.values[place]
    if isinstance(value, str):
        return value
    if axis.name == "nonlinearity_voltage" and np.isinf(value):
        return "linear"
    return engineering(float(value), str(axis.attrs.get("units", "1")))


def _size_axis(ax: Axes, sizes: xr.Dataset) -> None:
    octave_axis(ax.yaxis, "largest array (lines)")
    top = sizes.attrs.get("max_size")
    if top and float(sizes["size"].max()) >= top:
        ax.axhline(top, color="0.5", lw=1, ls=":")
        ax.annotate("search ends", (0.01, top), xycoords=("axes fraction", "data"), fontsize=8,
                    va="bottom", color="0.4")  # fmt: skip


def _name(axis: xr.DataArray) -> str:
    name = str(axis.name)
    return str(axis.attrs.get("long_name", _NAMES.get(name, name.replace("_", " "))))
