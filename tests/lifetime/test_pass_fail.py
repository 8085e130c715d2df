"""Binomial regression of pass-fail data, with and without clusters."""

import numpy as np
import pytest
from scipy import special

from reliability.errors import InputError
from reliability.lifetime import fit_pass_fail

# Bliss (1935), as in Dobson, "An Introduction to Generalized Linear Models", table 7.2.
BEETLES = {
    "dose": [1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839],
    "units": [59, 60, 62, 56, 63, 59, 62, 60],
    "killed": [6, 13, 18, 28, 52, 53, 61, 60],
}


def test_beetles_of_dobson():
    """Table 7.3: -60.717 (5.181), 34.270 (2.912), deviance 11.23; complementary log-log 3.45."""
    fit = fit_pass_fail(BEETLES, "~ dose", failed="killed", units="units")
    error = np.sqrt(np.diag(fit.covariance))
    assert fit.parameters["intercept"] == pytest.approx(-60.717, abs=5e-4)
    assert fit.parameters["dose"] == pytest.approx(34.270, abs=5e-4)
    np.testing.assert_allclose(error, [5.181, 2.912], atol=5e-4)
    assert fit.deviance == pytest.approx(11.23, abs=5e-3)
    other = fit_pass_fail(BEETLES, "~ dose", failed="killed", units="units", link="cloglog")
    assert other.deviance == pytest.approx(3.45, abs=5e-3)


def test_dose_of_half_is_the_root_of_the_predictor_with_an_interval_of_fieller():
    fit = fit_pass_fail(BEETLES, "~ dose", failed="killed", units="units")
    value, low, high = fit.dose(0.5, "dose", (1.5, 2.0), confidence=0.95)
    a, b = fit.parameters.values()
    assert value == pytest.approx(-a / b)
    v = fit.covariance
    for end in (low, high):  # (a + b x)^2 = z^2 var(a + b x)
        assert (a + b * end) ** 2 == pytest.approx(
            1.959964**2 * (v[0, 0] + 2 * end * v[0, 1] + end**2 * v[1, 1]), rel=1e-5
        )
    assert low < value < high


def test_clusters_widen_the_interval_and_agree_with_statsmodels():
    import statsmodels.api as sm
    from statsmodels.genmod.cov_struct import Exchangeable

    rng = np.random.default_rng(2)
    lot = np.repeat(np.arange(12), 4)
    cycles = np.tile([1e3, 1e4, 1e5, 1e6], 12)
    p = special.expit(-6 + np.log10(cycles) + 1.0 * rng.standard_normal(12)[lot])
    data = {"cycles": cycles, "lot": lot, "bad": rng.binomial(40, p), "n": np.full(48, 40)}
    naive = fit_pass_fail(data, "~ log10(cycles)", failed="bad", units="n")
    fit = fit_pass_fail(data, "~ log10(cycles)", failed="bad", units="n", clusters="lot")
    each = np.concatenate([np.arange(40) < k for k in data["bad"]]).astype(float)
    x = sm.add_constant(np.repeat(np.log10(cycles), 40))
    model = sm.GEE(each, x, groups=np.repeat(lot, 40), family=sm.families.Binomial(),
                   cov_struct=Exchangeable())  # fmt: skip
    other = model.fit(cov_type="bias_reduced")
    np.testing.assert_allclose(list(fit.parameters.values()), other.params, rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.covariance)), other.bse, rtol=1e-6)
    wide, narrow = (np.diff(f.interval("intercept"))[0] for f in (fit, naive))
    assert wide > 1.3 * narrow
    assert fit.degrees == 11


def held(tests: int, seed: int) -> float:
    """Fraction of 90 % intervals that hold the mean probability over lots."""
    rng = np.random.default_rng(seed)
    z = special.ndtri((np.arange(2000) + 0.5) / 2000)
    truth = special.expit(-1 + 0.8 * z).mean()
    hits = 0
    for _ in range(tests):
        p = special.expit(
            np.repeat([-2.0, -1.0, 0.0], 12) + 0.8 * np.tile(rng.standard_normal(12), 3)
        )
        data = {"x": np.repeat([-1.0, 0.0, 1.0], 12), "lot": np.tile(np.arange(12), 3),
                "bad": rng.binomial(30, p), "n": np.full(36, 30)}  # fmt: skip
        fit = fit_pass_fail(data, "~ x", failed="bad", units="n", clusters="lot")
        _, low, high = fit.probability({"x": 0.0})
        hits += low < truth < high
    return hits / tests


def test_intervals_with_clusters_hold_in_a_few_tests():
    assert held(12, 1) >= 8 / 12


@pytest.mark.slow
def test_intervals_with_clusters_hold():
    found = held(800, 2)
    assert 0.88 - 0.02 <= found <= 0.92 + 0.02, found


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        ({"killed": [60] * 8}, {}, "killed: row 0 has 60 failures of 59 units"),
        ({}, {"units": "number"}, "unknown column .units. 'number'"),
        ({}, {"link": "log"}, "unknown link 'log'"),
        ({"killed": [0, 0, 0, 0, 63, 59, 62, 60]}, {}, "separate passes from failures"),
        ({"lot": ["A"] * 8}, {"clusters": "lot"}, "lot: got one cluster"),
    ],
)
def test_input_that_cannot_be_right_is_refused(changed, options, message):
    with pytest.raises(InputError, match=message):
        fit_pass_fail(
            {**BEETLES, **changed}, "~ dose", **{"failed": "killed", "units": "units", **options}
        )


def test_a_fraction_that_is_not_reached_is_refused():
    fit = fit_pass_fail(BEETLES, "~ dose", failed="killed", units="units")
    with pytest.raises(InputError, match=r"bracket: 0\.5 is not reached"):
        fit.dose(0.5, "dose", (1.9, 2.0))
