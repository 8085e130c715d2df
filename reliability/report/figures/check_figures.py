"""Does a fitted card make the measured cells again: measured statistics on what it predicts."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

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
        "sigma": "standard deviation of the change",
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
