"""Which choices an objective depends on: Sobol indices of a response surface through the designs.

A quadratic surface (main effects, interactions of two choices, squares of numbers) is fitted to the
designs that were computed; categories are indicators. Its indices [1]_ are computed by
`scipy.stats.sobol_indices` for choices that are independent and uniform over their ranges or
values. The fraction of the variance of left-out designs that the surface explains says how far they
can be trusted.

References
----------
.. [1] A. Saltelli et al., Comput. Phys. Commun. 181, 259 (2010), doi:10.1016/j.cpc.2009.09.018.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.campaign.search import Space
from reliability.random import stream

Floats = NDArray[np.float64]
_SAMPLES = 2**11
_RIDGE = 1e-6  # keeps what too few designs do not determine small
_FOLDS = 8


class Indices(NamedTuple):
    """Sobol indices of each choice, and how well the surface predicts designs left out.

    Attributes
    ----------
    first, total : dict of str to float
        Fraction of the variance of the objective from a choice alone, and with its interactions.
    explained : float
        Fraction of the variance of designs left out that the surface explains; below about 0.7 the
        indices are rough.
    """

    first: dict[str, float]
    total: dict[str, float]
    explained: float


def sobol_of_designs(
    designs: Sequence[Mapping[str, Any]], values: Sequence[float], space: Mapping[str, Space],
    seed: int = 0,
) -> Indices | None:  # fmt: skip
    """Return the Sobol indices of the choices of designs; None with fewer designs than terms need.

    Parameters
    ----------
    designs : sequence of mapping
    values : sequence of float
        An objective of each; its logarithm where it spans decades.
    space : mapping of str to Space
    seed : int
        Of the samples.
    """
    from scipy import stats  # half a second that a worker need not pay

    y = np.asarray(values, float)
    keep = np.isfinite(y)
    y, rows = y[keep], [d for d, k in zip(designs, keep, strict=True) if k]
    if len(y) < 3 * len(space) + 2 or np.ptp(y) == 0:
        return None
    unit = np.array([[_unit(d[name], one) for name, one in space.items()] for d in rows])
    x = _terms(unit, space)

    def fitted(own: NDArray[np.bool_]) -> Floats:
        a = x[own]
        return np.asarray(np.linalg.solve(a.T @ a + _RIDGE * np.eye(a.shape[1]), a.T @ y[own]))

    fold = stream(seed, "design_sensitivity").permutation(len(y)) % _FOLDS
    left = np.array([x[k] @ fitted(fold != fold[k]) for k in range(len(y))])
    surface = fitted(np.ones(len(y), bool))
    found = stats.sobol_indices(
        func=lambda u: _terms(u.T, space) @ surface, n=_SAMPLES,
        dists=[stats.uniform()] * len(space),
        rng=np.random.default_rng(int(stream(seed, "design_sensitivity", 1).integers(2**63))),
    )  # fmt: skip
    return Indices(
        dict(zip(space, np.clip(found.first_order, 0, 1).tolist(), strict=True)),
        dict(zip(space, np.clip(found.total_order, 0, 1).tolist(), strict=True)),
        float(max(1 - ((y - left) ** 2).mean() / y.var(), 0.0)),
    )


def _unit(value: Any, space: Space) -> float:
    """Place of a value between 0 and 1; the middle of its part for one of several."""
    if space.values:
        return (space.values.index(value) + 0.5) / len(space.values)
    low, high, at = space.low, space.high, float(value)
    if space.log:
        low, high, at = np.log(low), np.log(high), np.log(at)
    return (at - low) / (high - low) if high > low else 0.5


def _terms(unit: Floats, space: Mapping[str, Space]) -> Floats:
    """Terms of the surface at places between 0 and 1, shape (points, choices)."""
    each = []
    for column, one in zip(unit.T, space.values(), strict=True):
        if one.values:
            count = len(one.values)
            level = np.minimum((column * count).astype(int), count - 1)
            each.append([(level == k) - 1 / count for k in range(1, count)])
        else:
            each.append([column - 0.5, (column - 0.5) ** 2 - 1 / 12])
    single = [term for own in each for term in own]
    both = [p * q for a, b in combinations(each, 2) for p in a for q in b]
    return np.column_stack([np.ones(len(unit)), *single, *both])
