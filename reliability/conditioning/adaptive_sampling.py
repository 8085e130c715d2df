"""Adaptive importance sampling of a posterior whose prior is standard normal.

Draws come from a sequence of normal proposals, each the normal form of what the draws so far say of
the posterior, tempered by a power of the likelihood that grows to 1 as fast as the effective sample
size allows. Every draw counts with its weight under the mixture of all proposals (adaptive multiple
importance sampling [1]_), so that none is lost. The last proposal is the normal form itself: how
many of its draws are effective says how well a normal form describes the posterior.

Few observations inform few directions of many parameters. Proposals adapt in those directions only
(a likelihood-informed subspace [2]_) and draw the others from the prior, so that the sampling takes
no more draws for parameters that the data say nothing of. A dimension in which the weighted draws
leave the prior besides, by more than chance, is taken in.

.. [1] J.-M. Cornuet et al., Scand. J. Stat. 39, 798 (2012), doi:10.1111/j.1467-9469.2011.00756.x.
.. [2] T. Cui et al., Inverse Problems 30, 114015 (2014), doi:10.1088/0266-5611/30/11/114015.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from reliability.errors import RunError

Array = NDArray[np.float64]
_MOST = 40  # proposals
_KEPT = 300  # equally probable draws of the posterior
_GROUPS = 4  # of draws, whose means are compared
_CHANCE = 3.5  # standard errors by which draws leave the prior by chance, in one of many dimensions


@dataclass(frozen=True)
class Posterior:
    """Normal form of a posterior, how far it can be trusted, and draws.

    Attributes
    ----------
    mean : ndarray, shape (dimensions,)
    covariance : ndarray, shape (dimensions, dimensions)
    draws : int
        Evaluations of the likelihood.
    effective : float
        Effective sample size of all weighted draws.
    normal_form : float
        Effective fraction of draws of the normal form itself; 1 where the posterior is normal.
    r_hat : float
        Largest ratio, over dimensions, of the spread between groups of draws to that within; 1
        where all groups agree.
    sample : ndarray, shape (300, dimensions)
        Equally probable draws of the posterior itself.
    """

    mean: Array
    covariance: Array
    draws: int
    effective: float
    normal_form: float
    r_hat: float
    sample: Array


def sample_posterior(
    log_likelihood: Callable[[Array], Array],
    dimensions: int,
    generator: np.random.Generator,
    *,
    first: Array | None = None,
    directions: Array | None = None,
    size: int = 500,
    effective: float = 500.0,
) -> Posterior:
    """Sample a posterior with a standard normal prior and return its normal form.

    Parameters
    ----------
    log_likelihood : callable
        Of points, shape (n, dimensions); shape (n,).
    dimensions : int
    generator : numpy.random.Generator
    first : ndarray, shape (n, dimensions), optional
        Draws of the prior, where they are there already.
    directions : ndarray, shape (dimensions, informed), optional
        Orthonormal directions that the data inform; by default all.
    size : int
        Draws of each proposal.
    effective : float
        Effective sample size to reach.

    Raises
    ------
    RunError
        The likelihood stays out of reach.

    Examples
    --------
    One observation y = x + noise of unit variance: the posterior is N(y/2, 1/2).

    >>> found = sample_posterior(lambda x: -(3 - x[:, 0])**2 / 2, 1, np.random.default_rng(1))
    >>> [round(float(found.mean[0]), 1), round(float(found.covariance[0, 0]), 1)]
    [1.5, 0.5]
    """
    q = np.eye(dimensions) if directions is None else directions
    d = q.shape[1]
    wider = 1 + 1 / math.sqrt(d)  # than what a proposal is made from, so that tails are drawn
    proposals: list[tuple[Array, Array]] = [(np.zeros(d), np.eye(d))]
    points = generator.standard_normal((size, dimensions)) if first is None else first
    counts = [len(points)]
    likelihood = log_likelihood(points)
    least = max(6.0 * d, 60.0)

    def propose(mean: Array, covariance: Array) -> None:
        """Add draws of a proposal, with what the likelihood says of them."""
        nonlocal points, likelihood
        x = generator.standard_normal((size, dimensions))
        root = np.linalg.cholesky(covariance)
        inside = mean + generator.standard_normal((size, len(mean))) @ root.T
        x += (inside - x @ q) @ q.T
        points = np.concatenate([points, x])
        likelihood = np.concatenate([likelihood, log_likelihood(x)])
        proposals.append((mean, covariance))
        counts.append(size)

    while True:
        weights, power, reached = _weights(points @ q, likelihood, proposals, counts, least)
        if power == 1.0 and reached >= effective:
            missed = _missed(points, weights, q, reached)
            if not missed.size:
                break
            q, proposals = np.hstack([q, missed]), [_extended(p, missed) for p in proposals]
        elif len(proposals) == _MOST:
            break
        else:
            mean, covariance = _moments(points @ q, weights, reached)
            propose(mean, wider * covariance)
    if power < 1.0:
        raise RunError(
            f"conditioning: {sum(counts)} draws do not reach the posterior; a larger transfer of "
            "the most precise observations would widen it"
        )
    # the normal form itself, and what its draws say of it
    mean, covariance = _moments(points @ q, weights, reached)
    propose(mean, covariance)
    drawn = points[-size:] @ q
    log_weight = likelihood[-size:] + _log_normal(drawn, np.zeros_like(mean), np.eye(len(mean)))
    log_weight -= _log_normal(drawn, mean, covariance)
    form = _effective(np.exp(log_weight - logsumexp(log_weight))) / size
    weights, _, reached = _weights(points @ q, likelihood, proposals, counts, 0.0)
    mean, covariance = _moments(points @ q, weights, reached)
    return Posterior(
        q @ mean, np.eye(dimensions) + q @ (covariance - np.eye(len(mean))) @ q.T, sum(counts),
        reached, form, _r_hat(points @ q, weights), _equally_probable(points, weights),
    )  # fmt: skip


def _equally_probable(points: Array, weights: Array) -> Array:
    """Draw points by their weights, at even steps of the cumulated weight."""
    steps = (np.arange(_KEPT) + 0.5) / _KEPT
    return points[np.minimum(np.searchsorted(np.cumsum(weights), steps), len(points) - 1)]


def _missed(points: Array, weights: Array, q: Array, effective: float) -> Array:
    """Directions beside ``q`` of the dimensions in which weighted draws leave the prior.

    Orthonormal, shape (dimensions, directions); none where means and variances are within chance.
    """
    axes = np.eye(len(q)) - q @ q.T
    scale = np.sqrt(np.maximum(np.diag(axes), 0.0))
    beside = scale > 1e-3  # of the dimension's own unit: others lie within ``q``
    rest = points @ (axes[:, beside] / scale[beside])
    mean = np.abs(weights @ rest)
    second = np.abs(weights @ rest**2 - 1) / math.sqrt(2)
    moved = np.maximum(mean, second) > _CHANCE / math.sqrt(effective)
    u, s, _ = np.linalg.svd(axes[:, beside][:, moved], full_matrices=False)
    return np.asarray(u[:, s > 1e-6])


def _extended(proposal: tuple[Array, Array], directions: Array) -> tuple[Array, Array]:
    """Return a proposal with further directions, which it draws from the prior."""
    mean, covariance = proposal
    d, wide = len(mean), len(mean) + directions.shape[1]
    full = np.eye(wide)
    full[:d, :d] = covariance
    return np.concatenate([mean, np.zeros(wide - d)]), full


def _weights(
    points: Array,
    likelihood: Array,
    proposals: list[tuple[Array, Array]],
    counts: list[int],
    least: float,
) -> tuple[Array, float, float]:
    """Weights of all draws with the largest power of the likelihood that leaves ``least`` of them.

    Returns the weights, the power and the effective sample size.
    """
    d = points.shape[1]
    fraction = np.log(np.array(counts) / sum(counts))
    mixture = logsumexp(
        [f + _log_normal(points, *p) for f, p in zip(fraction, proposals, strict=True)], axis=0
    )
    base = _log_normal(points, np.zeros(d), np.eye(d)) - mixture

    def at(power: float) -> Array:
        log_weight = base + power * likelihood
        return np.exp(log_weight - logsumexp(log_weight))

    low, high = 0.0, 1.0
    if _effective(at(1.0)) >= least:
        low = 1.0
    else:
        for _ in range(30):
            middle = (low + high) / 2
            low, high = (middle, high) if _effective(at(middle)) >= least else (low, middle)
    weights = at(low)
    return weights, low, _effective(weights)


def _effective(weights: Array) -> float:
    return float(1 / np.sum(weights**2))


def _moments(points: Array, weights: Array, effective: float) -> tuple[Array, Array]:
    """Weighted mean and unbiased covariance."""
    mean = weights @ points
    centred = points - mean
    covariance = (weights[:, None] * centred).T @ centred * effective / (effective - 1)
    return mean, covariance + 1e-12 * np.eye(len(mean))


def _log_normal(points: Array, mean: Array, covariance: Array) -> Array:
    root = np.linalg.cholesky(covariance)
    z = np.linalg.solve(root, (points - mean).T)
    log_det = np.log(np.diag(root)).sum()
    return np.asarray(-0.5 * (z**2).sum(axis=0) - log_det - 0.5 * len(mean) * math.log(2 * math.pi))


def _r_hat(points: Array, weights: Array) -> float:
    """Compare weighted means of interleaved groups of draws, as Gelman and Rubin do of chains."""
    groups = [slice(k, None, _GROUPS) for k in range(_GROUPS)]
    means = np.array([weights[g] @ points[g] / weights[g].sum() for g in groups])
    within = weights @ (points - weights @ points) ** 2
    return float(np.sqrt(1 + (means.var(axis=0, ddof=1) / within).max()))
