"""Tiles and their effective matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.crossbar import (
    effective_conductance,
    on_tiles_of,
    solve_crossbar,
)
from reliability.errors import InputError


@pytest.mark.parametrize("shape", [(6, 9), (9, 6)])
@pytest.mark.parametrize(
    "circuit",
    [
        {},
        {"drive": "right", "sense": "both", "source_resistance": 90.0},
        {"sense_resistance": np.linspace(0, 50, 9), "word_line_resistance": 0.0},
    ],
)
def test_effective_matrix_gives_the_currents(shape, circuit):
    rng = np.random.default_rng(1)
    g, v = rng.uniform(1e-6, 1e-4, shape), rng.uniform(-0.1, 0.2, shape[0])
    circuit = {"word_line_resistance": 30.0, "bit_line_resistance": 12.0, **circuit}
    if np.ndim(circuit.get("sense_resistance", 0.0)):
        circuit["sense_resistance"] = circuit["sense_resistance"][: shape[1]]
    want = solve_crossbar(g, v, **circuit)["output_current"]
    assert np.allclose(v @ effective_conductance(g, **circuit), want, rtol=1e-10, atol=1e-18)


def test_effective_matrix_with_single_segments():
    rng = np.random.default_rng(4)
    g = rng.uniform(1e-6, 1e-4, (7, 4))  # fewer columns: solved from the other side
    circuit = {
        "word_line_resistance": rng.uniform(1, 30, (7, 5)),
        "bit_line_resistance": rng.uniform(1, 30, (8, 4)),
    }
    want = solve_crossbar(g, np.eye(7), **circuit)["output_current"]
    assert np.allclose(effective_conductance(g, **circuit), want, rtol=1e-10, atol=0)


def test_ideal_lines_change_nothing():
    g = np.random.default_rng(0).uniform(0, 1e-4, (2, 3, 5, 4))
    ideal = {"word_line_resistance": 0.0, "bit_line_resistance": 0.0}
    assert np.allclose(effective_conductance(g, **ideal), g, rtol=1e-13, atol=1e-20)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9),
    groups=st.integers(1, 5),
    group=st.integers(1, 3),
    down=st.integers(1, 7),
    across=st.integers(3, 8),
    seed=st.integers(0, 99),
)
def test_each_cell_is_read_in_place_among_those_of_its_tile(
    rows, groups, group, down, across, seed
):
    g = np.random.default_rng(seed).uniform(1, 2, size=(2, rows, groups * group))
    seen = []

    def read(tiles):
        seen.append(tiles)
        return 2 * tiles

    assert np.array_equal(on_tiles_of(g, (down, across), 0.5, read, group), 2 * g)
    (tiles,) = seen
    assert tiles.shape[-2:] == (down, across)
    assert np.isclose(tiles[tiles != 0.5].sum(), g.sum())  # the others are unused
    width = across // group * group
    assert np.array_equal(
        tiles[:, 0, 0, :rows, :width][:, :, : groups * group], g[:, :down, :width]
    )


def test_ir_drop_is_larger_on_long_lines():
    g = np.random.default_rng(2).uniform(2.5e-5, 5e-5, (64, 32))
    lines = {"word_line_resistance": 2.0, "bit_line_resistance": 2.0}
    small, large = (
        on_tiles_of(g, (size, size), 1e-6, lambda tiles: effective_conductance(tiles, **lines)) / g
        for size in (16, 64)
    )
    assert large.mean() < small.mean() < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: effective_conductance([1.0]), "conductance: got shape (1,)"),
        (lambda: effective_conductance([[1.0]], bit_line_voltage=0.1), "bit_line_voltage"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("used", [(3, 7), (9, 2), (9, 7), (4, 4)])
def test_lines_in_use_alone_are_solved_and_the_others_conduct(used) -> None:
    """A tile that is used in part is that part of the whole tile, whichever side is driven."""
    rng = np.random.default_rng(8)
    g = rng.lognormal(np.log(1e-5), 1.0, (2, 9, 7))
    circuit = {"word_line_resistance": 20.0, "bit_line_resistance": 30.0, "sense_resistance": 50.0,
               "source_resistance": 40.0}  # fmt: skip
    rows, columns = used
    part = effective_conductance(g, used=used, **circuit)
    whole = effective_conductance(g, **circuit)
    assert part == pytest.approx(whole[:, :rows, :columns], rel=1e-10)
    with pytest.raises(InputError, match=r"used: got \(10, 7\), allowed 1 to 9 rows"):
        effective_conductance(g, used=(10, 7), **circuit)
