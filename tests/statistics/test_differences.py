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


def test_draws_that_are_equal_do_not_differ() -> None:
    x = np.array([1.0, 2.0, 4.0])
    assert drawn_difference(x, x, 0.95, paired=True)["p"] == 1.0
    assert drawn_difference(x, x + 1, 0.95, paired=True)["p"] == 0.0  # exact in every draw
    assert drawn_difference(x, x, 0.95, paired=False)["p"] == pytest.approx(1.0)
