"""The PDF: page numbers, bookmarks, vector figures that are whole, no network."""

import sys

import pytest

import reliability as rel
from reliability.report.render import check_options, save_report
from tests.report import pages
from tests.report.test_browser import edges

pdfium = pytest.importorskip("pypdfium2")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    pytest.importorskip("weasyprint")
    folder = tmp_path_factory.mktemp("pdf")
    return save_report(pages.sample(pages.EVIL, figures=4), folder / "report.html", ["pdf"])


def test_pages_are_numbered_and_bookmarked(path) -> None:
    document = pdfium.PdfDocument(path)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    for k, text in enumerate(texts):
        assert f"Page {k + 1} of {len(texts)}" in text
    titles = [mark.get_title() for mark in document.get_toc()]
    assert "2 Result" in titles
    assert "Figure number 3" in titles
    assert any("alert" in title for title in titles)  # as text
    document.close()


@pytest.mark.slow
def test_figures_are_vectors_and_whole(path) -> None:
    document = pdfium.PdfDocument(path)
    kinds = {item.type for page in document for item in page.get_objects(max_depth=8)}
    assert pdfium.raw.FPDF_PAGEOBJ_PATH in kinds
    assert pdfium.raw.FPDF_PAGEOBJ_IMAGE not in kinds
    document.close()
    assert edges(path) == (4, 4, [])


def test_without_weasyprint_it_says_what_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(rel.InputError, match=r"pip install 'rram-reliability\[pdf\]'"):
        check_options(["pdf"], "full")
