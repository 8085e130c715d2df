"""Figures: each a function (Dataset, Axes) that draws; units are those that engineers read.

Colours are the Okabe-Ito palette, which stays distinct for colour-blind readers
(M. Okabe, K. Ito, "Color universal design", 2008).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import Normalize
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator, PercentFormatter
from scipy.special import ndtr, ndtri

from reliability.units import duration, engineering

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#000000")
STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "font.size": 10,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "reliability",  # the same figure gives the same file
}
_LABEL: dict[str, Any] = {
    "xytext": (3, 2),
    "textcoords": "offset points",
    "fontsize": 8,
    "bbox": {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1},
}
_PERCENTS = (0.1, 1, 10, 50, 90, 99, 99.9)


def probability_plot(quantiles: xr.DataArray, ax: Axes) -> None:
    """Conductance of the states of every chip on normal probability paper, coloured by wafer.

    Parameters
    ----------
    quantiles : DataArray
        ``conductance_quantile`` (chip, programmed_state, probability), S, with coordinate wafer.
    ax : Axes
    """
    percent = 100 * quantiles["probability"].values
    wafers = quantiles["wafer"].values
    for wafer in np.unique(wafers):
        colour = PALETTE[int(wafer) % len(PALETTE)]
        label: str | None = f"wafer {wafer}"
        for values in quantiles.isel(chip=wafers == wafer).transpose("chip", ...).values:
            for curve in values:
                ax.plot(curve * 1e6, percent, color=colour, lw=0.7, alpha=0.5, label=label)
                label = None
    top = quantiles.sel(probability=0.5, method="nearest").median("chip")
    for state in quantiles["programmed_state"].values:
        x = float(top.sel(programmed_state=state)) * 1e6
        ax.annotate(
            str(state), (x, 1.02), xycoords=("data", "axes fraction"), ha="center",
            annotation_clip=False, weight="bold",
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("conductance (µS)")
    ax.set_ylabel("cumulative probability (%)")
    probability_axis(ax, _PERCENTS)
    ax.set_ylim(*(100 * ndtr([-3.1, 3.1])))


def accuracy_against_time(
    accuracy: xr.DataArray,
    ax: Axes,
    *,
    draws: xr.DataArray | None = None,
    references: dict[str, float] | None = None,
) -> None:
    """Accuracy against time for each temperature: mean, 5-95 % of chips, 5-95 % of card draws.

    Parameters
    ----------
    accuracy : DataArray (temperature, time, chip)
    ax : Axes
    draws : DataArray (draw, temperature, time, chip), optional
        Of cards drawn from the parameters' uncertainty.
    references : dict of str to float, optional
        Horizontal lines.
    """
    times = accuracy["time"].values
    for k, temperature in enumerate(accuracy["temperature"].values):
        colour = PALETTE[k % len(PALETTE)]
        at = accuracy.sel(temperature=temperature).transpose("time", "chip")
        low, high = np.quantile(at.values, [0.05, 0.95], axis=1)
        ax.fill_between(times, low, high, color=colour, alpha=0.18, lw=0)
        label = engineering(float(temperature), "K")
        ax.plot(times, at.mean("chip"), "o-", color=colour, label=label)
        if draws is not None:
            means = draws.sel(temperature=temperature).mean("chip").transpose("time", "draw").values
            for edge in np.quantile(means, [0.05, 0.95], axis=1):
                ax.plot(times, edge, ":", color=colour, lw=1.3)
    for k, (label, value) in enumerate((references or {}).items()):
        ax.axhline(value, color="0.3", lw=1, ls=("--", "-.")[k % 2])
        ax.annotate(label, (times[min(1, times.size - 1)], value), **_LABEL)
    time_axis(ax, times)
    ax.set_ylabel("accuracy (%)")
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    ax.legend(title="temperature", loc="lower left")


def states_against_time(quantiles: xr.DataArray, ax: Axes) -> None:
    """Conductance of each state against time: median, and 5 to 95 % of cells, by temperature.

    Parameters
    ----------
    quantiles : DataArray
        ``conductance_quantile`` (temperature, time, chip, programmed_state, probability), S.
    ax : Axes
    """
    times = quantiles["time"].values
    states = quantiles["programmed_state"].values
    middle = quantiles.mean("chip")
    low, median, high = (
        middle.sel(probability=p, method="nearest") * 1e6 for p in (0.05, 0.5, 0.95)
    )
    for k, temperature in enumerate(quantiles["temperature"].values):
        colour = PALETTE[k % len(PALETTE)]
        for i, state in enumerate(states):
            at = {"temperature": temperature, "programmed_state": state}
            ax.fill_between(times, low.sel(at), high.sel(at), color=colour, alpha=0.13, lw=0)
            label = f"{state}, {engineering(float(temperature), 'K')}"
            ax.plot(times, median.sel(at), "os^D"[i % 4] + "-", ms=4, color=colour, label=label)
    time_axis(ax, times)
    ax.set_yscale("log")
    ax.set_ylabel("conductance (µS)")
    if len(states) * quantiles.sizes["temperature"] <= 12:
        ax.legend(fontsize=8, ncols=len(states), loc="best")


def accuracy_against_reads(accuracy: xr.DataArray, ax: Axes, *, ideal: float) -> None:
    """Accuracy against the number of reads of every cell, one line for each read voltage.

    Parameters
    ----------
    accuracy : DataArray (reads, chip) or (read_voltage, reads, chip)
    ax : Axes
    ideal : float
        Accuracy of ideal cells, as a line.
    """
    if "read_voltage" not in accuracy.dims:
        accuracy = accuracy.expand_dims("read_voltage")
    reads = accuracy["reads"].values
    for k, voltage in enumerate(np.atleast_1d(accuracy["read_voltage"].values)):
        colour = PALETTE[k % len(PALETTE)]
        values = accuracy.isel(read_voltage=k).transpose("reads", "chip").values
        low, high = np.quantile(values, [0.05, 0.95], axis=1)
        ax.fill_between(reads, low, high, color=colour, alpha=0.15, lw=0)
        label = engineering(float(voltage), "V")
        ax.plot(reads, values.mean(axis=1), "o-", color=colour, label=label)
    ax.axhline(ideal, color="0.3", lw=1, ls="--")
    ax.annotate(f"ideal cells {ideal:.1%}", (reads[0], ideal), **_LABEL)
    _log_scale(ax, reads)
    ax.set_xticks(reads, ["0" if r == 0 else f"{r:.0e}".replace("e+", "e") for r in reads])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("read pulses of every cell (log scale)")
    ax.set_ylabel("accuracy (%)")
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    ax.legend(title="read voltage", loc="lower left")


def spikes_against_time(chips: xr.Dataset, ax: Axes) -> None:
    """Input spikes per image, and energy on a second axis, against time for each temperature.

    Parameters
    ----------
    chips : Dataset
        ``spikes`` and ``energy`` (temperature, time, chip[, energy_model]).
    ax : Axes
    """
    times = chips["time"].values
    for k, temperature in enumerate(chips["temperature"].values):
        colour = PALETTE[k % len(PALETTE)]
        spikes = chips["spikes"].sel(temperature=temperature).transpose("time", "chip").values
        low, high = np.quantile(spikes, [0.05, 0.95], axis=1)
        ax.fill_between(times, low, high, color=colour, alpha=0.18, lw=0)
        label = engineering(float(temperature), "K")
        ax.plot(times, spikes.mean(axis=1), "o-", color=colour, label=label)
    time_axis(ax, times)
    ax.set_ylabel("input spikes per image")
    ax.set_ylim(bottom=0)
    energy = chips["energy"].sel(energy_model="synapse_and_neuron")
    per_spike = float((energy / chips["spikes"]).mean()) * 1e9  # nJ: energy is in proportion
    right = ax.secondary_yaxis(
        "right",
        functions=(lambda s: np.multiply(s, per_spike), lambda e: np.divide(e, per_spike)),
    )
    right.set_ylabel("synapse and neuron energy per image (nJ)")
    ax.legend(title="temperature", loc="upper left")


def wafer_map(
    values: xr.DataArray,
    ax: Axes,
    *,
    diameter: float,
    die: tuple[float, float],
    norm: Normalize,
    colormap: str = "viridis",
) -> PatchCollection:
    """One value per die on a wafer outline with its notch.

    Parameters
    ----------
    values : DataArray (chip)
        With coordinates ``x`` and ``y``, mm.
    ax : Axes
    diameter : float
        Of the wafer, mm.
    die : (float, float)
        Width and height of a die, mm.
    norm : Normalize
        Shared by the wafers of a figure.
    """
    w, h = die
    ax.add_patch(Circle((0, 0), diameter / 2, facecolor="0.95", edgecolor="0.4", lw=1))
    ax.plot([0], [-diameter / 2], marker="^", color="0.4", ms=5, clip_on=False)
    boxes = [
        Rectangle((x - w / 2, y - h / 2), w, h)
        for x, y in zip(values["x"].values, values["y"].values, strict=True)
    ]
    dies = PatchCollection(boxes, cmap=colormap, norm=norm, edgecolor="white", lw=0.5)
    dies.set_array(values.values)
    ax.add_collection(dies)
    ax.set_aspect("equal")
    ax.set_xlim(-diameter * 0.52, diameter * 0.52)
    ax.set_ylim(-diameter * 0.52, diameter * 0.52)
    ax.grid(False)
    ax.set_axis_off()
    return dies


def confusion_matrix(counts: xr.DataArray, ax: Axes) -> None:
    """Share of each label's images that came out as each class, in percent.

    Parameters
    ----------
    counts : DataArray (label, predicted)
    ax : Axes
    """
    share = (counts / counts.sum("predicted")).transpose("label", "predicted").values * 100
    _mesh(share, ax, cmap="Blues", vmin=0, vmax=100)
    ax.set_aspect("equal")
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.5:
            colour = "white" if value > 55 else "black"
            ax.text(j, i, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=8)
    ax.set_xticks(range(share.shape[1]), [str(c) for c in counts["predicted"].values])
    ax.set_yticks(range(share.shape[0]), [str(c) for c in counts["label"].values])
    ax.set_xlabel("class that the chip gave")
    ax.set_ylabel("digit (% of its images)")
    ax.grid(False)


def _mesh(table: np.ndarray, ax: Axes, **style: Any) -> None:
    """Colour the cells of a table, the first row on top."""
    rows, columns = table.shape
    ax.pcolormesh(np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, table, zorder=0, **style)
    ax.invert_yaxis()


def accuracy_against_factor(
    grid: xr.Dataset,
    ax: Axes,
    *,
    factor: str,
    lines: str | None,
    fixed: dict[str, float],
    measured: float,
) -> None:
    """Accuracy against one factor of a sensitivity grid, one line for each level of a second.

    Parameters
    ----------
    grid : Dataset
        ``accuracy`` (combination, chip) with the factors as coordinates of ``combination``.
    ax : Axes
    factor : str
        On the x axis.
    lines : str or None
        A line for each of its levels.
    fixed : dict of str to float
        Levels of the other factors.
    measured : float
    """
    chosen = np.ones(grid.sizes["combination"], dtype=bool)
    for name, level in fixed.items():
        chosen &= grid[name].values == level
    levels: Sequence[float | None] = [None] if lines is None else list(np.unique(grid[lines]))
    ticks = np.unique(grid[factor].values)
    for k, line in enumerate(levels):
        mask = chosen if lines is None else chosen & (grid[lines].values == line)
        part = grid.isel(combination=mask).sortby(factor)
        values = part["accuracy"].transpose("combination", "chip").values
        x = np.searchsorted(ticks, part[factor].values)
        label = None if lines is None else f"× {line:g}"
        low, high = np.quantile(values, [0.05, 0.95], axis=1)
        colour = PALETTE[k % len(PALETTE)]
        ax.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
        ax.plot(x, values.mean(axis=1), "o-", color=colour, label=label)
    ax.axhline(measured, color="0.3", lw=1, ls="--")
    ax.annotate(f"measured {measured:.0%}", (0, measured), **_LABEL)
    ax.set_xticks(range(len(ticks)), [f"{t:g}" for t in ticks])
    ax.set_xlabel(str(grid[factor].attrs["long_name"]))
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    ax.set_ylabel("accuracy (%)")
    if lines is not None:
        ax.legend(title=str(grid[lines].attrs["long_name"]), fontsize=8, title_fontsize=8)


def sensitivity_matrix(
    grid: xr.Dataset, explains: xr.DataArray, ax: Axes, *, rows: list[str], columns: list[str]
) -> None:
    """Mean accuracy at every combination of factors; framed where it explains the measured chip.

    Parameters
    ----------
    grid : Dataset
        ``accuracy`` (combination, chip) with the factors as coordinates of ``combination``.
    explains : DataArray of bool (combination)
    ax : Axes
    rows, columns : list of str
        Factors that make the rows and the columns, outermost first.
    """
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
    _mesh(table * 100, ax, cmap="Greys_r", vmin=0, vmax=115)
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


def time_axis(ax: Axes, times: np.ndarray) -> None:
    """Make the x axis one of log time with these times (s) as ticks; zero stands before them."""
    _log_scale(ax, times)
    ax.set_xticks(times, ["as pro-\ngrammed" if t == 0 else duration(float(t)) for t in times])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("time since programming (s, log scale)")


def _log_scale(ax: Axes, values: np.ndarray) -> None:
    """Logarithmic x axis; zero stands one and a half decades before the first real value."""
    positive = values[values > 0]
    zero = np.log10(positive.min() if positive.size else 1.0) - 1.5

    def place(x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, float)
        return np.where(x > 0, np.log10(np.where(x > 0, x, 1.0)), zero)

    ax.set_xscale("function", functions=(place, lambda u: np.power(10.0, u)))


def probability_axis(ax: Axes, percents: Sequence[float]) -> None:
    """Make a y axis of percents normal probability paper, with ticks at some of them."""
    score, percent = (lambda p: ndtri(np.asarray(p) / 100)), (lambda z: 100 * ndtr(z))
    ax.set_yscale("function", functions=(score, percent))
    ax.yaxis.set_major_locator(FixedLocator(list(percents)))
    ax.yaxis.set_major_formatter(FixedFormatter([f"{p:g}" for p in percents]))


def predictive_check(check: xr.Dataset, ax: Axes, *, quantity: str) -> None:
    """Measured statistics (points) on what the fitted card predicts (bands).

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`, or a part of it: of levels at one condition for
        each colour, of states against time or reads.
    ax : Axes
    quantity : str
        One of ``check["quantity"]``: ``mean``, ``sigma``, ``correlation`` ...
    """
    part = check.isel(statistic=(check["quantity"] == quantity).values)
    of_levels = bool(np.isfinite(part["level"]).all())
    unitless = quantity.startswith(("correlation", "autocorrelation"))
    scale = 1e6 if of_levels and not unitless else 1.0
    hot = len(np.unique(part["temperature"])) > 1
    by = "temperature" if of_levels and hot else "time" if of_levels else "label"
    kinds = np.unique(part[by].values)
    for k, kind in enumerate(kinds):
        own = part.isel(statistic=(part[by] == kind).values)
        x, order = _predictive_axis(own, of_levels)
        colour = PALETTE[k % len(PALETTE)]
        low, high, seen = (own[name].values[order] * scale for name in ("low", "high", "observed"))
        ax.fill_between(x[order], low, high, color=colour, alpha=0.25, lw=0)
        label = str(kind) if by == "label" else engineering(float(kind), part[by].attrs["units"])
        ax.plot(x[order], seen, "os^Dv<>"[k % 7], ms=3.5, color=colour, label=label)
    names = {
        "mean": "mean change",
        "sigma": "standard deviation of the change",
        "correlation": "correlation with the first change",
    }
    unit = "" if unitless else " (µS)" if of_levels else " (ln G)"
    ax.set_ylabel(names.get(quantity, quantity.replace("_", " ")) + unit)
    if of_levels:
        ax.set_xlabel("level (µS)")
    elif (part["reads"] > 0).any():
        ax.set_xlabel("reads (log scale)")
        ax.set_xscale("symlog", linthresh=1)
    else:
        ax.set_xlabel("time since programming (s, log scale)")
        ax.set_xscale(
            "symlog", linthresh=max(float(part["time"].where(part["time"] > 0).min()), 1e-9)
        )
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))  # room for the legend
    ax.legend(fontsize=7, ncols=3, loc="upper right", columnspacing=1.0, handletextpad=0.2)


def _predictive_axis(part: xr.Dataset, of_levels: bool) -> tuple[np.ndarray, np.ndarray]:
    if of_levels:
        x = part["level"].values * 1e6
    else:
        x = np.where(part["reads"] > 0, part["reads"], part["time"]).astype(float)
    return x, np.argsort(x)


def predictive_intervals(check: xr.Dataset, ax: Axes) -> None:
    """Every statistic of a check on one axis: measured value within its predictive interval.

    For checks of few statistics, such as those of cycles.

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`.
    ax : Axes
    """
    middle, half = (check["high"] + check["low"]) / 2, (check["high"] - check["low"]) / 2
    half = half.where(half > 0, 1e-12)
    y = np.arange(check.sizes["statistic"])[::-1]
    ax.axvspan(-1, 1, color=PALETTE[0], alpha=0.2, lw=0)
    ax.plot(((check["observed"] - middle) / half).values, y, "o", color=PALETTE[4])
    names = [
        f"{label} {quantity}".replace("_", " ")
        for label, quantity in zip(check["label"].values, check["quantity"].values, strict=True)
    ]
    ax.set_yticks(y, names, fontsize=8)
    ax.set_xlabel("measured value (band: predictive interval, -1 to 1)")
