"""Accuracy of chips: means, bands over chips, bands over draws of the card."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from reliability.report.figures.style import (
    LABEL,
    PALETTE,
    axes_of,
    colour,
    log_axis,
    marker,
    name_axis,
    percent_axis,
    reading_unit,
    time_axis,
)
from reliability.units import engineering

_LINES = ("-", "--", ":", "-.")


def mean_and_chips(
    x: ArrayLike, values: NDArray[Any], ax: Axes, k: int, label: str | None = None, line: str = "-"
) -> None:
    """Draw the mean over chips as the k-th line, and 5 to 95 % of chips as its band.

    Parameters
    ----------
    x : array_like, shape (points,)
    values : ndarray, shape (points, chips)
    ax : Axes
    k : int
    label : str, optional
    line : str
        Style.
    """
    low, high = np.quantile(values, [0.05, 0.95], axis=1)
    ax.fill_between(x, low, high, color=colour(k), alpha=0.15, lw=0)
    ax.plot(x, values.mean(axis=1), f"{marker(k)}{line}", ms=4.5, color=colour(k), label=label)


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
        mean_and_chips(times, at.values, ax, k, engineering(float(temperature), "K"))
        if draws is not None:
            means = draws.sel(temperature=temperature).mean("chip").transpose("time", "draw").values
            for edge in np.quantile(means, [0.05, 0.95], axis=1):
                ax.plot(times, edge, ":", color=colour(k), lw=1.3)
    for k, (label, value) in enumerate((references or {}).items()):
        ax.axhline(value, color="0.3", lw=1, ls=("--", "-.")[k % 2])
        ax.annotate(label, (times[min(1, times.size - 1)], value), **LABEL)
    time_axis(ax, times)
    percent_axis(ax.yaxis, "accuracy")
    ax.legend(title="temperature", loc="lower left")
    return ax


def points_against_time(
    accuracy: Sequence[xr.DataArray], labels: Sequence[str], ax: Axes | None = None
) -> Axes:
    """Accuracy against time, one line for each point of a sweep: mean, and 5 to 95 % of chips.

    Parameters
    ----------
    accuracy : sequence of DataArray (time, chip)
    labels : sequence of str
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    times = accuracy[0]["time"].values
    for k, (values, label) in enumerate(zip(accuracy, labels, strict=True)):
        mean_and_chips(times, values.transpose("time", "chip").values, ax, k, label, _LINES[k % 4])
    time_axis(ax, times)
    percent_axis(ax.yaxis, "accuracy")
    ax.legend(loc="best")
    return ax


def accuracy_against_axis(
    x: NDArray[Any],
    accuracy: NDArray[Any],
    lines: Sequence[str],
    ax: Axes | None = None,
    *,
    label: str,
    log: bool,
) -> Axes:
    """Accuracy against a number that is swept, one line for each combination of the others.

    Parameters
    ----------
    x : ndarray, shape (values,)
    accuracy : ndarray, shape (lines, values, chips)
    lines : sequence of str
    ax : Axes, optional
        A new figure without.
    label : str
        Of the x axis.
    log : bool
        Whether the x axis is logarithmic.
    """
    ax = axes_of(ax)
    for k, (values, line) in enumerate(zip(accuracy, lines, strict=True)):
        mean_and_chips(x, values, ax, k, line or None)
    if log:
        ax.set_xscale("log")
    ax.set_xlabel(label)
    percent_axis(ax.yaxis, "accuracy")
    if list(lines) != [""]:
        ax.legend(loc="best")
    return ax


def accuracy_of_points(
    accuracy: NDArray[Any], intervals: NDArray[Any], labels: Sequence[str], ax: Axes | None = None
) -> Axes:
    """Accuracy at each point of a sweep: mean with its interval, and the spread of chips.

    Parameters
    ----------
    accuracy : ndarray, shape (points, chips)
    intervals : ndarray, shape (points, 2)
        Of the means.
    labels : sequence of str
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    y = np.arange(len(labels))[::-1]
    low, high = np.quantile(accuracy, [0.05, 0.95], axis=1)
    ax.hlines(y, low, high, color=PALETTE[5], lw=7, alpha=0.6, label="5 to 95 % of chips")
    mean = accuracy.mean(axis=1)
    error = np.abs(intervals.T - mean)
    ax.errorbar(
        mean, y, xerr=error, fmt="o", color="black", ms=4, capsize=3, lw=1.2, label="mean, interval"
    )
    ax.set_yticks(y, labels)
    ax.set_ylim(-0.6, len(labels) - 0.4)
    percent_axis(ax.xaxis, "accuracy")
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
        spikes = chips["spikes"].sel(temperature=temperature).transpose("time", "chip").values
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
    middle = quantiles.mean("chip") / factor
    low, median, high = (middle.sel(probability=p, method="nearest") for p in (0.05, 0.5, 0.95))
    for k, temperature in enumerate(quantiles["temperature"].values):
        for i, state in enumerate(states):
            at = {"temperature": temperature, "programmed_state": state}
            bottom, top = (v.sel(at).transpose("time").values for v in (low, high))
            ax.fill_between(times, bottom, top, color=colour(k), alpha=0.13, lw=0)
            label = f"{state}, {engineering(float(temperature), 'K')}"
            ax.plot(times, median.sel(at), f"{marker(i)}-", ms=4, color=colour(k), label=label)
    time_axis(ax, times)
    log_axis(ax.yaxis, middle.values)
    name_axis(ax.yaxis, "conductance", symbol)
    if len(states) * quantiles.sizes["temperature"] <= 12:
        ax.legend(ncols=len(states), loc="best")
    return ax
