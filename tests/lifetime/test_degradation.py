"""Degradation paths: published lasers and Device-B, statsmodels' mixed model, simulated units."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize, stats
from statsmodels.tools import numdiff

from reliability.errors import InputError
from reliability.lifetime import fit_lifetime
from reliability.lifetime.acceleration import arrhenius
from reliability.lifetime.degradation import crossing_intervals, paths, pseudo_failures
from reliability.lifetime.degradation_fit import fit_degradation

# 15 GaAs lasers, increase of the operating current in % at 80 degC, limit 10 %: Meeker & Escobar,
# "Statistical Methods for Reliability Data" (1998), appendix C; rounded to two decimals. The first
# reads are those of the data set "laser" of the R package IGPFrailty.
LASERS = np.loadtxt(Path(__file__).with_name("gaas_laser.csv"), delimiter=",")
TIME = np.tile(LASERS[0], 15)
UNIT = np.repeat(np.arange(15), LASERS.shape[1])
# Their pseudo failure times, chapter 13, h.
PUBLISHED = [3702, 4194, 5847, 6172, 5301, 3592, 6051, 6538, 5110, 3306, 5326, 4995, 4721, 5689,
             6102]  # fmt: skip


def test_pseudo_failures_of_the_lasers_are_the_published_ones() -> None:
    found = pseudo_failures(paths(TIME, LASERS[1:].ravel(), UNIT, limit=10.0))
    assert found == pytest.approx(PUBLISHED, rel=1e-3)


def test_the_mixed_model_is_that_of_statsmodels() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    data = paths(TIME, LASERS[1:].ravel(), UNIT, limit=10.0)
    found = fit_degradation(data)
    x = np.column_stack([np.ones_like(data.time), data.time / 4000])
    theirs = MixedLM(data.value, x, groups=data.unit, exog_re=x).fit(reml=False)
    assert found.theta[:2] * [1, 4000] == pytest.approx(theirs.params[:2], rel=1e-3)
    root = np.array([[found.theta[2], 0], [found.theta[3] * 4000, found.theta[4] * 4000]])
    covariance = np.asarray(theirs.cov_re) * 1.0
    assert root @ root.T == pytest.approx(covariance, rel=2e-2)
    assert found.log_likelihood == pytest.approx(theirs.llf, abs=1e-3)


def test_device_b_has_the_published_estimates() -> None:
    """Power of 34 devices at 150, 195 and 237 degC: Meeker, Escobar & Lu (1998), section 5.

    The mean of ln rate (1/h, at 195 degC) and of ln end (dB), their covariance, the activation
    energy (with 11605 K/eV), the error of a read, and the log-likelihood. That of the end is also
    on the page "R code: accelerated degradation model, nlme" of datall-analyse.nl.
    """
    lines = Path(__file__).with_name("device_b.csv").read_text().splitlines()[1:]
    rows = [np.array(line.split(","), float) for line in lines]
    count = [row.size - 1 for row in rows]
    time = np.concatenate([125.0 * np.arange(n) for n in count])
    kelvin = np.repeat([row[0] + 273.15 for row in rows], count)
    power = np.concatenate([row[1:] for row in rows])
    unit = np.repeat(np.arange(34), count)
    found = fit_degradation(
        paths(time, power, unit, limit=-0.5, shape="saturating", stress={"temperature": kelvin})
    )
    energy = found.coefficients["activation_energy"]
    assert energy == pytest.approx(0.6670, rel=1e-3)
    assert found.theta[0] == pytest.approx(0.3510, rel=1e-3)
    rate = found.theta[1] - np.log(float(arrhenius(468.15, 510.15, energy)))
    assert rate == pytest.approx(-7.572, rel=1e-3)
    root = np.array([[found.theta[2], 0], [found.theta[3], found.theta[4]]])
    assert root @ root.T == pytest.approx(
        np.array([[0.01809, -0.02918], [-0.02918, 0.15021]]), rel=1e-3
    )
    assert found.sigma == pytest.approx(0.0233, abs=5e-5)
    assert found.log_likelihood == pytest.approx(1201.9, abs=0.05)
    # the closed form of the fraction that has lost 0.5 dB, against sampled devices
    z = np.random.default_rng(2).normal(size=(200_000, 2)) @ root.T
    at_use = 130e3 * np.exp(-energy / 8.617333e-5 * (1 / 353.15 - 1 / 510.15))
    lost = np.exp(found.theta[0] + z[:, 0]) * -np.expm1(-np.exp(found.theta[1] + z[:, 1]) * at_use)
    closed = found.failure_probability([130e3], 0.9, {"temperature": 353.15})
    assert closed.value[0] == pytest.approx((lost > 0.5).mean(), abs=4e-3)
    tenth = found.quantile(closed.value[0], 0.9, {"temperature": 353.15})
    assert tenth.value == pytest.approx(130e3, rel=1e-4)


def test_an_accelerated_slope_gives_the_activation_energy_back() -> None:
    """The same units at two temperatures; a known energy is the linear model on scaled times."""
    random = np.random.default_rng(8)
    t, kelvin = np.array([10.0, 30.0, 100.0, 300.0]), np.repeat([400.0, 450.0], 15)
    factor = arrhenius(400.0, kelvin, 0.9)
    rate = 1 + 0.1 * random.normal(size=30)
    y = -(rate * factor)[:, None] * t + 3.0 * random.normal(size=(30, 4))
    given = {
        "time": np.tile(t, 30), "value": y.ravel(), "unit": np.repeat(np.arange(30), 4),
        "limit": -500.0, "start": 0.0, "stress": {"temperature": np.repeat(kelvin, 4)},
    }  # fmt: skip
    fitted = fit_degradation(paths(**given))
    energy = fitted.coefficients["activation_energy"]
    assert abs(energy - 0.9) < 4 * np.sqrt(fitted.covariance[-1, -1])
    known = fit_degradation(paths(**given, fixed={"activation_energy": energy}))
    assert known.theta == pytest.approx(fitted.theta[:-1], rel=1e-4)
    assert known.log_likelihood == pytest.approx(fitted.log_likelihood, abs=1e-4)
    at = {"temperature": 400.0}
    assert fitted.quantile(0.5, 0.9, at).value == pytest.approx(500.0, rel=0.1)


def test_the_likelihood_of_accelerated_paths_is_that_of_their_joint_normal_distribution() -> None:
    """Maximum and errors beside scipy's, on reads of units as one normal vector each.

    The spread of slopes grows with the acceleration; left out of the likelihood it moves the
    activation energy of these data by 0.06 eV.
    """
    rng = np.random.default_rng(4)
    kelvin, time = np.repeat([400.0, 425.0, 450.0], 6), np.linspace(0.5, 3.0, 4)
    x = (1 / 450.0 - 1 / kelvin) / 8.617333262e-5
    slope = 1 + 0.3 * rng.standard_normal(18)
    read = (slope * np.exp(0.9 * x))[:, None] * time + 0.1 * rng.standard_normal((18, 4))
    fit = fit_degradation(
        paths(
            np.tile(time, 18), read.ravel(), np.repeat(np.arange(18), 4), limit=8.0, start=0.0,
            stress={"temperature": np.repeat(kelvin, 4)},
        )
    )  # fmt: skip

    def loss(p: NDArray[np.float64]) -> float:
        mean, spread, noise, energy = p[0], p[1], np.exp(p[2]), p[3]
        each = np.exp(energy * x)[:, None] * time
        return -sum(
            stats.multivariate_normal.logpdf(
                y, mean * t, spread**2 * np.outer(t, t) + noise**2 * np.eye(4)
            )
            for y, t in zip(read, each, strict=True)
        )

    found = optimize.minimize(loss, [1.0, 0.3, np.log(0.1), 0.9], options={"gtol": 1e-5})
    assert fit.log_likelihood == pytest.approx(-found.fun, abs=1e-6)
    own = [*fit.theta[:2], np.log(fit.sigma), fit.theta[2]]
    assert own == pytest.approx(found.x, rel=1e-3)
    curvature = numdiff.approx_hess(found.x, loss)
    errors = np.sqrt(np.diag(np.linalg.inv(curvature)))[[0, 1, 3]]
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(errors, rel=0.01)


def test_degradation_agrees_with_the_failure_times_of_the_same_file() -> None:
    """Three lasers crossed; the paths of all 15 tell more, and the two do not contradict."""
    data = paths(TIME, LASERS[1:].ravel(), UNIT, limit=10.0)
    lower, upper = crossing_intervals(data)
    assert np.isfinite(upper).sum() == 3
    assert (lower[0], upper[0]) == (3750.0, 4000.0)
    of_times = fit_lifetime(lower=lower, upper=upper, distribution="lognormal")
    of_paths = fit_degradation(data).quantile(0.1, 0.9)
    bound = of_times.quantile(0.1, None, 0.9)
    assert bound.low < of_paths.value < bound.high
    assert of_paths.high - of_paths.low < bound.high - bound.low
    pseudo = fit_lifetime(PUBLISHED, distribution="lognormal")
    assert of_paths.value == pytest.approx(pseudo.quantile(0.1).value, rel=0.05)


@pytest.mark.parametrize("shape", ["linear", "log_time", "power", "exponential"])
def test_a_simulated_shape_gives_its_crossing_time_back(shape) -> None:
    random = np.random.default_rng(4)
    t, units = np.array([1.0, 3.0, 10.0, 30.0, 100.0, 300.0]), 150
    slope = 1 + 0.15 * random.normal(size=(units, 1))
    error = 0.02 * random.normal(size=(units, t.size))
    time, unit = np.tile(t, units), np.repeat(np.arange(units), t.size)
    value, limit, median = {
        "linear": (slope * t / 300 + error, 2.0, 600.0),
        "log_time": (slope * np.log1p(t) + error, np.log1p(5e3), 5e3),
        "power": (0.1 * np.exp(slope * 0.5 * np.log(t) + error), 0.1 * np.sqrt(1e4), 1e4),
        "exponential": (np.exp(-slope * t / 300 + error), np.exp(-2.0), 600.0),
    }[shape]
    found = fit_degradation(paths(time, value.ravel(), unit, limit=float(limit), shape=shape))
    half = found.quantile(0.5, 0.95)
    assert half.low * 0.98 <= median <= half.high * 1.02
    assert half.high / half.low < 1.6
    fraction = np.mean(pseudo_failures(found.data) < 0.9 * median)
    one = found.failure_probability([0.9 * median], 0.99)
    assert one.value[0] == pytest.approx(fraction, abs=0.08)


def test_a_falling_power_law_crosses_a_limit_below_it() -> None:
    random = np.random.default_rng(3)
    t, units = np.array([1.0, 10.0, 100.0]), 60
    y = 50 * np.exp(-(0.1 + 0.01 * random.normal(size=(units, 1))) * np.log(t))
    y = y * np.exp(0.01 * random.normal(size=y.shape))
    data = paths(np.tile(t, units), y.ravel(), np.repeat(np.arange(units), 3), limit=20.0,
                 shape="power")  # fmt: skip
    half = fit_degradation(data).quantile(0.5, 0.95)
    assert half.low < (50 / 20) ** 10 < half.high
    assert np.isinf(crossing_intervals(data)[1]).all()


def test_destructive_reads_are_one_of_each_unit() -> None:
    random = np.random.default_rng(1)
    t = np.repeat([10.0, 100.0, 1000.0], 60)
    y = 100 - 5 * np.log1p(t) + 2 * random.normal(size=t.size)
    found = fit_degradation(paths(t, y, np.arange(t.size), limit=50.0, shape="log_time"))
    half = found.quantile(0.5, 0.95)
    assert half.low < np.expm1(10.0) < half.high
    assert found.sigma == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": "cubic"}, "unknown shape 'cubic'"),
        ({"value": [1.0, -1.0, 2.0], "shape": "exponential"}, "whose logarithm"),
        ({"value": [1.0, np.nan, 2.0]}, "not finite"),
        ({"time": [0.0, 1.0]}, "expected as many"),
        ({"stress": {"temperature": 400.0}, "fixed": {"exponent": 2.0}}, "unknown coefficient"),
        ({"unit_time": 0.0, "shape": "log_time"}, "unit_time: got 0.0"),
    ],
)
def test_reads_that_cannot_be_are_refused(change, message) -> None:
    given = {"time": [0.0, 1.0, 2.0], "value": [1.0, 2.0, 3.0], "unit": [0, 0, 0], "limit": 5.0}
    with pytest.raises(InputError, match=message):
        paths(**{**given, **change})


def test_too_few_units_are_refused() -> None:
    with pytest.raises(InputError, match="got 1 units, expected 3"):
        fit_degradation(paths([0, 1, 2], [0.0, 1.0, 2.0], [0, 0, 0], limit=5.0))


def test_one_temperature_does_not_give_an_activation_energy() -> None:
    time, unit = np.tile([1.0, 2.0], 3), np.repeat([0, 1, 2], 2)
    data = paths(time, time, unit, limit=5.0, stress={"temperature": 400.0})
    with pytest.raises(InputError, match="tested at too few"):
        fit_degradation(data)
