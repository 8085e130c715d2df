"""Tolerance factors and intervals against published tables and simulated populations."""

import numpy as np
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.statistics import tolerance_factor, tolerance_interval, tolerance_size
from reliability.statistics.means import held_by_draws, member_of_a_draw, nominal_and_drawn


@pytest.mark.parametrize(
    ("size", "content", "confidence", "two_sided", "printed"),
    [
        (43, 0.90, 0.99, False, 1.8740),  # NIST/SEMATECH e-Handbook, section 7.2.6.3
        (10, 0.95, 0.95, False, 2.911),  # ISO 16269-6
        (10, 0.95, 0.95, True, 3.393),  # ISO 16269-6, mean and deviation unknown
        (2, 0.90, 0.90, True, 15.512),  # Krishnamoorthy & Mathew (2009), table B1
    ],
)
def test_printed_factors(size, content, confidence, two_sided, printed):
    found = tolerance_factor(size, content, confidence, two_sided=two_sided)
    assert found == pytest.approx(printed, abs=6e-4)


def test_two_sided_factor_is_close_to_the_howe_approximation_of_nist():
    """NIST/SEMATECH e-Handbook, section 7.2.6.3: 2.217."""
    assert tolerance_factor(43, 0.90, 0.99) == pytest.approx(2.217, rel=4e-3)


@pytest.mark.parametrize(
    ("content", "confidence", "one", "two"),
    [(0.95, 0.95, 59, 93), (0.99, 0.95, 299, 473), (0.90, 0.90, 22, 38)],
)
def test_sizes_of_wilks(content, confidence, one, two):
    assert tolerance_size(content, confidence, two_sided=False) == one
    assert tolerance_size(content, confidence) == two


@pytest.mark.parametrize("sides", ["two", "lower", "upper"])
@pytest.mark.parametrize(
    ("distribution", "truth"), [("normal", stats.norm), ("lognormal", stats.lognorm(0.5)),
                                ("any", stats.expon)],
)  # fmt: skip
def test_limits_hold_the_content_at_the_confidence(distribution, truth, sides):
    rng = np.random.default_rng(1)
    held = []
    for _ in range(150):
        low, high = tolerance_interval(
            truth.rvs(size=60, random_state=rng), 0.9, 0.9, sides=sides, distribution=distribution
        )
        held.append(truth.cdf(high) - truth.cdf(low) >= 0.9)
    exact = distribution != "any"
    assert np.mean(held) >= 0.9 - 3 * np.sqrt(0.09 / 150)
    assert np.mean(held) <= (0.9 + 3 * np.sqrt(0.09 / 150) if exact else 0.99)


def test_order_statistics_leave_out_as_many_as_they_may():
    low, high = tolerance_interval(np.arange(100.0), 0.95, 0.95, distribution="any")
    assert (low, high) == (0.0, 99.0)
    low, high = tolerance_interval(np.arange(1000.0), 0.95, 0.95, sides="upper", distribution="any")
    k = 1000 - int(high)
    assert low == -np.inf
    assert stats.binom.cdf(k - 1, 1000, 0.05) <= 0.05 < stats.binom.cdf(k, 1000, 0.05)


def test_values_that_cannot_be_right_are_refused():
    with pytest.raises(InputError, match="got 58, at least 93"):
        tolerance_interval(np.arange(58.0), 0.95, 0.95, distribution="any")
    with pytest.raises(InputError, match="row 1 is not a finite"):
        tolerance_interval([1.0, np.nan])
    with pytest.raises(InputError, match="not above 0"):
        tolerance_interval([1.0, -1.0], distribution="lognormal")
    with pytest.raises(InputError, match="unknown sides 'both'"):
        tolerance_interval([1.0, 2.0], sides="both")
    with pytest.raises(InputError, match="size: got 1"):
        tolerance_factor(1)


def test_the_interval_of_drawn_values_holds_one_more_as_often_as_stated():
    """Of n draws the k-th from either end holds (n + 1 - 2 k) / (n + 1) of further draws."""
    rng = np.random.default_rng(3)
    for n, confidence in ((19, 0.9), (30, 0.9), (40, 0.95), (5, 0.9)):
        x = rng.standard_normal((n + 1, 4000))
        x[0] = np.median(x[1:], axis=0)
        low, high = nominal_and_drawn(x, confidence)
        held = np.mean(stats.norm.cdf(high) - stats.norm.cdf(low))
        k = max(int((n + 1) * (1 - confidence) / 2 + 1e-9), 1)
        assert held == pytest.approx((n + 1 - 2 * k) / (n + 1), abs=0.01)
        assert held > confidence - 0.01 or n == 5


@pytest.mark.parametrize("between", [0.0, 1.0, 10.0])
@pytest.mark.parametrize("draws", [8, 24])
def test_one_more_lot_of_one_more_card_is_held_as_often_as_stated(draws, between):
    """Lots of a card differ by 1; the percentiles of 24 such draws held 82 % of 90 %."""
    rng = np.random.default_rng(4)
    card = between * rng.standard_normal((1500, draws, 1))
    ends = [member_of_a_draw(x, 0.9) for x in card + rng.standard_normal((1500, draws, 9))]
    low, high = stats.norm.cdf(np.array(ends) / np.hypot(1.0, between)).T
    assert held_by_draws(draws, 0.9) - 0.02 < np.mean(high - low) < 0.99
    if between == 10.0:
        assert np.mean(high - low) == pytest.approx(held_by_draws(draws, 0.9), abs=0.02)
