"""A report as one self-contained HTML file, and as PDF: the same content, the same template."""

import base64
import csv
import io
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from reliability.errors import InputError
from reliability.files import replace_bytes
from reliability.report.page import Numbers, Report, Section, Table
from reliability.report.words import typeset
from reliability.version import __version__

FORMATS = ("html", "pdf")
TEMPLATES = ("full", "brief")
_TAGS = ("measured", "published", "fitted", "assumed", "demonstrated", "not demonstrated",
         "inconclusive", "depends on the distribution")  # fmt: skip
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # that spreadsheets run
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0, "days": 86400.0,
            "year": 31557600.0, "years": 31557600.0}  # fmt: skip
_PREFIXES = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6,
             "G": 1e9, "T": 1e12}  # fmt: skip
_SYMBOLS = ("Ω", "S", "V", "A", "J", "s", "F", "W", "Hz", "B", "bit")
_NUMBER = re.compile(
    r"[^\w+\-−.]*([-+−]?(?:\d{1,3}(?:[ \u202f]\d{3})+\b|\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)"
    r"\s*([^\W\d_]*)",
    re.IGNORECASE,
)


def save_report(
    report: Report, path: Path, formats: Sequence[str] = ("html",), template: str = "full"
) -> Path:
    """Write a report beside its name in each format, and rename it when it is whole.

    Parameters
    ----------
    report : Report
    path : Path
        Of the HTML file; others stand beside it with their own ending.
    formats : sequence of {"html", "pdf"}
    template : str
        ``full``, ``brief`` (cover, qualification, assumptions, provenance), or the path of a
        Jinja2 template, which may extend ``page.html``.

    Returns
    -------
    Path
        Of the first format.

    Raises
    ------
    InputError
        No such template, or one that is none; PDF without WeasyPrint.
    """
    html = render_html(report, template)
    for each in formats:
        made = html.encode() if each == "html" else _pdf(html)
        replace_bytes(path.with_suffix(f".{each}"), made)
    return path.with_suffix(f".{formats[0]}")


def check_options(formats: Sequence[str], template: str) -> None:
    """Refuse before anything is computed what `save_report` would refuse after it."""
    _environment(template)
    if "pdf" in formats:
        _weasyprint()


def render_html(report: Report, template: str = "full") -> str:
    """Return a report as the text of one HTML file.

    Everything that is filled in is escaped, and the page's own policy lets no script run but the
    one of the template, and no address be fetched.
    """
    environment = _environment(template)
    script = environment.get_template("page.js").render()
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    policy = (f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
              "img-src data:; base-uri 'none'; form-action 'none'")  # fmt: skip
    try:
        return environment.get_template(_file(template)).render(
            report=report, policy=policy, version=__version__, tags=_TAGS, only=()
        )
    except jinja2.TemplateError as error:
        if template in TEMPLATES:
            raise
        raise InputError(f"template: {template!r}: {error.message}") from None


def _file(template: str) -> str:
    return {"full": "page.html", "brief": "brief.html"}.get(template) or Path(template).name


def _environment(template: str) -> jinja2.Environment:
    """Give the templates of the package, and the user's own with its neighbours."""
    own = jinja2.PackageLoader("reliability.report")
    loader: jinja2.BaseLoader = own
    if template not in TEMPLATES:
        if not Path(template).is_file():
            raise InputError(
                f"template: got {template!r}, allowed: {', '.join(TEMPLATES)}, or the path of a "
                "template"
            )
        loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(Path(template).parent), own])
    environment = SandboxedEnvironment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "number": number, "numeric_columns": numeric_columns, "data_link": _data_link,
        "anchors": _anchors, "chosen": _chosen, "typeset": typeset,
    }  # fmt: skip
    return environment


def number(text: str) -> float | None:
    """Return the number that a text begins with, in SI, so that a column of texts can be sorted.

    Understands what `engineering`, `duration` and percents print; None where there is no number.

    >>> number("4.9 kΩ"), number("10 years"), number("83.7 %"), number("none")
    (4900.0, 315576000.0, 83.7, None)
    >>> number("12 345 of 50 000"), number("± 2 mV"), number("-40 °C")
    (12345.0, 0.002, -40.0)
    """
    match = _NUMBER.match(text)
    if not match:
        return None
    value = float(match.group(1).translate({ord(" "): None, 0x202F: None}).replace("−", "-"))
    unit = match.group(2)
    if unit in _SECONDS:
        return value * _SECONDS[unit]
    if unit[:1] in _PREFIXES and unit[1:] in _SYMBOLS:
        return float(f"{value * _PREFIXES[unit[0]]:.12g}")
    return value


def numeric_columns(table: Table) -> list[bool]:
    """Tell which columns hold numbers, short enough to stand in one line."""
    found = []
    for column in zip(*table.rows, strict=True) if table.rows else ((),) * len(table.header):
        filled = [cell for cell in column if cell]
        counts = sum(number(cell) is not None for cell in filled)
        short = max(map(len, filled), default=0) <= 40
        found.append(bool(filled) and short and counts >= 0.6 * len(filled))
    return found


def csv_text(numbers: Numbers) -> str:
    """Return the numbers of a figure as CSV.

    >>> csv_text(Numbers(["series", "time (s)"], [["=cells", 1.0], ["b", float("nan")]]))
    "series,time (s)\\n'=cells,1\\nb,\\n"
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in (numbers.header, *numbers.rows))
    return out.getvalue()


def _cell(value: Any) -> str:
    """Print a cell; a text that a spreadsheet would take for a formula is kept a text."""
    if isinstance(value, (int, float)):
        return "" if value != value else f"{value:.7g}"
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _data_link(numbers: Numbers) -> str:
    # the mark tells spreadsheets that it is UTF-8
    text = base64.b64encode(("\ufeff" + csv_text(numbers)).encode()).decode()
    return f"data:text/csv;charset=utf-8;base64,{text}"


def _anchors(section: Section) -> list[tuple[str, str]]:
    """Places in a section that the contents list."""
    inner: list[Any] = [*section.figures, *section.tables, *section.parts]
    return [(each.id, each.title) for each in inner] if len(inner) > 1 else []


def _chosen(sections: Sequence[Section], only: Sequence[str]) -> list[Section]:
    return [section for section in sections if not only or section.id in only]


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError):  # the second: a library that it loads is not there
        raise InputError(
            "format: pdf needs WeasyPrint: pip install 'rram-reliability[pdf]' (and Pango, which "
            "its documentation says how to install)"
        ) from None
    return weasyprint


def _pdf(html: str) -> bytes:
    """Return the page as PDF with page numbers, bookmarks and vector figures."""
    weasyprint = _weasyprint()
    only_embedded = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    document = weasyprint.HTML(string=html, url_fetcher=only_embedded)
    identifier = sha256(html.encode()).digest()[:16]  # same page, same bytes
    made: bytes = document.write_pdf(pdf_identifier=identifier, pdf_variant="pdf/ua-1")
    return made
