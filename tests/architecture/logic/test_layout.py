"""Footprints, wires and the smallest tile that stacking makes denser."""

import numpy as np
import pytest

import reliability as rel
from reliability.architecture import load_components
from reliability.architecture.logic.layout import STRUCTURES, smallest_tile, tile, wire_length

STACKED = STRUCTURES[1:]


@pytest.fixture(scope="module")
def components():
    return load_components("tiers")


def test_mean_distance_in_a_square() -> None:
    random = np.random.default_rng(3)
    a, b = random.random((2, 200_000, 2)) * 3e-3
    distance = np.abs(a - b).sum(axis=1)
    error = distance.std() / np.sqrt(len(distance))
    assert abs(wire_length(9e-6) - distance.mean()) < 4 * error


@pytest.mark.parametrize("structure", STACKED)
def test_vias_without_pitch_leave_the_larger_part_or_half(components, structure) -> None:
    bare = components.with_values({f"{structure}.pitch": "1e-12 m", "monolithic.overhead": 1.0})
    plane, stacked = (tile(bare, s, 256, 130e-9).footprint for s in ("planar", structure))
    share = bare["tile.logic_share"]
    larger = max(1.0, share) / (1 + share)
    expected = 0.5 if structure == "monolithic" else larger
    assert stacked / plane == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("structure", STACKED)
@pytest.mark.parametrize("share", [0.4, 2.5])
def test_at_the_smallest_tile_the_footprints_are_equal(components, structure, share) -> None:
    here = components.with_values({"tile.logic_share": share, f"{structure}.pitch": "20 um"})
    lines = smallest_tile(here, structure, 130e-9)
    n = round(lines)
    plane, stacked = (tile(here, s, n, 130e-9).footprint for s in ("planar", structure))
    assert stacked / plane == pytest.approx(1.0, abs=2 / n)
    larger = tile(here, structure, 4 * n, 130e-9).footprint
    assert larger < tile(here, "planar", 4 * n, 130e-9).footprint
    assert smallest_tile(here, "planar", 130e-9) == 0


@pytest.mark.parametrize("structure", STACKED)
def test_coarser_vias_never_help(components, structure) -> None:
    tiles = [
        tile(components.with_values({f"{structure}.pitch": p * 1e-6}), structure, 256, 130e-9)
        for p in (0.1, 1, 5, 20)
    ]
    for name in ("footprint", "line", "line_energy"):
        values = [getattr(t, name) for t in tiles]
        assert values == sorted(values)


def test_energy_of_a_line_is_that_of_its_capacitance(components) -> None:
    here = components.with_values({"wire.voltage": 2.0, "hybrid.capacitance": "3 fF"})
    found = tile(here, "hybrid", 128, 130e-9)
    expected = 0.5 * 4.0 * (here["wire.capacitance"] * found.line + 3e-15)
    assert found.line_energy == pytest.approx(expected, rel=1e-6, abs=0)


def test_an_unknown_structure_is_named(components) -> None:
    with pytest.raises(rel.InputError, match="unknown structure 'monolitic'; did you mean"):
        tile(components, "monolitic", 128, 130e-9)
