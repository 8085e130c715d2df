"""Fits against worked examples with published answers."""

import numpy as np
import pytest

from reliability.lifetime.censored_fit import fit_lifetime

# NIST/SEMATECH e-Handbook of Statistical Methods, section 8.4.1.3: ten of twenty failed by 500 h.
NIST_TIME = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386, 500]
NIST = {"event": [1] * 10 + [0], "frequency": [1] * 10 + [10]}

# Meeker & Escobar (1998), shock absorbers, appendix table C.2: 1 is a failure.
SHOCK = {
    6700: 1, 6950: 0, 7820: 0, 8790: 0, 9120: 1, 9660: 0, 9820: 0, 11310: 0, 11690: 0, 11850: 0,
    11880: 0, 12140: 0, 12200: 1, 12870: 0, 13150: 1, 13330: 0, 13470: 0, 14040: 0, 14300: 1,
    17520: 1, 17540: 0, 17890: 0, 18420: 0, 18960: 0, 18980: 0, 19410: 0, 20100: 1, 20150: 0,
    20320: 0, 20900: 1, 22700: 1, 23490: 0, 26510: 1, 27410: 0, 27490: 1, 27890: 0, 28100: 0,
}  # fmt: skip

# Meeker & Escobar (1998), example 19.5: Device-A, hours at four temperatures.
DEVICE_A = {
    313.15: [1298, 1390, 3187, 3241, 3261, 3313, 4501, 4568, 4841, 4982],
    333.15: [581, 925, 1432, 1586, 2452, 2734, 2772, 4106, 4674],
    353.15: [283, 361, 515, 638, 854, 1024, 1030, 1045, 1767, 1777, 1856, 1951, 1964, 2884],
}
DEVICE_A_GOOD = {283.15: 30, 313.15: 90, 333.15: 11, 353.15: 1}  # still good at 5000 h

# Meeker & Escobar (1998), example 19.11: a new-technology integrated circuit, inspections in h.
NEW_IC = [
    (50, 1536, np.inf, 423.15), (50, 1536, np.inf, 448.15), (50, 96, np.inf, 473.15),
    (1, 384, 788, 523.15), (3, 788, 1536, 523.15), (5, 1536, 2304, 523.15),
    (41, 2304, np.inf, 523.15), (4, 192, 384, 573.15), (27, 384, 788, 573.15),
    (16, 788, 1536, 573.15), (3, 1536, np.inf, 573.15),
]  # fmt: skip


def device_a(distribution: str, **options: object):
    time = [t for times in DEVICE_A.values() for t in times] + [5000] * 4
    kelvin = [k for k, times in DEVICE_A.items() for _ in times] + list(DEVICE_A_GOOD)
    failed = [1] * (len(time) - 4) + [0] * 4
    count = [1] * (len(time) - 4) + list(DEVICE_A_GOOD.values())
    return fit_lifetime(
        time, event=failed, frequency=count, stress={"temperature": kelvin},
        distribution=distribution, acceleration="arrhenius", **options,
    )  # fmt: skip


def test_nist_weibull_and_lognormal():
    weibull = fit_lifetime(NIST_TIME, distribution="weibull", **NIST)
    assert weibull.parameters["scale"] == pytest.approx(606.5280, rel=2e-6)
    assert weibull.parameters["shape"] == pytest.approx(1.7208, abs=5e-5)
    assert -weibull.log_likelihood == pytest.approx(75.135, abs=5e-4)
    assert weibull.aic == pytest.approx(154.27, abs=5e-3)
    lognormal = fit_lifetime(NIST_TIME, distribution="lognormal", **NIST)
    assert lognormal.aic == pytest.approx(154.39, abs=5e-3)


def test_meeker_escobar_exponential_inspections():
    """Example 7.1: 200 inter-arrival times in intervals; mean 572.3, se 41.72."""
    fit = fit_lifetime(
        lower=[0, 100, 300, 500, 700, 1000, 2000], upper=[100, 300, 500, 700, 1000, 2000, 4000],
        frequency=[41, 44, 24, 32, 29, 21, 9], distribution="exponential",
    )  # fmt: skip
    assert fit.parameters["scale"] == pytest.approx(572.3, abs=0.05)
    assert fit.covariance[0, 0] ** 0.5 == pytest.approx(41.72, abs=5e-3)
    assert np.round(fit.interval("scale", 0.95)).tolist() == [498, 662]
    assert np.round(fit.interval("scale", 0.95, "wald")).tolist() == [496, 660]


def test_meeker_escobar_shock_absorbers():
    """Weibull: mu 10.23, sigma 0.3164 (se 0.0732); eta 27719, beta 3.16 [2.01, 4.97]."""
    time = [t for t in SHOCK for _ in range(2 if t == 20100 else 1)]
    failed = [SHOCK[t] for t in SHOCK if t < 20100] + [1, 0]
    failed += [SHOCK[t] for t in SHOCK if t > 20100]
    fit = fit_lifetime(time, event=failed)
    assert fit.failures == 11
    assert fit.units == 38
    assert fit.parameters["scale"] == pytest.approx(27719, rel=1e-4)
    assert np.log(fit.parameters["scale"]) == pytest.approx(10.23, abs=5e-3)
    assert 1 / fit.parameters["shape"] == pytest.approx(0.3164, abs=5e-5)
    assert fit.interval("shape", 0.95, "wald") == pytest.approx((2.01, 4.97), abs=5e-3)
    assert fit.interval("scale", 0.95, "wald") == pytest.approx((22347.8, 34380.5), rel=1e-4)
    assert fit.covariance[0, 0] ** 0.5 == pytest.approx(3046.0, rel=1e-3)


def test_meeker_escobar_device_a():
    """Example 19.5: b0 -13.469, Ea 0.6279 eV, sigma 0.9778, log-likelihood -321.7."""
    fit = device_a("lognormal")
    assert fit.parameters["intercept"] == pytest.approx(-13.469, abs=1e-3)
    assert fit.parameters["activation_energy"] == pytest.approx(0.6279, abs=5e-5)
    assert fit.parameters["sigma"] == pytest.approx(0.9778, abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-321.7, abs=0.05)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx([2.887, 0.08284, 0.1326], rel=2e-3)


def test_meeker_escobar_new_ic_inspections():
    """Example 19.11: b0 -10.2 (se 1.5), Ea 0.83 eV (0.07), sigma 0.52 (0.06)."""
    count, lower, upper, kelvin = np.array(NEW_IC).T
    fit = fit_lifetime(
        lower=lower, upper=upper, frequency=count, stress={"temperature": kelvin},
        distribution="lognormal", acceleration="arrhenius",
    )  # fmt: skip
    digits, errors = (1, 2, 2), np.sqrt(np.diag(fit.covariance))
    found = [round(v, d) for v, d in zip(fit.parameters.values(), digits, strict=True)]
    assert found == [-10.2, 0.83, 0.52]
    assert [round(float(e), d) for e, d in zip(errors, digits, strict=True)] == [1.5, 0.07, 0.06]


def test_known_activation_energy_is_held():
    fit = device_a("lognormal", fixed={"activation_energy": 0.7})
    assert fit.parameters["activation_energy"] == 0.7
    assert fit.covariance[1, 1] == 0
    assert fit.interval("activation_energy") == (0.7, 0.7)
    free = device_a("lognormal")
    assert fit.free_parameters == free.free_parameters - 1
    assert fit.log_likelihood < free.log_likelihood
    low, high = free.interval("activation_energy", 0.95)
    assert low < 0.7 < high
