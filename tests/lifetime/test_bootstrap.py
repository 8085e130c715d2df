"""Samples of the parametric bootstrap: units are seen as those of the data were."""

import numpy as np
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.lifetime.bootstrap import refit
from reliability.lifetime.censored_fit import fit_lifetime

RNG = np.random.default_rng(11)
LIFE = 500 * RNG.weibull(1.8, 60)


def test_a_truncated_unit_fails_within_its_window() -> None:
    entry, leave = np.where(np.arange(60) % 2, 150.0, 0.0), 900.0
    seen = (entry < LIFE) & (leave > LIFE)
    fit = fit_lifetime(LIFE[seen], truncation=(entry[seen], leave))
    samples = refit(fit, 200, seed=1)
    time = samples.lower * fit.data.unit
    assert (samples.lower == samples.upper).all()
    assert (time >= entry[seen][samples.row]).all()
    assert (time <= leave).all()
    distribution = stats.weibull_min(fit.parameters["shape"], scale=fit.parameters["scale"])
    low, high = distribution.cdf(entry[seen][samples.row]), distribution.cdf(leave)
    share = (distribution.cdf(time) - low) / (high - low)  # of the distribution within the window
    # samples without a maximum are left out: next to none
    assert samples.fraction_fitted > 0.99
    assert stats.kstest(share.ravel(), "uniform").pvalue > 1e-4


def test_an_inspected_unit_fails_between_inspections_as_often_as_the_law_says() -> None:
    grid = np.array([100.0, 250.0, 400.0, 600.0, 900.0])
    edges = np.array([0.0, *grid, np.inf])
    place = np.searchsorted(grid, LIFE)
    fit = fit_lifetime(lower=edges[place], upper=edges[place + 1])
    samples = refit(fit, 200, seed=2)
    low, high = samples.lower * fit.data.unit, samples.upper * fit.data.unit
    found = np.argmin(np.abs(low[..., None] - edges[:-1]), axis=-1)
    np.testing.assert_allclose(low, edges[found], rtol=1e-12)
    np.testing.assert_allclose(high, edges[found + 1], rtol=1e-12)
    distribution = stats.weibull_min(fit.parameters["shape"], scale=fit.parameters["scale"])
    expected = np.diff(distribution.cdf(edges)) * found.size
    assert stats.chisquare(np.bincount(found.ravel(), minlength=6), expected).pvalue > 1e-4


def test_a_test_that_stopped_at_a_number_of_failures_stops_there_again() -> None:
    time = np.sort(LIFE)
    fit = fit_lifetime(np.minimum(time, time[19]), event=np.arange(60) < 20)
    samples = refit(fit, 50, seed=3)
    failed = np.isfinite(samples.upper)
    assert (failed.sum(axis=1) == 20).all()
    last = np.where(failed, samples.lower, 0).max(axis=1)
    assert (samples.lower[~failed] == np.broadcast_to(last[:, None], failed.shape)[~failed]).all()


def test_a_unit_keeps_its_stress_and_its_censoring_time() -> None:
    stress = np.repeat([350.0, 400.0], 30)
    life = LIFE * np.where(stress > 375, 0.1, 1.0)
    end = np.where(stress > 375, 60.0, 700.0)
    fit = fit_lifetime(np.minimum(life, end), event=life < end, stress={"temperature": stress},
                       acceleration="arrhenius")  # fmt: skip
    samples = refit(fit, 200, seed=4)
    time, hot = samples.lower * fit.data.unit, stress[samples.row] > 375
    censored = life[samples.row] >= end[samples.row]
    assert (time[:, censored] <= end[samples.row][censored] * (1 + 1e-12)).all()
    for at, limit in ((hot, 60.0), (~hot, 700.0)):
        kelvin = {"temperature": stress[samples.row][at][0]}
        wanted = fit.failure_probability(limit / 2, stress=kelvin).value
        early = np.mean(time[:, at] < limit / 2)  # before any unit could be censored
        count = time[:, at].size
        first = np.min(end[samples.row][at & censored], initial=np.inf)
        assert first >= limit / 2
        assert abs(early - wanted) < 4.5 * np.sqrt(wanted * (1 - wanted) / count)


def test_what_a_bootstrap_cannot_do_is_refused() -> None:
    fit = fit_lifetime(LIFE, frequency=np.full(60, 1.5))
    with pytest.raises(InputError, match="a bootstrap needs whole numbers of units"):
        refit(fit, 10)
    with pytest.raises(InputError, match="60 units times 1000000 samples is too much"):
        refit(fit_lifetime(LIFE), 1_000_000)
    # two failures in two of three inspections; in most samples not both of them have one
    rare = fit_lifetime(lower=[0.0, 100.0, 120.0], upper=[100.0, 120.0, np.inf],
                        frequency=[1, 1, 500])  # fmt: skip
    with pytest.raises(InputError, match=r"only \d+% of the simulated samples have a maximum"):
        refit(rare, 100, seed=5)
