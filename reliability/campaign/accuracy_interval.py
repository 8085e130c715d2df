"""The interval of a mean accuracy, and which levels of factors a measured one makes probable."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy
import xarray as xr
from scipy.special import expit, logit, ndtri, stdtrit

from reliability.campaign.frame import StudyFrame
from reliability.statistics.crossed import mean_of_fractions, mean_of_rows, variance_of_mean


def accuracy_interval(
    accuracy: np.ndarray,
    images: int,
    draw_means: np.ndarray | None,
    confidence: float,
    wafers: np.ndarray | None = None,
    *,
    chance: float = 0.0,
    ideal: float = 1.0,
    sigma_images: float | None = None,
) -> dict[str, Any]:
    """Mean accuracy of a chip and how sure we are, with all that is uncertain in it.

    Where the card was drawn, the answer is the median of the draws, and the nominal card is one of
    the values that they may take. Three parts add in variance: the finite number of simulated
    chips, the finite number of test images (binomial) and the uncertainty of the parameters. The
    last is a prediction interval for one more draw: between order statistics where there are enough
    draws (39 at 95 %), which holds for any distribution; with fewer, Student-t on the logit of the
    accuracy's place between chance and the ideal network, with a spread of its own on either side
    of the median.

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
    chance, ideal : float
        Accuracy of a guess and of the ideal network on these images, which no interval exceeds but
        by what the number of images leaves open about chips that lose next to nothing; values that
        do (a network that leaves images undecided, images that noise helps with) move the ends.
    sigma_images : float, optional
        Standard deviation by the finite number of images, of a metric that is not the fraction of
        images; by default binomial.

    Returns
    -------
    dict
        ``mean`` (median over the draws of the card, where there are some), ``nominal`` (mean of the
        chips of the nominal card), ``low``, ``high``, ``confidence``; the standard deviations
        ``sigma_chips`` (from chip to chip), ``sigma_monte_carlo`` (of the mean), ``sigma_images``,
        ``sigma_parameters`` (None when not drawn).

    Examples
    --------
    >>> found = accuracy_interval(np.array([0.83, 0.84, 0.85]), 10_000, None, 0.95)
    >>> round(found["mean"], 3), found["low"] < 0.84 < found["high"]
    (0.84, True)
    >>> draws = np.array([0.55, 0.78, 0.81, 0.84, 0.85, 0.86, 0.87])
    >>> found = accuracy_interval(np.array([0.83, 0.84, 0.85]), 10_000, draws, 0.95, ideal=0.88)
    >>> found["mean"], found["high"] <= 0.88
    (0.84, True)
    """
    bound = 0.5 / images  # keeps the logit finite
    nominal, low, high = mean_of_fractions(accuracy, wafers, confidence, bound)
    ends = (nominal - low, high - nominal) if accuracy.size > 1 else (0.0, 0.0)
    every = np.append(nominal, [] if draw_means is None else draw_means)
    floor = chance if every.min() >= chance else 0.0
    ceiling = max(ideal, float(every.max()))
    middle, down, up, sigma_parameters = nominal, 0.0, 0.0, None
    if draw_means is not None:
        middle, down, up = _of_draws(draw_means, confidence, bound, floor, ceiling)
        sigma_parameters = float(np.std(draw_means, ddof=1))
    if sigma_images is None:
        inside = float(np.clip(middle, bound, 1 - bound))
        sigma_images = float(np.sqrt(inside * (1 - inside) / images))
    of_images = ndtri(0.5 + confidence / 2) * sigma_images
    below, above = (
        float(np.sqrt(np.square([own, of_images, drawn]).sum()))
        for own, drawn in zip(ends, (down, up), strict=True)
    )
    return {
        "mean": middle,
        "nominal": nominal,
        "low": max(middle - below, min(floor, middle)),
        "high": min(middle + above, max(ceiling, middle + of_images), 1.0),
        "confidence": confidence,
        "sigma_chips": float(np.std(accuracy, ddof=1)) if accuracy.size > 1 else float("nan"),
        "sigma_monte_carlo": float(np.sqrt(variance_of_mean(accuracy, wafers).variance)),
        "sigma_images": sigma_images,
        "sigma_parameters": sigma_parameters,
    }


def accuracy_of_draws(results: Mapping[str, xr.Dataset]) -> xr.DataArray:
    """Accuracy of the chips of sampled cards, as it would be on all images of the study.

    Sampled cards see fewer images, which are easier or harder than all of them; by how much, the
    ideal network says.

    Examples
    --------
    >>> draws = xr.Dataset({"accuracy": (("draw", "chip"), np.array([[0.8], [0.7]]))})
    >>> ideal = xr.Dataset({"accuracy": ("chip", [0.9]), "accuracy_of_draws": ("chip", [0.88])})
    >>> accuracy_of_draws({"draws": draws, "ideal": ideal}).values.ravel().round(3).tolist()
    [0.82, 0.72]
    """
    found, ideal = results["draws"]["accuracy"], results["ideal"]
    if "accuracy_of_draws" not in ideal:
        return found
    easier = float((ideal["accuracy_of_draws"] - ideal["accuracy"]).mean())
    return (found - easier).clip(0.0, 1.0)


def score_interval(
    scores: np.ndarray,
    sigma_images: float,
    draw_means: np.ndarray | None,
    confidence: float,
    wafers: np.ndarray | None = None,
) -> dict[str, Any]:
    """Mean of a metric that is no fraction (an error, a user's own), as `accuracy_interval`.

    The same three parts add in variance, on the metric's own scale: Student-t of chips, normal of
    images, and Student-t of one more draw of the card.

    Parameters
    ----------
    scores : ndarray, shape (chips,)
    sigma_images : float
        Standard deviation by the finite number of images; NaN, where it is not known, adds nothing.
    draw_means : ndarray, shape (draws,), or None
    confidence : float
    wafers : ndarray, shape (chips,), optional

    Examples
    --------
    >>> found = score_interval(np.array([3.0, 4.0, 5.0]), 0.1, None, 0.95)
    >>> found["mean"], round(found["low"], 2), round(found["high"], 2)
    (4.0, 1.51, 6.49)
    """
    nominal, low, _ = mean_of_rows(scores, wafers, confidence)
    chips = nominal - low if scores.size > 1 else 0.0
    middle, drawn, sigma_parameters = nominal, 0.0, None
    if draw_means is not None:
        n, middle = draw_means.size, float(np.median(draw_means))
        sigma_parameters = float(np.std(draw_means, ddof=1))
        drawn = stdtrit(n - 1, 0.5 + confidence / 2) * np.sqrt(1 + 1 / n) * sigma_parameters
    of_images = ndtri(0.5 + confidence / 2) * np.nan_to_num(sigma_images)
    half = float(np.sqrt(np.square([chips, of_images, drawn]).sum()))
    return {
        "mean": middle,
        "nominal": nominal,
        "low": middle - half,
        "high": middle + half,
        "confidence": confidence,
        "sigma_chips": float(np.std(scores, ddof=1)) if scores.size > 1 else float("nan"),
        "sigma_monte_carlo": float(np.sqrt(variance_of_mean(scores, wafers).variance)),
        "sigma_images": sigma_images,
        "sigma_parameters": sigma_parameters,
    }


def _of_draws(
    means: np.ndarray, confidence: float, bound: float, floor: float, ceiling: float
) -> tuple[float, float, float]:
    """Median of the draws, and how far one more may lie below and above it."""
    median, outside = float(np.median(means)), 0.5 - confidence / 2
    if (means.size + 1) * outside >= 1 - 1e-9:
        low, high = np.quantile(means, [outside, 1 - outside], method="weibull").tolist()
        return median, median - low, high - median
    width = max(ceiling - floor, 2 * bound)
    place = np.clip((means - floor) / width, bound, 1 - bound)
    scores = logit(place)
    n, middle = scores.size, float(np.median(scores))
    t = stdtrit(n - 1, 0.5 + confidence / 2) * np.sqrt(1 + 1 / n)
    off = scores - middle
    ends = [middle + side * t * _one_sided(off * side) for side in (-1.0, 1.0)]
    low, high = (floor + width * float(expit(end)) for end in ends)
    return median, max(median - low, 0.0), max(high - median, 0.0)


def _one_sided(off: np.ndarray) -> float:
    """Root mean square of the deviations on the positive side of the median."""
    positive = off[off > 0]
    return float(np.sqrt(np.mean(positive**2))) if positive.size else 0.0


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
    n, mean, sigma = _prediction(grid, study)
    return (
        abs(mean - study.sensitivity.measured) <= stdtrit(n - 1, 0.5 + study.confidence / 2) * sigma
    )


def probable_levels(grid: xr.Dataset, study: StudyFrame) -> dict[str, dict[float, float]]:
    """Return how probable each level of a factor is, given the measured accuracy.

    Every combination has the same prior probability, and the likelihood of one measured chip under
    the prediction of `explained`.

    Returns
    -------
    dict of str to dict of float to float
        Probability of each level of each factor, 1 in all.
    """
    assert study.sensitivity is not None
    n, mean, sigma = _prediction(grid, study)
    log_density = scipy.stats.t.logpdf(study.sensitivity.measured, n - 1, mean.values, sigma.values)
    weight = np.exp(log_density - log_density.max())
    weight /= weight.sum()
    return {
        factor.name: {
            level: float(weight[grid[factor.name].values == level].sum()) for level in factor.levels
        }
        for factor in study.sensitivity.factor
    }


def _prediction(grid: xr.Dataset, study: StudyFrame) -> tuple[int, xr.DataArray, xr.DataArray]:
    """Chips, and mean and standard deviation of what one more chip shows at each combination."""
    assert study.sensitivity is not None
    accuracy = grid["accuracy"]
    n = accuracy.sizes["chip"]
    mean = accuracy.mean("chip")
    variance = accuracy.var("chip", ddof=1) * (1 + 1 / n)
    variance = variance + mean * (1 - mean) / study.sensitivity.images
    return n, mean, variance**0.5
