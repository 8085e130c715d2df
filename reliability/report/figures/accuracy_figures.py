"""Accuracy of chips: means, bands over chips, bands over draws of the card."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from reliability.report.figures.style import (
    LABEL,
    PALETTE,
    axes_of,
    colour,
    legend_above,
    log_axis,
    marker,
    metric_axis,
    name_axis,
    reading_unit,
    set_beside,
    time_axis,
)
from reliability.statistics.means import one_more
from reliability.units import engineering


def bands_of_chips(values: xr.DataArray) -> xr.Dataset:
    """Return what is drawn of chips: their mean, and the middle 90 % of them.

    Parameters
    ----------
    values : DataArray (..., chip)

    Returns
    -------
    Dataset
        ``mean``, ``chips_low`` (5 %) and ``chips_high`` (95 % of the chips).
    """
    low, high = _middle(values, "chip")
    mean = values.mean("chip", keep_attrs=True)
    return xr.Dataset({"mean": mean, "chips_low": low, "chips_high": high})


def bands_of_draws(draws: xr.DataArray) -> xr.Dataset:
    """Return the middle 90 % of the mean accuracies of sampled cards.

    Parameters
    ----------
    draws : DataArray (draw, ..., chip)

    Returns
    -------
    Dataset
        ``draws_low`` (5 %) and ``draws_high`` (95 % of the cards).
    """
    low, high = _middle(draws.mean("chip"), "draw")
    return xr.Dataset({"draws_low": low, "draws_high": high})


def _middle(values: xr.DataArray, along: str) -> tuple[xr.DataArray, xr.DataArray]:
    first = values.isel({along: 0}, drop=True)
    ends = one_more(values.transpose(along, ...).values, 0.9)
    return first.copy(data=ends[0]), first.copy(data=ends[1])


def mean_and_chips(
    x: ArrayLike,
    values: xr.DataArray,
    ax: Axes,
    k: int,
    label: str | None = None,
    *,
    of: int = 1,
    whiskers: ArrayLike | None = None,
) -> None:
    """Draw the mean over chips as the k-th line, and 5 to 95 % of chips as its band.

    Of several lines the bands are bars, a little beside each other: none hides another.

    Parameters
    ----------
    x : array_like, shape (points,)
    values : DataArray (point, chip)
        With any name of the first dimension.
    ax : Axes
    k : int
    label : str, optional
    of : int
        Lines in the figure.
    whiskers : array_like, shape (2, points), optional
        Ends of thin bars at the points.
    """
    bands = bands_of_chips(values)
    drawn: list[Artist] = []
    ends = bands["chips_low"], bands["chips_high"]
    if of == 1:
        ax.fill_between(x, *ends, color=colour(k), alpha=0.15, lw=0)
    else:
        drawn.append(ax.vlines(x, *ends, lw=4.5, alpha=0.35, color=colour(k)))
    if whiskers is not None:
        low, high = np.asarray(whiskers)
        middle = (low + high) / 2
        bars = ax.errorbar(x, middle, high - middle, fmt="none", capsize=2, lw=1, ecolor=colour(k))
        drawn += bars.get_children()
    drawn += ax.plot(
        x, bands["mean"], f"{marker(k)}-", ms=4.5, lw=1.3, label=label, color=colour(k)
    )
    set_beside(drawn, k, of)


def band_or_bars(lines: int) -> str:
    """Return what `mean_and_chips` draws of the chips."""
    return "band" if lines == 1 else "thick bars"


def accuracy_against_time(
    accuracy: xr.DataArray,
    ax: Axes | None = None,
    *,
    draws: xr.DataArray | None = None,
    references: Mapping[str, float] | None = None,
) -> Axes:
    """Accuracy against time for each temperature: mean, 5-95 % of chips, 5-95 % of card draws.

    The chips are a band, or thick bars where there are several temperatures; the draws thin bars.

    Parameters
    ----------
    accuracy : DataArray (temperature, time, chip)
    ax : Axes, optional
        A new figure without.
    draws : DataArray (draw, temperature, time, chip), optional
        Of cards drawn from the parameters' uncertainty.
    references : mapping of str to float, optional
        Horizontal lines.
    """
    ax = axes_of(ax)
    times = accuracy["time"].values
    for k, temperature in enumerate(accuracy["temperature"].values):
        at = accuracy.sel(temperature=temperature).transpose("time", "chip")
        ends = None
        if draws is not None:
            found = bands_of_draws(draws.sel(temperature=temperature))
            ends = [edge.transpose("time") for edge in found.values()]
        mean_and_chips(times, at, ax, k, engineering(float(temperature), "K"),
                       of=accuracy.sizes["temperature"], whiskers=ends)  # fmt: skip
    for k, (label, value) in enumerate((references or {}).items()):
        ax.axhline(value, color="0.3", lw=1, ls=("--", "-.")[k % 2])
        place = (times[min(1, times.size - 1)], value)  # right of the bars, none on another
        side = ("bottom", 2) if value == max((references or {}).values()) else ("top", -2)
        ax.annotate(label, place, va=side[0], **LABEL | {"xytext": (14, side[1])})
    time_axis(ax, times)
    metric_axis(ax.yaxis, accuracy)
    if accuracy.sizes["temperature"] > 1:
        legend_above(ax)
    return ax


def points_against_time(accuracy: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Accuracy against time, one line per point of a sweep: mean, and 5 to 95 % of chips.

    Parameters
    ----------
    accuracy : DataArray (point, time, chip)
        Points by their labels.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    times = accuracy["time"].values
    for k, label in enumerate(accuracy["point"].values):
        at = accuracy.isel(point=k).transpose("time", "chip").dropna("chip", how="all")
        mean_and_chips(times, at, ax, k, str(label), of=accuracy.sizes["point"])
    time_axis(ax, times)
    metric_axis(ax.yaxis, accuracy)
    legend_above(ax)
    return ax


def accuracy_against_axis(
    accuracy: xr.DataArray, ax: Axes | None = None, *, x: str, label: str, log: bool
) -> Axes:
    """Accuracy against a number that is swept, one line per combination of the others.

    Parameters
    ----------
    accuracy : DataArray (line, x, chip)
        Lines by their labels, "" where there is one.
    ax : Axes, optional
        A new figure without.
    x : str
        Dimension of the number.
    label : str
        Of the x axis.
    log : bool
        Whether the x axis is logarithmic.
    """
    ax = axes_of(ax)
    lines = [str(line) for line in accuracy["line"].values]
    for k, line in enumerate(lines):
        at = accuracy.isel(line=k).transpose(x, "chip")
        mean_and_chips(at[x].values, at, ax, k, line or None, of=len(lines))
    if log:
        ax.set_xscale("log")
    ax.set_xlabel(label)
    metric_axis(ax.yaxis, accuracy)
    if lines != [""]:
        legend_above(ax)
    return ax


def accuracy_of_points(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy at each point of a sweep: mean with its interval, and the range of chips.

    Parameters
    ----------
    found : Dataset
        ``mean``, its interval ``low``, ``high``, and 5 to 95 % of chips, ``chips_low`` and
        ``chips_high`` (`bands_of_chips`), over ``point``, by their labels.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    y = np.arange(found.sizes["point"])[::-1]
    mean = found["mean"].values
    ax.hlines(y, found["chips_low"], found["chips_high"], color=PALETTE[5], lw=7, alpha=0.6,
              label="5 to 95 % of chips")  # fmt: skip
    error = np.abs([found["low"].values - mean, found["high"].values - mean])
    ax.errorbar(
        mean,
        y,
        xerr=error,
        fmt="o",
        color="black",
        ms=4,
        capsize=3,
        lw=1.2,
        label="mean and its interval",
    )
    ax.set_yticks(y, [str(label) for label in found["point"].values])
    ax.set_ylim(-0.6, y.size - 0.4)
    metric_axis(ax.xaxis, found["mean"])
    ax.grid(axis="y", visible=False)
    legend_above(ax)
    return ax


def spikes_against_time(chips: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Input spikes per image, and energy on a second axis, against time for each temperature.

    Parameters
    ----------
    chips : Dataset
        ``spikes`` and ``energy`` (temperature, time, chip[, energy_model]).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    times = chips["time"].values
    for k, temperature in enumerate(chips["temperature"].values):
        spikes = chips["spikes"].sel(temperature=temperature).transpose("time", "chip")
        mean_and_chips(times, spikes, ax, k, engineering(float(temperature), "K"),
                       of=chips.sizes["temperature"])  # fmt: skip
    time_axis(ax, times)
    ax.set_ylabel("input spikes per image")
    ax.set_ylim(bottom=0)
    energy = chips["energy"].sel(energy_model="synapse_and_neuron")
    joule = float((energy / chips["spikes"]).mean())  # energy is in proportion to spikes
    factor, symbol = reading_unit(joule * np.array(ax.get_ylim()), "J")
    per_spike = joule / factor
    right = ax.secondary_yaxis(
        "right",
        functions=(lambda s: np.multiply(s, per_spike), lambda e: np.divide(e, per_spike)),
    )
    name_axis(right.yaxis, "synapse and neuron energy per image", symbol)
    if chips.sizes["temperature"] > 1:
        legend_above(ax)
    return ax


def state_bands(quantiles: xr.DataArray) -> xr.Dataset:
    """Return what is drawn of the cells of a state: their median and the middle 90 % of them.

    Parameters
    ----------
    quantiles : DataArray (..., chip, probability)
        Their mean over chips is taken.

    Returns
    -------
    Dataset
        ``median``, ``low`` (5 %) and ``high`` (95 % of cells).
    """
    middle = quantiles.mean("chip", keep_attrs=True)
    ends = {"low": 0.05, "median": 0.5, "high": 0.95}
    return xr.Dataset({name: middle.sel(probability=p, method="nearest").drop_vars("probability")
                       for name, p in ends.items()})  # fmt: skip


def states_against_time(quantiles: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Conductance of each state against time: median, and 5 to 95 % of cells (bars).

    Parameters
    ----------
    quantiles : DataArray
        ``conductance_quantile`` (temperature, time, chip, programmed_state, probability) of a
        study, S.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    times = quantiles["time"].values
    states = quantiles["programmed_state"].values
    factor, symbol = reading_unit(quantiles.values, "S")
    bands = state_bands(quantiles) / factor
    temperatures = quantiles["temperature"].values
    for k, temperature in enumerate(temperatures):
        at = f", {engineering(float(temperature), 'K')}" if len(temperatures) > 1 else ""
        for i, state in enumerate(states):
            here = bands.sel(temperature=temperature, programmed_state=state).transpose("time")
            bars = ax.vlines(times, here["low"], here["high"], lw=4.5, alpha=0.35, color=colour(k))
            line = ax.plot(
                times, here["median"], f"{marker(i)}-", ms=4, lw=1.3, color=colour(k),
                label=f"{state}{at}",
            )  # fmt: skip
            set_beside([bars, *line], k, len(temperatures))
    time_axis(ax, times)
    log_axis(ax.yaxis, np.stack([bands["low"], bands["high"]]))
    name_axis(ax.yaxis, "conductance", symbol)
    if len(states) * len(temperatures) <= 12:
        legend_above(ax)
    return ax
