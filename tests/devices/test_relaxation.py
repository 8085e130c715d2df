"""Relaxation of two states and of levels, on closed forms and published fits."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

import reliability as rel
from reliability.devices import level_relaxation, relaxation
from reliability.devices import verify as verifying
from reliability.devices.equivalent_time import equivalent_time
from reliability.devices.level_relaxation import RandomWalk
from reliability.devices.programming import Programming
from reliability.devices.relaxation import Relaxation
from reliability.devices.verify import Verify

ROOM = 298.15
TWO = {
    model: Relaxation(model, 0.1, -0.03, onset_time=1e-3, reference_time=3600.0)
    for model in ("saturating", "log_time")
}
WALK = RandomWalk(1e-4, (1e-6, 4e-6, 1e-6), (0.0, -2e-6, 0.0), 1e-3, 1e4)


# --- two states


def test_saturating_stops_and_log_time_goes_on() -> None:
    hour, decade = 3600.0, 3.15e8
    assert relaxation.progress(TWO["saturating"], decade) == 1.0
    more = math.log1p(decade / 1e-3) / math.log1p(hour / 1e-3)
    assert relaxation.progress(TWO["log_time"], decade) == pytest.approx(more)


@pytest.mark.parametrize("model", TWO)
def test_population_of_two_states_agrees_with_the_closed_form(model: str) -> None:
    z = np.random.default_rng(2).standard_normal(300_000)
    g = relaxation.conductance(TWO[model], np.full(z.shape, 1e-4), 100.0, z)
    for reference in (0.9e-4, 0.97e-4, 1.05e-4):
        p = float(relaxation.probability_below(TWO[model], 1e-4, 100.0, reference))
        share = (g < reference).mean()
        assert abs(p - share) < 4 * math.sqrt(p * (1 - p) / len(z))


@pytest.mark.parametrize("model", TWO)
def test_no_time_changes_nothing(model: str) -> None:
    z = np.random.default_rng(0).standard_normal(100)
    g = np.full(100, 1e-4)
    assert (relaxation.conductance(TWO[model], g, 0.0, z) == g).all()
    assert relaxation.probability_below(TWO[model], 1e-4, 0.0, [0.9e-4, 1.1e-4]).tolist() == [0, 1]


HEAVY = replace(TWO["log_time"], tail_down=0.2, tail_up=0.05, fluctuation=0.6)


def test_heavy_tails_agree_with_the_closed_form() -> None:
    z = np.random.default_rng(2).standard_normal(400_000)
    g = relaxation.conductance(HEAVY, np.full(z.shape, 1e-4), 100.0, z)
    for reference in (0.6e-4, 0.8e-4, 0.97e-4, 1.05e-4, 1.3e-4):
        p = float(relaxation.probability_below(HEAVY, 1e-4, 100.0, reference))
        assert abs(p - (g < reference).mean()) < 4 * math.sqrt(p * (1 - p) / len(z)) + 1e-9
    plain = relaxation.conductance(TWO["log_time"], np.full(z.shape, 1e-4), 100.0, z)
    assert (g < 0.8e-4).mean() > 20 * (plain < 0.8e-4).mean()


def test_early_and_late_changes_are_correlated_as_the_fluctuation_says() -> None:
    def own(name: str) -> np.ndarray:
        return np.random.default_rng([*name.encode()]).standard_normal(200_000)

    for fluctuation in (0.0, 0.3, 0.7, 1.0):
        model = replace(TWO["log_time"], fluctuation=fluctuation)
        start = np.full(200_000, 1e-4)
        early, late = (
            np.log(relaxation.conductance(model, start, t, relaxation.deviate(model, t, own)))
            - np.log(start)
            for t in (1.0, 1e3)
        )
        seen = np.corrcoef(early, late - early)[0, 1]
        assert seen == pytest.approx(relaxation.early_late_correlation(model, 1.0, 1e3), abs=0.01)
    assert relaxation.early_late_correlation(TWO["log_time"], 1.0, 1e3) == pytest.approx(1.0)
    array = replace(TWO["log_time"], fluctuation=0.9)
    assert -0.5 < relaxation.early_late_correlation(array, 1.0, 1e3) < -0.2  # as in techB


def test_verify_with_a_wait_gains_less_where_reads_fluctuate() -> None:
    """Closed form against simulated cells: what passes after the wait comes back later."""
    model = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.2, 0.4)
    verify = Verify(10e3, 70e3, attempts=3, wait=1.0)
    cells, wrong = 200_000, {}
    for fluctuation in (0.0, 0.8):
        relaxing = replace(TWO["log_time"], sigma=0.6, shift=0.0, fluctuation=fluctuation)

        def own(name: str) -> np.ndarray:
            return np.random.default_rng([3, *name.encode()]).standard_normal(cells)

        fixed = 0.2 * own("fixed")
        g, pulses, _ = verifying.program(verify, "HRS", model, fixed, own, relaxing)
        z = relaxation.deviate(relaxing, 1e4, verifying.after_last_pulse(own, pulses))
        late = relaxation.conductance(relaxing, g, 1e4, z)
        found = verifying.probability_wrong(verify, "HRS", model, [1 / 70e3], relaxing, 1e4)
        wrong[fluctuation] = float(found[0])
        assert (late > 1 / 70e3).mean() == pytest.approx(wrong[fluctuation], abs=4e-3)
    assert wrong[0.8] > 1.2 * wrong[0.0]


# --- levels


def test_walk_has_the_variance_of_log_time_whatever_its_steps() -> None:
    for decades in (0.5, 1.0, 3.0, 20.0):
        model = RandomWalk(1e-4, (1e-6,), (0.0,), 1e-3, 1e4, decades_per_step=decades)
        for time in (1e-4, 0.5, 77.0, 1e6):
            expected = math.sqrt(math.log1p(time / 1e-3) / math.log1p(1e4 / 1e-3)) * 1e-6
            assert level_relaxation.sigma(model, 5e-5, [time], [ROOM]) == pytest.approx(
                expected, abs=0
            )


def test_reads_of_one_cell_correlate_as_those_of_a_walk() -> None:
    """cov(change at t1, change at t2) = variance at t1, within a step of the walk."""
    model = RandomWalk(1e-4, (1e-6,), (0.0,), 1e-3, 1e4, decades_per_step=1.0)
    rng = np.random.default_rng(4)
    z = [rng.standard_normal(100_000) for _ in range(12)]
    start = np.full(100_000, 5e-5)
    early, late = (
        level_relaxation.conductance(model, start, start, [t], [ROOM], z) - start
        for t in (1e-3 * 1e3, 1e4)  # the end of the third step
    )
    measured = np.cov(early, late)
    assert measured[0, 1] == pytest.approx(measured[0, 0], rel=0.03, abs=0)


@given(
    st.lists(st.floats(1e-3, 1e7), min_size=1, max_size=5),
    st.floats(250.0, 500.0),
)
def test_cutting_a_stretch_changes_no_equivalent_time(times: list[float], kelvin: float) -> None:
    whole = equivalent_time([sum(times)], [kelvin], 1e-13, ROOM)
    cut = equivalent_time(times, [kelvin] * len(times), 1e-13, ROOM)
    assert cut == pytest.approx(whole, rel=1e-9, abs=0)


@given(st.floats(1e-3, 1e8), st.floats(250.0, 500.0), st.floats(0.0, 100.0))
def test_hotter_is_never_a_shorter_time(time: float, kelvin: float, more: float) -> None:
    cool, hot = (equivalent_time([time], [t], 1e-13, ROOM) for t in (kelvin, kelvin + more))
    assert hot >= cool * (1 - 1e-12)


def test_no_time_is_none_and_the_longest_is_finite() -> None:
    assert equivalent_time([0.0, 0.0], [ROOM, 400.0], 1e-13, ROOM) == 0.0
    assert math.isfinite(equivalent_time([1e9], [1000.0], 1e-100, ROOM))
    # a segment shorter than the attempt time passes no barrier: it is the same at any temperature
    assert equivalent_time([1e-15], [400.0], 1e-13, ROOM) == pytest.approx(1e-15, rel=1e-12, abs=0)


def test_equivalent_time_follows_the_front_segment_by_segment() -> None:
    """Against the rate equation dE/dt = (k T / t_a) exp(-E / k T), E in units of k T_ref."""
    segments = [(1e3, 300.0), (5e2, 380.0), (2e4, 320.0)]
    attempt = 1e-9
    front, start = segments[0][1] / ROOM * math.log(1e-3 / attempt), 1e-3
    for time, kelvin in segments:
        ratio = kelvin / ROOM
        path = integrate.solve_ivp(
            lambda log_t, f, r=ratio: r * np.exp(log_t - math.log(attempt) - f / r),
            (math.log(start), math.log(time)),
            [front],
            method="LSODA",
            rtol=1e-9,
            atol=1e-9,
        )
        front, start = float(path.y[0, -1]), 1e-9
    found = equivalent_time(*zip(*segments, strict=True), attempt, ROOM)
    assert math.log(found / attempt) == pytest.approx(front, rel=1e-5)


def test_wan_total_error_at_the_published_times() -> None:
    """Quartic fits of the total error at 1 s, 1 day and 2 days; G_max 40 uS."""
    tech = rel.load_technology("oxram-analog")
    published = {
        1.0: (0.348, 16.030, -43.853, 45.393, -16.815),
        86400.0: (0.701, 22.086, -50.773, 47.095, -16.458),
        172800.0: (0.782, 20.274, -43.507, 37.062, -11.934),
    }
    cells = 100_000
    for g in (0.3, 0.6, 1.0):
        pop = rel.sample_population(tech, cells=cells, state=g * 40e-6, seed=9)
        sigma = 0.0
        for time, coefficients in published.items():
            aged = rel.age(pop, rel.MissionProfile.constant(time=time))["conductance"] * 1e6
            # the fits of day one and day two cross: what has relaxed does not come back
            sigma = max(sigma, sum(c * g**k for k, c in enumerate(coefficients)))
            # retention at 25 degC takes nothing in two days
            assert float(aged.std(ddof=1)) == pytest.approx(sigma, rel=4 / math.sqrt(2 * cells))
            assert abs(float(aged.mean()) - 40 * g) < 4 * sigma / math.sqrt(cells)


def test_cmo_hfox_shift_and_sigma_at_several_times() -> None:
    tech = rel.load_technology("oxram-cmo-hfox")
    cells = 100_000
    pop = rel.sample_population(tech, cells=cells, state="40 uS", seed=9)
    programmed = 0.0112185391 + 0.01129027418 * 40
    for time in (10.0, 3600.0, 86400.0):
        aged = rel.age(pop, rel.MissionProfile.constant(time=time))["conductance"] * 1e6
        sigma = math.hypot(programmed, 0.41183342 + 0.04201137 * math.log(time))
        shift = -0.08900206 * math.log(time)
        assert abs(float(aged.mean()) - 40 - shift) < 4 * sigma / math.sqrt(cells)
        assert float(aged.std(ddof=1)) == pytest.approx(sigma, rel=4 / math.sqrt(2 * cells))


@pytest.mark.parametrize("name", ["techB", "oxram-analog", "oxram-cmo-hfox"])
def test_no_time_changes_no_level(name: str) -> None:
    card = rel.load_technology(name)
    model = level_relaxation.from_technology(card)
    g = np.linspace(0.1, 1.0, 7) * card["target.maximum"]
    assert model.steps([0.0], [ROOM]) == []
    assert (level_relaxation.conductance(model, g, g, [0.0], [ROOM], []) == g).all()


def test_conductance_stays_positive() -> None:
    g = np.full(4, 1e-7)
    z = [np.full(4, -5.0)] * 4
    assert (level_relaxation.conductance(WALK, g, g, [1e4], [ROOM], z) >= 0).all()


def test_unstable_cells_of_a_saturating_card_rest_after_the_last_read() -> None:
    card = rel.load_technology("techB")
    model = level_relaxation.from_technology(card)
    chosen = replace(card, models=card.models | {"relaxation.target": "saturating"})
    rests = level_relaxation.from_technology(chosen)
    g = np.array([30e-6, 60e-6, 110e-6])
    assert level_relaxation.sigma(rests, g, [1e3], [ROOM]) == pytest.approx(
        level_relaxation.sigma(model, g, [1e3], [ROOM])
    )
    late = level_relaxation.sigma(rests, g, [3e8], [358.15])
    assert late == pytest.approx(level_relaxation.sigma(model, g, [9974.0], [ROOM]), rel=1e-3)
    assert (late < level_relaxation.sigma(model, g, [3e8], [358.15])).all()


def test_a_saturating_walk_is_the_walk_until_its_reference_time_and_then_rests() -> None:
    walk = WALK
    rests = replace(walk, at_rest=True)
    g = np.linspace(0, walk.maximum, 9)
    for time in ([1.0], [3600.0], [1e4]):
        until = level_relaxation.sigma(walk, g, time, [ROOM])
        assert level_relaxation.sigma(rests, g, time, [ROOM]) == pytest.approx(until)
        moved = walk.mean_shift(g, time)
        assert rests.mean_shift(g, time) == pytest.approx(moved, abs=0)
    late = level_relaxation.sigma(rests, g, [3e8], [358.15])
    assert late == pytest.approx(level_relaxation.sigma(rests, g, [1e4], [298.15]))
    assert (late < level_relaxation.sigma(walk, g, [3e8], [358.15])).all()


def test_snapshots_never_fall_back() -> None:
    """The fits of day one and day two cross; what has relaxed does not come back."""
    card = rel.load_technology("oxram-analog")
    model = level_relaxation.from_technology(card)
    targets = np.linspace(0.0, card["target.maximum"], 21)
    days = (0.01, 1.0, 1.5, 2.0, 100.0)
    sigmas = [model.level_sigma(targets, [86400.0 * day]) for day in days]
    assert (np.diff(sigmas, axis=0) >= 0).all()
