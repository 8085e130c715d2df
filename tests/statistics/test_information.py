"""Value of information: closed forms and coverage."""

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from reliability.errors import InputError
from reliability.statistics.information import (
    correlation_by_chance,
    gain_of_verdict,
    value_of_information,
)


@pytest.mark.parametrize(("rho", "p"), [(0.6, 0.3), (-0.9, 0.8), (0.4, 0.5), (0.99, 0.05)])
def test_gain_is_that_of_the_bivariate_normal_distribution(rho, p) -> None:
    """Right where parameter and answer lie on the same side of their thresholds."""
    r, t = abs(rho), -ndtri(p)
    both = multivariate_normal(cov=[[1, r], [r, 1]]).cdf
    right = 2 * both([t, t / r]) + 1 - both([t, np.inf]) - both([np.inf, t / r])
    assert gain_of_verdict(rho, p) == pytest.approx(right - max(p, 1 - p), abs=2e-4)


def test_gain_at_its_ends() -> None:
    assert gain_of_verdict(0.5, 0.5) == pytest.approx(1 / 6, abs=1e-4)  # asin(1/2) / pi
    assert gain_of_verdict(1.0, 0.2) == pytest.approx(0.2, abs=1e-3)  # no wrong verdict is left
    assert gain_of_verdict(0.0, 0.3) == 0.0


def coverage(rho: float, p: float, draws: int, runs: int) -> float:
    rng, true = np.random.default_rng(4), gain_of_verdict(rho, p)
    held = 0
    for _ in range(runs):
        x = rng.normal(size=draws)
        y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=draws)
        found = value_of_information(np.exp(x), y**3, y >= -ndtri(p))  # any rising scale
        held += found.low <= true <= found.high
    return held / runs


def test_interval_covers() -> None:
    assert coverage(0.6, 0.5, 64, 60) >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 60)


@pytest.mark.slow
@pytest.mark.parametrize("draws", [24, 64, 256])
@pytest.mark.parametrize(
    "case", [(0.0, 0.5), (0.0, 0.9), (0.3, 0.7), (0.6, 0.5), (0.9, 0.5), (0.9, 0.8)]
)
def test_interval_covers_in_many_runs(case, draws) -> None:
    assert coverage(*case, draws, 800) >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 800)


def test_chance_is_what_the_largest_of_many_reaches() -> None:
    rng = np.random.default_rng(2)
    most = []
    for _ in range(400):
        y, x = rng.permutation(24), np.argsort(rng.random((30, 24)), axis=1)
        most.append(np.abs([np.corrcoef(row, y)[0, 1] for row in x]).max())
    over = np.mean(np.array(most) > correlation_by_chance(24, 30))
    assert 0.02 < over < 0.085
    with pytest.raises(InputError, match="expected one of 8 or more"):
        value_of_information([1.0, 2.0], [1.0, 2.0], [True, False])
