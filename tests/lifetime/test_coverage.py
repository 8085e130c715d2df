"""Nominal 90 % intervals cover 90 %: slow, and printed in full by benchmarks/lifetime_fit.py."""

import numpy as np
import pytest

from reliability.lifetime.censored_fit import fit_lifetime

SAMPLES, SHAPE, CENSORED_AT = 2000, 1.7, 0.7  # 70 % fail before the end of the test


@pytest.mark.slow
@pytest.mark.parametrize("size", [20, 200])
def test_profile_intervals_of_weibull_scale_shape_and_b1_life(size):
    rng = np.random.default_rng(20 + size)
    end = (-np.log1p(-CENSORED_AT)) ** (1 / SHAPE)
    life = (-np.log(0.99)) ** (1 / SHAPE)
    hits = np.zeros(3)
    for _ in range(SAMPLES):
        time = rng.weibull(SHAPE, size)
        fit = fit_lifetime(np.minimum(time, end), event=time <= end)
        bounds = [fit.interval("scale"), fit.interval("shape"), fit.quantile(0.01)[1:]]
        truths = (1.0, SHAPE, life)
        hits += [low < truth < high for (low, high), truth in zip(bounds, truths, strict=True)]
    covered = hits / SAMPLES
    assert np.all((covered >= 0.88) & (covered <= 0.92)), covered
