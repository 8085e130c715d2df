"""Layouts, their heat and what it costs: limits, borders, the suite's own ageing."""

import warnings

import numpy as np
import pytest

import reliability as rel
from reliability.architecture import load_components, tiers
from reliability.architecture.logic.layout import STRUCTURES
from reliability.devices.verify import Verify
from reliability.population.cycling import best_reference

SMALL = {"chips": 1, "images": 100, "cells": 1000, "temperatures": (318.15, 358.15, 398.15, 473.15)}


@pytest.fixture(scope="module")
def card() -> rel.Technology:
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def components():
    return load_components("tiers")


@pytest.fixture(scope="module")
def data(card, components):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # beyond 125 degC
        return tiers(card, components, **SMALL, seed=3)


def test_without_power_the_memory_is_at_ambient(card, components) -> None:
    cold = tiers(card, components, **{**SMALL, "temperatures": (318.15, 338.15)},
                 power_densities=("1e-6 W/m^2", "2e-6 W/m^2"))  # fmt: skip
    assert np.ptp(cold["temperature"].values) < 1e-6
    assert float(cold["temperature"].max()) == pytest.approx(318.15)
    assert cold["accuracy"].values == pytest.approx(float(cold["accuracy_at"][0]))


def test_temperature_is_linear_in_power_and_the_hottest_place_above_the_mean(data) -> None:
    rise = data["temperature"] - 318.15
    per_power = rise / data["power_density"]
    assert np.ptp((per_power / per_power.isel(power_density=0)).values) < 1e-9
    assert bool((data["hottest_temperature"] >= data["temperature"]).all())
    assert bool((rise.sel(cooling="package") > rise.sel(cooling="heat_sink")).all())


def test_the_smaller_footprint_is_hotter_where_the_stack_matters(data) -> None:
    hottest = data["hottest_temperature"].sel(cooling="heat_sink").isel(power_density=-1)
    for name in ("hybrid", "monolithic"):
        assert hottest.sel(structure=name) > hottest.sel(structure="planar")


def test_at_the_limit_of_power_the_hottest_place_is_at_the_limit_of_temperature(data) -> None:
    per_power = (data["hottest_temperature"] - 318.15).isel(power_density=0)
    per_power = per_power / float(data["power_density"][0])
    reached = 318.15 + data["power_limit"] * per_power
    assert reached.values == pytest.approx(float(data["temperature_limit"]))
    lost = np.interp(
        float(data["temperature_limit"]), data["grid_temperature"], data["accuracy_at"]
    )
    assert float(data["accuracy_at"][0]) - lost == pytest.approx(0.01, abs=1e-9)


def test_looked_up_values_are_those_of_the_grid(data) -> None:
    at = data["hottest_temperature"].values
    inside = at <= float(data["grid_temperature"][-1])
    assert inside.any()
    assert not inside.all()
    for name in ("accuracy", "bit_error_rate"):
        values = data[name].values
        assert np.isnan(values[~inside]).all()
        assert np.isfinite(values[inside]).all()


def test_bit_errors_are_those_of_the_suites_own_ageing(card, data) -> None:
    verify = Verify("10 kohm", "40 kohm", 10)
    state = ["LRS"] * 1000 + ["HRS"] * 1000
    cells = rel.sample_population(card, state=state, cells=2000, verify=verify, seed=3, lot=1)
    old = rel.age(cells, rel.MissionProfile.constant("10 years", 358.15, 1e8))
    low = old["conductance"].values.ravel() < best_reference(card)
    wrong = (low == (np.array(state) == "LRS")).mean()
    found = data.sel(grid_temperature=358.15)
    assert float(found["error_rate_at"]) == pytest.approx(wrong)
    assert float(found["error_rate_low"]) <= wrong <= float(found["error_rate_high"])


def test_heat_costs_bits_and_accuracy(data) -> None:
    assert (np.diff(data["error_rate_at"]) > 0).all()
    assert float(data["accuracy_at"][-1]) < float(data["accuracy_at"][0]) - 0.3
    assert float(data["fresh_accuracy"]) >= float(data["accuracy_at"][0]) - 0.02
    assert any("read_disturb" in note for note in data.attrs["warnings"])


def test_layouts_in_the_study_are_those_of_the_sheet(data) -> None:
    plane = data.sel(structure="planar")
    assert float(plane["footprint"]) == pytest.approx(25e-6)
    ratio = data["density"] * data["footprint"]
    assert ratio.values == pytest.approx(float(ratio[0]))  # the same cells
    assert list(data["structure"].values) == list(STRUCTURES)
    assert set(data.attrs["headline"]) <= set(data.data_vars)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"network": "mobilenet-mnist"}, "expected a network of one layer"),
        ({"temperatures": [300.0]}, "temperatures: got .300.0., expected two or more rising"),
        ({"power_densities": (2.0, 1.0)}, "power_densities: got"),
        ({"chip_area": "3 mm"}, "chip_area: got '3 mm', which is not in units of m"),
    ],
)
def test_what_cannot_be_right_is_named(card, components, options, says) -> None:
    with pytest.raises(rel.InputError, match=says) as error:
        tiers(card, components, **{**SMALL, **options})
    assert "\n" not in str(error.value)


def test_a_card_of_levels_is_refused(components) -> None:
    with pytest.raises(rel.InputError, match="pcm-joshi has no two states"):
        tiers(rel.load_technology("pcm-joshi"), components)
