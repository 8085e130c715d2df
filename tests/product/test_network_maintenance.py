"""Maintenance of a network's columns: refresh by hand, gains, limits, the cheapest policy."""

import math

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.errors import InputError
from reliability.product import ColumnPolicy, cheapest_network_policy, maintained_network

CARD = rel.load_technology("oxram-130nm").with_values({"retention.HRS.time_constant": 1e7})
SPIRIT = rel.load_network("spirit")
USE = rel.Segment("3 years", "85 degC", reads=1e5)
SMALL = {"chips": 1, "images": 200, "seed": 3}


def kept(policy: ColumnPolicy, **more) -> xr.Dataset:
    return maintained_network(CARD, SPIRIT, USE, policy, **SMALL, **more)


def test_refreshed_columns_are_rewritten_cells_after_one_interval() -> None:
    fresh = rel.sample_chips(CARD, SPIRIT, chips=1, seed=3)
    year = rel.Segment("1 year", "85 degC", reads=1e5 / 3)
    written = rel.age(fresh, rel.MissionProfile([rel.Segment(0, "85 degC", cycles=2), year]))
    wanted = rel.evaluate(SPIRIT, written, images=200, seed=3)
    found = kept(ColumnPolicy("refresh", "1 year"))
    assert (found["accuracy"].values == wanted["accuracy"].values).all()
    assert float(found["rewrites"]) == 2.0
    cells = fresh.sizes["cell"]
    assert float(found["energy"]) == pytest.approx(cells * (2 * 2e-10 + 1e5 * 1e-12))


def test_columns_lie_between_calibration_and_refresh() -> None:
    never, always = (
        kept(ColumnPolicy("columns", "1 year", drift_limit=limit)) for limit in (1e9, 1e-9)
    )
    calibrated = kept(ColumnPolicy("calibrate", "1 year"))
    refreshed = kept(ColumnPolicy("refresh", "1 year"))
    assert (never["accuracy"].values == calibrated["accuracy"].values).all()
    assert (float(never["rewrites"]), float(always["rewrites"])) == (0.0, 2.0)
    assert (always["accuracy"].values == refreshed["accuracy"].values).all()
    reads = 2 * SPIRIT.weights.size * 2 * SPIRIT.weight_max * 1e-12  # of two calibrations
    assert float(always["energy"] - refreshed["energy"]) == pytest.approx(reads, rel=1e-3)


def test_the_cheapest_policy_keeps_the_accuracy_within_the_budget() -> None:
    policies = [ColumnPolicy("none"), ColumnPolicy("refresh", "1 year")]
    good = float(kept(policies[1])["accuracy"].mean())
    assert float(kept(policies[0])["accuracy"].mean()) < good
    best, answers = cheapest_network_policy(
        CARD, SPIRIT, USE, policies, least_accuracy=good - 0.001, **SMALL
    )
    assert best == policies[1]
    assert len(answers) == 2
    none, answers = cheapest_network_policy(
        CARD, SPIRIT, USE, policies, least_accuracy=good - 0.001, endurance_budget=1, **SMALL
    )
    assert none is None
    assert "in year 2" in answers[1].attrs["warnings"][-1]


def test_alternating_reads_undo_their_disturb() -> None:
    reads = rel.Segment("1 h", "25 degC", reads=1e9)
    cells = [
        maintained_network(CARD, SPIRIT, reads, ColumnPolicy("none", alternating=way), **SMALL)
        for way in (False, True)
    ]
    assert float(cells[1]["accuracy"].mean()) > float(cells[0]["accuracy"].mean())


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ColumnPolicy("colums"), "did you mean 'columns'"),
        (lambda: ColumnPolicy("refresh", 0), "interval"),
        (lambda: kept(ColumnPolicy("refresh", 1e-5)), "interval: got .* takes"),
        (lambda: kept(ColumnPolicy("refresh", "1 h")), "allowed up to 1000"),
        (lambda: maintained_network(rel.load_technology("techB"), SPIRIT, USE,
                                    ColumnPolicy("none")), "has levels"),
    ],
)  # fmt: skip
def test_policies_that_cannot_be_are_refused(make, says) -> None:
    with pytest.raises(InputError, match=says):
        make()
    assert math.isinf(ColumnPolicy("none").interval)
    assert np.isfinite(ColumnPolicy("refresh", "1 year").interval)
