"""Energy of events: by hand, limits, the measured chip, and where spikes and sums break even."""

import numpy as np
import pytest
import xarray as xr
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
from reliability.technology.nodes import list_nodes, load_node

CARD, COMPONENTS = rel.load_technology("oxram-130nm"), load_components("energy")


def along(axis: str, values, **options) -> xr.Dataset:
    """Points of a sweep, as a study has them."""
    parts = [energy(CARD, COMPONENTS, images=300, **{axis: value}, **options) for value in values]
    return xr.concat(parts, xr.DataArray(list(values), dims=axis, name=axis))


@pytest.fixture(scope="module")
def found():
    return energy(CARD, COMPONENTS, images=300)


@pytest.fixture(scope="module")
def leads():
    return along("lead", (1, 2, 5, 10, 20, 40))


def test_an_event_by_hand() -> None:
    card = CARD.with_values({"programming.LRS.resistance": 10e3, "programming.HRS.resistance": 1e6})
    event = event_energy(card, COMPONENTS, lrs_cells=2, hrs_cells=6)
    # 1.2 V x 50 ns x 0.1 V x (2 / 10 kohm + 6 / 1 Mohm) = 1.236 pJ
    assert event.cells == pytest.approx(1.236e-12, rel=1e-6, abs=0)
    assert event.injector == pytest.approx(1.2 * 50e-9 * 10e-6)
    # two comparators, and 200 fF to 0.5 V at half the cells that fire at each event
    assert event.neuron == pytest.approx(
        1.2 * (50e-9 * 2 * 2e-6 + 200e-15 * 0.5 / 2), rel=1e-6, abs=0
    )
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
    assert event.neuron == pytest.approx(1.2 * 200e-15 * 0.5, rel=1e-6, abs=0)


def test_the_interface_is_shared_by_the_outputs() -> None:
    one, ten = (system_energy(COMPONENTS, load_node("130nm"), 0.0, n) for n in (1, 10))
    assert one == pytest.approx(10 * ten)


def test_bright_inputs_meet_fewer_cells_than_the_mean_weight_has() -> None:
    network = rel.load_network("spirit")
    assert 1 < mean_lrs_cells(network) < np.abs(network.weights).mean()


def test_the_measured_chip_is_met_within_a_factor_of_two(found) -> None:
    assert found["ratio"].sel(check="SPIRIT, synaptic event").item() == pytest.approx(1, abs=0.5)
    system = "SPIRIT, event with logic and SPI"
    assert found["ratio"].sel(check=system).item() == pytest.approx(1, abs=0.5)
    # "up to" five: the model has to lie below, and above one
    assert 1 < found["gain"] < 5
    assert found["ratio"].identical(energy(CARD, COMPONENTS, node="7nm", images=300)["ratio"])


def test_spikes_and_sums_cost_the_same_at_the_break_even(found) -> None:
    resistance = float(found["break_even_resistance"])
    again = energy(CARD, COMPONENTS, lrs_resistance=resistance, images=50)
    assert float(again["gain"]) == pytest.approx(1.0)
    assert float(again["break_even_resistance"]) == pytest.approx(resistance)
    pulse = float(energy(CARD, COMPONENTS, node="7nm", images=50)["break_even_pulse"])
    card = CARD.with_values({"read.pulse_width": pulse})
    short = energy(card, COMPONENTS, node="7nm", images=50)
    assert float(short["gain"]) == pytest.approx(1.0)


def test_sums_gain_from_every_node_and_events_hardly() -> None:
    nodes = along("node", list_nodes()[list_nodes().index("130nm") :])
    macs, events = nodes["mac_energy"], nodes["event_energy"]
    assert (macs.diff("node") < 0).all()
    assert macs[0] / macs[-1] > 50 > 2 > events[0] / events[-1] > 1
    assert (along("lrs_resistance", (2e3, 5e4, 1e6))["gain"].diff("lrs_resistance") > 0).all()


def test_a_lead_costs_events_and_buys_accuracy(leads) -> None:
    assert (leads["activity"].diff("lead") > 0).all()
    assert leads["accuracy"].values[0] < 0.5 < 0.8 < leads["accuracy"].values[3]
    assert np.allclose(leads["activity"] * leads["inference_gain"], leads["gain"])


def test_time_coding_decides_as_well_with_fewer_events(found) -> None:
    early = energy(CARD, COMPONENTS, coding="first_spike", threshold=14, images=300)
    # as well: within the binomial error of 300 images
    assert abs(early["accuracy"] - found["accuracy"]) < 4 * np.sqrt(2 * 0.88 * 0.12 / 300)
    assert early["activity"] < 0.3 * found["activity"]
    assert np.allclose(early["activity"] * early["inference_gain"], early["gain"])


def test_the_published_number_of_events_is_met(found) -> None:
    # 136 input spikes at a lead of ten (Valentian et al., IEDM 2019): another network and encoder
    assert 144 * float(found["activity"]) == pytest.approx(136, rel=0.15)


def test_a_larger_network_pays_more_for_its_weights(found) -> None:
    gains = along("weights", (1000, 1440, 10_000, 1_000_000))["gain"]
    assert (gains.diff("weights") > 0).all()
    assert float(gains[1]) == float(found["gain"])


def test_equal_arguments_equal_results(found) -> None:
    assert energy(CARD, COMPONENTS, images=300).identical(found)


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(rel.InputError, match="one layer on cells with LRS and HRS"):
        energy(rel.load_technology("techB"), COMPONENTS)
