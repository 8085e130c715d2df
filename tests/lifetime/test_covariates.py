"""Regression by formula and comparison of groups, against published examples and lifelines."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime import (
    Claim,
    assess_claim,
    compare_groups,
    fit_lifetime,
    fit_lifetime_regression,
    likelihood_ratio_test,
)

# Nelson (1990), p. 272; Meeker & Escobar (1998), p. 439: pseudo-stress, kilocycles, failed (1).
SUPERALLOY = [
    (80.3, 211.629, 1), (80.6, 200.027, 1), (80.8, 57.923, 0), (84.3, 155.0, 1), (85.2, 13.949, 1),
    (85.6, 112.968, 0), (85.8, 152.68, 1), (86.4, 156.725, 1), (86.7, 138.114, 0),
    (87.2, 56.723, 1), (87.3, 121.075, 1), (89.7, 122.372, 0), (91.3, 112.002, 1),
    (99.8, 43.331, 1), (100.1, 12.076, 1), (100.5, 13.181, 1), (113.0, 18.067, 1),
    (114.8, 21.3, 1), (116.4, 15.616, 1), (118.0, 13.03, 1), (118.4, 8.489, 1), (118.6, 12.434, 1),
    (120.4, 9.75, 1), (142.5, 11.865, 1), (144.5, 6.705, 1), (145.9, 5.733, 1),
]  # fmt: skip
ALLOY = pd.DataFrame(SUPERALLOY, columns=["stress", "kilocycles", "failed"])
QUADRATIC = "kilocycles ~ log(stress) + I(log(stress)**2)"

# Zelen (1959); Meeker & Escobar (1998), p. 447: four of eight capacitors failed at each condition.
GLASS = {
    (170, 200): [439, 904, 1092, 1105], (170, 250): [572, 690, 904, 1090],
    (170, 300): [315, 315, 439, 628], (170, 350): [258, 258, 347, 588],
    (180, 200): [959, 1065, 1065, 1087], (180, 250): [216, 315, 455, 473],
    (180, 300): [241, 315, 332, 380], (180, 350): [241, 241, 435, 455],
}  # fmt: skip
CAPACITORS = pd.DataFrame(
    [(c, v, t, 1, 1) for (c, v), times in GLASS.items() for t in times]
    + [(c, v, times[-1], 0, 4) for (c, v), times in GLASS.items()],
    columns=["celsius", "volts", "time", "event", "frequency"],
)

# Freireich et al. (1963), weeks of remission, as in Venables & Ripley, "Modern Applied Statistics
# with S", 2002, chapter 13; negative: censored.
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
DRUG = [6, 6, 6, 7, 10, 13, 16, 22, 23, -6, -9, -10, -11, -17, -19, -20, -25, -32, -32, -34, -35]
REMISSION = pd.DataFrame({"t": PLACEBO + DRUG, "treatment": ["control"] * 21 + ["6-MP"] * 21})
REMISSION = REMISSION.assign(time=REMISSION["t"].abs(), event=REMISSION["t"] > 0)


def errors(fit):
    return dict(zip(fit.parameters, np.sqrt(np.diag(fit.covariance)), strict=True))


def test_superalloy_fatigue_with_constant_spread():
    """Meeker & Escobar (1998), table 17.3: 217.61, -85.52, 8.48; sigma 0.375."""
    fit = fit_lifetime_regression(ALLOY, QUADRATIC, event="failed")
    found = [fit.parameters[k] for k in ("intercept", "log(stress)", "I(log(stress) ** 2)")]
    assert np.round(found, 2).tolist() == [217.61, -85.52, 8.48]
    assert 1 / fit.parameters["shape"] == pytest.approx(0.375, abs=5e-4)


def test_superalloy_fatigue_with_spread_that_depends_on_stress():
    """SAS/QC User's Guide, RELIABILITY, "Regression Model with Nonconstant Scale"."""
    fit = fit_lifetime_regression(ALLOY, QUADRATIC, spread="~ log(stress)", event="failed")
    expected = {
        "intercept": 243.168, "log(stress)": -96.5240, "I(log(stress) ** 2)": 9.6653,
        "log_scale_intercept": 4.4666, "log_scale_log(stress)": -1.1757,
    }  # fmt: skip
    for name, value in expected.items():
        assert fit.parameters[name] == pytest.approx(value, abs=6e-4 if value > 99 else 6e-5)
    constant = fit_lifetime_regression(ALLOY, QUADRATIC, event="failed")
    assert likelihood_ratio_test(constant, fit).degrees == 1


def test_superalloy_spread_against_scipy():
    """The same maximum as a direct maximisation of the likelihood."""
    from scipy import optimize

    x, y = np.log(ALLOY["stress"]), np.log(ALLOY["kilocycles"])
    x = x - x.mean()

    def negative(theta):
        log_scale = theta[3] + theta[4] * x
        z = (y - theta[0] - theta[1] * x - theta[2] * x**2) / np.exp(log_scale)
        return -np.sum(ALLOY["failed"] * (z - log_scale - y) - np.exp(z))

    best = optimize.minimize(negative, [3.5, -5, 8, -1, -1], method="BFGS", tol=1e-10)
    fit = fit_lifetime_regression(ALLOY, QUADRATIC, spread="~ log(stress)", event="failed")
    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    assert fit.parameters["log_scale_log(stress)"] == pytest.approx(best.x[4], abs=1e-3)


def test_glass_capacitors_without_interaction():
    """Meeker & Escobar (1998), table 17.4, model 1."""
    fit = fit_lifetime_regression(CAPACITORS, "~ celsius + volts")
    error = errors(fit)
    assert fit.parameters["intercept"] == pytest.approx(13.407, abs=5e-4)
    assert fit.parameters["celsius"] == pytest.approx(-0.02890, abs=5e-6)
    assert fit.parameters["volts"] == pytest.approx(-0.00591, abs=5e-6)
    assert error["intercept"] == pytest.approx(2.296, abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-244.24, abs=5e-3)


def test_glass_capacitors_with_interaction():
    """SAS/QC User's Guide, RELIABILITY, "Regression Model with Two Independent Variables"."""
    fit = fit_lifetime_regression(CAPACITORS, "~ celsius * volts")
    error = errors(fit)
    printed = {
        "intercept": (9.4135, 10.5402), "celsius": (-0.0062, 0.0598), "volts": (0.0086, 0.0374),
        "celsius:volts": (-0.0001, 0.0002), "shape": (2.7593, 0.4210),
    }  # fmt: skip
    for name, (value, deviation) in printed.items():
        assert fit.parameters[name] == pytest.approx(value, abs=5.1e-5)
        assert error[name] == pytest.approx(deviation, abs=5.1e-5)


def test_groups_of_the_remission_data():
    """Venables & Ripley (2002), section 13.2: 2.248, 1.267, 19.65; log-rank 16.8, p 4.17e-05."""
    found = compare_groups(REMISSION, "treatment", reference="control")
    assert found.fit.parameters["intercept"] == pytest.approx(2.248, abs=5e-4)
    assert np.log(found.life_ratio["6-MP"].value) == pytest.approx(1.267, abs=5e-4)
    assert 1 / found.fit.parameters["shape"] == pytest.approx(0.732, abs=5e-4)
    assert found.likelihood_ratio.statistic == pytest.approx(19.65, abs=5e-3)
    assert found.log_rank.statistic == pytest.approx(16.8, abs=0.05)
    assert found.log_rank.p_value == pytest.approx(4.17e-5, abs=5e-8)
    assert found.equal_spread.p_value > 0.5
    assert found.fit.quantile(0.5, {"treatment": "6-MP"}).value == pytest.approx(
        found.fit.quantile(0.5, {"treatment": "control"}).value * found.life_ratio["6-MP"].value
    )


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("weibull", "WeibullAFTFitter"), ("lognormal", "LogNormalAFTFitter")],
)  # fmt: skip
def test_factor_interaction_and_spread_agree_with_lifelines(ours, theirs):
    lifelines = pytest.importorskip("lifelines")
    rng = np.random.default_rng(3)
    lot, x = rng.choice(["A", "B", "C"], 90), rng.uniform(1, 2, 90)
    life = np.exp(2 - x + 0.5 * (lot == "B") * x + 0.4 * rng.gumbel(size=90))
    data = pd.DataFrame({"time": np.minimum(life, 3), "event": life < 3, "lot": lot, "x": x})
    fit = fit_lifetime_regression(data, "~ lot * x", spread="~ x", distribution=ours)
    other = getattr(lifelines, theirs)()
    other.fit(data, "time", "event", formula="lot * x", ancillary="x")
    values = list(fit.parameters.values())
    sign = 1 if ours == "lognormal" else -1  # they fit the log of the shape
    np.testing.assert_allclose(values[:6], _sorted(other.params_, fit), atol=2e-4)
    second = other.params_.iloc[6:]
    np.testing.assert_allclose(
        values[6:], sign * np.array([second.xs("Intercept", level=1).item(),
                                     second.xs("x", level=1).item()]), atol=2e-4,
    )  # fmt: skip
    assert fit.log_likelihood == pytest.approx(other.log_likelihood_, abs=1e-5)


def _sorted(params, fit):
    first = params.iloc[:6].droplevel(0)
    return [first["Intercept"], *(first[name] for name in list(fit.parameters)[1:6])]


def test_acceleration_models_and_own_transforms_are_functions_of_a_formula():
    kelvin = np.repeat([398.15, 423.15, 448.15], 4)
    volts = np.tile([1.0, 1.2, 1.4, 1.6], 3)
    life = np.exp(-20 + 8000 / kelvin - 3 * np.log(volts) + np.sin(np.arange(12)))
    data = {"time": life, "temperature": kelvin, "volts": volts, "kept": ["x"] * 12}
    named = fit_lifetime(
        life, stress={"temperature": kelvin, "volts": volts},
        acceleration="arrhenius+inverse_power",
    )  # fmt: skip
    written = fit_lifetime_regression(
        data, "~ arrhenius(temperature) + mine(volts)", event=None,
        transforms={"mine": lambda v: -np.log(v)},
    )  # fmt: skip
    np.testing.assert_allclose(
        list(written.parameters.values()), list(named.parameters.values()), rtol=1e-6
    )
    use = {"temperature": 330.0, "volts": 1.0}
    assert written.quantile(0.1, use).low == pytest.approx(named.quantile(0.1, use).low, rel=1e-5)


def test_groups_of_normal_values_are_least_squares():
    value = [4.1, 5.0, 6.2, 5.5, -7.0, 8.1, 9.4, 8.8]
    data = {"time": value, "design": ["old"] * 4 + ["new"] * 4}
    fit = fit_lifetime_regression(data, "~ design", distribution="normal", event=None)
    means = np.mean(value[:4]), np.mean(value[4:])
    assert fit.parameters["intercept"] == pytest.approx(means[1])
    assert fit.parameters["design[T.old]"] == pytest.approx(means[0] - means[1])


def test_a_claim_is_assessed_for_a_level_of_a_formula():
    data = REMISSION
    found = assess_claim(
        Claim(5.0, 0.5, {"treatment": "6-MP"}),
        lower=data["time"], upper=np.where(data["event"], data["time"], np.inf),
        stress={"treatment": data["treatment"]}, acceleration="~ treatment", distribution="weibull",
    )  # fmt: skip
    fit = compare_groups(data, "treatment").fit
    assert found.estimate == pytest.approx(
        fit.failure_probability(5.0, {"treatment": "6-MP"}).value, rel=1e-6
    )


@pytest.mark.parametrize(
    ("formula", "options", "message"),
    [
        ("~ foo", {}, "formula: .*`foo` is not present"),
        ("~ celsius +", {}, "formula: cannot read"),
        ("~ celsius | volts", {}, "expected one right-hand side"),
        ("~ 0 + celsius", {}, "leaves out the intercept"),
        ("~ log(celsius - 170)", {}, "not finite in row 0"),
        ("~ celsius + I(2 * celsius)", {}, "do not separate"),
        ("hours ~ celsius", {}, "unknown column .time. 'hours'"),
        ("~ celsius", {"events": "event"}, "unknown column 'events'; did you mean 'event'"),
        ("~ celsius", {"event": "failed"}, "unknown column .event. 'failed'"),
        ("~ nothing(celsius)", {}, "name 'nothing' is not defined"),
    ],
)
def test_a_formula_that_cannot_be_right_is_refused_in_one_line(formula, options, message):
    with pytest.raises(InputError, match=message) as error:
        fit_lifetime_regression(CAPACITORS, formula, **options)
    assert "\n" not in str(error.value)


def test_columns_and_levels_that_cannot_be_right_are_refused():
    data = {"time": [1.0, 2.0, 3.0, 4.0], "lot": ["A", "A", "B", "B"]}
    with pytest.raises(InputError, match="event: which column"):
        fit_lifetime_regression(data, "~ lot")
    fit = fit_lifetime_regression(data, "~ lot", event=None)
    with pytest.raises(InputError, match="no level 'C'"):
        fit.quantile(0.5, {"lot": "C"})
    with pytest.raises(InputError, match="needs a formula"):
        fit_lifetime([1.0, 2.0], stress={"lot": ["A", "B"]}, acceleration="inverse_power")
    with pytest.raises(InputError, match="lot: row 1 is None"):
        fit_lifetime_regression({**data, "lot": ["A", None, "B", "B"]}, "~ lot", event=None)
    with pytest.raises(InputError, match="no unit of 'B' failed"):
        compare_groups({**data, "event": [1, 1, 0, 0]}, "lot")
    with pytest.raises(InputError, match="got one group"):
        compare_groups({**data, "lot": ["A"] * 4}, "lot", event=None)
    with pytest.raises(InputError, match="unknown reference 'C'"):
        compare_groups(data, "lot", reference="C", event=None)


def ratios_held(tests: int, units: int, seed: int = 0) -> np.ndarray:
    """Whether the 90 % interval of the ratio of lives of two lots holds the true one."""
    rng = np.random.default_rng(seed)
    held = []
    for _ in range(tests):
        life = rng.weibull(2.0, (2, units)) * [[1.0], [0.7]]
        data = {
            "time": np.minimum(life, 0.9).ravel(), "event": (life < 0.9).ravel(),
            "lot": np.repeat(["A", "B"], units),
        }  # fmt: skip
        fit = fit_lifetime_regression(data, "~ lot")
        _, low, high = fit.acceleration_factor({"lot": "B"}, {"lot": "A"})
        held.append(low < 0.7 < high)
    return np.array(held)


def test_the_interval_of_a_ratio_of_lives_holds_in_a_few_tests():
    held = ratios_held(20, 30)
    assert held.sum() >= 15


@pytest.mark.slow
def test_the_interval_of_a_ratio_of_lives_holds():
    held = ratios_held(1500, 30, seed=1).mean()
    assert abs(held - 0.9) < 2.6 * np.sqrt(0.09 / 1500), held
    assert stats.binom.cdf(int(1500 * held), 1500, 0.88) > 0.01
