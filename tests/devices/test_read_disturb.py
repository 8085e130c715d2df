"""Read disturb against a pulse-by-pulse simulation, the zero-failure bound and its models."""

from dataclasses import replace

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reliability.devices import read_disturb as R
from reliability.errors import InputError
from reliability.statistics.proportions import binomial_bound
from reliability.technology import load_technology

HRS = R._example()
LRS = replace(HRS, direction=-1, asymptotic_resistance=5e4)
CLUSTERING = replace(HRS, model="clustering", lifetime_shape=1.2, clustering=2.0)


@numba.njit
def pulse_by_pulse(life, shape, pulses):
    """What is left of the way after some pulses, for each life."""
    first = 100  # the stretched model starts with an infinite rate: begin after the first pulses
    out = np.exp(-((first / life) ** shape))
    for i in range(len(life)):
        left = out[i]
        for _ in range(first, pulses):
            left -= left * shape * (-np.log(left)) ** (1 - 1 / shape) / life[i]
        out[i] = left
    return out


@pytest.mark.parametrize("shape", [1.0, 0.6])
@pytest.mark.parametrize("model", [HRS, CLUSTERING])
def test_closed_form_is_the_pulse_by_pulse_simulation(shape, model):
    """1e6 pulses, each from the conductance that the one before left: the rate of the model at the
    cell's own conductance, stepped with Euler's method, no memory but the conductance itself.
    """
    model = replace(model, shape=shape)
    z = np.array([-1.5, -0.5, 0.0, 0.8])
    life = model.reads * np.exp(R.lifetime(model, z))
    g0, end = np.full(4, 1e-5), 1 / model.asymptotic_resistance
    checked = dict.fromkeys((10_000, 100_000, 1_000_000))
    for n in checked:
        checked[n] = end + (g0 - end) * pulse_by_pulse(life, shape, n)
    for n, simulated in checked.items():
        closed = R.conductance(model, g0, float(n), z)
        np.testing.assert_allclose(closed - g0, simulated - g0, rtol=2e-3)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e9), min_size=2, max_size=2),
    st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=2),
    st.floats(-3, 3),
)
def test_order_and_division_of_reads_do_not_matter(reads, volts, z):
    kelvin = [298.15, 358.15]
    total = R.equivalent_reads(HRS, reads, volts, kelvin)
    swapped = R.equivalent_reads(HRS, reads[::-1], volts[::-1], kelvin[::-1])
    assert total == pytest.approx(float(swapped), rel=1e-12)
    halves = R.equivalent_reads(HRS, np.repeat(reads, 2) / 2, np.repeat(volts, 2),
                                np.repeat(kelvin, 2))  # fmt: skip
    assert total == pytest.approx(float(halves), rel=1e-12)
    g = R.conductance(HRS, np.array([1e-5]), total, np.array([z]))
    assert 1e-5 <= g[0] <= 1e-4


@pytest.mark.parametrize("model", [HRS, LRS, CLUSTERING])
def test_no_reads_change_nothing(model):
    g = np.array([1e-6, 3e-5, 2e-4])
    assert (R.conductance(model, g, 0.0, np.array([-9.0, 0.0, 2.0])) == g).all()
    assert R.failed_by(model, 0.0) == 0


@pytest.mark.parametrize("model", [HRS, CLUSTERING])
def test_lives_of_many_cells_follow_the_law(model):
    z = np.random.default_rng(1).standard_normal(40_000)
    life = model.reads * np.exp(R.lifetime(model, z))
    assert stats.kstest(life, lambda t: R.failed_by(model, t)).pvalue > 1e-3
    g = R.conductance(model, np.full(z.shape, 1e-5), 3e5, z)
    expected = R.probability_crossed(model, 1e-5, 3e5, 4e-5)
    error = np.sqrt(expected * (1 - expected) / z.size)
    assert abs((g > 4e-5).mean() - expected) < 4.5 * error


def test_clustering_is_the_published_form():
    """F = 1 - (1 + (t/eta)^beta/alpha)^-alpha."""
    alpha, beta = CLUSTERING.clustering, CLUSTERING.lifetime_shape
    t = np.geomspace(1e3, 1e8, 11)
    median = (alpha * (2 ** (1 / alpha) - 1)) ** (1 / beta)
    eta = CLUSTERING.reads / median
    expected = 1 - (1 + (t / eta) ** beta / alpha) ** -alpha
    np.testing.assert_allclose(R.failed_by(CLUSTERING, t), expected, rtol=1e-10)


def test_clustering_has_no_end_of_the_tail():
    scores = np.array([-8.0, -4.0, 4.0, 8.0])
    assert np.isfinite(R.lifetime(CLUSTERING, scores)).all()
    assert (np.diff(R.lifetime(CLUSTERING, scores)) > 0).all()


def test_voltage_is_decades_per_volt():
    each = R.acceleration(HRS, np.array([0.1, 0.2, 0.3]), 298.15)
    np.testing.assert_allclose(each, [1, 10, 100], rtol=0.02)
    np.testing.assert_allclose(each[2] / each[1], 10, rtol=2e-4)


def test_no_voltage_does_nothing_and_little_is_linear():
    """1e15 reads at 1 nV once acted like reads at 2 V."""
    tiny = R.equivalent_reads(HRS, [1e15, 2e15], [1e-9, 1e-9], 298.15)
    assert tiny == pytest.approx(3e15 * np.log(10) * 10 * 1e-9 / np.sinh(np.log(10)), rel=1e-9)
    assert R.acceleration(HRS, 0.0, 298.15) == 0
    assert R.acceleration(HRS, 0.0, 298.15, alternating=True) == 0


def test_slope_falls_with_the_temperature():
    """8.7 decades/V at 25 degC are 6.5 at 125 degC: the tilt of the barrier in kT."""
    model = replace(HRS, voltage_slope=8.7)
    volts = np.array([0.29, 0.30])
    for kelvin, slope in ((298.15, 8.7), (398.15, 6.515)):
        low, high = np.log10(R.acceleration(model, volts, kelvin))
        assert (high - low) / 0.01 == pytest.approx(slope, rel=2e-3)
    # zero field: the barrier alone
    cold, hot = (R.acceleration(model, 1e-6, t) for t in (298.15, 398.15))
    assert hot / cold == pytest.approx(
        298.15 / 398.15 * np.exp(0.6 / 8.617333262e-5 * (1 / 298.15 - 1 / 398.15)), rel=1e-6
    )
    assert R.acceleration(HRS, 0.1, 298.15, width=1e-7) == pytest.approx(2.0)


@given(st.floats(0.01, 0.3), st.floats(1, 1e12))
def test_each_direction_disturbs_its_own_state(volt, reads):
    assert R.equivalent_reads(HRS, [reads], [-volt], [300.0]) == 0
    assert R.equivalent_reads(LRS, [reads], [volt], [300.0]) == 0
    assert R.equivalent_reads(LRS, [reads], [-volt], [300.0]) > 0


def test_alternating_polarity_is_the_remedy():
    """A population whose first cell in 1000 fails after 8 000 reads in one direction keeps all of
    them at 1e6 reads of alternating polarity (doi:10.1109/ETS63895.2025.11049639).
    """
    z = np.sort(np.random.default_rng(5).standard_normal(1000))
    first = R.lifetime(replace(HRS, sigma=1.0), z[:1])[0]
    model = replace(HRS, sigma=1.0, reads=8000 / np.exp(first))
    initial = np.full(1000, 1e-5)

    def failures(reads, alternating):
        n = R.equivalent_reads(model, [reads], [0.1], [298.15], alternating=alternating)
        limit = 1e-4 + (1e-5 - 1e-4) / np.e  # where a life ends
        return np.count_nonzero(R.conductance(model, initial, n, z) > limit * (1 + 1e-9))

    assert failures(7_900, False) == 0
    assert failures(8_100, False) == 1
    assert failures(1e6, False) > 20
    assert failures(0.99e6, True) == 0


def test_zero_failures_bound_the_median():
    reads = R.reads_from_bound(HRS, 8e8, 11_520, 0.95)
    model = replace(HRS, reads=reads)
    assert R.failed_by(model, 8e8) == pytest.approx(binomial_bound(0, 11_520, 0.95), rel=1e-9)
    more = R.reads_from_bound(HRS, 8e8, 100_000, 0.95)
    assert more > reads  # more cells without a failure: a better bound
    assert R.reads_from_bound(HRS, 8e8, 11_520, 0.2) > reads  # asking for less confidence
    with pytest.raises(InputError, match="confidence"):
        R.reads_from_bound(HRS, 8e8, 11_520, 1.0)


def _at(tech, confidence):
    card = tech.with_values({"read_disturb.bound_confidence": confidence})
    return R.ReadDisturb.from_technology(card, "HRS")


def test_card_enters_the_bound_and_draws_its_confidence():
    tech = load_technology("oxram-130nm")
    model = R.ReadDisturb.from_technology(tech, "HRS")
    assert R.failed_by(model, 5.6e6) == pytest.approx(binomial_bound(0, 11_520, 0.95), rel=1e-9)
    confidence = tech.parameters["read_disturb.bound_confidence"]
    z = np.random.default_rng(0).standard_normal(300)
    drawn = np.array([R.failed_by(_at(tech, confidence.at(score)), 5.6e6) for score in z])
    # the upper 95 % bound is exceeded by one draw in twenty
    above = (drawn > binomial_bound(0, 11_520, 0.95)).mean()
    assert above == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 300))


def test_many_reads_in_single_precision():
    g = np.full(3, 1e-5, dtype=np.float32)
    z = np.zeros(3, dtype=np.float32)
    out = R.conductance(HRS, g, np.array([0.0, 1e6, 1e12]), z)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [1e-5, 1e-4 - 9e-5 / np.e, 1e-4], rtol=1e-5)


@given(st.floats(1e-6, 1e6))
def test_unit_of_reads_and_conductance_does_not_matter(unit):
    model = replace(
        HRS, reads=HRS.reads * unit, asymptotic_resistance=HRS.asymptotic_resistance / unit
    )
    g, z = np.array([1e-5]), np.array([0.3])
    scaled = R.conductance(model, g * unit, 5e5 * unit, z)
    np.testing.assert_allclose(scaled / unit, R.conductance(HRS, g, 5e5, z), rtol=1e-9)


def test_negative_reads_are_refused():
    with pytest.raises(InputError, match="reads"):
        R.equivalent_reads(HRS, [-1.0], [0.1], [298.15])


def test_age_takes_different_reads_in_every_cell_and_adds_them_up():
    from reliability.mission import MissionProfile, Segment
    from reliability.population import age, sample_population

    cells = sample_population(load_technology("oxram-130nm"), cells=400, state="HRS", seed=1)
    reads = np.where(np.arange(400) < 200, 0.0, 0.5)
    mission = MissionProfile.constant(time="1 h", reads=2e12)
    own = age(cells.assign(reads=("cell", reads)), mission)["conductance"].values[0, 0]
    none = age(cells, MissionProfile.constant(time="1 h"))["conductance"].values[0, 0]
    half = age(cells, MissionProfile.constant(time="1 h", reads=1e12))["conductance"].values[0, 0]
    assert (own[:200] == none[:200]).all()
    assert (own[200:] == half[200:]).all()
    assert np.median(half) > np.median(none)
    first = MissionProfile([Segment(time="20 min", reads=4e11, read_voltage=0.15)])
    second = MissionProfile([Segment(time="40 min", reads=6e11, alternating=True)])
    steps = age(age(cells, first), second)["conductance"].values
    np.testing.assert_allclose(steps, age(cells, first + second)["conductance"].values, rtol=1e-12)


def test_cells_that_live_alike_fail_together_and_one_at_the_end_crosses_nothing():
    model = replace(R._example(), sigma=0.0)
    assert R.failed_by(model, [0.0, 0.9e6, 1e6]).tolist() == [0, 0, 1]
    assert R.probability_crossed(model, 1e-4, 1e9, 9e-5) == 0
