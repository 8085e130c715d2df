"""A random effect of lots (wafers, dies) in ln life: units of one share a normal deviate.

Given its deviate b, a unit of a lot has the log life of the distribution shifted by ``tau b``; the
likelihood of a lot is the integral over b, by adaptive quadrature about its mode [1]_: a rule of
equal steps in arsinh of the distance, which also holds for a lot without a failure, where the
integrand is far from normal and Gauss-Hermite nodes are not enough. Lots that do not differ
visibly would give ``tau = 0``, from which few lots say too little: a penalty ``log(tau)`` keeps the
estimate from the boundary [2]_; it is worth less than one lot.

References
----------
.. [1] J. C. Pinheiro, D. M. Bates, J. Comput. Graph. Stat. 4, 12 (1995),
   doi:10.1080/10618600.1995.10474663.
.. [2] Y. Chung et al., Psychometrika 78, 685 (2013), doi:10.1007/s11336-013-9328-2.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reliability.lifetime.distributions import Distribution, Parameter
from reliability.lifetime.likelihood import Evaluation, Likelihood
from reliability.lifetime.maximise import Maximum, is_proper, maximise
from reliability.lifetime.starting_values import NoMaximum, best_fit

Array = NDArray[np.float64]

_NODES = np.linspace(-1.0, 1.0, 41)
_REACH = 8.5  # beyond it from the mode the integrand is below exp(-36) of its peak: log-concave
_MEAN_NODES, _MEAN_WEIGHTS = np.polynomial.hermite_e.hermegauss(31)  # of the mean over lots
_LOG_MEAN = np.log(_MEAN_WEIGHTS / _MEAN_WEIGHTS.sum())
_ITERATIONS = 100


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
    """

    apart: Likelihood = field(repr=False, kw_only=True)
    nodes: Likelihood = field(repr=False, kw_only=True)

    def penalty(self, theta: Array) -> Array:
        """``log(tau)``."""
        return theta[:, -1]

    def value(self, theta: Array) -> Array:
        """Log-likelihood with the penalty, shape (1,)."""
        return self.evaluate(theta).value

    @np.errstate(all="ignore")
    def evaluate(self, theta: Array) -> Evaluation:
        """Log-likelihood with the penalty, its gradient and Hessian, at ``theta``, (1, p)."""
        own, tau = theta[0, :-1], float(np.exp(theta[0, -1]))
        lots, p = self.apart.fits, own.size
        mode, width = self._modes(own, tau)
        reach = np.arcsinh(_REACH / width)
        x = reach * _NODES[:, None]
        b = (mode + width * np.sinh(x)).ravel()
        at = np.tile(own, (b.size, 1))
        at[:, 0] += tau * b
        found = self.nodes.evaluate(at)
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
        gradient[-1] += 1.0  # of the penalty log(tau)
        value = np.sum(total) - lots * np.log(2 * np.pi) / 2 + theta[0, -1]
        value = value if np.isfinite(value) else -np.inf
        return Evaluation(np.array([value]), gradient[None], hessian[None])

    def _modes(self, own: Array, tau: float) -> tuple[Array, Array]:
        """Deviate of each lot with the largest integrand, and the width of the integrand."""
        b = np.zeros(self.apart.fits)
        for _ in range(50):
            at = np.tile(own, (b.size, 1))
            at[:, 0] += tau * b
            found = self.apart.evaluate(at)
            curvature = 1 - tau**2 * np.minimum(found.hessian[:, 0, 0], 0.0)
            step = np.clip((tau * found.gradient[:, 0] - b) / curvature, -1.0, 1.0)
            b = b + np.nan_to_num(step)
            if np.all(np.abs(step) < 1e-9):
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
    apart = _repeated(one, lots, count, 1)
    random = RandomLots(
        likelihood.distribution, likelihood.terms, 1, likelihood.designs, likelihood.offsets,
        apart=apart, nodes=_repeated(one, lots, count, _NODES.size),
    )  # fmt: skip
    alone = best_fit(one).theta[0]
    starts = [np.append(alone, np.log(tau)) for tau in (0.3, 1.0)]
    tried = [maximise(random, start[None]) for start in starts]
    usable = [each for each in tried if each.converged[0] and is_proper(each)[0]]
    if not usable:
        raise NoMaximum(
            f"{base.name}: no maximum with a random effect of {count} lots; use lot_effect='robust'"
        )
    return random, max(usable, key=lambda each: float(each.value[0]))


def _repeated(one: Likelihood, lots: NDArray[np.intp], count: int, times: int) -> Likelihood:
    """The data of each lot as one fit, ``times`` times over."""
    terms = []
    for term in one.terms:
        order = np.argsort(lots[term.row], kind="stable")
        own = term.pick(order)  # type: ignore[arg-type]
        fit = np.repeat(np.arange(times), order.size) * count + np.tile(lots[own.row], times)
        terms.append(
            own._replace(
                low=np.tile(own.low, times), high=np.tile(own.high, times),
                weight=np.tile(own.weight, times), row=np.tile(own.row, times), fit=fit,
            )
        )  # fmt: skip
    return replace(one, terms=terms, fits=count * times)
