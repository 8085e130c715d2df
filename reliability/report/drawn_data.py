"""The numbers in a drawn figure as CSV, so that what a reader downloads is what the figure shows.

Axes hold data in their own units (a logarithm or a probability paper is the scale of an axis, not
of its data), so the artists of a figure are the table.
"""

import csv
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.cm import ScalarMappable
from matplotlib.collections import (
    LineCollection,
    PatchCollection,
    PathCollection,
    PolyCollection,
    QuadMesh,
)
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedFormatter, PercentFormatter

_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # with which a spreadsheet begins one
_Row = dict[str, Any]


def drawn_data(figure: Canvas) -> str:
    """Return the numbers that a figure shows, one row for each point.

    Parameters
    ----------
    figure : matplotlib.figure.Figure

    Returns
    -------
    str
        CSV with the columns ``panel`` (title or number of the axes), ``series`` (its label), x and
        y (under the labels of the axes, with their units; where axes differ, the labels stand in
        ``x axis`` and ``y axis``), ``low`` and ``high`` (ends of a bar or a band, along y, or along
        x in rows that have no x), ``value`` (of a colour). Columns that a figure does not need are
        left out.

    Examples
    --------
    >>> figure = Canvas()
    >>> ax = figure.subplots()
    >>> _ = ax.plot([1, 2], [3, 5], label="cells"), ax.set(xlabel="time (s)", ylabel="failed")
    >>> drawn_data(figure)
    'series,time (s),failed\\ncells,1,3\\ncells,2,5\\n'
    """
    panels = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    rows: list[_Row] = []
    for k, ax in enumerate(panels):
        panel = ax.get_title() or (str(k + 1) if len(panels) > 1 else "")
        x, y = _Scale(ax.xaxis), _Scale(ax.yaxis)
        for row in _rows(ax):
            told = {"panel": panel, "x axis": x.name, "y axis": y.name, **row}
            ends = x if "x" not in row and "y" in row and "low" in row else y
            scales = {"x": x, "y": y, "low": ends, "high": ends}
            rows.append(
                {key: scales[key].text(v) if key in scales else v for key, v in told.items()}
            )
    header = {key: key for key in ("panel", "series", "x axis", "x", "y axis", "y", "low", "high",
                                   "value")}  # fmt: skip
    for axis in ("x", "y"):
        names = {row[f"{axis} axis"] for row in rows}
        if len(names) == 1:
            del header[f"{axis} axis"]
            header[axis] = names.pop() or axis
    used = [key for key in header if any(row.get(key, "") != "" for row in rows)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_cell(header[key]) for key in used])
    writer.writerows([_cell(row.get(key, "")) for key in used] for row in rows)
    return out.getvalue()


class _Scale:
    """What an axis is called, and what stands at a place on it."""

    def __init__(self, axis: Axis) -> None:
        formatter = axis.get_major_formatter()
        self.name = axis.get_label_text().replace("\n", " ")
        self._factor = 100 / formatter.xmax if isinstance(formatter, PercentFormatter) else 1.0
        self._names: dict[float, str] = {}
        # names at 0, 1, 2 ...; ticks with names elsewhere have numbers that say more
        if isinstance(formatter, FixedFormatter) and axis.get_scale() == "linear":
            places = axis.get_majorticklocs()
            if np.all(places == np.round(places)):
                self._names = dict(zip(places.tolist(), formatter.seq, strict=False))

    def text(self, place: float) -> float | str:
        name = self._names.get(round(place), "") if self._names else ""
        if name and abs(place - round(place)) < 0.5:
            return str(name).replace("\n", " ")
        return place * self._factor


def _cell(value: float | str) -> str:
    if not isinstance(value, str):
        return f"{value:.7g}"
    return f"'{value}" if value.startswith(_FORMULAS) else value


def _rows(ax: Axes) -> Iterator[_Row]:
    """Points, bars, bands and colours of one axes."""
    names = _series_of_colours(ax)
    done: set[Any] = set()
    for container in ax.containers:
        if isinstance(container, ErrorbarContainer):
            done |= {container.lines[0], *container.lines[1], *container.lines[2]}
            yield from _error_bars(container, names)
        elif isinstance(container, BarContainer):
            done |= set(container.patches)
            yield from _bars(container)
    for line in ax.lines:
        if line not in done:
            yield from _line(line, ax, names)
    for artist in (*ax.collections, *ax.images):
        if artist not in done:
            yield from _collection(artist, names)


def _series_of_colours(ax: Axes) -> dict[str, str]:
    """Label of each colour, for bands and edges that have none of their own."""
    names: dict[str, str] = {}
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        line = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
        if isinstance(line, Line2D):
            names.setdefault(to_hex(line.get_color()), str(label))
    return names


def _line(line: Line2D, ax: Axes, names: dict[str, str]) -> Iterator[_Row]:
    in_x, in_y = line.get_transform().contains_branch_seperately(ax.transData)
    x, y = (np.asarray(v, float) for v in line.get_data(orig=False))
    if not (in_x or in_y) or not x.size:
        return
    series = _label(line.get_label()) or names.get(to_hex(line.get_color()), "")
    if in_x and in_y:
        for a, b in zip(x, y, strict=True):
            if np.isfinite(a) and np.isfinite(b):
                yield {"series": series, "x": a, "y": b}
    else:  # a line across the whole axes
        yield {"series": series, **({"x": x[0]} if in_x else {"y": y[0]})}


def _error_bars(bars: ErrorbarContainer, names: dict[str, str]) -> Iterator[_Row]:
    line, _, stems = bars.lines
    series = _label(bars.get_label())
    if line is None:
        return
    series = series or names.get(to_hex(line.get_color()), "")
    x, y = (np.asarray(v, float) for v in line.get_data(orig=False))
    ends = [stem.get_segments() for stem in stems]
    for k, (a, b) in enumerate(zip(x, y, strict=True)):
        if not (np.isfinite(a) and np.isfinite(b)):
            continue
        row: _Row = {"series": series, "x": a, "y": b}
        for segments in ends:
            if k < len(segments) and len(segments[k]) == 2:
                along = 1 if bars.has_yerr and segments is ends[-1] else 0
                low, high = sorted(segments[k][:, along])
                if along == 1:
                    row |= {"low": low, "high": high}
                else:
                    yield {"series": series, "y": b, "low": low, "high": high}
        yield row


def _bars(bars: BarContainer) -> Iterator[_Row]:
    series = _label(bars.get_label())
    for bar in bars.patches:
        if bars.orientation == "horizontal":
            yield {"series": series, "y": bar.get_y() + bar.get_height() / 2,
                   "low": bar.get_x(), "high": bar.get_x() + bar.get_width()}  # fmt: skip
        else:
            yield {"series": series, "x": bar.get_x() + bar.get_width() / 2,
                   "low": bar.get_y(), "high": bar.get_y() + bar.get_height()}  # fmt: skip


def _collection(artist: Any, names: dict[str, str]) -> Iterator[_Row]:
    series = _label(artist.get_label())
    if isinstance(artist, ContourSet):
        if not artist.filled:
            yield from _contours(artist)
    elif isinstance(artist, QuadMesh):
        corners = np.asarray(artist.get_coordinates())
        centres = (corners[:-1, :-1] + corners[1:, 1:]) / 2
        yield from _coloured(artist, centres.reshape(-1, 2))
    elif isinstance(artist, PolyCollection):
        own = series or names.get(_colour(artist.get_facecolor()), "")
        for path in artist.get_paths():
            yield from _band(np.asarray(path.vertices), own)
    elif isinstance(artist, LineCollection):
        own = series or names.get(_colour(artist.get_color()), "")
        for segment in artist.get_segments():
            yield from _stem(segment, own)
    elif isinstance(artist, PatchCollection):
        boxes = [path.get_extents() for path in artist.get_paths()]
        centres = np.array([[(b.x0 + b.x1) / 2, (b.y0 + b.y1) / 2] for b in boxes])
        yield from _coloured(artist, centres)
    elif isinstance(artist, PathCollection):
        for x, y in np.ma.filled(artist.get_offsets(), np.nan):
            yield {"series": series, "x": x, "y": y}
    elif hasattr(artist, "get_extent"):  # an image
        rows, columns = artist.get_array().shape[:2]
        left, right, bottom, top = artist.get_extent()
        x = left + (np.arange(columns) + 0.5) * (right - left) / columns
        first, last = (bottom, top) if artist.origin == "lower" else (top, bottom)
        y = first + (np.arange(rows) + 0.5) * (last - first) / rows
        across, up = np.meshgrid(x, y)
        yield from _coloured(artist, np.column_stack([across.ravel(), up.ravel()]))


def _coloured(artist: ScalarMappable, centres: np.ndarray) -> Iterator[_Row]:
    values = artist.get_array()
    if values is None:
        return
    factor, name = 1.0, ""
    if artist.colorbar is not None:
        scale = _Scale(artist.colorbar.ax.yaxis)
        factor, name = scale._factor, scale.name
    for (x, y), value in zip(centres, np.ma.filled(values, np.nan).ravel(), strict=True):
        if np.isfinite(value):
            yield {"series": name, "x": x, "y": y, "value": value * factor}


def _contours(lines: ContourSet) -> Iterator[_Row]:
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        for x, y in np.asarray(path.vertices):
            yield {"series": "contour", "x": x, "y": y, "value": float(level)}


def _band(vertices: np.ndarray, series: str) -> Iterator[_Row]:
    for x in np.unique(vertices[:, 0]):
        at = vertices[vertices[:, 0] == x, 1]
        if np.isfinite(x) and np.all(np.isfinite(at)):
            yield {"series": series, "x": x, "low": at.min(), "high": at.max()}


def _stem(segment: np.ndarray, series: str) -> Iterator[_Row]:
    (x0, y0), (x1, y1) = segment[0], segment[-1]
    if y0 == y1:
        yield {"series": series, "y": y0, "low": min(x0, x1), "high": max(x0, x1)}
    elif x0 == x1:
        yield {"series": series, "x": x0, "low": min(y0, y1), "high": max(y0, y1)}


def _colour(colours: Any) -> str:
    return to_hex(colours[0][:3]) if len(colours) else ""


def _label(text: Any) -> str:
    return "" if str(text).startswith("_") else str(text)
