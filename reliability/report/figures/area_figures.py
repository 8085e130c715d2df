"""Where a core with one neuron per class is the smallest, or takes the least energy."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from reliability.report.figures.energy_figures import node_axis
from reliability.report.figures.style import axes_of, log_axis, name_axis, nominal_and_draws

_TIMES = (0.1, 0.3, 1, 3, 10)  # ticks of the colour bar


def smallest_core(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Area of the parallel core over the least of the others, by node and number of classes.

    Parameters
    ----------
    data : Dataset
        ``area_ratio`` (draw, node, classes); draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    return _border_map(data["area_ratio"], data, axes_of(ax), "area")


def least_energy_core(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Energy of the parallel core over the least of the others, by node and number of classes.

    Parameters
    ----------
    data : Dataset
        ``energy_ratio`` (draw, node, classes); draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    return _border_map(data["energy_ratio"], data, axes_of(ax), "energy")


def _border_map(ratio: xr.DataArray, data: xr.Dataset, ax: Axes, quantity: str) -> Axes:
    """Colours: nominal ratio; lines: where it is one, and where part of the draws is below."""
    x, y = np.arange(data.sizes["node"]), data["classes"].values
    nominal = np.log10(ratio.isel(draw=0).transpose("classes", "node").values)
    shown = ax.pcolormesh(x, y, nominal, cmap="PuOr_r", vmin=-1, vmax=1, shading="nearest")
    drawn = ratio.isel(draw=slice(1, None)) if data.sizes["draw"] > 1 else ratio
    # where both are the same core they are equal
    wins = (drawn <= 1 + 1e-9).mean("draw").transpose("classes", "node").values
    handles = []
    if nominal.min() < 0 < nominal.max():
        ax.contour(x, y, nominal, levels=[1e-6], colors="black", linewidths=2)
        handles.append(Line2D([], [], color="black", lw=2, label="equal, nominal"))
    for fraction, style in ((0.1, ":"), (0.5, "--"), (0.9, "-.")):
        if wins.min() < fraction < wins.max():
            ax.contour(x, y, wins, levels=[fraction], colors="black", linestyles=style)
            label = f"better in {100 * fraction:g} % of draws"
            handles.append(Line2D([], [], color="black", ls=style, label=label))
    if handles:
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    log_axis(ax.yaxis, y)
    node_axis(ax.xaxis, data)
    ax.set_ylabel("classes")
    ax.grid(False)
    bar = ax.figure.colorbar(shown, ax=ax, extend="both")
    bar.set_ticks(np.log10(_TIMES).tolist(), labels=[f"{t:g}" for t in _TIMES])
    bar.set_label(f"{quantity} relative to the best other")
    return ax


def area_against_classes(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Area of each core against the number of classes, at one node.

    Parameters
    ----------
    data : Dataset
        ``area`` (draw, core, classes), m^2; draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    area = data["area"] * 1e6  # mm^2
    for k, core in enumerate(area["core"].values):
        nominal_and_draws(data["classes"], area.sel(core=core), ax, k, label=str(core))
    log_axis(ax.xaxis, data["classes"])
    log_axis(ax.yaxis, area)
    ax.set_xlabel("classes")
    name_axis(ax.yaxis, "area", "mm²")
    ax.legend(loc="upper left")
    return ax
