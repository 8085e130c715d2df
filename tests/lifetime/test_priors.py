"""Priors on shape and acceleration: exact limits, quadrature by scipy, and coverage."""

import numpy as np
import pytest
from scipy import integrate, special, stats

from reliability.errors import InputError
from reliability.lifetime import Claim, Prior, assess_claim, fit_with_priors
from reliability.lifetime.acceleration import arrhenius

SHAPE = Prior("shape", 1.5, 1.6, "lots 1 to 4")
ENERGY = Prior("activation_energy", 1.0, 1.2, "three bakes")
HOT, USE = 398.15, 358.15


@pytest.mark.parametrize("times", [[], [300.0], [120.0, 300.0, 700.0]])
def test_with_everything_known_the_bound_is_that_of_jesd85(times):
    """Chi-square with 2 r + 2 degrees of freedom over the equivalent time, at shape 1.7."""
    fit = fit_with_priors(
        [], [*times, 1000.0], event=[1] * len(times) + [0],
        frequency=[1] * len(times) + [100 - len(times)], fixed={"shape": 1.7},
    )  # fmt: skip
    exposure = (100 - len(times)) * (1000 / 3000) ** 1.7 + sum((t / 3000) ** 1.7 for t in times)
    for confidence, level in ((0.8, 0.9), (0.2, 0.6)):
        hazard = special.chdtri(2 * len(times) + 2, 1 - level) / 2 / exposure
        found = fit.failure_probability(3000.0, confidence=confidence).high
        assert found == pytest.approx(-np.expm1(-hazard), rel=2e-3)
    assert fit.quantile(0.05, confidence=0.8).low == pytest.approx(
        3000 * (-np.log(0.95) * exposure / special.chdtri(2 * len(times) + 2, 0.1) * 2)
        ** (1 / 1.7), rel=2e-3,
    )  # fmt: skip


def test_without_a_failure_the_prior_is_not_moved_and_the_bound_is_an_integral():
    """P(hazard > h) = mean over the prior of exp(-h n (t_test/t)^shape), by quadrature."""
    fit = fit_with_priors([SHAPE], [1000.0], event=[0], frequency=[100])
    hazard = -np.log1p(-fit.failure_probability(4000.0, confidence=0.8).high)

    def integrand(x):
        return stats.norm.pdf(x) * np.exp(-hazard * 100 * 0.25 ** SHAPE.values(x))

    assert integrate.quad(integrand, -8, 8)[0] == pytest.approx(0.1, abs=1e-3)
    (updated,) = fit.priors
    assert abs(updated.moved) < 0.02
    assert abs(updated.learnt) < 0.03


def test_failures_move_the_shape_as_quadrature_says():
    """Posterior of the shape: prior times r! product(shape t^shape) / (sum t^shape)^r."""
    times = np.array([700.0, 800.0, 850.0, 900.0, 990.0])
    fit = fit_with_priors(
        [SHAPE], [*times, 1000.0], event=[1] * 5 + [0], frequency=[1] * 5 + [95]
    )  # fmt: skip

    def density(x, power=0):
        b = SHAPE.values(x)
        total = np.sum((times / 1000) ** b) + 95
        return x**power * stats.norm.pdf(x) * b**5 * np.prod((times / 1000) ** b) / total**5

    norm, first, second = (integrate.quad(density, -8, 8, args=(k,))[0] for k in range(3))
    (updated,) = fit.priors
    assert updated.moved == pytest.approx(first / norm, abs=0.01)
    assert 1 - updated.learnt == pytest.approx(second / norm - (first / norm) ** 2, abs=0.02)
    assert updated.moved > 0.9


def test_data_far_from_the_prior_are_followed_and_reported():
    rng = np.random.default_rng(1)
    life = 1000 * rng.weibull(5.0, 15)
    fit = fit_with_priors([Prior("shape", 1.0, 1.3, "guess")], life)
    (updated,) = fit.priors
    assert updated.estimate.value > 1.4
    assert "the data contradict the prior" in str(updated)
    assert "guess" in str(updated)


def test_a_wider_prior_makes_the_bound_wider():
    def bound(spread):
        priors = [Prior("shape", 1.0, spread, "x"), ENERGY]
        fit = fit_with_priors(
            priors, [1000.0], event=[0], frequency=[231], stress={"temperature": HOT},
            acceleration="arrhenius",
        )  # fmt: skip
        return fit.failure_probability(87660.0, {"temperature": USE}, 0.8).high

    assert bound(1.05) < bound(1.5) < bound(2.5)


def test_a_claim_with_priors_names_them_and_how_far_they_moved():
    found = assess_claim(
        Claim(20_000.0, 0.05, {"temperature": USE}), lower=[500.0, 1000.0], upper=[500.0, np.inf],
        frequency=[1, 230], stress={"temperature": [HOT, HOT]}, priors=[SHAPE, ENERGY],
    )  # fmt: skip
    text = "; ".join(found.assumptions)
    assert "prior on shape: 1.5 (0.938 to 2.4, lots 1 to 4); after the data" in text
    assert "three bakes" in text
    assert found.method == "priors"
    assert found.estimate < found.bound
    assert found.passed == (found.bound <= 0.05)
    exact = assess_claim(
        Claim(20_000.0, 0.05, {"temperature": USE}), lower=[500.0, 1000.0], upper=[500.0, np.inf],
        frequency=[1, 230], stress={"temperature": [HOT, HOT]},
        fixed={"shape": 1.5, "activation_energy": 1.0},
    )  # fmt: skip
    assert found.bound > exact.bound


@pytest.mark.parametrize(
    ("priors", "options", "message"),
    [
        ([], {}, "shape: give a prior or a fixed value"),
        ([SHAPE, SHAPE], {}, "shape: stated twice"),
        ([SHAPE], {"fixed": {"shape": 2.0}}, "shape: stated twice"),
        ([SHAPE, ENERGY], {}, "unknown parameter with a prior .* 'activation_energy'"),
        ([SHAPE], {"distribution": "lognormal"}, "unknown parameter .* 'shape'"),
        ([SHAPE], {"distribution": "gamma"}, "distribution: got 'gamma'"),
        ([SHAPE], {"stress": {"temperature": [HOT]}}, "stress: given without acceleration"),
        ([SHAPE], {"lots": ["A"]}, "lots: not available with priors"),
    ],
)
def test_input_that_cannot_be_right_is_refused(priors, options, message):
    with pytest.raises(InputError, match=message):
        fit_with_priors(priors, [1000.0], event=[0], frequency=[100], **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("shape", 0.0, 1.5, "x"), "median is 0.0"),
        (("shape", 1.5, 1.0, "x"), "spread is 1.0"),
        (("shape", 1.5, 1.5, " "), "source is empty"),
    ],
)
def test_a_prior_states_median_spread_and_source(arguments, message):
    with pytest.raises(InputError, match=message):
        Prior(*arguments)


def bounds_held(tests: int, name: str, seed: int) -> np.ndarray:
    """Whether one-sided 90 % bounds hold: truths drawn from the priors, 0 to 5 of 100 failed."""
    rng = np.random.default_rng(seed)
    shape = SHAPE if name == "weibull" else Prior("sigma", 0.8, 1.6, "x")
    held: list[bool] = []
    while len(held) < tests:
        b, energy = (float(p.values(rng.standard_normal())) for p in (shape, ENERGY))
        truth = stats.weibull_min(b) if name == "weibull" else stats.lognorm(b)
        unit = 1000 / truth.ppf(-np.expm1(-rng.uniform(0, 20) / 100))
        life = unit * truth.rvs(100, random_state=rng)
        times = life[life < 1000]
        if times.size > 5:
            continue
        fit = fit_with_priors(
            [shape, ENERGY], [*times, 1000.0], event=[1] * times.size + [0],
            frequency=[1] * times.size + [100 - times.size], distribution=name,
            stress={"temperature": HOT}, acceleration="arrhenius",
        )  # fmt: skip
        high = fit.failure_probability(20_000.0, {"temperature": USE}, 0.8).high
        held.append(high > truth.cdf(20_000.0 / float(arrhenius(USE, HOT, energy)) / unit))
    return np.array(held)


def test_bounds_with_priors_hold_in_a_few_tests():
    assert bounds_held(10, "weibull", 0).sum() >= 7


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weibull", "lognormal"])
def test_bounds_with_priors_hold(name):
    held = bounds_held(1500, name, 1).mean()
    assert 0.88 <= held <= 0.92, held


def test_rows_of_no_units_change_nothing():
    test = {"event": [0, 0], "frequency": [100, 0], "fixed": {"shape": 1.0}}
    found = fit_with_priors([], [1000.0, 5000.0], **test).failure_probability(500.0, confidence=0.8)
    alone = fit_with_priors([], [1000.0], event=[0], frequency=[100], fixed={"shape": 1.0})
    assert found == pytest.approx(alone.failure_probability(500.0, confidence=0.8), rel=1e-6)
