"""Scaling between nodes against the published table, and the limits of digital energies."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.architecture.logic.digital import (
    arithmetic_energy,
    energy_factor,
    mac_energy,
    memory_for_mac_energy,
    memory_read_energy,
)
from reliability.technology.components import load_components
from reliability.technology.nodes import list_nodes, load_node

COMPONENTS = load_components("energy")
NODES = [load_node(name) for name in list_nodes()]


@pytest.mark.parametrize(
    ("old", "new", "factor"),
    [("130nm", "90nm", 2.3), ("130nm", "45nm", 6.4), ("130nm", "7nm", 110), ("65nm", "32nm", 3.3),
     ("45nm", "20nm", 4.7), ("45nm", "7nm", 17), ("14nm", "7nm", 2.9)],
)  # fmt: skip
def test_area_agrees_with_the_published_table_of_ratios(old, new, factor) -> None:
    # rounded to two digits there, each from its own pair
    assert load_node(old).area / load_node(new).area == pytest.approx(factor, rel=0.07)


def test_every_node_is_smaller_faster_and_takes_less_energy_than_the_one_before() -> None:
    for old, new in itertools.pairwise(NODES):
        assert new.area < old.area
        assert new.energy() < old.energy()
        assert new.sram_cell < old.sram_cell
        if (old.name, new.name) != ("32nm", "20nm"):  # slower there at its nominal supply
            assert new.delay() < old.delay()


@pytest.mark.parametrize("node", NODES, ids=lambda node: node.name)
def test_a_lower_supply_saves_energy_and_costs_time(node) -> None:
    low = 0.9 * node.supply
    assert node.energy(low) < node.energy()
    assert node.delay(low) >= node.delay()


def test_operations_cost_what_is_published_where_it_is_published() -> None:
    components = load_components("energy")
    assert energy_factor(components, load_node("45nm"), 0.9) == pytest.approx(1.0)
    at_45 = memory_read_energy(components, load_node("45nm"), 64, 65536, 0.9)
    assert at_45 == pytest.approx(10e-12, abs=0)


@given(weights=st.floats(100, 1e7), bits=st.floats(1, 16))
def test_a_sum_costs_more_with_more_weights_and_bits(weights, bits) -> None:
    components, node = COMPONENTS, load_node("45nm")
    assert mac_energy(components, node, 2 * weights) > mac_energy(components, node, weights)
    assert arithmetic_energy(components, node, 2 * bits) > arithmetic_energy(components, node, bits)


def test_the_memory_for_an_energy_is_the_inverse_of_the_energy() -> None:
    components, node = load_components("energy"), load_node("130nm")
    energy = mac_energy(components, node, 5000)
    capacity = memory_for_mac_energy(components, node, energy)
    assert capacity == pytest.approx(5000 * components["operation.weight_bits"])
    assert memory_for_mac_energy(components, node, 1e-15) == 0


def test_unknown_node() -> None:
    with pytest.raises(rel.InputError, match="did you mean '45nm'"):
        load_node("45 nm")
