"""Energy and power of spikes on resistive cells beside digital sums.

Draw 0 is nominal, bands hold 95 % of the draws.
"""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.axis import Axis

from reliability.report.figures.style import (
    LABEL,
    axes_of,
    colour,
    interval_of_draws,
    log_axis,
    marker,
    name_axis,
    nominal_and_draws,
    prefix_axis,
)
from reliability.units import engineering, engineering_unit

_DASHES = ("--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))


def event_energy_parts(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Energy of a synaptic event by part, with the interval of the draws, and the measured one.

    Parameters
    ----------
    data : Dataset
        ``part_energy`` (draw, part), ``event_energy`` (draw), J, and ``published`` (draw, check).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    total = data["event_energy"].expand_dims(part=["all"])
    energy = xr.concat([data["part_energy"], total], "part")
    factor, symbol = engineering_unit(float(data["event_energy"].isel(draw=0)), "J")
    names = [str(name) for name in energy["part"].values]
    values = energy.isel(draw=0).values / factor
    error = np.abs(interval_of_draws(energy) / factor - values)
    ax.bar(names, values, color=[*map(colour, range(len(names) - 1)), "0.5"], width=0.6)
    ax.errorbar(names, values, error, fmt="none", ecolor="black", capsize=4, lw=1.2)
    measured = _measured(data)
    ax.axhline(measured / factor, color="0.2", ls="--", lw=1.2)
    ax.annotate(f"measured\n{engineering(measured, 'J')}", (1.0, measured / factor), va="center",
                xycoords=("axes fraction", "data"), **LABEL | {"xytext": (3, 0)})  # fmt: skip
    name_axis(ax.yaxis, "energy of an event", symbol)
    ax.set_ylim(bottom=0)
    ax.grid(axis="x", visible=False)
    return ax


def _measured(data: xr.Dataset) -> float:
    """Energy of an event of the chip, the same at all points."""
    return float(data["published"].isel(draw=0, check=0).values.flat[0])


def energy_against_node(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Energy of a multiply-accumulate and of an event against the CMOS node.

    Parameters
    ----------
    data : Dataset
        ``mac_energy`` and ``event_energy`` (draw, node), J, and ``published`` (draw, check).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    kinds = {
        "mac_energy": "multiply-accumulate, weight from SRAM",
        "event_energy": "synaptic event, same cells and pulse",
    }
    for k, (name, label) in enumerate(kinds.items()):
        nominal_and_draws(
            range(data.sizes["node"]), data[name], ax, k, marker=marker(k), label=label
        )
    measured = _measured(data)
    ax.plot(0, measured, "*", color=colour(4), ms=12, label="SPIRIT, measured event")
    node_axis(ax.xaxis, data)
    shown = np.append(interval_of_draws(data[list(kinds)].to_dataarray()), measured)
    prefix_axis(ax.yaxis, "energy", xr.DataArray(shown, attrs={"units": "J"}))
    ax.legend(loc="lower left")
    return ax


def node_axis(axis: Axis, data: xr.Dataset) -> None:
    """Label an axis on which nodes stand side by side."""
    nodes = [str(node).removesuffix("nm") for node in data["node"].values]
    axis.set_ticks(range(len(nodes)), nodes)
    name_axis(axis, "CMOS node", "nm")


def gain_against_resistance(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Gain of an event over a multiply-accumulate against the LRS resistance, at one node.

    Parameters
    ----------
    data : Dataset
        ``gain`` (draw, lrs_resistance), resistances in ohm.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    ohm = data["lrs_resistance"]
    nominal_and_draws(ohm, data["gain"], ax, 0, marker="o")
    ax.axhline(1, color="0.3", lw=1, ls="--")
    prefix_axis(ax.xaxis, "LRS resistance", ohm.assign_attrs(units="ohm"))
    log_axis(ax.yaxis, [*interval_of_draws(data["gain"]).ravel(), 1.0])
    ax.set_ylabel("gain of an event")
    return ax


def gain_against_activity(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Gain of an inference in spikes against how many events a connection needs for it.

    Parameters
    ----------
    data : Dataset
        ``activity``, ``inference_gain``, ``accuracy`` (draw, lead or threshold) of a network of one
        layer; ``deep_activity``, ``deep_gain`` (draw, steps) of one of many.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    name, text = ("lead", "ΔS") if "lead" in data.dims else ("threshold", "threshold")
    now = data.isel(draw=0)
    note: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8, "xytext": (6, 5)}
    x, own = now["activity"].values, 0 if name == "lead" else 2
    nominal_and_draws(x, data["inference_gain"], ax, own, marker=marker(own), label="one layer")
    for at, gain, value, accuracy in zip(
        x, now["inference_gain"].values, now[name].values, now["accuracy"].values, strict=True
    ):
        ax.annotate(f"{text} {value:g}: {100 * accuracy:.0f} %", (at, gain), **note)
    if name == "lead":
        deep = data if "lead" not in data["deep_gain"].dims else data.isel(lead=0)
        x, gains = deep["deep_activity"][0].values, deep["deep_gain"].isel(draw=0).values
        error = np.abs(interval_of_draws(deep["deep_gain"]) - gains)
        ax.errorbar(x, gains, error, fmt="s", color=colour(4), capsize=3,
                    label="ten layers, time steps")  # fmt: skip
        for at, gain, steps in zip(x, gains, now["steps"].values, strict=True):
            ax.annotate(f"{steps} steps", (at, gain), **note | {"xytext": (6, -12)})
    ax.axhline(1, color="0.3", lw=1, ls="--")
    log_axis(ax.xaxis, x if name == "threshold" else [*now["activity"].values, 20])
    log_axis(ax.yaxis, interval_of_draws(data["inference_gain"]))
    ax.set_xlim(right=2.5 * ax.get_xlim()[1])  # room for the last label
    ax.set_xlabel("events of a connection per inference")
    ax.set_ylabel("energy of all sums relative to the spikes")
    ax.legend(loc="upper right")
    return ax


def power_against_rate(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Average power of each way to run a core against the rate of input events.

    Parameters
    ----------
    data : Dataset
        ``power`` (draw, kind, rate), W, ``rate_against_clocked`` (draw), Hz.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    rate = data["rate"].values
    for k, kind in enumerate(map(str, data["kind"].values)):
        power = data["power"].sel(kind=kind)
        if "analog" in kind:
            nominal_and_draws(rate, power, ax, k, lw=2.2, label=kind)
        else:
            ax.plot(rate, power.isel(draw=0), color=colour(k), lw=1.3, ls=_DASHES[k % 4],
                    label=kind)  # fmt: skip
    prefix_axis(ax.yaxis, "average power", data["power"].assign_attrs(units="W"))
    below = float(data["rate_against_clocked"].isel(draw=0))
    if rate[0] < below < rate[-1]:
        ax.axvline(below, color="0.3", lw=1, ls="--")
        ax.annotate("analog events cost less\nthan any clock below", (below, 0.98), va="top",
                    ha="right", xycoords=ax.get_xaxis_transform(),
                    **(LABEL | {"xytext": (-4, 0)}))  # fmt: skip
    log_axis(ax.xaxis, rate)
    ax.set_xlim(rate[0], rate[-1])
    ax.set_xlabel("input events per second")
    ax.legend(loc="lower right")
    return ax
