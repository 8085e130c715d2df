"""Sample plans, failure rates and statements."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime.demonstration import (
    JESD47_TESTS,
    data_sheet_sentence,
    failure_rate_bound,
    plan_test,
    sample_size,
)
from reliability.statistics.proportions import binomial_bound


def test_published_fit_examples():
    """Fox Electronics data sheet: 360 parts, 2000 h, AF 49.91, none failed, 60 %: 26 FIT (25.5)."""
    rate = failure_rate_bound(devices=360, hours=2000, acceleration=49.91009, confidence=0.6)
    assert rate == pytest.approx(25.5, abs=0.05)
    with_spares = failure_rate_bound(devices=10, hours=1000, failures=12, replacement=True)
    assert with_spares == pytest.approx(stats.chi2.ppf(0.6, 26) / 2 / 1e4 * 1e9)
    # Without a failure chi2(C; 2)/2 = -log(1 - C).
    plain = failure_rate_bound(devices=1, hours=1e9, confidence=0.9)
    assert plain == pytest.approx(-np.log(0.1))


def test_fit_bound_covers_the_rate():
    """For a Poisson count the bound is below the rate in at most 1 - confidence of tests."""
    rate, hours = 3e-5, 1000.0
    counts = np.arange(0, 60)
    chance = stats.poisson.pmf(counts, rate * 100 * hours)
    bounds = [
        failure_rate_bound(devices=100, hours=hours, failures=int(k), confidence=0.9)
        for k in counts
    ]
    covered = chance[np.array(bounds) >= rate * 1e9].sum()
    assert covered >= 0.9


@given(p=st.floats(1e-6, 0.5), failures=st.integers(0, 5), confidence=st.floats(0.5, 0.99))
@settings(max_examples=60, deadline=None)
def test_sample_size_is_the_smallest(p, failures, confidence):
    n = sample_size(p, failures=failures, confidence=confidence)
    assert binomial_bound(failures, n, confidence) <= p
    if n > failures + 1:
        assert binomial_bound(failures, n - 1, confidence) > p
    # to the accuracy of inverting the beta function over millions of devices
    assert stats.binom.cdf(failures, n, p) <= 1 - confidence + 1e-7


def test_jesd47_lots_show_one_per_cent():
    """3 lots of 77 without a failure: 1 % at 90 % confidence, one lot 3 %."""
    operating = JESD47_TESTS[0]
    assert operating.devices == 231
    assert binomial_bound(0, operating.devices, 0.9) < 0.01
    assert binomial_bound(0, 77, 0.9) < 0.03
    assert binomial_bound(1, operating.devices, 0.9) > 0.01


def test_a_plan_shows_its_claim():
    """Devices of the plan, none failed, bound the claim at the stated confidence."""
    claim = {"probability": 0.01, "use_time": 87660.0, "use_temperature": 328.15}
    plan = plan_test(
        **claim, test_temperatures=[398.15, 423.15], test_times=[500, 1000],
        activation_energy=0.7, shape=2.0, confidence=0.9,
    )  # fmt: skip
    assert len(plan) == 4
    for row in plan.itertuples():
        scale = claim["use_time"] / (-np.log(0.99)) ** 0.5 / row.acceleration
        in_test = -np.expm1(-((row.time / scale) ** 2))
        assert row.test_probability == pytest.approx(in_test, rel=1e-9)
        assert (1 - in_test) ** row.devices <= 0.1
        assert (1 - in_test) ** (row.devices - 1) > 0.1
    hotter = plan[plan["temperature"] == 423.15]["devices"].to_numpy()
    assert (hotter <= plan[plan["temperature"] == 398.15]["devices"].to_numpy()).all()


def test_sentence():
    text = data_sheet_sentence(
        "failure rate", 51.2, unit="FIT", time=1000 * 3600, temperature=328.15, confidence=0.6,
        assumptions=["Arrhenius, Ea = 0.7 eV", "constant failure rate"],
    )  # fmt: skip
    assert text == (
        "Failure rate ≤ 52 FIT after 1000 h at 55 °C (60 % confidence), given: "
        "Arrhenius, Ea = 0.7 eV; constant failure rate."
    )
    cycles = data_sheet_sentence(
        "BER", 1.01e-6, time="10⁶ cycles", temperature=None, confidence=0.9, assumptions=["none"]
    )
    assert cycles == "BER ≤ 1.1 × 10⁻⁶ after 10⁶ cycles (90 % confidence), given: none."
    with pytest.raises(InputError, match="assumptions"):
        data_sheet_sentence("BER", 1e-6, time=1, temperature=300, confidence=0.9, assumptions=[])


@pytest.mark.parametrize(
    "call",
    [
        lambda: failure_rate_bound(devices=0, hours=1000),
        lambda: failure_rate_bound(devices=10, hours=1000, failures=11),
        lambda: failure_rate_bound(devices=10, hours=1000, confidence=90),
        lambda: sample_size(0.0),
        lambda: failure_rate_bound(devices=10, hours=1000, failures=-1, replacement=True),
    ],
)
def test_refused(call):
    with pytest.raises(InputError):
        call()
