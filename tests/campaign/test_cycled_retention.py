"""Retention after cycling as an output of a study: numbers of the functions."""

import json

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.outputs.cycled_retention import error_rates, widest
from reliability.campaign.store import read_results
from reliability.errors import InputError
from reliability.report.words import rate_text

STUDY = """
title = "retention"
technology = "oxram-130nm"
outputs = ["retention", "endurance"]
seed = 3
uncertainty.draws = 2
limits.cell_errors = 0.5
[stress]
cycles = [0, 5000]
cycling_temperature = "55 degC"
times = ["0 s", "1 h"]
temperatures = ["100 degC"]
[retention]
wafers = 2
dies = 2
cells = 300
[endurance]
write = "fppv"
wafers = 2
dies = 2
cells = 100
cycles = 1000
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retention")
    path = folder / "retention.toml"
    path.write_text(STUDY)
    study = rel.load_study(path)
    return study, rel.run_study(study, folder / "out")


def test_the_study_counts_what_the_functions_give(ran) -> None:
    study, folder = ran
    tech = rel.load_technology("oxram-130nm")
    reference = rel.best_reference(tech)
    found = error_rates(study, read_results(folder)).sel(cycles=5000, time=3600.0)
    old = {}
    for state in ("LRS", "HRS"):
        fresh = rel.sample_population(tech, wafers=2, dies=2, cells=300, state=state, seed=3,
                                      dtype=np.float32)  # fmt: skip
        mission = [rel.Segment(0, "55 degC", cycles=5000), rel.Segment("1 h", "100 degC")]
        g = rel.age(fresh, rel.MissionProfile(mission))["conductance"]
        old[state] = float((g < reference if state == "LRS" else g > reference).mean())
        assert float(found["of_state"].sel(state=state).squeeze()) == pytest.approx(old[state])
    assert float(found["error_rate"].squeeze()) == pytest.approx(sum(old.values()) / 2)


def test_the_answer_and_the_report_have_all_conditions(ran) -> None:
    study, folder = ran
    answer = json.loads((folder / "summary.json").read_text())
    rows = answer["retention"]["conditions"]
    assert [(r["cycles"], r["time"]) for r in rows] == [(0, 0), (0, 3600), (5000, 0), (5000, 3600)]
    assert all(r["low"] <= r["error_rate"] <= r["high"] for r in rows)
    assert all(r["drawn_low"] <= r["drawn_high"] for r in rows)
    assert rows[-1]["error_rate"] > rows[1]["error_rate"]  # worn cells lose more
    assert "noise" in answer["retention"]["not_modelled"]
    tech = rel.load_technology("oxram-130nm")
    grown = (1 + np.log10(1 + 1000 / tech["wear.onset"])) ** tech["write.fppv.pulse_growth"]
    pulses = answer["endurance"][0]["pulses"]
    assert pulses["lrs"] == pytest.approx(tech["write.fppv.pulses"] * grown)
    page = rel.write_report(study, folder).read_text("utf-8")
    for part in ("Retention after cycling", "retention-table", "Pulses and failures of a write"):
        assert part in page


def test_the_method_says_what_is_swept(tmp_path) -> None:
    path = tmp_path / "swept.toml"
    swept = '[[sweep]]\nname = "stress.cycling_temperature"\nvalues = ["0 degC", "85 degC"]\n'
    path.write_text(STUDY.replace('["retention", "endurance"]', '["retention"]').partition(
        "[endurance]")[0] + swept)  # fmt: skip
    study = rel.load_study(path)
    folder = rel.run_study(study, tmp_path / "out")
    page = rel.write_report(study, folder).read_text("utf-8")
    assert "cycled 0 and 5000 times at 0 or 85 °C, stored" in page.replace("\xa0", " ")
    table = page.partition('id="retention-table"')[2].partition("</table>")[0]
    assert table.count("<tr>") == 1 + 2 * 4  # points and stress conditions
    assert "Bit-error rate at every point" in page
    end = json.loads((folder / "summary.json").read_text())["points"][0]["retention"]["end"]
    said = " to ".join(map(rate_text, widest(end)))
    assert said in page.partition("Contents")[0].replace("\xa0", " ")


def test_the_interval_of_an_answer_has_the_uncertainty_of_the_card() -> None:
    own = {"low": 0.1, "high": 0.2}
    assert widest(own) == (0.1, 0.2)
    assert widest(own | {"drawn_low": 0.05, "drawn_high": 0.15}) == (0.05, 0.2)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("cycles = [0, 5000]", "cycles = [0, 0.5]", "whole number"),
        ("cycles = [0, 5000]", "cycles = [-5, 0]", "allowed"),
        ('write = "fppv"', 'write = "fpp"', "did you mean 'fppv'"),
        ('times = ["0 s", "1 h"]',
         'times = ["1 h"]\npreconditioning = [{ time = "0 s", cycles = 5, write = "ispp" }]',
         "not the states that it leaves, allowed in a mission: single_pulse"),
        ('technology = "oxram-130nm"', 'technology = "techB"', "has levels"),
        (
            'times = ["0 s", "1 h"]',
            'preconditioning = [{ time = "1 h" }, { time = "0 s", cycles = 1.5 }]',
            "whole number",
        ),
        ('times = ["0 s", "1 h"]', 'preconditioning = [{ time = "1 h", write = "verify" }]',
         "without cycles"),
    ],
)  # fmt: skip
def test_a_study_that_cannot_be_is_refused(tmp_path, old, new, says) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY.replace(old, new))
    with pytest.raises(InputError, match=says):
        rel.plan_study(rel.load_study(path), tmp_path / "out")
