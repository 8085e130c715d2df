"""Cores: published areas, deadlines, limits in the number of classes."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.architecture.logic.area import (
    Task,
    area,
    area_border,
    cell_area,
    neuron_area,
    parallel,
    shared_analog,
    shared_digital,
)
from reliability.architecture.logic.digital import energy_factor
from reliability.architecture.logic.energy import event_energy, mean_lrs_cells
from reliability.technology.components import load_components
from reliability.technology.nodes import list_nodes, load_node

CARD, COMPONENTS = rel.load_technology("oxram-130nm"), load_components("area")
CORES = (parallel, shared_analog, shared_digital)


@pytest.fixture(scope="module")
def found():
    """A sweep over nodes and classes, as a study has it."""
    nodes, classes = ["130nm", "32nm", "7nm"], [1, 3, 10, 30, 100, 1000, 10000]
    rows = [
        xr.concat(
            [area(CARD, COMPONENTS, node=node, classes=n) for n in classes],
            xr.DataArray(classes, dims="classes", name="classes"),
        )
        for node in nodes
    ]
    return area_border(xr.concat(rows, xr.DataArray(nodes, dims="node", name="node")))


@pytest.mark.parametrize(
    "check",
    ["ODIN, core (SRAM and logic)", "ODIN, synapse of 4 bits", "28 nm FDSOI, 1T1R cell",
     "65 nm, digital over analog neuron"],
)  # fmt: skip
def test_published_areas_are_met_within_a_factor_of_two(found, check) -> None:
    assert 0.5 < found["ratio"].sel(check=check).values.flat[0] < 2


@given(
    node=st.sampled_from(list_nodes()),
    inputs=st.integers(1, 1000),
    classes=st.integers(1, 3000),
    deadline=st.floats(1e-3, 1.0),
)
def test_a_core_meets_its_deadline(node, inputs, classes, deadline) -> None:
    task = Task(inputs, classes, deadline, 8, 300.0)
    for core in (make(CARD, COMPONENTS, load_node(node), task) for make in CORES):
        assert core.latency <= deadline * (1 + 1e-9)
        assert min(core.area, core.energy, core.leakage) > 0


def test_a_core_that_is_too_slow_is_no_core() -> None:
    core = parallel(CARD, COMPONENTS, load_node("130nm"), Task(144, 10, 1e-6, 8, 300.0))
    assert core.area == core.energy == np.inf


def test_one_class_leaves_nothing_to_share() -> None:
    task = Task(144, 1, 1e-3, 8, 300.0)
    assert parallel(CARD, COMPONENTS, load_node("90nm"), task) == shared_analog(
        CARD, COMPONENTS, load_node("90nm"), task
    )


def test_a_class_costs_its_cells_and_its_neuron() -> None:
    node = load_node("65nm")
    one, two = (
        parallel(CARD, COMPONENTS, node, Task(100, n, 1e-3, 8, 300.0)).area for n in (50, 51)
    )
    cells = 100 * 8 * cell_area(COMPONENTS, node) / COMPONENTS["cell.efficiency"]
    assert two - one == pytest.approx(cells + neuron_area(COMPONENTS, node))


def test_an_event_costs_what_it_does_in_the_network_of_the_chip() -> None:
    lrs, node = mean_lrs_cells(rel.load_network("spirit")), load_node("130nm")
    event = event_energy(CARD, COMPONENTS, lrs_cells=lrs, hrs_cells=8 - lrs).total
    logic = (
        COMPONENTS["logic.additions"]
        * COMPONENTS["operation.add_32_bits"]
        * energy_factor(COMPONENTS, node)
    )
    expected = COMPONENTS["events.activity"] * 144 * (10 * event + logic)
    core = parallel(CARD, COMPONENTS, node, Task(144, 10, 1e-3, 8, 300.0))
    assert core.energy == pytest.approx(expected, rel=0.02, abs=0)


def test_without_hurry_one_multiplier_does_and_more_are_made_for_haste() -> None:
    node = load_node("130nm")
    slow, fast = (
        shared_digital(CARD, COMPONENTS, node, Task(144, 1000, t, 8, 300.0)) for t in (1.0, 1e-5)
    )
    assert slow.latency > 1e-4 > 1e-5 >= fast.latency
    assert slow.area < fast.area
    assert slow.energy == fast.energy


def test_cells_stop_shrinking_and_capacitors_do_not_shrink() -> None:
    assert cell_area(COMPONENTS, load_node("7nm")) == COMPONENTS["cell.smallest"]
    assert cell_area(COMPONENTS, load_node("130nm")) == pytest.approx(
        48 * 130e-9**2, rel=1e-6, abs=0
    )
    assert (
        neuron_area(COMPONENTS, load_node("7nm")) > 200e-15 / COMPONENTS["analog.capacitor_density"]
    )


def test_all_cores_grow_with_classes_and_shrink_with_the_node(found) -> None:
    assert (found["area"].diff("classes") > 0).all()
    assert (found["area"].diff("node") < 0).all()


def test_up_to_the_border_the_parallel_core_is_the_smallest(found) -> None:
    for node in found["node"].values:
        here = found.sel(node=node)
        inside = found["classes"].values <= float(here["area_border"]) * (1 + 1e-9)
        own, least = here["area"].sel(core="parallel"), here["area"].isel(core=[1, 2]).min("core")
        assert (own.values[inside] <= least.values[inside] * (1 + 1e-9)).all()
        assert own.values[inside.sum()] > least.values[inside.sum()]


def test_the_chip_with_ten_classes_lies_inside_the_border_at_its_node(found) -> None:
    assert 10 < found["area_border"].sel(node="130nm") < 100
    assert found["area_border"].sel(node="7nm") < 10


def test_one_point_has_no_border() -> None:
    point = area(CARD, COMPONENTS)
    assert area_border(point) is point


def test_what_it_is_not_for_is_refused() -> None:
    with pytest.raises(rel.InputError, match="no LRS and HRS"):
        area(rel.load_technology("techB"), COMPONENTS)
