"""Thermally activated loss: closed form, equivalent time over profiles, limits."""

import math
from dataclasses import replace

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
LOGARITHM = replace(STRETCHED, model="log_resistance_loss", arrhenius_weight=0.3)
DRIFT = replace(MODEL, model="log_time_loss", shape=0.08, resistance_exponent=1.0,
                reference_resistance=4e3)  # fmt: skip
WEAK = replace(LOGARITHM, weak_fraction=0.2, weak_time_constant=1e4, weak_activation_energy=0.9)
MODELS = [MODEL, STRETCHED, LOGARITHM, DRIFT]
DAYS = ([90.0, 3.0e7, 3.0e7], [533.15, 358.15, 298.15])


def lost(model: Retention, times: list, temperatures: list, z: np.ndarray) -> np.ndarray:
    g = np.full(z.shape, 2e-4)
    return retention.conductance(model, g, np.array(times), np.array(temperatures), z)


@pytest.mark.parametrize("model", [*MODELS, WEAK])
@pytest.mark.parametrize("profile", [([1e7], [398.15]), DAYS])
def test_share_that_crossed_agrees_with_many_cells(model: Retention, profile: tuple) -> None:
    z, weak = np.random.default_rng(3).standard_normal((2, 200_000))
    g = retention.conductance(model, np.full(z.shape, 2e-4), *profile, z, weak)
    for reference in (1.9e-4, 1.5e-4, 5e-5):
        p = retention.probability_crossed(model, 2e-4, *profile, reference)
        share = (g < reference).mean()
        assert abs(p - share) < 4 * math.sqrt(max(p * (1 - p), 1 / len(z)) / len(z))


@pytest.mark.parametrize("model", MODELS)
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


@given(
    st.sampled_from(MODELS),
    st.lists(st.floats(0.0, 1e9), min_size=1, max_size=5),
    st.floats(250.0, 520.0),
)
def test_cutting_a_stretch_changes_nothing(
    model: Retention, times: list[float], kelvin: float
) -> None:
    z = np.array([-1.0, 0.5])
    np.testing.assert_allclose(
        lost(model, times, [kelvin] * len(times), z),
        lost(model, [sum(times)], [kelvin], z),
        rtol=1e-12,
    )


@pytest.mark.parametrize("model", [*MODELS, WEAK])
def test_two_populations_aged_in_two_steps_are_those_aged_in_one(model: Retention) -> None:
    """A stretch at one temperature does what its equivalent time does at another."""
    z = np.array([-1.0, 0.0, 0.5])
    cool, hot = 358.15, 398.15
    model = replace(model, sigma_activation_energy=0.0)
    factor = float(retention.acceleration(model, cool) / retention.acceleration(model, hot))
    np.testing.assert_allclose(
        lost(model, [4e7, 1e6], [cool, hot], z), lost(model, [4e7 * factor + 1e6], [hot], z)
    )


def test_kinetic_forms_as_written() -> None:
    z = np.zeros(1)
    g0, end = 2e-4, 1e-5
    left = math.exp(-(0.7**0.6))
    at = ([0.7 * 3e7], [398.15])
    assert lost(STRETCHED, *at, z)[0] == pytest.approx(end + (g0 - end) * left)
    assert lost(LOGARITHM, *at, z)[0] == pytest.approx(end * (g0 / end) ** left)
    x = 0.7 * 5 / 4  # of a cell of 5 kohm where 4 kohm is the reference
    expected = end * (g0 / end) ** (1 - 0.08 * math.log1p(x))
    assert lost(DRIFT, *at, z)[0] == pytest.approx(expected)
    assert lost(replace(DRIFT, shape=0.5), [1e12], [398.15], z)[0] == pytest.approx(end)


def test_t_model_is_linear_in_temperature_and_arrhenius_in_its_inverse() -> None:
    kelvin = np.array([300.0, 350.0, 400.0, 450.0])
    t_model = -np.log(retention.acceleration(replace(MODEL, arrhenius_weight=0.0), kelvin))
    np.testing.assert_allclose(np.diff(t_model), np.diff(t_model)[0])
    inverse = -np.log(retention.acceleration(MODEL, kelvin))
    np.testing.assert_allclose(inverse, 1.4 / 8.617333262e-5 * (1 / kelvin - 1 / 398.15))
    # same slope at the reference temperature, shorter times away from it (De Salvo 1999)
    near = np.array([398.14, 398.16])
    slopes = [
        np.diff(np.log(retention.acceleration(replace(MODEL, arrhenius_weight=w), near)))[0]
        for w in (0.0, 1.0)
    ]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-4)
    assert t_model[0] < inverse[0]


def test_card_keeps_its_qualification() -> None:
    """Ten years at 125 degC with about 100 ppm lost: x = 1 reached by no more of the bulk."""
    tech = rel.load_technology("oxram-130nm")
    ten_years = 10 * 365.25 * 86400
    for state in ("LRS", "HRS"):
        model = Retention.from_technology(tech, state)
        spread = model.sigma_activation_energy / (8.617333262e-5 * 398.15)
        early = stats.norm.cdf(math.log(ten_years / model.time_constant) / spread)
        assert early == pytest.approx(1e-4, rel=0.1)
        assert model.weak_fraction <= 1e-4
    # the pessimistic bound, a median one decade below the qualified time, loses nearly all
    assert stats.norm.cdf(math.log(ten_years / 3e7) / spread) > 0.9


def test_weak_cells_and_thin_filaments_of_a_population() -> None:
    tech = rel.load_technology("oxram-130nm").with_values(
        {"retention.HRS.weak_fraction": 0.1, "retention.HRS.weak_time_constant": 10.0,
         "retention.sigma_asymptotic": 0.0, "relaxation.HRS.sigma": 0.0,
         "relaxation.HRS.shift": 0.0, "defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0,
         "defects.unformed": 0.0}
    )  # fmt: skip
    cells = rel.sample_population(tech, cells=20_000, state="HRS", seed=3)
    hour = rel.MissionProfile.constant(time="1 h", temperature="125 degC")
    lost_cells = np.isclose(rel.age(cells, hour)["conductance"], 1 / 5e4, rtol=1e-3)
    assert float(lost_cells.mean()) == pytest.approx(0.1, abs=0.01)
    low = rel.set_conditions(rel.load_technology("oxram-130nm"), compliance_current="50 uA")
    lost_of = [
        retention.probability_crossed(
            Retention.from_technology(card, "LRS"), 1 / card["programming.LRS.resistance"],
            1e9, 398.15, 1 / 30e3,
        )
        for card in (rel.load_technology("oxram-130nm"), low)
    ]  # fmt: skip
    assert lost_of[1] > 1.5 * lost_of[0]


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
