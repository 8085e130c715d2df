"""The bound for the next lot: lots as a random effect.

Of a fit it is the quantile of the posterior predictive fraction, as the fit's own lots give it
(`reliability.lifetime.lot_posterior`). Where nothing was fitted, the failures of lot i are Poisson
with mean exposure_i H_i; ln H_i is normal about ln H with standard deviation s. Priors: flat in H,
which alone gives the chi-square bound of JESD85, and half-normal in s with a stated scale, because
lots without failures say nothing of s. The bound of the next lot is the quantile of its posterior
predictive hazard.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, gammaln, ndtr

from reliability.errors import InputError, fraction
from reliability.lifetime.censored_fit import LifetimeFit, Stress
from reliability.random import stream

Floats = NDArray[np.float64]
SCALE = 0.5  # of the prior of the standard deviation of ln hazard between lots: a factor of 1.6
_DRAWS = 4000
_NODES = np.polynomial.hermite.hermgauss(15)
_SPREADS = np.linspace(0.0, 4.0, 25)  # in scales


def next_lot_odds(fit: LifetimeFit, t: float, stress: Stress | None) -> Floats:
    """Log-odds of failure by a time in one more lot, for as many equally likely lots."""
    rng = stream(0, "statistics.bootstrap")
    theta, weight = fit.lot_posterior
    theta = theta[rng.choice(len(theta), _DRAWS, p=weight)]
    first, *others, log_tau = fit.regression.at(stress)(theta)
    base = fit.distribution.parts[0]
    location = first + np.exp(log_tau) * rng.standard_normal(_DRAWS)
    scaled = np.float64(t / fit.data.unit)
    with np.errstate(divide="ignore", over="ignore"):
        odds = base.log_cdf(scaled, location, *others) - base.log_sf(scaled, location, *others)
    return np.asarray(odds)


def next_lot_fraction(
    fit: LifetimeFit, t: float, stress: Stress | None = None, confidence: float = 0.9
) -> float:
    """Return the upper bound of the fraction of the next lot that fails by a time.

    Parameters
    ----------
    fit : LifetimeFit
        With a random effect of lots.
    t : float
        In the unit of the data.
    stress : mapping of str to float, optional
    confidence : float
        One-sided.

    Examples
    --------
    >>> from reliability.lifetime import fit_lifetime
    >>> life, lot = [[30, 40, 50, 70], [45, 60, 75, 100], [20, 25, 35, 45]], ["A", "B", "C"]
    >>> fit = fit_lifetime(np.ravel(life), lots=np.repeat(lot, 4), lot_effect="random")
    >>> float(fit.failure_probability(20.0, confidence=0.8).high) < next_lot_fraction(fit, 20.0)
    True
    """
    odds = next_lot_odds(fit, t, stress)
    return float(expit(np.quantile(odds, fraction(confidence, "confidence"))))


def next_lot_bound(
    failures: ArrayLike, exposure: ArrayLike, confidence: float = 0.9, *, scale: float = SCALE
) -> float:
    """Return the upper bound of the cumulative hazard of the next lot by the claimed time.

    Parameters
    ----------
    failures : array_like, shape (lots,)
    exposure : array_like, shape (lots,)
        Units times the ratio of their equivalent time to the claimed one, to the power of the
        Weibull shape: the number of units, where each was tested for the claim.
    confidence : float
        One-sided.
    scale : float
        Of the half-normal prior of the standard deviation between lots; 0 says that lots are alike.

    Raises
    ------
    InputError
        No lots, numbers that do not match, or a lot without exposure.

    Examples
    --------
    Three lots of 77, no failure: 1 % if lots are alike, more for the next one if they may differ.

    >>> round(next_lot_bound([0, 0, 0], [77, 77, 77], scale=0.0), 5)
    0.00997
    >>> round(next_lot_bound([0, 0, 0], [77, 77, 77]), 3)
    0.012
    """
    k, e = np.atleast_1d(np.asarray(failures, float)), np.atleast_1d(np.asarray(exposure, float))
    fraction(confidence, "confidence")
    if k.shape != e.shape or not k.size:
        raise InputError(f"failures: got {k.size} lots, and {e.size} with an exposure")
    if not ((e > 0).all() and (k >= 0).all()):
        raise InputError("exposure: got a lot without any, or failures below 0")
    middle = np.log((k.sum() + 1) / e.sum())
    mu = np.linspace(middle - 12, middle + 6, 241)
    spreads = scale * _SPREADS if scale > 0 else np.zeros(1)
    prior = np.exp(-((_SPREADS if scale > 0 else np.zeros(1)) ** 2) / 2)
    x, w = _NODES
    log_hazard = mu[:, None, None] + spreads[None, :, None] * np.sqrt(2) * x
    posterior = np.exp(mu)[:, None] * prior  # flat in H
    for failed, exposed in zip(k, e, strict=True):
        each = failed * (log_hazard + np.log(exposed)) - exposed * np.exp(log_hazard)
        posterior = posterior * (np.exp(each - gammaln(failed + 1)) @ w)
        posterior /= posterior.max()
    posterior /= posterior.sum()

    def beyond(log_bound: float) -> float:
        gap = log_bound - mu[:, None]
        with np.errstate(divide="ignore"):
            below = np.where(
                spreads > 0,
                ndtr(gap / np.maximum(spreads, 1e-300)),
                np.clip(gap / (mu[1] - mu[0]) + 0.5, 0, 1),
            )
        return float((posterior * below).sum() - confidence)

    return float(np.exp(scipy.optimize.brentq(beyond, mu[0], mu[-1] + 8 * max(scale, 0.1))))
