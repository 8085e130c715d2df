"""Sobol indices of designs: closed forms, scipy's sampling, noise, coverage of the intervals."""

import numpy as np
import pytest
from scipy import stats

from reliability.campaign.design_sensitivity import sobol_of_designs
from reliability.campaign.search import Space

SPACE = {"x": Space((), 0.0, 1.0), "y": Space((), 1.0, 100.0, True), "z": Space(("a", "b", "c"))}
PARTS = np.array([2.5**2 / 12, 3.5**2 / 12, 9 / 144])  # of x, y and x y in f = x + 2 y + 3 x y
FIRST = {"x": PARTS[0] / PARTS.sum(), "y": PARTS[1] / PARTS.sum(), "z": 0.0}
TOTAL = {k: v + (PARTS[2] / PARTS.sum() if k != "z" else 0.0) for k, v in FIRST.items()}


def simulated(designs: int, noise: float, seed: int):
    """Designs spread at random, with y the logarithm of a choice and z without effect."""
    rng = np.random.default_rng(seed)
    found = [{"x": u, "y": 100**v, "z": "abc"[int(3 * w)]} for u, v, w in rng.random((designs, 3))]
    y = np.log([d["y"] for d in found]) / np.log(100)
    x = np.array([d["x"] for d in found])
    return found, x + 2 * y + 3 * x * y + noise * rng.normal(size=designs)


def test_indices_of_a_surface_are_those_of_its_closed_form() -> None:
    found = sobol_of_designs(*simulated(60, 0.0, 2), SPACE)
    assert found is not None
    for name in SPACE:
        assert found.first[name] == pytest.approx((FIRST[name],) * 3, abs=1e-6)
        assert found.total[name] == pytest.approx((TOTAL[name],) * 3, abs=1e-6)
    assert found.explained > 0.999
    assert found.interactions


def test_indices_are_those_that_scipy_samples() -> None:
    """A surface of a curved, a listed and a named choice."""
    space = {"a": Space((), 0.0, 1.0), "n": Space((1, 2, 4, 8)), "s": Space(("p", "q", "r"))}

    def surface(u):
        n, s = np.minimum((4 * u[1]).astype(int), 3), np.minimum((3 * u[2]).astype(int), 2)
        return 3 * (u[0] - 0.4) ** 2 + 0.2 * n + np.array([0.0, 1.0, 0.3])[s] * (1 + u[0])

    want = stats.sobol_indices(func=surface, n=2**12, dists=[stats.uniform()] * 3,
                               rng=np.random.default_rng(0))  # fmt: skip
    u = np.random.default_rng(1).random((3, 90))
    designs = [{"a": a, "n": (1, 2, 4, 8)[int(4 * n)], "s": "pqr"[int(3 * s)]} for a, n, s in u.T]
    found = sobol_of_designs(designs, surface(u), space)
    assert found is not None
    assert [v[0] for v in found.first.values()] == pytest.approx(want.first_order, abs=0.03)
    assert [v[0] for v in found.total.values()] == pytest.approx(want.total_order, abs=0.03)


def test_noise_is_not_explained_and_few_designs_have_no_interactions() -> None:
    rng = np.random.default_rng(3)
    designs, values = simulated(40, 0.3, 5)
    noise = sobol_of_designs(designs, rng.normal(size=40), SPACE)
    assert noise is not None
    assert noise.explained < 0.3
    assert max(high - low for _, low, high in noise.first.values()) > 0.4  # and says so
    few = sobol_of_designs(designs[:20], values[:20], SPACE)
    assert few is not None
    assert not few.interactions
    assert few.first == few.total
    assert sobol_of_designs(designs[:8], values[:8], SPACE) is None


def coverage(designs: int, noise: float, runs: int) -> float:
    """Fraction of the intervals of both choices that act, of both indices, that hold the truth."""
    held = []
    for seed in range(runs):
        found = sobol_of_designs(*simulated(designs, noise, seed), SPACE, seed)
        assert found is not None
        for true, own in ((FIRST, found.first), (TOTAL, found.total)):
            held += [own[name][1] <= true[name] <= own[name][2] for name in ("x", "y")]
    return float(np.mean(held))


def test_intervals_cover_with_designs_enough() -> None:
    assert coverage(60, 0.2, 40) >= 0.95 - 2.6 * np.sqrt(0.95 * 0.05 / 40)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("designs", "noise", "least"), [(60, 0.2, 0.92), (120, 0.5, 0.92), (40, 0.5, 0.8)]
)
def test_intervals_cover_in_many_runs(designs, noise, least) -> None:
    """Nominal 95 %; fewer than three designs for each term, and half of it noise, cover less."""
    assert coverage(designs, noise, 300) > least
