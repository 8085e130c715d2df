"""Templates of users: what they cannot reach, and how they end."""

import os

import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.cli import main
from reliability.report import own_template
from reliability.report.own_template import answer
from reliability.report.render import check_options, render_html
from tests.report import pages


@pytest.fixture
def folder(tmp_path):
    """A folder of templates with links to what lies outside."""
    (tmp_path / "secret").write_text("do not print this")
    folder = tmp_path / "house"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "part.html").write_text("a part of our own")
    (folder / "latin.html").write_bytes(b"caf\xe9")
    (folder / "link").symlink_to("../secret")
    (folder / "outside").symlink_to("..")
    (folder / "absolute").symlink_to(tmp_path / "secret")
    (folder / "chain").symlink_to("link")
    (folder / "near").symlink_to("inner/part.html")
    os.mkfifo(folder / "pipe")
    return folder


def said(folder, text: str, name: str = "house.html") -> str:
    """What a template with an error is refused with, without a process of its own."""
    (folder / name).write_text(text)
    why, code = answer(str(folder / name), pages.sample(figures=0))
    assert code == own_template._REFUSED, why.decode()
    return why.decode()


@pytest.mark.parametrize(
    "name",
    [
        "link",
        "outside/secret",
        "absolute",
        "chain",
        "../secret",
        "inner/../../secret",
        "/etc/passwd",
    ],
)
@pytest.mark.parametrize(
    "way",
    ['{% include "NAME" %}', '{% include ["NAME", "inner/part.html"] %}', '{% extends "NAME" %}',
     '{% import "NAME" as x %}', '{% include "NAME" ignore missing %}'],
)  # fmt: skip
def test_no_file_outside_the_folder_is_read(folder, name, way) -> None:
    why = said(folder, way.replace("NAME", name))
    assert "outside of the template's folder" in why
    assert "do not print" not in why


def test_a_template_that_is_a_link_out_of_its_folder_is_refused(folder) -> None:
    why, code = answer(str(folder / "link"), pages.sample(figures=0))
    assert code == own_template._REFUSED
    assert b"do not print" not in why


def test_links_inside_the_folder_are_followed(folder) -> None:
    (folder / "house.html").write_text('{% include "near" %}, {% include "inner/part.html" %}')
    page, code = answer(str(folder / "house.html"), pages.sample(figures=0))
    assert (page, code) == (b"a part of our own, a part of our own", 0)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a\n{{ 1 / 0 }}", "line 2 of house.html: ZeroDivisionError: division by zero"),
        ("{{ 1 + 'a' }}", "line 1 of house.html: TypeError: unsupported operand"),
        ("\n\n{{ report.title.nothing.more }}", "line 3 of house.html: "),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "RecursionError"),
        ('{% include "house.html" %}', "RecursionError"),
        ("{{" + "(" * 5000 + "}}", "RecursionError"),
        ('{% include "latin.html" %}', "'latin.html' is not a text in UTF-8"),
        ('{{ "\\ud800" }}', "UnicodeEncodeError"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ 10 ** 5000 }}", "ValueError: Exceeds the limit"),
        ("a\n{% if %}", "line 2 of house.html: Expected an expression"),
        ('{% extends "other.html" %}', "'other.html' is not in the template's folder"),
        ('{% include "pipe" %}', "'pipe' is not in the template's folder"),
        ('{% include "inner" %}', "'inner' is not in the template's folder"),
        ("{{ range(10 ** 7) | list }}", "line 1 of house.html: OverflowError"),
    ],
)
def test_errors_in_a_template_are_one_line_with_its_line(folder, text, why) -> None:
    found = said(folder, text)
    assert why in found
    assert len(found.splitlines()) == 1
    assert len(found) < 500


def test_output_is_bounded(folder, monkeypatch) -> None:
    monkeypatch.setattr(own_template, "_OUTPUT", 1000)
    assert "more than 1,000 characters" in said(folder, "{% for i in range(999) %}xx{% endfor %}")


def test_a_template_without_end_is_ended(folder, monkeypatch) -> None:
    monkeypatch.setattr(own_template, "_SECONDS", 2.0)
    deep = "{% for i in range(99999) %}" * 9 + "{% endfor %}" * 9
    (folder / "house.html").write_text(deep)
    with pytest.raises(rel.InputError, match=r"house.html': not finished after 2 s"):
        render_html(pages.sample(figures=0), str(folder / "house.html"))


@pytest.mark.slow
def test_memory_of_a_template_is_bounded_and_the_command_says_so(folder, finished) -> None:
    pytest.importorskip("resource", reason="no limits of memory on this system")
    (folder / "house.html").write_text("{{ 'x' * (10 ** 10) * report.title | length }}")
    found = CliRunner().invoke(
        main, ["report", str(finished), "--template", str(folder / "house.html")]
    )
    assert found.exit_code == 2, found.output
    assert "house.html': line 1 of house.html: MemoryError" in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_template_is_read_before_anything_is_computed(folder) -> None:
    (folder / "house.html").write_text("{% if %}")
    with pytest.raises(rel.InputError, match=r"line 1 of house\.html"):
        check_options(("html",), str(folder / "house.html"))
