"""Robust (sandwich) covariance of a fit whose units come in clusters such as lots."""

import numpy as np
from numpy.typing import NDArray

from reliability.lifetime.likelihood import Likelihood
from reliability.lifetime.maximise import Maximum

Array = NDArray[np.float64]


def robust_covariance(likelihood: Likelihood, maximum: Maximum, cluster: NDArray[np.intp]) -> Array:
    """Covariance of the coefficients that holds when units of one cluster resemble each other.

    Parameters
    ----------
    likelihood, maximum
        Of one fit.
    cluster : ndarray of int, shape (rows,)
        Cluster of each row, counted from 0; at least 2.

    Returns
    -------
    ndarray, shape (p, p)

    Notes
    -----
    ``C (m/(m - 1) sum of s s') C`` with the inverse information C and the scores s of m clusters
    [1]_.

    References
    ----------
    .. [1] K.-Y. Liang, S. L. Zeger, Biometrika 73, 13 (1986), doi:10.1093/biomet/73.1.13.
    """
    count = int(cluster.max()) + 1
    terms = []
    for term in likelihood.terms:
        own = cluster[term.row]
        order = np.argsort(own, kind="stable")
        terms.append(
            term._replace(
                low=term.low[order],
                high=term.high[order],
                weight=term.weight[order],
                row=term.row[order],
                fit=own[order],
            )
        )
    apart = Likelihood(
        likelihood.distribution, terms, count, likelihood.designs, likelihood.offsets
    )
    scores = apart.evaluate(np.tile(maximum.theta, (count, 1))).gradient
    inverse = maximum.covariance[0]
    return np.asarray(inverse @ (count / (count - 1) * scores.T @ scores) @ inverse)
