"""Maintenance: refresh against a mission cut by hand, budgets, and the cheapest policy."""

import dataclasses
import math

import numpy as np
import pytest
from scipy.stats import binom

import reliability as rel
from reliability.errors import InputError
from reliability.product.error_correction import secded
from reliability.product.macro import Dies, Setting
from reliability.product.maintenance import (
    Policy,
    budget_exceeded_after,
    budget_warning,
    cheapest_policy,
    maintained_failures,
    mission_failures,
    time_to_limit,
)

from .test_macro import NARROW, REFERENCE

CARD = NARROW.with_values(
    {"relaxation.HRS.sigma": 0.05, "relaxation.HRS.shift": 0.0, "endurance.onset": 1e9,
     "programming.LRS.sigma_cell": 0.02, "programming.LRS.sigma_cycle": 0.02,
     "programming.HRS.sigma_cell": 0.1, "programming.HRS.sigma_cycle": 0.05,
     "retention.HRS.time_constant": 1e9, "retention.LRS.time_constant": 1e9,
     "endurance.scale": 1e12}
)  # fmt: skip
USE = rel.Segment("10 years", "85 degC")
SETTING = Setting.of(rel.MissionProfile([]), 2**16, secded(64), reference=REFERENCE, noise=False)


def test_refresh_is_a_chain_of_short_missions() -> None:
    lots = range(2)
    found = maintained_failures(CARD, USE, Policy("refresh", "1 year"), SETTING, lots=2)
    year = dataclasses.replace(
        SETTING, profile=rel.MissionProfile.constant("1 year", "85 degC"), cycles=0.0
    )
    each = Dies(CARD, year).of_lots(lots, 0).macro
    assert float(found["failing_ppm"]) == pytest.approx(
        1e6 * (1 - (1 - each) ** 10).mean(), rel=0.05
    )
    assert float(found["rewrites"]) == 9.0
    assert float(found["energy"]) == pytest.approx(9 * 1024 * 72 * 2e-10)


@pytest.mark.slow
def test_maintenance_keeps_what_an_unmaintained_macro_loses() -> None:
    ppm = {
        kind: float(maintained_failures(CARD, USE, Policy(kind, every), SETTING, lots=2)
                    ["failing_ppm"])
        for kind, every in (("none", "1 h"), ("refresh", "30 days"), ("scrub", "1 h"))
    }  # fmt: skip
    assert ppm["refresh"] < 0.5 * ppm["none"]
    assert ppm["scrub"] < 0.5 * ppm["none"]


@pytest.mark.slow
def test_the_cheapest_policy_keeps_the_limit() -> None:
    policies = [Policy("none"), *(Policy("refresh", f"{n} days") for n in (3, 30, 300))]
    bare = float(maintained_failures(CARD, USE, Policy("none"), SETTING, lots=2)["failing_ppm"])
    kept, answers = cheapest_policy(CARD, USE, policies, SETTING, limit_ppm=bare / 3, lots=2)
    assert kept is not None
    ppm = np.array([float(a["failing_ppm"]) for a in answers])
    energy = np.array([float(a["energy"]) for a in answers])
    own = policies.index(kept)
    assert ppm[own] <= bare / 3
    assert (energy[ppm <= bare / 3] >= energy[own]).all()
    until = time_to_limit(CARD, USE, SETTING, bare / 3, lots=2)
    assert 0 < until < USE.time


def test_spare_words_replace_those_that_wear_out_in_the_field() -> None:
    """Every cell that wears out is found by a rewrite; the macro fails when no spare is left."""
    card = CARD.with_values({"endurance.scale": 3e4, "endurance.shape": 1.0,
                             "endurance.sigma_lot": 0.0, "endurance.sigma_wafer": 0.0,
                             "endurance.sigma_die": 0.0})  # fmt: skip
    found = {}
    for spares in (0, 4, 16):
        macro = dataclasses.replace(SETTING.macro, spare_words=spares)
        setting = dataclasses.replace(SETTING, macro=macro)
        made = mission_failures(card, USE, Policy("refresh", "15 days"), setting, range(1), 0)
        found[spares] = float(made.failing.mean())
        assert float(made.shipped.mean()) == pytest.approx(1.0, abs=1e-6)
    # after 243 rewrites a word of 72 cells has two or more wrong of those that failed for good
    wrong = 0.5 * -math.expm1(-243 / 3e4)
    word = 1 - (1 - wrong) ** 72 - 72 * wrong * (1 - wrong) ** 71
    assert found[0] > 0.99
    for spares in (4, 16):
        exhausted = float(binom.sf(spares, 1024 + spares, word))
        assert found[spares] == pytest.approx(exhausted, rel=0.1, abs=0.02)


def test_cycles_before_the_mission_may_exceed_the_budget_alone() -> None:
    decade = rel.Segment("10 years")
    assert budget_exceeded_after(decade, 1e3, 2e3, 0.0) == 0.0
    assert budget_exceeded_after(decade, 1e3, 1e3, 0.0) == math.inf
    assert budget_warning(1e3, 0.0, 2e3).startswith("the 2000 write cycles before the mission")
    for bad in (-1.0, math.nan):
        with pytest.raises(InputError, match="endurance_budget: got"):
            budget_exceeded_after(decade, bad, 0.0, 0.0)


def test_budgets_that_maintenance_exceeds_say_the_year() -> None:
    found = maintained_failures(
        CARD, USE, Policy("refresh", "1 day"), SETTING, endurance_budget=1000, lots=1
    )
    assert found.attrs["warnings"] == [
        "maintenance exceeds the endurance budget of 1000 cycles in year 3"
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Policy("repair"), "unknown kind of maintenance 'repair'"),
        (lambda: Policy("refresh", "0 s"), "interval: got"),
        (lambda: Policy("scrub"), "interval: missing, scrub needs one"),
        (lambda: Policy("refresh", 1.0, alternating="no"), "alternating: got 'no'"),
        (lambda: maintained_failures(CARD, USE, Policy("refresh", "1 us"), SETTING),
         "but a write of all 1024 words takes"),
    ],
)  # fmt: skip
def test_maintenance_that_cannot_be_is_refused(make, message) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.slow
def test_maintenance_once_in_a_mission_is_none() -> None:
    use = rel.Segment("10 years", "85 degC", reads=1e6)
    ppm = [
        float(maintained_failures(CARD, use, Policy(kind, "10 years"), SETTING, lots=2)
              ["failing_ppm"])
        for kind in ("none", "refresh", "scrub")
    ]  # fmt: skip
    assert ppm[1] == pytest.approx(ppm[0], rel=1e-12)
    assert ppm[2] == pytest.approx(ppm[0], rel=0.02)
