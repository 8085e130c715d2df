"""Accuracy of chips: means, bands over chips, bands over draws of the card."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from reliability.report.figures.style import (
    LABEL,
    PALETTE,
    axes_of,
    colour,
    log_axis,
    marker,
    metric_axis,
    name_axis,
    reading_unit,
    time_axis,
)
from reliability.units import engineering

_LINES = ("-", "--", ":", "-.")


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
    low, high = (values.quantile(q, "chip").drop_vars("quantile") for q in (0.05, 0.95))
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
    means = draws.mean("chip")
    low, high = (means.quantile(q, "draw").drop_vars("quantile") for q in (0.05, 0.95))
    return xr.Dataset({"draws_low": low, "draws_high": high})


def mean_and_chips(
    x: ArrayLike, values: xr.DataArray, ax: Axes, k: int, label: str | None = None, line: str = "-"
) -> None:
    """Draw the mean over chips as the k-th line, and 5 to 95 % of chips as its band.

    Parameters
    ----------
    x : array_like, shape (points,)
    values : DataArray (point, chip)
        With any name of the first dimension.
    ax : Axes
    k : int
    label : str, optional
    line : str
        Style.
    """
    bands = bands_of_chips(values)
    ax.fill_between(x, bands["chips_low"], bands["chips_high"], color=colour(k), alpha=0.15, lw=0)
    ax.plot(x, bands["mean"], f"{marker(k)}{line}", ms=4.5, color=colour(k), label=label)


def accuracy_against_time(
    accuracy: xr.DataArray,
    ax: Axes | None = None,
    *,
    draws: xr.DataArray | None = None,
    references: Mapping[str, float] | None = None,
) -> Axes:
    """Accuracy against time for each temperature: mean, 5-95 % of chips, 5-95 % of card draws.

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
        mean_and_chips(times, at, ax, k, engineering(float(temperature), "K"))
        if draws is not None:
            for edge in bands_of_draws(draws.sel(temperature=temperature)).values():
                ax.plot(times, edge.transpose("time"), ":", color=colour(k), lw=1.3)
    for k, (label, value) in enumerate((references or {}).items()):
        ax.axhline(value, color="0.3", lw=1, ls=("--", "-.")[k % 2])
        ax.annotate(label, (times[min(1, times.size - 1)], value), **LABEL)
    time_axis(ax, times)
    metric_axis(ax.yaxis, accuracy)
    ax.legend(title="temperature", loc="lower left")
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
        mean_and_chips(times, at, ax, k, str(label), _LINES[k % 4])
    time_axis(ax, times)
    metric_axis(ax.yaxis, accuracy)
    ax.legend(loc="best")
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
        mean_and_chips(at[x].values, at, ax, k, line or None)
    if log:
        ax.set_xscale("log")
    ax.set_xlabel(label)
    metric_axis(ax.yaxis, accuracy)
    if lines != [""]:
        ax.legend(loc="best")
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
        mean, y, xerr=error, fmt="o", color="black", ms=4, capsize=3, lw=1.2, label="mean, interval"
    )
    ax.set_yticks(y, [str(label) for label in found["point"].values])
    ax.set_ylim(-0.6, y.size - 0.4)
    metric_axis(ax.xaxis, found["mean"])
    ax.grid(axis="y", visible=False)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
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
        mean_and_chips(times, spikes, ax, k, engineering(float(temperature), "K"))
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
    ax.legend(title="temperature", loc="upper left")
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
    """Conductance of each state against time: median, and 5 to 95 % of cells, by temperature.

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
    for k, temperature in enumerate(quantiles["temperature"].values):
        for i, state in enumerate(states):
            at = {"temperature": temperature, "programmed_state": state}
            here = bands.sel(at).transpose("time")
            ax.fill_between(times, here["low"], here["high"], color=colour(k), alpha=0.13, lw=0)
            label = f"{state}, {engineering(float(temperature), 'K')}"
            ax.plot(times, here["median"], f"{marker(i)}-", ms=4, color=colour(k), label=label)
    time_axis(ax, times)
    log_axis(ax.yaxis, np.stack([bands["low"], bands["high"]]))
    name_axis(ax.yaxis, "conductance", symbol)
    if len(states) * quantiles.sizes["temperature"] <= 12:
        ax.legend(ncols=len(states), loc="best")
    return ax
