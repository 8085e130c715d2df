"""The bound for the next lot: lots as a random effect, with few lots and few failures.

Failures of lot i are Poisson with mean exposure_i H_i; ln H_i is normal about ln H with standard
deviation s. Priors: flat in H, which alone gives the chi-square bound of JESD85, and half-normal in
s with a stated scale, because a few lots say next to nothing of s. The bound of the next lot is the
quantile of its posterior predictive hazard.
"""

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtr

from reliability.errors import InputError, fraction

Floats = NDArray[np.float64]
SCALE = 0.5  # of the prior of the standard deviation of ln hazard between lots: a factor of 1.6
_NODES = np.polynomial.hermite.hermgauss(15)
_SPREADS = np.linspace(0.0, 4.0, 25)  # in scales


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
