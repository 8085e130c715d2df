"""Differences of means and of draws: against scipy, and their promises kept on simulated draws."""

import numpy as np
import pytest
from scipy import stats

from reliability.statistics.differences import (
    drawn_difference,
    holm,
    paired_difference,
    unpaired_difference,
)


def test_paired_and_unpaired_agree_with_scipy() -> None:
    x, y = np.array([0.80, 0.82, 0.85, 0.81]), np.array([0.83, 0.84, 0.86, 0.85])
    paired = paired_difference(x, y, 0.95)
    oracle = stats.ttest_rel(y, x)
    interval = oracle.confidence_interval(0.95)
    assert paired["p"] == pytest.approx(oracle.pvalue)
    assert (paired["low"], paired["high"]) == pytest.approx((interval.low, interval.high))
    welch = unpaired_difference(x, y[:3], 0.9)
    oracle = stats.ttest_ind(y[:3], x, equal_var=False)
    interval = oracle.confidence_interval(0.9)
    assert welch["p"] == pytest.approx(oracle.pvalue)
    assert (welch["low"], welch["high"]) == pytest.approx((interval.low, interval.high))


def test_holm_agrees_with_its_definition() -> None:
    p = [0.01, 0.04, 0.03, 0.005, np.nan]
    assert holm(p, 0.05) == [True, False, False, True, False]  # 0.03 > 0.05 / 3
    assert holm([0.01], 0.05) == [True]


@pytest.mark.parametrize("paired", [True, False])
def test_one_more_draw_lies_in_the_interval_as_often_as_it_says(paired) -> None:
    """Draws of two answers that share most of what is uncertain, or nothing."""
    rng = np.random.default_rng(4)
    repeats, inside = 4000, 0
    for _ in range(repeats):
        common, own = rng.normal(size=(2, 13)), rng.normal(size=(2, 13))
        x, y = (common[0] + 0.3 * own[0], common[0] + 1 + 0.3 * own[1]) if paired else common
        found = drawn_difference(x[1:], y[1:], 0.9, paired=paired)
        inside += found["low"] <= y[0] - x[0] <= found["high"]
    # four standard errors of a share of 0.9; Welch's degrees of freedom are approximate
    assert inside / repeats == pytest.approx(0.9, abs=4 * np.sqrt(0.09 / repeats))


def test_draws_of_two_answers_by_hand() -> None:
    """A prediction for one more draw each: variances (1 + 1/n), Welch's degrees of freedom."""
    x, y = np.array([1.0, 2.5, 3.0, 4.0, 7.0]), np.array([2.0, 2.2, 5.0])
    parts = x.var(ddof=1) * 6 / 5, y.var(ddof=1) * 4 / 3
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 4 + parts[1] ** 2 / 2)
    half = stats.t.ppf(0.95, degrees) * np.sqrt(sum(parts))
    found = drawn_difference(x, y, 0.9, paired=False)
    centre = y.mean() - x.mean()
    assert (found["low"], found["high"]) == pytest.approx((centre - half, centre + half))
    assert found["p"] == pytest.approx(
        2 * stats.t.sf(abs(centre), degrees, scale=sum(parts) ** 0.5)
    )
    both = drawn_difference(x[:3], y, 0.9, paired=True)
    half = stats.t.ppf(0.95, 2) * np.std(y - x[:3], ddof=1) * np.sqrt(4 / 3)
    assert both["high"] - both["low"] == pytest.approx(2 * half)


def test_draws_that_are_equal_do_not_differ() -> None:
    x = np.array([1.0, 2.0, 4.0])
    assert drawn_difference(x, x, 0.95, paired=True)["p"] == 1.0
    assert drawn_difference(x, x + 1, 0.95, paired=True)["p"] == 0.0  # exact in every draw
    assert drawn_difference(x, x, 0.95, paired=False)["p"] == pytest.approx(1.0)


def test_equal_studies_on_wafers_that_differ_are_seldom_told_apart() -> None:
    """Two times four wafers of 25 chips; a wafer moves its chips by half of what chips differ.

    Taken as independent, chips would tell two equal studies apart far more often than one time in
    twenty. 1000 pairs: within 4 binomial standard errors and the 2 % that pooling may cost
    (Bancroft 1964).
    """
    rng = np.random.default_rng(5)
    pairs, wafer = 1000, np.repeat(np.arange(4), 25)
    values = rng.normal(0, 1, (pairs, 2, 100)) + 0.5 * rng.normal(0, 1, (pairs, 2, 4))[..., wafer]
    apart = [unpaired_difference(x, y, 0.95, 0.0, (wafer, wafer))["p"] < 0.05 for x, y in values]
    naive = [unpaired_difference(x, y, 0.95)["p"] < 0.05 for x, y in values]
    error = np.sqrt(0.05 * 0.95 / pairs)
    assert np.mean(apart) < 0.05 + 4 * error + 0.02
    assert np.mean(naive) > 0.25
    same = [paired_difference(x, y, 0.95, 0.0, wafer)["p"] < 0.05 for x, y in values]
    assert np.mean(same) < 0.05 + 4 * error + 0.02
