"""Planar, stacked and monolithic layouts: wires, heat, and accuracy after the mission."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reliability.report.figures.style import (
    axes_of,
    colour,
    interval_of_draws,
    log_axis,
    marker,
    name_axis,
    percent_axis,
)

_NAMES = {
    "planar": "planar",
    "tsv": "through-silicon vias",
    "hybrid": "copper pads",
    "monolithic": "monolithic tiers",
}
_LINES = {"planar": "-", "tsv": "--", "hybrid": "-.", "monolithic": ":"}
_RATIOS = {
    "footprint": "footprint",
    "line_energy": "energy of a line\nin a tile",
    "wire_energy": "energy of a wire\nacross the chip",
}
_ZERO = 273.15  # K


def memory_temperature(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Hottest memory of each layout against the power density of the planar one.

    Parameters
    ----------
    data : Dataset
        ``hottest_temperature`` (draw, structure, power_density), ``temperature_limit`` (draw,
        structure, power_density), K; power density in W/m^2. Draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = _against_power(data["hottest_temperature"] - _ZERO, axes_of(ax))
    # the same for all layouts and powers
    limit = data["temperature_limit"].isel(structure=0, power_density=0) - _ZERO
    ax.axhline(float(limit[0]), color="0.3", lw=1.0, ls="--", label="highest allowed")
    if limit.size > 1:
        low, high = interval_of_draws(limit)
        ax.axhspan(low, min(high, 200.0), color="0.5", alpha=0.15, lw=0)
    ax.set_ylim(40, 200)
    name_axis(ax.yaxis, "hottest memory", "°C")
    ax.legend(loc="upper left")
    return ax


def accuracy_left(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy of each layout after the mission, at its hottest place, against power density.

    Parameters
    ----------
    data : Dataset
        ``accuracy`` (draw, structure, power_density), W/m^2; draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = _against_power(data["accuracy"], axes_of(ax))
    ax.set_ylim(0, 1)
    percent_axis(ax.yaxis, "accuracy after the mission")
    ax.legend(loc="lower left")
    return ax


def error_rate_left(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Bit-error rate of each layout after the mission, at its hottest place.

    Parameters
    ----------
    data : Dataset
        ``bit_error_rate`` (draw, structure, power_density), W/m^2; draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = _against_power(data["bit_error_rate"], axes_of(ax))
    log_axis(ax.yaxis, [1e-3, 1.0])
    ax.set_ylim(1e-3, 1)
    ax.set_ylabel("bit-error rate after the mission")
    ax.legend(loc="upper left")
    return ax


def _against_power(values: xr.DataArray, ax: Axes) -> Axes:
    """A line for each layout; the interval of the draws of the last one."""
    watts = values["power_density"] * 1e-4  # per cm^2
    for k, (name, layout) in enumerate(_NAMES.items()):
        if name not in values["structure"].values:
            continue
        one = values.sel(structure=name).transpose("draw", "power_density")
        ax.plot(watts, one.isel(draw=0), color=colour(k), ls=_LINES[name], label=layout)
    # where any draw leaves the grid of temperatures there is no interval
    ax.fill_between(watts, *interval_of_draws(one), color=colour(k), alpha=0.15, lw=0)
    log_axis(ax.xaxis, watts)
    name_axis(ax.xaxis, "power density of the planar chip", "W/cm²")
    return ax


def layout_ratios(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Footprint and energies of the stacked layouts relative to the planar one.

    Parameters
    ----------
    data : Dataset
        ``footprint_ratio``, ``line_energy_ratio``, ``wire_energy_ratio`` (draw, structure); draw 0
        is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    over = data[[f"{name}_ratio" for name in _RATIOS]].to_dataarray()
    for k, name in enumerate(_NAMES):
        if name == "planar" or name not in over["structure"].values:
            continue
        ratio = over.sel(structure=name).transpose("draw", "variable")
        nominal, at = ratio.isel(draw=0).values, np.arange(len(_RATIOS)) + 0.25 * (k - 2)
        ax.bar(at, nominal, 0.22, color=colour(k), label=_NAMES[name])
        error = np.abs(interval_of_draws(ratio) - nominal)
        ax.errorbar(at, nominal, error, fmt="none", ecolor="black", capsize=3, lw=1.2)
    ax.axhline(1, color="0.3", lw=1)
    log_axis(ax.yaxis, over)
    ax.set_xticks(range(len(_RATIOS)), list(_RATIOS.values()))
    ax.set_ylabel("relative to the planar layout")
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper right")
    return ax


def left_against_temperature(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Accuracy and bit-error rate after the mission against the temperature of the memory.

    Parameters
    ----------
    data : Dataset
        ``accuracy_at``, ``error_rate_at`` (draw, grid_temperature), K; draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    celsius = data["grid_temperature"] - _ZERO
    for k, (key, text) in enumerate(
        (("accuracy_at", "accuracy"), ("error_rate_at", "bit-error rate"))
    ):
        nominal = data[key].isel(draw=0).values
        low, high = interval_of_draws(data[key])
        error = np.maximum(0, [nominal - low, high - nominal])  # beside those of the other
        ax.errorbar(celsius + k - 0.5, nominal, error, color=colour(k), marker=marker(k),
                    capsize=3, lw=1.5, elinewidth=1, label=text)  # fmt: skip
    ax.set_ylim(0, 1)
    percent_axis(ax.yaxis, "after the mission")
    name_axis(ax.xaxis, "temperature of the memory", "°C")
    ax.legend()
    return ax
