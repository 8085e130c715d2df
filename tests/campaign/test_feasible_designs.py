"""Designs against limits: worst over conditions, least cost, error of the verdict."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

import reliability as rel
from reliability.campaign.feasible_designs import feasible_designs
from reliability.campaign.limits import limit_row
from reliability.campaign.spec import Study
from reliability.cli import main

AXES = [
    {"name": "network.delta_s", "values": [5, 10, 20]},
    {"name": "temperature", "values": ["25 degC", "85 degC"]},
]


def study(**more):
    return Study(title="t", technology="oxram-130nm", sweep=AXES, **more)


def points(found, energy=(3e-9, 1e-9, 2e-9)):
    """Points whose accuracies are value, low, high at 25 and 85 degC, of each delta_s."""
    return [
        {
            "point": {"network.delta_s": delta, "temperature": kelvin},
            "limits": [limit_row("accuracy", 0.8, "least", ends)],
            "energy_per_image_joule": joule,
        }
        for delta, both, joule in zip((5, 10, 20), found, energy, strict=True)
        for kelvin, ends in zip((298.15, 358.15), both, strict=True)
    ]


GOOD, OPEN, BAD = (0.85, 0.83, 0.87), (0.81, 0.78, 0.84), (0.7, 0.68, 0.72)


def test_over_conditions_the_worst_decides_and_the_cheapest_is_recommended() -> None:
    found = feasible_designs(study(), points([(GOOD, GOOD), (GOOD, OPEN), (GOOD, GOOD)]))
    assert [d["design"] for d in found["feasible"]] == [
        {"network.delta_s": 5}, {"network.delta_s": 20},
    ]  # fmt: skip
    assert found["recommended"]["design"] == {"network.delta_s": 20}  # 2 nJ against 3 nJ
    assert found["inconclusive"][0]["limits"][0]["point"]["temperature"] == 358.15
    none = feasible_designs(study(), points([(BAD, GOOD), (GOOD, BAD), (OPEN, BAD)]))
    assert none["recommended"] is None
    assert len(none["infeasible"]) == 3


def test_a_condition_may_be_a_choice_and_the_objective_another_number() -> None:
    axes = [AXES[0], AXES[1] | {"kind": "choice"}]
    stated = Study(
        title="t", technology="oxram-130nm", sweep=axes, design={"minimise": "accuracy.low"}
    )
    rows = points([(GOOD, OPEN), (GOOD, BAD), (BAD, BAD)])
    for k, row in enumerate(rows):
        row["accuracy"] = {"low": k}
    found = feasible_designs(stated, rows)
    assert len(found["feasible"]) == 2
    assert found["recommended"]["design"] == {"network.delta_s": 5, "temperature": 298.15}
    wrong = Study(title="t", technology="oxram-130nm", sweep=axes, design={"minimise": "energy"})
    with pytest.raises(rel.InputError, match=r"design: minimise: got 'energy'.*accuracy\.low"):
        feasible_designs(wrong, rows)
    conditions = [axis | {"kind": "condition"} for axis in AXES]
    plain = Study(title="t", technology="oxram-130nm", sweep=conditions)
    assert feasible_designs(plain, rows) == {}


def test_few_designs_are_wrongly_called_feasible() -> None:
    """Designs exactly at the limit: normal 95 % intervals call at most 2.5 % of them feasible.

    Over two conditions both at the limit it is less, as both have to be demonstrated.
    """
    rng = np.random.default_rng(7)
    wrong = []
    for _ in range(700):
        error = rng.normal(0, 0.01, (3, 2))
        cells = [[(0.8 + e, 0.8 + e - 0.0196, 0.8 + e + 0.0196) for e in row] for row in error]
        for row in cells:
            row[1] = (0.9, 0.88, 0.92)  # the second condition is no matter
        wrong.append(len(feasible_designs(study(), points(cells))["feasible"]) / 3)
    assert 0.015 < np.mean(wrong) < 0.035


def test_a_study_says_which_designs_meet_its_limits(tmp_path) -> None:
    spec = tmp_path / "designs.toml"
    spec.write_text(
        'title = "Designs"\ntechnology = "oxram-130nm"\nseed = 1\n'
        '[network]\nname = "spirit"\nimages = 300\n[population]\nchips = 4\n'
        "[limits]\naccuracy = 0.6\n"
        '[[sweep]]\nname = "network.delta_s"\nlabel = "decision threshold"\nvalues = [1, 10]\n'
    )
    out = tmp_path / "out"
    said = CliRunner().invoke(main, ["run", str(spec), "--out", str(out), "--workers", "1"])
    assert said.exit_code == 0, said.output
    assert "1 of 2 designs meets every acceptance limit" in said.output
    summary = json.loads((out / "summary.json").read_text())
    assert summary["recommended"]["design"] == {"network.delta_s": 10}
    assert [len(summary[k]) for k in ("feasible", "inconclusive", "infeasible")] == [1, 0, 1]
    page = (out / "report.html").read_text("utf-8")
    assert "the recommended design (" in page
    assert "Recommended: decision threshold = 10" in page
