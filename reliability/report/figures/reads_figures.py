"""Reads of cells, by a tester or by inferences: which rows get them, what they do to accuracy."""

import math

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from reliability.campaign.selection import wafers_of
from reliability.report.figures.accuracy_figures import bands_of_draws, mean_and_chips
from reliability.report.figures.style import (
    LABEL,
    axes_of,
    legend_above,
    log_axis_from_zero,
    metric_axis,
    power_of_ten,
    table_mesh,
)
from reliability.statistics.crossed import mean_of_fractions, mean_of_rows
from reliability.units import engineering

_LABELS = {"reads": "read pulses of every cell (log scale)", "inferences": "inferences (log scale)"}


def accuracy_against_reads(
    accuracy: xr.DataArray,
    ax: Axes | None = None,
    *,
    ideal: float,
    confidence: float = 0.95,
    draws: xr.DataArray | None = None,
) -> Axes:
    """Accuracy against reads of every cell, or inferences, one line for each read voltage.

    Points: mean of chips. Thin bars: its interval, or with ``draws`` 5 to 95 % of the mean over
    drawn cards. Thick bars, or the band of a single line: 5 to 95 % of chips.

    Parameters
    ----------
    accuracy : DataArray ([read_voltage,] reads, chip) or ([read_voltage,] inferences, chip)
    ax : Axes, optional
        A new figure without.
    ideal : float
        Accuracy of ideal cells, as a line.
    confidence : float
        Of the intervals.
    draws : DataArray (draw, [read_voltage,] reads or inferences, chip), optional
    """
    ax = axes_of(ax)
    along = "inferences" if "inferences" in accuracy.dims else "reads"
    if "read_voltage" not in accuracy.dims:
        accuracy = accuracy.expand_dims("read_voltage")
        draws = None if draws is None else draws.expand_dims("read_voltage")
    numbers = accuracy[along].values
    wafers = wafers_of(accuracy) if "wafer" in accuracy.coords else None
    for k, voltage in enumerate(np.atleast_1d(accuracy["read_voltage"].values)):
        values = accuracy.isel(read_voltage=k).transpose(along, "chip")
        if draws is not None:
            ends = [edge.transpose(along)
                    for edge in bands_of_draws(draws.isel(read_voltage=k)).values()]  # fmt: skip
        else:
            mean_of = mean_of_fractions if accuracy.attrs.get("fraction", 1) else mean_of_rows
            found = [mean_of(row, wafers, confidence) for row in values.values]
            ends = list(np.array(found).T[1:])
        mean_and_chips(numbers, values, ax, k, engineering(float(voltage), "V"),
                       of=accuracy.sizes["read_voltage"], whiskers=ends)  # fmt: skip
    ax.axhline(ideal, color="0.3", lw=1, ls="--")
    percent = accuracy.attrs.get("fraction", 1)
    said = f"{100 * ideal:.1f} %" if percent else f"{ideal:.4g}"
    ax.annotate(f"ideal cells {said}", (numbers[0], ideal), **LABEL)
    log_axis_from_zero(ax, numbers)
    limits = ax.get_xlim()  # ticks would move them
    ax.set_xticks(numbers, [power_of_ten(float(n)) if n else "0" for n in numbers])
    ax.set_xlim(limits)
    ax.set_xlabel(_LABELS[along])
    metric_axis(ax.yaxis, accuracy)
    legend_above(ax)
    return ax


def reads_of_rows(reads: xr.DataArray, ax: Axes | None = None, *, norm: LogNorm) -> Axes:
    """Reads of each input row, laid out as the image that feeds it; a dot where there are none.

    Parameters
    ----------
    reads : DataArray (input)
        Of a square image, row by row.
    ax : Axes, optional
        A new figure without.
    norm : LogNorm
        Of the colours, so that maps can share a colour bar.
    """
    ax = axes_of(ax)
    side = math.isqrt(reads.sizes["input"])
    image = np.ma.masked_less_equal(reads.values.reshape(side, side), 0)
    table_mesh(ax, image, norm=norm)
    ax.set_aspect("equal")
    for i, j in zip(*np.nonzero(np.ma.getmaskarray(image)), strict=True):
        ax.text(j, i, "·", ha="center", va="center", color="0.5", fontsize=8)
    at = [0, side // 2, side - 1]
    ax.set_xticks(at, [str(k + 1) for k in at])
    ax.set_yticks(at, [str(k + 1) for k in at])
    ax.set_xlabel("column of the image")
    ax.set_ylabel("row of the image")
    ax.grid(False)
    ax.spines[:].set_visible(True)
    return ax
