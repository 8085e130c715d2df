"""Average power: the law against simulated events, limits, crossings, a published chip."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import reliability as rel
from reliability.architecture.logic.digital import leakage
from reliability.architecture.logic.streams import stream_crossings, streams, with_power_off
from reliability.architecture.result import first_crossing
from reliability.technology.components import load_components
from reliability.technology.nodes import load_node

CARD, COMPONENTS = rel.load_technology("oxram-130nm"), load_components("streams")


@pytest.fixture(scope="module")
def found():
    return over_rates()


def over_rates(**options) -> xr.Dataset:
    """A sweep over rates, as a study has it."""
    rates = np.logspace(-2, 7, 37)
    parts = [streams(CARD, COMPONENTS, rate=float(rate), **options) for rate in rates]
    return stream_crossings(xr.concat(parts, xr.DataArray(rates, dims="rate", name="rate")))


@pytest.mark.parametrize("rate", [1e2, 3e4, 1e6])
def test_average_power_is_that_of_simulated_events(rate) -> None:
    floor, on, wake, time, event = 1e-7, 1e-5, 2e-9, 2e-5, 1e-10
    n = 100_000
    gaps = np.random.default_rng(1).exponential(1 / rate, n)
    total = gaps.sum()
    awake = np.minimum(gaps, time).sum()
    wakes = (gaps > time).sum()
    power = floor + (on * awake + wake * wakes + event * n) / total
    expected = with_power_off(rate, floor, on, wake, time, event)
    # each sum has a relative error of at most 1 / sqrt of how many events it has
    error = 4 / np.sqrt(n) + 4 * np.sqrt(max(wakes, 1)) * wake / total / power
    assert power == pytest.approx(expected, rel=error)


def test_without_events_only_the_floor_is_left_and_with_many_only_events(found) -> None:
    power = found["power"]
    assert power.sel(kind="analog events, off in between")[0] < 0.1 * found["always_on_power"][0]
    own = power.sel(kind="analog events, always on")
    slope = (own[-1] - own[-2]) / (found["rate"][-1] - found["rate"][-2])
    assert float(slope) == pytest.approx(float(found["event_energy"][0]), rel=1e-6, abs=0)
    constant = power.sel(kind="clocked, all sums")
    assert np.ptp(constant.values) == 0


def test_below_the_crossing_analog_events_take_less(found) -> None:
    best = found["power"].isel(kind=[4, 5]).min("kind")
    clock = found["power"].isel(kind=[0, 1]).min("kind")
    assert np.array_equal(best, found["analog_power"])
    assert np.array_equal(clock, found["clocked_power"])
    at = float(found["rate_against_clocked"])
    below = found["rate"] < at
    assert below.any()
    assert (best[below.values] <= clock[below.values]).all()
    next_one = int(below.sum())
    assert best[next_one] > clock[next_one]


def test_a_slower_tick_helps_the_clock_and_heat_hurts_it(found) -> None:
    slow = over_rates(tick=1.0)
    assert slow["rate_against_clocked"] <= found["rate_against_clocked"]
    idle, hot = (streams(CARD, COMPONENTS, rate=0.0, temperature=t) for t in (298.15, 358.15))
    assert slow["clocked_power"][0] < idle["clocked_power"] < hot["clocked_power"]
    assert hot["analog_power"] < hot["always_on_power"]


def test_leakage_over_100_kelvin_is_that_of_the_published_model() -> None:
    node, width = load_node("65nm"), COMPONENTS["leakage.gate_width"]
    cold, hot = (leakage(COMPONENTS, node, t, gates=100.0 / width) for t in (300.0, 400.0))
    assert hot / cold == pytest.approx(1111e-6 / 100.2e-6, rel=0.01)
    # 0.3 nA/um x 100 x 65 nm x 1.1 V
    assert cold == pytest.approx(3e-4 * 6.5e-6 * 1.1)


def test_a_published_digital_chip_is_met_within_a_factor_of_two() -> None:
    ratio = streams(CARD, COMPONENTS)["ratio"]
    assert ratio.sel(check="ODIN, synaptic operation").item() == pytest.approx(1, abs=0.5)
    # each input at most once: the model is an upper bound
    assert ratio.sel(check="ODIN, inference of 10 neurons (at most)").item() > 1


@given(
    k=st.integers(1, 18),
    slope=st.floats(0.2, 3.0),
)
def test_a_crossing_of_power_laws_is_found_where_it_is(k, slope) -> None:
    x = np.logspace(0, 6, 20)
    at = np.sqrt(x[k - 1] * x[k])
    assert first_crossing(x, (x / at) ** slope, np.ones(20)) == pytest.approx(at)
    assert first_crossing(x, np.full(20, 0.5), np.ones(20)) == np.inf
    assert first_crossing(x, np.full(20, 2.0), np.ones(20)) == 0
    assert first_crossing(x, np.ones(20), np.ones(20)) == np.inf
