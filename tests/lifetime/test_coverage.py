"""Nominal 90 % intervals cover 90 %: slow, and printed in full by benchmarks/coverage.py."""

import numpy as np
import pytest
from scipy import stats

from reliability.lifetime import Claim, assess_claim
from reliability.lifetime.censored_fit import fit_lifetime

SAMPLES, SHAPE, CENSORED_AT = 2000, 1.7, 0.7  # 70 % fail before the end of the test


@pytest.mark.slow
@pytest.mark.parametrize("size", [20, 200])
def test_profile_intervals_of_weibull_scale_shape_and_b1_life(size):
    rng = np.random.default_rng(20 + size)
    end = (-np.log1p(-CENSORED_AT)) ** (1 / SHAPE)
    life = (-np.log(0.99)) ** (1 / SHAPE)
    hits = np.zeros(3)
    for _ in range(SAMPLES):
        time = rng.weibull(SHAPE, size)
        fit = fit_lifetime(np.minimum(time, end), event=time <= end)
        bounds = [fit.interval("scale"), fit.interval("shape"), fit.quantile(0.01)[1:]]
        truths = (1.0, SHAPE, life)
        hits += [low < truth < high for (low, high), truth in zip(bounds, truths, strict=True)]
    covered = hits / SAMPLES
    assert np.all((covered >= 0.88) & (covered <= 0.92)), covered


def misses(truth, expected, reach, tests, units=100):
    """Fraction of tests whose default 90 % bound is below the truth, and without rivals."""
    rng = np.random.default_rng(4)
    end = truth.ppf(expected / units)
    claim = Claim(float(reach * end), float(truth.cdf(reach * end)))
    default = alone = done = 0
    for _ in range(tests):
        life = truth.rvs(units, random_state=rng)
        time = np.append(life[life < end], end)
        upper = np.append(life[life < end], np.inf)
        count = np.append(np.ones(time.size - 1), units - time.size + 1)
        found = assess_claim(claim, lower=time, upper=upper, frequency=count)
        if found.fit is not None:
            done += 1
            default += found.passed
            alone += float(found.comparison["bound"][0]) < claim.fraction
    return default / done, alone / done


def test_a_default_verdict_does_not_rest_on_the_best_distribution():
    """Weibull 3, a claim three times as long as the test: by the best AICc half are missed."""
    default, alone = misses(stats.weibull_min(3.0), 12, 3.0, 16)
    assert default < 0.1 + 2 * np.sqrt(0.09 / 16)
    assert alone > 0.25


@pytest.mark.slow
@pytest.mark.parametrize("truth", [stats.expon(), stats.weibull_min(2.0), stats.lognorm(1.0)])
@pytest.mark.parametrize("reach", [0.3, 3.0])
def test_default_verdicts_hold(truth, reach):
    default, _ = misses(truth, 10, reach, 300)
    assert default < 0.1 + 3 * np.sqrt(0.09 / 300)
