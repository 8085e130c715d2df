"""Cell models and Newton's method, against root finders and numerical derivatives."""

import numpy as np
import pytest
from scipy.optimize import brentq, root

from reliability.crossbar import (
    ConvergenceError,
    PolynomialCell,
    SelectorCell,
    SinhCell,
    TransistorCell,
    cell_model,
    solve_crossbar,
)
from reliability.errors import InputError

MODELS = [
    SinhCell(0.15),
    PolynomialCell(0.3, 4.0),
    TransistorCell(5e-4, 0.4),
    SelectorCell(1e-8, 0.06),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_slope_is_the_derivative(model):
    g = np.repeat([1e-6, 2e-5, 3e-4], 21)
    v = np.tile(np.linspace(-0.63, 0.61, 21), 3)
    if isinstance(model, PolynomialCell):
        v = np.abs(v)  # its fit holds at read polarity
    h = 1e-5
    numeric = (model(g, v + h)[0] - model(g, v - h)[0]) / (2 * h)
    assert np.allclose(model(g, v)[1], numeric, rtol=2e-5, atol=1e-13)


@pytest.mark.parametrize("voltage", [0.02, 0.3, 3.0])
@pytest.mark.parametrize("g", [1e-5, 4e-4])
def test_a_transistor_in_series_solves_its_circuit_at_both_polarities(g, voltage):
    """Square law with the overdrive at the lower terminal: the current is odd in the voltage."""

    def excess(drop):
        inside = min(drop, 0.4)  # beyond, saturated
        return 5e-4 * (0.4 * inside - inside**2 / 2) - g * (voltage - drop)

    want = g * (voltage - brentq(excess, 0, voltage, xtol=1e-16, rtol=1e-14))
    found, _ = TransistorCell(5e-4, 0.4)(np.full(2, g), np.array([voltage, -voltage]))
    assert found == pytest.approx([want, -want], rel=1e-9)


def test_series_models_solve_their_circuits():
    for g in (1e-6, 1e-4):
        for v in (0.05, 0.4, 1.5):
            cell = SelectorCell(1e-8, 0.06)
            drop = lambda i: i / g + 0.06 * np.arcsinh(i / 1e-8) - v  # noqa: E731, B023
            want = brentq(drop, 0, v * g, xtol=1e-30, rtol=1e-14)
            assert cell(np.array([g]), np.array([v]))[0][0] == pytest.approx(want, rel=1e-10, abs=0)
    model, slope = SelectorCell(1e-8, 0.06)(np.zeros(2), np.array([0.0, 1.0]))
    assert not model.any()
    assert not slope.any()


def full_residual(x, g, v, model, r):
    """Kirchhoff's current law at every node; driven at the left, sensed at the bottom."""
    m, n = g.shape
    w, b = x.reshape(2, m, n)
    cell = model(g, w - b)[0]
    along = -np.diff(np.column_stack([v, w, w[:, -1]]), axis=1) / r
    down = -np.diff(np.vstack([b[0], b, np.zeros(n)]), axis=0) / r
    return np.concatenate([(along[:, :-1] - along[:, 1:] - cell).ravel(),
                           (down[:-1] - down[1:] + cell).ravel()])  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: type(model).__name__)
def test_array_equals_a_general_root_finder(model):
    rng = np.random.default_rng(2)
    g, v = rng.uniform(1e-6, 2e-4, (4, 3)), rng.uniform(0.2, 0.6, 4)
    out = solve_crossbar(
        g, v, word_line_resistance=60.0, bit_line_resistance=60.0, cell=model, fields=True
    )
    x = np.concatenate(
        [out["word_line_voltage"].values.ravel(), out["bit_line_voltage"].values.ravel()]
    )
    assert np.max(np.abs(full_residual(x, g, v, model, 60.0))) < 1e-14
    start = np.concatenate([np.repeat(v, 3), np.zeros(12)])
    found = root(full_residual, start, (g, v, model, 60.0), tol=1e-14)
    current = model(g, (found.x[:12] - found.x[12:]).reshape(4, 3))[0].sum(axis=0)
    assert np.allclose(out["output_current"], current, rtol=1e-7, atol=0)


def test_a_linear_model_gives_the_linear_answer():
    rng = np.random.default_rng(1)
    g, v = rng.uniform(1e-6, 1e-4, (20, 20)), rng.uniform(0, 0.2, 20)
    linear = solve_crossbar(g, v)["output_current"]
    for model in (PolynomialCell(0.0, 0.0), SinhCell(1e5)):
        assert np.allclose(
            solve_crossbar(g, v, cell=model)["output_current"], linear, rtol=1e-9, atol=0
        )


def test_a_cell_model_devices_conduction():
    from reliability.devices.conduction import Conduction, current

    device = Conduction("sinh", nonlinearity_voltage=0.2, reference_temperature=300.0)
    model = cell_model(lambda g, v: current(device, g, v))
    rng = np.random.default_rng(7)
    g, v = rng.uniform(1e-6, 1e-4, (9, 8)), rng.uniform(0, 0.4, 9)
    want = solve_crossbar(g, v, cell=SinhCell(0.2))["output_current"]
    assert np.allclose(solve_crossbar(g, v, cell=model)["output_current"], want, rtol=1e-9, atol=0)


def test_steep_cells_and_open_cells():
    rng = np.random.default_rng(5)
    g = rng.uniform(1e-6, 1e-4, (12, 12)) * (rng.random((12, 12)) > 0.2)
    out = solve_crossbar(
        g, np.full(12, 1.0), cell=SelectorCell(1e-15, 0.03), source_resistance=500.0
    )
    assert out.attrs["residual"] < 1e-11
    assert (out["output_current"] > 0).all()


def test_vectors_and_arrays_agree_with_one_at_a_time():
    rng = np.random.default_rng(6)
    g, v = rng.uniform(1e-6, 1e-4, (2, 6, 5)), rng.uniform(0, 0.5, (6, 3))
    out = solve_crossbar(g, v, cell=SinhCell(0.2))["output_current"]
    assert out.shape == (2, 3, 5)
    assert np.allclose(
        out[1, 2], solve_crossbar(g[1], v[:, 2], cell=SinhCell(0.2))["output_current"], atol=0
    )


def test_a_model_that_falls_is_refused():
    with pytest.raises(InputError, match="cell: the current falls with voltage"):
        solve_crossbar([[1e-5]], [0.5], cell=PolynomialCell(-2.0, 0.0))


def test_a_model_that_overflows_does_not_converge():
    with pytest.raises((ConvergenceError, InputError)):
        solve_crossbar([[1e-5]], [5.0], cell=lambda g, v: (np.full_like(v, np.nan), g))


def test_an_open_cell_carries_no_current_whatever_its_model():
    """The column of a polynomial cell and two open ones is that cell alone, in closed form."""
    g = np.array([[2e-5, 0.0], [0.0, 0.0], [0.0, 3e-5]])
    ideal = {"word_line_resistance": 0.0, "bit_line_resistance": 0.0}
    out = solve_crossbar(g, np.full(3, 0.2), cell=PolynomialCell(0.5, 2.0), **ideal)
    chord = 0.2 * (1 + 0.5 * 0.2 + 2.0 * 0.2**2)
    assert np.allclose(out["output_current"], [2e-5 * chord, 3e-5 * chord], rtol=1e-12, atol=0)
    lines = {"word_line_resistance": 50.0, "bit_line_resistance": 50.0}
    one = solve_crossbar(g[:1, :1], [0.2], cell=PolynomialCell(0.5, 2.0), **ideal)
    column = solve_crossbar(g[:, :1], np.full(3, 0.2), cell=PolynomialCell(0.5, 2.0), **lines)
    assert column["output_current"][0] < one["output_current"][0]
    assert not solve_crossbar(0 * g, np.full(3, 0.2), cell=PolynomialCell(0.5, 2.0))[
        "output_current"
    ].any()


def test_a_polynomial_cell_scales_with_its_conductance():
    model, volts = PolynomialCell(0.5, 2.0), np.full(2, 0.3)
    (small, large), _ = model(np.array([1e-6, 1e-4]), volts)
    assert large == pytest.approx(100 * small, rel=1e-12)
