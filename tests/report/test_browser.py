"""Reports in a real browser: nothing overflows, tables sort, CSV has the numbers, prints whole."""

import base64
import re

import numpy as np
import pytest

from reliability.report.render import render_html
from tests.report import pages
from tests.report.browser import LOOKS, print_to_pdf, visit
from tests.report.firefox import Page, in_firefox

TAB, RIGHT = "\ue004", "\ue014"  # keys, as WebDriver calls them


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
    assert found["overlaps"] == []
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


@pytest.mark.slow
def test_designs_are_brushed_and_printed_in_firefox(tmp_path) -> None:
    pytest.importorskip("pypdfium2")
    pages_, remain = {"brushed": pages.brushed(), "plain": pages.sample()}, ".brush .remain"
    for name, page_ in pages_.items():
        (tmp_path / f"{name}.html").write_text(render_html(page_), "utf-8")
    printed = tmp_path / "printed.pdf"

    async def looked_at(page: Page):
        urls = {name: (tmp_path / f"{name}.html").as_uri() for name in pages_}
        found = {}
        for name, url in urls.items():
            for width in (400, 1280):
                await page.visit(url, width)
                found[name, width] = await page.run(f"{LOOKS} return look(window);")
        found["sorted"] = await page.run(f"{LOOKS} return await sorts(window, 'numbers');")
        await page.visit(urls["brushed"])
        found["brushes"] = await page.run(f"{LOOKS} return await brushes(window, 'parallel');")
        await page.visit(urls["brushed"], height=1800)
        said = f"await sleep(300); return document.querySelector('{remain}').textContent;"
        x, bottom, high = await page.run("""
            const all = Array.from(document.querySelectorAll(".brush svg path"));
            const axes = all.map((path) => path.getBoundingClientRect())
              .filter((r) => r.width < 3 && r.height > 100).sort((a, b) => a.x - b.x);
            return [axes[0].x + axes[0].width / 2, axes[0].bottom, axes[0].height];""")
        await page.drag(*((x, bottom - 2 - part * high) for part in (0, 0.2, 0.4, 0.55)))
        found["dragged"] = await page.run(f"{LOOKS} {said}")
        await page.drag((x, bottom - 0.8 * high))
        found["clicked"] = await page.run(f"{LOOKS} {said}")
        await page.run("document.querySelector('.brush button').focus();")
        await page.keys(*[TAB] * 4, *[RIGHT] * 2)  # three codes, then from where the energy counts
        found["keys"] = await page.run(f"{LOOKS} {said}")
        await page.print_to(printed)
        return found, page.console

    found, console = in_firefox(tmp_path, looked_at)
    assert console == []
    for name in pages_:
        for width in (400, 1280):
            assert found[name, width]["page"] <= width
            assert found[name, width]["wide"] == []
    assert [column["up"][0] for column in found["sorted"]["found"]] == ["ascending"] * 5
    assert found["brushes"]["static"] == "none"
    assert found["brushes"]["limited"][0] == "2 of 6 designs remain, 1 of them on the front"
    assert found["brushes"]["released"] == [*found["brushes"]["whole"], True]
    assert found["dragged"] == "4 of 6 designs remain, 2 of them on the front"
    assert found["clicked"] == "6 of 6 designs remain, 2 of them on the front"
    assert found["keys"] == "4 of 6 designs remain, 1 of them on the front"
    assert edges(printed) == (1, 1, [])  # the static figure


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
