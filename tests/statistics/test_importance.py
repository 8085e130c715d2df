"""Importance sampling against probabilities known in closed form."""

import numpy as np
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.statistics.importance import importance_sampling


@pytest.mark.parametrize(("beta", "dimensions"), [(3.0, 1), (6.0, 5), (4.75, 20)])
def test_importance_sampling_of_a_plane(beta, dimensions):
    def margin(z):
        return beta - z.sum(1) / np.sqrt(dimensions)

    found = importance_sampling(margin, dimensions, samples=40_000, confidence=0.999)
    truth = stats.norm.sf(beta)
    assert found.low < truth < found.high
    assert found.high / found.low < 1.3
    assert found.warning == ""


def test_importance_sampling_of_a_curved_limit():
    """P(chi2(4) > r^2) has its errors all around: the margin is taken on one side only."""

    def margin(z):
        return 5.0 - z[:, 0] - 0.1 * z[:, 1] ** 2

    found = importance_sampling(margin, 2, samples=200_000, confidence=0.999)
    x = np.linspace(-9, 9, 20_001)
    truth = np.trapezoid(stats.norm.pdf(x) * stats.norm.sf(5.0 - 0.1 * x**2), x)
    assert found.low < truth < found.high


def test_importance_sampling_of_frequent_errors_is_plain_sampling():
    found = importance_sampling(lambda z: z[:, 0], 1, samples=20_000)
    assert found.value == pytest.approx(0.5, abs=0.03)


def test_intervals_cover():
    hits = 0
    for seed in range(100):
        found = importance_sampling(lambda z: 5.0 - z[:, 0], 2, samples=2000, seed=seed)
        hits += found.low < stats.norm.sf(5.0) < found.high
    assert hits >= 78  # 90 - 4 * 3 %


def test_refused():
    with pytest.raises(InputError, match="no error was found"):
        importance_sampling(lambda z: np.ones(len(z)), 2)
    with pytest.raises(InputError, match="expected"):
        importance_sampling(lambda z: z, 2)
