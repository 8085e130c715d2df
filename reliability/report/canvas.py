"""What a figure is drawn on, and what the document needs of it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure

from reliability.report.figures import STYLE
from reliability.units import duration, engineering

_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # same figure, same bytes


@dataclass(frozen=True)
class Drawn:
    """A figure of the document."""

    id: str
    title: str
    caption: str
    svg: Markup


@contextmanager
def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, *, sharey: bool = False
) -> Iterator[tuple[Figure, np.ndarray]]:
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=False, sharey=sharey)


def svg(figure: Figure, description: str) -> Markup:
    """Return a figure as inline SVG with its alternative text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    body = text[text.index("<svg") :]
    title = Markup("<title>{}</title>").format(description)
    head, _, rest = body.partition(">")
    wide = figure.get_figwidth() * 95  # px; small figures are not blown up to the page
    return Markup(f'{head} role="img" style="max-width:{wide:.0f}px">') + title + Markup(rest)


def percent(value: float, digits: int = 1) -> str:
    """Print a share as the document does.

    >>> percent(0.8372)
    '83.7 %'
    """
    return f"{value * 100:.{digits}f} %"


def age_title(age: dict[str, float]) -> str:
    """Say what a chip has been through.

    >>> age_title({"time": 3600.0, "temperature": 358.15})
    'After 1 h at 85 °C'
    """
    reads = ""
    if age.get("reads"):
        reads = f"{age['reads']:.3g} reads at {engineering(age['read_voltage'], 'V')}"
    if age["time"] == 0:
        return f"After {reads}" if reads else "As programmed"
    title = f"After {duration(age['time'])} at {engineering(age['temperature'], 'K')}"
    return f"{title} and {reads}" if reads else title
