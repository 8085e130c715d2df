"""Degradation paths: the published laser example, statsmodels' mixed model, simulated units."""

from pathlib import Path

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.lifetime import fit_lifetime
from reliability.lifetime.degradation import (
    crossing_intervals,
    fit_degradation,
    paths,
    pseudo_failures,
)

# 15 GaAs lasers, increase of the operating current in % at 80 degC, limit 10 %: Meeker & Escobar,
# "Statistical Methods for Reliability Data" (1998), appendix C; rounded to two decimals.
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
