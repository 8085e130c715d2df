"""Variance components against statsmodels, closed forms and simulation."""

import time as clock

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from reliability.errors import InputError
from reliability.statistics.variance import radial_trend, variance_components


def nested(rng, wafers=8, dies=6, reads=10, drop=0.2):
    wafer = np.repeat(np.arange(wafers), dies * reads)
    die = np.tile(np.repeat(np.arange(dies), reads), wafers)
    values = (
        5 + rng.normal(0, 2, wafers)[wafer] + rng.normal(0, 1, wafers * dies)[wafer * dies + die]
        + rng.normal(0, 0.5, wafer.size)
    )  # fmt: skip
    keep = rng.random(wafer.size) >= drop
    return values[keep], wafer[keep], die[keep]


def test_unbalanced_against_statsmodels():
    y, wafer, die = nested(np.random.default_rng(3))
    ours = variance_components(y, {"wafer": wafer, "die": die}, residual="read")
    frame = pd.DataFrame({"y": y, "w": wafer, "d": die})
    theirs = smf.mixedlm(
        "y ~ 1", frame, groups="w", re_formula="1", vc_formula={"die": "0 + C(d)"}
    ).fit(reml=True)
    assert ours.variance["wafer"] == pytest.approx(float(theirs.cov_re.iloc[0, 0]), rel=1e-3)
    assert ours.variance["die"] == pytest.approx(theirs.vcomp[0], rel=1e-4)
    assert ours.variance["read"] == pytest.approx(theirs.scale, rel=1e-5)
    assert ours.mean == pytest.approx(theirs.params["Intercept"], rel=1e-6)
    assert ours.mean_error == pytest.approx(theirs.bse["Intercept"], rel=1e-3)


def test_likelihood_against_a_dense_matrix():
    """The restricted likelihood from the full covariance matrix, up to its constant."""
    from reliability.statistics.variance import _nest, _restricted

    y, wafer, die = nested(np.random.default_rng(4), 3, 4, 5, 0.3)
    tree = _nest(y, {"wafer": wafer, "die": die})

    def dense(a, b, c):
        same_wafer = wafer[:, None] == wafer[None]
        same_die = same_wafer & (die[:, None] == die[None])
        v = a * same_wafer + b * same_die + c * np.eye(y.size)
        one = np.ones(y.size)
        inverse = np.linalg.inv(v)
        mean = one @ inverse @ y / (one @ inverse @ one)
        rest = y - mean
        return -0.5 * (
            np.linalg.slogdet(v)[1] + rest @ inverse @ rest + np.log(one @ inverse @ one)
        )

    points = [(1.0, 0.5, 0.3), (2.0, 0.1, 0.25), (0.3, 1.5, 0.6)]
    ours = [float(_restricted(np.array(p), tree, 1.0)[0]) for p in points]
    theirs = [dense(*p) for p in points]
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-9)


def test_balanced_data_have_a_closed_form():
    """Balanced and positive: REML is the analysis of variance."""
    rng = np.random.default_rng(5)
    die = np.repeat(np.arange(30), 8)
    y = rng.normal(0, 1, 30)[die] + rng.normal(0, 0.7, 240)
    means = y.reshape(30, 8).mean(1)
    within = y.reshape(30, 8).var(1, ddof=1).mean()
    between = means.var(ddof=1) - within / 8
    for method in ("reml", "moments"):
        found = variance_components(y, {"die": die}, method=method)
        assert found.variance["die"] == pytest.approx(between, rel=1e-6)
        assert found.variance["residual"] == pytest.approx(within, rel=1e-6)


def test_labels_need_to_be_unique_only_within_their_parent():
    y, wafer, die = nested(np.random.default_rng(6))
    one = variance_components(y, {"wafer": wafer, "die": die})
    unique = [f"{w}-{d}" for w, d in zip(wafer, die, strict=True)]
    other = variance_components(y, {"wafer": wafer, "die": unique})
    assert one.variance == pytest.approx(other.variance, rel=1e-9)
    order = np.random.default_rng(0).permutation(y.size)
    shuffled = variance_components(y[order], {"wafer": wafer[order], "die": die[order]})
    assert one.variance == pytest.approx(shuffled.variance, rel=1e-7)


def test_a_component_that_is_not_there():
    rng = np.random.default_rng(7)
    die = np.repeat(np.arange(40), 10)
    found = variance_components(rng.normal(size=400), {"die": die})
    assert found.interval["die"][0] == 0.0
    assert found.variance["die"] < 0.1
    assert found.interval["die"][1] < 0.2


@pytest.mark.slow
def test_intervals_cover():
    """90 % intervals of a die variance in 200 samples: 90 +- 4 * 2.1 %."""
    rng = np.random.default_rng(8)
    die = np.repeat(np.arange(25), 6)
    hits = 0
    for _ in range(200):
        y = rng.normal(0, 1, 25)[die] + rng.normal(0, 1, 150)
        low, high = variance_components(y, {"die": die}).interval["die"]
        hits += low < 1 < high
    assert 163 <= hits <= 197


def test_correlated_cycles_do_not_become_cells():
    """With its integrated time the cell variance is not inflated by slow cycles."""
    rng = np.random.default_rng(9)
    cells, cycles, keep = 400, 100, 0.8
    slow = np.empty((cells, cycles))
    slow[:, 0] = rng.normal(0, 1, cells)
    for k in range(1, cycles):
        slow[:, k] = keep * slow[:, k - 1] + np.sqrt(1 - keep**2) * rng.normal(0, 1, cells)
    y = (rng.normal(0, 0.3, cells)[:, None] + slow).ravel()
    cell = np.repeat(np.arange(cells), cycles)
    time = (1 + keep) / (1 - keep)
    naive = variance_components(y, {"cell": cell})
    honest = variance_components(y, {"cell": cell}, integrated_time=time)
    assert naive.interval["cell"][0] > 0.09
    assert honest.interval["cell"][0] < 0.09 < honest.interval["cell"][1]


def test_a_million_reads():
    rng = np.random.default_rng(10)
    cell = np.repeat(np.arange(10_000), 100)
    die, wafer = cell // 100, cell // 1000
    y = (
        rng.normal(0, 1, 10)[wafer] + rng.normal(0, 0.7, 100)[die]
        + rng.normal(0, 0.5, 10_000)[cell] + rng.normal(0, 1, cell.size)
    )  # fmt: skip
    begin = clock.process_time()
    found = variance_components(y, {"wafer": wafer, "die": die, "cell": cell})
    assert clock.process_time() - begin < 8
    for level, truth in (("wafer", 1.0), ("die", 0.49), ("cell", 0.25), ("residual", 1.0)):
        low, high = found.interval[level]
        assert 0.8 * low < truth < 1.2 * high


def test_radial_trend_against_least_squares():
    rng = np.random.default_rng(11)
    wafer, radius = np.repeat(np.arange(4), 20), np.tile(np.linspace(0, 95, 20), 4)
    y = 2.0 * (radius / 95) ** 2 + wafer + rng.normal(0, 0.2, 80)
    found = radial_trend(y, radius, wafer)
    design = np.column_stack([wafer[:, None] == np.arange(4), (radius / 95) ** 2])
    best, rest, *_ = np.linalg.lstsq(design, y, rcond=None)
    assert found.coefficient == pytest.approx(best[-1], rel=1e-9)
    assert found.residual == pytest.approx(np.sqrt(rest[0] / 75), rel=1e-9)
    error = found.residual * np.sqrt(np.linalg.inv(design.T @ design)[-1, -1])
    assert (found.high - found.low) / 2 == pytest.approx(1.6654 * error, rel=1e-4)  # t(0.95; 75)
    assert found.p_value < 1e-10


@pytest.mark.parametrize(
    ("values", "groups", "message"),
    [
        ([1.0, 2.0], {}, "got none"),
        ([1.0, 2.0], {"die": [0, 0]}, "got one group"),
        ([1.0, 2.0], {"die": [0, 1]}, "no group has two values"),
        ([1.0, 2.0, 3.0], {"die": [0, 1]}, "got 2 rows, expected 3"),
        ([1.0, np.nan, 3.0], {"die": [0, 1, 1]}, "row 1"),
        ([1.0, 1.0, 1.0, 1.0], {"die": [0, 0, 1, 1]}, "no variance"),
    ],
)
def test_refused(values, groups, message):
    with pytest.raises(InputError, match=message):
        variance_components(values, groups)
