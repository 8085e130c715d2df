"""Which choices an objective depends on: Sobol indices of a response surface through the designs.

A quadratic surface is fitted to the designs that were computed: line and curvature of each choice
of numbers, an effect of each value of a choice of names, and the interactions of two choices, where
there are designs enough. For choices that are independent and uniform over their ranges or values
the variance of such a surface is a sum of parts, one for each choice and pair, in closed form [1]_;
what the scatter of the designs around the surface adds to it is taken off. Intervals are those of
a parametric bootstrap of the coefficients. The fraction of the variance of left-out designs that
the surface explains says how far indices and intervals can be trusted: they do not hold what the
surface cannot follow.

References
----------
.. [1] B. Sudret, Reliab. Eng. Syst. Saf. 93, 964 (2008), doi:10.1016/j.ress.2007.04.002.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.campaign.search import Space
from reliability.random import stream

Floats = NDArray[np.float64]
Index = tuple[float, float, float]
_NODES = 512  # of a range
_RIDGE = 1e-9  # keeps what designs do not determine small
_FOLDS = 8
_SPARE = 8  # designs more than terms, that the scatter is known
_BOOTSTRAP = 400


class Indices(NamedTuple):
    """Sobol indices of each choice, and how well the surface predicts designs left out.

    Attributes
    ----------
    first, total : dict of str to (float, float, float)
        Fraction of the variance of the objective from a choice alone, and with its interactions:
        value and the ends of its interval.
    explained : float
        Fraction of the variance of designs left out that the surface explains; below about 0.7 the
        indices are rough.
    interactions : bool
        Whether there were designs enough for them; else total is first order.
    """

    first: dict[str, Index]
    total: dict[str, Index]
    explained: float
    interactions: bool


def sobol_of_designs(
    designs: Sequence[Mapping[str, Any]], values: Sequence[float], space: Mapping[str, Space],
    seed: int = 0, confidence: float = 0.95,
) -> Indices | None:  # fmt: skip
    """Return the Sobol indices of the choices of designs; None with fewer designs than terms need.

    Parameters
    ----------
    designs : sequence of mapping
    values : sequence of float
        An objective of each; its logarithm where it spans decades.
    space : mapping of str to Space
    seed : int
        Of the bootstrap.
    confidence : float
        Of the intervals.

    Examples
    --------
    >>> space = {"x": Space((), 0.0, 1.0), "y": Space(("a", "b"))}
    >>> designs = [{"x": k / 29, "y": "ab"[k % 2]} for k in range(30)]
    >>> found = sobol_of_designs(designs, [d["x"] for d in designs], space)
    >>> round(found.first["x"][0], 3), round(found.total["y"][0], 3)
    (1.0, 0.0)
    """
    y = np.asarray(values, float)
    keep = np.isfinite(y)
    y, rows = y[keep], [d for d, k in zip(designs, keep, strict=True) if k]
    if len(y) < 3 * len(space) + 2 or np.ptp(y) == 0:
        return None
    parts = [_Part.of([d[name] for d in rows], one) for name, one in space.items()]
    surface = _Surface.of(parts, True)
    if len(y) < surface.x.shape[1] + _SPARE:
        surface = _Surface.of(parts, False)
    if len(y) < surface.x.shape[1] + _SPARE:
        return None
    first, total = surface.indices(y, seed, confidence)
    fold = stream(seed, "design_sensitivity").permutation(len(y)) % _FOLDS
    left = np.empty(len(y))
    for k in range(_FOLDS):
        left[fold == k] = surface.x[fold == k] @ surface.fitted(y, fold != k)
    return Indices(
        dict(zip(space, first, strict=True)), dict(zip(space, total, strict=True)),
        float(max(1 - ((y - left) ** 2).mean() / y.var(), 0.0)), surface.interactions,
    )  # fmt: skip


class _Part(NamedTuple):
    """Terms of one choice at the designs, of mean 0 over its values, and their covariance there."""

    terms: Floats  # (designs, terms)
    covariance: Floats

    @classmethod
    def of(cls, values: Sequence[Any], space: Space) -> "_Part":
        count = len(space.values) or _NODES
        nodes = (np.arange(count) + 0.5) / count
        at = np.array([_unit(value, space) for value in values])
        names = any(isinstance(value, str) for value in space.values)

        def raw(u: Floats) -> Floats:
            if names:
                level = np.minimum((u * count).astype(int), count - 1)
                return np.column_stack([level == k for k in range(1, count)]).astype(float)
            return np.column_stack([u, u**2] if count > 2 else [u])

        mean = raw(nodes).mean(axis=0)
        centred = raw(nodes) - mean
        return cls(raw(at) - mean, centred.T @ centred / count)


class _Surface(NamedTuple):
    """Terms of all choices at the designs; each group has its columns and their covariance."""

    x: Floats
    groups: list[tuple[tuple[int, ...], slice, Floats]]
    choices: int
    interactions: bool

    @classmethod
    def of(cls, parts: Sequence[_Part], interactions: bool) -> "_Surface":
        columns, groups, at = [np.ones((len(parts[0].terms), 1))], [], 1
        pairs = combinations(range(len(parts)), 2) if interactions else ()
        for which in [*((k,) for k in range(len(parts))), *pairs]:
            terms, covariance = parts[which[0]]
            for k in which[1:]:
                other = parts[k]
                terms = (terms[:, :, None] * other.terms[:, None]).reshape(len(terms), -1)
                covariance = np.kron(covariance, other.covariance)
            groups.append((which, slice(at, at + terms.shape[1]), covariance))
            columns.append(terms)
            at += terms.shape[1]
        return cls(np.hstack(columns), groups, len(parts), interactions)

    def fitted(self, y: Floats, own: NDArray[np.bool_]) -> Floats:
        a = self.x[own]
        return np.asarray(np.linalg.solve(self._information(own), a.T @ y[own]))

    def _information(self, own: NDArray[np.bool_]) -> Floats:
        a = self.x[own]
        return np.asarray(a.T @ a + _RIDGE * np.eye(a.shape[1]))

    def indices(self, y: Floats, seed: int, confidence: float) -> tuple[list[Index], list[Index]]:
        """First-order and total indices of each choice, with intervals."""
        every = np.ones(len(y), bool)
        c = self.fitted(y, every)
        free = len(y) - self.x.shape[1]
        scatter = float(((y - self.x @ c) ** 2).sum()) / free
        error = scatter * np.linalg.inv(self._information(every))
        added = np.array([np.trace(own @ error[s, s]) for _, s, own in self.groups])
        random = stream(seed, "design_sensitivity", 1)
        z = random.standard_normal((_BOOTSTRAP, len(c)))
        z *= np.sqrt(free / random.chisquare(free, (_BOOTSTRAP, 1)))  # Student's t
        root = np.linalg.cholesky(error + 1e-15 * np.trace(error) * np.eye(len(c)))
        drawn = self._variances(c + z @ root.T) - added
        plain, corrected = self._variances(c[None]), self._variances(c[None]) - added
        out = []
        for total in (False, True):
            value = self._shares(corrected, total)[0]
            # what the estimate misses when the surface is known: the plain one of c
            miss = self._shares(drawn, total) - self._shares(plain, total)
            ends = np.quantile(miss, (0.5 + confidence / 2, 0.5 - confidence / 2), axis=0)
            low, high = np.clip(value - ends, 0.0, 1.0)
            out.append([(float(v), float(min(a, v)), float(max(b, v)))
                        for v, a, b in zip(value, low, high, strict=True)])  # fmt: skip
        return out[0], out[1]

    def _variances(self, c: Floats) -> Floats:
        """Variance of each group of coefficients (draws, terms), shape (draws, groups)."""
        return np.stack(
            [np.einsum("di,ij,dj->d", c[:, s], own, c[:, s]) for _, s, own in self.groups], axis=1
        )

    def _shares(self, variances: Floats, total: bool) -> Floats:
        """Fraction of the variance of each choice, alone or with its interactions."""
        v = np.maximum(variances, 0.0)
        belongs = np.array([[k in which and (total or len(which) == 1)
                             for k in range(self.choices)]
                            for which, _, _ in self.groups], float)  # fmt: skip
        return np.asarray(v @ belongs / np.maximum(v.sum(axis=1, keepdims=True), 1e-300))


def _unit(value: Any, space: Space) -> float:
    """Place of a value between 0 and 1; the middle of its part for one of several."""
    if space.values:
        return (space.values.index(value) + 0.5) / len(space.values)
    low, high, at = space.low, space.high, float(value)
    if space.log:
        low, high, at = np.log(low), np.log(high), np.log(at)
    return (at - low) / (high - low) if high > low else 0.5
