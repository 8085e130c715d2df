"""Figures of the architecture studies: each a function (Dataset, Axes); draw 0 is nominal."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reliability.report.figures import PALETTE


def band(values: xr.DataArray) -> NDArray[np.float64]:
    """Ends of the interval that holds 95 % of the draws, shape (2, ...); nominal without draws.

    Parameters
    ----------
    values : DataArray (draw, ...)
        Draw 0 is nominal.
    """
    drawn = values.transpose("draw", ...).values
    return np.quantile(drawn[1:] if len(drawn) > 1 else drawn, [0.025, 0.975], axis=0)


def line_with_band(
    x: NDArray[np.float64], values: xr.DataArray, ax: Axes, colour: str, label: str, mark: str = "o"
) -> None:
    """Draw nominal values as a line and the interval of the draws around it.

    Parameters
    ----------
    x : ndarray, shape (n,)
    values : DataArray (draw, n)
    ax : Axes
    colour, label, mark : str
    """
    low, high = band(values)
    ax.fill_between(x, low, high, color=colour, alpha=0.18, lw=0)
    ax.plot(x, values.isel(draw=0).values, f"{mark}-", color=colour, label=label, ms=4)


def event_energy_parts(data: xr.Dataset, ax: Axes) -> None:
    """Energy of a synaptic event by part, with the interval of the draws, and the measured one.

    Parameters
    ----------
    data : Dataset
        ``part_energy`` (draw, part), ``event_energy`` (draw), J, and the checks.
    ax : Axes
    """
    parts = data["part_energy"] * 1e12
    names = [str(name) for name in data["part"].values]
    values = np.append(parts.isel(draw=0).values, data["event_energy"].values[0] * 1e12)
    low, high = np.column_stack([band(parts), band(data["event_energy"] * 1e12)])
    x = np.arange(values.size)
    ax.bar(x, values, color=[*PALETTE[: len(names)], "0.5"], width=0.6)
    error = np.abs(np.array([low, high]) - values)
    ax.errorbar(x, values, error, fmt="none", ecolor="black", capsize=4, lw=1.2)
    measured = float(data["published"].isel(draw=0, check=0)) * 1e12
    ax.axhline(measured, color=PALETTE[4], ls="--", lw=1.2)
    ax.annotate(f"measured {measured:g} pJ", (1.6, measured), xytext=(0, 3),
                textcoords="offset points", fontsize=9)  # fmt: skip
    ax.set_xticks(x, [*names, "all"])
    ax.set_ylabel("energy of an event (pJ)")
    ax.set_ylim(bottom=0)


def energy_against_node(data: xr.Dataset, ax: Axes) -> None:
    """Energy of a multiply-accumulate and of an event against the CMOS node.

    Parameters
    ----------
    data : Dataset
        ``mac_energy`` and ``node_event_energy`` (draw, node), J.
    ax : Axes
    """
    x = np.arange(data.sizes["node"], dtype=float)
    for k, (name, label) in enumerate({"mac_energy": "multiply-accumulate, weight from SRAM",
                                       "node_event_energy": "synaptic event, same cells and pulse",
                                       }.items()):  # fmt: skip
        line_with_band(x, data[name] * 1e12, ax, PALETTE[k], label, "os"[k])
    ax.plot(0, float(data["published"][0, 0]) * 1e12, "*", color=PALETTE[4], ms=12, ls="none",
            label="SPIRIT, measured event")  # fmt: skip
    node_axis(ax, data)
    ax.set_yscale("log")
    ax.set_ylabel("energy (pJ)")
    ax.legend(loc="lower left", fontsize=9)


def node_axis(ax: Axes, data: xr.Dataset) -> None:
    """Label an axis on which nodes stand side by side."""
    ax.set_xticks(range(data.sizes["node"]),
                  [str(n).replace("nm", "") for n in data["node"].values])  # fmt: skip
    ax.set_xlabel("CMOS node (nm)")


def gain_against_resistance(data: xr.Dataset, ax: Axes) -> None:
    """Gain of an event over a multiply-accumulate against the LRS resistance, a line for each node.

    Parameters
    ----------
    data : Dataset
        ``gain`` (draw, node, lrs_resistance).
    ax : Axes
    """
    shown = [n for n in ("130nm", "65nm", "32nm", "20nm", "7nm") if n in data["node"].values]
    x = data["lrs_resistance"].values / 1e3
    for k, node in enumerate(shown):
        line_with_band(x, data["gain"].sel(node=node), ax, PALETTE[k],
                       node.replace("nm", " nm"), "osD^v"[k])  # fmt: skip
    ax.axhline(1, color="0.3", lw=1, ls="--")
    ax.annotate("events cost less above", (x[-1], 1), xytext=(0, 3), ha="right",
                textcoords="offset points", fontsize=9)  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("resistance of the LRS (kΩ)")
    ax.set_ylabel("energy of a sum over that of an event")
    ax.legend(title="node", fontsize=8, ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0))


def gain_against_activity(data: xr.Dataset, ax: Axes) -> None:
    """Gain of an inference in spikes against how many events a connection needs for it.

    Parameters
    ----------
    data : Dataset
        ``activity``, ``inference_gain``, ``accuracy`` (draw, lead) of a network of one layer,
        ``deep_activity``, ``deep_gain`` (draw, steps) of one of many.
    ax : Axes
    """
    now = data.isel(draw=0)
    low, high = band(data["inference_gain"])
    x = now["activity"].values
    ax.fill_between(x, low, high, color=PALETTE[0], alpha=0.18, lw=0)
    ax.plot(x, now["inference_gain"], "o-", color=PALETTE[0], label="one layer, lead ΔS")
    for lead, at, gain, accuracy in zip(
        now["lead"].values, x, now["inference_gain"].values, now["accuracy"].values, strict=True
    ):
        ax.annotate(f"ΔS {lead}: {accuracy:.0%}", (at, gain), xytext=(7, 4),
                    textcoords="offset points", fontsize=8)  # fmt: skip
    x = now["time_activity"].values
    ax.fill_between(x, *band(data["time_gain"]), color=PALETTE[2], alpha=0.18, lw=0)
    ax.plot(x, now["time_gain"], "^-", color=PALETTE[2], label="one layer, first spike, threshold")
    for threshold, at, gain, accuracy in zip(
        now["threshold"].values,
        x,
        now["time_gain"].values,
        now["time_accuracy"].values,
        strict=True,
    ):
        ax.annotate(f"{accuracy:.0%} ({threshold:g})", (at, gain), xytext=(-6, -8), ha="right",
                    textcoords="offset points", fontsize=8, color=PALETTE[2])  # fmt: skip
    low, high = band(data["deep_gain"])
    gains = now["deep_gain"].values
    ax.errorbar(now["deep_activity"], gains, np.abs(np.array([low, high]) - gains), fmt="s",
                color=PALETTE[4], capsize=3, label="ten layers, time steps")  # fmt: skip
    for steps, at, gain in zip(
        now["steps"].values, now["deep_activity"].values, gains, strict=True
    ):
        ax.annotate(f"{steps} steps", (at, gain), xytext=(7, -12), textcoords="offset points",
                    fontsize=8)  # fmt: skip
    ax.axhline(1, color="0.3", lw=1, ls="--")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(right=60)
    ax.set_xlabel("events at a connection for one inference")
    ax.set_ylabel("energy of all sums over that of the spikes")
    ax.legend(loc="upper right", fontsize=9)


def power_against_rate(data: xr.Dataset, ax: Axes) -> None:
    """Average power of each way to run a core against the rate of input events.

    Parameters
    ----------
    data : Dataset
        ``power`` (draw, kind, rate), W, ``rate_against_clocked`` (draw), Hz.
    ax : Axes
    """
    x = data["rate"].values
    for k, kind in enumerate(data["kind"].values):
        own = "analog" in str(kind)
        values = data["power"].sel(kind=kind) * 1e6
        if own:
            ax.fill_between(x, *band(values), color=PALETTE[k], alpha=0.15, lw=0)
        ax.plot(x, values.isel(draw=0), color=PALETTE[k], lw=2.2 if own else 1.3,
                ls="-" if own else ("--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))[k % 4],
                label=str(kind))  # fmt: skip
    at = float(data["rate_against_clocked"][0])
    if np.isfinite(at) and at > 0:
        ax.axvline(at, color="0.3", lw=1, ls="--")
        ax.annotate("analog events cost less\nthan any clock below", (at, 1e3), fontsize=8,
                    xytext=(-4, 0), textcoords="offset points", ha="right")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(x[0], x[-1])
    ax.set_xlabel("input events per second")
    ax.set_ylabel("average power (µW)")
    ax.legend(fontsize=8, loc="lower right")


def smallest_core(data: xr.Dataset, ax: Axes) -> None:
    """Area of the parallel core over the least of the others, by node and number of classes.

    Parameters
    ----------
    data : Dataset
        ``area`` (draw, core, node, classes).
    ax : Axes
    """
    others = data["area"].isel(core=slice(1, None)).min("core")
    _border_map(data["area"].isel(core=0) / others, data, ax, "area")


def least_energy_core(data: xr.Dataset, ax: Axes) -> None:
    """Energy of the parallel core over the least of the others, by node and number of classes.

    Parameters
    ----------
    data : Dataset
        ``energy_ratio`` (draw, node, classes).
    ax : Axes
    """
    _border_map(data["energy_ratio"], data, ax, "energy")


def _border_map(ratio: xr.DataArray, data: xr.Dataset, ax: Axes, quantity: str) -> None:
    """Colours: nominal ratio; lines: where it is one, and where a share of the draws is below."""
    x, y = np.arange(data.sizes["node"]), data["classes"].values
    nominal = np.log10(ratio.isel(draw=0).transpose("classes", "node").values)
    shown = ax.pcolormesh(x, y, nominal, cmap="PuOr_r", vmin=-1, vmax=1, shading="nearest",
                          rasterized=True)  # fmt: skip
    drawn = ratio.isel(draw=slice(1, None)) if data.sizes["draw"] > 1 else ratio
    # where both are the same core they are equal
    wins = (drawn <= 1 + 1e-9).mean("draw").transpose("classes", "node").values
    if nominal.min() < 0 < nominal.max():
        ax.contour(x, y, nominal, levels=[1e-6], colors="black", linewidths=2)
    for share, style in ((0.1, ":"), (0.5, "--"), (0.9, "-.")):
        if wins.min() < share < wins.max():
            lines = ax.contour(x, y, wins, levels=[share], colors="black", linestyles=style)
            ax.clabel(lines, fmt={share: f"{share:.0%} of draws"}, fontsize=7)
    ax.set_yscale("log")
    node_axis(ax, data)
    ax.set_ylabel("classes")
    ax.grid(False)
    bar = ax.figure.colorbar(shown, ax=ax, extend="both")
    ticks = (0.1, 0.3, 1, 3, 10)
    bar.set_ticks(np.log10(ticks).tolist(), labels=[f"{t:g}" for t in ticks])
    bar.set_label(f"{quantity}: parallel over the best of the others")


def area_against_classes(data: xr.Dataset, ax: Axes) -> None:
    """Area of each core against the number of classes, at the oldest and the newest node.

    Parameters
    ----------
    data : Dataset
        ``area`` (draw, core, node, classes), m^2.
    ax : Axes
    """
    x = data["classes"].values
    for node, style in ((data["node"].values[0], "-"), (data["node"].values[-1], "--")):
        for k, core in enumerate(data["core"].values):
            values = data["area"].sel(node=node, core=core) * 1e6
            ax.fill_between(x, *band(values), color=PALETTE[k], alpha=0.15, lw=0)
            ax.plot(x, values.isel(draw=0), color=PALETTE[k], ls=style,
                    label=f"{core}, {str(node).replace('nm', ' nm')}")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("classes")
    ax.set_ylabel("area (mm²)")
    ax.legend(fontsize=8, loc="upper left")
