"""Intervals cover what they promise, on both sides; in full by benchmarks/interval_coverage.py."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.interval_coverage import Count, cell, counted, is_outside, page, simulate
from benchmarks.interval_coverage_cases import CASES, FITS, LOTS, NOTES, RATES, TRIALS, WAFERS
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


CHEAP = [
    case for case in CASES if case.section in (TRIALS, RATES)
    or (case.section == FITS and case.condition.startswith("20 units")
        and case.condition.endswith("time, profile"))
]  # fmt: skip


def widest(case):
    """Widths that a good interval stays below: half as much again as the normal approximation."""
    if case.section == TRIALS:
        trials, p = case.simulate.args
        return 1.5 * 2 * 1.96 * math.sqrt((1 - p) / (p * trials))
    if case.section == RATES:  # bound over rate: chi-square over twice the expected failures
        (mean,) = case.simulate.args
        return 1.5 * stats.chi2.ppf(0.9, 2 * round(mean) + 2) / (2 * mean)
    return 2.5


@pytest.mark.parametrize("case", CHEAP, ids=lambda case: case.key)
def test_both_ends_miss_as_often_as_they_may(case):
    """An interval of 0 to 1 never misses, one of a point always does: neither may pass."""
    for name, count in simulate(case, 0, 400).items():
        allowed = 1 - case.nominal
        error = math.sqrt(allowed / 400)
        assert count.samples >= 390, name
        assert not is_outside(case, count), (name, count)
        assert 0 < count.width < widest(case), (name, count)
        if case.section == FITS:  # no exact interval of a count, which is wider than it must be
            missed = (count.below / count.samples, count.above / count.samples)
            assert sum(missed) > allowed - 2.5 * error, (name, count)
            assert min(missed) > allowed / 2 - 3.5 * error, (name, count)


def test_the_page_is_made_of_counts_alone():
    case = next(case for case in CASES if case.section == TRIALS)
    lines = [
        json.dumps({"case": case.key, "block": k, "counts": {"Wilson": (50, 1 + k, 2, 0.5 + k)}})
        for k in (0, 1)
    ]
    found = counted(lines)
    assert found[case.key]["Wilson"] == Count(100, 3, 4, 1.0)
    assert found[case.key][""].samples == 2  # blocks
    text = "\n".join(page(found))
    assert "1 of 1 intervals" in text
    assert f"| {case.condition} | 100 | 93 (3, 4) |" in text
    assert WAFERS not in text
    assert cell(case, Count(100, 10, 10, 1.0)) == "**80 (10, 10)**"
    assert set(NOTES) == {case.section for case in CASES}
    assert len({case.key for case in CASES}) == len(CASES)


# What docs/coverage.md names as below its nominal level, beside what to use instead.
BELOW = ("wald", "sandwich covariance", "lots ignored", "binomial", "third power")


@pytest.mark.slow
@pytest.mark.parametrize("section", NOTES)
def test_sections_of_the_page(section):
    total: dict[str, Count] = {}
    one = {case.section: case for case in CASES}[section]
    for case in CASES:
        if case.section == section:
            for name, count in simulate(case, 1, max(round(20 * case.size), 8)).items():
                if not any(word in f"{case.condition} {name}" for word in BELOW):
                    total[name] = total.get(name, Count(0, 0, 0, 0.0)).plus(count)
    for name, count in total.items():
        assert not is_outside(one, count), (name, count)
        assert 0 < count.width < np.inf or section == LOTS, (name, count)
