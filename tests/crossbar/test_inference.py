"""Tiles and their effective matrices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.crossbar import (
    SinhCell,
    effective_conductance,
    effective_weights,
    linearisation_error,
    solve_crossbar,
    tile_weights,
    untile_weights,
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


@settings(max_examples=30, deadline=None)
@given(
    inputs=st.integers(1, 9),
    outputs=st.integers(1, 9),
    rows=st.integers(1, 7),
    pairs=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_tiling_loses_nothing(inputs, outputs, rows, pairs, seed):
    w = np.random.default_rng(seed).normal(size=(inputs, outputs))
    tiles = tile_weights(w, (rows, 2 * pairs), 1e-6, 1e-4)
    g = tiles["conductance"].values
    assert g.min() >= 1e-6 * (1 - 1e-12)
    assert g.max() <= 1e-4 * (1 + 1e-12)
    assert np.allclose(untile_weights(tiles), w, atol=1e-12)


def test_drop_shrinks_weights_and_more_on_long_lines():
    w = np.random.default_rng(2).uniform(0.5, 1, (64, 32))
    lines = {"word_line_resistance": 2.0, "bit_line_resistance": 2.0}
    small = effective_weights(tile_weights(w, (16, 16), 1e-6, 5e-5), **lines) / w
    large = effective_weights(tile_weights(w, (64, 64), 1e-6, 5e-5), **lines) / w
    assert large.mean() < small.mean() < 1


def test_layer_output_is_the_sum_of_its_tiles():
    rng = np.random.default_rng(3)
    w, x = rng.normal(size=(10, 3)), rng.random(10)
    tiles = tile_weights(w, (4, 6), 2e-6, 8e-5)
    total = np.zeros(6)
    for part in range(3):
        v = np.zeros(4)
        piece = x[4 * part : 4 * part + 4]
        v[: len(piece)] = piece
        total += solve_crossbar(tiles["conductance"].values[part, 0], v)["output_current"].values
    want = (total[0::2] - total[1::2]) * tiles.attrs["scale"]
    assert np.allclose(x @ effective_weights(tiles), want, rtol=1e-9, atol=0)


def test_linearisation_error_grows_with_voltage():
    g = np.random.default_rng(5).uniform(1e-6, 5e-5, (24, 24))
    low = linearisation_error(g, SinhCell(0.2), 0.05, word_line_resistance=20.0)
    high = linearisation_error(g, SinhCell(0.2), 0.5, word_line_resistance=20.0)
    assert 0 < float(low["mean"]) < float(high["mean"])
    assert float(high["low"]) <= float(high["mean"]) <= float(high["high"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tile_weights([[1.0]], (4, 3), 0.0, 1e-4), "tile: got (4, 3)"),
        (lambda: tile_weights([[1.0]], (4, 2), 1e-4, 1e-5), "g_min, g_max"),
        (lambda: tile_weights([1.0], (4, 2), 0.0, 1e-5), "weights: got shape (1,)"),
        (lambda: tile_weights([[np.nan]], (4, 2), 0.0, 1e-5), "weights: got nan"),
        (lambda: effective_conductance([1.0]), "conductance: got shape (1,)"),
        (lambda: effective_conductance([[1.0]], bit_line_voltage=0.1), "bit_line_voltage"),
        (
            lambda: untile_weights(tile_weights([[1.0]], (2, 2), 0.0, 1e-5), [[1.0]]),
            "conductance: got shape (1, 1), expected (1, 1, 2, 2)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
