"""Every study that ships runs to its report, at a reduced size."""

import json
from pathlib import Path

import pytest

import reliability as rel

STUDIES = sorted((Path(__file__).resolve().parents[2] / "analyses").glob("*.toml"))
SMALL = {
    "population.chips": 2,
    "network.images": 20,
    "endurance.wafers": 2,
    "endurance.dies": 2,
    "endurance.cells": 30,
    "crossbar.max_size": 4,
    "attribution.phenomena": ["relaxation", "spread of cells"],
    "attribution.chips": 2,
    "attribution.images": 10,
}


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_a_shipped_study_runs_to_its_report(path, tmp_path) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# "), "a study begins with its question"
    settings = dict(SMALL)
    whole = rel.load_study(path)
    if whole.network.name.endswith("mnist"):
        pytest.importorskip("onnxruntime")
    if whole.uncertainty:
        settings |= {"uncertainty.draws": 2, "uncertainty.chips": 1, "uncertainty.images": 20}
    if whole.sensitivity:
        settings |= {"sensitivity.chips": 2, "sensitivity.images": 10}
    study = rel.load_study(path, settings)
    folder = rel.run_study(study, tmp_path / "out")
    report = rel.write_report(study, folder).read_text("utf-8")
    assert study.question.replace("'", "&#39;") in report
    summary = json.loads((folder / "summary.json").read_text())
    for point in summary.get("points", [summary]):
        for answer in ("accuracy", "attribution", "endurance", "crossbar"):
            assert (answer in point) == (answer in study.outputs)
