"""Thermally activated loss: closed form, equivalent time over profiles, limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import reliability as rel
from reliability.devices import retention
from reliability.devices.retention import Retention

MODEL = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
STRETCHED = Retention(3e7, 398.15, 1.4, 0.05, 0.6, 1e5)
DAYS = ([90.0, 3.0e7, 3.0e7], [533.15, 358.15, 298.15])


def lost(model: Retention, times: list, temperatures: list, z: np.ndarray) -> np.ndarray:
    g = np.full(z.shape, 2e-4)
    return retention.conductance(model, g, np.array(times), np.array(temperatures), z)


@pytest.mark.parametrize("model", [MODEL, STRETCHED])
@pytest.mark.parametrize("profile", [([1e7], [398.15]), DAYS])
def test_share_that_crossed_agrees_with_many_cells(model: Retention, profile: tuple) -> None:
    z = np.random.default_rng(3).standard_normal(200_000)
    g = lost(model, *profile, z)
    for reference in (1.9e-4, 1.5e-4, 5e-5):
        p = retention.probability_crossed(model, 2e-4, *profile, reference)
        share = (g < reference).mean()
        assert abs(p - share) < 4 * math.sqrt(max(p * (1 - p), 1 / len(z)) / len(z))


@pytest.mark.parametrize("model", [MODEL, STRETCHED])
def test_mean_of_many_cells_agrees_with_quadrature(model: Retention) -> None:
    z = np.random.default_rng(3).standard_normal(200_000)
    g = lost(model, *DAYS, z)
    grid = np.linspace(-8, 8, 4001)
    mean = integrate.trapezoid(lost(model, *DAYS, grid) * stats.norm.pdf(grid), grid)
    assert abs(g.mean() - mean) < 4 * g.std() / math.sqrt(len(z))


def test_reflow_first_costs_as_reflow_last() -> None:
    z = np.linspace(-3, 3, 50)
    times, temperatures = DAYS
    np.testing.assert_allclose(
        lost(MODEL, times, temperatures, z), lost(MODEL, times[::-1], temperatures[::-1], z)
    )


@given(st.floats(1.0, 1e10), st.floats(250.0, 520.0), st.floats(0.0, 50.0))
def test_hotter_is_never_better(time: float, kelvin: float, more: float) -> None:
    z = np.array([-2.0, 0.0, 2.0])
    cool, hot = (lost(MODEL, [time], [t], z) for t in (kelvin, kelvin + more))
    assert (hot <= cool * (1 + 1e-12)).all()


@given(st.lists(st.floats(0.0, 1e9), min_size=1, max_size=5), st.floats(250.0, 520.0))
def test_cutting_a_stretch_changes_nothing(times: list[float], kelvin: float) -> None:
    z = np.array([-1.0, 0.5])
    np.testing.assert_allclose(
        lost(STRETCHED, times, [kelvin] * len(times), z),
        lost(STRETCHED, [sum(times)], [kelvin], z),
        rtol=1e-12,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extremes_are_all_or_nothing(dtype: type) -> None:
    z = np.zeros(2, dtype)
    g = np.full(2, 2e-4, dtype)
    times, kelvin = np.array([1e300]), np.array([500.0])
    assert retention.conductance(MODEL, g, times, kelvin, z) == pytest.approx(1e-5)
    assert retention.conductance(STRETCHED, g, times, kelvin, z) == pytest.approx(1e-5)
    assert retention.conductance(MODEL, g, np.zeros(1), kelvin, z) == pytest.approx(2e-4)
    assert retention.conductance(STRETCHED, g, np.array([1e-9]), kelvin / 2, z) == pytest.approx(
        2e-4
    )


def test_states_go_their_own_way() -> None:
    tech = rel.load_technology("oxram-130nm")
    decade = rel.MissionProfile.constant(time="10 years", temperature="125 degC")
    for state, sign in (("LRS", -1), ("HRS", 1)):
        pop = rel.sample_population(tech, cells=2000, state=state, seed=1)
        change = rel.age(pop, decade)["conductance"].median() - pop["conductance"].median()
        assert np.sign(float(change)) == sign


def test_no_loss_crosses_beyond_the_end() -> None:
    assert retention.probability_crossed(MODEL, 2e-4, 1e20, 500.0, 0.9e-5) == 0.0
    assert retention.probability_crossed(MODEL, 2e-4, 1e20, 500.0, 3e-4) == 0.0
    assert retention.probability_crossed(MODEL, 2e-4, 0.0, 500.0, 1e-4) == 0.0


def test_a_cell_that_is_at_the_end_already_crosses_nothing() -> None:
    model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    assert retention.probability_crossed(model, 1e-5, 1e9, 398.15, 1.2e-5) == 0
