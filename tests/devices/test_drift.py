"""Drift of phase-change memory: published coefficients, closed form, temperature."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import reliability as rel
from reliability.devices import drift, target
from reliability.devices.drift import Drift

ROOM = 298.15


@pytest.fixture(scope="module")
def model() -> Drift:
    return Drift.from_technology(rel.load_technology("pcm-mushroom"))


def published_nu(g: float) -> tuple[float, float]:
    """Mean and sigma of nu as the facts state them, g = G / G_max."""
    mean = min(max(-0.0155 * math.log(g) + 0.0244, 0.049), 0.1)
    return mean, min(max(-0.0125 * math.log(g) - 0.0059, 0.008), 0.045)


@pytest.mark.parametrize("g", [0.01, 0.05, 0.1, 0.3, 0.7, 1.0])
def test_coefficients_are_the_published_ones(model: Drift, g: float) -> None:
    mean, sigma = drift.coefficient_moments(model, g * 25e-6)
    assert (float(mean), float(sigma)) == pytest.approx(published_nu(g))


@pytest.mark.parametrize("g", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("time", [60.0, 3600.0, 86400.0, 3.15e8])
def test_moments_by_quadrature(model: Drift, g: float, time: float) -> None:
    mean, sigma = published_nu(g)

    def power(k: int) -> float:
        def f(z: float) -> float:
            return (time / 20.0) ** (-k * max(mean + sigma * z, 0.0)) * stats.norm.pdf(z)

        return integrate.quad(f, -9, 9, points=[-mean / sigma], limit=200)[0]

    m, s = drift.moments(model, g * 25e-6, [time], [ROOM])
    assert float(m) == pytest.approx(power(1), rel=1e-7)
    assert float(s) == pytest.approx(math.sqrt(power(2) - power(1) ** 2), rel=1e-5)


@pytest.mark.parametrize("g", [0.2, 0.6, 1.0])
@pytest.mark.parametrize("time", [3600.0, 3.15e7])
def test_population_has_the_published_moments(model: Drift, g: float, time: float) -> None:
    """Programming error and drift together: both are independent, so moments multiply."""
    tech = rel.load_technology("pcm-mushroom")
    cells = 200_000
    pop = rel.sample_population(tech, cells=cells, state=g * 25e-6, seed=11)
    aged = rel.age(pop, rel.MissionProfile.constant(time=time))["conductance"].values.ravel()
    m0, s0 = target.moments(target.Target.from_technology(tech), g * 25e-6)
    m1, s1 = drift.moments(model, g * 25e-6, [time], [ROOM])
    mean = float(m0 * m1)
    spread = math.sqrt(float((s0**2 + m0**2) * (s1**2 + m1**2) - mean**2))
    assert abs(aged.mean() - mean) < 4 * spread / math.sqrt(cells)
    kurtosis = stats.kurtosis(aged)
    assert aged.std() == pytest.approx(spread, rel=4 * math.sqrt((kurtosis + 2) / (4 * cells)))


def test_nothing_happens_before_the_reference_time(model: Drift) -> None:
    g = np.array([1e-6, 2e-5])
    z = np.array([0.3, -0.4])
    for time in (0.0, 1.0, 20.0):
        assert (drift.conductance(model, g, g, [time], [ROOM], z) == g).all()


@given(st.floats(20.0, 1e9), st.floats(1.0, 10.0), st.floats(0.0, 100.0))
def test_conductance_falls_with_time_and_heat(time: float, longer: float, more: float) -> None:
    model = Drift.from_technology(rel.load_technology("pcm-mushroom"))
    g = np.array([5e-6])
    z = np.zeros(1)
    base = drift.conductance(model, g, g, [time], [ROOM], z)
    assert drift.conductance(model, g, g, [time * longer], [ROOM], z) <= base * (1 + 1e-12)
    assert drift.conductance(model, g, g, [time], [ROOM + more], z) <= base * (1 + 1e-12)


def test_annealing_first_leaves_less_to_drift(model: Drift) -> None:
    """An hour at 85 degC, then a year at 25 degC: the year adds less than it would alone."""
    hour, year = 3600.0, 3.15e7
    annealed = drift.log_time(model, [hour], [358.15])
    both = drift.log_time(model, [hour, year], [358.15, ROOM])
    year_alone = drift.log_time(model, [year], [ROOM])
    assert both >= max(annealed, year_alone)
    assert both - annealed < 0.2 * year_alone


def test_reading_hot_raises_the_amorphous_most(model: Drift) -> None:
    factor = drift.read_factor(model, [0.0, 12.5e-6, 25e-6], 358.15)
    k = 8.617333262e-5
    expected = math.exp(0.3 / k * (1 / ROOM - 1 / 358.15))
    assert factor[0] == pytest.approx(expected)
    assert factor[1] == pytest.approx(math.sqrt(expected))
    assert factor[2] == 1.0
    assert drift.read_factor(model, [1e-6], ROOM)[0] == 1.0


def test_float32_keeps_its_kind(model: Drift) -> None:
    g = np.full(10, 1e-5, np.float32)
    out = drift.conductance(model, g, np.full(10, 1e-5), [1e6], [ROOM], np.zeros(10, np.float32))
    assert out.dtype == np.float32
