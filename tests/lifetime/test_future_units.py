"""Prediction and tolerance bounds: exact cases, and coverage on simulated lots."""

import numpy as np
import pytest
from scipy import special, stats

from reliability.errors import InputError
from reliability.lifetime import fit_lifetime, fit_with_priors, predict_failures, tolerance_bound
from reliability.lifetime.next_lot import next_lot_bound
from reliability.statistics import tolerance_factor


def test_a_known_shape_predicts_a_negative_binomial_number():
    """Gamma hazard with r + 1, and a Poisson number: negative binomial (4 failures of 500)."""
    fit = fit_with_priors(
        [], [100.0, 300.0, 500.0, 800.0, 1000.0], event=[1, 1, 1, 1, 0],
        frequency=[1, 1, 1, 1, 496], fixed={"shape": 1.0},
    )  # fmt: skip
    exposure = 496 * 1000 + 100 + 300 + 500 + 800
    found = predict_failures(fit, 200_000, 10.0, confidence=0.8)
    rate = 200_000 * 10.0 / exposure
    exact = stats.nbinom(5, 1 / (1 + rate))
    assert abs(found.low - exact.ppf(0.1)) <= 1
    assert abs(found.high - exact.ppf(0.9)) <= 1


def test_with_a_large_test_only_the_binomial_remains():
    rng = np.random.default_rng(0)
    fit = fit_lifetime(rng.weibull(2.0, 200_000), distribution="weibull")
    p = 1 - np.exp(-(0.3**2))
    found = predict_failures(fit, 100, 0.3, confidence=0.9)
    assert found.expected == pytest.approx(100 * p, rel=0.02)
    low, high = stats.binom.ppf([0.05, 0.95], 100, found.expected / 100)
    assert (found.low, found.high) == (low, high)


def test_the_interval_widens_with_confidence_and_shrinks_with_data():
    t = np.array([54, 187, 216, 240, 244, 335, 361, 373, 375, 386.0])
    few, many = fit_lifetime(t), fit_lifetime(t, frequency=[20] * 10)
    one, two = (predict_failures(few, 1000, 50.0, confidence=c) for c in (0.8, 0.95))
    assert two.low <= one.low < one.expected < one.high < two.high
    assert predict_failures(many, 1000, 50.0, confidence=0.8).high < one.high


def test_tolerance_bound_of_log_normal_lives():
    """Against the exact factor for normal logarithms; the likelihood ratio is an approximation."""
    rng = np.random.default_rng(5)
    y = rng.normal(3.0, 0.5, 40)
    fit = fit_lifetime(np.exp(y), distribution="lognormal")
    exact = np.mean(y) - tolerance_factor(40, 0.95, 0.9, two_sided=False) * np.std(y, ddof=1)
    assert np.log(tolerance_bound(fit, 0.95, confidence=0.9)) == pytest.approx(exact, abs=0.02)


def test_input_that_cannot_be_right_is_refused():
    fit = fit_lifetime([1.0, 2.0, 3.0, 4.0])
    with pytest.raises(InputError, match="units: got 0"):
        predict_failures(fit, 0, 1.0)
    with pytest.raises(InputError, match=r"confidence: got 0\.3"):
        tolerance_bound(fit, 0.9, confidence=0.3)
    with pytest.raises(InputError, match="exceeding"):
        tolerance_bound(fit, 1.0)


def predictions_held(tests: int, seed: int, failing: float = 0.4) -> np.ndarray:
    """Whether the number of failures of a next lot is within each end; 30 units of shape 2."""
    rng = np.random.default_rng(seed)
    end, held = (-np.log1p(-failing)) ** 0.5, []
    while len(held) < tests:
        life = rng.weibull(2.0, 30)
        if np.sum(life < end) < 3:
            continue
        fit = fit_lifetime(np.minimum(life, end), event=life < end)
        found = predict_failures(fit, 500, 0.3, confidence=0.8)
        next_lot = rng.binomial(500, -special.expm1(-(0.3**2)))
        held.append((found.low <= next_lot, next_lot <= found.high))
    return np.array(held)


def test_prediction_bounds_hold_in_a_few_tests():
    assert np.all(predictions_held(4, 1).sum(axis=0) >= 3)


@pytest.mark.slow
def test_prediction_bounds_hold():
    """One-sided 90 % bounds of a count: nominal, or a little above, as counts are whole numbers."""
    held = predictions_held(1000, 2).mean(axis=0)
    assert np.all((held >= 0.88) & (held <= 0.94)), held


def test_a_next_lot_of_one_unit_and_input_that_cannot_be_right():
    fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
    assert predict_failures(fit, 1, 1e4).high == 1
    for failures, exposure in (([0, 0], [77, 0]), ([-1, 0], [77, 77]), ([0], [77, 77]), ([], [])):
        with pytest.raises(InputError, match=r"exposure: got a lot|failures: got \d lots"):
            next_lot_bound(failures, exposure)


def test_few_failures_bound_less_than_the_exact_limits_allow():
    """Student's t of three failures reaches beyond what a normal confidence can state."""
    data = {"lower": [40.0, 60.0, 90.0, 100.0], "upper": [40.0, 60.0, 90.0, np.inf]}
    fit = fit_lifetime(**data, frequency=[1, 1, 1, 97], distribution="exponential")
    exposure = 97 * 100 + 190
    rate = 500 * 20.0 / exposure
    exact = stats.nbinom(3, 1 / (1 + rate)).ppf(0.95)
    assert exact <= predict_failures(fit, 500, 20.0).high <= 3 * exact
    life = tolerance_bound(fit, 0.99, confidence=0.999)
    sure = -2 * exposure * np.log(0.99) / stats.chi2(8).isf(0.001)
    assert 0.05 * sure < life < sure
