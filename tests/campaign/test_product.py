"""Stored programs in a study: the library's numbers, the report, and input that cannot be."""

import json

import pytest

import reliability as rel
from reliability.campaign.finished import read_study
from reliability.campaign.spec import Study
from reliability.campaign.what_limits import _remedies as all_of
from reliability.product import macro_failures

from ..product.test_macro import NO_DEFECTS

NARROW = {
    "programming.LRS.sigma_cell": 0.05, "programming.LRS.sigma_cycle": 0.05,
    "programming.HRS.sigma_cell": 0.25, "programming.HRS.sigma_cycle": 0.25,
    "relaxation.HRS.sigma": 0.2, "retention.sigma_asymptotic": 0.3, **NO_DEFECTS,
}  # fmt: skip
PRODUCT = {"bits": 2**14, "reference": 4e-5, "noise": False, "lots": 2, "attribution": False}


def study(product=(), **more) -> Study:
    stress = {"times": ["1 year", "10 years"], "temperatures": ["85 degC"], "reads": [1000]}
    return Study(**{
        "title": "t", "technology": "oxram-130nm", "parameters": NARROW, "seed": 3,
        "outputs": ["product"], "stress": stress, "product": PRODUCT | dict(product), **more,
    })  # fmt: skip


def test_codes_over_a_mission_are_those_of_the_library(tmp_path) -> None:
    axis = {"name": "product.code", "label": "code", "values": ["none", "secded", "(85, 64, 3)"]}
    spec = study(sweep=[axis], limits={"uncorrectable_rate": 1e-4, "failing_ppm": 1e5})
    folder = rel.run_study(spec, tmp_path / "out")
    summary = json.loads((folder / "summary.json").read_text())
    ubers = [point["product"]["uber"] for point in summary["points"]]
    assert ubers == sorted(ubers, reverse=True)
    card = rel.load_technology("oxram-130nm").with_values(NARROW)
    codes = (64, 64, 0), (72, 64, 1), (85, 64, 3)
    for point, code in zip(summary["points"], codes, strict=True):
        own = point["product"]
        assert own["code"] == list(code)
        assert own["cells"] == 256 * code[0]
        assert [row["time"] for row in point["product_by_age"]] == [31557600.0, 315576000.0]
        assert point["product_by_age"][1]["uber"] == own["uber"]
    found = macro_failures(
        card, rel.MissionProfile.constant("10 years", "85 degC", reads=1000), bits=2**14,
        code=(72, 64, 1), reference=4e-5, noise=False, lots=2, draws=0, chips=1,
        attribution=False, seed=3,
    )  # fmt: skip
    one = summary["points"][1]["product"]
    assert one["failing_ppm"] == pytest.approx(float(found["failing_ppm"]), rel=1e-9)
    assert one["uber"] == pytest.approx(float(found["uber"]), rel=1e-9)
    assert [row["outcome"] for row in summary["points"][0]["limits"]] == ["not demonstrated"] * 2
    page = rel.write_report(spec, folder).read_text("utf-8")
    for said in ('id="product-pareto"', "SECDED (72, 64) that corrects 1 bit",
                 "Macros at the end of the mission", "Failing macros against energy",
                 "With code = (85, 64, 3) the UBER is"):  # fmt: skip
        assert said in page.replace("\xa0", " ")


def test_copies_and_refresh_cost_cells_cycles_and_energy(tmp_path) -> None:
    product = {"maintenance": "refresh", "interval": "5 years", "cells_per_bit": 3,
               "cell_area": "0.4 um^2"}  # fmt: skip
    limits = {"endurance_budget": 100}
    spec = study(product, limits=limits, stress={"times": ["10 years"], "reads": [1000]})
    own = json.loads((rel.run_study(spec, tmp_path / "out") / "summary.json").read_text())
    found, cells = own["product"], 256 * 72 * 3
    assert (found["cells"], found["rewrites"]) == (cells, 1.0)
    assert found["energy_joule"] == pytest.approx(cells * (2e-10 + 1000 * 1e-12))
    assert found["area_m2"] == pytest.approx(cells * 4e-13)
    assert own["limits"][0]["outcome"] == "demonstrated"


def test_what_limits_a_macro_and_what_widens_its_interval_are_in_the_report(tmp_path) -> None:
    """Remedies and parameter ends are macros with that one change."""
    product = {"attribution": True, "cells_per_bit": 3}
    spec = study(product, stress={"times": ["10 years"], "reads": [1000]},
                 uncertainty={"draws": 2})  # fmt: skip
    names = ["relaxation.HRS.sigma", "retention.HRS.activation_energy"]
    with pytest.MonkeyPatch.context() as patch:
        few = dict.fromkeys(names)
        patch.setattr("reliability.campaign.what_limits.acting_parameters", lambda *_, **__: few)
        folder = rel.run_study(spec, tmp_path / "out")
        found = json.loads((folder / "summary.json").read_text())["product"]
        page = rel.write_report(spec, folder).read_text("utf-8")
    more = study(PRODUCT | {"cells_per_bit": 5}, stress={"times": ["10 years"], "reads": [1000]})
    five = json.loads((rel.run_study(more, tmp_path / "five") / "summary.json").read_text())
    assert found["remedies"]["5 cells per bit"]["uber"] == pytest.approx(five["product"]["uber"])
    assert "refresh 10 times" in found["remedies"]
    assert {one["parameter"] for one in found["interval_drivers"]} <= set(names)
    one = found["interval_drivers"][0]
    card = {one["parameter"]: one["value"][1]}
    hot = study(PRODUCT | {"cells_per_bit": 3}, parameters=NARROW | card,
                stress={"times": ["10 years"], "reads": [1000]})  # fmt: skip
    own = json.loads((rel.run_study(hot, tmp_path / "end") / "summary.json").read_text())
    assert own["product"]["uber"] == pytest.approx(one["uber"][1], rel=1e-9)
    for said in ("Gain of remedies", "Parameters that widen the interval", "2 sampled cards are",
                 "The parameter that widens the interval most is"):  # fmt: skip
        assert said in page


def test_ends_of_parameters_at_the_first_point_leave_no_point_out(tmp_path) -> None:
    """A group of tasks that only the first point has is whole."""
    axis = {"name": "product.code", "label": "code", "values": ["none", "(85, 64, 3)"]}
    stress = {"times": ["10 years"], "reads": [1000]}
    spec = study({"attribution": True, "bits": 2**10}, sweep=[axis], uncertainty={"draws": 2},
                 stress=stress)  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        few, where = {"retention.HRS.activation_energy": None}, "reliability.campaign.what_limits"
        patch.setattr(f"{where}.acting_parameters", lambda *_, **__: few)
        patch.setattr(f"{where}._CAUSES", ("noise",))
        patch.setattr(f"{where}._remedies", lambda study: all_of(study)[:1])
        folder = rel.run_study(spec, tmp_path / "out")
        page = rel.write_report(spec, folder).read_text("utf-8")
        assert read_study(folder)[2] == []
    assert "tasks failed" not in page
    assert "quantile" in page


def test_an_exceeded_budget_says_the_year(tmp_path) -> None:
    product = {"maintenance": "refresh", "interval": "30 days", "cycles": 1000}
    spec = study(product, limits={"endurance_budget": 1050}, stress={"times": ["10 years"]})
    folder = rel.run_study(spec, tmp_path / "out")
    row = json.loads((folder / "summary.json").read_text())["limits"][0]
    assert row["outcome"] == "not demonstrated"
    # 121 rewrites in ten years: 50 of them in 4.13 years
    assert row["note"].endswith("budget of 1050 cycles in year 5")
    page = rel.write_report(spec, folder).read_text("utf-8")
    assert "Maintenance exceeds the endurance budget of 1050 cycles in year 5." in page


@pytest.mark.parametrize(
    ("product", "message"),
    [
        ({"code": "(72, 64, 1)", "word_bits": 32}, "product.code: got .72, 64, 1. with 64 data"),
        ({"code": "(66, 64, 1)"}, "2 check bits can't correct 1 of 66 bits"),
        ({"word_bits": 100}, "do not divide a macro of 16384 bits"),
        ({"maintenance": "refresh"}, "product.interval: got none with product.maintenance 'ref"),
        ({"interval": "1 day"}, "product.interval: got 1 day with product.maintenance 'none'"),
        ({"maintenance": "refresh", "interval": "1 us"}, "a write of all 256 words takes"),
    ],
)
def test_macros_that_cannot_be_are_refused(product, message) -> None:
    with pytest.raises(rel.InputError, match=message):
        study(product).check()


@pytest.mark.parametrize(
    ("product", "message"),
    [({"code": "turbo"}, 'allowed "none", "secded"'), ({"cells_per_bit": 2}, "cells_per_bit")],
)
def test_options_that_are_none_are_refused(product, message) -> None:
    with pytest.raises(ValueError, match=message):
        study(product)
