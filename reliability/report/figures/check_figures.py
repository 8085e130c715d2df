"""Does a fitted card make the measured cells again: measured statistics on what it predicts."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reliability.report.figures.probability_figures import percent_ticks, probability_axis
from reliability.report.figures.style import axes_of, colour, marker
from reliability.units import engineering

_QUANTILES = {"q05": "5 % quantile", "q95": "95 % quantile"}


def predictive_check(check: xr.Dataset, ax: Axes | None = None, *, quantity: str) -> Axes:
    """Measured statistics (points) on what the fitted card predicts (bands).

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`, or a part of it: of levels at one condition for
        each colour, of states against time or reads.
    ax : Axes, optional
        A new figure without.
    quantity : str
        One of ``check["quantity"]``: ``mean``, ``sigma``, ``correlation`` ...
    """
    ax = axes_of(ax)
    part = check.isel(statistic=(check["quantity"] == quantity).values)
    of_levels = bool(np.isfinite(part["level"]).all())
    unitless = quantity.startswith(("correlation", "autocorrelation"))
    scale = 1e6 if of_levels and not unitless else 1.0
    hot = len(np.unique(part["temperature"])) > 1
    by = "temperature" if of_levels and hot else "time" if of_levels else "label"
    kinds = np.unique(part[by].values)
    for k, kind in enumerate(kinds):
        own = part.isel(statistic=(part[by] == kind).values)
        x, order = _predictive_axis(own, of_levels)
        low, high, seen = (own[name].values[order] * scale for name in ("low", "high", "observed"))
        ax.fill_between(x[order], low, high, color=colour(k), alpha=0.25, lw=0)
        label = str(kind) if by == "label" else engineering(float(kind), part[by].attrs["units"])
        ax.plot(x[order], seen, marker(k), ms=3.5, color=colour(k), label=label)
    names = {
        "mean": "mean change",
        "sigma": "1σ of the change",
        "correlation": "correlation with the first change",
    }
    unit = "" if unitless else " (µS)" if of_levels else " (ln G)"
    ax.set_ylabel(names.get(quantity, quantity.replace("_", " ")) + unit)
    if of_levels:
        ax.set_xlabel("level (µS)")
    elif (part["reads"] > 0).any():
        ax.set_xlabel("reads (log scale)")
        ax.set_xscale("symlog", linthresh=1)
    else:
        ax.set_xlabel("time since programming (s, log scale)")
        ax.set_xscale(
            "symlog", linthresh=max(float(part["time"].where(part["time"] > 0).min()), 1e-9)
        )
    low, high = ax.get_ylim()
    ax.set_ylim(low, high + 0.25 * (high - low))  # room for the legend
    ax.legend(fontsize=7, ncols=3, loc="upper right", columnspacing=1.0, handletextpad=0.2)
    return ax


def _predictive_axis(part: xr.Dataset, of_levels: bool) -> tuple[np.ndarray, np.ndarray]:
    if of_levels:
        x = part["level"].values * 1e6
    else:
        x = np.where(part["reads"] > 0, part["reads"], part["time"]).astype(float)
    return x, np.argsort(x)


def predictive_intervals(check: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Every statistic of a check on one axis: measured value within its predictive interval.

    For checks of few statistics, such as those of cycles.

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    middle, half = (check["high"] + check["low"]) / 2, (check["high"] - check["low"]) / 2
    half = half.where(half > 0, 1e-12)
    y = np.arange(check.sizes["statistic"])[::-1]
    ax.axvspan(-1, 1, color=colour(0), alpha=0.2, lw=0)
    ax.plot(((check["observed"] - middle) / half).values, y, "o", color=colour(4))
    names = [
        f"{label} {_QUANTILES.get(str(quantity), str(quantity))}".replace("_", " ")
        for label, quantity in zip(check["label"].values, check["quantity"].values, strict=True)
    ]
    ax.set_yticks(y, names, fontsize=8)
    ax.set_xlabel("measured value (band: predictive interval, -1 to 1)")
    return ax


def changes_on_probability_paper(
    cells: xr.Dataset, ax: Axes | None = None, *, levels: NDArray[Any]
) -> Axes:
    """Changes since programming, measured (points) and simulated (lines), on normal paper.

    Parameters
    ----------
    cells : Dataset
        From `reliability.characterization.simulated_cells`, reads at one temperature and time.
    ax : Axes, optional
        A new figure without.
    levels : ndarray
        S: one colour each, with the reads of the levels that are nearest to it.
    """
    ax = axes_of(ax)
    probability_axis(ax, "normal")
    for k, level in enumerate(levels):
        own = cells.isel(read=np.flatnonzero(nearest(cells["level"].values, levels) == k))
        if not own.sizes["read"]:
            continue
        rank = 100 * (np.arange(own.sizes["read"]) + 0.5) / own.sizes["read"]
        measured, simulated = (
            1e6 * np.sort((own[name] - own[f"{name}_first"]).values)
            for name in ("measured", "simulated")
        )
        kept = np.unique(np.geomspace(1, len(rank), 40).astype(int) - 1)
        kept = np.unique(np.concatenate([kept, len(rank) - 1 - kept, np.arange(0, len(rank), 50)]))
        ax.plot(simulated, rank, "-", lw=1.2, color=colour(k))
        ax.plot(measured[kept], rank[kept], marker(k), ms=3, color=colour(k),
                label=engineering(float(level), "S"))  # fmt: skip
    ax.set_xlabel("change since programming (µS)")
    ax.set_ylabel("cumulative probability (%)")
    ax.set_ylim(0.05, 99.95)
    percent_ticks(ax, "normal")
    ax.legend(fontsize=7, loc="upper left")
    return ax


def nearest(values: NDArray[Any], levels: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position of the nearest level within 5 %, else -1.

    >>> nearest(np.array([1.0, 2.01, 5.0]), np.array([1.0, 2.0])).tolist()
    [0, 1, -1]
    """
    distance = np.abs(values[:, None] - levels)
    best = distance.argmin(axis=1)
    near = distance[np.arange(len(values)), best] <= 0.05 * levels[best]
    return np.where(near, best, -1)


def quantiles_over_time(check: xr.Dataset, ax: Axes | None = None, *, level: float) -> Axes:
    """Quantiles of the change of one level over time, measured (points) and simulated (bands).

    Parameters
    ----------
    check : Dataset
        From `reliability.posterior_predictive`, its ``detail`` at one temperature.
    ax : Axes, optional
        A new figure without.
    level : float
        S.
    """
    ax = axes_of(ax)
    at = np.isclose(check["detail_level"].values, level) & (check["detail_time"].values > 0)
    names = ("q99", "q95", "q50", "q05", "q01")
    for k, name in enumerate(names):
        own = check.isel(detail=at & (check["detail_quantity"].values == name))
        own = own.sortby("detail_time")
        time = own["detail_time"].values
        low, high, seen = (1e6 * own[f"detail_{v}"].values for v in ("low", "high", "observed"))
        ax.fill_between(time, low, high, color=colour(k), alpha=0.25, lw=0)
        label = f"{int(name[1:])} %"
        ax.plot(time, seen, marker(k), ms=4, color=colour(k), label=label)
    ax.set_xscale("log")
    ax.set_xlabel("time since programming (s)")
    ax.set_ylabel("change since programming (µS)")
    ax.set_title(f"level {engineering(level, 'S')}", fontsize=10)
    ax.legend(fontsize=7, ncols=3, loc="lower left")
    return ax


def cells_over_time(
    cells: xr.Dataset, ax: Axes | None = None, *, name: str = "measured", count: int = 12
) -> Axes:
    """Conductance of single cells over time.

    Parameters
    ----------
    cells : Dataset
        From `reliability.characterization.simulated_cells`, reads of one level.
    ax : Axes, optional
        A new figure without.
    name : {"measured", "simulated"}
    count : int
        Cells, taken evenly from those of the level.
    """
    ax = axes_of(ax)
    cells = cells.isel(read=np.flatnonzero(cells["time"].values > 0))
    runs = np.unique(cells["run"].values)
    for k, run in enumerate(runs[:: max(len(runs) // count, 1)][:count]):
        own = cells.isel(read=np.flatnonzero(cells["run"].values == run)).sortby("time")
        ax.plot(own["time"].values, 1e6 * own[name].values, "-", marker="o", ms=2.5, lw=0.9,
                color=colour(k))  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlabel("time since programming (s)")
    ax.set_ylabel("conductance (µS)")
    ax.set_title(f"{name} cells", fontsize=10)
    return ax
