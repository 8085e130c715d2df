"""Worked examples of textbooks, articles and manuals: their data, and the digits they print."""

import math

import numpy as np
import pytest

from reliability.lifetime import (
    failure_rate_bound,
    fit_lifetime,
    kaplan_meier,
    likelihood_ratio_test,
    sample_size,
    turnbull,
)

# J. Lieblein, M. Zelen, J. Res. Natl. Bur. Stand. 57, 273 (1956), doi:10.6028/jres.057.033:
# ball bearings, millions of revolutions.
BEARINGS = [
    17.88, 28.92, 33.00, 41.52, 42.12, 45.60, 48.40, 51.84, 51.96, 54.12, 55.56, 67.80, 68.64,
    68.64, 68.88, 84.12, 93.12, 98.64, 105.12, 105.84, 127.92, 128.04, 173.40,
]  # fmt: skip

# E. J. Freireich et al., Blood 21, 699 (1963): weeks of remission of leukaemia (`gehan` in R).
TREATED = {"failed": [6, 6, 6, 7, 10, 13, 16, 22, 23],
           "good": [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]}  # fmt: skip
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

# W. Nelson, "Accelerated Testing", Wiley, 1990: class B motorettes (`motors` in R), h at degC;
# failures, units still good and the end of their test.
MOTORETTES = {
    150: ([], 10, 8064), 170: ([1764, 2772, 3444, 3542, 3780, 4860, 5196], 3, 5448),
    190: ([408, 408, 1344, 1344, 1440], 5, 1680), 220: ([408, 408, 504, 504, 504], 5, 528),
}  # fmt: skip

# W. Nelson, ibid.: minutes to breakdown of an insulating fluid at kV.
FLUID = {
    26: [5.79, 1579.52, 2323.70], 28: [68.85, 108.29, 110.29, 426.07, 1067.60],
    30: [7.74, 17.05, 20.46, 21.02, 22.66, 43.40, 47.30, 139.07, 144.12, 175.88, 194.90],
    32: [0.27, 0.40, 0.69, 0.79, 2.75, 3.91, 9.88, 13.95, 15.93, 27.80, 53.24, 82.85, 89.29, 100.58,
         215.10],
    34: [0.19, 0.78, 0.96, 1.31, 2.78, 3.16, 4.15, 4.67, 4.85, 6.50, 7.35, 8.01, 8.27, 12.06, 31.75,
         32.52, 33.91, 36.71, 72.89],
    36: [0.35, 0.59, 0.96, 0.99, 1.69, 1.97, 2.07, 2.58, 2.71, 2.90, 3.67, 3.99, 5.35, 13.77,
         25.50],
    38: [0.09, 0.39, 0.47, 0.73, 0.74, 1.13, 1.40, 2.38],
}  # fmt: skip


def errors(fit):
    return np.sqrt(np.diag(fit.covariance))


def flat(groups):
    """Values and the label of each."""
    return [v for vs in groups.values() for v in vs], [k for k, vs in groups.items() for _ in vs]


def test_nag_weibull_without_censoring():
    """NAG Library, routine g07be, section 10: gamma 2.7870 (0.4273), beta -2.1073.

    support.nag.com/numeric/py/nagdoc_latest/naginterfaces.library.univar.estim_weibull.html
    """
    fit = fit_lifetime(
        [1.1, 1.4, 1.3, 1.7, 1.9, 1.8, 1.6, 2.2, 1.7, 2.7, 4.1, 1.8, 1.5, 1.2, 1.4, 3.0, 1.7, 2.3,
         1.6, 2.0]
    )  # fmt: skip
    scale, shape = fit.parameters.values()
    assert shape == pytest.approx(2.7870, abs=5e-5)
    assert errors(fit)[1] == pytest.approx(0.4273, abs=5e-5)
    assert -shape * math.log(scale) == pytest.approx(-2.1073, abs=5e-5)


def test_lognormal_with_right_censoring():
    """Meeker & Escobar, page 199, and the validation of Weibull++.

    reliawiki.com/index.php/Lognormal_MLE_Solution_with_Right_Censored_Data: mu 6.564256 with
    [6.0918, 7.0366933]; covariance 0.0581, 0.0374, 0.0405.
    """
    fit = fit_lifetime(
        [252, 315, 369, 403, 474, 500], event=[1] * 5 + [0], frequency=[1] * 5 + [15],
        distribution="lognormal",
    )  # fmt: skip
    assert fit.parameters["mu"] == pytest.approx(6.564256, abs=5e-7)
    # 7.0366933 was computed from the variance rounded to 0.0581
    assert fit.interval("mu", 0.95, "wald") == pytest.approx((6.0918, 7.0366933), abs=5e-5)
    assert fit.covariance.ravel() == pytest.approx([0.0581, 0.0374, 0.0374, 0.0405], abs=1e-4)


def test_inverse_power_law_of_an_insulation():
    """Meeker & Escobar, example 19.10: Mylar-polyurethane, kV/mm.

    help.reliasoft.com/articles/content/reference_examples/alta/inverse_power_law-lognormal_model.html
    """
    hours, field = flat(
        {
            219.0: [15, 16, 36, 50, 55, 95, 122, 129, 625, 700],
            157.1: [49, 99, 154.5, 180, 291, 447, 510, 600, 1656, 1721],
            122.4: [188, 297, 405, 744, 1218, 1340, 1715, 3382],
            100.3: [606, 1012, 2520, 2610, 3988, 4100, 5025, 6842],
        }
    )
    fit = fit_lifetime(
        hours, stress={"field": field}, distribution="lognormal", acceleration="inverse_power"
    )
    assert fit.log_likelihood == pytest.approx(-271.4, abs=0.05)
    published = {"sigma": (0.83, 1.32), "intercept": (21.6, 33.4), "exponent": (3.11, 5.46)}
    for name, ends in published.items():
        found = fit.interval(name, 0.95, "wald")
        assert found == pytest.approx(ends, abs=0.05 if name == "intercept" else 5e-3), name


def motorettes():
    rows = [
        (hours, failed, units, celsius)
        for celsius, (failures, good, end) in MOTORETTES.items()
        for hours, failed, units in [*((t, 1, 1) for t in failures), (end, 0, good)]
    ]
    return (list(column) for column in zip(*rows, strict=True))


def test_arrhenius_of_class_b_motorettes():
    """Nelson, page 135, as ALTA computes it: sigma 0.59678, B 9924.804 K, C 9.58978e-7 h.

    reliawiki.com/index.php/Appendix_C:_Benchmark_Examples, example 1.
    """
    hours, failed, units, celsius = motorettes()
    fit = fit_lifetime(
        hours, event=failed, frequency=units, stress={"temperature": np.array(celsius) + 273.15},
        distribution="lognormal", acceleration="arrhenius",
    )  # fmt: skip
    slope = fit.parameters["activation_energy"] / 8.617333262e-5
    assert fit.parameters["sigma"] == pytest.approx(0.59678, rel=1e-4)
    assert slope == pytest.approx(9924.804, rel=1e-4)
    assert math.exp(fit.parameters["intercept"]) == pytest.approx(9.58978e-7, rel=2e-3)


def test_linear_model_of_class_b_motorettes():
    """W. N. Venables, B. D. Ripley, "Modern Applied Statistics with S", 4th ed., section 13.2.

    `survreg(Surv(time, cens) ~ temp, motors)`: 16.31852, -0.04531, scale 0.334, -147.4 and -169.5.
    """
    hours, failed, units, celsius = motorettes()
    data = {"event": failed, "frequency": units}
    fit = fit_lifetime(hours, **data, stress={"celsius": celsius}, acceleration="e_model")
    assert fit.parameters["intercept"] == pytest.approx(16.31852, abs=5e-6)
    assert fit.parameters["field_acceleration"] == pytest.approx(0.04531, abs=5e-6)
    assert 1 / fit.parameters["shape"] == pytest.approx(0.334, abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-147.4, abs=0.05)
    plain = fit_lifetime(hours, **data)
    assert plain.log_likelihood == pytest.approx(-169.5, abs=0.05)
    assert likelihood_ratio_test(plain, fit).statistic == pytest.approx(44.32, abs=5e-3)


def test_inverse_power_law_of_an_insulating_fluid():
    """Nelson, page 453: shape 0.777 with [0.653, 0.923], power 17.72958, K 6.8742e-29.

    reliawiki.com/index.php/Appendix_C:_Benchmark_Examples, example 2.
    """
    minutes, volts = flat(FLUID)
    fit = fit_lifetime(minutes, stress={"voltage": volts}, acceleration="inverse_power")
    assert fit.parameters["shape"] == pytest.approx(0.777, abs=5e-4)
    assert fit.interval("shape", 0.95, "wald") == pytest.approx((0.653, 0.923), abs=6e-4)
    assert fit.parameters["exponent"] == pytest.approx(17.72958, abs=2e-5)
    assert math.exp(-fit.parameters["intercept"]) == pytest.approx(6.8742e-29, rel=1e-4)


@pytest.mark.parametrize(
    ("distribution", "parameters", "log_likelihood"),
    [
        ("weibull", {"scale": 81.87, "shape": 2.10}, -113.69),
        ("lognormal", {"mu": 4.150, "sigma": 0.522}, -113.13),
        ("generalised_gamma", {"mu": 4.230, "sigma": 0.5100, "lambda": 0.308}, -112.97),
    ],
)
def test_ball_bearings(distribution, parameters, log_likelihood):
    """J. F. Lawless, "Statistical Models and Methods for Lifetime Data", 2nd ed., Wiley, 2003,
    chapter 5; Meeker & Escobar, chapter 11."""
    fit = fit_lifetime(BEARINGS, distribution=distribution)
    for name, value in parameters.items():
        assert fit.parameters[name] == pytest.approx(value, rel=2e-3), name
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=6e-3)


def test_remissions_of_leukaemia_by_kaplan_meier():
    """J. D. Kalbfleisch, R. L. Prentice, "The Statistical Analysis of Failure Time Data",
    2nd ed., Wiley, 2002, chapter 1: survival of the treated group."""
    failed, good = TREATED["failed"], TREATED["good"]
    curve = kaplan_meier(failed + good, [1] * 9 + [0] * 12)
    published = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert curve.time.tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve.survival == pytest.approx(published, abs=5e-4)


def test_remissions_of_leukaemia_by_maximum_likelihood():
    """Venables & Ripley, section 13.2: `survreg(Surv(time) ~ treat, gehan)`: 1.267, 0.732, -106.6,
    -116.4 without the treatment; exponential rate 9/359."""
    failed, good = TREATED["failed"], TREATED["good"]
    treated = failed + good, [1] * 9 + [0] * 12
    exponential = fit_lifetime(treated[0], event=treated[1], distribution="exponential")
    assert exponential.parameters["scale"] == pytest.approx(359 / 9, rel=1e-9)
    weeks, event = treated[0] + PLACEBO, treated[1] + [1] * 21
    group = {"group": [1.0] * 21 + [2.0] * 21}
    fit = fit_lifetime(weeks, event=event, stress=group, acceleration="e_model")
    assert fit.parameters["field_acceleration"] == pytest.approx(1.267, abs=5e-4)
    assert errors(fit)[1] == pytest.approx(0.311, abs=5e-4)
    assert 1 / fit.parameters["shape"] == pytest.approx(0.732, abs=5e-4)
    assert fit.log_likelihood == pytest.approx(-106.6, abs=0.05)
    assert fit_lifetime(weeks, event=event).log_likelihood == pytest.approx(-116.4, abs=0.05)


def test_maintenance_chemotherapy_by_kaplan_meier():
    """R package survival, `survfit(Surv(time, status) ~ x, aml)`: group Maintained."""
    curve = kaplan_meier(
        [9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0]
    )
    published = [0.909, 0.818, 0.716, 0.614, 0.491, 0.368, 0.184]
    assert curve.survival == pytest.approx(published, abs=5e-4)


def test_ovarian_cancer_without_covariates():
    """R package survival, help of `survreg`: Loglik(intercept only) = -98 for `ovarian`."""
    failed = [59, 115, 156, 268, 329, 353, 365, 431, 464, 475, 563, 638]
    good = [377, 421, 448, 477, 744, 769, 770, 803, 855, 1040, 1106, 1129, 1206, 1227]
    fit = fit_lifetime(failed + good, event=[1] * 12 + [0] * 14)
    assert (fit.units, fit.failures) == (26, 12)
    assert fit.log_likelihood == pytest.approx(-98.0, abs=0.05)


def test_cosmetic_deterioration_by_turnbull():
    """D. M. Finkelstein, R. A. Wolfe, Biometrics 41, 933 (1985); M. P. Fay, P. A. Shaw, J. Stat.
    Softw. 36(2) (2010), doi:10.18637/jss.v036.i02: radiotherapy alone."""
    rows = """
        45- 6-10 0-7 46- 46- 7-16 17- 7-14 37-44 0-8 4-11 15- 11-15 22- 46- 46- 25-37 46- 26-40
        46- 27-34 36-44 46- 36-48 37- 40- 17-25 46- 11-18 38- 5-12 37- 0-5 18- 24- 36- 5-11 19-35
        17-25 24- 32- 33- 19-26 37- 34- 36-
    """
    ends = [row.split("-") for row in rows.split()]
    found = turnbull([float(a) for a, _ in ends], [float(b or "inf") for _, b in ends])
    published = {5: 0.0463, 7: 0.0334, 8: 0.0887, 12: 0.0708, 25: 0.0926, 34: 0.0818, 40: 0.1209,
                 48: 0.4656}  # fmt: skip
    held = {round(high): mass for high, mass in zip(found.high, found.mass, strict=True)
            if mass > 1e-4}  # fmt: skip
    assert held == pytest.approx(published, abs=6e-5)


def test_birnbaum_saunders_of_aluminium():
    """H. K. T. Ng, D. Kundu, N. Balakrishnan, Comput. Stat. Data Anal. 43, 283 (2003).

    0.170385 and 131.818792 for lives of Z. W. Birnbaum, S. C. Saunders, J. Appl. Prob. 6, 328
    (1969).
    """
    lives = {
        70: 1, 90: 1, 96: 1, 97: 1, 99: 1, 100: 1, 103: 1, 104: 2, 105: 1, 107: 1, 108: 3, 109: 2,
        112: 2, 113: 1, 114: 3, 116: 1, 119: 1, 120: 3, 121: 2, 123: 1, 124: 5, 128: 2, 129: 2,
        130: 3, 131: 5, 132: 3, 133: 1, 134: 5, 136: 2, 137: 1, 138: 3, 139: 2, 141: 2, 142: 6,
        144: 2, 145: 1, 146: 1, 148: 2, 149: 1, 151: 2, 152: 1, 155: 1, 156: 1, 157: 4, 158: 1,
        159: 1, 162: 1, 163: 2, 164: 1, 166: 2, 168: 1, 170: 1, 174: 1, 196: 1, 212: 1,
    }  # fmt: skip
    fit = fit_lifetime(
        list(lives), frequency=list(lives.values()), distribution="birnbaum_saunders"
    )
    assert fit.units == 101
    assert fit.parameters["shape"] == pytest.approx(0.170385, abs=5e-7)
    assert fit.parameters["scale"] == pytest.approx(131.818792, abs=5e-7)


def test_limited_failure_population_of_integrated_circuits():
    """W. Q. Meeker, "Limited failure population life tests: application to integrated circuit
    reliability", Technometrics 29, 51 (1987): mu 3.35, sigma 2.02, p 0.00674 of 4156 circuits."""
    failed = [
        0.10, 0.10, 0.15, 0.60, 0.80, 0.80, 1.20, 2.50, 3.00, 4.00, 4.00, 6.00, 10.0, 10.0, 12.5,
        20, 20, 43, 43, 48, 48, 54, 74, 84, 94, 168, 263, 593,
    ]  # fmt: skip
    fit = fit_lifetime(
        [*failed, 1370], event=[1] * 28 + [0], frequency=[1] * 28 + [4128],
        distribution="limited_failure(weibull)",
    )  # fmt: skip
    assert math.log(fit.parameters["scale"]) == pytest.approx(3.35, abs=6e-3)
    assert 1 / fit.parameters["shape"] == pytest.approx(2.02, abs=5e-3)
    assert fit.parameters["defective_fraction"] == pytest.approx(0.00674, abs=6e-6)


@pytest.mark.parametrize(
    ("failures", "factors"),
    [
        (1, (0.3340, 0.2571, 0.2108, 0.1795)),
        (2, (0.4674, 0.3758, 0.3177, 0.2768)),
        (3, (0.5440, 0.4490, 0.3869, 0.3422)),
    ],
)
def test_factors_of_a_mean_time_between_failures(failures, factors):
    """NIST/SEMATECH e-Handbook of Statistical Methods, section 8.4.5.1: lower ends of 60, 80, 90
    and 95 % intervals as multiples of the estimate.

    www.itl.nist.gov/div898/handbook/apr/section4/apr451.htm
    """
    for two_sided, factor in zip((0.6, 0.8, 0.9, 0.95), factors, strict=True):
        rate = failure_rate_bound(
            devices=1, hours=1, failures=failures, confidence=0.5 + two_sided / 2, replacement=True
        )
        assert failures / (rate / 1e9) == pytest.approx(factor, abs=5e-5)


@pytest.mark.parametrize(
    ("tolerated", "sizes"),
    [
        (0.20, (11, 18, 25, 32, 38, 45)),
        (0.10, (22, 38, 52, 65, 78, 91)),
        (0.05, (45, 77, 105, 132, 158, 184)),
    ],
)
def test_sampling_plans_of_a_lot_tolerance(tolerated, sizes):
    """MIL-S-19500, lot tolerance per cent defective: sample sizes for acceptance numbers
    of 0 to 5 at 90 % confidence."""
    assert tuple(sample_size(tolerated, failures=k, confidence=0.9) for k in range(6)) == sizes


@pytest.mark.parametrize(
    ("reliability", "confidence", "units"),
    [(0.90, 0.90, 22), (0.90, 0.95, 29), (0.95, 0.95, 59), (0.99, 0.90, 230), (0.99, 0.95, 299)],
)
def test_success_run(reliability, confidence, units):
    """Meeker & Escobar, section 10.6: units that must all live to demonstrate a reliability."""
    assert sample_size(1 - reliability, confidence=confidence) == units
