"""Likelihood ratio, AICc and goodness of fit."""

import numpy as np
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime.censored_fit import fit_lifetime
from reliability.lifetime.model_choice import (
    _distance,
    compare_lifetimes,
    goodness_of_fit,
    likelihood_ratio_test,
)


def test_likelihood_ratio_of_nested_laws():
    time = 100 * np.random.default_rng(1).weibull(2.0, 60)
    small, full = (fit_lifetime(time, distribution=n) for n in ("exponential", "weibull"))
    found = likelihood_ratio_test(small, full)
    assert found.degrees == 1
    assert found.statistic == pytest.approx(2 * (full.log_likelihood - small.log_likelihood))
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1))
    assert found.p_value < 1e-3
    with pytest.raises(InputError, match="not more than"):
        likelihood_ratio_test(full, small)
    with pytest.raises(InputError, match="different data"):
        likelihood_ratio_test(small, fit_lifetime(time[1:]))


def test_constant_shape_is_tested():
    rng = np.random.default_rng(2)
    kelvin = np.repeat([350.0, 400.0], 100)
    stress = {"temperature": kelvin}
    p_values = []
    for shape in (1.5, np.where(kelvin < 375, 1.0, 3.0)):
        time = np.exp(0.6 / (8.617333262e-5 * kelvin)) * rng.weibull(shape, 200)
        fits = [
            fit_lifetime(
                time, stress=stress, acceleration="arrhenius", shape_acceleration=distribution
            )
            for distribution in (None, "arrhenius")
        ]
        p_values.append(likelihood_ratio_test(*fits).p_value)
    assert p_values[0] > 0.01
    assert p_values[1] < 1e-6


def test_aicc_orders_laws():
    time = 100 * np.random.default_rng(3).weibull(2.0, 300)
    names = ("lognormal", "exponential", "weibull", "loglogistic")
    table = compare_lifetimes([fit_lifetime(time, distribution=n) for n in names])
    assert table["distribution"].iloc[0] == "weibull"
    assert table["difference"].iloc[0] == 0
    assert table["weight"].sum() == pytest.approx(1)
    fit = fit_lifetime(time)
    assert fit.aicc == pytest.approx(fit.aic + 2 * 2 * 3 / (300 - 3))


def test_distance_without_censoring_is_the_textbook_statistic():
    """A^2 = -n - sum (2i-1)/n (log x_i + log(1 - x_(n+1-i)))."""
    x = np.sort(np.random.default_rng(4).random(25))
    i = np.arange(1, 26)
    expected = -25 - np.sum((2 * i - 1) / 25 * (np.log(x) + np.log1p(-x[::-1])))
    assert _distance(x[None], x[None])[0] == pytest.approx(expected, rel=1e-10)


def test_p_values_are_uniform_under_the_law():
    """60 censored samples: the mean of uniform p-values is within 4 standard errors of 1/2."""
    rng = np.random.default_rng(5)
    p_values = []
    for k in range(60):
        time = rng.weibull(2, 40)
        fit = fit_lifetime(np.minimum(time, 1.2), event=time < 1.2)
        p_values.append(goodness_of_fit(fit, samples=79, seed=k).p_value)
    assert np.mean(p_values) == pytest.approx(0.5, abs=4 / np.sqrt(12 * 60))
    assert min(p_values) < 0.2


@pytest.mark.parametrize("inspected", [False, True])
def test_two_populations_are_not_one_weibull(inspected):
    rng = np.random.default_rng(6)
    time = np.where(rng.random(80) < 0.4, 0.2 * rng.weibull(8, 80), rng.weibull(8, 80))
    if inspected:
        edges = np.linspace(0, 1.4, 15)
        place = np.searchsorted(edges, time)
        fit = fit_lifetime(lower=edges[place - 1], upper=np.append(edges, np.inf)[place])
    else:
        fit = fit_lifetime(np.minimum(time, 1.0), event=time < 1.0)
    assert goodness_of_fit(fit, samples=99).p_value == pytest.approx(0.01)


def test_left_censored_data_are_the_same_for_a_law_of_the_whole_line():
    data = {"lower": [0.0, 2.0, 3.0, 1.0, 2.5, 4.0], "upper": [1.0, 3.0, 4.0, 2.0, 3.5, 6.0]}
    table = compare_lifetimes([fit_lifetime(**data, distribution=d) for d in ("weibull", "normal")])
    assert set(table["distribution"]) == {"weibull", "normal"}


def test_truncation_makes_other_data():
    time = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386]
    fits = [fit_lifetime(time, truncation=t) for t in (None, 50.0)]
    with pytest.raises(InputError, match="different data"):
        compare_lifetimes(fits)


def test_models_that_are_not_nested_or_lie_on_a_boundary():
    rng = np.random.default_rng(7)
    time = 100 * rng.weibull(1.5, 80)
    fits = {
        name: fit_lifetime(time, distribution=name)
        for name in ("weibull", "lognormal", "generalised_gamma", "gamma")
    }
    assert likelihood_ratio_test(fits["lognormal"], fits["generalised_gamma"]).degrees == 1
    for small in ("lognormal", "gamma"):
        with pytest.raises(InputError, match="not more than"):
            likelihood_ratio_test(fits[small], fits["weibull"])
    mixed = np.concatenate([time, 3000 * rng.weibull(3, 60)])
    one = fit_lifetime(mixed)
    with pytest.raises(InputError, match="regular special case"):
        likelihood_ratio_test(one, fit_lifetime(mixed, distribution="mixture"))
    # half of the units cannot fail: the fraction of 1 is the end of its range
    censored = {"event": [1] * 80 + [0], "frequency": [1] * 80 + [40]}
    ends = np.append(time, 2000.0)
    small, full = (
        fit_lifetime(ends, distribution=name, **censored) for name in ("weibull", "limited_failure")
    )
    found = likelihood_ratio_test(small, full)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.statistic, 1) / 2)
    hot = {"temperature": rng.choice([350.0, 400.0], 80), "voltage": rng.choice([1.0, 2.0], 80)}
    by = [
        fit_lifetime(time, stress={"temperature": hot["temperature"]}, acceleration="arrhenius"),
        fit_lifetime(time, stress=hot, acceleration="arrhenius+inverse_power"),
        fit_lifetime(
            time, stress={"voltage": hot["voltage"]}, acceleration="inverse_power",
            shape_acceleration="inverse_power",
        ),
    ]  # fmt: skip
    assert likelihood_ratio_test(by[0], by[1]).degrees == 1
    with pytest.raises(InputError, match="not nested"):
        likelihood_ratio_test(by[0], by[2])
