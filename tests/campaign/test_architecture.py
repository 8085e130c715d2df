"""Architecture studies: nominal first, then drawn cards and components; refused by name at the
door."""

import json

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.architecture import energy
from reliability.campaign.outputs.architecture import interval, on_axes
from reliability.campaign.store import read_results
from reliability.report.outputs.architecture import architecture_figures

FEW = {"images": 20, "lead": 1}
SMALL = """[architecture]
study = "energy"
images = 20
lead = 1
"""
TEXT = f"""
title = "small"
technology = "oxram-130nm"
outputs = ["architecture"]
seed = 3

{SMALL}
[uncertainty]
draws = 3
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"energy"', '"enrgy"', "architecture: unknown study 'enrgy'; did you mean 'energy'"),
        (
            'study = "energy"',
            'study = "energy"\nnodes = "7nm"',
            "unknown key 'nodes'; did you mean 'node'",
        ),
        ('study = "energy"', 'study = "energy"\nnode = "7 nm"', "node: .*mean '7nm'"),
        ('study = "energy"', 'study = "energy"\nnetwork = "binary-mnist"', "one layer"),
        ('"oxram-130nm"', '"techB"', "techB has no programming.LRS.resistance"),
        ('study = "energy"', 'study = "energy"\ncomponents = "enrgy"', "did you mean 'energy'"),
        ('study = "energy"', 'study = "energy"\nparameters.supply = 1', "architecture: unknown"),
        (SMALL, "", "outputs: got .architecture. without its table"),
        ('outputs = ["architecture"]', "", "outputs: got .architecture. without its table"),
    ],
)
def test_what_cannot_be_right_is_named(small, old, new, says) -> None:
    assert old in TEXT
    small.write_text(TEXT.replace(old, new))
    with pytest.raises(rel.InputError, match=says) as error:
        rel.load_study(small)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('study = "hierarchy"\nscratch = "on"', "architecture.scratch: .*'cached' or 'own'"),
        ('study = "hierarchy"\nscrtch = "own"', r"\[architecture\] unknown key.*mean 'scratch'"),
        ('study = "hierarchy"\ncapacity = 40', "capacity: got 40 bytes.*multiple of 32"),
        ('study = "tiers"\ntemperatures = ["85 degC", "25 degC"]',
         "architecture.temperatures: got .*expected rising"),
        ('study = "tiers"\nstructure = "plane"', "architecture.structure: .*'planar'"),
        ('study = "incremental"\nbudgets = [5, 5]', "architecture.budgets: got .*rising"),
        ('study = "incremental"\nrule = "stpd"', "architecture.rule: unknown rule 'stpd'"),
        ('study = "learning"\nfailed = [0.1, 0.01]', "architecture.failed: got .*rising"),
        ("[parameters]", "architecture: study: missing, allowed: area"),
    ],
)  # fmt: skip
def test_options_are_refused_at_the_door_by_the_names_that_users_write(small, table, says) -> None:
    small.write_text(TEXT.replace(SMALL, f"[architecture]\n{table}\n"))
    with pytest.raises(rel.InputError, match=says) as error:
        rel.load_study(small)
    assert "\n" not in str(error.value)


def test_draw_zero_is_nominal_and_the_others_are_drawn_by_themselves(small, tmp_path) -> None:
    study = rel.load_study(small)
    folder = rel.run_study(study, tmp_path / "out")
    found = read_results(folder)["architecture"]["event_energy"]
    assert found["draw"].values.tolist() == [0, 1, 2, 3]
    card, components = study.load_technology(), study.architecture.load_components()
    assert float(found[0]) == float(energy(card, components, **FEW)["event_energy"])
    for k in (1, 2, 3):
        alone = energy(card.drawn(3, k), components.drawn(3, k), **FEW)["event_energy"]
        assert float(found[k]) == float(alone)
    rel.write_report(study, folder)
    answer = json.loads((folder / "summary.json").read_text())["architecture"]
    of_event = answer["quantities"]["event_energy"]
    assert of_event["value"] == float(found[0])
    assert [of_event["low"], of_event["high"]] == [float(found[1:].min()), float(found[1:].max())]
    assert answer["checks"][0]["ratio"] == pytest.approx(of_event["value"] / 3.6e-12)


def test_more_draws_extend_what_is_there(small, tmp_path) -> None:
    folder = rel.run_study(rel.load_study(small), tmp_path / "out")
    before = read_results(folder)["architecture"]["event_energy"].values
    more = rel.load_study(small, {"uncertainty.draws": 5})
    rel.run_study(more, folder)
    after = read_results(folder)["architecture"]["event_energy"].values
    assert after.size == 6
    assert np.array_equal(before, after[:4])
    assert np.isfinite(after).all()


def test_a_component_parameter_can_be_swept(small, tmp_path) -> None:
    text = '\n[[sweep]]\nname = "architecture.parameters.supply.voltage"\nvalues = [1.0, 2.0]\n'
    small.write_text(TEXT + text)
    study = rel.load_study(small)
    folder = rel.run_study(study, tmp_path / "out")
    found = read_results(folder)["architecture"]["event_energy"].sel(draw=0)
    assert float(found[1] / found[0]) == pytest.approx(2.0)
    rel.write_report(study, folder)
    points = json.loads((folder / "summary.json").read_text())["points"]
    assert len(points) == 2


NODES = """
[[sweep]]
name = "architecture.node"
label = "CMOS node"
values = ["7nm", "130nm"]

[[sweep]]
name = "architecture.lrs_resistance"
values = ["10 kohm", "2 kohm"]
"""


def test_axes_of_a_study_are_dimensions_of_what_figures_and_answer_show(small, tmp_path) -> None:
    small.write_text(TEXT + NODES)
    study = rel.load_study(small)
    folder = rel.run_study(study, tmp_path / "out")
    data = on_axes(study, read_results(folder)["architecture"])
    assert data["lrs_resistance"].values.tolist() == [10e3, 2e3]
    assert data["node"].values.tolist() == ["7nm", "130nm"]  # in the order of the study
    card, components = study.load_technology(), study.architecture.load_components()
    alone = energy(card, components, node="7nm", lrs_resistance=2e3, **FEW)["gain"]
    assert float(data["gain"].sel(node="7nm", lrs_resistance=2e3, draw=0)) == float(alone)
    rel.write_report(study, folder)
    answer = json.loads((folder / "summary.json").read_text())["architecture"]
    # the study's own node is a point; it has no resistance of its own, so the first is taken
    assert answer["point"] == {"architecture.node": "130nm", "architecture.lrs_resistance": 10e3}
    nominal = data.sel(node="130nm", lrs_resistance=10e3, draw=0)
    assert answer["quantities"]["gain"]["value"] == float(nominal["gain"])
    by_node = {one["value"]: one["quantities"]["gain"]["value"] for one in answer["along"]["node"]}
    assert by_node["7nm"] == float(data["gain"].sel(node="7nm", lrs_resistance=10e3, draw=0))
    page = (folder / "report.html").read_text()
    assert "CMOS node = 130" in page
    assert "Gain of an event against the LRS resistance" in page


def test_an_axis_that_is_not_swept_has_no_figure(small, tmp_path) -> None:
    study = rel.load_study(small)
    data = read_results(rel.run_study(study, tmp_path / "out"))["architecture"]
    assert [figure.id for figure in architecture_figures(study, data)] == ["event-energy"]


def test_component_parameters_are_part_of_the_hash(small, tmp_path) -> None:
    plain = rel.load_study(small)
    set_ = rel.load_study(small, {"architecture.parameters.supply.voltage": "1.1 V"})
    assert plain.spec_hash != set_.spec_hash


def test_a_nominal_value_lies_in_its_interval() -> None:
    """Few draws of skewed parameters may all lie on one side of the nominal card."""
    found = interval(xr.DataArray([1.0, 2.0, 3.0, 4.0], dims="draw"), 0.9)
    assert found == {"value": 1.0, "low": 1.0, "high": 4.0}
    assert interval(xr.DataArray([np.inf, 2.0, 3.0], dims="draw"), 0.9)["high"] is None
    assert interval(xr.DataArray([1.0], dims="draw"), 0.9)["low"] is None
