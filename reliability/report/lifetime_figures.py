"""Figures of life tests: probability paper and life against temperature, with bands.

Each is a function (Dataset, Axes) that draws, like those of `reliability.report.figures`.
"""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, NullLocator
from scipy.special import ndtr, ndtri

from reliability.report.figures import PALETTE
from reliability.units import BOLTZMANN, duration, engineering

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_PERCENTS = (0.001, 0.01, 0.1, 1, 5, 10, 50, 90, 99)


def lifetime_probability(
    curves: xr.Dataset, ax: Axes, *, clock: str, claim: tuple[float, float] | None = None
) -> None:
    """Failures of each condition on the paper of the law, the fit, and its band.

    On Weibull paper for Weibull-like laws, on log-normal paper for the log-normal: a straight line
    is the law.

    Parameters
    ----------
    curves : Dataset
        Of `probability_curves`.
    ax : Axes
    clock : {"time", "cycles", "reads"}
    claim : (time, fraction), optional
        Drawn as a star.
    """
    lognormal = curves.attrs["distribution"] in ("lognormal", "normal")

    def paper(percent: np.ndarray) -> np.ndarray:
        p = np.clip(np.asarray(percent) / 100, 1e-12, 1 - 1e-12)
        return np.asarray(ndtri(p) if lognormal else np.log(-np.log1p(-p)))

    def percent(score: np.ndarray) -> np.ndarray:
        return 100 * (ndtr(score) if lognormal else -np.expm1(-np.exp(score)))

    ax.set_yscale("function", functions=(paper, percent))
    for k in range(curves.sizes["condition"]):
        one, colour = curves.isel(condition=k), PALETTE[k % len(PALETTE)]
        seen = one["seen_time"].notnull().values
        label = _condition(one)
        x = one["time"].values
        ax.fill_between(x, 100 * one["low"].values, 100 * one["high"].values, color=colour,
                        alpha=0.15, lw=0)  # fmt: skip
        ax.plot(x, 100 * one["probability"].values, color=colour, lw=1.3,
                label=None if seen.any() else f"{label}, from the fit")  # fmt: skip
        if seen.any():
            ax.plot(one["seen_time"].values[seen], 100 * one["seen_probability"].values[seen],
                    _MARKERS[k % len(_MARKERS)], color=colour, ms=5, label=label)  # fmt: skip
    if claim is not None:
        ax.plot([claim[0]], [100 * claim[1]], "*", ms=14, color="black",
                mec="white", label="claim", zorder=5)  # fmt: skip
    ax.set_xscale("log")
    _clock_axis(ax, clock, "x")
    ax.yaxis.set_major_locator(FixedLocator(list(_PERCENTS)))
    ax.yaxis.set_major_formatter(FixedFormatter([f"{p:g}" for p in _PERCENTS]))
    ax.set_ylabel("failed (%)")
    lowest = min(curves["seen_probability"].min().item(), claim[1] if claim else 0.01, 0.01)
    ax.set_ylim(100 * lowest / 4, 99.5)
    times = curves["seen_time"].values
    ends = [np.nanmin(times), np.nanmax(times)] + ([claim[0]] if claim else [])
    ax.set_xlim(min(ends) / 5, max(ends) * 5)
    ax.legend(fontsize=8, loc="upper left")


def arrhenius_plot(
    life: xr.Dataset, ax: Axes, *, clock: str, claim: tuple[float, float] | None = None
) -> None:
    """Life against temperature on an Arrhenius scale, with the failures that were seen.

    Parameters
    ----------
    life : Dataset
        Of `life_against_temperature`.
    ax : Axes
    clock : {"time", "cycles", "reads"}
    claim : (temperature in K, time), optional
        Drawn as a star.
    """
    x = life["temperature"].values - 273.15
    for k, fraction in enumerate(life["fraction"].values):
        one, colour = life.isel(fraction=k), PALETTE[k % len(PALETTE)]
        ax.fill_between(x, one["low"].values, one["high"].values, color=colour, alpha=0.18, lw=0)
        ax.plot(x, one["life"].values, color=colour, label=f"{fraction:.3g} failed")
    seen = life["seen_temperature"].values - 273.15
    ax.plot(seen, life["seen_time"].values, "o", ms=3.5, mfc="none", color="0.35",
            label="failures")  # fmt: skip
    if claim is not None:
        ax.plot([claim[0] - 273.15], [claim[1]], "*", ms=14, color="black", mec="white",
                label="claim", zorder=5)  # fmt: skip
    ax.set_yscale("log")
    _clock_axis(ax, clock, "y")
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
    ax.legend(fontsize=8, loc="upper left")


def _condition(one: xr.Dataset) -> str:
    units = {"temperature": "K", "voltage": "V"}
    parts = [engineering(one[n].item(), units[n]) for n in units if n in one.coords]
    return ", ".join(parts) or "all units"


def _clock_axis(ax: Axes, clock: str, side: str) -> None:
    axis = ax.xaxis if side == "x" else ax.yaxis
    if clock == "time":
        marks = {60.0: "1 min", 3600.0: "1 h", 86400.0: "1 day", 2629800.0: "1 month",
                 31557600.0: "1 year", 315576000.0: "10 years", 3155760000.0: "100 years",
                 31557600000.0: "1000 years"}  # fmt: skip
        axis.set_major_locator(FixedLocator(list(marks)))
        axis.set_major_formatter(FuncFormatter(lambda t, _: marks.get(t, duration(t))))
        axis.set_label_text("time")
    else:
        axis.set_label_text(clock)
    axis.set_minor_locator(NullLocator())
