"""Figures of planar, stacked and monolithic layouts: each a function (Dataset, Axes)."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from reliability.report.figures import PALETTE

_NAMES = {
    "planar": "planar",
    "tsv": "through-silicon vias",
    "hybrid": "copper pads",
    "monolithic": "monolithic tiers",
}
_STYLES = {"planar": "-", "tsv": "--", "hybrid": "-.", "monolithic": ":"}


def memory_temperature(data: xr.Dataset, ax: Axes) -> None:
    """Hottest memory of each layout against the power density of the planar one.

    Parameters
    ----------
    data : Dataset
        ``hottest_temperature`` (draw, structure, cooling, power_density), K; draw 0 is nominal.
    ax : Axes
    """
    _against_power(data["hottest_temperature"] - 273.15, ax)
    limit = data["temperature_limit"].values - 273.15
    ax.axhline(limit[0], color="0.3", lw=1.0)
    ax.annotate(
        "border of accuracy", (0.01, limit[0]), xycoords=("axes fraction", "data"),
        va="bottom", fontsize=8, color="0.3",
    )  # fmt: skip
    if len(limit) > 1:
        low, high = np.quantile(limit[1:], [0.025, 0.975], method="nearest")
        ax.axhspan(low, min(high, 200.0), color="0.5", alpha=0.15, lw=0)
    ax.set_ylim(40, 200)
    ax.set_ylabel("hottest memory (°C)")
    ax.legend(fontsize=8, loc="upper left")


def accuracy_left(data: xr.Dataset, ax: Axes) -> None:
    """Accuracy of each layout after the mission, at its hottest place, against power density.

    Parameters
    ----------
    data : Dataset
        ``accuracy`` (draw, structure, cooling, power_density).
    ax : Axes
    """
    _against_power(data["accuracy"], ax)
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylabel("accuracy after the mission")
    ax.legend(fontsize=8, loc="lower left")


def error_rate_left(data: xr.Dataset, ax: Axes) -> None:
    """Bit-error rate of each layout after the mission, at its hottest place.

    Parameters
    ----------
    data : Dataset
        ``bit_error_rate`` (draw, structure, cooling, power_density).
    ax : Axes
    """
    _against_power(data["bit_error_rate"], ax)
    ax.set_yscale("log")
    ax.set_ylim(1e-3, 1)
    ax.set_ylabel("bit-error rate after the mission")
    ax.legend(fontsize=8, loc="upper left")


def layout_ratios(data: xr.Dataset, ax: Axes) -> None:
    """Footprint and energies of the stacked layouts over the planar one.

    Parameters
    ----------
    data : Dataset
        ``footprint``, ``line_energy``, ``wire_energy`` (draw, structure).
    ax : Axes
    """
    kinds = {
        "footprint": "footprint",
        "line_energy": "energy of a line\nin a tile",
        "wire_energy": "energy of a wire\nacross the chip",
    }
    names = [name for name in _NAMES if name != "planar"]
    for i, name in enumerate(names):
        for x, key in enumerate(kinds):
            ratio = (data[key].sel(structure=name) / data[key].sel(structure="planar")).values
            at, colour = x + 0.25 * (i - 1), PALETTE[i + 1]
            ax.bar(at, ratio[0], 0.22, color=colour, label=_NAMES[name] if x == 0 else None)
            if len(ratio) > 1:
                low, high = np.quantile(ratio[1:], [0.025, 0.975])
                ax.plot([at, at], [low, high], color="black", lw=1.2, marker="_", ms=6)
    ax.axhline(1, color="0.3", lw=1)
    ax.set_yscale("log")
    ax.set_yticks([0.1, 0.3, 1, 3, 10, 30], ["0.1", "0.3", "1", "3", "10", "30"])
    ax.minorticks_off()
    ax.set_xticks(range(len(kinds)), list(kinds.values()))
    ax.set_ylabel("over the planar layout")
    ax.legend(fontsize=8, loc="upper right")


def left_against_temperature(data: xr.Dataset, ax: Axes) -> None:
    """Accuracy and bit-error rate after the mission against the temperature of the memory.

    Parameters
    ----------
    data : Dataset
        ``accuracy_at``, ``error_rate_at`` (draw, grid_temperature).
    ax : Axes
    """
    celsius = data["grid_temperature"].values - 273.15
    for i, (key, text) in enumerate(
        (("accuracy_at", "accuracy"), ("error_rate_at", "bit-error rate"))
    ):
        values = data[key].values
        ax.plot(celsius, values[0], color=PALETTE[i], marker="o", ms=4, label=text)
        if len(values) > 1:
            low, high = np.quantile(values[1:], [0.025, 0.975], axis=0)
            ax.fill_between(celsius, low, high, color=PALETTE[i], alpha=0.18, lw=0)
    ax.set_ylim(0, 1)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("temperature of the memory (°C)")
    ax.set_ylabel("after the mission")
    ax.legend()


def _against_power(values: xr.DataArray, ax: Axes) -> None:
    """A line for each layout and cooling; the interval of the draws of the last layout."""
    density = values["power_density"].values * 1e-4
    for cooling, width, text in (("package", 1.3, "package"), ("heat_sink", 2.4, "heat sink")):
        for i, (name, layout) in enumerate(_NAMES.items()):
            one = values.sel(structure=name, cooling=cooling)
            drawn = one.transpose("draw", "power_density").values
            ax.plot(density, drawn[0], color=PALETTE[i], ls=_STYLES[name], lw=width,
                    label=f"{layout}, {text}")  # fmt: skip
        if len(drawn) > 1:
            kept = np.where(np.isnan(drawn[1:]).any(axis=0), np.nan, drawn[1:])
            low, high = np.quantile(kept, [0.025, 0.975], axis=0)
            ax.fill_between(density, low, high, color=PALETTE[i], alpha=0.15, lw=0)
    ax.set_xscale("log")
    ax.set_xlabel("power density of the planar chip (W/cm²)")
