"""The interval of a mean accuracy, and which combinations of factors explain a measured one."""

from typing import Any

import numpy as np
import xarray as xr
from scipy.special import expit, logit, ndtri, stdtrit

from reliability.campaign.frame import StudyFrame
from reliability.statistics.crossed import mean_of_fractions, variance_of_mean


def accuracy_interval(
    accuracy: np.ndarray,
    images: int,
    draw_means: np.ndarray | None,
    confidence: float,
    wafers: np.ndarray | None = None,
) -> dict[str, Any]:
    """Mean accuracy of a chip and how sure we are, with all that is uncertain in it.

    Three parts add in variance: the finite number of simulated chips, the finite number of test
    images (binomial) and, where the card was drawn, the uncertainty of its parameters. The last is
    a prediction interval for one more draw, Student-t on the logit scale, so that it stays between
    0 and 1.

    Parameters
    ----------
    accuracy : ndarray, shape (chips,)
    images : int
    draw_means : ndarray, shape (draws,), or None
        Mean accuracy of the chips of each draw of the card.
    confidence : float
    wafers : ndarray, shape (chips,), optional
        Of each chip; chips of one wafer may resemble each other, so the mean over few wafers is
        known less well than that over as many chips. Without, it is the mean of more chips on
        these wafers.

    Returns
    -------
    dict
        ``mean``, ``low``, ``high``, ``confidence``; the standard deviations ``sigma_chips`` (from
        chip to chip), ``sigma_monte_carlo`` (of the mean), ``sigma_images``, ``sigma_parameters``
        (None when not drawn).

    Examples
    --------
    >>> found = accuracy_interval(np.array([0.83, 0.84, 0.85]), 10_000, None, 0.95)
    >>> round(found["mean"], 3), found["low"] < 0.84 < found["high"]
    (0.84, True)
    """
    bound = 0.5 / images  # keeps the logit finite
    mean, low, high = mean_of_fractions(accuracy, wafers, confidence, bound)
    inside = float(np.clip(mean, bound, 1 - bound))
    sigma_chips = float(np.std(accuracy, ddof=1)) if accuracy.size > 1 else float("nan")
    sigma_mean = np.sqrt(variance_of_mean(accuracy, wafers).variance)
    sigma_images = float(np.sqrt(inside * (1 - inside) / images))
    z = ndtri(0.5 + confidence / 2)
    ends = (mean - low, high - mean) if accuracy.size > 1 else (0.0, 0.0)
    down, up = below, above = [float(np.hypot(end, z * sigma_images)) for end in ends]
    sigma_parameters = None
    if draw_means is not None:
        scores = logit(np.clip(draw_means, bound, 1 - bound))
        half = stdtrit(scores.size - 1, 0.5 + confidence / 2) * scores.std(ddof=1)
        half *= np.sqrt(1 + 1 / scores.size)
        centre = scores.mean()
        sigma_parameters = float(np.std(draw_means, ddof=1))
        down = float(np.hypot(below, max(mean - expit(centre - half), 0.0)))
        up = float(np.hypot(above, max(expit(centre + half) - mean, 0.0)))
    return {
        "mean": mean,
        "low": max(mean - down, 0.0),
        "high": min(mean + up, 1.0),
        "confidence": confidence,
        "sigma_chips": sigma_chips,
        "sigma_monte_carlo": float(sigma_mean),
        "sigma_images": sigma_images,
        "sigma_parameters": sigma_parameters,
    }


def explained(grid: xr.Dataset, study: StudyFrame) -> xr.DataArray:
    """Mark the combinations of the sensitivity grid at which one measured chip could have come out.

    The measured accuracy of a single chip has to lie inside the prediction interval of one more
    chip: Student-t with the spread from chip to chip, the error of the simulated mean, and the
    binomial error of the simulated images.

    Returns
    -------
    DataArray of bool (combination)
    """
    assert study.sensitivity is not None
    accuracy = grid["accuracy"]
    n = accuracy.sizes["chip"]
    mean = accuracy.mean("chip")
    variance = accuracy.var("chip", ddof=1) * (1 + 1 / n)
    variance = variance + mean * (1 - mean) / study.sensitivity.images
    half = stdtrit(n - 1, 0.5 + study.confidence / 2) * np.sqrt(variance)
    return abs(mean - study.sensitivity.measured) <= half
