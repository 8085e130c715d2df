"""The likelihood of censored and truncated lifetimes, with gradient and Hessian, for many fits.

Every datum is one of four kinds of term: a density (exact), a survival (right-censored), a failure
probability (left-censored) or the probability between two times (interval-censored). Truncation is
a term with a negative weight: the datum could only be seen between two times. Likelihoods add, so a
whole data set is a list of terms.

Each internal parameter of the distribution is a linear predictor ``X @ theta``, constant in most
fits and a
regression on transformed stresses in accelerated tests. Derivatives are taken per row in the
predictors (in closed form for location-scale distributions, by fourth-order differences for the
others) and summed; bootstrap samples are further fits in the same arrays, so that thousands are one
pass.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.lifetime.distributions import Distribution
from reliability.lifetime.standard_forms import StandardForm

Array = NDArray[np.float64]
Kind = Literal["density", "survival", "failure", "interval"]

_CHUNK = 32_768  # rows at a time: the arrays of one pass stay in the cache
_STEP = 4e-3  # of numerical differences, in units of the width of the likelihood of one row


class Terms(NamedTuple):
    """Terms of one kind, flat over fits and rows; ``fit`` is sorted."""

    kind: Kind
    low: Array
    high: Array
    weight: Array
    fit: NDArray[np.intp]
    row: NDArray[np.intp]

    def pick(self, which: NDArray[np.bool_] | slice) -> "Terms":
        """Only some of the terms."""
        return Terms(
            self.kind, self.low[which], self.high[which], self.weight[which], self.fit[which],
            self.row[which],
        )  # fmt: skip


class Evaluation(NamedTuple):
    """Log-likelihood, shape (fits,), its gradient (fits, p) and Hessian (fits, p, p)."""

    value: Array
    gradient: Array
    hessian: Array


class _RowDerivatives(NamedTuple):
    value: Array
    first: list[Array]
    second: list[list[Array]]


def split_terms(
    lower: Array,
    upper: Array,
    weight: Array,
    entry: Array | None = None,
    leave: Array | None = None,
    *,
    positive: bool = True,
) -> list[Terms]:
    """Sort data into the four kinds of term.

    Parameters
    ----------
    lower, upper : ndarray, shape (fits, rows)
        Interval that holds the time to failure; equal: exact.
    weight : ndarray, shape (fits, rows)
        Frequency; rows with weight 0 are left out.
    entry, leave : ndarray, shape (fits, rows), optional
        A unit is in the data only because it failed after ``entry`` and before ``leave``.
    positive : bool
        Times are positive, so that 0 is the least.
    """
    least = 0.0 if positive else -np.inf
    magnitude = upper if positive else np.abs(upper - lower) + np.ptp(lower[np.isfinite(lower)])
    with np.errstate(invalid="ignore"):
        # An interval much narrower than the distribution is a density times its width.
        exact = (upper - lower <= 1e-7 * magnitude) & np.isfinite(upper) & np.isfinite(lower)
    from_left, to_right = lower <= least, np.isposinf(upper)
    kinds: list[tuple[Kind, NDArray[np.bool_]]] = [
        ("density", exact),
        ("survival", ~exact & to_right & ~from_left),
        ("failure", ~exact & from_left & ~to_right),
        ("interval", ~exact & ~from_left & ~to_right),
    ]
    terms = [_select(kind, mask & (weight != 0), lower, upper, weight) for kind, mask in kinds]
    if entry is not None or leave is not None:
        start = np.full_like(lower, least) if entry is None else entry
        end = np.full_like(lower, np.inf) if leave is None else leave
        late, early = start > least, np.isfinite(end)
        window: list[tuple[Kind, NDArray[np.bool_]]] = [
            ("survival", late & ~early), ("failure", early & ~late), ("interval", late & early),
        ]  # fmt: skip
        terms += [_select(kind, mask & (weight != 0), start, end, -weight) for kind, mask in window]
    return [term for term in terms if term.low.size]


def _select(kind: Kind, mask: NDArray[np.bool_], low: Array, high: Array, weight: Array) -> Terms:
    fit, row = np.nonzero(mask)
    a, b = low[mask], high[mask]
    if kind == "density":
        a = np.sqrt(a) * np.sqrt(b) if np.all(a > 0) else (a + b) / 2
    return Terms(kind, b if kind == "failure" else a, b, weight[mask], fit, row)


@dataclass(frozen=True)
class Likelihood:
    """The log-likelihood of one or many data sets under one distribution.

    Attributes
    ----------
    distribution : Distribution
    terms : list of Terms
    fits : int
        Number of data sets (a fit, or its bootstrap samples).
    designs : tuple of (ndarray, shape (rows, p_j)) or None
        Regressors of each internal parameter; None: constant, one coefficient.
    offsets : tuple of (float or ndarray, shape (rows,))
        Added to each predictor.
    """

    distribution: Distribution
    terms: list[Terms]
    fits: int
    designs: tuple[Array | None, ...]
    offsets: tuple[float | Array, ...]

    @property
    def slices(self) -> list[slice]:
        """Where the coefficients of each predictor are in ``theta``."""
        out, start = [], 0
        for design in self.designs:
            width = 1 if design is None else design.shape[1]
            out.append(slice(start, start + width))
            start += width
        return out

    @property
    def size(self) -> int:
        """Number of coefficients p."""
        return self.slices[-1].stop

    def select(self, keep: NDArray[np.bool_]) -> "Likelihood":
        """Only some of the fits."""
        place = np.cumsum(keep) - 1
        terms = []
        for term in self.terms:
            kept = term.pick(keep[term.fit])
            terms.append(kept._replace(fit=place[kept.fit]))
        return replace(self, terms=terms, fits=int(keep.sum()))

    def penalty(self, theta: Array) -> Array:
        """What the value holds beside the log-likelihood, shape (fits,): nothing."""
        return np.zeros(len(theta))

    @np.errstate(all="ignore")  # far from the maximum: not finite, and not taken
    def value(self, theta: Array) -> Array:
        """Log-likelihood without derivatives, shape (fits,)."""
        total = np.zeros(self.fits)
        for term, chunk, u in self._chunks(theta):
            value = term_value(self.distribution, term.kind, term.low[chunk], term.high[chunk], u)
            self._add(total, value, term, chunk)
        return np.where(np.isnan(total), -np.inf, total)

    @np.errstate(all="ignore")
    def evaluate(self, theta: Array) -> Evaluation:
        """Log-likelihood, gradient and Hessian at ``theta``, shape (fits, p)."""
        value = np.zeros(self.fits)
        gradient = np.zeros((self.fits, self.size))
        hessian = np.zeros((self.fits, self.size, self.size))
        slices = self.slices
        for term, chunk, u in self._chunks(theta):
            low, high = term.low[chunk], term.high[chunk]
            if self.distribution.form is not None:
                rows = _location_scale_rows(self.distribution, term.kind, low, high, u)
            else:
                rows = _numerical_rows(self.distribution, term.kind, low, high, u)
            self._add(value, rows.value, term, chunk)
            for j, at_j in enumerate(slices):
                for a, first in self._regress(rows.first[j], j, at_j, term, chunk):
                    self._add(gradient[:, a], first, term, chunk)
                for k in range(j + 1):
                    for a, part in self._regress(rows.second[j][k], j, at_j, term, chunk):
                        for b, second in self._regress(part, k, slices[k], term, chunk):
                            if b <= a:
                                self._add(hessian[:, a, b], second, term, chunk)
        lower = np.tril_indices(self.size, -1)
        hessian[:, lower[1], lower[0]] = hessian[:, lower[0], lower[1]]
        return Evaluation(np.where(np.isnan(value), -np.inf, value), gradient, hessian)

    def _chunks(self, theta: Array) -> Iterator[tuple[Terms, slice, list[Any]]]:
        for term in self.terms:
            for start in range(0, term.low.size, _CHUNK):
                chunk = slice(start, min(start + _CHUNK, term.low.size))
                yield term, chunk, self._predictors(theta, term, chunk)

    def _predictors(self, theta: Array, term: Terms, chunk: slice) -> list[Any]:
        out: list[Any] = []
        for design, offset, at in zip(self.designs, self.offsets, self.slices, strict=True):
            row = term.row[chunk]
            if design is None:
                u = theta[0, at.start] if self.fits == 1 else theta[term.fit[chunk], at.start]
            elif self.fits == 1:
                u = design[row] @ theta[0, at]
            else:
                u = np.einsum("ij,ij->i", design[row], theta[term.fit[chunk], at])
            out.append(u + (offset[row] if np.ndim(offset) else offset))  # type: ignore[index]
        if self.distribution.fixed_scale:
            out = [out[0]]
        return out

    def _regress(
        self, rows: Array, j: int, at: slice, term: Terms, chunk: slice
    ) -> Iterator[tuple[int, Array]]:
        design = self.designs[j]
        if design is None:
            yield at.start, rows
        else:
            for column in range(design.shape[1]):
                yield at.start + column, rows * design[term.row[chunk], column]

    def _add(self, total: Array, rows: Array, term: Terms, chunk: slice) -> None:
        weight = term.weight[chunk]
        if self.fits == 1:
            total[0] += float(np.sum(rows * weight))
            return
        fit = term.fit[chunk]
        first, last = fit[0], fit[-1]
        total[first : last + 1] += np.bincount(fit - first, weight * rows, last - first + 1)


def term_value(
    distribution: Distribution, kind: Kind, low: Array, high: Array, u: list[Any]
) -> Array:
    if kind == "density":
        return distribution.log_pdf(low, *u)
    if kind == "survival":
        return distribution.log_sf(low, *u)
    if kind == "failure":
        return distribution.log_cdf(low, *u)
    form = distribution.form
    if form is not None and form.log_probability is not None and not distribution.threshold:
        scale = 0.0 if distribution.fixed_scale else u[1]
        a, b = (np.log(low), np.log(high)) if distribution.positive else (low, high)
        return form.log_probability((a - u[0]) * np.exp(-scale), (b - u[0]) * np.exp(-scale))
    return distribution.log_probability(low, high, *u)


class _Standardised(NamedTuple):
    """z and its derivatives in the predictors (None: zero)."""

    z: Array
    first: list[Any]
    second: list[list[Any]]


def _standardise(distribution: Distribution, t: Array, u: list[Any]) -> tuple[_Standardised, Any]:
    """z of each row, its derivatives, and y."""
    threshold = distribution.threshold
    with np.errstate(divide="ignore", invalid="ignore"):
        after = t - u[2] if threshold else t
        y = np.log(after) if distribution.positive else t
    if distribution.fixed_scale:
        return _Standardised(y - u[0], [-1.0], [[None]]), y
    s = np.exp(-u[1])
    z = (y - u[0]) * s
    first: list[Any] = [-s, -z]
    second: list[list[Any]] = [[None], [s, z]]
    if threshold:
        v = 1 / after
        first.append(-s * v)
        second.append([None, s * v, -s * v * v])
    return _Standardised(z, first, second), y


def _location_scale_rows(
    distribution: Distribution, kind: Kind, low: Array, high: Array, u: list[Any]
) -> _RowDerivatives:
    """Closed-form derivatives per row in location, log-scale and threshold."""
    form = distribution.form
    assert form is not None
    if kind == "interval":
        return _interval_rows(distribution, form, low, high, u)
    x, y = _standardise(distribution, low, u)
    derivatives = {"density": form.d_pdf, "survival": form.d_sf, "failure": form.d_cdf}[kind]
    value, d1, d2 = derivatives(x.z)  # type: ignore[misc]
    first = [d1 * a for a in x.first]
    second: list[list[Any]] = []
    for j, a in enumerate(x.first):
        second.append([])
        for k in range(j + 1):
            h = d2 * (a * x.first[k])
            if x.second[j][k] is not None:
                h = h + d1 * x.second[j][k]
            second[j].append(h)
    if kind == "density":
        if distribution.positive:
            value = value - y
        if not distribution.fixed_scale:
            value = value - u[1]
            first[1] = first[1] - 1
        if distribution.threshold:
            v = 1 / (low - u[2])
            first[2] = first[2] + v
            second[2][2] = second[2][2] + v * v
    elif distribution.threshold:  # no unit fails before the threshold
        before = low <= u[2]
        floor = 0.0 if kind == "survival" else -np.inf
        value = np.where(before, floor, value)
        first = [np.where(before, 0.0, g) for g in first]
        second = [[np.where(before, 0.0, h) for h in row] for row in second]
    return _RowDerivatives(value, first, second)


def _interval_rows(
    distribution: Distribution, form: StandardForm, low: Array, high: Array, u: list[Any]
) -> _RowDerivatives:
    if distribution.threshold:
        edge = np.nextafter(u[2], np.inf) if u[2] > 0 else u[2] + 1e-12
        low = np.maximum(low, edge)
    a, _ = _standardise(distribution, low, u)
    b, _ = _standardise(distribution, high, u)
    value = form.log_probability(a.z, b.z)  # type: ignore[misc]
    pdf_a, pdf_b = form.d_pdf(a.z), form.d_pdf(b.z)  # type: ignore[misc]
    with np.errstate(over="ignore", invalid="ignore"):
        rate_a, rate_b = np.exp(pdf_a.value - value), np.exp(pdf_b.value - value)
        slope_a, slope_b = rate_a * pdf_a.first, rate_b * pdf_b.first
    first = [rate_b * zb - rate_a * za for za, zb in zip(a.first, b.first, strict=True)]
    second: list[list[Any]] = []
    for j in range(len(first)):
        second.append([])
        for k in range(j + 1):
            h = slope_b * (b.first[j] * b.first[k]) - slope_a * (a.first[j] * a.first[k])
            if a.second[j][k] is not None:
                h = h + rate_b * b.second[j][k] - rate_a * a.second[j][k]
            second[j].append(h - first[j] * first[k])
    return _RowDerivatives(value, first, second)


def _numerical_rows(
    distribution: Distribution, kind: Kind, low: Array, high: Array, u: list[Any]
) -> _RowDerivatives:
    """Fourth-order central differences per row in each predictor and each pair of them."""
    width = distribution.spread(*u)
    steps = [_STEP * width if p.unit == "log time" else _STEP for p in distribution.parameters]

    def along(*directions: int) -> tuple[Array, Array]:
        """First and second derivative along one step in each of the directions."""

        def at(k: int) -> Array:
            moved = list(u)
            for j in directions:
                moved[j] = u[j] + k * steps[j]
            return term_value(distribution, kind, low, high, moved)

        minus2, minus, plus, plus2 = at(-2), at(-1), at(1), at(2)
        slope = (8 * (plus - minus) - (plus2 - minus2)) / 12
        return slope, (16 * (plus + minus) - (plus2 + minus2) - 30 * centre) / 12

    centre = term_value(distribution, kind, low, high, u)
    with np.errstate(invalid="ignore"):
        lines = [along(j) for j in range(distribution.count)]
        first = [slope / step for (slope, _), step in zip(lines, steps, strict=True)]
        second: list[list[Array]] = []
        for j in range(distribution.count):
            second.append([])
            for k in range(j):
                mixed = (along(j, k)[1] - lines[j][1] - lines[k][1]) / 2
                second[j].append(mixed / (steps[j] * steps[k]))
            second[j].append(lines[j][1] / (steps[j] * steps[j]))
    return _RowDerivatives(centre, first, second)
