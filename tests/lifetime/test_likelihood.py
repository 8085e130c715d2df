"""Gradient, Hessian and the maximiser."""

from dataclasses import replace

import numpy as np
import pytest

from reliability.lifetime.distributions import DISTRIBUTIONS, find_distribution
from reliability.lifetime.likelihood import Likelihood, split_terms
from reliability.lifetime.maximise import maximise, profile_interval
from reliability.lifetime.starting_values import _thin

START = {
    "gamma": (0.1, 0.5), "generalised_gamma": (0.1, -0.4, 0.5), "birnbaum_saunders": (0.1, -0.4),
    "defect_clustering": (0.1, -0.4, 0.5), "weibull_3": (0.1, -0.4, 0.1), "exponential": (0.1,),
}  # fmt: skip


def data(distribution, rng, n=60):
    time = rng.weibull(2, n) + 0.3
    lower, upper = time.copy(), time.copy()
    upper[:15] = np.inf
    upper[15:30] *= 1.3
    lower[30:40] = 0.0 if distribution.positive else -np.inf
    entry = np.where(np.arange(n) % 3 == 0, 0.2, 0.0 if distribution.positive else -np.inf)
    entry = np.where(lower <= 0.2, 0.0 if distribution.positive else -np.inf, entry)
    return split_terms(
        lower[None], upper[None], 1.0 + rng.integers(0, 3, (1, n)), entry[None],
        positive=distribution.positive,
    )  # fmt: skip


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_derivatives_with_all_kinds_of_terms(name):
    """Central differences of the value; closed forms agree with the numerical rows as well."""
    distribution = find_distribution(name)
    likelihood = Likelihood(
        distribution,
        data(distribution, np.random.default_rng(1)),
        1,
        (None,) * distribution.count,
        (0.0,) * distribution.count,
    )
    theta = np.array([START.get(name, (0.1, -0.4))])
    at, h = likelihood.evaluate(theta), 1e-4
    assert at.value[0] == pytest.approx(likelihood.value(theta)[0], rel=1e-13)
    for j in range(distribution.count):
        e = h * np.eye(distribution.count)[j]
        up, down = likelihood.evaluate(theta + e), likelihood.evaluate(theta - e)
        slope = (up.value - down.value) / (2 * h)
        assert at.gradient[0, j] == pytest.approx(slope[0], rel=1e-5, abs=1e-4)
        bend = (up.gradient - down.gradient) / (2 * h)
        np.testing.assert_allclose(at.hessian[0, j], bend[0], rtol=1e-5, atol=1e-3)
    if distribution.form is not None and not distribution.threshold:
        numerical = replace(likelihood, distribution=replace(distribution, form=None)).evaluate(
            theta
        )
        np.testing.assert_allclose(numerical.gradient, at.gradient, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(numerical.hessian, at.hessian, rtol=1e-5, atol=1e-4)


def test_many_fits_at_once_are_the_fits_one_by_one():
    rng = np.random.default_rng(2)
    distribution = find_distribution("weibull")
    time = rng.weibull(1.5, (20, 30))
    lower, upper = np.minimum(time, 1.2), np.where(time < 1.2, time, np.inf)
    weight = np.ones_like(lower)
    many = Likelihood(distribution, split_terms(lower, upper, weight), 20, (None, None), (0.0, 0.0))
    together = maximise(many, np.zeros((20, 2)))
    bounds = profile_interval(many, together, lambda theta: theta[..., 1], 2.7)
    for k in range(20):
        one = Likelihood(
            distribution, split_terms(lower[k : k + 1], upper[k : k + 1], weight[:1]), 1,
            (None, None), (0.0, 0.0),
        )  # fmt: skip
        alone = maximise(one, np.zeros((1, 2)))
        np.testing.assert_allclose(together.theta[k], alone.theta[0], rtol=1e-9, atol=1e-10)
        own = profile_interval(one, alone, lambda theta: theta[..., 1], 2.7)
        np.testing.assert_allclose(bounds.low[k], own.low[0], atol=1e-6)
        np.testing.assert_allclose(bounds.high[k], own.high[0], atol=1e-6)


@pytest.mark.parametrize("start", [(-12.0, 3.0), (15.0, -3.0), (0.0, 8.0)])
def test_any_start_reaches_the_one_maximum(start):
    rng = np.random.default_rng(3)
    time = rng.weibull(1.5, (1, 30))
    distribution = find_distribution("weibull")
    likelihood = Likelihood(
        distribution, split_terms(time, time, np.ones_like(time)), 1, (None, None), (0.0, 0.0)
    )
    near, far = maximise(likelihood, np.zeros((1, 2))), maximise(likelihood, np.array([start]))
    assert far.converged[0]
    np.testing.assert_allclose(far.theta, near.theta, atol=1e-8)


def test_a_narrow_interval_is_a_density_times_its_width():
    distribution = find_distribution("weibull")
    time, width = np.array([[0.8]]), 1e-9

    def value(lower, upper):
        terms = split_terms(lower, upper, np.ones_like(lower))
        likelihood = Likelihood(distribution, terms, 1, (None, None), (0.0, 0.0))
        return terms[0].kind, likelihood.value(np.array([[0.1, -0.4]]))[0]

    kind, density = value(time, time + width)
    assert kind == "density"
    kind, probability = value(time, time + 1e-4)
    assert kind == "interval"
    assert probability == pytest.approx(density + np.log(1e-4), abs=2e-4)


def test_starting_values_thin_many_rows_and_keep_few_whole():
    """Of more than 60 000 rows every third; a kind of 30 rows stays whole, and weights add up."""
    rng = np.random.default_rng(4)
    lower = rng.weibull(2, 60_032 + 31)
    upper = np.full(lower.size, np.inf)
    upper[:31] = lower[:31]
    for failed, kept in ((31, 10), (30, 30)):
        rows = slice(31 - failed, None)
        likelihood = Likelihood(
            find_distribution("weibull"),
            split_terms(lower[None, rows], upper[None, rows], np.ones((1, 60_032 + failed))),
            1, (None, None), (0.0, 0.0),
        )  # fmt: skip
        few = {term.kind: term for term in _thin(likelihood).terms}
        sizes = {kind: term.low.size for kind, term in few.items()}
        assert sizes == {"density": kept, "survival": pytest.approx(60_032 / 3, abs=1)}
        assert few["density"].weight.sum() == pytest.approx(failed)
        assert few["survival"].weight.sum() == pytest.approx(60_032)
