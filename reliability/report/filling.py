"""What the templates of reports are filled in with, and the filters that they use."""

import base64
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from importlib import resources
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment
from markupsafe import Markup, escape

from reliability.report.page import Numbers, Report, Section, Table
from reliability.report.words import typeset
from reliability.version import __version__

_INTERACTIVE = ("echarts/echarts-parallel.min.js", "brush.js")  # scripts of such figures
TEMPLATES = {"full": "page.html", "brief": "brief.html"}
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


def environment(*loaders: jinja2.BaseLoader) -> jinja2.Environment:
    """Return what reads templates: those of the loaders first, then the package's."""
    own = jinja2.PackageLoader("reliability.report")
    made = SandboxedEnvironment(
        loader=jinja2.ChoiceLoader([*loaders, own]), autoescape=True,
        undefined=jinja2.StrictUndefined, trim_blocks=True,
    )  # fmt: skip
    made.filters |= {
        "number": number, "numeric_columns": numeric_columns, "data_link": _data_link,
        "anchors": _anchors, "filled_columns": filled_columns,
        "chosen": _chosen, "typeset": typeset, "typed": _typed, "breakable": _breakable,
    }  # fmt: skip
    return made


def fill_in(made: jinja2.Environment, name: str, report: Report) -> Iterator[str]:
    """Give the page part by part.

    Everything that is filled in is escaped.
    """
    more = _INTERACTIVE if any(map(_is_interactive, report.sections)) else ()
    scripts = [made.get_template("page.js").render(), *map(_script, more)]
    return made.get_template(name).generate(
        report=report, policy=policy(scripts), version=__version__, tags=_TAGS, only=(),
        scripts=[Markup(script) for script in scripts[1:]],
    )  # fmt: skip


def policy(scripts: Sequence[str]) -> str:
    """Return the policy of a page: the scripts of the template run, and no address is fetched."""
    digests = (base64.b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (f"default-src 'none'; style-src 'unsafe-inline'; script-src {allowed}; "
            "img-src data:; base-uri 'none'; form-action 'none'")  # fmt: skip


def _script(name: str) -> str:
    return resources.files("reliability.report").joinpath("templates", name).read_text("utf-8")


def _is_interactive(section: Section) -> bool:
    own = any(figure.interactive for figure in section.figures)
    return own or any(map(_is_interactive, section.parts))


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


def filled_columns(table: Table) -> Table:
    """Return a table without the columns that are empty in every row."""
    kept = [k for k, column in enumerate(zip(*table.rows, strict=True)) if any(column) or k == 0]
    if not table.rows or len(kept) == len(table.header):
        return table
    rows = [[row[k] for k in kept] for row in table.rows]
    return replace(table, header=[table.header[k] for k in kept], rows=rows)


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


def _typed(cell: str) -> str | None:
    """Return a cell as a spreadsheet reads it, where it is printed in another way.

    >>> _typed("8e+08"), _typed("12 345 µm²")
    ('8e+08', None)
    """
    return cell if typeset(cell).replace("\xa0", " ").replace("\u202f", " ") != cell else None


def _breakable(text: str) -> Markup:
    """Let dotted names break behind their dots and underscores, where a column is narrow.

    >>> str(_breakable("read.voltage_slope <1>"))
    'read.<wbr>voltage_<wbr>slope &lt;1&gt;'
    """
    return Markup(re.sub(r"(?<=[^\W\d])([._])(?=\w)", r"\1<wbr>", str(escape(text))))


def _anchors(section: Section) -> list[tuple[str, str]]:
    """Places in a section that the contents list."""
    inner: list[Any] = [*section.figures, *section.tables, *section.parts]
    return [(each.id, each.title) for each in inner] if len(inner) > 1 else []


def _chosen(sections: Sequence[Section], only: Sequence[str]) -> list[Section]:
    return [section for section in sections if not only or section.id in only]
