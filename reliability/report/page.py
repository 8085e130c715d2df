"""What a report holds, whatever it is rendered to, and figures drawn as SVG.

Every document of the suite (of a study, a fit, a qualification, a size, a comparison) is one
`Report`; `reliability.report.render` makes HTML and PDF of it. A text is plain text: what is
special in HTML is escaped when it is rendered.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
import xarray as xr
from markupsafe import Markup
from matplotlib.axis import Axis
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, FuncFormatter

from reliability.report.figures import STYLE

_SCALE = 0.8  # of sizes in inches: texts stay legible on paper and on a telephone
_PIXELS = 105  # of an inch on a screen; small figures are not blown up to the page
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # same figure, same bytes

Outcome = Literal["demonstrated", "not demonstrated", "inconclusive", "depends on the distribution"]


@dataclass(frozen=True)
class Drawing:
    """A figure as inline SVG with its alternative text."""

    svg: Markup

    def __html__(self) -> Markup:
        return self.svg

    def named(self, name: str) -> Markup:
        """Return the SVG with ids that no other figure of a page has."""
        own = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", str(self.svg))
        return Markup(own)


@dataclass(frozen=True)
class Numbers:
    """The numbers that a figure draws: names of the columns, with units, and rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Figure:
    """A figure of a page: anchor, heading, caption, drawing, and the numbers that it draws.

    ``interactive`` is what ``brush.js`` takes to show the figure's designs on a screen.
    """

    id: str
    title: str
    caption: str
    svg: Drawing
    numbers: Numbers | None = None
    interactive: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Table:
    """A table of a page: anchor, heading, what it says, the header and rows of texts.

    A reader can sort it: texts that begin with a number sort by it, unit and prefix included.
    """

    id: str
    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A section of a report: sentences, then figures, tables, a list, a listing, and its parts."""

    id: str
    title: str
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    points: Sequence[str] = ()
    listing: str = ""
    parts: Sequence["Section"] = ()


@dataclass(frozen=True)
class KeyFigure:
    """A number of the cover: what it is, its value, its interval, and what that is of."""

    name: str
    value: str
    interval: str = ""
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """Whether an acceptance limit is met, and the numbers that decide it."""

    limit: str
    outcome: Outcome
    because: str


@dataclass(frozen=True)
class Report:
    """A whole document: the cover with the answer first, then sections.

    Parameters
    ----------
    title, question : str
    statement : sequence of str
        Sentences, the most important one first.
    sections : sequence of Section
    key_figures : sequence of KeyFigure
    verdicts : sequence of Verdict
        On the acceptance limits.
    warnings : sequence of str
        What a reader must know before trusting it.
    """

    title: str
    question: str
    statement: Sequence[str]
    sections: Sequence[Section]
    key_figures: Sequence[KeyFigure] = ()
    verdicts: Sequence[Verdict] = ()
    warnings: Sequence[str] = ()


@contextmanager
def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, *, sharey: bool = False
) -> Iterator[tuple[Canvas, np.ndarray]]:
    """Give a figure and its axes, in the style of the reports.

    Parameters
    ----------
    width, height : float
        Inches before they are scaled to the page.
    rows, columns : int
    sharey : bool
    """
    with matplotlib.rc_context(STYLE):
        figure = Canvas(figsize=(_SCALE * width, _SCALE * height), layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=False, sharey=sharey)


def numbers_of(data: xr.Dataset | xr.DataArray, name: str = "value") -> Numbers:
    """Return the numbers of a Dataset as rows: one for each place, a column for each variable.

    Variables over other dimensions have rows of their own.

    Parameters
    ----------
    data : Dataset or DataArray
        What a figure draws.
    name : str
        Column of a DataArray that has no name.

    Examples
    --------
    >>> data = xr.DataArray([0.8, 0.9], coords={"time": ("time", [0, 60], {"units": "s"})})
    >>> numbers_of(data, "accuracy")
    Numbers(header=['time (s)', 'accuracy'], rows=[[0.0, 0.8], [60.0, 0.9]])
    """
    table = data.to_dataset(name=data.name or name) if isinstance(data, xr.DataArray) else data
    table = table.drop_vars([c for c in table.coords if not table[c].dims])
    alike: dict[frozenset[Any], list[Any]] = {}
    for key in sorted(table.data_vars, key=str):  # their order in a Dataset is not always the same
        alike.setdefault(frozenset(table[key].dims), []).append(key)
    if len(alike) > 1:
        alike.pop(frozenset(), None)  # single numbers, which the caption states
    parts = [
        _frame(table[keys]) if dims else pd.DataFrame({key: [table[key].item()] for key in keys})
        for dims, keys in alike.items()
    ]
    frame = pd.concat(parts) if len(parts) > 1 else parts[0]
    return Numbers([_column(table, str(key)) for key in frame], frame.values.tolist())


def _frame(table: xr.Dataset) -> pd.DataFrame:
    """Rows of variables over the same dimensions: dimensions, labels by name, values."""
    labels = sorted(str(name) for name in table.coords if name not in table.dims)
    frame = table.to_dataframe().reset_index()
    return frame[[*map(str, table.dims), *labels, *map(str, table.data_vars)]]


def _column(table: xr.Dataset, name: str) -> str:
    unit = table[name].attrs.get("units", "1") if name in table.variables else "1"
    return name.replace("_", " ") + ("" if unit in ("", "1") else f" ({unit})")


def svg(figure: Canvas, description: str) -> Drawing:
    """Draw a figure as inline SVG with its alternative text."""
    _show_dollars(figure)
    for mesh in figure.findobj(QuadMesh):  # of colour bars too: no pixels
        mesh.set_rasterized(False)
        mesh.set_edgecolor("face")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    # without its prefix, the attribute is what HTML and PDF both understand
    body = text[text.index("<svg") :].replace("xlink:href=", "href=")
    title = Markup("<title>{}</title>").format(description)
    head, _, rest = body.partition(">")
    wide = figure.get_figwidth() * _PIXELS
    label = Markup(' role="img" aria-label="{}"').format(description)
    size = Markup(f' style="--wide:{wide:.0f}px">')
    return Drawing(Markup(head) + label + size + title + Markup(rest))


def _show_dollars(figure: Canvas) -> None:
    """Print a dollar sign in names as it stands; formulas are only on logarithmic ticks."""
    for text in figure.findobj(Text):
        text.set_parse_math(False)
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            named = isinstance(axis.get_major_formatter(), (FixedFormatter, FuncFormatter))
            _parse_ticks(axis, formulas=not named)


def _parse_ticks(axis: Axis, *, formulas: bool) -> None:
    for tick in (*axis.get_major_ticks(len(axis.get_majorticklocs())), *axis.get_minor_ticks()):
        tick.label1.set_parse_math(formulas)
        tick.label2.set_parse_math(formulas)
