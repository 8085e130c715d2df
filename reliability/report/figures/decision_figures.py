"""A design on uncertain cards: which parameters move it, and which of them decide its verdict."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from reliability.report.figures.pareto_figures import quantity_axis
from reliability.report.figures.style import axes_of, colour
from reliability.report.words import in_words, typeset
from reliability.units import engineering


def design_tornado(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """A quantity of a design with each parameter at its low and high value, the others nominal.

    Parameters
    ----------
    found : Dataset
        ``value`` (parameter, side), sides "low" and "high", the parameter on top the last, with
        ``attrs["long_name"]``, ``["units"]``, ``["nominal"]`` and, where there is one,
        ``["limit"]``; ``moved`` (parameter, side), what the parameters are set to, and the
        coordinate ``unit`` (parameter) of that.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    values = found["value"].transpose("parameter", "side")
    nominal, limit = values.attrs["nominal"], values.attrs.get("limit")
    scale = quantity_axis(ax.xaxis, values, np.array([nominal]))
    y = np.arange(found.sizes["parameter"])
    for side, own in (("low", colour(4)), ("high", colour(0))):
        end = values.sel(side=side).values / scale
        ax.barh(y, end - nominal / scale, left=nominal / scale, height=0.6, color=own, alpha=0.75,
                label=f"{side} value")  # fmt: skip
        for k, moved in enumerate(found["moved"].sel(side=side).values):
            other = values.isel(parameter=k).values.sum() / scale - end[k]
            left = end[k] < other or (end[k] == other and side == "low")
            text = typeset(engineering(float(moved), str(found["unit"].values[k]) or "1"))
            ax.annotate(text, (end[k], y[k]), xytext=(-4 if left else 4, 0), va="center",
                        textcoords="offset points", ha="right" if left else "left",
                        fontsize=7)  # fmt: skip
    ax.axvline(nominal / scale, color="0.2", lw=1)
    if limit is not None:
        ax.axvline(limit / scale, color="0.3", lw=1, ls="--", label="limit")
    ax.margins(x=0.28)
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", nbins=3)  # narrow panels, long numbers
    ax.set_yticks(y, [in_words(str(name)) for name in found["parameter"].values])
    ax.grid(axis="y", visible=False)
    return ax


def information_bars(found: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Gain in the probability of a right verdict from knowing each parameter exactly.

    Parameters
    ----------
    found : Dataset
        ``value``, ``low``, ``high`` (fractions) over ``parameter``, the one on top the last.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    value, low, high = (100 * found[name].values for name in ("value", "low", "high"))
    y = np.arange(value.size)
    ax.barh(y, value, height=0.6, color=colour(1), alpha=0.8)
    ax.errorbar(value, y, xerr=np.maximum([value - low, high - value], 0), fmt="none",
                ecolor="black", capsize=3, lw=1)  # fmt: skip
    ax.set_xlim(left=0.0)
    ax.set_yticks(y, [in_words(str(name)) for name in found["parameter"].values])
    ax.set_xlabel("gain in the probability of a right verdict (points)")
    ax.grid(axis="y", visible=False)
    return ax
