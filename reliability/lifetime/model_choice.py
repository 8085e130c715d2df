"""Choice of a distribution: likelihood ratio, Akaike's criterion, goodness of fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reliability.errors import InputError
from reliability.lifetime import bootstrap
from reliability.lifetime.censored_fit import LifetimeFit
from reliability.lifetime.distributions import Distribution
from reliability.lifetime.nonparametric import turnbull
from reliability.lifetime.observations import Observations

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

_SMALLEST = 1e-12


class LikelihoodRatio(NamedTuple):
    """Twice the difference of two log-likelihoods, its degrees of freedom and p-value."""

    statistic: float
    degrees: int
    p_value: float


# Distributions that contain another: by fixing parameters inside their range, or on its boundary.
_INSIDE = {
    "weibull": ("exponential",),
    "gamma": ("exponential",),
    "weibull_3": ("exponential", "weibull"),
    "generalised_gamma": ("exponential", "weibull", "lognormal", "gamma"),
    "defect_clustering": ("loglogistic",),
}
_BOUNDARY = {"defect_clustering": ("exponential", "weibull")}


def likelihood_ratio_test(restricted: LifetimeFit, full: LifetimeFit) -> LikelihoodRatio:
    """Test a distribution or regression against a more general one that contains it.

    E.g. exponential in Weibull, constant in stress-dependent shape, log-normal in generalised
    gamma.

    Parameters
    ----------
    restricted, full : LifetimeFit
        Fits of the same data; ``full`` contains ``restricted`` and has more parameters.

    Raises
    ------
    InputError
        The fits are of different data, ``full`` has no more parameters or does not contain
        ``restricted``, or the ratio has no chi-square distribution (mixtures, competing modes).

    Notes
    -----
    Twice the difference of the log-likelihoods is compared with chi-square [1]_; where the
    restricted model lies on the boundary of the full one (a fraction of 1), with the even mixture
    of chi-squares of one degree of freedom less and of all [2]_.

    References
    ----------
    .. [1] S. S. Wilks, Ann. Math. Stat. 9, 60 (1938), doi:10.1214/aoms/1177732360.
    .. [2] S. G. Self, K.-Y. Liang, J. Am. Stat. Assoc. 82, 605 (1987),
       doi:10.1080/01621459.1987.10478472.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> t = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386]
    >>> fits = [fit_lifetime(t, distribution=name) for name in ("exponential", "weibull")]
    >>> round(likelihood_ratio_test(*fits).p_value, 4)
    0.0009
    """
    _same_data([restricted, full])
    names = restricted.distribution.name, full.distribution.name
    degrees = full.free_parameters - restricted.free_parameters
    if degrees < 1:
        raise InputError(
            f"likelihood_ratio_test: {names[1]} has {full.free_parameters} parameters, not more "
            f"than {restricted.free_parameters} of the restricted model"
        )
    boundary = names[0] in _BOUNDARY.get(names[1], ()) or names[1] == f"limited_failure({names[0]})"
    if not (boundary or names[0] == names[1] or names[0] in _INSIDE.get(names[1], ())):
        raise InputError(
            f"likelihood_ratio_test: {names[1]} does not contain {names[0]} as a regular special "
            "case; compare them by AICc (compare_lifetimes)"
        )
    shared = restricted.distribution.count if names[0] == names[1] else 1
    if not all(_contains(restricted, full, j) for j in range(shared)):
        raise InputError("likelihood_ratio_test: the regressions on stress are not nested")
    statistic = max(2 * float(full.log_likelihood - restricted.log_likelihood), 0.0)
    p_value = float(special.chdtrc(degrees, statistic))
    if boundary:
        fewer = special.chdtrc(degrees - 1, statistic) if degrees > 1 else float(statistic <= 0)
        p_value = (p_value + float(fewer)) / 2
    return LikelihoodRatio(statistic, degrees, p_value)


def _contains(restricted: LifetimeFit, full: LifetimeFit, j: int) -> bool:
    """Whether predictor j of the full fit can take every value of the restricted one's."""
    rows = full.data.lower.size
    designs, offsets = [], []
    for fit in (restricted, full):
        design, offset = fit.likelihood.designs[j], fit.likelihood.offsets[j]
        designs.append(np.ones((rows, 1)) if design is None else design)
        offsets.append(np.broadcast_to(offset, (rows,)))
    goal = np.column_stack([designs[0], offsets[0] - offsets[1]])
    left = goal - designs[1] @ np.linalg.lstsq(designs[1], goal, rcond=None)[0]
    return bool(np.abs(left).max() < 1e-8 * max(np.abs(goal).max(), 1.0))


def compare_lifetimes(fits: Sequence[LifetimeFit]) -> "pd.DataFrame":
    """Table of fits of the same data, best first by AICc [1]_.

    Returns
    -------
    pandas.DataFrame
        Columns ``distribution``, ``parameters``, ``log_likelihood``, ``aicc``, ``difference`` (from
        the best) and ``weight`` (Akaike's, adds to 1).

    Raises
    ------
    InputError
        No fit, or fits of different data.

    References
    ----------
    .. [1] K. P. Burnham, D. R. Anderson, Sociol. Methods Res. 33, 261 (2004),
       doi:10.1177/0049124104268644.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> t = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386]
    >>> names = ("exponential", "weibull", "lognormal")
    >>> table = compare_lifetimes([fit_lifetime(t, distribution=name) for name in names])
    >>> table["distribution"].tolist()
    ['weibull', 'lognormal', 'exponential']
    """
    import pandas as pd

    _same_data(fits)
    aicc = np.array([fit.aicc for fit in fits])
    difference = aicc - aicc.min() if np.isfinite(aicc.min()) else np.zeros(len(fits))
    weight = np.exp(-difference / 2)
    table = pd.DataFrame(
        {
            "distribution": [fit.distribution.name for fit in fits],
            "parameters": [fit.free_parameters for fit in fits],
            "log_likelihood": [fit.log_likelihood for fit in fits],
            "aicc": aicc,
            "difference": difference,
            "weight": weight / weight.sum(),
        }
    )
    return table.sort_values("aicc", kind="stable", ignore_index=True)


def _same_data(fits: Sequence[LifetimeFit]) -> None:
    if not fits:
        raise InputError("compare: got no fit")
    first, *others = (_content(fit.data) for fit in fits)
    for other in others:
        if not all(map(np.array_equal, first, other)):
            raise InputError("compare: the fits are of different data")


def _content(data: Observations) -> tuple[Array, ...]:
    """The data, with 0 for a lower end of -inf of distributions on the whole line."""
    nothing = np.zeros_like(data.lower)
    least = np.where(np.isneginf(data.lower), 0.0, data.lower)
    entry = nothing if data.entry is None else data.entry
    leave = nothing + np.inf if data.leave is None else data.leave
    return least, data.upper, data.frequency, entry, leave


@dataclass(frozen=True)
class GoodnessOfFit:
    """Result of `goodness_of_fit`.

    Attributes
    ----------
    statistic : float
        Anderson-Darling distance between the fitted and the nonparametric estimate.
    p_value : float
        Share of samples of the fitted distribution that are at least as far from their own fit.
    samples : int
        Samples that could be refitted.
    """

    statistic: float
    p_value: float
    samples: int


def goodness_of_fit(fit: LifetimeFit, *, samples: int = 499, seed: int = 0) -> GoodnessOfFit:
    """Test whether the data could come from the fitted distribution, with any kind of censoring.

    Parameters
    ----------
    fit : LifetimeFit
    samples : int
        Simulated samples; each is censored like the data and refitted.
    seed : int

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    InputError
        Truncated data, or too few failures to refit samples.

    Notes
    -----
    Every time is replaced by its fitted probability of failure, uniform if the fit is right, so
    that units at different stresses are tested together. Statistic: ``n`` times the integral of
    ``(G - x)^2 / (x (1 - x))`` up to the largest x, with G the Kaplan-Meier (interval-censored:
    Turnbull) estimate of the distribution of x [1]_.

    References
    ----------
    .. [1] A. N. Pettitt, M. A. Stephens, Biometrika 63, 291 (1976), doi:10.1093/biomet/63.2.291.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> t = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386, 500]
    >>> fit = fit_lifetime(t, event=[1] * 10 + [0], frequency=[1] * 10 + [10])
    >>> goodness_of_fit(fit, samples=99).p_value > 0.1
    True
    """
    data = fit.data
    if data.entry is not None or data.leave is not None:
        raise InputError("goodness_of_fit: not available for truncated data")
    found = bootstrap.refit(fit, samples, seed)
    distribution = fit.distribution
    own = bootstrap.predictors(fit.likelihood, fit.maximum.theta[0], found.row)
    lower, upper = data.lower[found.row] / data.unit, data.upper[found.row] / data.unit
    observed = _distance(*_probabilities(distribution, lower[None], upper[None], own))
    each = bootstrap.predictors(fit.likelihood, found.maximum.theta, found.row)
    simulated = _distance(*_probabilities(distribution, found.lower, found.upper, each))
    p_value = (1 + np.sum(simulated >= observed[0])) / (1 + simulated.size)
    return GoodnessOfFit(float(observed[0]), float(p_value), int(simulated.size))


def _probabilities(
    distribution: Distribution, lower: Array, upper: Array, u: list[Array]
) -> tuple[Array, Array]:
    with np.errstate(divide="ignore"):
        low = np.exp(distribution.log_cdf(lower, *u))
        high = np.where(np.isposinf(upper), np.inf, np.exp(distribution.log_cdf(upper, *u)))
    return low, high


def _distance(low: Array, high: Array) -> Array:
    """Anderson-Darling statistic of each sample of probabilities, shape (samples,)."""
    exact = low == high
    if np.all(exact | np.isposinf(high)):
        return _right_censored_distance(low, exact)
    return np.array([_interval_distance(a, b) for a, b in zip(low, high, strict=True)])


def _piece(x: Array, g: Array) -> Array:
    """Primitive of ``(g - x)^2 / (x (1 - x))`` in x."""
    x = np.clip(x, _SMALLEST, 1 - _SMALLEST)
    return g**2 * np.log(x) - (1 - g) ** 2 * np.log1p(-x) - x


def _right_censored_distance(x: Array, failed: NDArray[np.bool_]) -> Array:
    n = x.shape[1]
    order = np.lexsort((~failed, x), axis=1)
    x, failed = np.take_along_axis(x, order, 1), np.take_along_axis(failed, order, 1)
    survival = np.cumprod(1 - failed / np.arange(n, 0, -1), axis=1)
    estimate = np.concatenate([np.zeros((len(x), 1)), 1 - survival], axis=1)
    # After the last time the estimate is known only if it has reached 1.
    end = np.where(failed[:, -1:], 1.0, x[:, -1:])
    edges = np.concatenate([np.zeros((len(x), 1)), x, end], axis=1)
    return n * np.sum(_piece(edges[:, 1:], estimate) - _piece(edges[:, :-1], estimate), axis=1)


def _interval_distance(low: Array, high: Array) -> float:
    found = turnbull(low, high, tolerance=1e-4)
    finite = np.isfinite(found.high)
    x, g = found.high[finite], found.failure_probability[finite]
    # Between ends of innermost intervals the estimate is constant.
    edges = np.concatenate([[0.0], x, [max(np.max(low), x[-1] if x.size else 0.0)]])
    level = np.concatenate([[0.0], g])
    middle = (edges[1:] + edges[:-1]) / 2
    steps = np.concatenate([(level[1:] + level[:-1]) / 2, level[-1:]])
    weight = np.clip(middle * (1 - middle), _SMALLEST, None)
    at_ends = (level[1:] - x) ** 2 / np.clip(x * (1 - x), _SMALLEST, None)
    inside = (steps - middle) ** 2 / weight
    return float(low.size * (np.sum(at_ends * np.diff(edges)[:-1]) + inside @ np.diff(edges)) / 2)
