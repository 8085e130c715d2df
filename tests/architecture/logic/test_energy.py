"""Energy of events: by hand, limits, the measured chip, and where spikes and sums break even."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.architecture.logic.energy import (
    energy,
    event_energy,
    mean_lrs_cells,
    system_energy,
)
from reliability.technology.components import load_components

CARD, COMPONENTS = rel.load_technology("oxram-130nm"), load_components("energy")


@pytest.fixture(scope="module")
def found():
    return energy(CARD, COMPONENTS, images=300)


def test_an_event_by_hand() -> None:
    card = CARD.with_values({"programming.LRS.resistance": 10e3, "programming.HRS.resistance": 1e6})
    event = event_energy(card, COMPONENTS, lrs_cells=2, hrs_cells=6)
    # 1.2 V x 50 ns x 0.1 V x (2 / 10 kohm + 6 / 1 Mohm) = 1.236 pJ
    assert event.cells == pytest.approx(1.236e-12)
    assert event.injector == pytest.approx(1.2 * 50e-9 * 10e-6)
    # two comparators, and 200 fF to 0.5 V at half the cells that fire at each event
    assert event.neuron == pytest.approx(1.2 * (50e-9 * 2 * 2e-6 + 200e-15 * 0.5 / 2))
    assert event.total == event.cells + event.injector + event.neuron


@given(cells=st.floats(0, 8), resistance=st.floats(1e3, 1e7))
def test_more_cells_cost_more_and_higher_resistance_less(cells, resistance) -> None:
    def at(n: float, r: float) -> float:
        return event_energy(CARD, COMPONENTS, lrs_cells=n, hrs_cells=8 - n, lrs_resistance=r).total

    assert at(cells / 2, resistance) <= at(cells, resistance)
    assert at(cells, 2 * resistance) <= at(cells, resistance)


def test_without_a_pulse_only_the_charge_of_the_neuron_is_left() -> None:
    card = CARD.with_values({"read.pulse_width": 0.0})
    event = event_energy(card, COMPONENTS, lrs_cells=4, hrs_cells=4)
    assert event.cells == event.injector == 0
    assert event.neuron == pytest.approx(1.2 * 200e-15 * 0.5)


def test_the_interface_is_shared_by_the_outputs() -> None:
    one, ten = (system_energy(COMPONENTS, 0.0, n) for n in (1, 10))
    assert one == pytest.approx(10 * ten)


def test_bright_inputs_meet_fewer_cells_than_the_mean_weight_has() -> None:
    network = rel.load_network("spirit")
    assert 1 < mean_lrs_cells(network) < np.abs(network.weights).mean()


def test_the_measured_chip_is_met_within_a_factor_of_two(found) -> None:
    assert found["ratio"].sel(check="SPIRIT, synaptic event").item() == pytest.approx(1, abs=0.5)
    system = "SPIRIT, event with logic and SPI"
    assert found["ratio"].sel(check=system).item() == pytest.approx(1, abs=0.5)
    # "up to" five: the model has to lie below, and above one
    assert 1 < found["gain_old"] < 5


def test_spikes_and_sums_cost_the_same_at_the_break_even(found) -> None:
    old = found.isel(node=0)
    resistance = float(old["break_even_resistance"])
    again = energy(
        CARD, COMPONENTS, lrs_resistances=(resistance,), images=50, leads=(1,), thresholds=(6,)
    )
    assert float(again["gain"][0, 0]) == pytest.approx(1.0)
    pulse = float(found["break_even_pulse"])
    short = energy(
        CARD.with_values({"read.pulse_width": pulse}),
        COMPONENTS,
        images=50,
        leads=(1,),
        thresholds=(6,),
    )
    assert float(short["gain_new"]) == pytest.approx(1.0)


def test_sums_gain_from_every_node_and_events_hardly(found) -> None:
    assert (found["mac_energy"].diff("node") < 0).all()
    macs, events = found["mac_energy"], found["node_event_energy"]
    assert macs[0] / macs[-1] > 50 > 2 > events[0] / events[-1] > 1
    assert (found["gain"].diff("lrs_resistance") > 0).all()


def test_a_lead_costs_events_and_buys_accuracy(found) -> None:
    assert (found["activity"].diff("lead") > 0).all()
    assert found["accuracy"].values[0] < 0.5 < 0.8 < found["accuracy"].values[3]
    product = found["activity"] * found["inference_gain"]
    assert np.allclose(product, found["gain_old"])


def test_time_coding_decides_as_well_with_fewer_events(found) -> None:
    early = found.sel(threshold=14)
    rate = found.sel(lead=10)
    # as well: within the binomial error of 300 images
    assert abs(early["time_accuracy"] - rate["accuracy"]) < 4 * np.sqrt(2 * 0.88 * 0.12 / 300)
    assert early["time_activity"] < 0.3 * rate["activity"]
    assert np.allclose(found["time_activity"] * found["time_gain"], found["gain_old"])


def test_the_published_number_of_events_is_met(found) -> None:
    # 136 input spikes at a lead of ten (Valentian et al., IEDM 2019): another network and encoder
    assert 144 * found["activity"].sel(lead=10).item() == pytest.approx(136, rel=0.15)


def test_equal_arguments_equal_results(found) -> None:
    assert energy(CARD, COMPONENTS, images=300).identical(found)


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(rel.InputError, match="one layer on cells with LRS and HRS"):
        energy(rel.load_technology("techB"), COMPONENTS)
