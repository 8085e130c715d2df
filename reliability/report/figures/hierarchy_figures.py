"""Memories of a host that wakes up, infers and sleeps: traffic, power, area; draw 0 is nominal."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reliability.architecture.memory.hierarchy import HIERARCHIES, NAMES, fitting
from reliability.report.figures.style import (
    Array,
    axes_of,
    clock_axis,
    colour,
    interval_of_draws,
    log_axis,
    marker,
    name_axis,
    nominal_and_draws,
    octave_axis,
    prefix_axis,
)

_LEVELS = {
    "dram_on": "DRAM, self-refresh",
    "dram_off": "DRAM, loaded from flash",
    "flash_only": "flash only",
    "resistive": "resistive cache",
}
_LINES = ("-", "--", ":", "-.")
_PERIODS = (1e-3, 86400.0)  # s
_PAYING = (1e-3, 1e7)


def cache_traffic(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Lines between the resistive cache and the flash in one inference, against its capacity.

    Parameters
    ----------
    data : Dataset
        ``cache_fetched``, ``cache_written_back`` (draw, host, capacity); lines.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    first = data.isel(draw=0)
    moved = first["cache_fetched"] + first["cache_written_back"]
    for i, host in enumerate(map(str, data["host"].values)):
        ax.plot(
            first["capacity"] / 1024, moved.sel(host=host), color=colour(i), ls=_LINES[i % 4],
            marker=marker(i), ms=10 - 3 * i, mfc="none", label=NAMES[host],
        )  # fmt: skip
    octave_axis(ax.xaxis, "resistive cache (kB)")
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(-1, 3 * float(moved.max()) + 10)
    ax.set_ylabel("lines to and from flash per inference")
    ax.legend()
    return ax


def power_against_period(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Average memory power of one host against the period between inferences.

    Parameters
    ----------
    data : Dataset
        ``energy`` (J) and ``standby`` (W) (draw, hierarchy, capacity); ``lasts_from``,
        ``lasts_from_levelled`` (draw, capacity), s; ``touched_bytes``.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    here = data.isel(capacity=fitting(data.isel(draw=0)))
    period = xr.DataArray(np.geomspace(*_PERIODS, 60), dims="period")
    power = here["energy"] / period + here["standby"]
    for i, name in enumerate(HIERARCHIES):
        nominal_and_draws(period, power.sel(hierarchy=name), ax, i, lw=1.8, label=_LEVELS[name])
    for name, style, text in (
        ("lasts_from", "-", "shortest period that the cache endures"),
        ("lasts_from_levelled", ":", "with wear levelling"),
    ):
        at = float(here[name].isel(draw=0))
        if period[0] < at < period[-1]:
            ax.axvline(at, color="0.3", ls=style, lw=1.2, label=text)
    clock_axis(ax.xaxis, "time", period)
    prefix_axis(ax.yaxis, "average power of the memories", power.assign_attrs(units="W"))
    ax.set_xlim(*_PERIODS)
    ax.set_xlabel("period between inferences")
    ax.legend(loc="upper right", fontsize=7)
    return ax


def paying_periods(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Periods at which the resistive cache takes the least power, and from which it lasts.

    Parameters
    ----------
    data : Dataset
        ``pays_from``, ``pays_until``, ``lasts_from``, ``lasts_from_levelled`` (draw, host, network,
        capacity), s.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    hosts, networks = (list(map(str, data[name].values)) for name in ("host", "network"))
    rows = [(host, network) for host in hosts for network in networks]
    for y, (host, network) in enumerate(rows):
        here = data.sel(host=host, network=network)
        here = here.isel(capacity=fitting(here.isel(draw=0)))
        begin, end = (_on_axis(here[name]) for name in ("pays_from", "pays_until"))
        ax.barh(y, end[0] - begin[0], left=begin[0], height=0.36, color=colour(0), alpha=0.55,
                label="least power" if y == 0 else None)  # fmt: skip
        for at in (begin, end):
            ax.plot(at[1:], [y, y], color=colour(0), lw=1.2, marker="|", ms=9)
        for name, k, text, shift in (
            ("lasts_from", 4, "endures the mission from", -0.3),
            ("lasts_from_levelled", 2, "with wear levelling", 0.3),
        ):
            at = _on_axis(here[name])
            ax.plot(at[1:], [y + shift] * 2, color=colour(k), lw=1.2)
            ax.plot(at[0], y + shift, color=colour(k), marker=">", ms=7, ls="none",
                    label=text if y == 0 else None)  # fmt: skip
    clock_axis(ax.xaxis, "time", _PAYING)
    ax.set_xlim(*_PAYING)
    ax.set_yticks(range(len(rows)), [f"{NAMES[host]}\n{network}" for host, network in rows])
    ax.invert_yaxis()
    ax.set_xlabel("period between inferences")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return ax


def _on_axis(values: xr.DataArray) -> Array:
    """Nominal value and its interval; values beyond the axis are drawn at its edge."""
    return np.clip([values.values[0], *interval_of_draws(values)], *_PAYING)


def macro_areas(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Area of the resistive macro and of an SRAM of the same capacity.

    Parameters
    ----------
    data : Dataset
        ``area_resistive``, ``area_sram`` (draw, capacity), m^2; capacities in bytes.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    square = data[["area_sram", "area_resistive"]] * 1e6  # mm^2
    for k, (kind, text) in enumerate(
        (("sram", "SRAM"), ("resistive", "resistive, with check bits"))
    ):
        nominal_and_draws(data["capacity"] / 1024, square[f"area_{kind}"], ax, k, marker=marker(k),
                          label=text)  # fmt: skip
    octave_axis(ax.xaxis, "capacity (kB)")
    log_axis(ax.yaxis, square.to_dataarray())
    name_axis(ax.yaxis, "area of the macro", "mm²")
    ax.legend()
    return ax
