"""Noise: reads of an unchanging cell against time, and their power spectral density."""

import numpy as np
import scipy
import xarray as xr
from matplotlib.axes import Axes

from reliability.errors import InputError
from reliability.report.figures.style import (
    Array,
    axes_of,
    colour,
    name_axis,
    reading_unit,
    time_unit,
)

_SEGMENTS = 8  # periodograms that are averaged
_PER_DECADE = 8  # points of the density


def noise_trace(conductance: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Conductance of cells read after read; telegraph noise shows as steps between two levels.

    Parameters
    ----------
    conductance : DataArray (time) or (time, cell)
        S, with the coordinate ``time``, s.
    ax : Axes, optional
        A new figure without.
    """
    ax = axes_of(ax)
    cells, time = _of_cells(conductance), conductance["time"].values
    second, seconds = time_unit(time)
    siemens, symbol = reading_unit(conductance.values, "S")
    for k, (label, trace) in enumerate(cells.items()):
        ax.plot(time / second, trace / siemens, drawstyle="steps-post", lw=0.9, color=colour(k),
                label=label)  # fmt: skip
    ax.margins(x=0)
    name_axis(ax.xaxis, "time", seconds)
    name_axis(ax.yaxis, "conductance", symbol)
    if len(cells) > 1:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4)
    return ax


def power_spectral_density(
    conductance: xr.DataArray,
    ax: Axes | None = None,
    *,
    expected: xr.DataArray | None = None,
    confidence: float = 0.95,
) -> Axes:
    """Power spectral density of the relative conductance of cells, with its interval.

    Averages of periodograms of eight stretches, averaged again over equal steps of the logarithm of
    the frequency. The interval is chi-square, with two degrees of freedom for each periodogram and
    frequency that is averaged: exact for white noise, close for spectra that change little within a
    step.

    Parameters
    ----------
    conductance : DataArray (time) or (time, cell)
        S, read in equal steps of the coordinate ``time``, s.
    ax : Axes, optional
        A new figure without.
    expected : DataArray (frequency) or (frequency, cell), optional
        Density of a model over G^2, 1/Hz, drawn as lines, such as
        `reliability.devices.noise.flicker_density`.
    confidence : float
        Of the interval.

    Raises
    ------
    InputError
        Fewer than 64 reads, or times that are not equally far apart.
    """
    ax = axes_of(ax)
    time = np.asarray(conductance["time"].values, float)
    if time.size < 64:
        raise InputError(f"conductance: got {time.size} reads, expected 64 or more")
    step = np.diff(time)
    if np.ptp(step) > 0.01 * step.mean():
        raise InputError("time: expected reads in equal steps of time")
    for k, (label, trace) in enumerate(_of_cells(conductance).items()):
        frequency, density, averaged = _density(trace / trace.mean(), 1 / float(step.mean()))
        tail = (1 - confidence) / 2
        low, high = (averaged / scipy.stats.chi2.ppf(q, averaged) for q in (1 - tail, tail))
        ax.fill_between(frequency, density * low, density * high, color=colour(k), alpha=0.2, lw=0)
        ax.plot(frequency, density, "o-", ms=3.5, lw=1, color=colour(k), label=label or "reads")
    if expected is not None:
        for k, (label, line) in enumerate(_of_cells(expected, "frequency").items()):
            ax.plot(expected["frequency"].values, line, "--", lw=1.4, color="black" if not label
                    else colour(k), label=None if label else "model")  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlabel("frequency (Hz)")
    ax.set_ylabel("power spectral density of ΔG/G (1/Hz)")
    if ax.get_legend_handles_labels()[1] != ["reads"]:
        ax.legend(loc="upper right")
    return ax


def _of_cells(values: xr.DataArray, along: str = "time") -> dict[str, Array]:
    if values.ndim == 1:
        return {"": np.asarray(values.values, float)}
    rows = values.transpose(..., along)
    names = rows[rows.dims[0]].values
    return {f"cell {name}": np.asarray(row, float) for name, row in zip(names, rows.values,
                                                                        strict=True)}  # fmt: skip


def _density(relative: Array, rate: float) -> tuple[Array, Array, Array]:
    """Frequencies, densities, and degrees of freedom of each."""
    length = relative.size // _SEGMENTS
    frequency, density = scipy.signal.welch(
        relative, rate, window="boxcar", nperseg=length, noverlap=0, detrend="constant"
    )
    frequency, density = frequency[1:], density[1:]
    bins = np.floor(np.log10(frequency / frequency[0]) * _PER_DECADE + 0.5).astype(int)
    _, place, count = np.unique(bins, return_inverse=True, return_counts=True)
    middle = np.asarray(np.exp(np.bincount(place, np.log(frequency)) / count), float)
    averaged = np.asarray(2.0 * _SEGMENTS * count, float)
    return middle, np.bincount(place, density) / count, averaged
