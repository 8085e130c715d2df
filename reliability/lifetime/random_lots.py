"""A random effect of lots (wafers, dies) in ln life: units of one share a normal deviate.

Given its deviate b, a unit of a lot has the log life of the distribution shifted by ``tau b``; the
likelihood of a lot is the integral over b, by adaptive quadrature about its mode [1]_: a rule of
equal steps in arsinh of the distance, which also holds for a lot without a failure, where the
integrand is far from normal and Gauss-Hermite nodes are not enough. Lots that do not differ
visibly would give ``tau = 0``, and failures in one lot alone no upper end of it: the estimate is
the mode in ``log tau`` with a half-Cauchy prior [2]_ [3]_, which is worth less than one lot.

References
----------
.. [1] J. C. Pinheiro, D. M. Bates, J. Comput. Graph. Stat. 4, 12 (1995),
   doi:10.1080/10618600.1995.10474663.
.. [2] Y. Chung et al., Psychometrika 78, 685 (2013), doi:10.1007/s11336-013-9328-2.
.. [3] A. Gelman, Bayesian Analysis 1, 515 (2006), doi:10.1214/06-BA117A.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reliability.lifetime.distributions import Distribution, Parameter
from reliability.lifetime.likelihood import Evaluation, Likelihood, Terms
from reliability.lifetime.maximise import Maximum, is_proper, maximise
from reliability.lifetime.starting_values import NoMaximum, best_fit

Array = NDArray[np.float64]

_NODES, _FEWER = np.linspace(-1.0, 1.0, 41), np.linspace(-1.0, 1.0, 25)
_REACH = 8.5  # beyond it from the mode the integrand is below exp(-36) of its peak: log-concave
_MEAN_NODES, _MEAN_WEIGHTS = np.polynomial.hermite_e.hermegauss(31)  # of the mean over lots
_LOG_MEAN = np.log(_MEAN_WEIGHTS / _MEAN_WEIGHTS.sum())
_ITERATIONS = 100
PRIOR_SCALE = 1.0  # median of the spread between lots in ln life: half of lots off by a factor of 2


def over_lots(base: Distribution) -> Distribution:
    """Life of a unit of any lot: a distribution with a normal deviate of lots in its location.

    Its last parameter is ``lot_deviation``, the standard deviation of ln life between lots (of life
    itself for distributions on the whole line).

    Examples
    --------
    >>> from reliability.lifetime.distributions import find_distribution
    >>> both = over_lots(find_distribution("lognormal"))  # deviations add in squares
    >>> float(np.exp(both.log_cdf(np.e, 0.0, np.log(0.6), np.log(0.8))).round(6))
    0.841345
    """

    def mean(part: str) -> Any:
        function = getattr(base, part)

        def over(t: Array, *u: Any) -> Array:
            first, *others, log_tau = (np.asarray(x, float)[..., None] for x in u)
            location = first + np.exp(log_tau) * _MEAN_NODES
            inside = function(np.asarray(t, float)[..., None], location, *others)
            return special.logsumexp(inside + _LOG_MEAN, axis=-1)

        return over

    log_pdf, log_sf, log_cdf = (mean(part) for part in ("log_pdf", "log_sf", "log_cdf"))

    def quantile(p: Array, *u: Any) -> Array:
        first, *others, log_tau = (np.asarray(x, float) for x in u)
        forward, back = (np.log, np.exp) if base.positive else (np.positive, np.positive)
        reach = np.exp(log_tau) * _MEAN_NODES[-1]
        low, high = (
            forward(base.quantile(p, first + side * reach, *others)) + 0 * first for side in (-1, 1)
        )
        goal, y = special.logit(p), (low + high) / 2
        for _ in range(_ITERATIONS):  # Newton on the log-odds, within the bracket
            t = back(y)
            log_f, log_s = log_cdf(t, *u), log_sf(t, *u)
            miss = log_f - log_s - goal
            low, high = np.where(miss < 0, y, low), np.where(miss < 0, high, y)
            slope = np.exp(log_pdf(t, *u) + (y if base.positive else 0.0) - log_f - log_s)
            then = y - miss / slope
            then = np.where((then > low) & (then < high), then, (low + high) / 2)
            done, y = np.all(np.abs(then - y) < 1e-13 * (1 + np.abs(y))), then
            if done:
                break
        return np.asarray(back(y))

    return Distribution(
        f"{base.name} over lots",
        (*base.parameters, Parameter("lot_deviation", "log", "1" if base.positive else "log time")),
        log_pdf, log_sf, log_cdf, quantile,
        lambda *u: np.hypot(base.spread(*u[:-1]), np.exp(u[-1])),
        positive=base.positive, fixed_scale=base.fixed_scale, parts=(base,),
    )  # fmt: skip


@dataclass(frozen=True)
class RandomLots(Likelihood):
    """The likelihood of one data set with a random effect of lots; the last coefficient is log tau.

    Attributes
    ----------
    apart : Likelihood
        One fit per lot, without the effect.
    nodes : Likelihood
        The same for each node of the quadrature: fit ``node * lots + lot``.
    scale : float
        Of the half-Cauchy prior of tau.
    """

    apart: Likelihood = field(repr=False, kw_only=True)
    nodes: Likelihood = field(repr=False, kw_only=True)
    scale: float = field(repr=False, kw_only=True)

    def penalty(self, theta: Array) -> Array:
        """Log density of the prior in ``log tau``, without a constant."""
        return np.asarray(theta[:, -1] - np.log1p((np.exp(theta[:, -1]) / self.scale) ** 2))

    def value(self, theta: Array) -> Array:
        """Log-likelihood with the penalty, shape (1,)."""
        return self.evaluate(theta).value

    @np.errstate(all="ignore")
    def evaluate(self, theta: Array) -> Evaluation:
        """Log-likelihood with the penalty, its gradient and Hessian, at ``theta``, (1, p)."""
        own, tau = theta[0, :-1], float(np.exp(theta[0, -1]))
        lots, p = self.apart.fits, own.size
        mode, width = _modes(self.apart, np.tile(own, (lots, 1)), np.full(lots, tau))
        reach = np.arcsinh(_REACH / width)
        x = reach * _NODES[:, None]
        b = (mode + width * np.sinh(x)).ravel()
        found = self.nodes.evaluate(_shifted(np.tile(own, (b.size, 1)), tau * b))
        log_weight = np.log(width * np.cosh(x) * reach * (_NODES[1] - _NODES[0]))
        each = (found.value - b**2 / 2).reshape(-1, lots) + log_weight
        total = special.logsumexp(each, axis=0)
        posterior = np.exp(each - total).ravel()
        # Derivatives in (theta, log tau) of each node, then of the integral.
        first = np.column_stack([found.gradient, tau * b * found.gradient[:, 0]])
        second = np.zeros((b.size, p + 1, p + 1))
        second[:, :p, :p] = found.hessian
        second[:, p, :p] = second[:, :p, p] = tau * b[:, None] * found.hessian[:, 0]
        second[:, p, p] = (tau * b) ** 2 * found.hessian[:, 0, 0] + first[:, p]
        mean = np.stack([(posterior * g).reshape(-1, lots).sum(axis=0) for g in first.T], axis=1)
        gradient = mean.sum(axis=0)
        hessian = np.einsum("b,bij->ij", posterior, second)
        hessian += (first.T * posterior) @ first - mean.T @ mean
        ratio = (tau / self.scale) ** 2
        gradient[-1] += 1 - 2 * ratio / (1 + ratio)
        hessian[-1, -1] -= 4 * ratio / (1 + ratio) ** 2
        value = np.sum(total) - lots * np.log(2 * np.pi) / 2 + float(self.penalty(theta)[0])
        value = value if np.isfinite(value) else -np.inf
        return Evaluation(np.array([value]), gradient[None], hessian[None])

    @np.errstate(all="ignore")
    def values(self, theta: Array) -> Array:
        """Log-likelihood without the penalty at many ``theta``, shape (draws, p): (draws,)."""
        lots = self.apart.fits
        own, tau = np.repeat(theta[:, :-1], lots, axis=0), np.repeat(np.exp(theta[:, -1]), lots)
        apart = _times(self.apart, len(theta))
        mode, width = _modes(apart, own, tau)
        reach = np.arcsinh(_REACH / width)
        total = np.full(tau.size, -np.inf)
        for x in _FEWER:
            b = mode + width * np.sinh(reach * x)
            weight = np.log(width * np.cosh(reach * x) * reach)
            total = np.logaddexp(total, apart.value(_shifted(own, tau * b)) - b**2 / 2 + weight)
        total += np.log((_FEWER[1] - _FEWER[0]) / np.sqrt(2 * np.pi))
        return np.where(np.isfinite(total), total, -np.inf).reshape(-1, lots).sum(axis=1)


def _shifted(own: Array, by: Array) -> Array:
    """Coefficients of each fit with the location moved."""
    at = own.copy()
    at[:, 0] += by
    return at


def _modes(apart: Likelihood, own: Array, tau: Array) -> tuple[Array, Array]:
    """Deviate of each lot with the largest integrand, and the width of the integrand."""
    b, low, high = np.zeros(apart.fits), np.full(apart.fits, -50.0), np.full(apart.fits, 50.0)
    for _ in range(80):  # Newton near the mode of the log-concave integrand, else bisection
        found = apart.evaluate(_shifted(own, tau * b))
        slope = tau * found.gradient[:, 0] - b
        below = ~(slope < 0)  # far below the mode it is not finite
        low, high = np.where(below, b, low), np.where(below, high, b)
        curvature = 1 - tau**2 * np.minimum(found.hessian[:, 0, 0], 0.0)
        then, error = b + slope / curvature, np.abs(slope) / np.sqrt(curvature)
        near = (then > low) & (then < high) & (error < 3.0)
        done, b = np.all(error < 1e-9), np.where(near, then, (low + high) / 2)
        if done:
            break
    return b, 1 / np.sqrt(curvature)


def fit_random_lots(
    likelihood: Likelihood, base: Distribution, lots: NDArray[np.intp]
) -> tuple[RandomLots, Maximum]:
    """Maximise the likelihood with a random effect of lots.

    Parameters
    ----------
    likelihood : Likelihood
        Of `over_lots` of the base distribution, one fit.
    base : Distribution
    lots : ndarray of int, shape (rows,)
        Lot of each row, counted from 0.

    Raises
    ------
    NoMaximum
        The data do not hold the parameters.
    """
    count = int(lots.max()) + 1
    one = replace(
        likelihood, distribution=base, designs=likelihood.designs[:-1],
        offsets=likelihood.offsets[:-1],
    )  # fmt: skip
    apart, alone = _of_lots(one, lots, count), best_fit(one).theta[0]
    random = RandomLots(
        likelihood.distribution, likelihood.terms, 1, likelihood.designs, likelihood.offsets,
        apart=apart, nodes=_times(apart, _NODES.size),
        # lives on the whole line have no ratio: relative to their spread
        scale=PRIOR_SCALE * (1.0 if base.positive else float(np.exp(alone[1]))),
    )  # fmt: skip
    starts = [np.append(alone, np.log(tau)) for tau in (0.3, 1.0)]
    tried = [maximise(random, start[None]) for start in starts]
    # errors of the quadrature stop a search just before its end: once more from there
    tried = [each if each.converged[0] else maximise(random, each.theta) for each in tried]
    usable = [each for each in tried if each.converged[0] and is_proper(each)[0]]
    if not usable:
        raise NoMaximum(
            f"{base.name}: no maximum with a random effect of {count} lots; use lot_effect='robust'"
        )
    return random, max(usable, key=lambda each: float(each.value[0]))


def _of_lots(one: Likelihood, lots: NDArray[np.intp], count: int) -> Likelihood:
    """The data of each lot as one fit; rows that are alike are one."""
    columns = [np.broadcast_to(np.asarray(o, float), (lots.size,)) for o in one.offsets]
    columns += [column for design in one.designs if design is not None for column in design.T]
    alike = np.unique(np.column_stack(columns), axis=0, return_inverse=True)[1].ravel()
    terms = []
    for term in one.terms:
        same = np.column_stack([lots[term.row], alike[term.row], term.low, term.high])
        _, first, place = np.unique(same, axis=0, return_index=True, return_inverse=True)
        own = term.pick(first)  # type: ignore[arg-type]
        weight = np.asarray(np.bincount(place.ravel(), term.weight), float)
        terms.append(own._replace(weight=weight, fit=lots[own.row]))
    return replace(one, terms=terms, fits=count)


def _times(apart: Likelihood, times: int) -> Likelihood:
    """The same fits many times over: fit ``time * fits + fit``."""
    terms = [
        Terms(
            term.kind, np.tile(term.low, times), np.tile(term.high, times),
            np.tile(term.weight, times),
            np.repeat(np.arange(times), term.fit.size) * apart.fits + np.tile(term.fit, times),
            np.tile(term.row, times),
        )
        for term in apart.terms
    ]  # fmt: skip
    return replace(apart, terms=terms, fits=apart.fits * times)
