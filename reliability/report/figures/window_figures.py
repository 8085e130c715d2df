"""The programming window: against programming conditions, and against the read reference."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patheffects import AbstractPathEffect, withStroke
from matplotlib.ticker import FuncFormatter, LogLocator

from reliability.errors import InputError
from reliability.report.figures.style import (
    PALETTE,
    axes_of,
    colour,
    log_axis,
    name_axis,
    power_of_ten,
    reading_unit,
)

CONDITION_NAMES = {
    "compliance_current": "compliance current",
    "reset_voltage": "RESET voltage",
    "pulse_width": "pulse width",
}
_LOWEST = 1e-15  # a bit-error rate below says nothing more


def window_map(window: xr.Dataset, ax: Axes | None = None, *, x: str, y: str) -> Axes:
    """Bit-error rate over two programming conditions, with the border of the target.

    Colour is the bit-error rate at the best reference, thin lines the window between the medians in
    decades, the thick line the target rate.

    Parameters
    ----------
    window : Dataset
        Of `reliability.programming_window` with the dimensions x and y.
    ax : Axes, optional
        A new figure without.
    x, y : str
        Of ``compliance_current``, ``reset_voltage`` and ``pulse_width``.

    Raises
    ------
    InputError
        The window has other dimensions.
    """
    ax = axes_of(ax)
    rate = window["bit_error_rate"]
    if set(rate.dims) != {x, y}:
        raise InputError(
            f"window: got dimensions {', '.join(map(str, rate.dims))}, expected {x} and {y}"
        )
    units = {n: reading_unit(window[n].values, str(window[n].attrs["units"])) for n in (x, y)}
    across, up = (window[n].values / units[n][0] for n in (x, y))
    rates = np.log10(np.maximum(rate.transpose(y, x).values, _LOWEST))
    step = next(s for s in (0.25, 0.5, 1.0, 2.0, 5.0) if np.ptp(rates) <= 8 * s)
    levels = step * np.arange(np.floor(rates.min() / step), np.ceil(rates.max() / step) + 1.5)
    filled = ax.contourf(across, up, rates, levels, cmap="cividis_r", alpha=0.85)
    filled.set_edgecolor("face")
    halo: list[AbstractPathEffect] = [withStroke(linewidth=2.5, foreground="white")]
    decades = window["window"].transpose(y, x).values
    if np.ptp(decades) > 0:
        lines = ax.contour(across, up, decades, 5, colors="black", linewidths=0.7)
        for text in ax.clabel(lines, fmt="%g", fontsize=8):
            text.set_path_effects(halo)
    target = float(window.attrs["target_error_rate"])
    if rates.min() < np.log10(target) < rates.max():
        for width, tone in ((4.0, "white"), (2.2, PALETTE[4])):
            ax.contour(across, up, rates, [np.log10(target)], colors=tone, linewidths=width)
        ax.plot([], [], color=PALETTE[4], lw=2.2, label=f"bit-error rate {power_of_ten(target)}")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1))
    bar = ax.figure.colorbar(filled, ax=ax, label="bit-error rate")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(10.0**value)))
    for axis, name, values in ((ax.xaxis, x, across), (ax.yaxis, y, up)):
        if values.min() > 0 and values.max() > 3 * values.min():
            log_axis(axis, values)
        name_axis(axis, CONDITION_NAMES[name], units[name][1])
    ax.grid(False)
    return ax


def window_curve(window: xr.Dataset, ax: Axes | None = None, *, x: str) -> Axes:
    """Bit-error rate against one programming condition, with its interval and the target.

    Parameters
    ----------
    window : Dataset
        Of `reliability.programming_window` with the dimension x; ``bit_error_rate_low`` and
        ``bit_error_rate_high``, where they are there, are drawn as a band.
    ax : Axes, optional
        A new figure without.
    x : str
        ``compliance_current``, ``reset_voltage`` or ``pulse_width``.
    """
    ax = axes_of(ax)
    factor, symbol = reading_unit(window[x].values, str(window[x].attrs["units"]))
    values = window[x].values / factor
    rate = np.maximum(window["bit_error_rate"].values, _LOWEST)
    if "bit_error_rate_low" in window:
        low, high = (
            np.maximum(window[f"bit_error_rate_{end}"], _LOWEST) for end in ("low", "high")
        )
        ax.fill_between(values, low, high, color=colour(0), alpha=0.2, lw=0)
    ax.plot(values, rate, "o-", ms=4, color=colour(0))
    ax.axhline(float(window.attrs["target_error_rate"]), color="0.3", lw=1, ls="--")
    log_axis(ax.yaxis, np.append(rate, window.attrs["target_error_rate"]))
    name_axis(ax.xaxis, CONDITION_NAMES[x], symbol)
    ax.set_ylabel("bit-error rate")
    return ax


def error_rate_against_reference(
    errors: xr.Dataset, ax: Axes | None = None, *, target: float | None = None
) -> Axes:
    """Fraction of cells read as the other state against the read reference, and their mean.

    Parameters
    ----------
    errors : Dataset
        ``error_rate`` (state, reference) and ``bit_error_rate`` (reference) with the coordinate
        ``reference``, S: of `reliability.programming_window` at several references.
    ax : Axes, optional
        A new figure without.
    target : float, optional
        Bit-error rate that must not be exceeded; where it is not, the references are shaded.
    """
    ax = axes_of(ax)
    factor, symbol = reading_unit(errors["reference"].values, "S")
    reference = np.asarray(errors["reference"].values, float) / factor
    for k, state in enumerate(errors["state"].values):
        ax.plot(reference, errors["error_rate"].sel(state=state).values, ("--", "-.")[k % 2],
                color=colour(k), label=f"{state} read as the other state")  # fmt: skip
    rate = errors["bit_error_rate"].values
    ax.plot(reference, rate, color="black", lw=1.8, label="bit-error rate")
    best = int(np.argmin(rate))
    ax.plot(reference[best], rate[best], "o", color="black", ms=5)
    ax.annotate(
        power_of_ten(rate[best]), (reference[best], rate[best]), xytext=(0, -12), fontsize=8,
        ha="center", textcoords="offset points",
    )  # fmt: skip
    if target is not None:
        ax.axhline(target, color="0.3", lw=1, ls=":")
        good = rate <= target
        if good.any():
            ax.axvspan(reference[good].min(), reference[good].max(), color=colour(2), alpha=0.15,
                       lw=0, label=f"at most {power_of_ten(target)}")  # fmt: skip
    ax.set_yscale("log")
    ax.set_ylim(max(rate[best] / 300, _LOWEST), 2)
    ax.yaxis.set_major_locator(LogLocator(numticks=9))
    log_axis(ax.xaxis, reference)
    name_axis(ax.xaxis, "read reference", symbol)
    ax.set_xlim(reference.min(), reference.max())
    ax.set_ylabel("fraction of cells")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return ax
