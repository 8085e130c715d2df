"""Density, survival and quantile of each distribution agree, accurate in both tails."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from reliability.errors import InputError
from reliability.lifetime.distributions import (
    DISTRIBUTIONS,
    competing,
    find_distribution,
    limited_failure,
    mixture,
)

INSIDE = {
    "weibull": (0.3, -0.4), "weibull_3": (0.3, -0.4, 0.5), "exponential": (0.3,),
    "lognormal": (0.3, -0.4), "loglogistic": (0.3, -0.8), "normal": (0.3, -0.4),
    "gumbel_min": (0.3, -0.4), "gumbel_max": (0.3, -0.4), "gamma": (0.3, 0.9),
    "generalised_gamma": (0.3, -0.4, 0.6), "birnbaum_saunders": (0.3, -0.6),
    "defect_clustering": (0.3, -0.4, 0.2),
}  # fmt: skip
SCIPY = {
    "weibull": stats.weibull_min(np.exp(0.4), scale=np.exp(0.3)),
    "weibull_3": stats.weibull_min(np.exp(0.4), loc=0.5, scale=np.exp(0.3)),
    "exponential": stats.expon(scale=np.exp(0.3)),
    "lognormal": stats.lognorm(np.exp(-0.4), scale=np.exp(0.3)),
    "loglogistic": stats.fisk(np.exp(0.8), scale=np.exp(0.3)),
    "normal": stats.norm(0.3, np.exp(-0.4)),
    "gumbel_min": stats.gumbel_l(0.3, np.exp(-0.4)),
    "gumbel_max": stats.gumbel_r(0.3, np.exp(-0.4)),
    "gamma": stats.gamma(np.exp(0.9), scale=np.exp(0.3 - 0.9)),
    "birnbaum_saunders": stats.fatiguelife(np.exp(-0.6), scale=np.exp(0.3)),
    "defect_clustering": stats.burr12(
        np.exp(0.4), np.exp(0.2), scale=np.exp(0.3) * np.exp(0.2) ** np.exp(-0.4)
    ),
}
COMPOSED = [
    (limited_failure("weibull"), (0.3, -0.4, 0.8)),
    (mixture("weibull", "lognormal"), (-0.5, -0.9, 0.8, -0.7, -0.3)),
    (competing("weibull", "lognormal"), (0.5, 0.3, 0.8, -0.7)),
]
ALL = [(find_distribution(name), u) for name, u in INSIDE.items()] + COMPOSED


def test_every_law_is_covered():
    assert set(INSIDE) == set(DISTRIBUTIONS)


@pytest.mark.parametrize("name", sorted(SCIPY))
def test_against_scipy(name):
    distribution, u, peer = find_distribution(name), INSIDE[name], SCIPY[name]
    t = peer.ppf(np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 0.999]))
    np.testing.assert_allclose(distribution.log_pdf(t, *u), peer.logpdf(t), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(distribution.log_sf(t, *u), peer.logsf(t), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(distribution.log_cdf(t, *u), peer.logcdf(t), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(
        distribution.quantile(np.array([0.01, 0.5]), *u), peer.ppf([0.01, 0.5])
    )


@pytest.mark.parametrize(("distribution", "u"), ALL, ids=lambda x: getattr(x, "name", ""))
def test_density_is_the_slope_of_the_failure_probability(distribution, u):
    least = 1e-9 if distribution.positive else -30.0
    if distribution.threshold:
        least = u[2] + 1e-9
    for end in distribution.quantile(np.array([0.05, 0.4, 0.6]), *u):
        area, _ = integrate.quad(
            lambda t: np.exp(distribution.log_pdf(np.float64(t), *u)), least, end, epsabs=1e-11
        )
        assert area == pytest.approx(float(np.exp(distribution.log_cdf(end, *u))), abs=1e-6)


@pytest.mark.parametrize(("distribution", "u"), ALL, ids=lambda x: getattr(x, "name", ""))
@given(p=st.floats(1e-9, 0.6))
@settings(max_examples=20, deadline=None)
def test_quantile_inverts(distribution, u, p):
    t = distribution.quantile(np.float64(p), *u)
    # The time itself is a rounded number, so that probabilities come back to about 1e-9.
    assert float(np.exp(distribution.log_cdf(t, *u))) == pytest.approx(p, rel=1e-6)
    total = np.exp(distribution.log_cdf(t, *u)) + np.exp(distribution.log_sf(t, *u))
    assert float(total) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("distribution", "u"), ALL, ids=lambda x: getattr(x, "name", ""))
def test_probability_between_two_times(distribution, u):
    low, high = distribution.quantile(np.array([0.2, 0.3]), *u)
    value = float(distribution.log_probability(low, high, *u))
    assert value == pytest.approx(np.log(0.1), abs=1e-7)
    if distribution.form is not None and not distribution.threshold:
        scale = np.exp(0.0 if distribution.fixed_scale else u[1])
        a, b = (np.log(low), np.log(high)) if distribution.positive else (low, high)
        z = np.array([a - u[0], b - u[0]]) / scale
        own = distribution.form.log_probability(z[:1], z[1:])
        assert float(own[0]) == pytest.approx(np.log(0.1), abs=1e-7)


@pytest.mark.parametrize("name", ["lognormal", "loglogistic", "weibull", "gumbel_max"])
def test_both_tails_keep_their_digits(name):
    distribution = find_distribution(name)
    form = distribution.form
    far = np.array([-20.0, 20.0]) if name in ("lognormal", "loglogistic") else np.array([-3.0, 3.0])
    for z in far:
        low, high = np.array([z]), np.array([z + 1e-3])
        density = form.log_pdf(np.array([z + 5e-4]))[0]
        between = form.log_probability(low, high)[0]
        # Midpoint rule: relative error (1e-3)^2/24 times the curvature of the density, < 400.
        assert between == pytest.approx(density + np.log(1e-3), abs=5e-5)


@pytest.mark.parametrize("kind", ["d_pdf", "d_sf", "d_cdf"])
@pytest.mark.parametrize("name", ["weibull", "lognormal", "loglogistic", "gumbel_max"])
def test_closed_form_derivatives(name, kind):
    form = find_distribution(name).form
    z, h = np.linspace(-4, 3, 29), 1e-4
    at = getattr(form, kind)
    value = {"d_pdf": form.log_pdf, "d_sf": form.log_sf, "d_cdf": form.log_cdf}[kind]
    np.testing.assert_allclose(at(z).value, value(z), rtol=1e-12, atol=1e-12)
    slope = (at(z + h).value - at(z - h).value) / (2 * h)
    np.testing.assert_allclose(at(z).first, slope, rtol=2e-6, atol=2e-6)
    bend = (at(z + h).first - at(z - h).first) / (2 * h)
    np.testing.assert_allclose(at(z).second, bend, rtol=2e-6, atol=2e-6)


def test_generalised_gamma_contains_its_relatives():
    distribution, t = find_distribution("generalised_gamma"), np.geomspace(0.1, 10, 9)
    weibull, lognormal = find_distribution("weibull"), find_distribution("lognormal")
    np.testing.assert_allclose(distribution.log_sf(t, 0.3, -0.4, 1.0), weibull.log_sf(t, 0.3, -0.4))
    np.testing.assert_allclose(
        distribution.log_pdf(t, 0.3, -0.4, 1e-7), lognormal.log_pdf(t, 0.3, -0.4), atol=1e-3
    )
    np.testing.assert_allclose(
        distribution.log_sf(t, 0.3, -0.4, 1e-4), lognormal.log_sf(t, 0.3, -0.4), rtol=3e-3
    )


def test_clustering_contains_weibull_and_loglogistic():
    distribution, t = find_distribution("defect_clustering"), np.geomspace(0.1, 3, 9)
    np.testing.assert_allclose(
        distribution.log_sf(t, 0.3, -0.4, 18.0),
        find_distribution("weibull").log_sf(t, 0.3, -0.4),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        distribution.log_sf(t, 0.3, -0.4, 0.0),
        find_distribution("loglogistic").log_sf(t, 0.3, -0.4),
    )


def test_names_and_combinations_that_do_not_exist():
    with pytest.raises(InputError, match="did you mean 'lognormal'"):
        find_distribution("log-normal")
    with pytest.raises(InputError, match="do not combine"):
        mixture("normal", "weibull")


def test_beyond_the_defective_fraction_no_unit_fails():
    distribution = limited_failure("weibull")
    assert np.isinf(distribution.quantile(np.array([0.9]), 0.0, 0.0, 0.0))[0]


def test_a_weibull_law_keeps_its_far_left_tail():
    distribution = find_distribution("weibull")
    t = np.array([1e-10, 1e-20])
    np.testing.assert_allclose(
        distribution.log_cdf(t, 0.0, -np.log(50.0)), 50 * np.log(t), rtol=1e-12
    )


def test_early_failures_of_a_few_and_wear_of_all_have_every_quantile():
    """Infant mortality of a tenth, then wear-out: quantiles against a root of the plain sum."""
    few, wear, share = stats.weibull_min(1.0, scale=10.0), stats.weibull_min(3.0, scale=1e3), 0.1
    distribution = competing(limited_failure("weibull"), "weibull")
    u = (np.log(10.0), 0.0, special.logit(share), np.log(1e3), -np.log(3.0))

    def failed(t: float) -> float:
        return 1 - (1 - share * few.cdf(t)) * wear.sf(t)

    p = np.array([0.01, 0.05, 0.1, 0.5, 0.9])
    expected = [optimize.brentq(lambda t, p=p: failed(t) - p, 1e-3, 1e5, xtol=1e-12) for p in p]
    np.testing.assert_allclose(distribution.quantile(p, *u), expected, rtol=1e-9)


def test_a_mixture_of_which_some_never_fail_has_no_quantile_beyond():
    distribution = mixture(limited_failure("weibull"), "weibull")
    u = (np.log(10.0), 0.0, special.logit(0.1), np.log(1e3), -1.0, 0.0)  # F(inf) = 0.55
    at = distribution.quantile(np.array([0.3, 0.54, 0.56]), *u)
    assert np.isinf(at[2])
    np.testing.assert_allclose(np.exp(distribution.log_cdf(at[:2], *u)), [0.3, 0.54], rtol=1e-9)
