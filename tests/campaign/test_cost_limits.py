"""Limits on energy and area, beside accuracy."""

import json

import pytest

import reliability as rel
from reliability.campaign.load import study_of

STUDY = {
    "title": "t",
    "technology": "oxram-130nm",
    "network": {"images": 40},
    "population": {"chips": 4, "dies_per_wafer": 1},
}


@pytest.mark.parametrize(
    ("most", "outcome"), [("1 J", "demonstrated"), (1e-12, "not demonstrated")]
)
def test_energy_of_an_image_is_a_limit(tmp_path, most, outcome) -> None:
    study = study_of(STUDY | {"limits": {"accuracy": 0.2, "energy_per_image": most}}, "s")
    folder = rel.run_study(study, tmp_path / "out", chunk=4)
    summary = json.loads((folder / "summary.json").read_text())
    rows = {row["limit"]: row for row in summary["limits"]}
    energy = rows["energy_per_image"]
    assert energy["outcome"] == outcome
    assert energy["value"] == pytest.approx(summary["energy_per_image_joule"])
    assert energy["low"] < energy["value"] < energy["high"]
    if outcome == "demonstrated":
        page = rel.write_report(study, folder).read_text("utf-8").replace("\xa0", " ")
        assert "energy of an image ≤ 1 J" in page


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"limits": {"tile_area": "1 mm^2"}}, "limits.tile_area: acts on deep networks"),
        ({"outputs": ["product"], "limits": {"macro_area": "1 mm^2"}, "product": {"bits": 1024}},
         "limits.macro_area: got no product.cell_area"),
    ],
)  # fmt: skip
def test_areas_that_are_not_known_are_refused(more, says) -> None:
    plain = {
        k: v for k, v in STUDY.items() if "outputs" not in more or k in ("title", "technology")
    }
    with pytest.raises(rel.InputError, match=says):
        study_of(plain | more, "s")


def test_an_axis_that_an_output_has_itself_is_refused() -> None:
    axis = {"name": "temperature", "values": ["25 degC", "85 degC"]}
    with pytest.raises(rel.InputError, match=r"temperature is .* by endurance.temperatures"):
        study_of(STUDY | {"outputs": ["accuracy", "endurance"], "sweep": [axis]}, "s")
