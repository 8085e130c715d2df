"""Layouts, their heat and what it costs: limits, borders, the suite's own ageing."""

import warnings

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.architecture import load_components, tiers
from reliability.architecture.logic.layout import STRUCTURES
from reliability.devices.verify import Verify
from reliability.network import sample_chips
from reliability.population.cycling import best_reference
from reliability.statistics import clopper_pearson, clustered_proportion, crossed_mean, wilson

SMALL = {"chips": 1, "images": 100, "cells": 1000, "temperatures": (318.15, 358.15, 398.15, 473.15)}


@pytest.fixture(scope="module")
def card() -> rel.Technology:
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def components():
    return load_components("tiers")


def at(card, components, **options) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beyond 125 degC
        return tiers(card, components, **{**SMALL, **options}, seed=3)


@pytest.fixture(scope="module")
def data(card, components):
    return at(card, components)


def test_without_power_the_memory_is_at_ambient(card, components) -> None:
    cold = at(card, components, power_density=0.0)
    assert float(cold["temperature"]) == float(cold["hottest_temperature"]) == 318.15
    assert float(cold["accuracy"]) == float(cold["accuracy_at"][0])


@pytest.mark.parametrize("structure", STRUCTURES)
def test_temperature_is_linear_in_power_and_the_hottest_place_above_the_mean(
    card, components, structure
) -> None:
    package, sink, twice = (
        at(card, components, structure=structure, cooling=cooling, power_density=power)
        for cooling, power in (("package", 1e4), ("heat_sink", 1e4), ("heat_sink", "2 W/cm^2"))
    )
    assert float(twice["temperature"]) - 318.15 == pytest.approx(
        2 * (float(sink["temperature"]) - 318.15)
    )
    assert float(sink["hottest_temperature"]) >= float(sink["temperature"])
    assert float(package["temperature"]) > float(sink["temperature"])


def test_the_smaller_footprint_is_hotter_where_the_stack_matters(card, components) -> None:
    hottest = {
        name: float(at(card, components, structure=name, cooling="heat_sink", power_density=1e6)
                    ["hottest_temperature"])
        for name in STRUCTURES
    }  # fmt: skip
    assert hottest["planar"] < hottest["hybrid"]
    assert hottest["planar"] < hottest["monolithic"]


def test_at_the_limit_of_power_the_hottest_place_is_at_the_limit_of_temperature(
    card, components, data
) -> None:
    limit = float(data["temperature_limit"])
    there = at(card, components, power_density=float(data["power_limit"]))
    assert float(there["hottest_temperature"]) == pytest.approx(limit)
    lost = np.interp(limit, data["grid_temperature"], data["accuracy_at"])
    assert float(data["accuracy_at"][0]) - lost == pytest.approx(0.01, abs=1e-9)


def test_looked_up_values_are_those_of_the_grid(card, components, data) -> None:
    for name in ("accuracy", "bit_error_rate"):
        assert np.isfinite(float(data[name]))
        assert np.isnan(float(at(card, components, power_density=1e6)[name]))  # above 200 degC


def test_bit_errors_are_those_of_the_suites_own_ageing(card, data) -> None:
    """Of a hundred cells of each state on each of ten wafers; the interval is that over wafers."""
    verify = Verify("10 kohm", "40 kohm", 10)
    state = ["LRS"] * 100 + ["HRS"] * 100
    cells = rel.sample_population(card, state=state, wafers=10, cells=200, verify=verify, seed=3,
                                  lot=1)  # fmt: skip
    old = rel.age(cells, rel.MissionProfile.constant("10 years", 358.15, 1e8))
    low = old["conductance"].values.reshape(10, 200) < best_reference(card)
    wrong = (low == (np.array(state) == "LRS")).sum(axis=1)
    found = data.sel(grid_temperature=358.15)
    assert float(found["error_rate_at"]) == pytest.approx(wrong.sum() / 2000)
    ends = clustered_proportion(wrong, 200)
    assert float(found["error_rate_low"]) == pytest.approx(float(ends.low))
    assert float(found["error_rate_high"]) == pytest.approx(float(ends.high))
    plain = clopper_pearson(wrong.sum(), 2000)
    assert float(ends.high - ends.low) > float(plain.high - plain.low)


def test_the_interval_of_the_accuracy_is_that_over_chips_and_images(card, components) -> None:
    few, net = (
        at(card, components, chips=3, temperatures=(318.15, 473.15)),
        rel.load_network("spirit"),
    )
    fresh = sample_chips(card, net, chips=3, verify=Verify("10 kohm", "40 kohm", 10), seed=3)
    for k, kelvin in enumerate((318.15, 473.15)):
        old = rel.age(fresh, rel.MissionProfile.constant("10 years", kelvin, 1e8))
        right = rel.evaluate(net, old, images=100, seed=3)["correct"].values.reshape(3, 100)
        own = crossed_mean(right)
        ends = [float(few[f"accuracy_{end}"][k]) for end in ("at", "low", "high")]
        assert ends == pytest.approx([own.mean, own.low, own.high])
        assert ends[2] - ends[1] > 0.7 * np.ptp(wilson(right.sum(), 300))


def test_heat_costs_bits_and_accuracy(data) -> None:
    assert (np.diff(data["error_rate_at"]) > 0).all()
    assert float(data["accuracy_at"][-1]) < float(data["accuracy_at"][0]) - 0.3
    assert float(data["fresh_accuracy"]) >= float(data["accuracy_at"][0]) - 0.02
    assert any("read_disturb" in note for note in data.attrs["warnings"])


def test_layouts_hold_the_same_cells(card, components) -> None:
    found = [at(card, components, structure=name) for name in STRUCTURES]
    assert float(found[0]["footprint"]) == pytest.approx(25e-6)
    cells = [float(one["density"] * one["footprint"]) for one in found]
    assert cells == pytest.approx([cells[0]] * len(cells))
    assert float(found[0]["footprint_ratio"]) == 1.0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"network": "mobilenet-mnist"}, "expected a network of one layer"),
        ({"temperatures": [300.0]}, "temperatures: got .300.0., expected two or more rising"),
        ({"power_density": -1.0}, "power_density: got -1"),
        ({"cooling": "fan"}, "unknown cooling 'fan'"),
        ({"structure": "plane"}, "unknown structure 'plane'; did you mean 'planar'"),
        ({"chip_area": "3 mm"}, "chip_area: got '3 mm', which is not in units of m"),
    ],
)
def test_what_cannot_be_right_is_named(card, components, options, says) -> None:
    with pytest.raises(rel.InputError, match=says) as error:
        tiers(card, components, **{**SMALL, **options})
    assert "\n" not in str(error.value)


def test_a_card_of_levels_is_refused(components) -> None:
    with pytest.raises(rel.InputError, match="got spirit on pcm-joshi, expected"):
        tiers(rel.load_technology("pcm-joshi"), components)
