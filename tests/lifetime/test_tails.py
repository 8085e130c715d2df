"""Tails: against SciPy, known probabilities and repeated samples."""

import numpy as np
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime.tails import fit_tail


@pytest.mark.parametrize("shape", [-0.2, 0.0, 0.4])
def test_pareto_fit_against_scipy(shape):
    x = stats.genpareto(shape, scale=2.0).rvs(3000, random_state=np.random.default_rng(1))
    tail = fit_tail(x, exceedances=800)
    peer_shape, _, peer_scale = stats.genpareto.fit(tail.excess, shape, floc=0, scale=tail.scale)
    ours = stats.genpareto(tail.shape, scale=tail.scale).logpdf(tail.excess).sum()
    theirs = stats.genpareto(peer_shape, scale=peer_scale).logpdf(tail.excess).sum()
    assert ours >= theirs - 1e-6
    assert tail.shape == pytest.approx(peer_shape, abs=2e-3)  # SciPy stops at 1e-4 of its simplex
    low, high = tail.shape_interval
    assert low < tail.shape < high


def test_probability_formula_and_sides():
    x = np.random.default_rng(2).exponential(size=5000)
    tail = fit_tail(x, exceedances=500)
    found = tail.probability(7.0)
    distribution = stats.genpareto(tail.shape, loc=tail.threshold, scale=tail.scale)
    assert found.value == pytest.approx(tail.rate * distribution.sf(7.0), rel=1e-9)
    mirrored = fit_tail(-x, exceedances=500, side="lower").probability(-7.0)
    np.testing.assert_allclose(mirrored[:3], found[:3], rtol=1e-6)


@pytest.mark.slow
def test_intervals_of_a_tail_probability_cover():
    """P(X > 8) of an exponential from 2000 values, 60 samples: 90 - 4 * 3.9 %."""
    rng, hits = np.random.default_rng(3), 0
    for _ in range(60):
        found = fit_tail(rng.exponential(size=2000), exceedances=200).probability(8.0)
        hits += found.low < np.exp(-8.0) < found.high
    assert hits >= 45


def test_extrapolation_is_called_what_it_is():
    x = np.random.default_rng(4).normal(size=2000)
    tail = fit_tail(x)
    assert tail.probability(2.2).warning == ""
    far = tail.probability(6.0)
    assert "rests on the shape of the fitted tail" in far.warning
    assert far.low <= far.value <= far.high
    assert far.low < stats.norm.sf(6.0) < far.high


def test_a_fitted_end_is_not_believed():
    """The normal tail looks as if it ended; its bound far out must still hold."""
    held = 0
    for seed in range(5):
        tail = fit_tail(np.random.default_rng(seed).normal(size=2000))
        held += tail.probability(6.0).high >= stats.norm.sf(6.0)
    assert held == 5


def test_a_threshold_by_its_value():
    x = np.random.default_rng(6).normal(size=5000)
    by_count = fit_tail(x, exceedances=400)
    limit = float(np.sort(x)[-401])
    assert fit_tail(x, threshold=limit).shape == pytest.approx(by_count.shape)
    below = fit_tail(-x, threshold=-limit, side="lower")
    assert below.probability(-3.5).value == pytest.approx(by_count.probability(3.5).value)
    assert fit_tail(x, threshold=1.5).threshold == 1.5


def test_refused():
    with pytest.raises(InputError, match="exceedances"):
        fit_tail(np.arange(50.0))
    with pytest.raises(InputError, match="not beyond the threshold"):
        fit_tail(np.random.default_rng(0).normal(size=1000)).probability(0.0)
    with pytest.raises(InputError, match="did you mean"):
        fit_tail(np.random.default_rng(0).normal(size=1000), side="uper")
    with pytest.raises(InputError, match="give one of them"):
        fit_tail(np.arange(500.0), threshold=3.0, exceedances=40)
