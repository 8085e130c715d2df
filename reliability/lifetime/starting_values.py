"""Starting values of a lifetime fit: moments, simpler distributions, splits of the data."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.lifetime.distributions import Distribution, find_distribution
from reliability.lifetime.likelihood import Likelihood, Terms
from reliability.lifetime.maximise import Maximum, is_proper, maximise

Array = NDArray[np.float64]

_WARM = 20_000  # rows above which a subsample gives the starting value


class NoMaximum(InputError):
    """The likelihood of a distribution has no maximum for the data."""


def best_fit(likelihood: Likelihood) -> Maximum:
    """Maximise one likelihood from every start that suits its distribution, and keep the best.

    Raises
    ------
    NoMaximum
        No start leads to a maximum.
    """
    likelihood_small = _thin(likelihood)
    tried = [maximise(likelihood_small, start[None, :]) for start in _starts(likelihood_small)]
    usable = [m for m in tried if m.converged[0] and is_proper(m)[0]]
    if not usable:
        raise NoMaximum(_why_not(likelihood))
    best = max(usable, key=lambda m: float(m.value[0]))
    if likelihood_small is not likelihood:
        best = maximise(likelihood, best.theta)
        if not best.converged[0]:
            raise NoMaximum(_why_not(likelihood))
    return best


def _why_not(likelihood: Likelihood) -> str:
    return (
        f"{likelihood.distribution.name}: the likelihood has no maximum for these data (too few "
        "different failure times for the number of parameters); choose a distribution with fewer "
        "parameters, fix one, or state a bound from the number of failures"
    )


def _thin(likelihood: Likelihood) -> Likelihood:
    rows = sum(term.low.size for term in likelihood.terms)
    if rows <= 3 * _WARM:
        return likelihood
    every = rows // _WARM
    terms = []
    for term in likelihood.terms:
        pick = slice(every // 2, None, every) if term.low.size > 10 * every else slice(None)
        few = term.pick(pick)
        terms.append(few._replace(weight=few.weight * term.weight.sum() / few.weight.sum()))
    return replace(likelihood, terms=terms)


def _starts(likelihood: Likelihood) -> list[Array]:
    distribution = likelihood.distribution
    if distribution.form is not None and not distribution.threshold:
        return [_from_moments(likelihood)]
    if distribution.threshold:
        return _from_thresholds(likelihood)
    if distribution.name.startswith("mixture"):
        return [_mixture_start(likelihood, split) for split in (0.2, 0.5, 0.8)]
    if distribution.name.startswith("competing"):
        return [_competing_start(likelihood, split) for split in (0.2, 0.5, 0.8)]
    starts = []
    for name, begin in distribution.relatives:
        # The distribution under a limited failure population may itself be any distribution.
        starts += [_from_relative(likelihood, name, begin, likelihood.terms)]
        if distribution.name.startswith("limited_failure"):
            failed = [term for term in likelihood.terms if term.kind != "survival"]
            start = _from_relative(likelihood, name, begin, failed)
            count = sum(term.weight[term.weight > 0].sum() for term in failed)
            every = sum(term.weight[term.weight > 0].sum() for term in likelihood.terms)
            cut = min(max(count / every, 0.01), 0.99)
            if likelihood.designs[-1] is None:
                start[-1] = np.log(cut / (1 - cut))
            starts.append(start)
    return [start for start in starts if np.isfinite(likelihood.value(start[None, :])[0])]


def _pseudo_times(terms: list[Terms], positive: bool) -> tuple[Array, Array, NDArray[np.intp]]:
    """One value of y per datum (interval: its middle; censored: the bound), weight, row."""
    y, weight, row = [], [], []
    for term in terms:
        if term.weight[0] < 0:
            continue
        with np.errstate(divide="ignore"):
            low, high = (np.log(term.low), np.log(term.high)) if positive else term[1:3]
        y.append((low + high) / 2 if term.kind == "interval" else low)
        weight.append(term.weight)
        row.append(term.row)
    return np.concatenate(y), np.concatenate(weight), np.concatenate(row)


def _from_moments(likelihood: Likelihood) -> Array:
    """Least squares of the pseudo-times on the stresses."""
    distribution = likelihood.distribution
    y, weight, row = _pseudo_times(likelihood.terms, distribution.positive)
    offset = likelihood.offsets[0]
    y = y - (offset[row] if isinstance(offset, np.ndarray) else offset)
    design = likelihood.designs[0]
    x = np.ones((y.size, 1)) if design is None else design[row]
    root = np.sqrt(weight)
    coefficients = np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0]
    deviation = np.sqrt(np.average((y - x @ coefficients) ** 2, weights=weight))
    form = distribution.form
    assert form is not None
    scale = max(1.3 * deviation / form.deviation, 1e-6)
    theta = np.zeros(likelihood.size)
    theta[: coefficients.size] = coefficients
    theta[0] -= form.mean * scale
    if not distribution.fixed_scale and likelihood.size > coefficients.size:
        theta[coefficients.size] = np.log(scale)
    return theta


def _relative(likelihood: Likelihood, distribution: Distribution, terms: list[Terms]) -> Likelihood:
    count = distribution.count
    return replace(
        likelihood, distribution=distribution, terms=terms,
        designs=likelihood.designs[:count], offsets=likelihood.offsets[:count],
    )  # fmt: skip


def _from_relative(
    likelihood: Likelihood, name: str, begin: Callable[..., tuple[float, ...]], terms: list[Terms]
) -> Array:
    """Fit a simpler distribution and translate its parameters."""
    simple = find_distribution(name)
    slices = likelihood.slices
    related = _relative(likelihood, simple, terms)
    two = simple.count > 1 and likelihood.distribution.count >= 2
    if two and likelihood.designs[1] is not None:
        # A fixed or regressed shape of this distribution is not the simple one's: free the latter.
        related = replace(
            related, designs=(related.designs[0], None), offsets=(related.offsets[0], 0.0)
        )
    fitted = best_fit(related)
    at = related.slices
    constants = [float(fitted.theta[0, s.start]) if s.stop > s.start else 0.0 for s in at]
    values = begin(*constants)
    theta = np.zeros(likelihood.size)
    theta[slices[0]] = fitted.theta[0, at[0]]
    for value, s in zip(values, slices, strict=True):
        if s.stop > s.start:
            theta[s.start] = value
    return theta


def _from_thresholds(likelihood: Likelihood) -> list[Array]:
    """Profile over the threshold on a grid: an interior maximum is where Newton starts."""
    failed = [t for t in likelihood.terms if t.kind in ("density", "interval") and t.weight[0] > 0]
    least = min(float(np.min(term.low)) for term in failed)
    before = np.concatenate([[4.0, 2.0, 1.3], np.geomspace(1.0, 1e-5, 26)])
    values, starts = [], []
    for threshold in (1 - before) * least:
        terms = [
            term._replace(low=np.maximum(term.low - threshold, 1e-300), high=term.high - threshold)
            for term in likelihood.terms
            if term.kind != "survival" or np.any(term.low > threshold)
        ]
        weibull = replace(
            likelihood, distribution=find_distribution("weibull"), terms=terms,
            designs=(None, None), offsets=(0.0, 0.0),
        )  # fmt: skip
        maximum = maximise(weibull, _from_moments(weibull)[None, :])
        values.append(float(maximum.value[0]))
        starts.append(np.array([*maximum.theta[0], threshold]))
    inner = [i for i in range(1, len(values) - 1) if values[i] >= max(values[i - 1], values[i + 1])]
    if not inner:
        raise NoMaximum(
            "weibull_3: the likelihood has no maximum inside its range for these data; "
            "use the two-parameter Weibull distribution"
        )
    return [starts[i] for i in inner]


def _split(terms: list[Terms], cut: float) -> tuple[float, float]:
    """Times that split the failures: below it the first mode, above it the second."""
    failed = [term for term in terms if term.kind != "survival" and term.weight[0] > 0]
    times = np.sort(np.concatenate([(term.low + term.high) / 2 for term in failed]))
    if times.size < 4:
        raise InputError(f"got {times.size} failures, two failure modes need at least 4")
    place = min(max(int(cut * times.size), 2), times.size - 2)
    return float((times[place - 1] + times[place]) / 2), place / times.size


def _component(likelihood: Likelihood, distribution: Distribution, terms: list[Terms]) -> Array:
    part = replace(
        likelihood, distribution=distribution, terms=[t for t in terms if t.low.size],
        designs=(None,) * distribution.count, offsets=(0.0,) * distribution.count,
    )  # fmt: skip
    return best_fit(part).theta[0]


def _mixture_start(likelihood: Likelihood, cut: float) -> Array:
    """Split the failures, then a few rounds of expectation and maximisation."""
    a, b = likelihood.distribution.parts
    terms = [term for term in likelihood.terms if term.weight[0] > 0]
    limit, _ = _split(terms, cut)
    first = [np.where((t.low + t.high) / 2 < limit, 0.95, 0.05) for t in terms]
    theta = np.zeros(likelihood.size)
    for _ in range(15):
        for distribution, at, parts in (
            (a, slice(0, a.count), first),
            (b, slice(a.count, a.count + b.count), [1 - part for part in first]),
        ):
            weighted = [
                t._replace(weight=t.weight * part) for t, part in zip(terms, parts, strict=True)
            ]
            theta[at] = _component(likelihood, distribution, weighted)
        total = sum(float(t.weight.sum()) for t in terms)
        held = sum(float(t.weight @ part) for t, part in zip(terms, first, strict=True))
        fraction = min(max(held / total, 1e-3), 1 - 1e-3)
        theta[-1] = np.log(fraction / (1 - fraction))
        first = []
        for term in terms:
            part = {"density": "log_pdf", "survival": "log_sf", "failure": "log_cdf"}
            if term.kind == "interval":
                one = a.log_probability(term.low, term.high, *theta[: a.count])
                two = b.log_probability(term.low, term.high, *theta[a.count : -1])
            else:
                one = getattr(a, part[term.kind])(term.low, *theta[: a.count])
                two = getattr(b, part[term.kind])(term.low, *theta[a.count : -1])
            odds = one - two + theta[-1]
            first.append(1 / (1 + np.exp(-np.clip(odds, -500, 500))))
    return theta


def _competing_start(likelihood: Likelihood, cut: float) -> Array:
    """Early failures to one mode, late ones to the other; each censors the other."""
    limit, _ = _split(likelihood.terms, cut)
    parts = []
    for early, distribution in zip((True, False), likelihood.distribution.parts, strict=True):
        terms: list[Terms] = []
        for term in likelihood.terms:
            if term.kind == "survival" or term.weight[0] < 0:
                terms.append(term)
                continue
            own = ((term.low + term.high) / 2 < limit) == early
            terms.append(term.pick(own))
            other = term.pick(~own)
            if term.kind != "failure":
                terms.append(other._replace(kind="survival", high=np.full_like(other.low, np.inf)))
        parts.append(_component(likelihood, distribution, terms))
    return np.concatenate(parts)
