"""Plainly wrong arguments: one line that names the argument, never a traceback of another package.

One test for all, because the things that they are passed beside are what takes time.
"""

import pytest

import reliability as rel

YEAR = "1 year"


def test_wrong_arguments_are_refused_in_one_line(tmp_path) -> None:
    card, net = rel.load_technology("oxram-130nm"), rel.load_network("spirit")
    deep = rel.load_network("mobilenet-mnist")
    cells = rel.sample_population(card, cells=20, seed=1)
    mission = rel.MissionProfile.constant(YEAR)
    whole = {"cells": 5, "cycles": 10}
    refused = [
        # the name of a thing instead of the thing
        ("technology: got 'x'", lambda: rel.sample_population("x")),
        ("technology: got None", lambda: rel.programming_window(None)),
        ("technology", lambda: rel.set_conditions("x", reset_voltage="2 V")),
        ("technology", lambda: rel.sampled_error_rate("x", "LRS", 1e-4)),
        ("technology", lambda: rel.best_reference("x")),
        ("technology", lambda: rel.endurance("x")),
        ("technology", lambda: rel.sample_cycles("x", **whole)),
        ("technology", lambda: rel.crossbar_limit("x", "output_error", 0.3)),
        ("technology", lambda: rel.resistance_levels("x", [5e3], [10])),
        ("technology", lambda: rel.sample_chips("x", net, chips=1)),
        ("technology", lambda: rel.pair_error_rate("x")),
        ("technology", lambda: rel.attribute_loss(net, "x")),
        ("technology", lambda: rel.write_technology("x", tmp_path / "x.toml")),
        ("network: got 5", lambda: rel.evaluate(5)),
        ("network", lambda: rel.map_weights(None)),
        ("network", lambda: rel.sample_chips(card, "spirit", chips=1)),
        ("network", lambda: rel.compare_codings("spirit")),
        ("network: got a Network", lambda: rel.bit_error_tolerance(net, [0.1])),
        ("cells: got 'x'", lambda: rel.evaluate(net, "x", chips=1)),
        ("profile: got '1 year'", lambda: rel.age(cells, YEAR)),
        ("profile", lambda: rel.evaluate(net, card, chips=1, images=5, profile=YEAR)),
        ("profile", lambda: rel.evaluate(deep, card, chips=1, images=5, profile=YEAR)),
        ("tiling: got a dict", lambda: rel.evaluate(deep, images=5, tiling={"rows": 64})),
        ("tiling: got a Technology", lambda: rel.map_network(deep, card)),
        ("verify: got True", lambda: rel.sample_population(card, verify=True)),
        ("study: got 'spirit'", lambda: rel.plan_study("spirit")),
        ("study: got 'spirit'", lambda: rel.run_study("spirit", tmp_path / "out")),
        ("compare: got 1 folder", lambda: rel.compare_studies("out")),
        # a population that is none, or lost something
        ("population: got a Technology", lambda: rel.age(card, mission)),
        ("population: got a DataArray", lambda: rel.age(cells["conductance"], mission)),
        ("population: got a Dataset of other", lambda: rel.age(cells.drop_attrs(), mission)),
        ("population: got a Dataset of other", lambda: rel.read_cells(cells[["defect"]])),
        ("population: got no cell", lambda: rel.age(cells.isel(cell=[]), mission)),
        ("result: got 5", lambda: rel.accuracy_variability(5)),
        ("data: got 5", lambda: rel.evaluate(net, card, chips=1, data=5)),
        # numbers that cannot be
        ("seed: got 1.5, expected an integer", lambda: rel.sample_population(card, seed=1.5)),
        ("seed: got 'a'", lambda: rel.evaluate(net, card, chips=1, images=5, seed="a")),
        ("seed: got None", lambda: rel.sample_population(card, seed=None)),
        ("dtype: got int64", lambda: rel.sample_population(card, dtype="int64")),
        ("chips: got 0", lambda: rel.sample_chips(card, net, chips=0)),
        ("cycles: got -5", lambda: rel.sample_cycles(card, cells=5, cycles=-5)),
        ("wafer: got -1", lambda: rel.sample_cycles(card, **whole, wafer=-1)),
        ("temperature: got no value", lambda: rel.endurance(card, cells=5, temperature=[])),
        ("reference: got -1", lambda: rel.sampled_error_rate(card, "LRS", -1)),
        ("samples: got 0", lambda: rel.sampled_error_rate(card, "LRS", 1e-4, samples=0)),
        ("got no value", lambda: rel.resistance_levels(card, [], [10])),
        ("not in units of ohm", lambda: card.with_values({"programming.LRS.resistance": "1 V"})),
        ("stress temperature: got a value that is not positive", lambda: rel.fit_lifetime(
            [1, 2, 3, 4], stress={"temperature": [-5, 25, 85, 85]}, acceleration="arrhenius")),
    ]  # fmt: skip
    for says, call in refused:
        with pytest.raises(rel.InputError) as error:
            call()
        assert says in str(error.value)
        assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_number_that_looks_like_degrees_celsius_is_told() -> None:
    """25 K can be meant, so it is no error; a text with a unit is always taken at its word."""
    card = rel.load_technology("oxram-130nm")
    cells = rel.sample_population(card, cells=5, seed=1)
    with pytest.warns(UserWarning, match=r"temperature: got 25 without a unit, which is in K"):
        rel.read_cells(cells, temperature=25)
    with pytest.warns(UserWarning, match=r"-248 °C \(a number without a unit is in K\)"):
        rel.age(cells, rel.MissionProfile.constant(YEAR, temperature=25))
    with pytest.warns(UserWarning, match="without a unit"):
        rel.fit_lifetime(
            [1, 2, 3, 4], stress={"temperature": [25, 25, 85, 85]}, acceleration="arrhenius"
        )
    assert card.with_values({"read.voltage": "200 mV"})["read.voltage"] == pytest.approx(0.2)
