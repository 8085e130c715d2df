"""Array sizes in a study: every condition of a search, and what the cells have been through."""

import json

import pytest

import reliability as rel
from reliability.campaign.load import study_of


def table(stress=None, **crossbar):
    return {
        "title": "Size", "technology": "oxram-130nm", "outputs": ["crossbar"], "seed": 4,
        "crossbar": {"segment_resistance": 5.0, "limit": 0.4, "max_size": 16, **crossbar},
        "stress": stress or {},
    }  # fmt: skip


def test_conditions_and_mission_are_those_of_the_search(tmp_path) -> None:
    options = {"gain_correction": True, "access_resistance": 400.0, "drive": "both", "rows": 8,
               "sense_resistance": 20.0}  # fmt: skip
    stress = {"times": ["1 day"], "temperatures": ["85 degC"]}
    study = study_of(table(stress, **options), "s.toml")
    folder = rel.run_study(study, tmp_path / "out")
    found = json.loads((folder / "summary.json").read_text())["crossbar"]
    alone = rel.crossbar_limit(
        rel.load_technology("oxram-130nm"), "output_error", 0.4, 5.0, max_size=16, seed=4,
        uncertainty_draws=0, profile=rel.MissionProfile.constant("1 day", "85 degC"), **options,
    )  # fmt: skip
    assert (found["rows"], found["columns"]) == (8, alone["columns"].item())
    assert found["high"] == alone["size_high"].item()
    page = rel.write_report(study, folder).read_text("utf-8")
    for said in ("from both ends", "gain correction", "Cells are read after", "more than 16"):
        assert said in page


@pytest.mark.parametrize(
    ("study", "says"),
    [
        (table(rows=4, columns=4), "at most one of them"),
        (table(drive="top"), "crossbar.drive"),
        (table({"times": ["1 h", "1 day"]}), "got 2 stress conditions, expected one"),
        (table({"times": ["1 h"]}, criterion="bit_error_rate"), "profile: goes with"),
        (table(gain_correction=True, criterion="read_margin"), "gain_correction: goes with"),
    ],
)
def test_conditions_that_cannot_be_are_refused(study, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        study_of(study, "s.toml")
