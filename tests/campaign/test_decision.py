"""The recommended design on uncertain cards: probability, tornado, what to measure next."""

import json

import numpy as np
import pytest

import reliability as rel
from reliability.campaign.decision import _with_cards, chosen_design, compute_decision, decision_of
from reliability.campaign.limits import limit_row
from reliability.campaign.load import study_of
from reliability.campaign.sweep import sweep_points
from reliability.statistics.information import gain_of_verdict

KEPT = ("programming.HRS.resistance", "write.ispp.pulses", "programming.LRS.resistance")


def table(**more):
    """A study on a card of which three parameters are uncertain."""
    card = rel.load_technology("oxram-130nm")
    fixed = {name: card[name] for name, one in card.parameters.items()
             if one.at(-1.0) < one.at(1.0) and name not in KEPT}  # fmt: skip
    return {
        "title": "Decision", "technology": "oxram-130nm", "parameters": fixed, "seed": 5,
        "network": {"name": "spirit", "images": 40}, "population": {"chips": 2},
        "stress": {"times": ["1 year"], "temperatures": ["85 degC"]},
        "limits": {"accuracy": 0.8}, "decision": {"draws": 64, "parameters": 1}, **more,
    }  # fmt: skip


def linear(study):
    """A stand-in for a run: accuracy grows with the logarithm of the HRS resistance alone."""

    def answers(here):
        points = []
        for point in sweep_points(here):
            value = 0.8 + 0.1 * np.log(point[f"technology.{KEPT[0]}"] / 88e3) - 0.02
            row = limit_row("accuracy", 0.8, "least", (value,) * 3)
            points.append({"point": point, "limits": [row]})
        return points

    return answers


def test_the_parameter_that_decides_is_the_one_to_measure(tmp_path) -> None:
    study = study_of(table(), "s.toml")
    chosen = chosen_design(study, {})
    assert set(chosen.uncertain) == set(KEPT)
    seen = []

    def answers(here):
        seen.append(here)
        return linear(study)(here)

    found = compute_decision(study, {}, lambda folder: answers, tmp_path)
    points = linear(study)(seen[-1])
    assert len(points) == 1 + 64 + 2 * 3
    assert found["measure_next"] == KEPT[0]
    assert [row["name"] for row in found["parameters"]] == [KEPT[0]]  # the others change nothing
    parameter = chosen.card.parameters[KEPT[0]]
    low, high = (0.78 + 0.1 * np.log(parameter.at(z) / 88e3) for z in (-1.2815516, 1.2815516))
    assert found["parameters"][0]["answers"]["accuracy"] == pytest.approx([low, high])
    p = found["probability_met"]["value"]
    met = [chosen.card.drawn(5, k)[KEPT[0]] >= 88e3 * np.exp(0.2) for k in range(64)]
    assert p == np.mean(met)
    assert found["risk"] == min(p, 1 - p)
    assert found["parameters"][0]["value_of_information"] == pytest.approx(
        gain_of_verdict(1.0, p), abs=1e-6
    )
    assert decision_of(study, chosen, points[:65]) == {}  # no tornado yet


class Killed(Exception):
    pass


def killed(study, folder, after):
    """Run a study until so many tasks are done."""
    count = []

    def stop(task, done, total):
        count.append(task)
        if len(count) == after:
            raise Killed

    with pytest.raises(Killed):
        rel.run_study(study, folder, progress=stop)


def test_a_decision_goes_on_in_its_tornado_and_when_it_is_done(tmp_path) -> None:
    """Nominal card and 8 sampled ones are 18 tasks after the 2 of the study, then the tornado."""
    small = {"network": {"name": "spirit", "images": 10}, "population": {"chips": 1}}
    study = study_of(table(decision={"draws": 8, "parameters": 1}, **small), "s.toml")
    killed(study, tmp_path, 22)
    found = []
    for _ in range(2):
        rel.run_study(study, tmp_path)
        found.append(json.loads((tmp_path / "summary.json").read_text()))
    assert found[0] == found[1]
    assert found[0]["decision"]["draws"] == 8


@pytest.mark.slow
def test_a_decision_is_the_study_at_each_card_and_resumes(tmp_path) -> None:
    axes = [{"name": "network.delta_s", "values": [1, 10]}]
    small = {"decision": {"draws": 10, "parameters": 2}, "sweep": axes}
    study = study_of(table(limits={"accuracy": 0.5}, **small), "s.toml")
    folder = rel.run_study(study, tmp_path / "out", workers=2)
    summary = json.loads((folder / "summary.json").read_text())
    found = summary["decision"]
    assert found["design"] == {"network.delta_s": 10}
    names = [row["name"] for row in found["parameters"]]
    assert KEPT[1] not in names  # pulses of a verify that the study does not use
    row = found["parameters"][0]
    for value, answer in zip(row["moved"], row["answers"]["accuracy"], strict=True):
        alone = table(limits={"accuracy": 0.5}, decision=None, network={
            "name": "spirit", "images": 40, "delta_s": 10})  # fmt: skip
        alone["parameters"] = alone["parameters"] | {row["name"]: value}
        one = rel.run_study(study_of(alone, "s"), tmp_path / f"{value}")
        of_one = json.loads((one / "summary.json").read_text())
        assert of_one["accuracy"]["mean"] == pytest.approx(answer, abs=1e-12)

    killed(study, tmp_path / "killed", 20)
    again = rel.run_study(study, tmp_path / "killed")
    assert json.loads((again / "summary.json").read_text()) == summary
    page = rel.write_report(study, folder).read_text("utf-8")
    for part in ("decision", "decision-tornado", "decision-table"):
        assert f'id="{part}"' in page


def test_a_decision_that_cannot_be_is_refused() -> None:
    with pytest.raises(rel.InputError, match="decision: got no limits and no search"):
        study_of(table(limits={}), "s.toml")
    certain = table()
    card = rel.load_technology("oxram-130nm")
    certain["parameters"] = certain["parameters"] | {name: card[name] for name in KEPT}
    with pytest.raises(rel.InputError, match="oxram-130nm has no uncertain parameter"):
        study_of(certain, "s.toml")
    hopeless = study_of(table(sweep=[{"name": "network.delta_s", "values": [1, 2]}]), "s.toml")
    nothing = {"recommended": None, "inconclusive": []}
    assert chosen_design(hopeless, nothing) is None
    unsure = [{"cost": cost, "design": {"network.delta_s": cost}} for cost in (2, 1)]
    open_ = {"recommended": None, "inconclusive": unsure}
    chosen = chosen_design(hopeless, open_)
    assert chosen.design == {"network.delta_s": 1}
    assert _with_cards(chosen, [dict.fromkeys(chosen.uncertain, 1.0)]).network.delta_s == 1
