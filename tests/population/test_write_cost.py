"""Endurance by write method: pulses, energy and failures of writes against cycles."""

import numpy as np
import pytest

import reliability as rel
from reliability.devices.write_methods import WriteMethod
from reliability.errors import InputError

TECH = rel.load_technology("oxram-130nm")
METHODS = ("verify", "single_pulse", "fixed_pulses", "ispp", "fppv")


def endurance(write=None, **more):
    return rel.endurance(
        TECH, **{"cells": 400, "dies": 3, "cycles": 5000.0, "seed": 3} | more, write=write
    )


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_pulses_energy_and_failures_with_their_intervals(name) -> None:
    test = endurance(name)
    assert test.attrs["write"] == name
    for key in ("pulses", "write_failures", "energy", "error_rate"):
        value, low, high = (test[f"{key}{end}"] for end in ("", "_low", "_high"))
        assert bool((low <= value).all()), key
        assert bool((value <= high).all()), key
        assert value.dims == ("temperature", "cycles", "state")
    each = TECH["endurance.reference_energy"] / 2
    assert test["energy"].values == pytest.approx(test["pulses"].values * each)
    assert bool((test["fraction_permanent"] <= test["fraction_permanent_high"]).all())
    assert "noise" in test.attrs["wear_not_modelled"]


def test_measured_methods_grow_as_the_card_says() -> None:
    test = endurance("fppv").isel(temperature=0, state=0)
    w = np.log10(1 + test["cycles"].values / TECH["wear.onset"])
    grown = (1 + w) ** TECH["write.fppv.pulse_growth"]
    assert test["pulses"].values == pytest.approx(TECH["write.fppv.pulses"] * grown)
    flat = endurance("sdr").isel(temperature=0, state=0)["pulses"].values
    assert flat[-1] / flat[0] < 1.5 < 2.3 < grown[-1] / grown[0]


def test_pulses_and_failures_of_verify_are_those_of_populations() -> None:
    verify = rel.Verify("6 kohm", "60 kohm", attempts=4)
    test = endurance(verify, cells=3000, dies=4, cycles=3e5).isel(temperature=0, cycles=-1)
    for state in ("LRS", "HRS"):
        pop = rel.sample_population(
            TECH, cells=3000, dies=4, state=state, verify=verify, seed=3, dtype=np.float32
        )
        old = rel.age(pop, rel.MissionProfile([rel.Segment(0, cycles=3e5)]))
        good = old["defect"] == 0
        pulses, failed = (float(old[n].where(good).mean()) for n in ("pulses", "passed"))
        found = test.sel(state=state)
        assert float(found["pulses"]) == pytest.approx(pulses, rel=0.02)
        assert float(found["write_failures"]) == pytest.approx(1 - failed, abs=0.015)


def test_cells_fail_as_their_writes_do_on_average() -> None:
    """Of independent writes with failure F, a part 1 - (1 - F)^(2 n) has failed after n cycles."""
    tech = TECH.with_values({"write.ispp.failed": 1e-4, "write.ispp.failed_growth": 0.0,
                             "endurance.scale": 1e12})  # fmt: skip
    test = rel.endurance(tech, cells=20_000, cycles=3000, write="ispp", seed=2).isel(temperature=0)
    for n in (1000, 3000):
        at = float(test["fraction_failed"].sel(cycles=n, method="nearest"))
        n_at = float(test["cycles"].sel(cycles=n, method="nearest"))
        assert at == pytest.approx(1 - (1 - 1e-4) ** (2 * n_at), abs=0.01)


def test_more_pulses_wear_and_a_tolerance_makes_writes_fail() -> None:
    one, three = (endurance(WriteMethod("fixed_pulses", n), cycles=1e6, cells=2000)
                  for n in (1, 9))  # fmt: skip
    window = [float(t["window"][0, -1]) for t in (one, three)]
    closes = sum(TECH[f"endurance.{state}.window_closure"] for state in ("LRS", "HRS"))
    on = TECH["endurance.onset"]
    decades = np.log10((1 + 9e6 / on) / (1 + 1e6 / on))
    assert window[1] / window[0] == pytest.approx(np.exp(-closes * decades))
    loose, tight = (
        endurance(WriteMethod("verify", 3, tolerance=t)).isel(temperature=0, cycles=0)
        for t in (0.0, 1.0)
    )
    assert bool((tight["pulses"] > loose["pulses"]).all())
    assert bool((tight["error_rate"] < tight["write_failures"]).all())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"write": "isp"}, r"did you mean 'ispp'\? allowed: .*single_pulse"),
        ({"write": 7}, "expected a name"),
        ({"write": "ispp", "attempts": 3}, "expected one of them"),
        ({"write": WriteMethod("verify", 5), "method": "every_cycle"}, "allowed 1"),
    ],
)
def test_methods_that_cannot_be_are_refused(arguments, says) -> None:
    with pytest.raises(InputError, match=says):
        endurance(**arguments)
    pcm = rel.load_technology("pcm-mushroom")
    with pytest.raises(InputError, match="no data for it on pcm-mushroom"):
        rel.endurance(pcm, cells=5, cycles=10, write="single_pulse")
    upper = rel.endurance(rel.load_technology("oxram-130nm"), cells=5, cycles=10, write="ISPP")
    assert upper.attrs["write"] == "ispp"
