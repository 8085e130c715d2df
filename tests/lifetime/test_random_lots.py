"""Random effect of lots: multivariate normal, statsmodels, quadrature by scipy, simulation."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from reliability.errors import InputError
from reliability.lifetime import fit_lifetime, goodness_of_fit, predict_failures
from reliability.lifetime.distributions import find_distribution
from reliability.lifetime.random_lots import over_lots

LOTS, EACH = 8, 12


@pytest.fixture(scope="module")
def normal():
    rng = np.random.default_rng(2)
    lot = np.repeat(np.arange(LOTS), EACH)
    y = 2 + 0.6 * rng.standard_normal(LOTS)[lot] + 0.4 * rng.standard_normal(lot.size)
    fit = fit_lifetime(np.exp(y), lots=lot, lot_effect="random", distribution="lognormal")
    return y, lot, fit


def test_complete_log_normal_lives_have_the_likelihood_of_a_multivariate_normal(normal):
    y, lot, fit = normal
    mu, sigma, tau = fit.parameters.values()
    covariance = sigma**2 * np.eye(EACH) + tau**2
    each = [stats.multivariate_normal.logpdf(y[lot == k], np.full(EACH, mu), covariance)
            for k in range(LOTS)]  # fmt: skip
    assert fit.log_likelihood == pytest.approx(sum(each) - y.sum(), abs=1e-6)


def test_the_maximum_is_that_of_a_mixed_model_with_the_penalty(normal):
    """MixedLM profiles the mean; its log-likelihood with the prior is largest at our estimate."""
    import statsmodels.api as sm

    y, lot, fit = normal
    _, sigma, tau = fit.parameters.values()
    model = sm.MixedLM(y, np.ones((y.size, 1)), groups=lot)

    def penalised(theta):
        sigma, tau = np.exp(theta)
        covariance = sigma**2 * np.eye(EACH) + tau**2
        values = [stats.multivariate_normal.logpdf(y[lot == k], np.full(EACH, y.mean()), covariance)
                  for k in range(LOTS)]  # fmt: skip
        return -(sum(values) + np.log(tau / (1 + tau**2)))

    best = optimize.minimize(penalised, np.log([sigma, tau]) + 0.1, tol=1e-10)
    np.testing.assert_allclose(np.exp(best.x), [sigma, tau], rtol=1e-4)
    found = model.fit(reml=False)
    assert fit.parameters["mu"] == pytest.approx(found.fe_params[0], abs=1e-6)
    assert fit.parameters["sigma"] == pytest.approx(np.sqrt(found.scale), rel=2e-3)
    assert tau > float(np.sqrt(found.cov_re)[0, 0])  # the penalty moves it away from 0


def test_predictions_are_of_a_unit_of_any_lot(normal):
    _, _, fit = normal
    mu, sigma, tau = fit.parameters.values()
    any_lot = stats.norm(mu, np.hypot(sigma, tau))
    assert fit.failure_probability(3.0, method="wald").value == pytest.approx(
        any_lot.cdf(np.log(3)), rel=1e-6
    )
    for p in (1e-6, 0.5, 0.99):
        assert fit.quantile(p, method="wald").value == pytest.approx(
            np.exp(any_lot.ppf(p)), rel=2e-6
        )


@pytest.mark.parametrize("name", ["weibull", "exponential", "loglogistic"])
def test_censored_lots_against_quadrature_by_scipy(name):
    """Lots with many failures and without one."""
    rng = np.random.default_rng(4)
    lot = np.repeat(np.arange(5), 20)
    life = np.exp([-1.5, -0.3, 0.0, 0.4, 3.0])[lot] * rng.weibull(2.0, lot.size)
    time, failed = np.minimum(life, 0.9), life < 0.9
    fit = fit_lifetime(time, event=failed, lots=lot, lot_effect="random", distribution=name)
    base = find_distribution(name)
    first, *others, tau = fit.maximum.theta[0]
    first += np.log(fit.data.unit)

    def of_lot(k):
        t, d = time[lot == k], failed[lot == k]

        def integrand(b):
            u = (first + np.exp(tau) * b, *others)
            value = np.where(d, base.log_pdf(t, *u), base.log_sf(t, *u)).sum()
            return np.exp(value - peak) * stats.norm.pdf(b)

        peak = 0.0
        peak = max(np.log(integrand(b)) for b in np.linspace(-6, 6, 241) if integrand(b) > 0)
        return peak + np.log(integrate.quad(integrand, -12, 12, limit=400, points=[-1, 0, 1])[0])

    assert not failed[lot == 4].any()
    assert fit.log_likelihood == pytest.approx(sum(of_lot(k) for k in range(5)), abs=1e-5)
    assert 0.5 < fit.parameters["lot_deviation"] < 4


def test_the_posterior_is_that_of_a_grid(normal):
    """Complete log-normal lives: closed form of the likelihood, integrated on a grid."""
    y, lot, fit = normal
    mean = np.bincount(lot, y) / EACH
    within = ((y - mean[lot]) ** 2).sum()
    mu, log_sigma, log_tau = np.meshgrid(
        np.linspace(0.5, 3.5, 61), np.linspace(-1.4, -0.4, 41), np.linspace(-6, 2, 81),
        indexing="ij",
    )  # fmt: skip
    sigma, tau = np.exp(log_sigma), np.exp(log_tau)
    of_mean = sigma**2 / EACH + tau**2
    log = -(y.size - LOTS) * log_sigma - within / sigma**2 / 2 - LOTS * np.log(of_mean) / 2
    log -= ((mean - mu[..., None]) ** 2).sum(axis=-1) / of_mean / 2
    weight = np.exp(log - log.max()) * tau / (1 + tau**2)  # half-Cauchy, in log tau
    any_lot = stats.norm.cdf((1.0 - mu) / np.hypot(sigma, tau))
    for name, values in (("mu", mu), ("sigma", sigma), ("lot_deviation", tau), ("F", any_lot)):
        order = np.argsort(values, axis=None)
        level = np.cumsum(weight.ravel()[order]) / weight.sum()
        expected = np.interp([0.05, 0.95], level, values.ravel()[order])
        found = fit.interval(name) if name != "F" else fit.failure_probability(np.e)[1:]
        np.testing.assert_allclose(found, expected, rtol=0.06, err_msg=name)


def test_the_posterior_of_three_lots_has_the_prior_of_their_spread(normal):
    """Closed form of complete lives with the mean integrated out, and the prior, on a grid."""
    y, lot, _ = normal
    y, lot = y[lot < 3], lot[lot < 3]
    fit = fit_lifetime(np.exp(y), lots=lot, lot_effect="random", distribution="lognormal")
    mean = np.bincount(lot, y) / EACH
    sigma, tau = np.exp(np.meshgrid(np.linspace(-1.8, 0, 90), np.linspace(-9, 6, 300)))
    of_mean = sigma**2 / EACH + tau**2
    log = -(y.size - 3) * np.log(sigma) - ((y - mean[lot]) ** 2).sum() / sigma**2 / 2
    log -= np.log(of_mean) + 3 * mean.var() / of_mean / 2
    level = np.cumsum((np.exp(log - log.max()) * tau / (1 + tau**2)).sum(axis=1))
    expected = np.interp([0.05, 0.95], level / level[-1], tau[:, 0])
    np.testing.assert_allclose(fit.interval("lot_deviation"), expected, rtol=0.15)


def test_many_values_at_once_are_those_one_by_one():
    """Of the rule with fewer nodes, at a large spread too, where a lot's integrand is narrow."""
    rng = np.random.default_rng(6)
    lot, life = np.repeat(np.arange(3), 20), rng.weibull(2.0, 60)
    fit = fit_lifetime(np.minimum(life, 0.5), event=life < 0.5, lots=lot, lot_effect="random")
    theta = fit.maximum.theta + np.array([[0, 0, 0], [0.5, -0.2, 2.0], [1.0, 0.3, 3.0]])
    each = [(fit.likelihood.value(one) - fit.likelihood.penalty(one))[0] for one in theta[:, None]]
    np.testing.assert_allclose(fit.likelihood.values(theta), each, atol=0.05)


def test_gradient_and_hessian_are_those_of_the_value(normal):
    likelihood, theta = normal[2].likelihood, normal[2].maximum.theta + 0.1
    found, h = likelihood.evaluate(theta), 1e-4 * np.eye(3)
    slope = [(likelihood.value(theta + e) - likelihood.value(theta - e))[0] / 2e-4 for e in h]
    np.testing.assert_allclose(found.gradient[0], slope, rtol=1e-5, atol=1e-5)
    bend = [(likelihood.evaluate(theta + e).gradient - likelihood.evaluate(theta - e).gradient)[0]
            / 2e-4 for e in h]  # fmt: skip
    np.testing.assert_allclose(found.hessian[0], bend, rtol=1e-4, atol=1e-4)


def test_failures_in_one_lot_alone_have_a_bound():
    """No upper end of the spread in the likelihood: the prior gives it."""
    lot = np.repeat(np.arange(5), 20)
    failed = np.zeros(100, bool)
    failed[40:44] = True
    time = np.where(failed, [0.5, 0.7, 0.8, 0.9] * 25, 1.0)
    fit = fit_lifetime(time, event=failed, lots=lot, lot_effect="random")
    estimate, low, high = fit.failure_probability(1.0, confidence=0.8)
    assert low < 0.04 < estimate < 0.2 < high < 0.7


def test_lots_that_do_not_differ_have_a_small_deviation():
    rng = np.random.default_rng(2)
    lot, life = np.repeat(np.arange(8), 12), rng.weibull(2.0, 96)
    data = {"time": np.minimum(life, 1), "event": life < 1}
    fit = fit_lifetime(**data, lots=lot, lot_effect="random")
    low, _ = fit.interval("lot_deviation")
    assert fit.parameters["lot_deviation"] < 0.15
    assert low < 0.02
    apart = fit_lifetime(**data)
    assert fit.failure_probability(0.5, method="wald").value == pytest.approx(
        apart.failure_probability(0.5).value, rel=0.05
    )


def test_the_next_lot_is_less_sure_than_the_mean_over_lots(normal):
    _, _, fit = normal
    one = predict_failures(fit, 1000, 3.0, confidence=0.8)
    assert one.expected == pytest.approx(1000 * fit.failure_probability(3.0, method="wald").value)
    low, high = (1000 * x for x in fit.failure_probability(3.0, confidence=0.8)[1:])
    assert one.low < low < high < one.high


def test_input_that_cannot_be_right_is_refused(normal):
    with pytest.raises(InputError, match="random needs lots"):
        fit_lifetime([1.0, 2.0], lot_effect="random")
    with pytest.raises(InputError, match="unknown lot_effect 'frailty'"):
        fit_lifetime([1.0, 2.0], lots=["A", "B"], lot_effect="frailty")
    with pytest.raises(InputError, match="not available for weibull_3"):
        fit_lifetime([1.0, 2.0], lots=["A", "B"], lot_effect="random", distribution="weibull_3")
    with pytest.raises(InputError, match="not available"):
        goodness_of_fit(normal[2])
    with pytest.raises(InputError, match="bootstrap is not available with lots"):
        normal[2].interval("mu", method="bootstrap")


def test_the_distribution_over_lots_integrates_to_one():
    both = over_lots(find_distribution("weibull"))
    total = integrate.quad(lambda y: np.exp(both.log_pdf(np.exp(y), 0.2, -0.5, -0.3) + y), -30, 30)
    assert total[0] == pytest.approx(1, abs=1e-8)


def bounds_held(tests: int, lots: int, spread: float, seed: int) -> np.ndarray:
    """Whether one-sided 90 % bounds of the failed fraction hold, and the interval of the spread."""
    rng = np.random.default_rng(seed)
    z = stats.norm.ppf((np.arange(2000) + 0.5) / 2000)

    def true(t):
        return float(np.mean(-np.expm1(-((t / np.exp(spread * z)) ** 2.0))))

    end, held = optimize.brentq(lambda t: true(t) - 0.15, 0.01, 3.0), []
    for _ in range(tests):
        lot = np.repeat(np.arange(lots), 300 // lots)
        life = np.exp(spread * rng.standard_normal(lots))[lot] * rng.weibull(2, lot.size)
        fit = fit_lifetime(
            np.minimum(life, end), event=life < end, lots=lot, lot_effect="random"
        )  # fmt: skip
        low, high = fit.interval("lot_deviation")
        held.append((
            fit.failure_probability(0.5 * end, confidence=0.8).high >= true(0.5 * end),
            fit.failure_probability(2 * end, confidence=0.8).high >= true(2 * end),
            low < spread < high,
        ))  # fmt: skip
    return np.array(held)


@pytest.mark.slow
@pytest.mark.parametrize(("lots", "spread"), [(5, 0.8), (10, 0.4)])
def test_bounds_with_a_random_effect_hold(lots, spread):
    held = bounds_held(100, lots, spread, 5).mean(axis=0)
    assert np.all(held > 0.9 - 3 * np.sqrt(0.09 / 100)), held
