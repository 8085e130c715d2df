"""Claims: published worked examples, exact tests, coverage, and what is told when one fails."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime import Claim, assess_claim, more_units
from reliability.lifetime.claims import FEW
from reliability.lifetime.curves import life_against_temperature, probability_curves
from reliability.statistics import binomial_bound

from .test_lifetime_published import DEVICE_A, DEVICE_A_GOOD

HOURS_TEN_YEARS = 87660.0


def device_a():
    """Meeker & Escobar (1998), example 19.5: hours at four temperatures, ended at 5000 h."""
    time = [t for times in DEVICE_A.values() for t in times] + [5000.0] * len(DEVICE_A_GOOD)
    failed = len(time) - len(DEVICE_A_GOOD)
    kelvin = [k for k, times in DEVICE_A.items() for _ in times] + list(DEVICE_A_GOOD)
    return {
        "lower": np.array(time, float),
        "upper": np.array(time[:failed] + [np.inf] * len(DEVICE_A_GOOD)),
        "frequency": np.array([1] * failed + list(DEVICE_A_GOOD.values())),
        "stress": {"temperature": np.array(kelvin)},
    }


def test_published_failure_rate():
    """Fox Electronics data sheet: 360 parts, 2000 h, AF 49.91009, none failed, 60 %: 25.5 FIT."""
    hours = 2000 * 49.91009
    found = assess_claim(
        Claim(HOURS_TEN_YEARS, 0.01, confidence=0.6),
        lower=[hours], upper=[np.inf], frequency=[360], fixed={"shape": 1.0},
    )  # fmt: skip
    assert found.rate_bound * 1e9 == pytest.approx(25.5, abs=0.05)


def test_published_sample_plan():
    """JESD47: three lots of 77 without a failure show 1 % at 90 % for the time of the test."""
    one = Claim(1000.0, 0.01)
    shown = assess_claim(one, lower=[1000.0], upper=[np.inf], frequency=[231])
    assert shown.passed
    assert shown.bound == pytest.approx(binomial_bound(0, 231, 0.9), rel=1e-12)
    assert shown.method == "binomial"
    lot = assess_claim(one, lower=[1000.0], upper=[np.inf], frequency=[77])
    assert not lot.passed
    assert more_units(lot) == 230


def test_published_accelerated_test():
    """Device-A: published parameters b0 -13.469, Ea 0.6279 eV, sigma 0.9778 give the estimate."""
    claim = Claim(30_000.0, 0.15, {"temperature": 283.15}, confidence=0.975)
    found = assess_claim(claim, **device_a(), distribution="lognormal")
    z = (np.log(30_000) - (-13.469 + 0.6279 * 11605 / 283.15)) / 0.9778
    assert found.estimate == pytest.approx(stats.norm.cdf(z), rel=0.02)
    assert found.passed
    assert found.estimate < found.bound < 0.15
    assert found.coefficients["activation_energy"] == pytest.approx(0.6279, abs=5e-5)
    assert found.shape is None
    strict = assess_claim(
        Claim(30_000.0, 0.05, {"temperature": 283.15}, 0.975),
        **device_a(),
        distribution="lognormal",
    )
    assert not strict.passed
    assert strict.bound == pytest.approx(found.bound, rel=1e-9)
    assert more_units(strict) > 165


@given(
    units=st.integers(5, 400), hours=st.floats(10, 1e4), factor=st.floats(0.1, 100),
    shape=st.floats(0.5, 4), confidence=st.floats(0.55, 0.99),
)  # fmt: skip
@settings(max_examples=30, deadline=None)
def test_no_failure_is_the_exact_binomial_in_equivalent_time(
    units, hours, factor, shape, confidence
):
    claim = Claim(hours * factor, 0.01, confidence=confidence)
    found = assess_claim(
        claim, lower=[hours], upper=[np.inf], frequency=[units], fixed={"shape": shape}
    )
    assume(found.bound < 1 - 1e-9)
    # none of the units failed in the test with probability (1 - F_test)^units = 1 - confidence
    in_test = -np.expm1(np.log1p(-found.bound) * factor**-shape)
    assert (1 - in_test) ** units == pytest.approx(1 - confidence, rel=1e-6)
    assert found.passed == (found.bound <= 0.01)
    needed = more_units(found)
    again = assess_claim(
        claim, lower=[hours], upper=[np.inf], frequency=[needed], fixed={"shape": shape}
    )
    assert again.passed


def test_known_shape_covers_with_failures():
    """Weibull lives, test ended at 500: the 90 % bound is below the truth in at most 10 %."""
    rng = np.random.default_rng(0)
    truth = stats.weibull_min(1.8, scale=2000.0)
    claim = Claim(1000.0, 0.1)
    misses, trials = 0, 400
    for _ in range(trials):
        life = truth.rvs(60, random_state=rng)
        time = np.minimum(life, 500.0)
        found = assess_claim(
            claim, lower=time, upper=np.where(life < 500.0, time, np.inf), fixed={"shape": 1.8}
        )
        misses += found.bound < truth.cdf(1000.0)
    assert misses / trials < 0.1 + 3 * np.sqrt(0.1 * 0.9 / trials)


@pytest.mark.slow
def test_fitted_bound_covers_the_truth():
    """Arrhenius Weibull lives at two temperatures: misses of the 90 % bound stay near 10 %."""
    rng = np.random.default_rng(1)
    scale = lambda kelvin: 2e-10 * np.exp(0.9 / (8.617333262e-5 * kelvin))  # noqa: E731
    claim = Claim(2e4, 0.01, {"temperature": 328.15})
    true = 1 - np.exp(-((2e4 / scale(328.15)) ** 2.0))
    kelvin = np.repeat([398.15, 423.15], 30)
    misses, trials = 0, 200
    for _ in range(trials):
        life = scale(kelvin) * rng.weibull(2.0, 60)
        time = np.minimum(life, 100.0)
        upper = np.where(life < 100.0, time, np.inf)
        found = assess_claim(
            claim, lower=time, upper=upper, stress={"temperature": kelvin}, distribution="weibull"
        )
        misses += found.bound < true
    assert misses / trials < 0.1 + 3 * np.sqrt(0.1 * 0.9 / trials)


def test_law_is_chosen_by_aicc_and_rivals_are_told():
    rng = np.random.default_rng(5)
    time = 100 * rng.weibull(3.0, 40)
    found = assess_claim(Claim(10.0, 0.05), lower=time, upper=time)
    assert found.fit.distribution.name == str(found.comparison["distribution"][0]) == "weibull"
    assert len(found.comparison) == 3
    assert found.shape == pytest.approx(3.0, abs=1.2)
    few = assess_claim(Claim(10.0, 0.05), lower=time[:5], upper=time[:5])
    assert any("several distributions" in text for text in few.limitations)
    assert any("tail is that of the distribution" in text for text in few.limitations)


def test_few_failures_are_not_fitted():
    time = np.array([300.0, 400.0] + [1000.0] * 50)
    upper = np.array([300.0, 400.0] + [np.inf] * 50)
    claim = Claim(1000.0, 0.1)
    found = assess_claim(claim, lower=time, upper=upper)
    assert found.fit is None
    assert found.failures == 2 < FEW
    assert found.bound == pytest.approx(binomial_bound(2, 52, 0.9), rel=1e-12)
    with pytest.raises(InputError, match=r"shape: the claim is 1\.5 times as long"):
        assess_claim(Claim(1500.0, 0.1), lower=time, upper=upper)
    found = assess_claim(claim, lower=time, upper=upper, fixed={"shape": 1.0})
    rate = stats.chi2.ppf(0.9, 6) / 2 / (700 + 50_000)
    assert found.rate_bound == pytest.approx(rate, rel=1e-12)
    assert found.bound == pytest.approx(-np.expm1(-rate * 1000), rel=1e-12)


def test_claim_beyond_the_estimate_needs_no_more_units():
    time = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    found = assess_claim(Claim(100.0, 0.01), lower=time, upper=time, distribution="weibull")
    assert not found.passed
    assert more_units(found) is None


def test_voltage_and_temperature_together():
    rng = np.random.default_rng(2)
    kelvin = np.repeat([358.15, 398.15], 40)
    volts = np.tile(np.repeat([0.3, 0.5], 20), 2)
    scale = 1e-8 * np.exp(0.8 / (8.617333262e-5 * kelvin) - 10 * volts)
    life = scale * rng.weibull(1.5, 80)
    found = assess_claim(
        Claim(float(np.median(life)), 0.5, {"temperature": 328.15, "voltage": 0.1}),
        lower=life, upper=life, stress={"temperature": kelvin, "voltage": volts},
    )  # fmt: skip
    assert set(found.coefficients) == {"activation_energy", "voltage_acceleration"}
    assert found.coefficients["activation_energy"] == pytest.approx(0.8, abs=0.2)
    assert found.coefficients["voltage_acceleration"] == pytest.approx(10, abs=4)
    assert found.passed


@pytest.mark.parametrize(
    ("claim", "options", "says"),
    [
        ({"stress": {"temperature": 300.0}}, {}, "the claim names it, the data do not"),
        ({}, {"stress": {"temperature": [350.0, 400.0]}}, "say at which one the claim holds"),
        ({"stress": {"temperature": 300.0}}, {"stress": {"temperature": 400.0}},
         "activation_energy: got 0 failed units, which do not give it"),
        ({}, {"fixed": {"activation_energy": 1.0}}, "activation_energy: nothing depends on it"),
        ({}, {"fixed": {"shape": -1.0}}, "shape: got -1.0"),
        ({}, {"lower": [0.0, 0.0]}, "lower: no unit is known"),
    ],
)  # fmt: skip
def test_bad_input(claim, options, says):
    data = {"lower": [10.0, 20.0], "upper": [np.inf, np.inf], **options}
    with pytest.raises(InputError) as caught:
        assess_claim(Claim(100.0, 0.01, **claim), **data)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"duration": 0.0}, {"fraction": 1.0}, {"confidence": 0.5}, {"duration": np.inf}]
)
def test_claims_that_cannot_be(change):
    with pytest.raises(InputError):
        Claim(**{"duration": 1.0, "fraction": 0.1, **change})


def test_curves_hold_the_fit_and_the_data():
    found = assess_claim(
        Claim(30_000.0, 0.15, {"temperature": 283.15}, 0.95), **device_a(), distribution="lognormal"
    )
    levels = [{"temperature": k} for k in (283.15, 313.15, 353.15)]
    curves = probability_curves(found.fit, levels)
    assert curves["seen_time"].notnull().sum("failure").values.tolist() == [0, 10, 14]
    assert (curves["low"] <= curves["probability"]).all()
    assert (curves["probability"] <= curves["high"]).all()
    life = life_against_temperature(found.fit, [283.15, 353.15], [0.1, 0.5])
    assert (life["life"].sel(temperature=283.15) > life["life"].sel(temperature=353.15)).all()
    assert life["seen_time"].size == 33
    with pytest.raises(InputError, match="no acceleration"):
        life_against_temperature(
            assess_claim(Claim(1.0, 0.5), lower=[1.0, 2, 3, 4], upper=[1.0, 2, 3, 4]).fit, [300.0],
            [0.5],
        )  # fmt: skip


def test_a_verdict_that_rivals_do_not_share_depends_on_the_distribution():
    rng = np.random.default_rng(1)
    time = rng.weibull(2.0, 100)
    end = np.sort(time)[9]
    data = {"lower": np.minimum(time, end), "upper": np.where(time <= end, time, np.inf)}
    far = 3 * end
    bounds = assess_claim(Claim(far, 0.5), **data).comparison.set_index("distribution")["bound"]
    assert bounds["exponential"] < bounds["weibull"]
    between = Claim(far, float(bounds["exponential"] * bounds["weibull"]) ** 0.5)
    found = assess_claim(between, **data)
    assert found.verdict == "depends on the distribution"
    assert not found.passed
    assert found.bound == bounds.max()
    assert found.extrapolation == pytest.approx(3.0)
    average = assess_claim(between, **data, choice="average")
    assert bounds.min() < average.bound < found.bound
    named = assess_claim(between, **data, distribution="exponential")
    assert named.verdict == "demonstrated"
    with pytest.raises(InputError, match="choice"):
        assess_claim(between, **data, choice="best")


def test_a_fraction_below_one_unit_of_the_test_is_said_to_be_extrapolated():
    rng = np.random.default_rng(1)
    time = rng.weibull(2.0, 100)
    data = {"lower": np.minimum(time, 0.5), "upper": np.where(time <= 0.5, time, np.inf)}
    early, late = (assess_claim(Claim(t, 0.5), **data) for t in (0.01, 0.5))
    assert 0 < early.estimate < 0.01 < late.estimate
    assert any("below one unit of 100" in each for each in early.limitations)
    assert not any("below one unit" in each for each in late.limitations)


def test_the_failure_rate_is_that_of_the_bound_beside_it():
    """Cumulative hazard at the claim over the claimed time, with a fitted activation energy."""
    found = assess_claim(
        Claim(30_000.0, 0.15, {"temperature": 283.15}), **device_a(), distribution="weibull"
    )
    hazard = -np.log1p(-found.bound)
    assert found.rate_bound == pytest.approx(hazard / 30_000.0)


@pytest.mark.slow
def test_the_failure_rate_bound_covers_with_a_fitted_energy():
    """Ea 0.7 eV, exponential lives: the rate at use is above its 90 % bound in about 10 %."""
    rng, misses = np.random.default_rng(8), 0
    kelvin = np.repeat([398.15, 423.15], 50)
    scale = lambda t: np.exp(0.7 / 8.617333262e-5 * (1 / t - 1 / 398.15))  # noqa: E731
    claim = Claim(10.0, 0.01, {"temperature": 328.15})
    for _ in range(150):
        life = scale(kelvin) * rng.exponential(size=100)
        time = np.minimum(life, 0.15)
        found = assess_claim(
            claim, lower=time, upper=np.where(life < 0.15, time, np.inf),
            stress={"temperature": kelvin}, fixed={"shape": 1.0}, distribution="weibull",
        )  # fmt: skip
        misses += found.rate_bound < 1 / scale(328.15)
    assert misses / 150 < 0.1 + 3 * np.sqrt(0.09 / 150)


def test_failures_in_one_read_out_bound_what_they_can():
    """231 units, 8 of them failed between 500 h and 1000 h: no shape, but a bound at 1000 h."""
    data = {"lower": [500.0, 1000.0], "upper": [1000.0, np.inf], "frequency": [8, 223]}
    found = assess_claim(Claim(1000.0, 0.06), **data)
    assert found.method == "binomial"
    assert found.bound == pytest.approx(binomial_bound(8, 231, 0.9), rel=1e-12)
    assert assess_claim(Claim(500.0, 0.06), **data).bound == pytest.approx(
        binomial_bound(0, 231, 0.9)
    )
    with pytest.raises(InputError, match="state it"):
        assess_claim(Claim(2000.0, 0.06), **data)
    assert assess_claim(Claim(2000.0, 0.3), **data, fixed={"shape": 2.0}).passed


def test_lots_reach_the_bound_of_a_claim():
    rng = np.random.default_rng(6)
    lot = np.repeat(np.arange(5), 40)
    life = np.exp(0.6 * rng.standard_normal(5))[lot] * rng.weibull(2.0, 200)
    data = {"lower": life, "upper": life}
    plain = assess_claim(Claim(0.3, 0.2), **data, distribution="weibull")
    lots = assess_claim(Claim(0.3, 0.2), **data, distribution="weibull", lots=lot)
    assert lots.bound > 1.1 * plain.bound
    assert "from 5 lots" in lots.assumptions[-1]
    counted = {"lower": [10.0] * 3, "upper": [np.inf] * 3, "frequency": [77] * 3}
    one = assess_claim(Claim(10.0, 0.02), **counted)
    three = assess_claim(Claim(10.0, 0.02), **counted, lots=["a", "b", "c"])
    assert one.bound < three.bound < 3 * one.bound


def test_ranges_of_shape_and_energy_take_the_worst():
    test = {"lower": [1000.0], "upper": [np.inf], "frequency": [231],
            "stress": {"temperature": [398.15]}}  # fmt: skip
    claim = Claim(HOURS_TEN_YEARS, 0.05, {"temperature": 328.15})
    bounds = {
        (energy, shape): assess_claim(
            claim, **test, fixed={"activation_energy": energy, "shape": shape}
        ).bound
        for energy in (0.6, 0.8)
        for shape in (1.0, 3.0)
    }
    both = {"activation_energy": (0.6, 0.8), "shape": (1.0, 3.0)}
    found = assess_claim(claim, **test, fixed=both)
    assert found.bound == pytest.approx(max(bounds.values()))
    assert found.assumptions[0] == "worst within activation energy 0.6 to 0.8"
    # units beyond the claim and short of it: the worst shape lies inside the range
    mixed = {"lower": [0.6, 3.0], "upper": [np.inf, np.inf], "frequency": [100, 10]}
    inside = assess_claim(Claim(1.0, 0.05), **mixed, fixed={"shape": (0.2, 6.0)})
    ends = [assess_claim(Claim(1.0, 0.05), **mixed, fixed={"shape": b}).bound for b in (0.2, 6.0)]
    assert inside.bound > 1.1 * max(ends)
    for fixed, says in (
        ({"activation_energy": (0.6, 0.8)}, "a range is allowed only"),
        ({"activation_energy": 0.7, "shape": (3.0, 1.0)}, r"shape: got \(3\.0, 1\.0\)"),
    ):
        with pytest.raises(InputError, match=says):
            assess_claim(claim, **test, fixed=fixed)
