"""Kaplan-Meier, Turnbull and plotting positions against lifelines and by hand."""

import numpy as np
import pytest

from reliability.errors import InputError
from reliability.lifetime.nonparametric import kaplan_meier, plotting_positions, turnbull

lifelines = pytest.importorskip("lifelines")


@pytest.mark.parametrize("truncated", [False, True])
def test_kaplan_meier_against_lifelines(truncated):
    rng = np.random.default_rng(1)
    time = np.round(20 * rng.weibull(1.5, 200), 0) + 1
    failed = rng.random(200) < 0.7
    entry = np.floor(time * rng.random(200) * 0.5) if truncated else None
    ours = kaplan_meier(time, failed, truncation=entry, confidence=0.95)
    theirs = lifelines.KaplanMeierFitter().fit(time, failed, entry=entry, alpha=0.05)
    expected = theirs.survival_function_at_times(ours.time).to_numpy()
    np.testing.assert_allclose(ours.survival, expected, rtol=1e-10, atol=1e-12)
    bounds = theirs.confidence_interval_.loc[ours.time].to_numpy()
    inside = ours.survival > 0
    assert np.isnan(ours.low[~inside]).all()  # as survfit of R: no limits where none is left
    assert np.isnan(ours.high[~inside]).all()
    np.testing.assert_allclose(ours.low[inside], bounds[inside, 0], rtol=1e-8)
    np.testing.assert_allclose(ours.high[inside], bounds[inside, 1], rtol=1e-8)


def test_turnbull_of_exact_data_is_kaplan_meier():
    rng = np.random.default_rng(2)
    time, failed = np.round(10 * rng.weibull(1.5, 80), 1) + 0.1, rng.random(80) < 0.6
    curve = kaplan_meier(time, failed)
    found = turnbull(time, np.where(failed, time, np.inf), tolerance=1e-12)
    kept = np.isfinite(found.high)
    np.testing.assert_allclose(found.high[kept], curve.time)
    np.testing.assert_allclose(
        found.failure_probability[kept], 1 - curve.survival, rtol=1e-6, atol=1e-9
    )


def test_turnbull_satisfies_the_conditions_of_a_maximum():
    """Gradient at most the number of units everywhere, equal where there is mass."""
    rng = np.random.default_rng(3)
    time = rng.weibull(1.5, 150)
    lower = np.maximum(time - rng.random(150), 0)
    upper = np.where(rng.random(150) < 0.3, np.inf, time + rng.random(150))
    found = turnbull(lower, upper)
    assert found.mass.sum() == pytest.approx(1.0)
    inside = (lower[:, None] <= found.low) & (found.high <= upper[:, None])
    gradient = (inside / (inside @ found.mass)[:, None]).sum(0)
    assert gradient.max() < 150 * (1 + 1e-6)
    np.testing.assert_allclose(gradient[found.mass > 1e-4], 150, rtol=1e-3)


def test_turnbull_counts_frequencies():
    found = turnbull([0, 1, 1, 3], [1, 3, 2, np.inf], frequency=[5, 2, 3, 4])
    expanded = turnbull(
        np.repeat([0, 1, 1, 3], [5, 2, 3, 4]), np.repeat([1, 3, 2, np.inf], [5, 2, 3, 4])
    )
    np.testing.assert_allclose(found.mass, expanded.mass, atol=1e-9)


def test_turnbull_against_lifelines():
    rng = np.random.default_rng(4)
    edges = np.linspace(0, 4, 9)
    place = np.searchsorted(edges, 2 * rng.weibull(1.5, 100))
    lower, upper = edges[place - 1], np.append(edges, np.inf)[place]
    found = turnbull(lower, upper)
    for high, probability in zip(found.high, found.failure_probability, strict=True):
        assert probability == pytest.approx(np.mean(upper <= high), abs=1e-6)


def test_positions_of_inspected_units():
    time, probability = plotting_positions(
        lower=[0, 10, 20, 30], upper=[10, 20, 30, np.inf], frequency=[1, 2, 3, 4]
    )
    assert time.tolist() == [10, 20, 30]
    np.testing.assert_allclose(probability, [0.1, 0.3, 0.6], atol=1e-6)


def test_refused():
    with pytest.raises(InputError, match="no unit failed"):
        kaplan_meier([1.0, 2.0], [0, 0])


def test_rows_that_stand_for_no_unit_change_nothing():
    with_none = kaplan_meier([1.0, 2.0, 2.5, 3.0], [1, 0, 1, 1], frequency=[2, 1, 0, 0])
    without = kaplan_meier([1.0, 2.0], [1, 0], frequency=[2, 1])
    np.testing.assert_array_equal(with_none.time, without.time)
    np.testing.assert_array_equal(with_none.survival, without.survival)
    _, share = plotting_positions([1.0, 2.0], frequency=[4, 0])
    assert share.tolist() == [0.5]
    for nothing in (kaplan_meier, plotting_positions):
        with pytest.raises(InputError, match="no unit failed"):
            nothing([1.0, 2.0], [0, 1], frequency=[3, 0])


def test_a_unit_that_fails_at_its_entry_was_never_at_risk():
    with pytest.raises(InputError, match="entry before the failure"):
        kaplan_meier([1.0, 2.0], [1, 1], truncation=[1.0, 0.0])
