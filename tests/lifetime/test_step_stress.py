"""Step stress and profiles: constant stress as a special case, scipy, and simulated tests."""

import numpy as np
import pytest
from scipy import optimize

from reliability.errors import InputError
from reliability.lifetime import (
    Schedule,
    failure_under,
    fit_lifetime,
    fit_step_stress,
    predict_failures,
)

VOLTS = [1.0, 1.2, 1.4, 1.6, 1.8, 2.0]
STEPS = Schedule([30.0] * 6, {"voltage": VOLTS})


def simulated(rng, units, shape=2.0, life=150.0, exponent=4.0):
    """Lives under STEPS: the time at which the life used up at 1 V reaches a Weibull life."""
    used = np.concatenate([[0.0], np.cumsum(30.0 * np.array(VOLTS) ** exponent)])
    ends = np.concatenate([30.0 * np.arange(6), [1e6]])
    used[-1] = used[-2] + VOLTS[-1] ** exponent * (1e6 - 150.0)
    return np.interp(life * rng.weibull(shape, units), used, ends)


def constant():
    rng = np.random.default_rng(1)
    v = np.repeat([1.0, 1.2, 1.5], 20)
    life = np.exp(5 - 4 * np.log(v)) * rng.weibull(2, 60)
    return v, np.minimum(life, 120), life < 120


@pytest.mark.parametrize("distribution", ["weibull", "lognormal", "exponential"])
def test_schedules_of_one_step_are_the_test_at_constant_stress(distribution):
    v, time, failed = constant()
    plans = {x: Schedule([10.0], {"v": [x]}) for x in np.unique(v)}
    fit = fit_step_stress(
        time, [plans[x] for x in v], acceleration="inverse_power", event=failed,
        distribution=distribution,
    )  # fmt: skip
    same = fit_lifetime(
        time, event=failed, stress={"v": v}, acceleration="inverse_power",
        distribution=distribution,
    )  # fmt: skip
    np.testing.assert_allclose(
        list(fit.parameters.values()), list(same.parameters.values()), rtol=1e-7
    )
    assert fit.log_likelihood == pytest.approx(same.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(
        fit.quantile(0.1, {"v": 0.8}), same.quantile(0.1, {"v": 0.8}), rtol=1e-5
    )


def test_steps_agree_with_a_direct_maximisation():
    time = simulated(np.random.default_rng(2), 25)
    end = 165.0
    fit = fit_step_stress(
        np.minimum(time, end), STEPS, acceleration="inverse_power", event=time < end
    )  # fmt: skip

    def negative(theta):
        mu, n, log_sigma = theta
        rate = np.array(VOLTS) ** n
        total = 0.0
        for t in time:
            spent = np.clip(min(t, end) - 30.0 * np.arange(6), 0, [30.0] * 5 + [np.inf])
            age, step = spent @ rate, min(int(min(t, end) // 30), 5)
            z = (np.log(age) - mu) / np.exp(log_sigma)
            total -= np.exp(z)
            if t < end:
                total += z - log_sigma - np.log(age) + np.log(rate[step])
        return -total

    best = optimize.minimize(negative, [5.0, 4.0, -0.7], method="Nelder-Mead",
                             options={"xatol": 1e-9, "fatol": 1e-11, "maxiter": 4000})  # fmt: skip
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-7)
    assert fit.parameters["exponent"] == pytest.approx(best.x[1], rel=1e-4)


def test_gradient_and_hessian_of_read_outs_are_those_of_the_value():
    fit = fit_step_stress(
        None, STEPS, acceleration="inverse_power",
        lower=[0, 20, 60, 90, 100, 120, 130, 150], upper=[20, 60, 90, 100, 120, 120, 130, np.inf],
        frequency=[1, 3, 5, 6, 4, 1, 2, 5],
    )  # fmt: skip
    likelihood, theta = fit.likelihood, fit.maximum.theta + 0.1
    found, h = likelihood.evaluate(theta), 1e-5 * np.eye(3)
    slope = [(likelihood.value(theta + e) - likelihood.value(theta - e))[0] / 2e-5 for e in h]
    np.testing.assert_allclose(found.gradient[0], slope, rtol=1e-6)
    bend = [(likelihood.evaluate(theta + e).gradient - likelihood.evaluate(theta - e).gradient)[0]
            / 2e-5 for e in h]  # fmt: skip
    np.testing.assert_allclose(found.hessian[0], bend, rtol=1e-5, atol=1e-6)


def test_a_profile_is_between_its_extremes_and_one_condition_is_the_plain_fit():
    v, time, failed = constant()
    fit = fit_lifetime(time, event=failed, stress={"v": v}, acceleration="inverse_power")
    low, high = (fit.failure_probability(40.0, {"v": x}).value for x in (0.9, 1.3))
    day = Schedule([1.0, 1.0], {"v": [0.9, 1.3]}, repeat=True)
    assert low < failure_under(fit, day, 40.0).value < high
    one = failure_under(fit, Schedule([1.0], {"v": [0.9]}), 40.0)
    np.testing.assert_allclose(one, fit.failure_probability(40.0, {"v": 0.9}), rtol=1e-5)
    exponent = fit.parameters["exponent"]
    equivalent = 20.0 + 20.0 * (1.3 / 0.9) ** exponent  # the profile as time at 0.9
    assert failure_under(fit, day, 40.0).value == pytest.approx(
        fit.failure_probability(equivalent, {"v": 0.9}).value, rel=1e-9
    )


def test_predictions_take_a_step_stress_fit():
    time = simulated(np.random.default_rng(3), 30)
    fit = fit_step_stress(time, STEPS, acceleration="inverse_power")
    assert predict_failures(fit, 100, 20.0, {"voltage": 1.0}).high < 30


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Schedule([], {"v": []}), "at least one step"),
        (lambda: Schedule([1.0, 0.0], {"v": [1, 2]}), "not a finite number above 0"),
        (lambda: Schedule([1.0], {"v": [1, 2]}), "v has 2 values for 1 steps"),
        (lambda: Schedule([1.0], {}), "got no stress"),
        (lambda: fit_step_stress([1.0, 2.0], [STEPS], acceleration="inverse_power"),
         "schedules: got 1, expected one or 2"),
        (lambda: fit_step_stress([1.0], STEPS, acceleration="arrhenius"), "needs the stress"),
        (lambda: fit_step_stress([1.0], STEPS, acceleration="inverse_power", event=[0]),
         "no unit failed"),
        (lambda: fit_step_stress([1.0], STEPS, acceleration="inverse_power", lots=["A"]),
         "lots: not available"),
        (lambda: failure_under(fit_lifetime([1.0, 2.0, 3.0]), STEPS, 1.0), "an acceleration"),
    ],
)  # fmt: skip
def test_input_that_cannot_be_right_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def bounds_held(tests: int, seed: int) -> np.ndarray:
    """Whether the intervals of the exponent and of B10 life at 1 V hold; 40 units on steps."""
    rng, held = np.random.default_rng(seed), []
    truth = 150.0 * (-np.log(0.9)) ** 0.5
    for _ in range(tests):
        time = simulated(rng, 40)
        fit = fit_step_stress(np.minimum(time, 160), STEPS, acceleration="inverse_power",
                              event=time < 160)  # fmt: skip
        a, b = fit.interval("exponent"), fit.quantile(0.1, {"voltage": 1.0})[1:]
        held.append((a[0] < 4.0 < a[1], b[0] < truth < b[1]))
    return np.array(held)


def test_intervals_of_step_stress_hold_in_a_few_tests():
    assert np.all(bounds_held(10, 1).sum(axis=0) >= 7)


@pytest.mark.slow
def test_intervals_of_step_stress_hold():
    held = bounds_held(600, 2).mean(axis=0)
    assert np.all(np.abs(held - 0.9) < 0.02 + 2 * np.sqrt(0.09 / 600)), held
