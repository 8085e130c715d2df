"""Bounds of fits: against brute force, published thresholds, limited populations, lots."""

import numpy as np
import pytest
from scipy import optimize, special, stats

from reliability.errors import InputError
from reliability.lifetime import fit_lifetime
from reliability.lifetime.censored_fit import NoMaximum
from reliability.lifetime.maximise import _inverse

ALLOY = (  # T7987, thousands of cycles; 5 of 72 ran to 300 (Meeker & Escobar 1998, table 11.2)
    "94 96 99 99 104 108 112 114 117 117 118 121 121 123 129 131 133 135 136 139 139 140 141 141 "
    "143 144 149 149 152 153 159 159 159 159 162 168 168 169 170 170 171 172 173 176 177 180 180 "
    "184 187 188 189 190 196 197 203 205 211 213 224 226 227 256 257 269 271 274 291"
)


@pytest.mark.parametrize("name", ["weibull", "lognormal", "loglogistic"])
def test_survival_beyond_the_test_by_brute_force(name):
    """20 units, half of them failed, at 2 to 4 times the end: profile over ln sigma by SciPy."""
    rng = np.random.default_rng(5)
    drop = special.chdtri(1, 0.1)
    for _ in range(6):
        life = rng.weibull(2, 20)
        end = np.sort(life)[9]
        time, failed = np.minimum(life, end), life <= end
        fit = fit_lifetime(time, event=failed, distribution=name)
        found = fit.survival_probability(3.0)
        form, y = fit.distribution.form, np.log(time)

        def profile(z, form=form, y=y, failed=failed):
            def loss(log_sigma):
                sigma = np.exp(log_sigma)
                each = (y - np.log(3.0)) / sigma + z
                density = form.log_pdf(each) - log_sigma - y
                return -np.sum(np.where(failed, density, form.log_sf(each)))

            best = optimize.minimize_scalar(
                loss, bounds=(-6, 4), method="bounded", options={"xatol": 1e-10}
            )
            return -best.fun

        def excess(z, fit=fit, profile=profile):
            return 2 * (fit.log_likelihood - profile(z)) - drop

        centre = float((np.log(3.0) - _location(fit)) / _sigma(fit))
        ends = optimize.brentq(excess, centre - 20, centre), optimize.brentq(excess, centre, 60.0)
        expected = [float(np.exp(form.log_sf(z))) for z in ends]
        assert [found.high, found.low] == pytest.approx(expected, abs=1e-6)


def _location(fit):
    p = fit.parameters
    return p["mu"] if "mu" in p else np.log(p["scale"])


def _sigma(fit):
    p = fit.parameters
    return p["sigma"] if "sigma" in p else 1 / p["shape"]


def test_one_singular_matrix_does_not_spoil_the_others():
    good = np.array([[2.0, 1.0], [1.0, 3.0]])
    found = _inverse(np.stack([good, np.zeros((2, 2)), 1e-9 * good, np.full((2, 2), np.nan)]))
    np.testing.assert_array_equal(found[0], np.linalg.inv(good))
    np.testing.assert_array_equal(found[2], np.linalg.inv(1e-9 * good))
    assert np.isnan(found[3]).all()


def test_published_thresholds():
    time = np.array([*map(float, ALLOY.split()), 300.0])
    fit = fit_lifetime(time, event=time < 300, frequency=[1] * 67 + [5], distribution="weibull_3")
    assert list(fit.parameters.values()) == pytest.approx([93.264, 1.3202, 92.993], rel=1e-4)
    assert fit.log_likelihood == pytest.approx(-363.943, abs=1e-3)
    low, high = fit.interval("threshold")
    assert low < 92.993 < high <= 94


def test_weibulls_own_steel():
    """Weibull (1951), Bofors steel; the data as SurPyval has them."""
    data = pytest.importorskip("surpyval.datasets").load_bofors_steel()
    fit = fit_lifetime(data["x"], frequency=data["n"], distribution="weibull_3")
    assert list(fit.parameters.values()) == pytest.approx([7.142, 2.620, 39.766], rel=1e-3)
    assert fit.log_likelihood == pytest.approx(-918.26, abs=0.01)
    assert 39.766 < fit.interval("threshold")[1] <= 40.8


def test_thresholds_of_simulated_samples():
    rng, fitted = np.random.default_rng(0), 0
    for _ in range(8):
        time = 50 + 100 * rng.weibull(1.5, 40)
        try:
            fit = fit_lifetime(time, distribution="weibull_3")
        except NoMaximum:
            continue
        fitted += 1
        assert fit.parameters["threshold"] < time.min()
    assert fitted >= 7


def test_quantiles_beyond_the_fraction_that_can_fail():
    """30 of 100 fail early; a third may be defective within the interval, a half is not."""
    time = np.append(10 * np.random.default_rng(1).weibull(1.5, 30), 1000.0)
    fit = fit_lifetime(
        time, event=[1] * 30 + [0], frequency=[1] * 30 + [70], distribution="limited_failure"
    )
    low, high = fit.interval("defective_fraction")
    assert low < 0.3 < high < 0.45
    third = fit.quantile(0.33)
    assert third.value == np.inf
    assert third.high == np.inf
    assert float(fit.failure_probability(third.low).high) == pytest.approx(0.33, rel=1e-3)
    assert fit.quantile(0.5).low == np.inf


def test_quantiles_next_to_the_fraction_that_can_fail():
    """5 of 55 fail: quantiles just below a fraction of 1/11 begin where F may reach them."""
    fit = fit_lifetime(
        [1, 2, 3, 4, 5, 10], event=[1] * 5 + [0], frequency=[1] * 5 + [50],
        distribution="limited_failure",
    )  # fmt: skip
    for p in (0.0895, 0.0908, 0.0911):
        found = fit.quantile(p)
        assert found.high == np.inf
        assert float(fit.failure_probability(found.low).high) == pytest.approx(p, rel=1e-3)


def test_composite_distributions_by_name():
    rng = np.random.default_rng(2)
    time = np.concatenate([rng.weibull(0.8, 40), 20 * rng.weibull(4.0, 60)])
    fits = [
        fit_lifetime(time, distribution=name)
        for name in ("mixture", "mixture(weibull, weibull)", "competing")
    ]
    assert fits[0].log_likelihood == pytest.approx(fits[1].log_likelihood)
    assert fits[0].parameters["fraction_1"] == pytest.approx(0.4, abs=0.1)
    assert [fit.distribution.name for fit in fits[1:]] == [
        "mixture(weibull, weibull)", "competing(weibull, weibull)",
    ]  # fmt: skip
    for wrong, says in (
        ("mixture(weibull)", "made of 2"), ("mixture(weibull", "unknown"), ("mixtur", "did you"),
        ("competing(weibull, wiebull)", "did you mean 'weibull'"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=says):
            fit_lifetime(time, distribution=wrong)


def test_lots_widen_the_interval_by_the_sandwich():
    """Exponential lives have a closed form: scores of a lot are its failures less its exposure."""
    rng = np.random.default_rng(3)
    lot = np.repeat(np.arange(6), 20)
    time = np.exp(0.5 * rng.standard_normal(6))[lot] * rng.exponential(size=120)
    fit = fit_lifetime(time, distribution="exponential", lots=[f"lot {k}" for k in lot])
    scale = time.mean()
    scores = np.bincount(lot, time / scale - 1)
    expected = scale**2 * np.sqrt(6 / 5 * np.sum(scores**2)) ** 2 / 120**2
    assert fit.covariance[0, 0] == pytest.approx(expected, rel=1e-6)
    plain = fit_lifetime(time, distribution="exponential")
    assert fit.log_likelihood == plain.log_likelihood
    assert np.diff(fit.interval("scale")) > 1.3 * np.diff(plain.interval("scale"))
    half = stats.t.ppf(0.95, 5) * np.sqrt(expected) / scale
    ends = scale * np.exp(-half), scale * np.exp(half)
    assert fit.interval("scale", method="wald") == pytest.approx(ends, rel=1e-6)
    for call, says in (
        (lambda: fit.interval("scale", method="bootstrap"), "not available with lots"),
        (lambda: fit_lifetime(time, lots=lot[1:]), "got 119 rows"),
        (lambda: fit_lifetime(time, lots=[1] * 120), "got one lot"),
    ):
        with pytest.raises(InputError, match=says):
            call()


def test_a_number_for_a_stress_is_refused_in_words():
    fit = fit_lifetime([54, 187, 216, 240, 244])
    with pytest.raises(InputError, match=r"stress: got 0\.9, expected a mapping"):
        fit.survival_probability(720.0, 0.9, "profile")


def test_a_known_fraction_that_can_fail_is_held_beside_a_fitted_acceleration():
    """Failures long before the end: the likelihood of the fraction is that of a binomial number."""
    rng = np.random.default_rng(5)
    kelvin = np.repeat([400.0, 430.0], 100)
    life = rng.weibull(2.0, 200) * np.where(kelvin > 410, 1.0, 5.0)
    life[rng.random(200) > 0.3] = np.inf
    failed = life < 1000
    data = {
        "time": np.minimum(life, 1000.0), "event": failed, "stress": {"temperature": kelvin},
        "acceleration": "arrhenius", "distribution": "limited_failure",
    }  # fmt: skip
    free, held = fit_lifetime(**data), fit_lifetime(**data, fixed={"defective_fraction": 0.5})
    k = int(failed.sum())
    assert free.parameters["defective_fraction"] == pytest.approx(k / 200, rel=1e-4)
    assert held.parameters["defective_fraction"] == pytest.approx(0.5)
    lost = k * np.log(k / 200 / 0.5) + (200 - k) * np.log((1 - k / 200) / 0.5)
    assert free.log_likelihood - held.log_likelihood == pytest.approx(lost, rel=1e-4)
