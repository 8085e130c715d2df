"""The index of a folder of reports: what each says, linked, escaped, and kept up to date."""

import html
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from reliability.cli import main
from reliability.errors import InputError
from reliability.report.folder_index import refresh_index, write_index
from reliability.report.page import Report, Verdict
from reliability.report.render import save_report


def report(folder: Path, title: str, headline: str, *outcomes: str) -> None:
    folder.mkdir(parents=True)
    verdicts = [Verdict("accuracy at least 80 %", outcome, "because") for outcome in outcomes]
    save_report(Report(title, "", [headline], [], verdicts=verdicts), folder / "report.html")


def test_each_report_stands_in_the_index_with_its_answer_and_verdict(tmp_path) -> None:
    report(tmp_path / "a b", "Hot", "Most of the accuracy remains.", "demonstrated")
    report(tmp_path / "deep" / "er", "Size", "At most 36 lines.")
    text = write_index(tmp_path).read_text("utf-8")
    assert '<a href="a%20b/report.html">Hot</a>' in text
    assert '<a href="deep/er/report.html">Size</a>' in text
    assert re.findall(r'<span class="tag [\w-]+">([^<]+)', text) == ["demonstrated"]
    assert "<td>Most of the accuracy remains.</td>" in text
    assert re.search(r"<td>\d{4}-\d\d-\d\d \d\d:\d\d</td>", text)
    assert "2 reports" in text


def test_nothing_of_a_report_runs_or_is_fetched(tmp_path) -> None:
    hostile = '"><script>alert(1)</script><img src="https://example.org/x">'
    report(tmp_path / "a", hostile, hostile)
    text = write_index(tmp_path).read_text("utf-8")
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "default-src 'none'" in html.unescape(text)


def test_pages_of_others_and_stores_are_left_out(tmp_path) -> None:
    report(tmp_path / "a", "Ours", "Yes.")
    report(tmp_path / "b" / "results.zarr", "In a store", "No.")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "report.html").write_text("<html><title>Other</title></html>")
    text = write_index(tmp_path).read_text("utf-8")
    assert "Ours" in text
    assert "In a store" not in text
    assert "Other" not in text


def test_an_index_is_refreshed_where_there_is_one_of_ours(tmp_path) -> None:
    report(tmp_path / "a", "First", "Yes.")
    refresh_index(tmp_path)
    assert not (tmp_path / "index.html").exists()
    write_index(tmp_path)
    report(tmp_path / "b", "Second", "Yes.")
    refresh_index(tmp_path)
    assert "Second" in (tmp_path / "index.html").read_text("utf-8")
    (tmp_path / "index.html").write_text("<html>mine</html>")
    refresh_index(tmp_path)
    assert (tmp_path / "index.html").read_text("utf-8") == "<html>mine</html>"


def test_a_folder_without_reports_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match=r"no report in it"):
        write_index(tmp_path)


def test_the_command_writes_the_index(tmp_path) -> None:
    report(tmp_path / "a", "Hot", "Yes.")
    found = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert found.exit_code == 0, found.output
    assert "index.html" in found.output
    refused = CliRunner().invoke(main, ["report", str(tmp_path), "--limit", "accuracy=80%"])
    assert refused.exit_code == 2
