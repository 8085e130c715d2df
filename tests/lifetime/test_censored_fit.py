"""What a user of `fit_lifetime` relies on, beyond the numbers of one example."""

import time as clock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reliability.errors import InputError
from reliability.lifetime.censored_fit import Estimate, fit_lifetime
from reliability.lifetime.claims import Claim, assess_claim
from reliability.lifetime.distributions import competing, limited_failure, mixture

TIME = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386, 500]
DATA = {"event": [1] * 10 + [0], "frequency": [1] * 10 + [10]}


def mixed(n=120, seed=7):
    rng = np.random.default_rng(seed)
    time = 500 * rng.weibull(1.8, n)
    lower, upper = time.copy(), time.copy()
    lower[:40] = np.floor(time[:40] / 100) * 100
    upper[:40] = lower[:40] + 100
    lower[40:70], upper[40:70] = 0.6 * time[40:70], np.inf
    return lower, upper


@pytest.mark.parametrize("factor", [1e-15, 1e15])
@pytest.mark.parametrize(
    "name",
    ["weibull", "lognormal", "loglogistic", "exponential", "normal", "gumbel_min", "gumbel_max",
     "gamma", "birnbaum_saunders"],
)  # fmt: skip
def test_the_unit_of_time_does_not_matter(name, factor):
    lower, upper = mixed(80)
    one = fit_lifetime(lower=lower, upper=upper, distribution=name)
    other = fit_lifetime(lower=lower * factor, upper=upper * factor, distribution=name)
    timed = {"scale", "location"} | ({"mu", "sigma"} if name == "normal" else set())
    for parameter, value in one.parameters.items():
        expected = value * factor if parameter in timed else value
        if parameter == "mu" and name != "normal":
            expected = value + np.log(factor)
        assert other.parameters[parameter] == pytest.approx(expected, rel=1e-10, abs=0)
    scaled = np.array(one.quantile(0.01)) * factor
    np.testing.assert_allclose(np.array(other.quantile(0.01)), scaled, rtol=1e-8)
    np.testing.assert_allclose(
        other.failure_probability(200 * factor), one.failure_probability(200), rtol=1e-8
    )


def test_three_parameters_keep_their_unit():
    lower, upper = mixed(80)
    one, other = (
        fit_lifetime(lower=lower * c, upper=upper * c, distribution="generalised_gamma")
        for c in (1.0, 1e15)
    )
    for name in ("sigma", "lambda"):
        assert other.parameters[name] == pytest.approx(one.parameters[name], rel=1e-8)
    rng = np.random.default_rng(1)
    time = 200 + 500 * rng.weibull(1.8, 300)
    one, other = (fit_lifetime(time * c, distribution="weibull_3") for c in (1.0, 1e-15))
    assert one.parameters["threshold"] == pytest.approx(200, abs=40)
    assert one.parameters["threshold"] < time.min()
    low, high = one.interval("threshold")
    assert low < 200 < high
    for name in ("scale", "threshold"):
        assert other.parameters[name] == pytest.approx(
            one.parameters[name] * 1e-15, rel=1e-8, abs=0
        )


@pytest.mark.parametrize("method", ["profile", "wald", "bootstrap", "calibrated"])
def test_intervals_hold_the_estimate_and_respect_the_range(method):
    fit = fit_lifetime(TIME, **DATA)
    for name, value in fit.parameters.items():
        low, high = fit.interval(name, 0.9, method)
        assert 0 < low < value < high
        wide = fit.interval(name, 0.99, method)
        assert wide[0] < low
        assert high < wide[1]
    for t in (1e-3, 1.0, 100.0, 1e4):
        value, low, high = fit.failure_probability(t, method=method)
        assert 0 <= low <= value <= high <= 1
    life = fit.quantile(1e-6, method=method)
    assert 0 < life.low < life.value < life.high
    assert float(life) == life.value


def test_many_rows_end_where_the_closed_form_is():
    """The start comes from a few of many rows; the maximum is that of all of them."""
    rng = np.random.default_rng(6)
    life, end = 300 * rng.exponential(size=70_000), 500 * rng.random(70_000)
    fit = fit_lifetime(np.minimum(life, end), event=life < end, distribution="exponential")
    total, failures = np.minimum(life, end).sum(), np.count_nonzero(life < end)
    assert fit.parameters["scale"] == pytest.approx(total / failures, rel=1e-9)


def test_one_time_of_failure_is_too_few_for_two_parameters():
    for name in ("weibull", "gamma"):
        with pytest.raises(InputError, match="the likelihood has no maximum for these data"):
            fit_lifetime([100.0] * 3, distribution=name)
    one = fit_lifetime([100.0] * 3, distribution="exponential")
    assert one.parameters["scale"] == pytest.approx(100, rel=1e-9)


def test_frequency_is_repetition():
    once = fit_lifetime(TIME, **DATA)
    rows = TIME[:-1] + [500] * 10
    repeated = fit_lifetime(rows, event=[1] * 10 + [0] * 10)
    assert once.parameters == pytest.approx(repeated.parameters, rel=1e-12)
    assert once.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(once.covariance, repeated.covariance, rtol=1e-9)
    assert once.aicc == pytest.approx(repeated.aicc)


def test_covariance_is_the_inverse_of_the_observed_information():
    """Differences of the log-likelihood in the reported parameters, by SciPy's density."""
    from scipy import stats

    fit = fit_lifetime(TIME, **DATA)
    point = np.array(list(fit.parameters.values()))

    def value(x):
        distribution = stats.weibull_min(x[1], scale=x[0])
        return distribution.logpdf(TIME[:-1]).sum() + 10 * distribution.logsf(500)

    step = 1e-3 * point
    hessian = np.empty((2, 2))
    for i in range(2):
        for j in range(2):
            a, b = step * np.eye(2)[i], step * np.eye(2)[j]
            total = value(point + a + b) - value(point + a - b) - value(point - a + b)
            hessian[i, j] = (total + value(point - a - b)) / (4 * step[i] * step[j])
    np.testing.assert_allclose(fit.covariance, np.linalg.inv(-hessian), rtol=1e-4)


def test_arrays_of_probabilities_and_times():
    fit = fit_lifetime(TIME, **DATA)
    many = fit.quantile([0.01, 0.5])
    assert isinstance(many, Estimate)
    assert many.value[1] == fit.quantile(0.5).value
    assert many.low.shape == (2,)
    chance = fit.failure_probability([0.0, 100.0, np.inf])
    assert chance.value[0] == 0
    assert chance.value[2] == 1


@given(p=st.floats(1e-6, 0.9), confidence=st.floats(0.5, 0.99))
@settings(max_examples=6, deadline=None)
def test_quantile_and_probability_are_inverse_with_their_bounds(p, confidence):
    """The upper bound of the probability at the lower bound of the quantile is p."""
    fit = fit_lifetime(TIME, **DATA)
    life = fit.quantile(p, confidence=confidence)
    assert fit.failure_probability(life.value).value == pytest.approx(p, rel=1e-8)
    early = fit.failure_probability(life.low, confidence=confidence)
    late = fit.failure_probability(life.high, confidence=confidence)
    assert early.high == pytest.approx(p, rel=1e-4)
    assert late.low == pytest.approx(p, rel=1e-4)


def two_stresses(n=600, seed=3):
    rng = np.random.default_rng(seed)
    kelvin = rng.choice([348.15, 373.15, 398.15], n)
    volt = rng.choice([1.0, 1.3, 1.6], n)
    log_life = -20 + 0.7 / (8.617333262e-5 * kelvin) - 4 * np.log(volt)
    time = np.exp(log_life) * rng.weibull(1.5, n)
    end = np.quantile(time, 0.8)
    return np.minimum(time, end), time < end, {"temperature": kelvin, "voltage": volt}


def test_two_stresses_at_once():
    time, failed, stress = two_stresses()
    fit = fit_lifetime(time, event=failed, stress=stress, acceleration="arrhenius+inverse_power")
    assert list(fit.parameters) == ["intercept", "activation_energy", "exponent", "shape"]
    for name, truth in (("activation_energy", 0.7), ("exponent", 4.0), ("shape", 1.5)):
        low, high = fit.interval(name, 0.99)
        assert low < truth < high
    use, hard = {"temperature": 328.15, "voltage": 0.8}, {"temperature": 398.15, "voltage": 1.6}
    factor = fit.acceleration_factor(use, hard)
    life = fit.quantile(0.1, use).value / fit.quantile(0.1, hard).value
    assert factor.value == pytest.approx(life, rel=1e-9)
    assert factor.low < factor.value < factor.high
    truth = np.exp(0.7 / 8.617333262e-5 * (1 / 328.15 - 1 / 398.15)) * 2.0**4
    low, high = fit.acceleration_factor(use, hard, confidence=0.99)[1:]
    assert low < truth < high
    named = fit_lifetime(
        time, event=failed, stress=stress,
        acceleration={"voltage": "inverse_power", "temperature": "arrhenius"},
    )  # fmt: skip
    assert named.log_likelihood == pytest.approx(fit.log_likelihood, abs=1e-9)


def test_shape_that_depends_on_stress():
    rng = np.random.default_rng(5)
    kelvin = rng.choice([350.0, 400.0], 800)
    shape = np.where(kelvin < 375, 1.2, 3.0)
    time = np.exp(-10 + 0.6 / (8.617333262e-5 * kelvin)) * rng.weibull(shape)
    stress = {"temperature": kelvin}
    fit = fit_lifetime(
        time, stress=stress, acceleration="arrhenius", shape_acceleration="arrhenius"
    )
    for k, truth in ((350.0, 1.2), (400.0, 3.0)):
        late, early = (fit.quantile(p, {"temperature": k}).value for p in (0.9, 0.1))
        ratio = np.log(late / early)
        found = np.log(np.log(0.1) / np.log(0.9)) / ratio
        assert found == pytest.approx(truth, rel=0.12)  # four standard errors of a shape, n = 400


def test_extrapolation_widens():
    time, failed, stress = two_stresses(200)
    fit = fit_lifetime(time, event=failed, stress=stress, acceleration="arrhenius+inverse_power")

    def width(kelvin):
        life = fit.quantile(0.01, {"temperature": kelvin, "voltage": 1.3})
        return np.log(life.high / life.low)

    assert width(300.0) > width(330.0) > width(373.0)


def test_two_populations_and_two_modes():
    rng = np.random.default_rng(11)
    early = rng.random(600) < 0.3
    time = np.where(early, 50 * rng.weibull(3, 600), 400 * rng.weibull(2.5, 600))
    fit = fit_lifetime(
        np.minimum(time, 600), event=time < 600, distribution=mixture("weibull", "weibull")
    )
    low, high = fit.interval("fraction_1", 0.99)
    assert low < early.mean() < high
    assert fit.log_likelihood > fit_lifetime(np.minimum(time, 600), event=time < 600).log_likelihood
    modes = np.minimum(500 * rng.weibull(0.7, 600), 400 * rng.weibull(4, 600))
    fit = fit_lifetime(modes, distribution=competing("weibull", "weibull"))
    for name, truth in (("shape_1", 0.7), ("shape_2", 4.0)):
        low, high = fit.interval(name, 0.99)
        assert low < truth < high


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"time": [1.0, -2.0]}, "time: row 1 is -2, allowed: 0 or more"),
        ({"time": [1.0, np.nan]}, "time: row 1 is nan"),
        ({"time": [1.0, 2.0], "event": [1, 2]}, "event: row 1 is 2, allowed: 0 or 1"),
        ({"time": [1.0, 2.0], "event": [0, 0]}, "no unit failed"),
        ({"time": [1.0, 2.0], "event": [1]}, "event: got 1 rows, expected 2"),
        ({"time": [5.0, 5.0, 5.0]}, "the likelihood has no maximum"),
        ({"lower": [1.0, 3.0], "upper": [2.0, 2.5]}, "upper: row 1 is 2.5"),
        ({"time": [1.0], "lower": [1.0]}, "either time"),
        ({}, "give time"),
        ({"time": [1.0, 2.0], "distribution": "weibul"}, "did you mean 'weibull'"),
        ({"time": [1.0, 2.0], "frequency": [1, -1]}, "frequency: row 1"),
        ({"time": [1.0, 2.0], "truncation": [0.5, 3.0]}, "truncation: row 1"),
        ({"time": [1.0, 2.0], "stress": {"temperature": 300.0}}, "without acceleration"),
        ({"time": [1.0, 2.0], "acceleration": "arrhenius"}, "needs stress"),
        (
            {"time": [1.0, 2.0], "stress": {"temperature": 300.0}, "acceleration": "arrhenius"},
            "one value only",
        ),
        (
            {"time": [1.0, 2.0], "stress": {"temperature": [300, 0]}, "acceleration": "arrhenius"},
            "not positive",
        ),
        (
            {"time": [1.0, 2.0], "stress": {"temperature": [300, 310]}, "acceleration": "arhenius"},
            "did you mean 'arrhenius'",
        ),
        ({"time": [1.0, 2.0], "fixed": {"shap": 1.0}}, "did you mean 'shape'"),
        (
            {
                "time": [1.0, 2.0],
                "stress": {"temperature": [300, 310], "voltage": 1.0},
                "acceleration": "arrhenius",
            },
            "no acceleration model uses it",
        ),
        (
            {
                "time": [1.0, 2.0],
                "stress": {"temperature": [300, 310]},
                "acceleration": "arrhenius",
                "distribution": "normal",
            },
            "no single location",
        ),
        (
            {"time": [1.0, 2.0, 3.0], "distribution": "weibull_3", "fixed": {"threshold": 0.5}},
            "not available for weibull_3",
        ),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        fit_lifetime(**arguments)
    assert "\n" not in str(caught.value)


def test_questions_that_cannot_be_asked():
    fit = fit_lifetime(TIME, **DATA)
    for question in (
        lambda: fit.interval("sigma"),
        lambda: fit.interval("shape", 1.2),
        lambda: fit.interval("shape", method="walt"),
        lambda: fit.quantile(0.0),
        lambda: fit.failure_probability(-1.0),
        lambda: fit.quantile(0.1, {"temperature": 300.0}),
        lambda: fit.acceleration_factor({"temperature": 300.0}, {"temperature": 350.0}),
    ):
        with pytest.raises(InputError):
            question()


def test_a_known_shape_fits_one_failure():
    """Weibayes: with the shape known the scale is in closed form."""
    time, failed = np.array([300.0, 1000, 1000, 1000]), [1, 0, 0, 0]
    fit = fit_lifetime(time, event=failed, fixed={"shape": 2.0})
    assert fit.parameters["scale"] == pytest.approx(np.sqrt(np.sum(time**2)), rel=1e-9)


def test_bootstrap_does_not_depend_on_anything_but_the_seed():
    fit = fit_lifetime(TIME, **DATA)
    assert fit.interval("shape", method="bootstrap", seed=4) == fit.interval(
        "shape", method="bootstrap", seed=4
    )
    assert fit.interval("shape", method="bootstrap", seed=4) != fit.interval(
        "shape", method="bootstrap", seed=5
    )


@pytest.mark.slow
def test_speed_of_a_million_inspected_rows():
    rng = np.random.default_rng(1)
    edges = np.linspace(0, 2500, 61)
    place = np.searchsorted(edges, 1000 * rng.weibull(1.7, 1_000_000))
    lower, upper = edges[place - 1], np.append(edges, np.inf)[place]
    begin = clock.process_time()
    fit = fit_lifetime(lower=lower, upper=upper)
    assert clock.process_time() - begin < 2
    assert fit.parameters["scale"] == pytest.approx(1000, rel=4e-3)


def test_no_bound_is_claimed_before_a_fitted_threshold():
    time = 200 + 500 * np.random.default_rng(1).weibull(1.8, 300)
    fit = fit_lifetime(time, distribution="weibull_3")
    before = fit.failure_probability(0.99 * fit.parameters["threshold"])
    assert before.value == before.low == 0
    assert np.isnan(before.high)
    claim = Claim(0.9 * fit.parameters["threshold"], 0.01)
    with pytest.raises(InputError, match="before the fitted threshold"):
        assess_claim(claim, lower=time, upper=time, distribution="weibull_3")


def test_a_population_of_which_a_part_can_fail_ends_at_that_part():
    rng = np.random.default_rng(2)
    time = np.where(rng.random(300) < 0.2, 100 * rng.weibull(1.5, 300), np.inf)
    fit = fit_lifetime(
        np.minimum(time, 1e3), event=time < 1e3, distribution=limited_failure("weibull")
    )
    end = fit.failure_probability(np.inf)
    assert end.value == pytest.approx(fit.parameters["defective_fraction"], rel=1e-9)
    assert end.low < end.value < end.high < 0.3
    assert fit.survival_probability(np.inf).value == pytest.approx(1 - end.value)
