"""Importance sampling: error rates of model populations that plain sampling cannot reach."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from reliability.errors import InputError
from reliability.random import stream

Array = NDArray[np.float64]


class ImportanceEstimate(NamedTuple):
    """Probability with its interval, the effective number of samples and a warning."""

    value: float
    low: float
    high: float
    effective_samples: float
    warning: str


def importance_sampling(
    margin: Callable[[Array], Array],
    dimensions: int,
    *,
    samples: int = 100_000,
    confidence: float = 0.9,
    seed: int = 0,
) -> ImportanceEstimate:
    """Probability that a margin of independent standard normal latents is negative.

    Parameters
    ----------
    margin : callable
        Function of an array, shape (m, dimensions), to margins, shape (m,); below 0 is an error.
    dimensions : int
        Number of latents.
    samples : int
        Of the final estimate.
    confidence : float
    seed : int

    Returns
    -------
    ImportanceEstimate

    Raises
    ------
    InputError
        No error is found, or a margin that is not finite.

    Notes
    -----
    The density is shifted to the mean of the worst tenth of the samples, level by level, until a
    tenth are errors (cross-entropy method [1]_); the last level is weighted with the ratio of
    densities. A tenth of the final samples come from a density of twice the width around the
    origin, which bounds the weights. One region of errors is assumed: errors on two far sides are
    two margins.

    References
    ----------
    .. [1] P.-T. de Boer et al., Ann. Oper. Res. 134, 19 (2005), doi:10.1007/s10479-005-5724-z.

    Examples
    --------
    >>> found = importance_sampling(lambda z: 6.0 - z[:, 0], 2)
    >>> found.low < 9.866e-10 < found.high
    True
    """
    if dimensions < 1:
        raise InputError(f"dimensions: got {dimensions}, at least 1 is required")
    rng = stream(seed, "statistics.importance")
    pilot = 10_000
    shift = np.zeros(dimensions)
    for _ in range(60):
        z = rng.standard_normal((pilot, dimensions)) + shift
        value = _margins(margin, z)
        level = float(np.quantile(value, 0.1))
        worst = value <= max(level, 0.0)
        log_weight = 0.5 * shift @ shift - z[worst] @ shift
        weight = np.exp(log_weight - log_weight.max())
        shift = weight @ z[worst] / weight.sum()
        if level <= 0:
            break
    else:
        raise InputError("margin: no error was found, however far the latents are shifted")
    wide = rng.random(samples) < 0.1
    z = rng.standard_normal((samples, dimensions))
    z = np.where(wide[:, None], 2 * z, z + shift)
    log_target = -0.5 * np.sum(z**2, 1)
    log_shifted = -0.5 * np.sum((z - shift) ** 2, 1) + np.log(0.9)
    log_wide = -0.125 * np.sum(z**2, 1) - dimensions * np.log(2.0) + np.log(0.1)
    ratio = np.exp(log_target - np.logaddexp(log_shifted, log_wide))
    weight = np.where(_margins(margin, z) < 0, ratio, 0.0)
    probability = float(weight.mean())
    if probability == 0:
        raise InputError("margin: no error among the weighted samples; raise samples")
    relative = float(weight.std(ddof=1) / np.sqrt(samples) / probability)
    effective = float(weight.sum() ** 2 / np.sum(weight**2))
    z_value = special.ndtri(0.5 + confidence / 2)
    grow = float(np.exp(z_value * relative))
    warning = (
        ""
        if effective >= 100
        else (f"{effective:.0f} effective samples: the interval is not reliable, raise samples")
    )
    high = min(probability * grow, 1.0)
    return ImportanceEstimate(probability, probability / grow, high, effective, warning)


def _margins(margin: Callable[[Array], Array], z: Array) -> Array:
    value = np.asarray(margin(z), float)
    if value.shape != (len(z),) or np.any(np.isnan(value)):
        raise InputError(f"margin: got shape {value.shape} or NaN, expected ({len(z)},) numbers")
    return value
