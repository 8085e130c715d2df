"""Endurance tests of populations."""

import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from scipy import optimize, stats

import reliability as rel
from reliability.devices import cycles as cycle_process
from reliability.devices import endurance as wear
from reliability.devices import first_passage
from reliability.errors import InputError
from reliability.population import cycling
from reliability.statistics.proportions import clustered_proportion
from reliability.technology import load_technology
from tests.conftest import NORMAL

TECH = load_technology("oxram-130nm")
# Cells that last: no difference between cells, wide window, heavy wear.
LASTING = TECH.with_values(
    {name: value for name, value in NORMAL.items() if "slope" in name}
    | {
        "programming.HRS.sigma_cell": 0.2,
        "programming.HRS.sigma_cycle": 0.4,
        "cycles.LRS.tail": 1.0,
        "cycles.LRS.skew": 0.0,
        "endurance.scale": 2e4,
        "endurance.onset": 300.0,
    }
)


@pytest.fixture(scope="module")
def both():
    conditions = {
        "wafers": 2, "dies": 2, "cells": 4000, "cycles": 3e4,
        "temperature": ["25 degC", "125 degC"], "seed": 5,
    }  # fmt: skip
    return {
        m: cycling.endurance(LASTING, method=m, attempts=1, **conditions) for m in cycling._METHODS
    }


def test_both_methods_agree(both):
    model, drawn = both["first_passage"], both["every_cycle"]
    a, b = model["fraction_failed"].values, drawn["fraction_failed"].values
    n = 16_000
    error = np.sqrt((a * (1 - a) + b * (1 - b)) / n)
    # 1e-3: thresholds constant in a block. At 125 degC the onset lies within two memories of the
    # slow part, and the threshold that moves within a memory costs up to 0.025 of the cells.
    assert np.all(np.abs(a - b)[0] < 4.5 * error[0] + 1e-3)
    assert np.all(np.abs(a - b)[1] < 3 * error[1] + 0.025)
    for t in (0, 1):
        shares = [np.bincount(d["mode"].values[t].ravel(), minlength=6) / n for d in (model, drawn)]
        np.testing.assert_allclose(*shares, atol=4.5 * np.sqrt(0.5 / n))
    np.testing.assert_allclose(model["weibull_shape"], drawn["weibull_shape"], rtol=0.06)


def test_result_has_what_it_promises(both):
    test = both["first_passage"]
    assert test["cycles_to_failure"].dims == ("temperature", "wafer", "die", "cell")
    assert (test["cycles_to_failure"] >= 1).all()
    assert (test["cycles_to_failure"] <= 3e4).all()
    assert (test["cycles_to_failure"].where(test["mode"] == 0) == 3e4).sum() == (
        test["mode"] == 0
    ).sum()
    assert (test["fraction_low"] <= test["fraction_failed"]).all()
    assert (test["fraction_failed"] <= test["fraction_high"]).all()
    assert (test["fraction_failed"].diff("cycles") >= 0).all()
    assert (test["weibull_scale_low"] < test["weibull_scale"]).all()
    assert set(np.unique(test["mode"])) >= {1, 2, 3, 4}
    assert {"seed", "technology", "spec_hash", "reliability_version"} <= set(test.attrs)


def test_hot_cells_fail_earlier_on_one_path(both):
    for test in both.values():
        cold, hot = test["cycles_to_failure"].values
        # same path and quantiles; rounding of a block can swap by one step
        assert (hot <= cold * 1.13 + 1).mean() > 0.999
        assert hot.mean() < cold.mean()


def test_hard_failures_alone_are_the_closed_form():
    far = TECH.with_values(
        {
            "programming.HRS.resistance": 1e9, "programming.HRS.sigma_cell": 0.0,
            "programming.HRS.sigma_cycle": 0.1, "programming.LRS.sigma_cell": 0.0,
            "programming.LRS.sigma_cycle": 0.01, "endurance.LRS.window_closure": 0.0,
            "endurance.HRS.window_closure": 0.0, "endurance.LRS.spread_growth": 0.0,
            "defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0, "defects.unformed": 0.0,
            "endurance.sigma_lot": 0.0, "endurance.sigma_wafer": 0.0, "endurance.sigma_die": 0.0,
        }
    )  # fmt: skip
    test = cycling.endurance(far, cells=20_000, cycles=1e7, reference=1e-6, seed=1)
    model = wear.Endurance.from_technology(far)
    expected = wear.probability_failed(model, test["cycles"].values)
    observed = test["fraction_failed"].values[0]
    assert np.all(np.abs(observed - expected) < 4.5 * np.sqrt(0.25 / 20_000))
    assert float(test["weibull_shape"][0]) == pytest.approx(model.shape, rel=0.05)
    assert float(test["weibull_scale"][0]) == pytest.approx(model.scale, rel=0.05)


def test_levels_fail_for_good_or_not_at_all():
    pcm = load_technology("pcm-mushroom")
    test = cycling.endurance(pcm, wafers=3, dies=4, cells=2000, cycles=1e9, seed=1)
    assert set(np.unique(test["mode"])) <= {0, 3, 4}
    model = wear.Endurance.from_technology(pcm)
    effects = np.hypot(np.hypot(model.sigma_lot, model.sigma_wafer), model.sigma_die)
    expected = [
        float(wear.probability_failed(model, 1e9, deviation=d)) for d in (-effects, effects)
    ]
    assert min(expected) - 0.2 < float(test["fraction_failed"][0, -1]) < max(expected) + 0.2


def test_energy_costs_endurance():
    kind, hard = (
        cycling.endurance(LASTING, cells=2000, cycles=1e5, energy=e, seed=2)
        for e in ("100 pJ", "800 pJ")
    )
    assert hard["cycles_to_failure"].median() < kind["cycles_to_failure"].median()


def test_a_cell_does_not_depend_on_how_many_others_there_are():
    for method in cycling._METHODS:
        few = cycling.endurance(TECH, wafers=1, dies=1, cells=30, cycles=1e4, method=method)
        many = cycling.endurance(TECH, wafers=2, dies=2, cells=60, cycles=1e4, method=method)
        assert (
            few["cycles_to_failure"].values[0, 0, 0]
            == many["cycles_to_failure"].values[0, 0, 0, :30]
        ).all()


def test_sample_cycles_starts_from_the_population():
    r = cycling.sample_cycles(TECH, cells=4000, cycles=5, seed=3)["resistance"]
    assert r.dims == ("cell", "cycle", "state")
    spread = np.log(r.sel(state="HRS")).std()
    wanted = np.hypot(TECH["programming.HRS.sigma_cell"], TECH["programming.HRS.sigma_cycle"])
    assert float(spread) == pytest.approx(wanted, rel=0.06)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cycles": 0}, "cycles"),
        ({"cycles": 10.5}, "whole number"),
        ({"temperature": ["-300 degC"]}, "temperature"),
        ({"method": "every_cycles"}, "did you mean 'every_cycle'"),
        ({"reference": -1.0}, "reference"),
        ({"cells": 0}, "cells"),
        ({"lots": 0}, "lots"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        cycling.endurance(TECH, **{"cells": 10, "cycles": 100, **change})


def test_correlated_card_needs_every_cycle():
    card = TECH.with_values({"cycles.correlation_slow": 0.5})
    with pytest.raises(InputError, match="every_cycle"):
        cycling.endurance(card, cells=10, cycles=100)
    assert cycling.endurance(card, cells=10, cycles=100, method="every_cycle")["mode"].size == 10


def test_a_memory_beyond_the_steps_needs_every_cycle():
    card = TECH.with_values({"cycles.memory_slow": 5000.0})
    with pytest.raises(InputError, match=r"memory of 5000 cycles.*every_cycle"):
        cycling.endurance(card, cells=10, cycles=100)
    forgotten = card.with_values({f"cycles.{s}.slow": 0.0 for s in ("LRS", "HRS")})
    assert cycling.endurance(forgotten, cells=10, cycles=100)["mode"].size == 10


def test_best_reference_has_the_least_errors():
    from reliability.devices.programming import Programming, probability_below

    best = cycling.best_reference(TECH)
    lrs, hrs = (Programming.from_technology(TECH, s) for s in ("LRS", "HRS"))

    def errors(g):
        return float(probability_below(lrs, g) + 1 - probability_below(hrs, g))

    assert errors(best) <= min(errors(best * f) for f in np.geomspace(0.5, 2, 41)) + 1e-9
    assert replace(lrs).resistance < 1 / best < hrs.resistance


@pytest.mark.parametrize("share", [1.0, 0.3, 0.2, 0.1])
def test_best_reference_is_where_the_densities_meet(share):
    """However far apart the states are: error rates from 2 % down to 1e-80."""
    sigmas = [f"programming.{s}.sigma_{level}" for s in ("LRS", "HRS")
              for level in ("lot", "wafer", "die", "cell", "cycle")]  # fmt: skip
    flat = {f"programming.{s}.radial": 0.0 for s in ("LRS", "HRS")}
    card = TECH.with_values({name: share * TECH[name] for name in sigmas} | flat | NORMAL)
    r_lrs, r_hrs = (card[f"programming.{s}.resistance"] for s in ("LRS", "HRS"))
    wide = [math.hypot(*(card[name] for name in part)) for part in (sigmas[:5], sigmas[5:])]
    lrs = stats.lognorm(wide[0], scale=1 / r_lrs)
    hrs = stats.lognorm(wide[1], scale=1 / r_hrs)
    meet = optimize.brentq(  # of G dG, as both are log-normal
        lambda g: lrs.logpdf(g) - hrs.logpdf(g), 1.1 / r_hrs, 0.99 / r_lrs
    )
    assert cycling.best_reference(card) == pytest.approx(meet, rel=1e-4)


def test_cells_of_which_only_defects_fail_have_no_weibull_law():
    """A mature technology in a short test: a failed fit is no reason to give no counts."""
    sigmas = {f"programming.{s}.sigma_{level}": 0.0 for s in ("LRS", "HRS")
              for level in ("lot", "wafer", "die", "cell")}  # fmt: skip
    still = {f"programming.{s}.sigma_cycle": 0.01 for s in ("LRS", "HRS")}
    test = cycling.endurance(TECH.with_values(sigmas | still), cells=20_000, cycles=1000)
    defects = sum(TECH[f"defects.{name}"] for name in ("unformed", "stuck_lrs", "stuck_hrs"))
    failed = float(test["fraction_failed"].isel(temperature=0, cycles=-1))
    assert failed == pytest.approx(defects, abs=4 * math.sqrt(defects / 20_000))
    assert set(np.unique(test["mode"])) == {0, 5}
    assert np.isnan(test["weibull_scale"]).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temperature": []}, "temperature: got no value"),
        ({"first_wafer": -1}, "first_wafer: got -1"),
    ],
)
def test_impossible_tests_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        cycling.endurance(TECH, cells=10, cycles=100, **settings)
    with pytest.raises(InputError, match="cycles: got 0"):
        cycling.sample_cycles(TECH, cells=3, cycles=0)


def test_a_test_outside_the_valid_range_of_the_endurance_law_warns():
    with pytest.warns(UserWarning, match="endurance: temperature 200 °C is outside the valid ra"):
        hot = cycling.endurance(TECH, cells=10, cycles=100, temperature=["25 degC", "200 degC"])
    assert hot.attrs["warnings"] == [
        "endurance: temperature 200 °C is outside the valid range 0 °C to 150 °C"
    ]


@pytest.mark.parametrize("attempts", [1, 3])
def test_law_of_verified_cycles_against_brute_force(attempts):
    """Structural simulation: slow parts carried on, the white part drawn by each attempt."""
    medium, slow, memory, threshold = 0.3, 0.2, (5.0, 40.0), 1.0
    model = cycle_process.Cycles(memory, (medium, medium), (slow, slow))
    ends = np.array([1, 5, 40])
    row = int(np.argmin(abs(first_passage._LEVELS - threshold)))
    summed = np.cumsum(first_passage.hazards(model, 0, np.arange(1, 41), attempts), axis=1)
    expected = np.exp(-summed[row, ends - 1])
    rng, cells = np.random.default_rng(2), 100_000
    a, b = rng.standard_normal((2, cells))
    alive, found = np.ones(cells, bool), []
    for _ in range(40):
        known = np.sqrt(medium) * a + np.sqrt(slow) * b
        pulses = known + np.sqrt(1 - medium - slow) * rng.standard_normal((attempts, cells))
        alive &= ~(pulses > threshold).all(axis=0)
        found.append(alive.mean())
        for part, tau in ((a, memory[0]), (b, memory[1])):
            phi = np.exp(-1 / tau)
            part *= phi
            part += np.sqrt(1 - phi**2) * rng.standard_normal(cells)
    got = np.array(found)[ends - 1]
    assert np.all(np.abs(got - expected) < 4 * np.sqrt(expected * (1 - expected) / cells) + 5e-4)


def test_more_attempts_never_fail_earlier():
    conditions = {"cells": 2000, "cycles": 1e4, "seed": 5}
    one, five = (
        cycling.endurance(LASTING, attempts=n, **conditions)["cycles_to_failure"] for n in (1, 5)
    )
    assert (five >= one).all()
    assert five.mean() > one.mean()


def test_wafers_joined_are_the_test_of_all_of_them():
    conditions = {"dies": 2, "cells": 50, "cycles": 1e4, "seed": 5}
    whole = cycling.endurance(LASTING, wafers=3, **conditions)
    parts = [cycling.endurance(LASTING, first_wafer=k, **conditions) for k in range(3)]
    lives = xr.concat([part[["cycles_to_failure", "mode"]] for part in parts], "wafer")
    again = cycling.count_failures(lives)
    for name in again:
        assert whole[name].equals(again[name]), name
    assert {"pulses_per_write", "write_success", "pulses"} <= set(whole) - set(again)


def test_lots_are_those_of_single_calls_and_widen_the_interval() -> None:
    """Joined along wafers the lots are told apart by their coordinate, in any order."""
    conditions = {"wafers": 2, "dies": 2, "cells": 50, "cycles": 1e3, "seed": 5}
    both = cycling.endurance(LASTING, lots=2, lot=3, **conditions)
    single = [cycling.endurance(LASTING, lot=lot, **conditions) for lot in (3, 4)]
    assert both["cycles_to_failure"].dims == ("temperature", "lot", "wafer", "die", "cell")
    for lot, alone in zip((3, 4), single, strict=True):
        assert (both["mode"].sel(lot=lot).values == alone["mode"].values).all()
    failed = [int((alone["mode"] > 0).sum()) for alone in single]
    low, high, _ = clustered_proportion(failed, 200)
    last = both.isel(temperature=0, cycles=-1)
    assert (last["fraction_low"], last["fraction_high"]) == (low, high)
    parts = [each.isel(wafer=[k])[["cycles_to_failure", "mode"]].drop_vars("wafer")
             for k in (1, 0) for each in single]  # fmt: skip
    again = cycling.count_failures(xr.concat(parts, "wafer", combine_attrs="override"))
    for name in ("fraction_failed", "fraction_low", "fraction_permanent_high", "weibull_scale_low"):
        assert both[name].equals(again[name]), name


def test_pulses_and_success_of_a_write() -> None:
    """A single pulse is one pulse; ten verified ones leave fewer writes on the wrong side."""
    test = cycling.endurance(rel.load_technology("oxram-130nm"), cells=20, cycles=10, seed=1)
    assert test["pulses_per_write"].sizes == {"state": 2}
    assert (test["pulses_per_write"] >= 1).all()
    assert (test["write_success"] <= 1).all()
    once = cycling.endurance(
        rel.load_technology("oxram-130nm"), cells=20, cycles=10, seed=1, attempts=1
    )
    np.testing.assert_allclose(once["pulses_per_write"], 1.0)
    assert (once["write_success"] < test["write_success"]).all()
    assert (test["write_success"] > 0.999).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"attempts": 0}, "attempts: got 0"),
        ({"attempts": 2, "method": "every_cycle"}, "allowed 1 with method='every_cycle'"),
    ],
)
def test_attempts_that_cannot_be_are_refused(settings, says):
    with pytest.raises(InputError, match=says):
        cycling.endurance(LASTING, cells=10, cycles=10, **settings)


def test_writes_are_verified_unless_said_otherwise() -> None:
    own, same, single = (
        cycling.endurance(TECH, cells=2000, cycles=1e3, seed=1, **kw)
        for kw in ({}, {"attempts": int(TECH["programming.verify.attempts"])}, {"attempts": 1})
    )
    assert own.attrs["attempts"] == 10
    assert (own["cycles_to_failure"] == same["cycles_to_failure"]).all()
    assert own["fraction_failed"][0, -1] < 0.3 * single["fraction_failed"][0, -1]
    assert cycling.endurance(TECH, cells=8, cycles=9, method="every_cycle").attrs["attempts"] == 1
    bare = rel.load_technology("cbram")  # states no verify of its own
    for kw in ({}, {"write": "verify"}):
        assert cycling.endurance(bare, cells=8, cycles=9, **kw).attrs["attempts"] == 10


def test_permanent_failures_are_counted_by_themselves(both) -> None:
    for test in both.values():
        permanent, whole = test["fraction_permanent"], test["fraction_failed"]
        assert (permanent <= whole).all()
        stuck = (test["mode"] >= 3).mean(("wafer", "die", "cell"))
        np.testing.assert_allclose(permanent.isel(cycles=-1), stuck)


def test_pulses_of_a_fresh_write_are_those_of_its_method() -> None:
    """One number in two variables, and a method without data on so many cycles says so."""
    card = rel.load_technology("oxram-130nm")
    for write, pulses in (("single_pulse", 1.0), ("fixed_pulses", 3.0),
                          ("ispp", card["write.ispp.pulses"])):  # fmt: skip
        test = rel.endurance(card, cells=100, cycles=100, write=write, seed=1)
        assert test["pulses_per_write"].values == pytest.approx(pulses)
        assert test["pulses"].values[0, 0] == pytest.approx(pulses, rel=0.02)
        assert (test["window_low"] < test["window"]).all()
        assert (test["window"] < test["window_high"]).all()
    assert test["write_success"].values == pytest.approx(1 - card["write.ispp.failed"])
    with pytest.warns(UserWarning, match=r"write\.ispp: cycles 100 000 is outside .* 0 to 8000"):
        rel.endurance(card, cells=10, cycles=1e5, write="ispp")
    with pytest.raises(rel.InputError, match="techB has no section"):
        rel.endurance(rel.load_technology("techB"), cells=10, cycles=10)


def test_window_of_one_die_has_the_interval_of_a_median() -> None:
    """Twenty dies apart scatter as the interval of one of them says."""
    card = rel.load_technology("oxram-130nm").with_values(
        {f"programming.{s}.sigma_{n}": 0.0 for s in ("LRS", "HRS") for n in ("die", "wafer", "lot")
         if f"programming.{s}.sigma_{n}" in rel.load_technology("oxram-130nm")}
    )  # fmt: skip
    each = [rel.endurance(card, cells=400, cycles=1, seed=seed) for seed in range(24)]
    window, low, high = (np.log([float(test[name].values.squeeze()) for test in each])
                         for name in ("window", "window_low", "window_high"))  # fmt: skip
    assert np.median(high - low) / (2 * 2.09) == pytest.approx(window.std(ddof=1), rel=0.4)
