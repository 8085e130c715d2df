"""What the figures share: one style sheet, one palette, axes that read as engineers write.

Data on an axis are in the unit of its label; a logarithm, a probability paper or 1/kT is the scale
of the axis, not of its data. So what is read off the axes, or drawn on them, is the number itself.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import QuadMesh
from matplotlib.ticker import (
    FixedFormatter,
    FixedLocator,
    FuncFormatter,
    LogLocator,
    NullFormatter,
    NullLocator,
)
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike, NDArray

from reliability.lifetime.demonstration import printed
from reliability.statistics.means import nominal_and_drawn
from reliability.units import duration, engineering_unit

Array = NDArray[np.float64]

# rcParams of report.mplstyle
STYLE: Any = matplotlib.rc_params_from_file(
    Path(__file__).with_name("report.mplstyle"), use_default_template=False
)
PALETTE: tuple[str, ...] = tuple(STYLE["axes.prop_cycle"].by_key()["color"])
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LABEL: dict[str, Any] = {  # of a text beside a line
    "xytext": (3, 2),
    "textcoords": "offset points",
    "fontsize": 8,
    "bbox": {"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1},
}
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_CLOCK = {
    1e-9: "1 ns", 1e-6: "1 µs", 1e-3: "1 ms", 1.0: "1 s", 60.0: "1 min", 3600.0: "1 h",
    86400.0: "1 day", 2629800.0: "1 month", 31557600.0: "1 year", 315576000.0: "10 years",
    3155760000.0: "100 years", 31557600000.0: "1000 years",
}  # fmt: skip
_FINER = {
    10.0: "10 s", 600.0: "10 min", 36000.0: "10 h", 604800.0: "1 week", 7889400.0: "3 months",
    94672800.0: "3 years",
}  # fmt: skip
_DECADES = 3.5  # over fewer, the finer marks have room


def axes_of(ax: Axes | None) -> Axes:
    """Return the axes, or those of a new figure in the style of the reports."""
    if ax is not None:
        return ax
    from matplotlib import pyplot  # only for users at a prompt or in a notebook

    with matplotlib.rc_context(STYLE):
        return pyplot.subplots(layout="constrained")[1]


def colour(k: int) -> str:
    """Return the colour of the k-th line."""
    return PALETTE[k % len(PALETTE)]


def marker(k: int) -> str:
    """Return the marker of the k-th line."""
    return MARKERS[k % len(MARKERS)]


def reading_unit(values: ArrayLike, unit: str) -> tuple[float, str]:
    """Return the size and the symbol of the unit in which SI values are read best.

    >>> reading_unit([2e-6, 3e-5], "S")
    (1e-06, 'µS')
    """
    size = np.abs(np.asarray(values, float).ravel())
    size = size[np.isfinite(size) & (size > 0)]
    return engineering_unit(float(np.median(size)) if size.size else 0.0, unit)


def time_unit(seconds: ArrayLike) -> tuple[float, str]:
    """Return the size in seconds and the name of the unit in which times are read best.

    >>> time_unit([2e5, 6e6]), time_unit([1e-3, 0.2])
    ((86400.0, 'days'), (0.001, 'ms'))
    """
    longest = float(np.nanmax(np.abs(np.asarray(seconds, float))))
    for size, name in ((31557600.0, "years"), (86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if longest >= 3 * size:
            return size, name
    return engineering_unit(longest, "s")


def name_axis(axis: Axis, label: str, symbol: str) -> None:
    """Label an axis with the unit of its data."""
    axis.set_label_text(f"{label} ({symbol})" if symbol else label)


def log_axis(axis: Axis, values: ArrayLike) -> None:
    """Make an axis logarithmic, its ticks plain numbers, at 1, 2, 5 over few decades."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    numbers = np.asarray(values, float)
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    decades = math.log10(numbers.max() / numbers.min()) if numbers.size else 1.0
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2.5 else (1.0, 2.0, 5.0)))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    far = decades > 7 or (numbers.size > 0 and (numbers.min() < 1e-4 or numbers.max() >= 1e6))
    axis.set_major_formatter(
        FuncFormatter(lambda v, _: power_of_ten(v) if far or v >= 1e6 else f"{v:g}")
    )


def prefix_axis(axis: Axis, label: str, values: xr.DataArray) -> None:
    """Make an axis of SI values logarithmic, in one unit with a prefix that suits most of them."""
    log_axis(axis, values.values)
    size = np.abs(values.values[np.isfinite(values.values) & (values.values > 0)])
    middle = math.sqrt(np.median(size) * size.max()) if size.size else 1.0
    factor, symbol = engineering_unit(middle, str(values.attrs.get("units", "1")))
    far = size.size > 0 and (size.max() >= 1e5 * factor or size.min() < 1e-4 * factor)
    axis.set_major_formatter(
        FuncFormatter(lambda v, _: power_of_ten(v / factor) if far else f"{v / factor:.6g}")
    )
    name_axis(axis, label, symbol)


def power_of_ten(value: float) -> str:
    """Print a power of ten.

    >>> power_of_ten(1e-6), power_of_ten(2e5)
    ('10⁻⁶', '2×10⁵')
    """
    exponent = math.floor(math.log10(value) + 1e-9)
    times = value / 10.0**exponent
    factor = f"{times:.2g}×" if abs(times - 1) > 1e-6 else ""
    return f"{factor}10{str(exponent).translate(_RAISED)}"


def octave_axis(axis: Axis, label: str) -> None:
    """Make an axis logarithmic to base 2, its ticks whole numbers, for sizes of arrays."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(base=2, subs=(1.0, 1.5) if high < 16 * low else (1.0,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_label_text(label)


def ppm(fraction: float, digits: int = 3) -> str:
    """Print a fraction of units: in ppm below 1 %.

    >>> ppm(0.0134), ppm(0.00445), ppm(2.4e-6), ppm(0.0), ppm(1e-60)
    ('1.34 %', '4450 ppm', '2.4 ppm', '0 ppm', 'below 10⁻⁶ ppm')
    """
    if 0 < fraction < 0.99e-12:
        return "below 10⁻⁶ ppm"
    if fraction >= 0.01:
        return f"{100 * fraction:.{digits}g} %"
    return f"{printed(1e6 * fraction, digits) if fraction else '0'} ppm"


def ppm_axis(axis: Axis) -> None:
    """Make an axis of fractions logarithmic: per cent down to 1, ppm below."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    axis.set_major_locator(LogLocator(subs=(1.0,)))
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda v, _: ppm(v)))


def percent_axis(axis: Axis, label: str) -> None:
    """Label an axis of shares in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}"))
    axis.set_label_text(f"{label} (%)")


def metric_axis(axis: Axis, values: xr.DataArray, of: str = "") -> None:
    """Label an axis of the metric of chips: its name, in percent where it is a fraction."""
    label = f"{values.attrs.get('long_name', 'accuracy')}{of}"
    if values.attrs.get("fraction", 1):
        percent_axis(axis, label)
    else:
        axis.set_label_text(label)


def clock_marks(first: float, last: float) -> dict[float, str]:
    """Return round times (s) from the first to the last, with their names.

    >>> clock_marks(1.0, 2000.0)
    {1.0: '1 s', 10.0: '10 s', 60.0: '1 min', 600.0: '10 min'}
    """
    marks = _CLOCK | (_FINER if last < first * 10**_DECADES else {})
    return {t: marks[t] for t in sorted(marks) if first * 0.99 <= t <= last * 1.01}


def clock_axis(axis: Axis, clock: str, values: ArrayLike) -> None:
    """Make an axis logarithmic and mark it in times (s), or in counts of cycles or reads."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})  # type: ignore[attr-defined]
    if clock == "time":
        numbers = np.asarray(values, float)
        numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
        marks = clock_marks(float(numbers.min()), float(numbers.max()))
        axis.set_major_locator(FixedLocator(list(marks)))
        axis.set_major_formatter(FixedFormatter(list(marks.values())))
    axis.set_label_text(clock)
    axis.set_minor_locator(NullLocator())


def table_mesh(ax: Axes, table: ArrayLike, **style: Any) -> QuadMesh:
    """Colour the cells of a table as vectors, cell (i, j) at x = j and y = i, the first on top."""
    rows, columns = np.shape(table)
    mesh = ax.pcolormesh(
        np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5, table, zorder=0, **style
    )
    ax.set_ylim(rows - 0.5, -0.5)
    return mesh


def log_axis_from_zero(ax: Axes, values: ArrayLike) -> None:
    """Make the x axis logarithmic; zero stands one and a half decades before the first value."""
    x = np.asarray(values, float)
    positive = x[x > 0]
    zero = math.log10(positive.min() if positive.size else 1.0) - 1.5

    def place(at: ArrayLike) -> Array:
        given = np.asarray(at, float)
        return np.where(given > 0, np.log10(np.where(given > 0, given, 1.0)), zero)

    ax.set_xscale("function", functions=(place, lambda u: np.power(10.0, u)))
    ax.xaxis.set_minor_locator(NullLocator())
    first, last = place([x.min(), x.max()])
    margin = 0.03 * (last - first) or 0.5
    ax.set_xlim(10 ** (first - margin), 10 ** (last + margin))


def time_axis(ax: Axes, times: NDArray[Any]) -> None:
    """Make the x axis one of log time with each of these times (s) as a tick."""
    log_axis_from_zero(ax, times)
    limits = ax.get_xlim()  # ticks would move them
    ax.set_xticks(
        times, ["as\nprogrammed" if t == 0 else _CLOCK.get(t, duration(float(t))) for t in times]
    )
    ax.set_xlim(limits)
    ax.set_xlabel("time since programming (log scale)")


def stress_axis(ax: Axes, values: ArrayLike, clock: str) -> None:
    """Make the x axis one of log ``time`` (s), ``reads`` or ``cycles`` from the first to the last.

    Ticks are a few round ones, and zero if it is there.
    """
    x = np.asarray(values, float)
    positive = x[x > 0]
    log_axis_from_zero(ax, x)
    if clock == "time":
        names = clock_marks(float(positive.min()), float(positive.max()))
    else:
        first, last = math.log10(positive.min()), math.log10(positive.max())
        step = max(1, math.ceil((last - first) / 8))
        places = 10.0 ** np.arange(math.ceil(first - 1e-9), last + 1e-9, step)
        names = {float(place): power_of_ten(place) for place in places}
    if positive.size < x.size:
        names[0.0] = "0"
    ax.set_xticks(list(names), list(names.values()))
    ax.set_xlim(x.min() if positive.size == x.size else positive.min() / 10**1.5, x.max())


def set_beside(drawn: Sequence[Artist], k: int, of: int) -> None:
    """Move what is drawn of the k-th of several lines a few points beside the others."""
    points = (k - (of - 1) / 2) * min(5.0, 18.0 / of)
    for artist in drawn:  # afterwards, so that the axis has the limits of the data
        ax: Any = artist.axes
        aside = ScaledTranslation(points / 72, 0, ax.figure.dpi_scale_trans)
        artist.set_transform(ax.transData + aside)


def legend_above(ax: Axes, **style: Any) -> None:
    """Put the legend above the axes, where it covers no line; columns as the labels leave room."""
    labels = ax.get_legend_handles_labels()[1]
    longest = max(map(len, labels), default=1)
    style = {"ncols": max(1, min(4, 64 // (longest + 6)))} | style
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), **style)


def interval_of_draws(values: xr.DataArray) -> Array:
    """Ends of the interval that contains 95 % of the draws and the nominal value, shape (2, ...).

    Parameters
    ----------
    values : DataArray (draw, ...)
        Draw 0 is nominal.
    """
    return nominal_and_drawn(values.transpose("draw", ...).values)


def nominal_and_draws(x: ArrayLike, values: xr.DataArray, ax: Axes, k: int, **line: Any) -> None:
    """Draw the nominal values as the k-th line, and the interval of the draws as its band.

    Parameters
    ----------
    x : array_like, shape (points,)
    values : DataArray (draw, points)
        Draw 0 is nominal.
    ax : Axes
    k : int
    **line
        As ``Axes.plot`` takes it.
    """
    ax.fill_between(x, *interval_of_draws(values), color=colour(k), alpha=0.16, lw=0)
    shown: dict[str, Any] = {"color": colour(k), "ms": 4} | line
    ax.plot(x, values.isel(draw=0).values, **shown)
