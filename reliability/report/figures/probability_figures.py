"""Probability plots: on the paper of a law its cumulative probability is a straight line."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from scipy.special import expit, logit, ndtr, ndtri

from reliability.errors import unknown_name
from reliability.report.figures.style import (
    Array,
    axes_of,
    clock_axis,
    colour,
    log_axis,
    marker,
    name_axis,
    reading_unit,
    time_unit,
)
from reliability.units import engineering

_PERCENTS = (1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 1, 10, 50, 90, 99, 99.9, 5, 30, 70, 95, 20, 80)

_TIMES = ("time", "seen_time", "censored_time")


class _Paper(NamedTuple):
    score: Callable[[Array], Array]  # where a probability stands
    probability: Callable[[Array], Array]
    log: bool  # whether times stand on a log axis


def _smallest(p: Array) -> Array:
    return np.asarray(np.log(-np.log1p(-p)))


def _of_smallest(score: Array) -> Array:
    return -np.expm1(-np.exp(score))


_PAPERS = {
    "normal": _Paper(ndtri, ndtr, False),
    "lognormal": _Paper(ndtri, ndtr, True),
    "loglogistic": _Paper(logit, expit, True),
    "weibull": _Paper(_smallest, _of_smallest, True),
    "gumbel_min": _Paper(_smallest, _of_smallest, False),
    "gumbel_max": _Paper(lambda p: -np.log(-np.log(p)), lambda s: np.exp(-np.exp(-s)), False),
}


def probability_plot(
    curves: xr.Dataset,
    ax: Axes | None = None,
    *,
    clock: str = "time",
    paper: str | None = None,
    claim: tuple[float, float] | None = None,
) -> Axes:
    """Failures of each condition on the paper of the law, the fit, and its band.

    Units that had not failed stand as open triangles at the foot, each where it was last seen, with
    their number.

    Parameters
    ----------
    curves : Dataset
        Of `reliability.lifetime.probability_curves`.
    ax : Axes, optional
        A new figure without.
    clock : str
        ``"time"``, ``"cycles"`` or ``"reads"``, or what else was fitted, whose unit then is
        ``curves["time"].attrs["units"]``.
    paper : {"normal", "lognormal", "loglogistic", "weibull", "gumbel_min", "gumbel_max"}, optional
        That of the fitted law by default, Weibull's for a law that has none.
    claim : (time, fraction), optional
        Drawn as a star.

    Raises
    ------
    InputError
        No such paper.
    """
    ax = axes_of(ax)
    if paper is None:
        law = str(curves.attrs["distribution"])
        paper = law if law in _PAPERS else "weibull"
    if paper not in _PAPERS:
        raise unknown_name("paper", paper, _PAPERS)

    probability_axis(ax, paper)
    for_time = clock in ("time", "cycles", "reads")
    unit = str(curves["time"].attrs.get("units", "1"))
    log = _PAPERS[paper].log
    factor, symbol = (1.0, "") if for_time else reading_unit(curves["seen_time"].values, unit)
    if clock == "time" and not log:
        factor, symbol = time_unit(curves["seen_time"].values)
    curves = curves.assign({n: curves[n] / factor for n in _TIMES if n in curves})
    for k in range(curves.sizes["condition"]):
        one = curves.isel(condition=k)
        seen = one["seen_time"].notnull().values
        label = _condition(one)
        x = one["time"].values
        low, middle, high = (one[n].values * 100 for n in ("low", "probability", "high"))
        ax.fill_between(x, low, high, color=colour(k), alpha=0.15, lw=0)
        ax.plot(
            x, middle, color=colour(k), lw=1.3,
            label=None if seen.any() else f"{label}, from the fit",
        )  # fmt: skip
        if seen.any():
            ax.plot(
                one["seen_time"].values[seen], one["seen_probability"].values[seen] * 100,
                marker(k), color=colour(k), ms=5, label=label,
            )  # fmt: skip
        _censored(one, k, ax)
    if claim is not None:
        ax.plot([claim[0] / factor], [100 * claim[1]], "*", ms=14, color="black", mec="white",
                label="claim", zorder=5)  # fmt: skip
    lowest = min(float(curves["seen_probability"].min()), claim[1] if claim else 0.01, 0.01)
    ax.set_ylim(100 * lowest / 4, 99.5)
    percent_ticks(ax, paper)
    ax.set_ylabel("failed (%)" if for_time else "share below (%)")
    _span(curves, ax, [claim[0] / factor] if claim else [], log)
    if for_time and log:
        clock_axis(ax.xaxis, clock, ax.get_xlim())
    elif log:
        log_axis(ax.xaxis, curves["seen_time"].values)
    if not (for_time and _PAPERS[paper].log):
        name_axis(ax.xaxis, clock.replace("_", " "), symbol)
    ax.legend(loc="upper left")
    return ax


def _censored(one: xr.Dataset, k: int, ax: Axes) -> None:
    """Mark the units that had not failed, a row for each condition."""
    if "censored_time" not in one:
        return
    there = one["censored_time"].notnull().values
    height = 0.025 + 0.04 * k
    for time, units in zip(
        one["censored_time"].values[there], one["censored_units"].values[there], strict=True
    ):
        ax.plot([time], [height], ">", color=colour(k), mfc="none", ms=5, clip_on=False,
                transform=ax.get_xaxis_transform())  # fmt: skip
        if units > 1:
            ax.annotate(f"{units:g}", (time, height), xytext=(5, 0), textcoords="offset points",
                        xycoords=ax.get_xaxis_transform(), fontsize=7, va="center",
                        color=colour(k))  # fmt: skip


def _span(curves: xr.Dataset, ax: Axes, claim: list[float], log: bool) -> None:
    """Set the x axis to what was seen, with room beside it."""
    seen = [curves[n].values.ravel() for n in ("seen_time", "censored_time") if n in curves]
    times = np.concatenate([*seen, claim])
    low, high = np.nanmin(times), np.nanmax(times)
    if log:
        room = max((high / low) ** 0.15, 1.5)
        ax.set_xscale("log")
        ax.set_xlim(low / room, high * room)
    else:
        room = 0.15 * (high - low)
        ax.set_xlim(low - room, high + room)


def probability_axis(ax: Axes, paper: str) -> None:
    """Make a y axis of percents the paper of a law."""
    law = _PAPERS[paper]

    def place(percent: Array) -> Array:
        return law.score(np.clip(np.asarray(percent, float) / 100, 1e-12, 1 - 1e-12))

    ax.set_yscale("function", functions=(place, lambda score: 100 * law.probability(score)))
    ax.yaxis.set_minor_locator(NullLocator())


def percent_ticks(ax: Axes, paper: str) -> None:
    """Tick a y axis of percents on a paper, as many as there is room for."""
    low, high = (float(_PAPERS[paper].score(np.array(end / 100))) for end in ax.get_ylim())
    kept: dict[float, float] = {}
    for percent in _PERCENTS:
        at = float(_PAPERS[paper].score(np.array(percent / 100)))
        if low <= at <= high and all(abs(at - other) > 0.055 * (high - low) for other in kept):
            kept[at] = percent
    ax.yaxis.set_major_locator(FixedLocator(list(kept.values())))
    ax.yaxis.set_major_formatter(FixedFormatter([f"{percent:g}" for percent in kept.values()]))


def _condition(one: xr.Dataset) -> str:
    units = {"temperature": "K", "voltage": "V"}
    parts = [engineering(one[n].item(), units[n]) for n in units if n in one.coords]
    return ", ".join(parts) or "all units"


def conductance_of_chips(quantiles: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Conductance of the states of every chip on log-normal paper, coloured by wafer.

    Parameters
    ----------
    quantiles : DataArray
        ``conductance_quantile`` (chip, programmed_state, probability) of a study, S, with the
        coordinate wafer.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    probability_axis(ax, "lognormal")
    percent = 100 * quantiles["probability"].values
    factor, symbol = reading_unit(quantiles.values, "S")
    wafers = quantiles["wafer"].values
    for wafer in np.unique(wafers):
        label = f"wafer {wafer}" if wafers.max() > wafers.min() else None
        for values in quantiles.isel(chip=wafers == wafer).transpose("chip", ...).values:
            for curve in values:
                ax.plot(
                    curve / factor,
                    percent,
                    color=colour(int(wafer)),
                    lw=0.7,
                    alpha=0.5,
                    label=label,
                )
                label = None
    top = quantiles.sel(probability=0.5, method="nearest").median("chip")
    states = sorted(quantiles["programmed_state"].values, key=lambda s: float(top.sel(
        programmed_state=s)))  # fmt: skip
    many = len(states) > 2  # levels, whose names would overlap
    for k, state in enumerate(states):
        ax.annotate(
            str(state), (float(top.sel(programmed_state=state)) / factor, 1.0), ha="center",
            xytext=(0, 3 + 9 * (k % 2 if many else 0)), textcoords="offset points",
            xycoords=("data", "axes fraction"), annotation_clip=False,
            weight="normal" if many else "bold", fontsize=8 if many else 10,
        )  # fmt: skip
    log_axis(ax.xaxis, quantiles.values / factor)
    name_axis(ax.xaxis, "conductance", symbol)
    ax.set_ylabel("cumulative probability (%)")
    ax.set_ylim(0.1, 99.9)
    percent_ticks(ax, "lognormal")
    return ax
