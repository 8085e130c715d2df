"""Means of crossed tables: against closed forms and by coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import expit
from statsmodels.stats.proportion import proportion_confint

import reliability as rel
from reliability.statistics import crossed_mean
from reliability.statistics.crossed import mean_of_fractions, mean_of_rows, variance_of_mean


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


def test_a_table_without_a_miss_has_the_score_interval_of_its_columns() -> None:
    """All chips agree on all images: as many trials as images."""
    for value in (True, False):
        found = crossed_mean(np.full((5, 200), value), confidence=0.9)
        assert found[1:3] == pytest.approx(proportion_confint(200 * value, 200, 0.1, "wilson"))


def test_chips_that_agree_count_as_one_and_independent_values_as_many() -> None:
    """One row, rows that repeat it, and independent values: trials of the score interval."""
    rng = np.random.default_rng(4)
    row = rng.random(2000) < 0.9
    one, same = crossed_mean(row[None]), crossed_mean(np.repeat(row[None], 6, axis=0))
    expected = proportion_confint(row.sum(), 2000, 0.05, "wilson")
    assert one[1:3] == pytest.approx(expected, abs=1e-4)
    assert same[1:3] == pytest.approx(expected, abs=1e-4)
    apart = rng.random((100, 400)) < 0.9
    found = crossed_mean(apart)
    expected = proportion_confint(apart.sum(), apart.size, 0.05, "wilson")
    assert np.subtract(*found[1:3]) == pytest.approx(np.subtract(*expected), rel=0.3)


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


@pytest.mark.parametrize("wafers", [4, 10])
def test_interval_of_skewed_fractions_covers(wafers) -> None:
    """Logit-normal wafers, where Student's t misses: two-sided, against sampling of the mean."""
    rng = np.random.default_rng(wafers)
    mean = expit(2.2 + 1.2 * rng.standard_normal(1_000_000)).mean()
    runs, inside, narrow, widths = 400, 0, 0, []
    for _ in range(runs):
        x = expit(2.2 + 1.2 * rng.standard_normal(wafers))
        _, low, high = mean_of_fractions(x)
        _, below, above = mean_of_rows(x)
        inside += low <= mean <= high
        narrow += below <= mean <= above
        widths.append((high - low) / (above - below))
    assert abs(inside / runs - 0.95) < 4 * np.sqrt(0.05 * 0.95 / runs)
    assert narrow < inside
    assert np.median(widths) < 1.4


def test_interval_of_fractions_is_that_of_drawn_means_and_deviations() -> None:
    """The quadrature against Monte Carlo of the fiducial distribution."""
    x = np.array([0.91, 0.83, 0.88, 0.72, 0.90])
    rng = np.random.default_rng(3)
    z = np.log(x / (1 - x))
    deviation = z.std(ddof=1) * np.sqrt(4 / rng.chisquare(4, 20_000))
    centre = z.mean() + deviation * rng.standard_normal(20_000) / np.sqrt(5)
    drawn = expit(centre[:, None] + deviation[:, None] * rng.standard_normal(400)).mean(axis=1)
    assert mean_of_fractions(x)[1:] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)


def test_wafers_that_differ_are_the_units_of_a_mean_of_fractions() -> None:
    rng = np.random.default_rng(5)
    wafer = np.repeat(np.arange(6), 20)
    chips = np.clip(0.85 + 0.05 * rng.standard_normal(6)[wafer] + 0.01 * rng.normal(size=120), 0, 1)
    means = chips.reshape(6, 20).mean(axis=1)
    assert mean_of_fractions(chips, wafer) == pytest.approx(mean_of_fractions(means))
    alike = 0.85 + 0.01 * rng.permutation(np.linspace(-1, 1, 120))
    few = mean_of_fractions(alike, wafer)
    assert few == mean_of_fractions(alike)
    assert few[1:] == pytest.approx(mean_of_rows(alike)[1:], abs=1e-3)
