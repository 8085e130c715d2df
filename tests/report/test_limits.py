"""Wanted limits: the verdict of the cover, without computing anything again."""

import shutil
import tomllib

import pytest
import zarr
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.campaign import read_study
from reliability.campaign.limits import outcome
from reliability.campaign.outputs import OUTPUTS
from reliability.campaign.store_files import read_signed, write_signed
from reliability.campaign.summary import summarize
from reliability.cli import main
from reliability.report.acceptance import verdicts
from reliability.report.filling import number
from reliability.report.points import Finished
from reliability.report.provenance import study_toml
from reliability.report.render import render_html
from reliability.units import duration, engineering
from tests.report import pages


def call(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_limit_is_demonstrated_only_by_the_whole_interval(a, b, limit) -> None:
    low, high = sorted((a, b))
    least, most = outcome(low, high, limit, "least"), outcome(low, high, limit, "most")
    assert (least == "demonstrated") == (low >= limit)
    assert (least == "not demonstrated") == (high < limit)
    assert (most == "demonstrated") == (high <= limit)
    assert (most == "not demonstrated") == (low > limit)


@pytest.mark.parametrize(
    ("limit", "says"), [(0.01, "demonstrated"), (None, "inconclusive"), (0.999, "not demonstrated")]
)
def test_verdict_is_that_of_the_interval(finished, limit, says) -> None:
    study, results, _ = read_study(finished)
    del results["draws"]  # five sampled cards decide nothing
    mean = summarize(study, results)["accuracy"]["mean"]
    study, _, _ = read_study(finished, {"accuracy": limit or mean, "chips_below": 0.5})
    summary = summarize(study, results)
    told = summary["limits"]
    assert [row["decides"] for row in told if row["limit"] == "accuracy"].count(True) == 1
    assert all(row["low"] <= row["value"] <= row["high"] for row in told)
    assert next(verdicts(Finished(study, results, summary))).outcome == says


def test_limits_of_endurance_and_of_arrays_are_held_against_all_that_is_not_known(small) -> None:
    """Of failed cells the interval of the test joined with the drawn cards counts."""
    study = rel.load_study(small)
    wanted = study.limits.model_copy(update={"failed_cells": 0.01, "array_lines": 64})
    study = study.model_copy(update={"limits": wanted})
    cool = {"temperature_k": 298.15, "fraction_failed": 4e-3, "low": 2e-3, "high": 8e-3}
    hot = {**cool, "temperature_k": 398.15, "drawn_low": 1e-3, "drawn_high": 2e-2}
    crossbar = {"size": 48, "low": 40, "high": 63}
    answer = {"endurance": [cool, hot], "crossbar": crossbar}
    told = [row for name in answer for row in OUTPUTS[name].outcomes(study, {}, answer)]
    assert [(row["limit"], row["low"], row["high"], row["outcome"]) for row in told] == [
        ("failed_cells", 2e-3, 8e-3, "demonstrated"),
        ("failed_cells", 1e-3, 2e-2, "inconclusive"),
        ("array_lines", 40, 63, "not demonstrated"),
    ]
    assert [row.get("temperature_k") for row in told] == [298.15, 398.15, None]


@pytest.mark.slow
def test_command_writes_the_verdict_in_a_house_template(finished, tmp_path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    own = tmp_path / "house.html"
    own.write_text('{% extends "page.html" %}{% block contents %}<p>Our house: {{ report.title }}'
                   "</p>{% endblock %}")  # fmt: skip
    found = call("report", copy, "--limit", "accuracy=99.9 %", "--limit", "chips_below=0.1 %",
                 "--template", own)  # fmt: skip
    assert found.exit_code == 0, found.output
    _, verdict, report = found.stdout.splitlines()
    assert verdict.startswith("limit chips_below <= 0.001: not demonstrated (1, ")
    assert report == f"report: {copy / 'report.html'}"
    page = (copy / "report.html").read_text("utf-8").replace("\xa0", " ")
    assert (
        "<strong>Not demonstrated:</strong> fraction of chips below the accuracy limit ≤ 0.10 %"
        in page
    )
    assert 'id="limits"' in page
    assert "<p>Our house: small</p>" in page
    assert 'id="contents"' not in page


def test_templates() -> None:
    brief = render_html(pages.sample(), "brief")
    assert 'id="provenance"' in brief
    assert 'id="figure-0"' not in brief


def test_broken_template_is_one_line(tmp_path) -> None:
    own = tmp_path / "house.html"
    own.write_text("{{ nonsense.x }}")
    with pytest.raises(rel.InputError, match=r"template: .*nonsense"):
        render_html(pages.sample(), str(own))


def test_limits_change_no_result(small) -> None:
    plain = rel.load_study(small)
    wanted = rel.load_study(small, {"limits.accuracy": "82 %", "limits.chips_below": 0.05})
    assert wanted.limits.accuracy == pytest.approx(0.82)
    assert (plain.spec_hash, plain.frame_hash) == (wanted.spec_hash, wanted.frame_hash)


def test_listing_makes_the_study_again(finished, small) -> None:
    study, _, notes = read_study(finished)
    assert notes == []
    small.write_text(study_toml(study))
    assert rel.load_study(small).spec_hash == study.spec_hash
    odd = study.model_copy(update={"title": 'a "b" \\ c\n\t\x7f ü', "question": "'''"})
    assert tomllib.loads(study_toml(odd))["title"] == odd.title
    # what is copied from paper has no line that a page would have broken
    question = 'Why "so", a\\b?  ' + "and then  what of it, " * 20 + "x" * 120 + " end"
    ages = study.stress.model_copy(update={"times": tuple(3600.0 * k for k in range(40))})
    listing = study_toml(study.model_copy(update={"question": question, "stress": ages}))
    assert tomllib.loads(listing)["question"] == question
    assert tomllib.loads(listing)["stress"]["times"][-1] == 3600.0 * 39
    assert max(len(line) for line in listing.splitlines() if "xxx" not in line) <= 96


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "no study in 'nowhere'"),
        (["COPY", "--limit", "acuracy=1"], "did you mean 'accuracy'"),
        (["COPY", "--limit", "accuracy"], "expected NAME=VALUE"),
        (["COPY", "--limit", "accuracy=3"], "allowed 0 to 1"),
        (["COPY", "--limit", "failed_cells=0.1"], "not in outputs"),
        (["COPY", "--limit", "chips_below=0.1"], "chips_below without accuracy"),
        (["COPY", "--template", "nice"], "allowed: full, brief, or the path"),
    ],
)
def test_bad_input_is_one_line(finished, arguments, says) -> None:
    found = call("report", *(str(finished) if a == "COPY" else a for a in arguments))
    assert found.exit_code == 2, found.output
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_unfinished_study_is_refused(finished, tmp_path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    zarr.open_group(copy / "results.zarr", path="chips", mode="r+")["task_checksum"][0] = 0
    with pytest.raises(rel.InputError, match="not finished"):
        read_study(copy)


def test_a_card_that_has_changed_is_noted(finished, tmp_path) -> None:
    copy = shutil.copytree(finished, tmp_path / "copy")
    marker = read_signed(copy / "study.json")
    write_signed(copy / "study.json", marker | {"spec_hash": "0" * 64})
    assert "has changed since the results" in read_study(copy)[2][0]


@given(st.lists(st.floats(1e-14, 1e13), min_size=2, max_size=6), st.sampled_from(["ohm", "A"]))
def test_numbers_sort_as_what_they_were(values, unit) -> None:
    for value in values:
        assert number(engineering(value, unit)) == pytest.approx(value, rel=6e-3, abs=0)
        assert number(duration(value)) == pytest.approx(value, rel=6e-3, abs=0)
