"""Sobol indices of designs against closed forms."""

import numpy as np
import pytest

from reliability.campaign.design_sensitivity import sobol_of_designs
from reliability.campaign.search import Space


def test_indices_of_a_surface_are_those_of_its_closed_form() -> None:
    """f = x + 2 y + 3 x y of uniform x, y has main effects 2.5 x and 3.5 y, and the rest of xy."""
    rng = np.random.default_rng(2)
    space = {"x": Space((), 0.0, 1.0), "y": Space((), 1.0, 100.0, True)}
    designs = [{"x": u, "y": 100**v} for u, v in rng.random((60, 2))]
    values = [d["x"] + 2 * (v := np.log(d["y"]) / np.log(100)) + 3 * d["x"] * v for d in designs]
    found = sobol_of_designs(designs, values, space)
    parts = np.array([2.5**2 / 12, 3.5**2 / 12, 9 / 144])
    first = parts / parts.sum()
    assert found is not None
    assert list(found.first.values()) == pytest.approx(first[:2], abs=0.03)
    assert list(found.total.values()) == pytest.approx(first[:2] + first[2], abs=0.03)
    assert found.explained > 0.99


def test_noise_is_not_explained_and_categories_are() -> None:
    rng = np.random.default_rng(3)
    space = {"a": Space(("p", "q", "r")), "b": Space((1, 2))}
    designs = [{"a": a, "b": b} for a in "pqr" for b in (1, 2) for _ in range(8)]
    step = {"p": 0.0, "q": 1.0, "r": 5.0}
    found = sobol_of_designs(designs, [step[d["a"]] for d in designs], space)
    assert found is not None
    assert found.first["a"] > 0.97
    assert found.total["b"] < 0.03
    noise = sobol_of_designs(designs, rng.normal(size=len(designs)), space)
    assert noise is not None
    assert noise.explained < 0.3
    assert sobol_of_designs(designs[:5], [1.0, 2, 3, 4, 5], space) is None
