"""Life: against temperature on Arrhenius' scale, and how many are left against time."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

from reliability.lifetime.nonparametric import SurvivalCurve
from reliability.report.figures.style import axes_of, clock_axis, colour, percent_axis
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
    # colder to the right, as 1/kT rises
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
    ax.legend(loc="upper left")
    return ax


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
