"""Figures of the architecture studies: each a function (Dataset, Axes); draw 0 is nominal."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reliability.report.figures import PALETTE


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
    drawn = np.column_stack([parts.values, data["event_energy"].values * 1e12])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    x = np.arange(values.size)
    ax.bar(x, values, color=[*PALETTE[: len(names)], "0.5"], width=0.6)
    error = np.abs(np.array([low, high]) - values)
    ax.errorbar(x, values, error, fmt="none", ecolor="black", capsize=4, lw=1.2)
    measured = float(data["published"].isel(draw=0, check=0)) * 1e12
    ax.axhline(measured, color=PALETTE[4], ls="--", lw=1.2)
    ax.annotate(f"measured {measured:g} pJ", (0, measured), xytext=(0, 3),
                textcoords="offset points", fontsize=9)  # fmt: skip
    ax.set_xticks(x, [*names, "all"])
    ax.set_ylabel("energy of an event (pJ)")
    ax.set_ylim(bottom=0)
