"""Autocorrelation and the integrated time."""

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.statistics.correlation import (
    autocorrelation,
    autocovariance,
    integrated_time,
)


def autoregressive(rng, cells, cycles, keep):
    x = np.empty((cells, cycles))
    x[:, 0] = rng.normal(size=cells)
    for k in range(1, cycles):
        x[:, k] = keep * x[:, k - 1] + np.sqrt(1 - keep**2) * rng.normal(size=cells)
    return x


def test_autocovariance_by_its_definition():
    x = np.random.default_rng(1).normal(size=(3, 50))
    found = autocovariance(x, 7)
    centred = x - x.mean(1, keepdims=True)
    for lag in range(8):
        direct = np.mean(centred[:, lag:] * centred[:, : 50 - lag], axis=1)
        np.testing.assert_allclose(found[:, lag], direct, atol=1e-12)


def test_shape_of_an_autoregressive_series():
    """Standard error of a pooled correlation is below 1/sqrt(cells * cycles / 9)."""
    x = autoregressive(np.random.default_rng(2), 300, 300, 0.8)
    found = autocorrelation(x, 20)
    np.testing.assert_allclose(found, 0.8 ** np.arange(21), atol=0.03)


@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_integrated_time_predicts_the_variance_of_a_mean(keep):
    x = autoregressive(np.random.default_rng(3), 400, 500, keep)
    time = integrated_time(x)
    assert time == pytest.approx((1 + keep) / (1 - keep), rel=0.15)
    assert x.mean(1).var() * 500 == pytest.approx(time, rel=0.3)  # 4 standard errors, 400 cells


def test_shared_cycles_have_a_slow_part(shared):
    """256 cells x 300 cycles of public data against the values computed when they were chosen."""
    table = np.loadtxt(shared / "measured" / "radar_cycling.tsv.gz")
    published = {"HRS": [0.18, 0.18, 0.16, 0.14, 0.11], "LRS": [0.30, 0.29, 0.26, 0.23, 0.16]}
    for state, first in (("HRS", 1), ("LRS", 2)):
        cycles = np.log(table[:, first::2])[:, 20:]
        covariance = autocovariance(cycles, 60)
        each = np.mean(covariance / covariance[:, :1], axis=0)
        np.testing.assert_allclose(each[[1, 2, 5, 10, 20]], published[state], atol=0.02)
        assert integrated_time(cycles) > 20


def test_refused():
    with pytest.raises(InputError, match="4 cycles or more"):
        autocorrelation([1.0, 2.0])
    with pytest.raises(InputError, match="constant"):
        autocorrelation(np.ones((3, 40)))
