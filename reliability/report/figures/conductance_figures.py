"""Conductance against what cells go through: relaxation, drift, read disturb, and tails."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from reliability.errors import InputError
from reliability.report.figures.style import (
    LABEL,
    Array,
    axes_of,
    colour,
    log_axis,
    name_axis,
    reading_unit,
    stress_axis,
)
from reliability.units import engineering

_BANDS = ((0.005, 0.995), (0.05, 0.95), (0.25, 0.75))
_BAND_NAMES = ("99 %", "90 %", "50 % of cells")
_SHADES = (0.14, 0.24, 0.38)


def relaxation_fan(
    conductance: xr.DataArray, ax: Axes | None = None, *, lines: str | None = None
) -> Axes:
    """Spread of cells against time since programming: their median, and 50, 90 and 99 % of them.

    Parameters
    ----------
    conductance : DataArray
        S, of the same cells along ``time`` (s, from 0 if wanted); all other dimensions are cells.
        Of cells with a coordinate ``state`` or ``target`` (S), each of its values has a fan.
    ax : Axes, optional
        A new figure without.
    lines : str, optional
        Dimension or coordinate of which each value has a fan instead.

    Raises
    ------
    InputError
        No dimension ``time``.
    """
    ax = _fans(conductance, axes_of(ax), "time", lines)
    ax.set_xlabel("time since programming")
    return ax


def read_disturb(
    conductance: xr.DataArray,
    ax: Axes | None = None,
    *,
    lines: str | None = None,
    reference: float | None = None,
) -> Axes:
    """Spread of cells against the number of their reads, from none to 1e12 and more.

    Parameters
    ----------
    conductance : DataArray
        S, along ``reads``; all else as of `relaxation_fan`.
    ax : Axes, optional
        A new figure without.
    lines : str, optional
        Dimension or coordinate of which each value has a fan, such as ``"read_voltage"``.
    reference : float, optional
        Conductance that separates the states when read, S, as a line.

    Raises
    ------
    InputError
        No dimension ``reads``.
    """
    ax = _fans(conductance, axes_of(ax), "reads", lines)
    ax.set_xlabel("read pulses of every cell")
    if reference is not None:
        _limit(ax, conductance, reference, "read reference")
    return ax


def drift(conductance: xr.DataArray, ax: Axes | None = None, *, lines: str | None = None) -> Axes:
    """Conductance against time, both logarithmic, where G = G0 (t/t0)^-nu is a straight line.

    The legend has nu of the median, by least squares over the times that are shown.

    Parameters
    ----------
    conductance : DataArray
        S, along ``time`` (s, above 0); all else as of `relaxation_fan`.
    ax : Axes, optional
        A new figure without.
    lines : str, optional
        As of `relaxation_fan`.

    Raises
    ------
    InputError
        No dimension ``time``, fewer than two times, or one that is not above 0.
    """
    ax = axes_of(ax)
    time = _along(conductance, "time")
    if time.size < 2 or time.min() <= 0:
        raise InputError("time: expected two or more times above 0")
    factor, symbol = reading_unit(conductance.values, "S")
    shown = []
    for k, (label, cells) in enumerate(_groups(conductance, "time", lines)):
        low, median, high = np.quantile(cells / factor, [0.05, 0.5, 0.95], axis=1)
        slope = np.polyfit(np.log(time), np.log(median), 1)[0]
        ax.fill_between(time, low, high, color=colour(k), alpha=0.2, lw=0)
        name = f"{label}: ν = {-slope:.3f}" if label else f"ν = {-slope:.3f}"
        ax.plot(time, median, "o-", ms=3.5, color=colour(k), label=name)
        shown += [low, high]
    stress_axis(ax, time, "time")
    log_axis(ax.yaxis, np.concatenate(shown))
    name_axis(ax.yaxis, "conductance", symbol)
    ax.set_xlabel("time since programming")
    ax.legend(title="median; band: 90 % of cells", loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return ax


def quantile_against_time(
    quantiles: xr.Dataset, ax: Axes | None = None, *, limit: float | None = None
) -> Axes:
    """Quantiles of the conductance against time, each with its interval.

    Parameters
    ----------
    quantiles : Dataset
        ``conductance`` and, where known, the ends ``low`` and ``high`` of its interval, S,
        dimensions (quantile, time); quantiles as shares of cells that lie below.
    ax : Axes, optional
        A new figure without.
    limit : float, optional
        Conductance that must not be crossed, S, as a line.

    Raises
    ------
    InputError
        No dimension ``time``.
    """
    ax = axes_of(ax)
    time = _along(quantiles["conductance"], "time")
    factor, symbol = reading_unit(quantiles["conductance"].values, "S")
    for k, share in enumerate(quantiles["quantile"].values):
        one = quantiles.isel(quantile=k)
        if "low" in one:
            low, high = (one[name].values / factor for name in ("low", "high"))
            ax.fill_between(time, low, high, color=colour(k), alpha=0.2, lw=0)
        ax.plot(time, one["conductance"].values / factor, "o-", ms=3.5, color=colour(k),
                label=_share(float(share)))  # fmt: skip
    stress_axis(ax, time, "time")
    _conductance_axis(ax, quantiles["conductance"].values / factor, symbol)
    if limit is not None:
        _limit(ax, quantiles["conductance"], limit, "limit")
    ax.set_xlabel("time since programming")
    ax.legend(title="fraction of cells below", ncols=2)
    return ax


def _fans(conductance: xr.DataArray, ax: Axes, along: str, lines: str | None) -> Axes:
    x = _along(conductance, along)
    factor, symbol = reading_unit(conductance.values, "S")
    shown = []
    for k, (label, cells) in enumerate(_groups(conductance, along, lines)):
        for (low, high), shade in zip(_BANDS, _SHADES, strict=True):
            edges = np.quantile(cells / factor, [low, high], axis=1)
            ax.fill_between(x, *edges, color=colour(k), alpha=shade, lw=0)
            shown.append(edges.ravel())
        middle = np.median(cells / factor, axis=1)
        ax.plot(x, middle, color=colour(k), lw=1.6, label=label or "median")
    stress_axis(ax, x, along)
    _conductance_axis(ax, np.concatenate(shown), symbol)
    grey = [Patch(facecolor="0.3", alpha=shade, lw=0) for shade in _SHADES]
    handles, labels = ax.get_legend_handles_labels()
    ax.legend([*handles, *grey], [*labels, *_BAND_NAMES], ncols=3, loc="lower left",
              bbox_to_anchor=(0, 1))  # fmt: skip
    return ax


def _limit(ax: Axes, conductance: xr.DataArray, value: float, name: str) -> None:
    height = value / reading_unit(conductance.values, "S")[0]
    ax.axhline(height, color="0.3", lw=1, ls="--")
    ax.annotate(name, (ax.get_xlim()[0], height), **LABEL)


def _along(conductance: xr.DataArray, name: str) -> Array:
    if name not in conductance.dims:
        raise InputError(
            f"conductance: got dimensions {', '.join(map(str, conductance.dims))}, "
            f"expected {name} among them"
        )
    return np.asarray(conductance[name].values, float)


def _groups(
    conductance: xr.DataArray, along: str, lines: str | None
) -> Iterator[tuple[str, Array]]:
    """Label and cells of each line, shape (along, cells)."""
    if lines is None:
        lines = next((name for name in ("state", "target") if name in conductance.coords), None)
    if lines is None:
        yield "", _cells(conductance, along)
        return
    coordinate = conductance[lines]
    unit = str(coordinate.attrs.get("units", "S" if lines == "target" else ""))
    for value in np.unique(coordinate.values):
        label = str(value) if isinstance(value, str) else engineering(float(value), unit or "1")
        own = conductance if coordinate.ndim == 0 else conductance[
            {coordinate.dims[0]: np.flatnonzero(coordinate.values == value)}
        ]  # fmt: skip
        yield label, _cells(own, along)


def _cells(conductance: xr.DataArray, along: str) -> Array:
    rows = conductance.transpose(along, ...).values
    return np.asarray(rows.reshape(rows.shape[0], -1), float)


def _conductance_axis(ax: Axes, values: Array, symbol: str) -> None:
    """Logarithmic where the states lie far apart."""
    if values.min() > 0 and values.max() > 8 * values.min():
        log_axis(ax.yaxis, values)
    name_axis(ax.yaxis, "conductance", symbol)


def _share(share: float) -> str:
    return f"{share * 100:g} %" if share >= 1e-4 else f"{share * 1e6:g} ppm"
