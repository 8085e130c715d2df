"""The verdict on designs says what sampled cards say of the recommended one."""

from types import SimpleNamespace

import pytest

from reliability.campaign.load import study_of
from reliability.report.designs_section import design_verdict


@pytest.mark.parametrize(
    ("probability", "outcome"),
    [(None, "demonstrated"), (0.97, "demonstrated"), (0.33, "inconclusive")],
)
def test_a_design_that_sampled_cards_refuse_is_inconclusive(probability, outcome) -> None:
    axis = {"name": "network.delta_s", "kind": "choice", "values": [5, 10]}
    study = study_of({"title": "t", "technology": "oxram-130nm", "sweep": [axis],
                      "limits": {"accuracy": 0.8}}, "t")  # fmt: skip
    design = {"design": {"network.delta_s": 5}, "limits": [], "cost": 1.0}
    summary = {"feasible": [design], "inconclusive": [], "infeasible": [], "recommended": design}
    if probability:
        summary["decision"] = {"probability_met": {"value": probability}}
    verdict = design_verdict(SimpleNamespace(study=study, summary=summary))
    assert verdict.outcome == outcome
    assert ("33 % of sampled cards" in verdict.limit) == (outcome == "inconclusive")
