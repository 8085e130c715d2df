"""Life: against temperature on Arrhenius' scale, and how many are left against time."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from numpy.typing import NDArray

from reliability.lifetime.nonparametric import SurvivalCurve
from reliability.report.figures.style import (
    axes_of,
    clock_axis,
    colour,
    name_axis,
    percent_axis,
    ppm,
    reading_unit,
)
from reliability.units import BOLTZMANN


def arrhenius_plot(
    life: xr.Dataset,
    ax: Axes | None = None,
    *,
    clock: str = "time",
    claim: tuple[float, float] | None = None,
) -> Axes:
    """Life against temperature on an Arrhenius scale, with the failures that were seen.

    Parameters
    ----------
    life : Dataset
        Of `reliability.lifetime.life_against_temperature`.
    ax : Axes, optional
        A new figure without.
    clock : {"time", "cycles", "reads"}
    claim : (temperature in K, time), optional
        Drawn as a star.
    """
    ax = axes_of(ax)
    x = life["temperature"].values - 273.15
    for k, fraction in enumerate(life["fraction"].values):
        one = life.isel(fraction=k)
        ax.fill_between(x, one["low"].values, one["high"].values, color=colour(k), alpha=0.18, lw=0)
        ax.plot(x, one["life"].values, color=colour(k), label=f"{100 * fraction:.3g} % failed")
    seen = life["seen_temperature"].values - 273.15
    ax.plot(seen, life["seen_time"].values, "o", ms=3.5, mfc="none", color="0.35",
            label="failures")  # fmt: skip
    if claim is not None:
        ax.plot([claim[0] - 273.15], [claim[1]], "*", ms=14, color="black", mec="white",
                label="claim", zorder=5)  # fmt: skip
    clock_axis(
        ax.yaxis, clock, np.concatenate([life["low"].values.ravel(), life["high"].values.ravel()])
    )
    _arrhenius_axis(ax, x)
    ax.legend(loc="upper left")
    return ax


def _arrhenius_axis(ax: Axes, x: NDArray[np.float64]) -> None:
    """Make the x axis one of 1/kT with temperatures (°C) as ticks, colder to the right."""
    ax.set_xscale("function", functions=(
        lambda t: -1 / (BOLTZMANN * (np.asarray(t) + 273.15)),
        lambda u: -1 / (BOLTZMANN * np.asarray(u)) - 273.15,
    ))  # fmt: skip
    ax.invert_xaxis()
    ticks = np.unique(np.round(x))
    if len(ticks) > 7:
        step = 25.0
        ticks = np.arange(np.ceil(ticks[0] / step) * step, ticks[-1] + 1, step)
    ax.xaxis.set_major_locator(FixedLocator(list(ticks)))
    ax.xaxis.set_major_formatter(FixedFormatter([f"{t:.0f}" for t in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("temperature (°C), equal steps of 1/kT")


def survival(
    curves: Mapping[str, SurvivalCurve], ax: Axes | None = None, *, clock: str = "time"
) -> Axes:
    """Share of units that has not failed against time, cycles or reads, with its interval.

    Parameters
    ----------
    curves : mapping of str to SurvivalCurve
        Label and estimate of `reliability.lifetime.kaplan_meier`.
    ax : Axes, optional
        A new figure without.
    clock : {"time", "cycles", "reads"}
    """
    ax = axes_of(ax)
    start = min(one.time[0] for one in curves.values()) / 1.5  # a log axis has no zero
    for k, (label, one) in enumerate(curves.items()):
        units = one.at_risk[0]
        time = np.append(start, one.time)
        survival, low, high = (np.append(1.0, v) for v in (one.survival, one.low, one.high))
        ax.fill_between(time, low, high, step="post", color=colour(k), alpha=0.18, lw=0)
        ax.step(time, survival, where="post", color=colour(k), lw=1.4,
                label=f"{label} ({units:g} units)")  # fmt: skip
    clock_axis(ax.xaxis, clock, np.concatenate([one.time for one in curves.values()]))
    ax.set_ylim(-0.02, 1.02)
    percent_axis(ax.yaxis, "not failed")
    ax.legend(loc="lower left")
    return ax


def lives_plot(
    lives: xr.Dataset, ax: Axes | None = None, *, fraction: float, claim: tuple[float, float]
) -> Axes:
    """Lower bound of life against temperature on an Arrhenius scale, and each tested temperature.

    Parameters
    ----------
    lives : Dataset
        Of `reliability.product.lives_at_temperature.lives_at_temperature`.
    ax : Axes, optional
        A new figure without.
    fraction : float
        Of the units, whose life the lines are.
    claim : (temperature in K, time)
        Drawn as a star.
    """
    ax = axes_of(ax)
    x = lives["temperature"].values - 273.15
    for k, (name, label) in enumerate({"arrhenius": "Arrhenius", "t_model": "T-model"}.items()):
        if name in lives:
            ax.plot(x, lives[name].values, ["-", "--"][k], color=colour(k),
                    label=f"{label}, {ppm(fraction)} failed, lower bound")  # fmt: skip
    tested, median = lives["tested"].values - 273.15, lives["median"].values
    fitted = np.isfinite(median)
    if fitted.any():
        ends = np.abs(np.stack([lives["low"].values, lives["high"].values]) - median)
        ax.errorbar(tested[fitted], median[fitted], ends[:, fitted], fmt="o", color=colour(2),
                    capsize=3, label="median, one temperature alone")  # fmt: skip
    if (~fitted).any():
        ax.plot(tested[~fitted], lives["longest"].values[~fitted], "^", color="0.35", mfc="none",
                label="longest time on test")  # fmt: skip
    for at, time, failed, units in zip(
        tested, np.where(fitted, median, lives["longest"].values), lives["failed"].values,
        lives["units"].values, strict=True,
    ):  # fmt: skip
        ax.annotate(f"{failed:g} of {units:g}", (at, time), xytext=(7, -11), fontsize=8,
                    textcoords="offset points")  # fmt: skip
    ax.plot([claim[0] - 273.15], [claim[1]], "*", ms=14, color="black", mec="white", label="claim",
            zorder=5)  # fmt: skip
    shown = [lives[n].values.ravel() for n in ("arrhenius", "t_model", "median", "longest")
             if n in lives]  # fmt: skip
    times = np.concatenate([*shown, [claim[1]]])
    times = times[np.isfinite(times) & (times > 0)]
    clock_axis(ax.yaxis, "time", times)
    ax.set_ylim(times.min() / 3, times.max() * 10)
    _arrhenius_axis(ax, x)
    ax.legend(loc="upper left")
    return ax


def degradation_plot(
    curves: xr.Dataset, ax: Axes | None = None, *, mission: float | None = None
) -> Axes:
    """Reads of units over time, fitted paths with their band, and the limit.

    Parameters
    ----------
    curves : Dataset
        Of `reliability.product.path_answers.path_curves`.
    ax : Axes, optional
        A new figure without.
    mission : float, optional
        Time, s, that ages as much as the mission.
    """
    ax = axes_of(ax)
    values = np.concatenate([curves["seen_value"].values.ravel(), curves["middle"].values])
    factor, symbol = reading_unit(values, str(curves.attrs["units"]))
    band = curves.where(curves["high"] < 20 * np.nanmax(np.abs(values)))
    ax.fill_between(curves["time"], band["low"] / factor, band["high"] / factor, color=colour(0),
                    alpha=0.18, lw=0, label="5 % to 95 % of the units")  # fmt: skip
    ax.plot(curves["time"], curves["middle"] / factor, color=colour(0), label="median path")
    for k in range(curves.sizes["unit"]):
        one = curves.isel(unit=k)
        ax.plot(one["seen_time"], one["seen_value"] / factor, ".-", color="0.45", ms=3, lw=0.5,
                alpha=0.6, label="reads" if k == 0 else None)  # fmt: skip
    limit = float(curves.attrs["limit"]) / factor
    ax.axhline(limit, color=colour(1), lw=1.2, label="limit")
    if mission is not None:
        ax.axvline(mission, color="0.3", lw=1, ls=":", label="equivalent of the mission")
    shown = np.append(values[np.isfinite(values)] / factor, limit)
    room = 0.08 * np.ptp(shown)
    ax.set_ylim(shown.min() - room, shown.max() + 4 * room)
    clock_axis(ax.xaxis, "time", curves["time"].values)
    ax.set_xlim(float(curves["time"].min()), float(curves["time"].max()))
    name_axis(ax.yaxis, str(curves.attrs["quantity"]), symbol)
    ax.legend(loc="upper right" if limit < shown.mean() else "lower right")
    return ax
