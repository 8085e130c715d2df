"""Intervals of proportions: exactness and what clustered trials are worth."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reliability.statistics.intervals import clopper_pearson, effective_share


def covered(spread: float, clusters: int, rng: np.random.Generator, worth: bool) -> float:
    """Share of simulated tests whose 95 % interval holds the mean failure probability."""
    tests, cells, median = 4000, 200, 0.05
    p = np.minimum(median * np.exp(spread * rng.standard_normal((tests, clusters))), 1.0)
    truth = median * np.exp(spread**2 / 2)
    failures = rng.binomial(cells, p)
    share = effective_share(failures, cells) if worth else 1.0
    low, high = clopper_pearson(failures.sum(axis=1) * share, clusters * cells * share)
    return float(np.mean((low <= truth) & (truth <= high)))


def test_clusters_that_differ_are_covered_and_naive_intervals_do_not() -> None:
    rng = np.random.default_rng(7)
    error = 4 * np.sqrt(0.95 * 0.05 / 4000)
    for clusters in (5, 25):
        assert covered(0.0, clusters, rng, True) > 0.95 - error
        assert covered(0.5, clusters, rng, True) > 0.95 - error
        assert covered(0.5, clusters, rng, False) < 0.75


@given(st.lists(st.integers(0, 50), min_size=1, max_size=8))
def test_no_more_is_known_than_from_independent_trials(failures) -> None:
    share = effective_share(failures, 50)
    assert 0 < share <= 1
    if len(set(failures)) == 1:
        assert share == 1
