"""Variance components, differences and proportions that textbooks and manuals print."""

import numpy as np
import pytest

from reliability.statistics import clopper_pearson, variance_components, wilson
from reliability.statistics.differences import paired_difference, unpaired_difference

# O. L. Davies, P. L. Goldsmith, "Statistical Methods in Research and Production", 4th ed., 1972.
DYESTUFF = [
    1545, 1440, 1440, 1520, 1580, 1540, 1555, 1490, 1560, 1495, 1595, 1550, 1605, 1510, 1560,
    1445, 1440, 1595, 1465, 1545, 1595, 1630, 1515, 1635, 1625, 1520, 1455, 1450, 1480, 1445,
]  # fmt: skip
PASTES = [
    62.8, 62.6, 60.1, 62.3, 62.7, 63.1, 60.0, 61.4, 57.5, 56.9, 61.1, 58.9, 58.7, 57.5, 63.9, 63.1,
    65.4, 63.7, 57.1, 56.4, 56.9, 58.6, 64.7, 64.5, 55.1, 55.1, 54.7, 54.2, 58.8, 57.5, 63.4, 64.9,
    59.3, 58.1, 60.5, 60.0, 62.5, 62.6, 61.0, 58.7, 56.9, 57.7, 59.2, 59.4, 65.2, 66.0, 64.8, 64.1,
    54.8, 54.8, 64.0, 64.0, 57.7, 56.8, 58.3, 59.3, 59.2, 59.2, 58.9, 56.6,
]  # fmt: skip
COOLANT = [
    125, 127, 125, 126, 128, 124, 128, 127, 126, 129, 118, 122, 120, 124, 119, 116, 125, 119, 125,
    120, 123, 125, 125, 124, 126, 122, 121, 124, 126, 125, 126, 128, 126, 127, 129, 126, 129, 125,
    130, 124, 118, 129, 127, 120, 121, 125, 123, 114, 124, 117,
]  # fmt: skip


@pytest.mark.parametrize("method", ["reml", "moments"])
def test_batches_of_dyestuff(method):
    """R package lme4, `lmer(Yield ~ 1 + (1 | Batch), Dyestuff)`: 1764.0, 2451.2, 1527.5 (19.38).

    D. Bates et al., J. Stat. Softw. 67(1) (2015), doi:10.18637/jss.v067.i01.
    """
    found = variance_components(
        DYESTUFF, {"batch": np.repeat(np.arange(6), 5)}, residual="sample", method=method
    )
    assert found.variance == pytest.approx({"batch": 1764.05, "sample": 2451.25}, rel=1e-6)
    assert found.mean == pytest.approx(1527.5)
    assert found.mean_error == pytest.approx(19.38, abs=5e-3)


def test_rails():
    """J. Pinheiro, D. Bates, "Mixed-Effects Models in S and S-PLUS", Springer, 2000, section 1.1:
    24.80547, 4.020779, 66.5 with error 10.17104."""
    travel = [55, 53, 54, 26, 37, 32, 78, 91, 85, 92, 100, 96, 49, 51, 50, 80, 85, 83]
    found = variance_components(travel, {"rail": np.repeat(np.arange(6), 3)})
    assert found.deviation["rail"] == pytest.approx(24.80547, abs=5e-6)
    assert found.deviation["residual"] == pytest.approx(4.020779, abs=5e-7)
    assert found.mean == pytest.approx(66.5)
    assert found.mean_error == pytest.approx(10.17104, abs=5e-6)


def test_casks_in_batches_of_paste():
    """R package lme4, `lmer(strength ~ 1 + (1 | batch/cask), Pastes)`: 1.657, 8.434, 0.678."""
    groups = {"batch": np.repeat(np.arange(10), 6), "cask": np.tile(np.repeat(np.arange(3), 2), 10)}
    found = variance_components(PASTES, groups)
    published = {"batch": 1.657, "cask": 8.434, "residual": 0.678}
    assert found.variance == pytest.approx(published, abs=5e-4)
    assert found.mean == pytest.approx(60.0533, abs=5e-5)
    assert found.mean_error == pytest.approx(0.6769, abs=5e-5)


def test_operators_in_machines():
    """NIST/SEMATECH e-Handbook, section 3.2.3.3: sums of squares 0.000303, 0.0000186, 0.000346 with
    4, 5 and 40 degrees of freedom: no visible difference of operators.

    www.itl.nist.gov/div898/handbook/ppc/section2/ppc233.htm
    """
    diameter = np.array(COOLANT) / 1000
    groups = {"machine": np.repeat(np.arange(5), 10), "operator": np.tile([0] * 5 + [1] * 5, 5)}
    found = variance_components(diameter, groups, method="moments")
    residual = 0.000346 / 40
    assert found.variance["residual"] == pytest.approx(residual, rel=2e-3)
    assert found.variance["operator"] == 0.0
    assert found.variance["machine"] == pytest.approx((0.000303 / 4 - residual) / 10, rel=5e-3)


def test_sleep():
    """Student, Biometrika 6, 1 (1908); R help of `sleep`: `t.test` paired and after Welch."""
    first = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    second = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    paired = paired_difference(first, second, 0.95)
    assert paired["difference"] == pytest.approx(1.58)
    assert (paired["low"], paired["high"]) == pytest.approx((0.7001142, 2.4598858), abs=5e-8)
    assert paired["p"] == pytest.approx(0.002833, abs=5e-7)
    apart = unpaired_difference(first, second, 0.95)
    assert (apart["low"], apart["high"]) == pytest.approx((-0.2054832, 3.3654832), abs=5e-8)
    assert apart["p"] == pytest.approx(0.07939, abs=5e-6)


def test_exact_interval_of_a_proportion():
    """R help of `binom.test` (Conover 1971, page 97): 682 of 925, 0.7076683 to 0.7654066."""
    found = clopper_pearson(682, 925)
    assert (float(found.low), float(found.high)) == pytest.approx((0.7076683, 0.7654066), abs=5e-8)


@pytest.mark.parametrize(
    ("successes", "trials", "score", "exact"),
    [(15, 148, (0.0624, 0.1605), (0.0578, 0.1617)), (1, 29, (0.0061, 0.1718), (0.0009, 0.1776))],
)
def test_intervals_of_small_proportions(successes, trials, score, exact):
    """R. G. Newcombe, Stat. Med. 17, 857 (1998), table I: methods 3 and 5 at 95 %."""
    found = wilson(successes, trials), clopper_pearson(successes, trials)
    for (low, high), published in zip(found, (score, exact), strict=True):
        assert (float(low), float(high)) == pytest.approx(published, abs=5.1e-5)
