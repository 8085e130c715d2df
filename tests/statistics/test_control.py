"""Capability, control charts, gauge studies and outlier dies against published examples."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from reliability.errors import InputError
from reliability.statistics import (
    capability,
    ewma_chart,
    gauge_study,
    outlier_dies,
    xbar_s_chart,
)

# Montgomery, "Introduction to Statistical Quality Control", table 6.3: piston rings, 74 mm + um.
RINGS = [
    (30, 2, 19, -8, 8), (-5, -8, 1, 11, 4), (-12, 24, 21, 5, 2), (2, -4, -7, 15, 9),
    (-8, 7, 15, -11, 14), (9, -6, -3, -15, -7), (-5, 6, -6, 0, 5), (-15, 3, -7, 15, -12),
    (8, -5, 9, 5, 4), (-2, 0, -10, 7, -5), (-6, -2, -6, -5, -10), (4, 0, 7, 0, -4),
    (-17, 2, -2, -3, 12), (6, -33, -6, 0, -16), (12, 14, -2, -1, 7), (0, -16, 5, -2, -4),
    (-6, 12, -14, 5, 7), (6, 10, 18, 3, 0), (-16, 2, 3, 5, -3), (0, 10, 13, 20, 3),
    (-18, 1, 15, 5, -4), (4, -1, -10, 6, 9), (10, -11, -10, 9, 14), (15, 8, -7, 0, 10),
    (-18, -16, -5, 17, 13),
]  # fmt: skip

# NIST/SEMATECH e-Handbook of Statistical Methods, section 6.3.2.4.
NIST = [52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8,
        51.2, 52.6, 52.4, 53.6, 52.1]  # fmt: skip
NIST_EWMA = [50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33, 50.11, 49.36,
             49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99]  # fmt: skip

# AIAG, "Measurement Systems Analysis", 4th edition: three appraisers, three trials of ten parts.
AIAG = {
    "A": [[0.29, -0.56, 1.34, 0.47, -0.80, 0.02, 0.59, -0.31, 2.26, -1.36],
          [0.41, -0.68, 1.17, 0.50, -0.92, -0.11, 0.75, -0.20, 1.99, -1.25],
          [0.64, -0.58, 1.27, 0.64, -0.84, -0.21, 0.66, -0.17, 2.01, -1.31]],
    "B": [[0.08, -0.47, 1.19, 0.01, -0.56, -0.20, 0.47, -0.63, 1.80, -1.68],
          [0.25, -1.22, 0.94, 1.03, -1.20, 0.22, 0.55, 0.08, 2.12, -1.62],
          [0.07, -0.68, 1.34, 0.20, -1.28, 0.06, 0.83, -0.34, 2.19, -1.50]],
    "C": [[0.04, -1.38, 0.88, 0.14, -1.46, -0.29, 0.02, -0.46, 1.77, -1.49],
          [-0.11, -1.13, 1.09, 0.20, -1.07, -0.67, 0.01, -0.56, 1.45, -1.77],
          [-0.15, -0.96, 0.67, 0.11, -1.45, -0.49, 0.21, -0.49, 1.87, -2.16]],
}  # fmt: skip


def aiag():
    rows = [(v, p, o) for o, trials in AIAG.items() for t in trials for p, v in enumerate(t)]
    return pd.DataFrame(rows, columns=["value", "part", "operator"])


def test_interval_of_cp_of_montgomery():
    """Example 8.4: 20 parts, s = 1.75, limits 38 and 62: Cp 2.29, 95 % interval 1.57 to 3.01."""
    x = np.arange(20.0)
    x = 50 + 1.75 * (x - x.mean()) / x.std(ddof=1)
    found = capability(x, lower=38, upper=62, confidence=0.95)
    np.testing.assert_allclose(found.pp, [2.29, 1.57, 3.01], atol=6e-3)  # from 2.29, rounded


def test_interval_of_cpk_inverts_the_noncentral_t_and_is_near_bissell():
    x = stats.norm(54, 1.75).ppf((np.arange(100) + 0.5) / 100)
    value, low, high = capability(x, upper=62, confidence=0.9).ppk
    t = 3 * np.sqrt(100) * value
    assert stats.nct.sf(t, 99, 3 * np.sqrt(100) * low) == pytest.approx(0.05, abs=1e-6)
    assert stats.nct.cdf(t, 99, 3 * np.sqrt(100) * high) == pytest.approx(0.05, abs=1e-6)
    error = 1.645 * np.sqrt(1 / 900 + value**2 / 198)  # Bissell (1990), approximate
    assert (low, high) == (
        pytest.approx(value - error, rel=0.02),
        pytest.approx(value + error, rel=0.02),
    )


def test_within_groups_leaves_out_what_groups_differ_by():
    rng = np.random.default_rng(0)
    wafer = np.repeat(np.arange(10), 30)
    x = rng.normal(0, 1, 300) + 2 * rng.standard_normal(10)[wafer]
    found = capability(x, lower=-10, upper=10, groups=wafer)
    assert found.within == pytest.approx(1, rel=0.1)
    assert found.cp.value > 1.5 * found.pp.value
    assert np.isnan(capability(x, upper=10).pp.value)


def test_xbar_s_chart_of_montgomery():
    """Example 6.3: 74.001, limits 73.988 and 74.014; s 0.0094, upper limit 0.0196."""
    chart = xbar_s_chart(74 + np.array(RINGS).ravel() / 1000, np.repeat(np.arange(25), 5))
    first = chart.iloc[0]
    printed = {"mean_low": 73.988, "mean_centre": 74.001, "mean_high": 74.014}
    for name, value in printed.items():  # the book computes them from 74.001 and 0.0094
        assert first[name] == pytest.approx(value, abs=7e-4)
    assert round(first["deviation_centre"], 4) == 0.0094
    assert round(first["deviation_high"], 4) == 0.0196
    assert first["deviation_low"] == 0
    assert not chart["out"].any()


@pytest.mark.parametrize(
    ("size", "a3", "b3", "b4"), [(5, 1.427, 0, 2.089), (10, 0.975, 0.284, 1.716)]
)
def test_factors_of_the_published_table(size, a3, b3, b4):
    """Montgomery, appendix VI."""
    rng = np.random.default_rng(1)
    chart = xbar_s_chart(rng.normal(size=6 * size), np.repeat(np.arange(6), size))
    s = chart["deviation"].mean()
    first = chart.iloc[0]
    assert (first["mean_high"] - first["mean_centre"]) / s == pytest.approx(a3, abs=6e-4)
    assert first["deviation_low"] / s == pytest.approx(b3, abs=6e-4)
    assert first["deviation_high"] / s == pytest.approx(b4, abs=6e-4)


def test_limits_between_wafers_hold_wafers_that_always_differ():
    rng = np.random.default_rng(3)
    wafer = np.repeat(np.arange(40), 50)
    x = rng.normal(0, 1, 2000) + rng.standard_normal(40)[wafer]
    assert xbar_s_chart(x, wafer)["out"].sum() > 15
    assert xbar_s_chart(x, wafer, between=True)["out"].sum() <= 2


def test_ewma_chart_of_nist():
    """Target 50, deviation 2.0539, weight 0.3: limits 47.4115 and 52.5884 in the steady state."""
    chart = ewma_chart(NIST, weight=0.3, target=50, deviation=2.0539)
    assert chart["average"].round(2).tolist() == NIST_EWMA
    assert chart["high"].iloc[-1] == pytest.approx(52.5884, abs=1e-3)
    assert chart["low"].iloc[-1] == pytest.approx(47.4115, abs=1e-3)
    assert not chart["out"].any()
    assert chart["high"].iloc[0] == pytest.approx(50 + 3 * 0.3 * 2.0539)


def test_gauge_study_of_aiag():
    """MSA, 4th edition, ANOVA report: EV 0.199933, AV 0.226838, GRR 0.302373, PV 1.042327."""
    data = aiag()
    found = gauge_study(data["value"], data["part"], data["operator"])
    printed = [0.199933, 0.226838, 0.302373, 1.042327]
    values = [found.repeatability.value, found.reproducibility, found.gauge.value, found.part]
    np.testing.assert_allclose(values, printed, atol=2e-6, rtol=0)
    names = ("repeatability", "reproducibility", "gauge", "part")
    assert [round(found.percent[name], 1) for name in names] == [18.4, 20.9, 27.9, 96.0]
    assert found.categories == 4
    assert found.interaction == 0
    assert found.gauge.low < found.gauge.value < found.gauge.high


def test_gauge_study_with_interaction_has_the_mean_squares_of_statsmodels():
    import statsmodels.api as sm
    from statsmodels.formula.api import ols

    data = aiag()
    found = gauge_study(data["value"], data["part"], data["operator"], alpha=1.0)
    table = sm.stats.anova_lm(ols("value ~ C(part) * C(operator)", data).fit())
    mo, mi, me = (table["mean_sq"][n] for n in ("C(operator)", "C(part):C(operator)", "Residual"))
    assert found.interaction_p_value == pytest.approx(table["PR(>F)"]["C(part):C(operator)"])
    assert found.repeatability.value == pytest.approx(np.sqrt(me))
    assert found.reproducibility == pytest.approx(np.sqrt((mo - mi) / 30))


def gauge_held(tests: int, seed: int) -> np.ndarray:
    """Whether the intervals of repeatability and gauge hold: 10 parts, 3 operators, 3 trials."""
    rng = np.random.default_rng(seed)
    part, operator = np.repeat(np.arange(10), 9), np.tile(np.repeat(np.arange(3), 3), 10)
    held = []
    for _ in range(tests):
        x = (
            rng.normal(size=90)
            + 3 * rng.standard_normal(10)[part]
            + rng.standard_normal(3)[operator]
        )
        found = gauge_study(x, part, operator)
        held.append([d.low < true < d.high for d, true in
                     ((found.repeatability, 1.0), (found.gauge, np.sqrt(2)))])  # fmt: skip
    return np.array(held)


def test_gauge_intervals_hold():
    held = gauge_held(400, 1).mean(axis=0)
    assert np.all(np.abs(held - 0.9) < 3 * np.sqrt(0.09 / 400)), held


def test_capability_intervals_hold():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(300):
        found = capability(rng.normal(54, 1.75, 25), upper=62)
        held.append(found.ppk.low < 8 / 5.25 < found.ppk.high)
    assert abs(np.mean(held) - 0.9) < 3 * np.sqrt(0.09 / 300), np.mean(held)


def test_outlier_dies_are_found_and_false_discoveries_are_few():
    rng = np.random.default_rng(0)
    x, y = (v.ravel() for v in np.meshgrid(np.arange(12.0), np.arange(12.0)))
    false, found, clean = [], [], []
    for _ in range(40):
        value = rng.normal(size=144) + 0.1 * x + 0.05 * (y - 6) ** 2
        clean.append(outlier_dies(value, x, y)["outlier"].any())
        value[:6] += 7
        flagged = outlier_dies(value, x, y)["outlier"].to_numpy()
        false.append(flagged[6:].sum() / max(flagged.sum(), 1))
        found.append(flagged[:6].mean())
    assert np.mean(clean) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 40)
    assert np.mean(false) <= 0.1
    assert np.mean(found) > 0.95


def test_a_die_is_compared_with_the_fit_to_all_others():
    """The deviation of a kept die is the externally studentised residual of statsmodels."""
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    x, y = (v.ravel() for v in np.meshgrid(np.arange(8.0), np.arange(8.0)))
    value = rng.uniform(-1, 1, 64)
    found = outlier_dies(value, x, y)
    surface = np.column_stack([np.ones(64), x, y, x * x, x * y, y * y])
    expected = sm.OLS(value, surface).fit().get_influence().resid_studentized_external
    np.testing.assert_allclose(found["deviation"], expected, rtol=1e-8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: capability([1.0, 2.0]), "at least one specification limit"),
        (lambda: capability([1.0, 2.0], lower=3, upper=2), "upper: got 2"),
        (lambda: capability([1.0, 1.0], lower=0), "all are equal"),
        (lambda: capability([1.0, np.inf], lower=0), "row 1 is not a finite"),
        (lambda: xbar_s_chart([1.0, 2.0, 3.0], ["a", "a", "b"]), "at least two values"),
        (lambda: xbar_s_chart([1.0, 2.0, 3.0], ["a"]), "got 1 rows, expected 3"),
        (lambda: ewma_chart([1.0, 2.0], weight=0), "weight: got 0"),
        (lambda: ewma_chart([1.0, 1.0]), r"deviation: got 0\.0"),
        (lambda: gauge_study([1, 2, 3, 4], [1, 1, 2, 2], ["A"] * 4), "operator: got one"),
        (lambda: gauge_study([1, 2, 3, 4], [1, 1, 2, 2], ["A", "B"] * 2), "equally often"),
        (lambda: outlier_dies([1.0] * 5, range(5), range(5)), "got 5 dies"),
        (lambda: outlier_dies(range(30), range(30), [0] * 30), "do not span"),
    ],
)
def test_input_that_cannot_be_right_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
