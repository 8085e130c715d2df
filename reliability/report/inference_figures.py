"""Figures of reads that inferences make: which rows they read, and what it does to accuracy."""

import math
from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.ticker import PercentFormatter

from reliability.campaign.spec import Study
from reliability.report.figures import PALETTE
from reliability.report.figures.style import log_axis_from_zero, power_of_ten, table_mesh
from reliability.report.page import Figure, canvas, svg
from reliability.report.words import age_title, percent
from reliability.statistics.intervals import mean_interval
from reliability.units import engineering


def accuracy_against_inferences(
    accuracy: xr.DataArray,
    ax: Axes,
    *,
    ideal: float,
    confidence: float = 0.95,
    draws: xr.DataArray | None = None,
) -> None:
    """Accuracy against the number of inferences, one line for each read voltage.

    Points with bars: mean of chips with its interval. Bands: 5 to 95 % of chips. Dots: 5 to 95 % of
    the mean over drawn cards.

    Parameters
    ----------
    accuracy : DataArray ([read_voltage,] inferences, chip)
    ax : Axes
    ideal : float
        Accuracy of ideal cells, as a line.
    confidence : float
        Of the intervals.
    draws : DataArray (draw, [read_voltage,] inferences, chip), optional
    """
    if "read_voltage" not in accuracy.dims:
        accuracy = accuracy.expand_dims("read_voltage")
        draws = None if draws is None else draws.expand_dims("read_voltage")
    numbers = accuracy["inferences"].values
    for k, voltage in enumerate(np.atleast_1d(accuracy["read_voltage"].values)):
        colour = PALETTE[k % len(PALETTE)]
        values = accuracy.isel(read_voltage=k).transpose("inferences", "chip").values
        low, high = np.quantile(values, [0.05, 0.95], axis=1)
        ax.fill_between(numbers, low, high, color=colour, alpha=0.13, lw=0)
        ends = np.array([mean_interval(row, confidence) for row in values])
        ax.errorbar(
            numbers,
            ends[:, 0],
            yerr=np.abs(ends[:, 1:] - ends[:, :1]).T,
            fmt="os^Dv<>"[k % 7] + "-",
            ms=4,
            capsize=2.5,
            color=colour,
            label=engineering(float(voltage), "V"),
        )
        if draws is not None:
            means = draws.isel(read_voltage=k).mean("chip").transpose("inferences", "draw").values
            for edge in np.quantile(means, [0.05, 0.95], axis=1):
                ax.plot(numbers, edge, ":", color=colour, lw=1.2)
    ax.axhline(ideal, color="0.3", lw=1, ls="--")
    ax.annotate(
        f"ideal cells {ideal:.1%}",
        (numbers[0], ideal),
        xytext=(3, 3),
        textcoords="offset points",
        fontsize=8,
    )
    log_axis_from_zero(ax, numbers)
    ax.set_xticks(numbers, [_power(number) for number in numbers])
    ax.set_xlabel("inferences (log scale)")
    ax.set_ylabel("accuracy (%)")
    ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
    ax.legend(title="read voltage", loc="lower left")


def _power(number: float) -> str:
    """Print a number of inferences as a power of ten, where it is one."""
    return power_of_ten(number) if number and math.log10(number).is_integer() else f"{number:.3g}"


def read_map(reads: xr.DataArray, ax: Axes, norm: LogNorm) -> QuadMesh:
    """Reads of each input row, laid out as the image that feeds it; never read: white.

    Parameters
    ----------
    reads : DataArray (input)
        Of a square image, row by row.
    ax : Axes
    norm : LogNorm
    """
    side = math.isqrt(reads.sizes["input"])
    image = np.ma.masked_less_equal(reads.values.reshape(side, side), 0)
    drawn = table_mesh(ax, image, cmap="viridis", norm=norm)
    ax.set_aspect("equal")
    for i, j in zip(*np.nonzero(image.mask), strict=True) if np.any(image.mask) else ():
        ax.text(j, i, "·", ha="center", va="center", color="0.5", fontsize=8)
    ax.set_xticks([0, side // 2, side - 1], ["1", str(side // 2 + 1), str(side)])
    ax.set_yticks([0, side // 2, side - 1], ["1", str(side // 2 + 1), str(side)])
    ax.set_xlabel("column of the image")
    ax.set_ylabel("row of the image")
    ax.grid(False)
    ax.spines[:].set_visible(True)
    return drawn


def inference_figures(
    study: Study, results: dict[str, xr.Dataset], ideal: float
) -> Iterator[Figure]:
    """Yield the figures of a study over inferences."""
    ages, end = study.ages, study.ages.end
    here = {name: end[name] for name in ("time", "temperature")}
    chips = results["chips"].sel(here)
    many = f"{chips.sizes['chip']} chips"
    draws = results["draws"]["accuracy"].sel(here) if "draws" in results else None
    with canvas(8.6, 4.8) as (figure, axes):
        accuracy_against_inferences(
            chips["accuracy"],
            axes.flat[0],
            ideal=ideal,
            confidence=study.confidence,
            draws=draws,
        )
        dots = (
            ""
            if draws is None
            else " Dots: 5 to 95 % of the mean over cards drawn from what is uncertain."
        )
        yield Figure(
            "inferences",
            "Accuracy against inferences",
            f"Mean of {many} with its {percent(study.confidence, 0)} interval (points), 5 to 95 % "
            f"of chips (band).{dots} {age_title(here)} the inferences begin.",
            svg(figure, "Accuracy against number of inferences for each read voltage"),
        )
    inputs = chips.sizes["input"]
    if math.isqrt(inputs) ** 2 != inputs:
        return
    if "read_voltage" in chips.dims:
        chips = chips.sel(read_voltage=ages.read_voltages[-1])
    each = (chips["reads_per_input"].mean("chip") / study.network.images).load()
    first, last = each.isel(inferences=0), each.isel(inferences=-1)
    norm = LogNorm(float(each.where(each > 0).min()), float(each.max()))
    with canvas(8.6, 4.4, 1, 2) as (figure, axes):
        for ax, at in zip(axes.flat, (first, last), strict=True):
            drawn = read_map(at, ax, norm)
            number = float(at["inferences"])
            when = f"after {_power(number)} inferences" if number else "before the first inference"
            ax.set_title(f"{when}\n{float(at.sum()):.0f} input events per image", fontsize=10)
        axes.flat[1].set_ylabel("")
        bar = figure.colorbar(drawn, ax=list(axes.flat), shrink=0.85)
        bar.set_label("reads of each cell of the row per inference")
        share = float(np.sort(first.values)[::-1][: inputs // 10].sum() / first.sum())
        yield Figure(
            "reads-map",
            "Which rows inferences read",
            f"An input event reads all cells of its row. Mean over {many} and "
            f"{study.network.images} images, at {engineering(ages.read_voltages[-1], 'V')}. The "
            f"tenth of the rows that is read most gets {percent(share, 0)} of the reads; rows "
            "with a dot are never read.",
            svg(figure, "Maps of the reads of each input row per inference, before and at the end"),
        )
