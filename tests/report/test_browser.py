"""Reports in a real browser: nothing overflows, tables sort, CSV has the numbers, prints whole."""

import base64
import re

import numpy as np
import pytest

from reliability.report.render import render_html
from tests.report import pages
from tests.report.browser import print_to_pdf, visit


@pytest.fixture(scope="module")
def seen(finished, tmp_path_factory):
    """A study's report and one with hostile names, opened at two widths."""
    html = {
        "study": (finished / "report.html").read_text("utf-8"),
        "evil": render_html(pages.sample(pages.EVIL)),
        "plain": render_html(pages.sample()),
        "brushed": render_html(pages.brushed()),
    }
    folder = tmp_path_factory.mktemp("browser")
    return visit(html, {"plain": "numbers"}, folder, {"brushed": "parallel"})


def test_console_is_silent(seen) -> None:
    _, console = seen
    assert console == []


@pytest.mark.parametrize("page", ["study", "evil", "plain", "brushed"])
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_overflows_and_links_lead_somewhere(seen, page, width) -> None:
    found = seen[0][f"{page}.html {width}"]
    assert found["width"] == width
    assert found["page"] <= width
    assert found["wide"] == []
    assert found["broken"] == []
    assert len(found["ids"]) == len(set(found["ids"]))
    assert all(height > 50 for height in found["figures"])


def test_tables_sort_by_value_and_say_so(seen) -> None:
    told = seen[0]["plain.html sorted"]
    by_name = {column["name"]: column for column in told["found"]}

    def texts(name, way):  # units stay on the line of their number
        return [text.replace("\xa0", " ") for text in by_name[name][way][1]]

    assert all(column["focused"] for column in told["found"])  # by the keyboard too
    for column in told["found"]:
        assert column["up"][0] == "ascending"
        assert column["down"][0] == "descending"
        assert column["said"].startswith(f"Sorted by {column['name']}")
    assert texts("resistance", "up") == ["200 Ω", "4.9 kΩ", "1 MΩ", "none"]
    assert texts("resistance", "down") == ["1 MΩ", "4.9 kΩ", "200 Ω", "none"]
    assert texts("time", "up") == ["0 s", "1 h", "3 days", "10 years"]
    assert texts("share", "up") == ["−2 %", "9.1 %", "83.7 %", "100 %"]
    assert told["copied"] == "Table copied"
    assert told["csv"].splitlines()[0] == "name,resistance,time,share,confidence"
    assert len(told["csv"].splitlines()) == 5


def test_data_of_a_figure_are_its_numbers() -> None:
    html = render_html(pages.sample())
    links = re.findall(r'download="figure-1.csv" href="data:text/csv;charset=utf-8;base64,([^"]+)',
                       html)  # fmt: skip
    text = base64.b64decode(links[0]).decode("utf-8-sig")
    assert text.splitlines() == [
        "series,time (s),conductance (µS)", "series 1,1,10", "series 1,2,20.5", "series 1,3,31",
    ]  # fmt: skip


def test_designs_are_brushed_by_controls_and_by_the_mouse(seen) -> None:
    found = seen[0]["brushed.html brushed"]
    whole = [f"design {k}" for k in (0, 3, 1, 2, 4, 5)]
    assert found["whole"] == ["6 of 6 designs remain, 2 of them on the front", whole]
    assert found["static"] == "none"  # on a screen; printed instead of the other
    assert found["focused"]  # every control by the keyboard
    assert found["limited"] == [
        "2 of 6 designs remain, 1 of them on the front", ["design 0", "design 1"], "1 nJ",
    ]  # fmt: skip
    assert found["unchecked"][1] == []  # both have the first code
    assert found["released"] == [*found["whole"], True]
    assert found["dragged"] == [  # the lower 55 % of the first axis: the first two codes
        "4 of 6 designs remain, 2 of them on the front", whole[:4],
    ]  # fmt: skip
    assert found["lines"] >= 6


def test_a_brushed_figure_prints_as_the_static_one(tmp_path) -> None:
    pytest.importorskip("pypdfium2")
    html = render_html(pages.brushed())
    assert len(html) < 1.5e6
    assert not re.search(r"(src|href)=.?https?:", html)
    assert edges(print_to_pdf(html, tmp_path)) == (1, 1, [])


def test_printing_gives_whole_figures(tmp_path) -> None:
    pytest.importorskip("pypdfium2")
    path = print_to_pdf(render_html(pages.sample(figures=5)), tmp_path)
    assert edges(path) == (5, 5, [])


def edges(path) -> tuple[int, int, list[int]]:
    """Upper and lower edges of figures in a PDF, and the pages on which they are not as many."""
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    counts = []
    for page in document:
        image = page.render(scale=1).to_numpy()[..., 2::-1].astype(int)  # BGR
        counts.append([_stripes(image, colour) for colour in (pages.TOP, pages.BOTTOM)])
    document.close()
    upper, lower = (sum(column) for column in zip(*counts, strict=True))
    return upper, lower, [k for k, (a, b) in enumerate(counts) if a != b]


def _stripes(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    here = (np.abs(image - np.array(colour)).sum(axis=-1) < 60).sum(axis=1) > image.shape[1] // 3
    return int((np.diff(here.astype(int), prepend=0) == 1).sum())
