"""Tiles and their effective matrices."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.crossbar import effective_conductance, on_tiles_of, solve_crossbar, tiles
from reliability.crossbar.arguments import wiring
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


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 11), st.integers(1, 11)),
    fractions=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)),
    drive=st.sampled_from(["left", "right", "both"]),
    sense=st.sampled_from(["bottom", "top", "both"]),
    seed=st.integers(0, 999),
)
def test_elimination_finds_what_driving_line_by_line_finds(shape, fractions, drive, sense, seed):
    rng = np.random.default_rng(seed)
    (m, n), g = shape, rng.uniform(1e-6, 1e-3, (2, *shape)) * (rng.random((2, *shape)) < 0.9)
    used = math.ceil(fractions[0] * m), math.ceil(fractions[1] * n)
    circuit = {
        "word_line_resistance": rng.uniform(1, 30, (m, n + 1)) * (rng.random((m, n + 1)) < 0.8),
        "bit_line_resistance": rng.uniform(1, 30, (m + 1, n)) * (rng.random((m + 1, n)) < 0.8),
        "source_resistance": rng.choice([0.0, 50.0, np.inf], m, p=[0.4, 0.5, 0.1]),
        "sense_resistance": rng.choice([0.0, 50.0], (2, n)),
        "drive": drive,
        "sense": sense,
    }
    eliminated = tiles._eliminated(g, wiring(g.shape, **circuit), used, 1)
    one_by_one = effective_conductance(g, used=used, tolerance=1e-13, **circuit)
    assert eliminated == pytest.approx(one_by_one, rel=1e-9, abs=1e-15)


def test_elimination_is_right_to_rounding_whatever_the_ratio_of_lines_and_cells():
    """Beside exact arithmetic with cells of 1 nS to 1 mS and segments of 1 nohm to 1 Mohm."""
    rng = np.random.default_rng(5)
    for _ in range(4):
        g, word, bit = (
            10.0 ** rng.uniform(low, high, shape)
            for low, high, shape in ((-9, -3, (3, 3)), (-9, 6, (3, 4)), (-9, 6, (4, 3)))
        )
        lines = wiring((3, 3), word_line_resistance=word, bit_line_resistance=bit)
        found = tiles._eliminated(g, lines, (3, 3), 1)
        assert found == pytest.approx(exact_couplings(g, word, bit), rel=1e-14)


def exact_couplings(g, word, bit):
    """Kirchhoff's laws in fractions: nodes are word lines, then bit lines; a volt on each row."""
    m, n = g.shape
    nodes = 2 * m * n
    a = [[Fraction(0)] * (nodes + m) for _ in range(nodes)]

    def join(x, y, conductance):
        for one, other in ((x, y), (y, x)):
            a[one][one] += conductance
            a[one][other] -= conductance

    for i, j in itertools.product(range(m), range(n)):
        w, b = i * n + j, m * n + i * n + j
        join(w, b, Fraction(float(g[i, j])))
        if j:
            join(w, w - 1, 1 / Fraction(float(word[i, j])))
        if i:
            join(b, b - n, 1 / Fraction(float(bit[i, j])))
    for i in range(m):
        driver = 1 / Fraction(float(word[i, 0]))
        a[i * n][i * n] += driver
        a[i * n][nodes + i] += driver
    ends = [1 / Fraction(float(bit[m, j])) for j in range(n)]
    for j in range(n):
        a[nodes - n + j][nodes - n + j] += ends[j]
    for k in range(nodes):
        for i in range(nodes):
            if i != k and a[i][k]:
                factor = a[i][k] / a[k][k]
                a[i] = [x - factor * y for x, y in zip(a[i], a[k], strict=True)]
    rows = [[float(ends[j] * a[nodes - n + j][nodes + i] / a[nodes - n + j][nodes - n + j])
             for j in range(n)] for i in range(m)]  # fmt: skip
    return np.array(rows)


def test_full_tiles_are_eliminated_and_their_currents_obey_kirchhoff():
    rng = np.random.default_rng(6)
    g, v = rng.lognormal(np.log(1e-5), 1.0, (2, 41, 45)), rng.uniform(0, 0.2, 41)
    circuit = {"word_line_resistance": 5.0, "bit_line_resistance": 8.0, "sense_resistance": 50.0}
    matrix = effective_conductance(g, workers=2, **circuit)
    want = solve_crossbar(g, np.stack([v, v]), tolerance=1e-13, **circuit)["output_current"]
    assert v @ matrix == pytest.approx(want.values, rel=1e-12)
    assert np.array_equal(matrix, effective_conductance(g, workers=1, **circuit))


@pytest.mark.parametrize("shape", [(5, 4), (41, 42)])
def test_ideal_lines_change_nothing(shape):
    g = np.random.default_rng(0).uniform(0, 1e-4, (2, 3, *shape))
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
