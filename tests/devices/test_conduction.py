"""Conduction models against published values and the circuit equation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.devices import conduction as C
from reliability.errors import InputError
from reliability.technology import load_technology
from reliability.units import BOLTZMANN

SINH = C.Conduction("sinh", 0.43, 298.15)
MILO = C.Conduction("polynomial", np.inf, 298.15)


def test_sinh_law_is_that_of_the_foundry_model():
    """R(0.1 V)/R(0) = 0.991 and R(0.3 V)/R(0) = 0.923 with V_ref = 0.430 V."""
    volt = np.array([0.1, 0.3])
    np.testing.assert_allclose(volt * 1e-4 / C.current(SINH, 1e-4, volt), [0.991, 0.923], atol=5e-4)


def test_milo_polynomial():
    """Powers of V with the coefficients written out."""
    g, v = 1e-4, 0.3  # log10 G = -4
    square = 1.388e-4 * -64 + 1.541e-3 * 16 + 5.711e-3 * -4 + 7.063e-3
    cube = 8.8710e-5 * 16 + 6.7919e-4 * -4 + 1.2968e-3
    assert C.milo(g, v) == pytest.approx(g * v + square * v**2 + cube * v**3, rel=1e-9, abs=0)
    grid = C.current(MILO, np.linspace(50e-6, 225e-6, 30)[:, None], np.linspace(0, 0.5, 51))
    assert (np.diff(grid, axis=1) > 0).all()  # rises with voltage over its range
    assert (np.diff(grid, axis=0)[:, 1:] > 0).all()


@settings(max_examples=50, deadline=None)
@given(st.floats(1e-7, 1e-3), st.floats(-0.5, 0.5))
def test_sinh_current_is_odd_and_scales_with_conductance(g, v):
    assert C.current(SINH, g, -v) == pytest.approx(-C.current(SINH, g, v), rel=1e-12, abs=1e-30)
    assert C.current(SINH, 2 * g, v) == pytest.approx(
        2 * C.current(SINH, g, v), rel=1e-12, abs=1e-30
    )


def test_hrs_is_activated_and_lrs_metallic():
    tech = load_technology("oxram-130nm")
    hrs, lrs = (C.Conduction.from_technology(tech, s) for s in ("HRS", "LRS"))
    t = np.array([273.15, 298.15, 358.15])
    g = C.at_temperature(hrs, 1e-5, t)
    slope = np.diff(np.log(g)) / np.diff(-1 / (BOLTZMANN * t))
    np.testing.assert_allclose(slope, 0.06, rtol=1e-9)
    assert g[1] / g[2] == pytest.approx(1 / 1.479, rel=1e-3)  # R falls to 0.68 at 85 degC
    r = 1 / C.at_temperature(lrs, 2e-4, t)
    np.testing.assert_allclose(np.diff(r) / np.diff(t) / r[1], 5e-4, rtol=1e-9)
    assert g[1] == pytest.approx(1e-5, rel=1e-12, abs=0)
    assert 1 / r[1] == pytest.approx(2e-4, rel=1e-12, abs=0)


def test_window_closes_when_hot():
    tech = load_technology("oxram-130nm")
    hrs, lrs = (C.Conduction.from_technology(tech, s) for s in ("HRS", "LRS"))
    t = np.linspace(250, 400, 16)
    window = C.at_temperature(lrs, 2e-4, t) / C.at_temperature(hrs, 1e-5, t)
    assert (np.diff(window) < 0).all()


@given(st.floats(1e-3, 1e3))
def test_unit_of_voltage_does_not_matter(unit):
    scaled = C.Conduction("sinh", 0.43 * unit, 298.15)
    assert C.current(scaled, 1e-4, 0.2 * unit) == pytest.approx(
        unit * C.current(SINH, 1e-4, 0.2), rel=1e-9, abs=0
    )


def test_single_precision_stays():
    hrs = C.Conduction("sinh", 0.43, 298.15, activation_energy=0.06)
    assert C.at_temperature(hrs, np.ones(3, np.float32), 358.15).dtype == np.float32


@pytest.mark.parametrize("kelvin", [0.0, -10.0])
def test_impossible_temperatures_are_refused(kelvin):
    with pytest.raises(InputError, match="temperature"):
        C.at_temperature(SINH, 1e-4, kelvin)
    with pytest.raises(InputError, match="coefficient"):
        C.at_temperature(C.Conduction("sinh", 0.43, 298.15, 0.0, 0.01), 1e-4, 100.0)
