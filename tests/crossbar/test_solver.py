"""The solver against analytic cases, direct solves of the same nodes, and the laws of circuits."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.crossbar import (
    ConvergenceError,
    kernels,
    read_rows,
    solve_crossbar,
)
from reliability.errors import InputError

from .oracle import nodal_solution


def random_array(m, n, seed=0, low=1e-6, high=1e-4):
    rng = np.random.default_rng(seed)
    level = np.where(rng.random((m, n)) < 0.5, low, high)
    return level * rng.lognormal(0, 0.3, (m, n)), 0.2 * rng.random(m)


def currents(*args, **kwargs):
    return solve_crossbar(*args, **kwargs)["output_current"].values


def test_no_line_resistance_is_a_matrix_product():
    g, v = random_array(37, 23)
    out = currents(g, v, word_line_resistance=0.0, bit_line_resistance=0.0)
    assert np.allclose(out, v @ g, rtol=1e-14, atol=0)


@pytest.mark.parametrize("word", [0.0, 3.0])
@pytest.mark.parametrize("bit", [0.0, 5.0])
def test_one_cell_is_a_series_circuit(word, bit):
    out = currents([[1e-4]], [0.3], word_line_resistance=word, bit_line_resistance=bit,
                   source_resistance=70.0, sense_resistance=40.0)  # fmt: skip
    assert out == pytest.approx(0.3 / (1e4 + word + bit + 110), rel=1e-14, abs=0)


def test_one_row_is_a_chain_of_cells():
    g = np.array([1e-4, 3e-5, 7e-5])
    out = currents(g[None, :], [0.2], word_line_resistance=50.0, bit_line_resistance=0.0)
    y = g[2]  # the chain folded from its far end
    y = g[1] + 1 / (50 + 1 / y)
    y = g[0] + 1 / (50 + 1 / y)
    total = 0.2 / (50 + 1 / y)
    assert out.sum() == pytest.approx(total, rel=1e-14, abs=0)
    assert out[0] == pytest.approx((0.2 - 50 * total) * g[0], rel=1e-13, abs=0)


def test_one_column_adds_at_the_bottom():
    g, v = np.array([[1e-4], [2e-4]]), np.array([0.1, 0.3])
    out = currents(g, v, word_line_resistance=0.0, bit_line_resistance=100.0)
    # nodes b0 - b1 - ground
    matrix = np.array([[1e-4 + 0.01, -0.01], [-0.01, 2e-4 + 0.02]])
    b = np.linalg.solve(matrix, g[:, 0] * v)
    assert out[0] == pytest.approx(b[1] * 0.01, rel=1e-12, abs=0)


def test_uniform_continuous_line():
    # a long uniform row on ideal bit lines decays as cosh, from the discrete dispersion relation
    n, g, r = 400, 1e-4, 2.0
    out = currents(np.full((1, n), g), [1.0], word_line_resistance=r, bit_line_resistance=0.0)
    k = np.arccosh(1 + r * g / 2)
    # mirror condition at the end: v_j ~ cosh(k (n - j - 1/2)), and v_{-1} = 1 at the driver
    v = np.cosh(k * (n - np.arange(n) - 0.5)) / np.cosh(k * (n + 0.5))
    assert np.allclose(out / g, v, rtol=1e-11, atol=0)


CIRCUITS = [
    {},
    {"drive": "right", "sense": "top"},
    {"drive": "both", "sense": "both"},
    {"drive": "both", "sense": "bottom", "source": 120.0, "sense_r": 35.0},
    {"bit_v": 0.1, "sense_r": 10.0},
]


@pytest.mark.parametrize("circuit", CIRCUITS)
@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (5, 7), (13, 9), (30, 31)])
@pytest.mark.parametrize("method", ["dense", "sparse"])
def test_equals_a_direct_solve(circuit, shape, method):
    g, v = random_array(*shape, seed=3)
    want, w, b = nodal_solution(g, v, word=7.0, bit=4.0, method=method, **circuit)
    names = {
        "source": "source_resistance",
        "sense_r": "sense_resistance",
        "bit_v": "bit_line_voltage",
    }
    out = solve_crossbar(
        g, v, word_line_resistance=7.0, bit_line_resistance=4.0, fields=True,
        **{names.get(key, key): value for key, value in circuit.items()},
    )  # fmt: skip
    assert np.allclose(out["output_current"], want, rtol=1e-10, atol=1e-13 * abs(want).max())
    assert np.allclose(out["word_line_voltage"], w, rtol=0, atol=1e-12)
    assert np.allclose(out["bit_line_voltage"], b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("r", [1e-9, 1e-3, 1.0, 30.0, 1e3])
@pytest.mark.parametrize(("low", "high"), [(1e-6, 1e-4), (1e-9, 1e-3), (1e-4, 1e-2)])
def test_every_output_to_1e_9(r, low, high):
    g, v = random_array(48, 40, 5, low, high)
    want, _, _ = nodal_solution(g, v, word=r, bit=r)
    assert (
        np.max(np.abs(currents(g, v, word_line_resistance=r, bit_line_resistance=r) / want - 1))
        < 1e-9
    )


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 9), n=st.integers(1, 9), seed=st.integers(0, 999),
    word=st.floats(0.1, 1e4), bit=st.floats(0.1, 1e4), empty=st.floats(0, 1),
)  # fmt: skip
def test_arrays_with_open_cells_and_broken_lines(m, n, seed, word, bit, empty):
    rng = np.random.default_rng(seed)
    g, v = random_array(m, n, seed)
    g[rng.random((m, n)) < empty] = 0.0
    words = np.where(rng.random((m, n + 1)) < 0.1, np.inf, word)
    bits = np.where(rng.random((m + 1, n)) < 0.1, np.inf, bit)
    out = currents(g, v, word_line_resistance=words, bit_line_resistance=bits)
    want, _, _ = nodal_solution(g, v, word=words, bit=bits, method="pseudo")
    assert np.allclose(out, want, rtol=1e-7, atol=1e-8 * (np.abs(v).max() * g.max()))


def test_kirchhoff_at_every_node():
    g, v = random_array(21, 17, 7)
    out = solve_crossbar(g, v, word_line_resistance=9.0, bit_line_resistance=5.0, fields=True)
    w, b, c = (out[k].values for k in ("word_line_voltage", "bit_line_voltage", "cell_current"))
    along = np.diff(np.column_stack([v, w]), axis=1) / -9.0  # current in each word segment
    assert np.allclose(along - np.column_stack([along[:, 1:], np.zeros(21)]), c, atol=1e-15)
    down = np.diff(np.vstack([b, np.zeros(17)]), axis=0) / -5.0
    assert np.allclose(down - np.vstack([np.zeros(17), down[:-1]]), c, atol=1e-15)
    assert out["input_current"].values.sum() == pytest.approx(out["output_current"].values.sum())
    assert out.attrs["residual"] <= 1e-11


def test_superposition_and_vectors_share_an_array():
    g, v = random_array(12, 10, 2)
    u = np.linspace(-0.1, 0.3, 12)
    both = currents(g, np.column_stack([v, u]))
    assert both.shape == (2, 10)
    assert np.allclose(both.sum(axis=0), currents(g, v + u), rtol=1e-11, atol=0)
    assert np.allclose(both[0], currents(g, v), rtol=1e-13, atol=0)


def test_reciprocity():
    g, _ = random_array(8, 11, 4)
    forward = currents(g, np.eye(8))  # (8, 11)
    backward = currents(g.T, np.eye(11), drive="right", sense="top")  # bit lines driven from below
    assert np.allclose(forward, backward.T, rtol=1e-11, atol=0)


def test_floating_lines_carry_no_current():
    g, v = random_array(9, 9, 6)
    source, sense = np.zeros(9), np.zeros(9)
    source[[2, 5]], sense[4] = np.inf, np.inf
    out = solve_crossbar(g, v, source_resistance=source, sense_resistance=sense)
    assert np.max(np.abs(out["input_current"].values[[2, 5]])) < 1e-17
    assert abs(out["output_current"].values[4]) < 1e-17
    want, _, _ = nodal_solution(g, v, source=np.where(source == np.inf, 1e14, 0),
                                sense_r=np.where(sense == np.inf, 1e14, 0))  # fmt: skip
    assert np.allclose(np.delete(out["output_current"], 4), np.delete(want, 4), rtol=1e-9, atol=0)


def test_a_batch_is_its_arrays_whatever_the_threads(monkeypatch):
    monkeypatch.setattr("reliability.crossbar.solver._PARALLEL_ABOVE", 0)
    g = np.stack([random_array(14, 12, k)[0] for k in range(6)]).reshape(2, 3, 14, 12)
    v = np.linspace(0, 0.2, 2 * 3 * 14).reshape(2, 3, 14)
    one, two = currents(g, v, workers=1), currents(g, v, workers=3)
    assert one.shape == (2, 3, 12)
    assert np.array_equal(one, two)
    assert np.array_equal(one[1, 2], currents(g[1, 2], v[1, 2]))


def test_named_dimensions_survive():
    g, v = random_array(4, 3)
    data = xr.DataArray(np.stack([g, g]), dims=("die", "row", "column"), coords={"die": [5, 8]})
    out = solve_crossbar(data, v)
    assert out["output_current"].dims == ("die", "column")
    assert list(out["die"].values) == [5, 8]
    assert out["output_current"].attrs["units"] == "A"


def test_uniform_segments_equal_the_same_given_one_by_one():
    g, v = random_array(9, 7, 1)
    a = currents(
        g, v, word_line_resistance=3.0, bit_line_resistance=2.0, drive="both", sense="both"
    )
    b = currents(g, v, word_line_resistance=np.full((9, 8), 3.0),
                 bit_line_resistance=np.full((10, 7), 2.0), drive="both", sense="both")  # fmt: skip
    assert np.allclose(a, b, rtol=1e-13, atol=0)


def test_rows_read_through_gates_equal_arrays_with_one_row():
    g, _ = random_array(6, 5, 8)
    access = 3000.0
    got = read_rows(
        g,
        0.1,
        word_line_resistance=4.0,
        bit_line_resistance=6.0,
        source_resistance=20.0,
        sense_resistance=15.0,
        access_resistance=access,
    )
    for i in range(6):
        alone = np.zeros_like(g)
        alone[i] = g[i] / (1 + g[i] * access)
        want, _, _ = nodal_solution(
            alone, np.full(6, 0.1), word=4.0, bit=6.0, source=20.0, sense_r=15.0
        )
        assert np.allclose(got[i], want, rtol=1e-10, atol=0)


def test_rows_of_many_arrays_are_those_of_each():
    g = np.stack([random_array(6, 5, k)[0] for k in range(6)]).reshape(2, 3, 6, 5)
    lines = {"word_line_resistance": 4.0, "bit_line_resistance": 6.0, "access_resistance": 900.0}
    both = read_rows(g, 0.1, **lines)
    assert both.shape == g.shape
    assert np.array_equal(both[1, 2], read_rows(g[1, 2], 0.1, **lines))


def test_reads_that_cannot_be_are_refused():
    with pytest.raises(InputError, match=r"conductance: got shape \(2,\), expected \(..., rows"):
        read_rows([1e-4, 1e-4], 0.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"conductance": [[1e-5, np.nan]]}, "conductance: got nan at (0, 1)"),
        ({"conductance": [[1e-5, -1e-5]]}, "conductance: got -1e-05"),
        ({"conductance": [[1e-5 + 0j, 0]]}, "conductance: got complex128"),
        ({"conductance": [[np.inf, 0]]}, "conductance: got inf"),
        ({"conductance": [1e-5, 1e-5]}, "conductance: got shape (2,)"),
        ({"conductance": [["a", "b"]]}, "conductance: got <U1"),
        ({"conductance": [[1.0], [1.0, 2.0]]}, "conductance: not an array"),
        ({"conductance": np.empty((0, 3))}, "conductance: got shape (0, 3)"),
        ({"voltage": [0.1, 0.2]}, "voltage: got shape (2,), expected (1,) or (1, vectors)"),
        ({"voltage": [np.nan]}, "voltage: got nan"),
        ({"word_line_resistance": -1.0}, "word_line_resistance: got -1"),
        ({"word_line_resistance": np.nan}, "word_line_resistance: got nan"),
        ({"bit_line_resistance": [[1.0, 2.0]]}, "bit_line_resistance: got shape (1, 2)"),
        ({"source_resistance": [1.0, 2.0, 3.0]}, "source_resistance: got shape (3,)"),
        ({"sense_resistance": -5}, "sense_resistance: got -5"),
        ({"drive": "lefft"}, "did you mean 'left'"),
        ({"sense": "up"}, "unknown sense 'up'"),
        ({"tolerance": 0.0}, "tolerance: got 0.0"),
    ],
)
def test_bad_input_is_one_line_that_names_the_argument(change, message):
    arguments = {"conductance": [[1e-5, 1e-5]], "voltage": [0.1], **change}
    with pytest.raises(InputError) as caught:
        solve_crossbar(arguments.pop("conductance"), arguments.pop("voltage"), **arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_converged_is_an_error(monkeypatch):
    g, v = random_array(40, 40)
    monkeypatch.setattr("reliability.crossbar.solver._LIMIT", 2)
    with pytest.raises(ConvergenceError, match="did not converge: residual") as caught:
        solve_crossbar(g, v, word_line_resistance=50.0, bit_line_resistance=50.0)
    assert caught.value.residual > 1e-11


def test_ladder_kernels_are_the_inverse_of_their_matrices():
    g, v = random_array(6, 8, 3)
    near, far, b = np.full(6, 11.0), np.full(6, 25.0), np.linspace(0, 1, 48).reshape(6, 8)
    t, w = np.empty((6, 8)), np.empty((6, 8))
    kernels.word_ladder(g, 5.0, near, far, t)
    kernels.word_voltages(g, 5.0, t, near, v, v / far, b, 0.0, np.empty((4, 8)), w)
    for i in range(6):
        line = np.diag(g[i]) + np.diag([1 / 11] + [0] * 7) + np.diag([0] * 7 + [1 / 25])
        for j in range(7):
            line[j : j + 2, j : j + 2] += 0.2 * np.array([[1, -1], [-1, 1]])
        rhs = g[i] * b[i]
        rhs[0] += v[i] / 11
        rhs[-1] += v[i] / 25
        assert np.allclose(w[i], np.linalg.solve(line, rhs), rtol=1e-12, atol=0)


@pytest.mark.slow
def test_growth_of_the_number_of_steps():
    steps = []
    for n in (64, 256, 1024):
        g, v = random_array(n, n, n)
        steps.append(solve_crossbar(g, v).attrs["iterations"])
    assert steps[-1] <= 40
    assert steps == sorted(steps)
