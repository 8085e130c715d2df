"""Endurance: resistance of the states against cycles, and cells that have failed."""

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from reliability.report.figures.style import (
    PALETTE,
    axes_of,
    colour,
    legend_above,
    log_axis,
    marker,
    name_axis,
    reading_unit,
    set_beside,
    stress_axis,
    time_axis,
)
from reliability.statistics.means import one_more
from reliability.units import duration, engineering, grouped


def resistance_against_cycles(resistance: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Resistance of LRS and HRS against cycles: median, and 5 to 95 % of cells.

    Parameters
    ----------
    resistance : DataArray (cycle, state, ...)
        Ohm; the coordinate ``cycle`` counts SET/RESET cycles, or cycles are counted from 1.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    given = resistance["cycle"].values if "cycle" in resistance.coords else (
        1 + np.arange(resistance.sizes["cycle"]))  # fmt: skip
    factor, symbol = reading_unit(resistance.values, "ohm")
    for k, state in enumerate(resistance["state"].values):
        rows = resistance.sel(state=state).transpose("cycle", ...).values.reshape(len(given), -1)
        low, median, high = np.quantile(rows / factor, [0.05, 0.5, 0.95], axis=1)
        ax.fill_between(given, low, high, color=colour(k), alpha=0.2, lw=0)
        ax.plot(given, median, color=colour(k), lw=1.4, label=f"{state}: median, 90 % of cells")
    stress_axis(ax, given, "cycles")
    log_axis(ax.yaxis, resistance.values / factor)
    name_axis(ax.yaxis, "resistance", symbol)
    ax.set_xlabel("SET/RESET cycles")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax


def failures_against_cycles(
    test: xr.Dataset, ax: Axes | None = None, *, draws: xr.DataArray | None = None
) -> Axes:
    """Fraction of cells failed against cycles, one line for each temperature.

    The lowest and the highest temperature have their intervals.

    Parameters
    ----------
    test : Dataset
        From `reliability.endurance`.
    ax : Axes, optional
        A new figure without.
    draws : DataArray (draw, temperature, cycles), optional
        Fraction failed of sampled cards; 5 to 95 % of them as dots.
    """
    ax = axes_of(ax)
    n = test["cycles"].values
    for k, kelvin in enumerate(test["temperature"].values):
        at = test.sel(temperature=kelvin)
        shown = at["fraction_failed"].values > 0
        is_end = k in (0, test.sizes["temperature"] - 1)  # more bands would overlap to grey
        if is_end:
            ax.fill_between(
                n, at["fraction_low"], at["fraction_high"], color=colour(k), alpha=0.15, lw=0
            )
        ax.plot(
            n[shown], at["fraction_failed"].values[shown], color=colour(k),
            label=engineering(float(kelvin), "K"),
        )  # fmt: skip
        if draws is not None and is_end:
            every = draws.sel(temperature=kelvin).transpose("draw", "cycles").values
            for edge in one_more(every, 0.9):
                ax.plot(n, np.where(edge > 0, edge, np.nan), ":", color=colour(k), lw=1.2)
    _failure_axes(ax, test)
    ax.legend(title="temperature")
    return ax


def failures_of_wafers(test: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Fraction of cells failed against cycles, one line for each wafer.

    Parameters
    ----------
    test : Dataset
        ``cycles_to_failure`` and ``mode`` (wafer, die, cell) at one temperature.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    for k, wafer in enumerate(test["wafer"].values):
        life = test["cycles_to_failure"].sel(wafer=wafer).values.ravel()
        failed = test["mode"].sel(wafer=wafer).values.ravel() > 0
        x = np.sort(life[failed])
        rank = np.unique(np.geomspace(1, max(x.size, 1), 300).astype(int))[: x.size]
        style = ("-", "--", ":", "-.")[k // len(PALETTE) % 4]
        ax.plot(x[rank - 1], rank / life.size, style, lw=1.2, color=colour(k), label=f"{wafer}")
    _failure_axes(ax, test)
    ax.legend(title="wafer")
    return ax


def write_curve(curves: xr.Dataset, name: str, ax: Axes | None = None) -> Axes:
    """Pulses, failures, energy or error rate of a write against cycles, one line for each state.

    Parameters
    ----------
    curves : Dataset (cycles, state)
        ``name`` with its ``_low`` and ``_high``, as `reliability.endurance` gives them at one
        temperature.
    name : str
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    n = curves["cycles"].values
    for k, state in enumerate(curves["state"].values):
        at = curves.sel(state=state)
        low = np.maximum(at[f"{name}_low"], 0.0)
        ax.fill_between(n, low, at[f"{name}_high"], color=colour(k), alpha=0.15, lw=0)
        shown = at[name] if name == "pulses" else at[name].where(at[name] > 0)
        ax.plot(n, shown, color=colour(k), label=str(state))
    ax.set_xscale("log")
    ax.set_xlabel("SET/RESET cycles")
    ax.set_ylabel({"pulses": "pulses of a write", "write_failures": "fraction of writes that fail",
                   "error_rate": "bit-error rate after a write",
                   "energy": "energy of a write (J)"}[name])  # fmt: skip
    if name == "pulses":
        ax.set_ylim(0, 1.15 * float(curves[f"{name}_high"].fillna(curves[name]).max()))
    else:
        ax.set_yscale("log")
    ax.legend(title="state")
    return ax


def error_rate_against_stress(
    found: xr.Dataset, ax: Axes | None = None, *, x: str = "time", lines: str = "cycles"
) -> Axes:
    """Bit-error rate against storage time or cycles, one line for each value of the other.

    Parameters
    ----------
    found : Dataset (cycles, time)
        ``error_rate``, ``low`` and ``high`` (thick bars); of sampled cards ``drawn_low`` and
        ``drawn_high`` (thin bars).
    ax : Axes, optional
        A new figure without.
    x, lines : {"time", "cycles"}
    """
    ax = axes_of(ax)
    at, values = found[x].values, found[lines].values
    for k, value in enumerate(values):
        one = found.sel({lines: value})
        rate = np.where(one["error_rate"] > 0, one["error_rate"], np.nan)
        bars = ax.vlines(at, one["low"], one["high"], lw=4.5, alpha=0.35, color=colour(k))
        drawn: list[Artist] = [bars]
        if "drawn_low" in one:
            drawn.append(ax.vlines(at, one["drawn_low"], one["drawn_high"], lw=1, color=colour(k)))
        label = _line(lines, float(value))
        drawn += ax.plot(at, rate, marker(k) + "-", ms=4, lw=1.3, color=colour(k), label=label)
        set_beside(drawn, k, len(values))
    if x == "time":
        time_axis(ax, at)
    else:
        stress_axis(ax, at, "cycles")
        ax.set_xlabel("SET/RESET cycles")
    ax.set_yscale("log")
    seen = found["error_rate"].values[found["error_rate"].values > 0]
    least = float(found["high"].where(found["error_rate"] == 0).min().fillna(1.0))
    most = float(found.get("drawn_high", found["high"]).max())
    ax.set_ylim(0.3 * min([*seen.tolist(), least]), min(1.0, 3 * max([*seen.tolist(), most])))
    ax.set_ylabel("bit-error rate")
    legend_above(ax, title={"cycles": "cycles before", "time": "storage"}[lines])
    return ax


def error_rate_of_points(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Bit-error rate at each point of a sweep, after each number of cycles.

    Parameters
    ----------
    found : Dataset (point, cycles)
        ``error_rate``, ``low`` and ``high`` (thick bars); of sampled cards ``drawn_low`` and
        ``drawn_high`` (thin bars).
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    rows = np.arange(found.sizes["point"])[::-1]
    cycles = found["cycles"].values
    for k, value in enumerate(cycles):
        one = found.sel(cycles=value)
        y = rows + 0.2 * ((len(cycles) - 1) / 2 - k)
        ax.hlines(y, one["low"], one["high"], lw=5, alpha=0.35, color=colour(k))
        if "drawn_low" in one:
            ax.hlines(y, one["drawn_low"], one["drawn_high"], lw=1, color=colour(k))
        label = _line("cycles", float(value))
        ax.plot(one["error_rate"], y, marker(k), ms=5, color=colour(k), label=label)
    ax.set_yticks(rows, [str(name) for name in found["point"].values])
    ax.set_ylim(-0.6, rows.size - 0.4)
    log_axis(ax.xaxis, found["error_rate"])
    ends = found.get("drawn_low", found["low"]), found.get("drawn_high", found["high"])
    least = float(ends[0].where(ends[0] > 0).min().fillna(1e-6))
    ax.set_xlim(0.7 * least, min(1.0, 1.4 * float(ends[1].max())))
    ax.set_xlabel("bit-error rate")
    ax.grid(axis="y", visible=False)
    legend_above(ax, title="cycles before")
    return ax


def _line(name: str, value: float) -> str:
    if name == "time":
        return duration(value) if value else "0 s"
    return grouped(value) if value < 1e6 else f"{value:.0e}"


def _failure_axes(ax: Axes, test: xr.Dataset) -> None:
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(1, float(test.attrs["test_cycles"]))
    ends = test["fraction_low"] if "fraction_low" in test else xr.DataArray(1 / test["mode"].size)
    lowest = float(ends.where(ends > 0).min())
    ax.set_ylim(0.5 * lowest if lowest > 0 else 1e-6, 1.2)
    ax.set_xlabel("SET/RESET cycles")
    ax.set_ylabel("fraction of cells failed")
