"""Claims at use by hand: equivalent times, offsets of a model, bounds and the units they need."""

import math

import numpy as np
import pytest
from scipy import stats

from reliability.lifetime import Claim, assess_claim, fit_lifetime, more_units

K = 8.617333262e-5  # eV/K
OVEN, FIELD = 398.15, 328.15


@pytest.mark.parametrize("model", ["arrhenius", "eyring"])
def test_equivalent_time_of_a_test_without_a_failure(model):
    """Eyring's factor is Arrhenius' times the ratio of temperatures, which has no coefficient."""
    found = assess_claim(
        Claim(87660.0, 0.01, {"temperature": FIELD}), lower=[1000.0, 500.0], upper=[np.inf] * 2,
        frequency=[200, 31], stress={"temperature": [OVEN, OVEN]}, acceleration=model,
        fixed={"activation_energy": 0.7, "shape": 2.0},
    )  # fmt: skip
    factor = math.exp(0.7 / K * (1 / FIELD - 1 / OVEN)) * (OVEN / FIELD if model == "eyring" else 1)
    assert found.use_time == pytest.approx((200 * 1000 + 31 * 500) * factor, rel=1e-9)
    assert found.longest == pytest.approx(1000 * factor, rel=1e-9)
    assert found.extrapolation == pytest.approx(87660 / (1000 * factor), rel=1e-9)
    exposure = 200 * (1000 * factor / 87660) ** 2 + 31 * (500 * factor / 87660) ** 2
    needed = -math.log(0.1)  # no failure, 90 %
    bound = -math.expm1(-needed / exposure)
    assert found.bound == pytest.approx(bound, rel=1e-9)
    assert found.rate_bound == pytest.approx(-math.log1p(-bound) / 87660, rel=1e-9)
    hazard = -math.log1p(-0.01)
    life = 87660 * (hazard * exposure / needed) ** 0.5
    assert found.life_bound == pytest.approx(life, rel=1e-9)
    assert found.factor == pytest.approx(max(needed / hazard / exposure, 1.0), rel=1e-9)
    assert found.margin == pytest.approx(0.01 / bound, rel=1e-9)


def test_a_claim_within_the_test_counts_the_units_that_lived_as_long():
    """Units censored before the claim are left out, failures after it are good."""
    lower = [100.0, 300.0, 1000.0, 800.0, 600.0]
    upper = [100.0, np.inf, np.inf, 800.0, np.inf]
    found = assess_claim(
        Claim(600.0, 0.05), lower=lower, upper=upper, frequency=[1, 20, 60, 1, 18]
    )  # fmt: skip
    # failed by 600: 1; good at 600: 60 + 1 + 18
    assert found.method == "binomial"
    assert found.bound == pytest.approx(stats.beta.ppf(0.9, 2, 79), rel=1e-9)
    assert math.isnan(found.estimate)
    # the claimed 5 % holds at 300 too, with the 20 units that were censored there
    assert stats.beta.ppf(0.9, 2, 99) < 0.05 < found.bound * 1.1
    assert found.life_bound >= 300.0


def test_units_that_a_fit_needs():
    """The bound closes in as one over the root of the number of units, on the log-odds."""
    rng = np.random.default_rng(7)
    life = rng.weibull(2.0, 60)
    data = {"lower": np.minimum(life, 1.0), "upper": np.where(life < 1.0, life, np.inf)}
    found = assess_claim(Claim(0.3, 0.12), **data, distribution="weibull")
    logit = stats.logistic.ppf
    have = logit(found.bound) - logit(found.estimate)
    gap = logit(0.12) - logit(found.estimate)
    assert have > gap > 0
    assert found.factor == pytest.approx((have / gap) ** 2, rel=1e-6)
    assert more_units(found) == math.ceil(60 * found.factor)
    assert more_units(assess_claim(Claim(0.3, 0.001), **data, distribution="weibull")) is None


def test_lots_within_the_test_are_bounded_by_what_lots_show():
    """Within the test the bound is at least that of the fraction over lots; the prior is stated."""
    rng = np.random.default_rng(8)
    lot = np.repeat(np.arange(4), 50)
    life = np.array([0.5, 1.0, 1.5, 2.0])[lot] * rng.weibull(2.0, 200)
    data = {"lower": np.minimum(life, 0.8), "upper": np.where(life < 0.8, life, np.inf)}
    inside, beyond = (
        assess_claim(Claim(t, 0.5), **data, lots=lot, distribution="weibull") for t in (0.4, 1.6)
    )
    from reliability.statistics import clustered_proportion

    failed = [int(np.sum(life[lot == k] < 0.4)) for k in range(4)]
    assert inside.bound >= float(clustered_proportion(failed, 50, 0.8).high) * (1 - 1e-9)
    assert beyond.bound > inside.bound
    for found in (inside, beyond):
        assert "half-Cauchy prior of scale 1" in "; ".join(found.assumptions)


def test_at_time_zero_nothing_has_failed():
    fit = fit_lifetime([54, 187, 216, 240, 244, 335])
    assert tuple(fit.failure_probability(0.0)) == (0.0, 0.0, 0.0)
    assert tuple(fit.survival_probability(0.0)) == (1.0, 1.0, 1.0)
