"""Intervals of proportions: exactness, and clusters that differ."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from reliability.statistics import proportions
from reliability.statistics.proportions import clopper_pearson, clustered_proportion, wilson


def missed(
    spread: float, clusters: int, tests: int, *, naive: bool = False, median: float = 0.05
) -> tuple[float, float]:
    """Fraction of simulated tests whose 95 % interval lies below and above the truth."""
    rng = np.random.default_rng(7)
    cells = 200
    p = special.expit(special.logit(median) + spread * rng.standard_normal((tests, clusters)))
    z = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    truth = special.expit(special.logit(median) + spread * z).mean()
    failures = rng.binomial(cells, p)
    if naive:
        low, high = clopper_pearson(failures.sum(axis=1), clusters * cells)
    else:
        low, high, _ = clustered_proportion(failures, cells)
    return float(np.mean(high < truth)), float(np.mean(low > truth))


@pytest.mark.parametrize("clusters", [3, 10])
def test_clusters_that_differ_are_covered_and_naive_intervals_do_not(clusters: int) -> None:
    tests = 200
    error = 3 * np.sqrt(0.025 * 0.975 / tests)
    for spread in (0.0, 0.5):
        assert max(missed(spread, clusters, tests)) < 0.025 + error
    assert sum(missed(0.5, clusters, tests, naive=True)) > 0.2


@pytest.mark.slow
@pytest.mark.parametrize("median", [0.002, 0.05, 0.4])
@pytest.mark.parametrize("clusters", [3, 5, 10, 25])
@pytest.mark.parametrize("spread", [0.0, 0.3, 0.6, 1.0])
def test_coverage_of_the_clustered_interval(median: float, clusters: int, spread: float) -> None:
    assert max(missed(spread, clusters, 1000, median=median)) < 0.05


def test_the_likelihood_of_a_cluster_is_its_integral() -> None:
    median, spread = np.array([-3.0, -1.0]), 0.7
    for k, n in ((0.0, 30.0), (4.0, 50.0), (20.0, 20.0)):
        found = proportions._log_likelihood(np.array([k]), np.array([n]), median, spread)[:, 0]
        for mu, value in zip(median, found, strict=True):
            exact, _ = integrate.quad(
                lambda z, mu=mu, k=k, n=n: stats.norm.pdf(z)
                * np.exp(k * (mu + spread * z) - n * np.logaddexp(0, mu + spread * z)),
                -8, 8,
            )  # fmt: skip
            assert value == pytest.approx(np.log(exact), abs=2e-3)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_no_more_is_known_than_from_independent_trials(failures: list[int]) -> None:
    low, high, effective = clustered_proportion(failures, 50)
    assert 0 < effective <= 1
    assert low <= np.mean(failures) / 50 <= high
    if len(failures) == 1:
        assert (low, high) == clopper_pearson(failures[0], 50)


def test_batches_and_the_order_of_clusters() -> None:
    batch = clustered_proportion(
        [[3, 0, 9], [9, 3, 0], [0, 0, 0]], [[50, 60, 50], [50, 50, 60], [50] * 3]
    )
    one = clustered_proportion([3, 0, 9], [50, 60, 50])
    for name in batch._fields:
        assert getattr(batch, name)[0] == pytest.approx(getattr(one, name))
        assert getattr(batch, name)[1] == pytest.approx(getattr(one, name))
    assert batch.low[2] == 0


def test_published_intervals() -> None:
    """Brown, Cai, DasGupta, Stat. Sci. 16, 101 (2001); Newcombe 1998: 81 of 263, 0 of 20."""
    low, high = wilson([81, 0], [263, 20])
    np.testing.assert_allclose([low, high], [[0.2553, 0.0], [0.3662, 0.1611]], atol=5e-5)
    low, high = clopper_pearson([81, 0], [263, 20])
    np.testing.assert_allclose([low, high], [[0.2527, 0.0], [0.3676, 0.1684]], atol=5e-5)
