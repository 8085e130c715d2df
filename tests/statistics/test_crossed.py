"""Means of crossed tables: against closed forms and by coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import reliability as rel
from reliability.statistics import crossed_mean
from reliability.statistics.crossed import variance_of_mean


def draw(rng, rows, columns, sigmas, groups=1):  # type: ignore[no-untyped-def]
    """Normal tables of mean 0 with deviations of groups, rows, columns and the residual."""
    group = np.arange(rows) * groups // rows
    y = rng.normal(0, sigmas[0], groups)[group][:, None] + rng.normal(0, sigmas[1], (rows, 1))
    y = y + rng.normal(0, sigmas[2], columns) + rng.normal(0, sigmas[3], (rows, columns))
    return y, group


@pytest.mark.parametrize(
    ("rows", "columns", "groups", "sigmas"),
    [
        (6, 300, 1, (0, 1, 10, 3)),  # a few chips, images matter as much
        (20, 100, 1, (0, 0, 0, 1)),  # nothing but residual
        (20, 200, 4, (1, 0.5, 0, 1)),  # wafers differ
        (20, 200, 4, (0.2, 0.5, 3, 1)),  # wafers hardly differ
        (24, 200, 2, (0, 0.5, 3, 1)),  # two wafers that do not
    ],
)
def test_intervals_cover(rows, columns, groups, sigmas) -> None:
    """Nominal 90 %: not below it by more than 3 points and four standard errors.

    Where a component is zero, setting negative estimates to 0 makes intervals too wide, so there is
    no such bound from above.
    """
    rng = np.random.default_rng(1)
    tables = [draw(rng, rows, columns, sigmas, groups) for _ in range(400)]
    found = [crossed_mean(y, group, 0.9) for y, group in tables]
    share = np.mean([f.low <= 0 <= f.high for f in found])
    assert share > 0.87 - 4 * np.sqrt(0.9 * 0.1 / 400)


def test_variances_are_those_that_were_drawn() -> None:
    rng = np.random.default_rng(2)
    found = [crossed_mean(draw(rng, 30, 80, (0, 2, 3, 5))[0]) for _ in range(200)]
    for name, sigma in (("row_variance", 2), ("column_variance", 3), ("residual_variance", 5)):
        values = [getattr(f, name) for f in found]
        error = np.std(values) / np.sqrt(len(values))
        assert abs(np.mean(values) - sigma**2) < 4 * error


def test_columns_alone_give_the_t_interval() -> None:
    y = np.random.default_rng(3).normal(size=50)
    found = crossed_mean(y[None], confidence=0.9)
    low, high = stats.t.interval(0.9, 49, y.mean(), stats.sem(y))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert np.isnan(found.row_error)


def test_rows_alone_give_the_t_interval_of_their_means() -> None:
    y = np.random.default_rng(4).normal(size=(9, 1)) + np.zeros(4000)
    found = crossed_mean(y, confidence=0.9)
    low, high = stats.t.interval(0.9, 8, y[:, 0].mean(), stats.sem(y[:, 0]))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-6)


@pytest.mark.parametrize("shape", [(0, 5), (5, 1), (5,)])
def test_shapes_that_cannot_be(shape) -> None:
    with pytest.raises(rel.InputError, match="expected rows and at least 2 columns"):
        crossed_mean(np.zeros(shape))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_degrees_of_freedom_are_those_of_groups_at_least_and_of_rows_at_most(sizes, seed) -> None:
    """However unequal the groups: a first wafer that is full and a last one that is not."""
    groups = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=groups.size) + 3 * rng.normal(size=len(sizes))[groups]
    found = variance_of_mean(rows, groups)
    if groups.size > 1:
        assert max(len(sizes) - 1, 1) <= found.freedom <= groups.size - 1
        assert found.variance >= 0
