"""A report as one self-contained HTML file, and as PDF: the same content, the same template."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from reliability.errors import InputError
from reliability.files import replace_bytes
from reliability.report.filling import TEMPLATES, environment, fill_in, policy
from reliability.report.own_template import fill_in_own
from reliability.report.page import Report
from reliability.version import __version__

FORMATS = ("html", "pdf")


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
    if template not in TEMPLATES:
        fill_in_own(template, None)
    if "pdf" in formats:
        _weasyprint()


def render_html(report: Report, template: str = "full") -> str:
    """Return a report as the text of one HTML file."""
    if template not in TEMPLATES:
        return fill_in_own(template, report)
    return "".join(fill_in(environment(), TEMPLATES[template], report))


def render_folder(name: str, entries: Sequence[Any]) -> str:
    """Return the index of a folder of reports as the text of one HTML file.

    Parameters
    ----------
    name : str
        Of the folder.
    entries : sequence of Entry
        From `reliability.report.folder_index`.
    """
    made = environment()
    return made.get_template("folder.html").render(
        name=name,
        entries=entries,
        policy=policy([made.get_template("page.js").render()]),
        version=__version__,
    )


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
