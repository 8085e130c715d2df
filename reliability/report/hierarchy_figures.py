"""Figures of the memory hierarchy: each a function (Dataset, Axes); draw 0 is nominal."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reliability.architecture.hierarchy import HIERARCHIES, HOSTS, NAMES, fitting
from reliability.report.figures import PALETTE

_LEVELS = {
    "dram_on": "DRAM, self-refresh",
    "dram_off": "DRAM, loaded from flash",
    "flash_only": "flash only",
    "resistive": "resistive cache",
}
_STYLES = ("-", "--", ":", "-.")
_SECOND = ((1e-3, "1 ms"), (1e-2, ""), (0.1, ""), (1.0, "1 s"), (10.0, ""), (60.0, "1 min"),
           (600.0, ""), (3600.0, "1 h"), (86400.0, "1 day"))  # fmt: skip


def cache_traffic(data: xr.Dataset, ax: Axes) -> None:
    """Lines between the resistive cache and the flash in one inference, against its capacity.

    Parameters
    ----------
    data : Dataset
        ``cache_fetched``, ``cache_written_back`` (draw, host, network, capacity).
    ax : Axes
    """
    first = data.isel(draw=0)
    moved = first["cache_fetched"] + first["cache_written_back"]
    kilobytes = first["capacity"].values / 1024
    for i, host in enumerate(HOSTS):
        for j, network in enumerate(first["network"].values):
            ax.plot(
                kilobytes, moved.sel(host=host, network=network), color=PALETTE[i],
                ls=_STYLES[j % 4], marker="o", ms=4 + 2 * (2 - i), mfc="none",
                label=f"{NAMES[host]}, {network}",
            )  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks(kilobytes, [f"{k:g}" for k in kilobytes])
    ax.set_yscale("symlog", linthresh=10)
    ax.set_ylim(-1, 3 * float(moved.max()) + 10)
    ax.set_xlabel("resistive cache (kB)")
    ax.set_ylabel("lines moved to and from flash per inference")
    ax.legend(fontsize=8)


def power_against_period(data: xr.Dataset, ax: Axes, host: str) -> None:
    """Average memory power of one host against the period between inferences.

    Parameters
    ----------
    data : Dataset
        ``energy``, ``standby`` (draw, host, network, hierarchy, capacity), ``lasts_from``.
    ax : Axes
    host : str
    """
    here = data.sel(host=host).isel(network=0)
    here = here.isel(capacity=fitting(here.isel(draw=0)))
    period = np.geomspace(1e-3, 86400.0, 60)
    for i, name in enumerate(HIERARCHIES):
        one = here.sel(hierarchy=name)
        power = one["energy"].values[:, None] / period + one["standby"].values[:, None]
        ax.plot(period, power[0], color=PALETTE[i], label=_LEVELS[name], lw=1.8)
        if len(power) > 1:
            low, high = np.quantile(power[1:], [0.025, 0.975], axis=0)
            ax.fill_between(period, low, high, color=PALETTE[i], alpha=0.15, lw=0)
    for name, style, text in (
        ("lasts_from", "-", "lasts ten years"),
        ("lasts_from_levelled", ":", "wear levelled"),
    ):
        at = float(here[name].values[0])
        if period[0] < at < period[-1]:
            ax.axvline(at, color="0.3", ls=style, lw=1.2)
            ax.annotate(
                f"{text} ▸", (at, 0.98), xycoords=("data", "axes fraction"), rotation=90,
                ha="right", va="top", fontsize=8, color="0.3",
            )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xticks([s for s, _ in _SECOND], [text for _, text in _SECOND])
    ax.minorticks_off()
    ax.set_xlim(period[0], period[-1])
    ax.set_xlabel("period between inferences")
    ax.set_ylabel("average power of the memories (W)")
    ax.legend(fontsize=8, loc="lower left")


def paying_periods(data: xr.Dataset, ax: Axes) -> None:
    """Periods at which the resistive cache takes the least power, and from which it lasts.

    Parameters
    ----------
    data : Dataset
        ``pays_from``, ``pays_until``, ``lasts_from``, ``lasts_from_levelled`` (draw, host, network,
        capacity), s.
    ax : Axes
    """
    left, right = 1e-3, 1e7
    rows = [(h, str(n)) for h in HOSTS for n in data["network"].values]
    for y, (host, network) in enumerate(rows):
        here = data.sel(host=host, network=network)
        here = here.isel(capacity=fitting(here.isel(draw=0)))
        begin, end = (_ends(here[name].values, left, right) for name in ("pays_from", "pays_until"))
        ax.barh(y, end[0] - begin[0], left=begin[0], height=0.36, color=PALETTE[0], alpha=0.55,
                label="least power" if y == 0 else None)  # fmt: skip
        for at in (begin, end):
            ax.plot(at[1:], [y, y], color=PALETTE[0], lw=1.2, marker="|", ms=9)
        for name, colour, marker, shift in (
            ("lasts_from", PALETTE[4], ">", -0.3),
            ("lasts_from_levelled", PALETTE[2], ">", 0.3),
        ):
            at = _ends(here[name].values, left, right)
            label = {"lasts_from": "lasts from", "lasts_from_levelled": "lasts from, wear levelled"}
            ax.plot(at[1:], [y + shift] * 2, color=colour, lw=1.2)
            ax.plot(at[0], y + shift, color=colour, marker=marker, ms=7, ls="none",
                    label=label[name] if y == 0 else None)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(left, right)
    ticks = [*_SECOND, (86400.0 * 30, "1 month")]
    ax.set_xticks([s for s, _ in ticks], [text for _, text in ticks])
    ax.minorticks_off()
    ax.set_yticks(
        range(len(rows)), [f"{NAMES[host]}\n{network}" for host, network in rows], fontsize=9
    )
    ax.invert_yaxis()
    ax.set_xlabel("period between inferences")
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=3)


def macro_areas(data: xr.Dataset, ax: Axes) -> None:
    """Area of the resistive macro and of an SRAM of the same capacity.

    Parameters
    ----------
    data : Dataset
        ``area_resistive``, ``area_sram`` (draw, capacity), m^2.
    ax : Axes
    """
    kilobytes = data["capacity"].values / 1024
    for i, (kind, text) in enumerate((("sram", "SRAM"), ("resistive", "resistive, check bits in"))):
        area = data[f"area_{kind}"].values * 1e6
        ax.plot(kilobytes, area[0], color=PALETTE[i], marker="o", ms=4, label=text)
        if len(area) > 1:
            low, high = np.quantile(area[1:], [0.025, 0.975], axis=0)
            ax.fill_between(kilobytes, low, high, color=PALETTE[i], alpha=0.15, lw=0)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(kilobytes, [f"{k:g}" for k in kilobytes])
    ax.set_xlabel("capacity (kB)")
    ax.set_ylabel("area of the macro (mm²)")
    ax.legend()


def _ends(drawn: NDArray[np.float64], left: float, right: float) -> tuple[float, float, float]:
    """Nominal value and its interval, kept on the axis."""
    low, high = (
        np.quantile(drawn[1:], [0.025, 0.975], method="nearest")
        if len(drawn) > 1
        else drawn[[0, 0]]
    )
    return tuple(float(v) for v in np.clip([drawn[0], low, high], left, right))  # type: ignore[return-value]
