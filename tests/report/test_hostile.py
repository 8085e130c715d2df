"""Text from files stays text: script tags in a card, a study and tester files, on every page."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.cli import main
from reliability.report.filling import csv_text
from reliability.report.page import Numbers, canvas, svg
from reliability.report.render import render_html
from tests.report import pages

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def assert_harmless(html: str) -> None:
    """No element of the page comes from a text: the only script is the template's."""
    assert html.count("<script") == 1
    assert not re.search(r"<(img|iframe|object|embed|link|base|form)\b", html)
    assert "onerror=alert" not in re.sub(r"&lt;.*?&gt;", "", html)
    assert "&lt;script&gt;" in html  # and it is shown


@pytest.fixture
def evil_card(tmp_path):
    """A card whose title, description, source and note are hostile."""
    card = rel.load_technology("oxram-130nm")
    one = card.parameters["read.voltage"].model_copy(update={"source": EVIL, "note": EVIL})
    changed = {**card.parameters, "read.voltage": one}
    evil = rel.Technology("evil", EVIL, card.memory, EVIL, changed, card.models, card.valid)
    path = tmp_path / "evil.toml"
    rel.write_technology(evil, path)
    return path


def test_every_part_of_a_report_escapes() -> None:
    assert_harmless(render_html(pages.sample(EVIL)))
    assert_harmless(render_html(pages.sample(EVIL), "brief"))


def test_study_and_card(small, evil_card, tmp_path) -> None:
    text = small.read_text().replace('title = "small"', f'title = "{EVIL}"\nquestion = "{EVIL}"')
    text = text.replace('label = "stuck cells"', f'label = "{EVIL} $\\\\frac$"')
    text = text.replace('measured_source = "a test"', f'measured_source = "{EVIL}"')
    small.write_text(text.replace('"oxram-130nm"', f'"{evil_card}"'))
    study = rel.load_study(small)
    report = rel.write_report(study, rel.run_study(study, tmp_path / "out"))
    assert_harmless(report.read_text("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("command", ["qualify", "size", "fit"])
def test_pages_of_commands(command, evil_card, tmp_path) -> None:
    out = tmp_path / "out"
    name = f"{EVIL.replace('/', '_')}.csv"
    arguments = {
        "qualify": ["qualify", tmp_path / name, "--claim", "1 year", "--at", "55 degC",
                    "--fraction", "1%", "--quantity", EVIL, "--out", out],
        "size": ["size", "--technology", evil_card, "--limit", "40%", "--wire", "5 ohm",
                 "--max-size", "8", "--draws", "0", "--out", out],
        "fit": ["fit", tmp_path / name, "--out", tmp_path / "mine.toml", "--title", EVIL,
                "--origin", EVIL, "--base", evil_card, "--draws", "20"],
    }[command]  # fmt: skip
    if command == "qualify":
        rows = ["temperature [degC],time [h],event,count", "125,700,F,1", "125,900,F,2",
                "125,1000,S,37", "150,90,F,2", "150,240,F,6", "150,500,S,3"]  # fmt: skip
        (tmp_path / name).write_text("\n".join(rows))
    elif command == "fit":
        rng = np.random.default_rng(5)
        rows = ["cell,state,time [s],G [uS]"]
        for state, level, sigma in (("LRS", 200, 0.1), ("HRS", 11, 0.7)):
            for cell in range(40):
                first, z = level * np.exp(rng.normal(0, sigma)), rng.normal()
                rows += [f"{cell},{state},{time},{first * np.exp(0.1 * z * k)}"
                         for k, time in enumerate((0, 10, 1000))]  # fmt: skip
        (tmp_path / name).write_text("\n".join(rows))
    found = CliRunner().invoke(main, [str(a) for a in arguments])
    assert found.exit_code == 0, found.output
    page = tmp_path / "mine.html" if command == "fit" else out / "report.html"
    assert_harmless(page.read_text("utf-8"))


def test_names_are_no_formulas_and_no_mathematics() -> None:
    with canvas(4, 3) as (figure, axes):
        axes.flat[0].plot([1, 2], [-3, 4], label="=HYPERLINK(1)")
        axes.flat[0].set_title("$\\broken")
        axes.flat[0].set_xticks([1, 2], ["$a$ and $\\b$", "c"])
        axes.flat[0].legend()
        drawn = svg(figure, EVIL)
    assert "<script" not in drawn.svg
    numbers = Numbers(["series", "=1+1"], [["=HYPERLINK(1)", -3.0], ["-2+3+cmd|x", 4]])
    assert csv_text(numbers).splitlines() == [
        "series,'=1+1", "'=HYPERLINK(1),-3", "'-2+3+cmd|x,4"
    ]  # fmt: skip
