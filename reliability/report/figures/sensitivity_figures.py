"""What costs accuracy: factors alone and together, phenomena, classes that are confused."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from reliability.report.figures.accuracy_figures import mean_and_chips
from reliability.report.figures.style import (
    LABEL,
    PALETTE,
    axes_of,
    colour,
    percent_axis,
    table_mesh,
)
from reliability.report.words import in_words


def accuracy_against_factor(
    grid: xr.Dataset,
    ax: Axes | None = None,
    *,
    factor: str,
    lines: str | None,
    fixed: dict[str, float],
    measured: float,
) -> Axes:
    """Accuracy against one factor of a sensitivity grid, one line for each level of a second.

    Parameters
    ----------
    grid : Dataset
        ``accuracy`` (combination, chip) with the factors as coordinates of ``combination``.
    ax : Axes, optional
        A new figure without.
    factor : str
        On the x axis.
    lines : str or None
        A line for each of its levels.
    fixed : dict of str to float
        Levels of the other factors.
    measured : float
    """
    ax = axes_of(ax)
    chosen = np.ones(grid.sizes["combination"], dtype=bool)
    for name, level in fixed.items():
        chosen &= grid[name].values == level
    levels: Sequence[float | None] = [None] if lines is None else list(np.unique(grid[lines]))
    ticks = np.unique(grid[factor].values)
    for k, line in enumerate(levels):
        mask = chosen if lines is None else chosen & (grid[lines].values == line)
        part = grid.isel(combination=mask).sortby(factor)
        values = part["accuracy"].transpose("combination", "chip")
        x = np.searchsorted(ticks, part[factor].values)
        label = None if lines is None else f"× {line:g}"
        mean_and_chips(x, values, ax, k, label, of=len(levels))
    ax.axhline(measured, color="0.3", lw=1, ls="--")
    ax.annotate(f"measured {100 * measured:.0f} %", (0, measured), **LABEL)
    ax.set_xticks(range(len(ticks)), [f"{t:g}" for t in ticks])
    ax.set_xlabel(str(grid[factor].attrs["long_name"]))
    percent_axis(ax.yaxis, "accuracy")
    if lines is not None:
        ax.legend(title=str(grid[lines].attrs["long_name"]))
    return ax


def sensitivity_matrix(
    grid: xr.Dataset,
    explains: xr.DataArray,
    ax: Axes | None = None,
    *,
    rows: list[str],
    columns: list[str],
) -> Axes:
    """Mean accuracy at every combination of factors; framed where it explains the measured chip.

    Parameters
    ----------
    grid : Dataset
        ``accuracy`` (combination, chip) with the factors as coordinates of ``combination``.
    explains : DataArray of bool (combination)
    ax : Axes, optional
        A new figure without.
    rows, columns : list of str
        Factors that make the rows and the columns, outermost first.
    """
    ax = axes_of(ax)
    mean = grid["accuracy"].mean("chip").values
    index = {}
    for side, names in (("row", rows), ("column", columns)):
        keys = list(zip(*(grid[name].values for name in names), strict=True))
        index[side] = {key: k for k, key in enumerate(sorted(set(keys)))}, keys
    (row_of, row_keys), (column_of, column_keys) = index["row"], index["column"]
    table = np.full((len(row_of), len(column_of)), np.nan)
    for k, value in enumerate(mean):
        i, j = row_of[row_keys[k]], column_of[column_keys[k]]
        table[i, j] = value
        if bool(explains.values[k]):
            frame = Rectangle((j - 0.46, i - 0.46), 0.92, 0.92, fill=False, ec=PALETTE[4], lw=2)
            ax.add_patch(frame)
    table_mesh(ax, table * 100, cmap="Greys_r", vmin=0, vmax=115)
    for (i, j), value in np.ndenumerate(table):
        colour = "white" if value < 0.55 else "black"
        ax.text(j, i, f"{value * 100:.1f}", ha="center", va="center", color=colour, fontsize=8)
    ax.set_yticks(range(len(row_of)), [" | ".join(f"{v:g}" for v in key) for key in row_of])
    ax.set_xticks(
        range(len(column_of)),
        [" | ".join(f"{v:g}" for v in key) for key in column_of],
        rotation=45,
        ha="right",
    )
    ax.set_ylabel(" | ".join(str(grid[name].attrs["long_name"]) for name in rows), fontsize=9)
    ax.set_xlabel(" | ".join(str(grid[name].attrs["long_name"]) for name in columns), fontsize=9)
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax


def confusion_matrix(counts: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Fraction of each label's images that came out as each class, in percent.

    Parameters
    ----------
    counts : DataArray (label, predicted)
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    share = (counts / counts.sum("predicted")).transpose("label", "predicted").values * 100
    table_mesh(ax, share, cmap="Blues", vmin=0, vmax=100)
    ax.set_aspect("equal")
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.5:
            colour = "white" if value > 55 else "black"
            ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=8)
    ax.set_xticks(range(share.shape[1]), [str(c) for c in counts["predicted"].values])
    ax.set_yticks(range(share.shape[0]), [str(c) for c in counts["label"].values])
    ax.set_xlabel("class that the chip gave")
    ax.set_ylabel("class of the image (% of its images)")
    ax.grid(False)
    return ax


def attribution_bars(
    found: xr.Dataset, ax: Axes | None = None, *, label: str = "loss of accuracy (points)"
) -> Axes:
    """What each cause takes away, the largest at the top, with its interval.

    Parameters
    ----------
    found : Dataset
        ``value``, ``low``, ``high`` (fractions; drawn in points, hundredths) over ``cause`` and,
        where there are several ways to count, ``way``; the first way orders the causes.
    ax : Axes, optional
        A new figure without.
    label : str
        Of the x axis.
    """
    ax = axes_of(ax)
    ways = [str(way) for way in found["way"].values] if "way" in found.dims else [""]
    names = [str(name) for name in found["cause"].values]
    value, bottom, top = (
        np.atleast_2d(found[name].transpose(..., "cause").values) * 100
        for name in ("value", "low", "high")
    )
    order, y = np.argsort(value[0]), np.arange(len(names))
    height = 0.8 / len(ways)
    for k, way in enumerate(ways):
        bars, at = value[k, order], y + ((len(ways) - 1) / 2 - k) * height
        error = np.maximum([value[k] - bottom[k], top[k] - value[k]], 0.0)[:, order]
        ax.barh(at, bars, height=0.9 * height, color=colour((0, 1, 5)[k % 3]), alpha=0.8,
                label=way or None)  # fmt: skip
        ax.errorbar(bars, at, xerr=error, fmt="none", ecolor="black", lw=1, capsize=2.5)
    ax.axvline(0, color="0.3", lw=0.8)
    ax.set_yticks(y, [names[k] for k in order])
    ax.set_xlabel(label)
    ax.grid(axis="y", visible=False)
    if any(ways):
        ax.legend(loc="lower right")
    return ax


def tornado(effects: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Change of the mean accuracy for each factor, from its worst to its best level.

    Parameters
    ----------
    effects : Dataset
        ``change``, its interval ``low`` and ``high`` (shares), and the ``level`` that makes it,
        over (factor, side), sides "lowest" and "highest"; the factor on top is the last.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    y = np.arange(effects.sizes["factor"])
    for side, own in (("lowest", colour(4)), ("highest", colour(0))):
        at = effects.sel(side=side)
        change, low, high = (100 * at[name].values for name in ("change", "low", "high"))
        ax.barh(y, change, height=0.6, color=own, alpha=0.75, label=f"{side} of its levels")
        ax.errorbar(change, y, xerr=np.nan_to_num([change - low, high - change]), fmt="none",
                    ecolor="black", capsize=3, lw=1)  # fmt: skip
        for k, level in enumerate(at["level"].values):
            if change[k]:
                edge = (low if change[k] < 0 else high)[k]
                ax.annotate(
                    f"{level:g}", (edge if np.isfinite(edge) else change[k], y[k]),
                    xytext=(-4 if change[k] < 0 else 4, 0), textcoords="offset points",
                    ha="right" if change[k] < 0 else "left", va="center", fontsize=8,
                )  # fmt: skip
    ax.axvline(0, color="0.2", lw=1)
    ax.margins(x=0.12)
    ax.set_yticks(y, [str(name) for name in effects["factor"].values])
    ax.set_xlabel("change of the mean accuracy (points)")
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def correlation_bars(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Rank correlation of parameters with the accuracy, and what chance alone reaches.

    Parameters
    ----------
    found : Dataset
        ``correlation``, ``low``, ``high`` over ``parameter``, the one on top the last; the
        attribute ``by_chance``.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    y, rho = np.arange(found.sizes["parameter"]), found["correlation"].values
    ends = [rho - found["low"].values, found["high"].values - rho]
    ax.barh(y, rho, height=0.6, color=[colour(0 if r > 0 else 4) for r in rho], alpha=0.75)
    ax.errorbar(rho, y, xerr=ends, fmt="none", ecolor="black", capsize=3, lw=1)
    for sign in (-1, 1):
        ax.axvline(sign * found.attrs["by_chance"], color="0.3", ls="--", lw=1)
    ax.axvline(0, color="0.2", lw=1)
    ax.set_xlim(-1, 1)
    ax.set_yticks(y, [in_words(str(name)) for name in found["parameter"].values])
    ax.set_xlabel("rank correlation with the mean accuracy")
    ax.grid(axis="y", visible=False)
    return ax
