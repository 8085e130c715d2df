"""A study of which tasks fail still has a report, of the rest."""

import json

import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.campaign import runner
from reliability.cli import main

STUDY = """
title = "rest"
technology = "oxram-130nm"
seed = 5
[network]
images = 20
[population]
chips = 4
"""
SWEEP = '[[sweep]]\nname = "network.delta_s"\nlabel = "lead"\nvalues = [2, 5, 10]\n'


def failing(monkeypatch, fails):
    real = runner.compute

    def compute(study, point, task):
        if fails(point, task):
            raise MemoryError("no room")
        return real(study, point, task)

    monkeypatch.setattr(runner, "compute", compute)
    return real


def run(tmp_path, text):
    path, out = tmp_path / "study.toml", tmp_path / "out"
    path.write_text(text)
    command = ["run", str(path), "--out", str(out), "--workers", "1"]
    return CliRunner().invoke(main, command), command, out


@pytest.mark.parametrize("lost", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_points_that_failed_are_left_out_and_named(lost, tmp_path, monkeypatch) -> None:
    whole = rel.run_study(_study(tmp_path), tmp_path / "whole")
    points = json.loads((whole / "summary.json").read_text())["points"]
    real = failing(monkeypatch, lambda point, task: point["network.delta_s"] == lost)
    found, command, out = run(tmp_path, STUDY + SWEEP)
    assert found.exit_code == 1
    assert "no room" in found.stderr
    rest = json.loads((out / "summary.json").read_text())["points"]
    assert rest == [one for one in points if one["point"]["network.delta_s"] != lost]
    report = (out / "report.html").read_text("utf-8")
    assert f"(network.delta_s {lost})" in report
    assert "tasks failed, and their points of the sweep are left out" in report
    monkeypatch.setattr(runner, "compute", real)  # the same command heals it
    assert CliRunner().invoke(main, command).exit_code == 0
    assert json.loads((out / "summary.json").read_text())["points"] == points
    assert "tasks failed" not in (out / "report.html").read_text("utf-8")


def test_chips_that_failed_are_left_out_and_named(tmp_path, monkeypatch) -> None:
    failing(monkeypatch, lambda _, task: task.group == "chips" and task.first == 1)
    monkeypatch.setattr(runner, "chips_per_task", lambda study: 1)
    found, _, out = run(tmp_path, STUDY)
    assert found.exit_code == 1
    assert json.loads((out / "summary.json").read_text())["chips"] == 3
    assert "1 of 5 tasks failed, and their results are left out: chips 1 to 1." in (
        out / "report.html"
    ).read_text("utf-8")


def test_a_study_of_which_all_fails_has_no_report(tmp_path, monkeypatch) -> None:
    failing(monkeypatch, lambda *_: True)
    found, _, out = run(tmp_path, STUDY + SWEEP)
    assert found.exit_code == 1
    assert "tasks failed: ideal 0 to 0 (MemoryError: no room)" in found.stderr
    assert not (out / "report.html").exists()


def _study(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(STUDY + SWEEP)
    return rel.load_study(path)
