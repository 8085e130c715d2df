"""A page: figures as inline SVG, tables and an answer in one self-contained HTML file."""

import importlib.metadata
import io
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure as Canvas

from reliability.files import replace_text
from reliability.report.figures import STYLE

_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # same figure, same bytes
_PACKAGES = ("rram-reliability", "numpy", "scipy", "numba", "xarray", "zarr")


@dataclass(frozen=True)
class Figure:
    """A figure of a page: anchor, heading, caption and drawing."""

    id: str
    title: str
    caption: str
    svg: Markup


@dataclass(frozen=True)
class Table:
    """A table of a page: anchor, heading, what it says, the header and rows of texts."""

    id: str
    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@contextmanager
def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, *, sharey: bool = False
) -> Iterator[tuple[Canvas, np.ndarray]]:
    """Give a figure (inches) and its axes, in the style of the reports."""
    with matplotlib.rc_context(STYLE):
        figure = Canvas(figsize=(width, height), layout="constrained")
        yield figure, figure.subplots(rows, columns, squeeze=False, sharey=sharey)


def svg(figure: Canvas, description: str) -> Markup:
    """Return a figure as inline SVG with its alternative text."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    text = buffer.getvalue()
    body = text[text.index("<svg") :]
    title = Markup("<title>{}</title>").format(description)
    head, _, rest = body.partition(">")
    wide = figure.get_figwidth() * 95  # px; small figures are not blown up to the page
    return Markup(f'{head} role="img" style="max-width:{wide:.0f}px">') + title + Markup(rest)


def environment() -> Environment:
    """Return the templates of the reports; everything that is filled in is escaped."""
    return Environment(
        loader=PackageLoader("reliability.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def write_page(
    path: Path,
    *,
    title: str,
    question: str,
    answer: Sequence[str],
    figures: Sequence[Figure],
    tables: Sequence[Table],
    provenance: Mapping[str, str],
) -> Path:
    """Write a short report: what was asked, the answer, figures, tables and where it comes from.

    Parameters
    ----------
    path : Path
        Of the HTML file; written beside it and renamed when whole.
    title, question : str
    answer : sequence of str
        Sentences, the most important one first.
    figures, tables : sequence
    provenance : mapping of str to str
        Versions are added.
    """
    told = {**provenance, "versions": versions(), "Python": platform.python_version()}
    text = environment().get_template("page.html").render(
        title=title, question=question, answer=answer, figures=figures, tables=tables,
        provenance=list(told.items()),
    )  # fmt: skip
    replace_text(path, text)
    return path


def versions() -> str:
    """Return the versions of this package and of those that its numbers depend on."""
    return ", ".join(f"{package} {_version(package)}" for package in _PACKAGES)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
