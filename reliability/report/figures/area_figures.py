"""Where a core with a neuron for each class is the smallest, or takes the least energy."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reliability.report.figures.energy_figures import node_axis
from reliability.report.figures.style import axes_of, log_axis, name_axis, nominal_and_draws

_TIMES = (0.1, 0.3, 1, 3, 10)  # ticks of the colour bar


def smallest_core(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Area of the parallel core over the least of the others, by node and number of classes.

    Parameters
    ----------
    data : Dataset
        ``area`` (draw, core, node, classes), the parallel core first; draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    others = data["area"].isel(core=slice(1, None)).min("core")
    return _border_map(data["area"].isel(core=0) / others, data, axes_of(ax), "area")


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
    """Colours: nominal ratio; lines: where it is one, and where a share of the draws is below."""
    x, y = np.arange(data.sizes["node"]), data["classes"].values
    nominal = np.log10(ratio.isel(draw=0).transpose("classes", "node").values)
    shown = ax.pcolormesh(x, y, nominal, cmap="PuOr_r", vmin=-1, vmax=1, shading="nearest")
    drawn = ratio.isel(draw=slice(1, None)) if data.sizes["draw"] > 1 else ratio
    # where both are the same core they are equal
    wins = (drawn <= 1 + 1e-9).mean("draw").transpose("classes", "node").values
    if nominal.min() < 0 < nominal.max():
        ax.contour(x, y, nominal, levels=[1e-6], colors="black", linewidths=2)
    for share, style in ((0.1, ":"), (0.5, "--"), (0.9, "-.")):
        if wins.min() < share < wins.max():
            lines = ax.contour(x, y, wins, levels=[share], colors="black", linestyles=style)
            ax.clabel(lines, fmt={share: f"{share:.0%} of draws"}, fontsize=7)
    log_axis(ax.yaxis, y)
    node_axis(ax.xaxis, data)
    ax.set_ylabel("classes")
    ax.grid(False)
    bar = ax.figure.colorbar(shown, ax=ax, extend="both")
    bar.set_ticks(np.log10(_TIMES).tolist(), labels=[f"{t:g}" for t in _TIMES])
    bar.set_label(f"{quantity}: parallel over the best of the others")
    return ax


def area_against_classes(data: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Area of each core against the number of classes, at the oldest and the newest node.

    Parameters
    ----------
    data : Dataset
        ``area`` (draw, core, node, classes), m^2; draw 0 is nominal.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    area = data["area"] * 1e6  # mm^2
    for node, style in zip(area["node"].values[[0, -1]], ("-", "--"), strict=True):
        for k, core in enumerate(area["core"].values):
            label = f"{core}, {str(node).replace('nm', ' nm')}"
            one = area.sel(node=node, core=core)
            nominal_and_draws(data["classes"], one, ax, k, ls=style, label=label)
    log_axis(ax.xaxis, data["classes"])
    log_axis(ax.yaxis, area)
    ax.set_xlabel("classes")
    name_axis(ax.yaxis, "area", "mm²")
    ax.legend(loc="upper left")
    return ax
