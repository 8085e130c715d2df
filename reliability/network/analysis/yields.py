"""How many chips fall short of an accuracy, from a count to parts per million.

The count is what the chips show. Anything rarer than one over their number rests on a distribution:
a normal one of the logit of the accuracy, or a generalised Pareto distribution of the worst chips.
Each comes with its own interval and with a sentence where the chips cannot support it. Bad chips of
real cards are far more frequent than a normal distribution of most chips predicts
(``benchmarks/yields.py``), so prefer the tail.
"""

import numpy as np
import scipy
import xarray as xr
from numpy.typing import NDArray
from scipy import special

from reliability.errors import InputError, fraction
from reliability.lifetime.tails import fit_tail
from reliability.network.results import label_of_chips, table_of_one
from reliability.random import stream
from reliability.statistics.crossed import crossed_mean
from reliability.statistics.proportions import ClusteredProportion, clustered_proportion
from reliability.units import quantity

_FEWEST = 8  # chips for a fitted distribution (assumed: below, its interval spans everything)
_REFUSED_BELOW = 0.01  # p-value of the test of normality
_DRAWS = 20_000  # of the parameters; the ends of an interval move by about 1 % of its width
_Row = tuple[float, float, float, str]


def accuracy_yield(
    result: xr.Dataset, threshold: float = 0.82, confidence: float = 0.95, *, seed: int = 0
) -> xr.Dataset:
    """Estimate the fraction of chips whose accuracy is below a threshold.

    Parameters
    ----------
    result : Dataset
        Of `reliability.evaluate`: ``accuracy`` of chips, with a coordinate or dimension ``wafer``
        where there are several, and the attribute ``images``.
    threshold : float
        Required accuracy, between 0 and 1.
    confidence : float
        Of the two-sided intervals.
    seed : int
        Of the draws of parameters.

    Returns
    -------
    Dataset
        Over ``estimate``: ``fraction`` below the threshold, ``low``, ``high`` and ``warning``
        (empty: the chips support it).

        - ``count``: chips below, with the exact binomial interval; chips of wafers that differ
          count as fewer.
        - ``normal``: logit of the accuracy normal within and between wafers; the warning says
          where the chips refuse normality.
        - ``normal_images``: as ``normal``, less the variability that a draw of images for each chip
          alone would add.
        - ``tail``: a generalised Pareto distribution of the worst tenth of the chips, 1000 of them
          at most, observed as they are; needs 300 chips.

        Attributes: ``sigma`` (standard deviation of the accuracy over chips, wafers included),
        ``sigma_wafers`` (between wafers), ``image_error`` (of one chip alone), ``chips``,
        ``wafers``, ``threshold``, ``confidence``, and those of the result.

    Raises
    ------
    InputError
        A threshold outside 0 to 1, or a result without accuracies of chips.

    Notes
    -----
    Of N chips on W wafers, with n the harmonic mean of the chips per wafer, let S be the variance
    of the wafer means of the logit and s^2 the variance within wafers. (W - 1) S/V_m and
    (N - W) s^2/V_c follow chi-square laws, exactly where wafers have equally many chips and closely
    where not. Draws of V_m, V_c and the mean from these pivots give draws of
    Phi((logit(threshold) - mean) / sqrt(V_c + V_m - V_c/n)), whose quantiles are the generalised
    confidence interval [1]_. For one wafer it is the exact interval of a normal tail by the
    noncentral t distribution. Chips are one lot: lot-to-lot variability is not in it. Skewness and
    kurtosis within wafers are tested [2]_.

    Where wafers differ, the variance of the fraction of bad chips is estimated from the wafers
    [3]_: the count is that of fewer chips, and the profile likelihood of the tail is divided by the
    same factor, taken at its threshold.

    All chips see the same images and events. What these add to every chip alike moves the mean and
    does not widen the distribution; only the part of a chip alone does. Where the result says which
    images each chip gets right, that part is known (the residual of chips x images,
    `reliability.accuracy_variability`) and ``normal_images`` is the fraction on the population of
    digits; where not, the binomial error stands for it, which is at least as large, and the
    fraction lies between ``normal`` and ``normal_images``. On these very images it is ``normal``.

    References
    ----------
    .. [1] S. Weerahandi, "Generalized confidence intervals", J. Am. Stat. Assoc. 88, 899 (1993).
    .. [2] R. D'Agostino, E. S. Pearson, "Tests for departure from normality", Biometrika 60, 613
       (1973).
    .. [3] E. L. Korn, B. I. Graubard, Survey Methodology 24, 193 (1998).

    Examples
    --------
    >>> import reliability as rel
    >>> chips = rel.evaluate(
    ...     rel.load_network("spirit"), rel.load_technology("oxram-130nm"), chips=50, images=500)
    >>> found = accuracy_yield(chips, threshold=0.7)
    >>> found["fraction"].sel(estimate="count").item()
    0.0
    >>> found["warning"].sel(estimate="normal").item()
    'rests on the normal distribution, ... decades beyond 50 chips'
    """
    threshold = quantity(threshold, "", "threshold")
    fraction(threshold, "threshold")
    fraction(confidence, "confidence")
    if "accuracy" not in result or "images" not in result.attrs:
        raise InputError("result: expected accuracies of chips as evaluate gives them")
    accuracy = result["accuracy"]
    images = int(result.attrs["images"])
    chips = accuracy.size
    observed = accuracy.values.ravel()
    wafer = np.zeros(chips)
    if "wafer" in accuracy.coords or "wafer" in accuracy.dims:
        wafer = label_of_chips(accuracy, "wafer")
    y = special.logit((observed * images + 0.5) / (images + 1))
    level = float(special.logit(threshold))
    noise = _image_noise(result, y, images)

    below = int((observed < threshold).sum())
    ends = _clustered(observed < threshold, wafer, confidence)
    few = "" if below >= 10 else f"{below} of {chips} chips are below: a bound, not a rate"
    rows: dict[str, _Row] = {"count": (below / chips, float(ends[0]), float(ends[1]), few)}
    within = between = 0.0
    if chips < _FEWEST or np.ptp(y) == 0:
        why = (
            f"{chips} chips of the same accuracy or fewer than {_FEWEST}: no distribution is fitted"
        )
        rows |= dict.fromkeys(("normal", "normal_images", "tail"), (np.nan, 0.0, 1.0, why))
    else:
        fit = _Hierarchy(y, wafer, seed)
        within, between = fit.within, fit.between
        rows["normal"] = fit.fraction(level, confidence, 0.0)
        rows["normal_images"] = fit.fraction(level, confidence, noise)
        if fit.wafers_differ() and rows["count"][3] == "":
            note = (
                f"wafers differ, so chips are not independent; they count as {chips * ends[2]:.0f}"
            )
            rows["count"] = (*rows["count"][:3], note)
        rows["tail"] = _tail(y, wafer, level, confidence)

    slope = float(np.mean(special.expit(y) * special.expit(-y)))  # of the accuracy to its logit
    names = ("fraction", "low", "high", "warning")
    out = xr.Dataset(
        {
            name: ("estimate", list(column), {"units": "1"} if name != "warning" else {})
            for name, column in zip(names, zip(*rows.values(), strict=True), strict=True)
        },
        coords={"estimate": list(rows)},
    )
    out.attrs = dict(result.attrs) | {
        "threshold": threshold,
        "confidence": confidence,
        "chips": chips,
        "wafers": len(np.unique(wafer)),
        "sigma": slope * float(np.sqrt(within + between)),
        "sigma_wafers": slope * float(np.sqrt(between)),
        "image_error": slope * float(np.sqrt(noise)),
    }
    return out


def _image_noise(result: xr.Dataset, y: NDArray[np.float64], images: int) -> float:
    """Variance of the logit of one chip's accuracy that images add to it alone."""
    slope = special.expit(y) * special.expit(-y)  # of the accuracy to its logit
    if "correct" not in result or y.size < 2:
        return float(np.mean(1 / (images * slope)))
    return (
        crossed_mean(table_of_one(result)).residual_variance / images / float(np.mean(slope)) ** 2
    )


class _Hierarchy:
    """Normal within and between wafers: estimates, and draws of what they may be."""

    def __init__(self, y: NDArray[np.float64], wafer: NDArray, seed: int) -> None:
        _, group, size = np.unique(wafer, return_inverse=True, return_counts=True)
        self.chips, self.wafers = len(y), len(size)
        if self.wafers == self.chips:  # one chip a wafer: the two spreads are one
            group, size = np.zeros(self.chips, int), np.array([self.chips])
            self.wafers = 1
        means = np.bincount(group, y) / size
        self.mean = float(means.mean())
        self.apart = y - means[group]
        self.within = float(((y - means[group]) ** 2).sum() / (self.chips - self.wafers))
        self.per_wafer = self.wafers / float((1 / size).sum())
        generator = stream(seed, "yield")
        z = generator.standard_normal(_DRAWS)
        inside = self.chips - self.wafers
        self.within_draws = self.within * inside / generator.chisquare(inside, _DRAWS)
        if self.wafers == 1:
            self.of_means, self.between = 0.0, 0.0
            self.mean_draws = self.mean + z * np.sqrt(self.within_draws / self.chips)
            self.between_draws = np.zeros(_DRAWS)
            return
        self.of_means = float(means.var(ddof=1))
        self.between = max(self.of_means - self.within / self.per_wafer, 0.0)
        free = self.wafers - 1
        of_means = self.of_means * free / generator.chisquare(free, _DRAWS)
        self.mean_draws = self.mean + z * np.sqrt(of_means / self.wafers)
        self.between_draws = np.maximum(of_means - self.within_draws / self.per_wafer, 0.0)

    def wafers_differ(self) -> bool:
        """Whether the variability between wafers is significant at 5 %."""
        if self.wafers == 1:
            return False
        ratio = self.of_means * self.per_wafer / self.within
        return bool(special.fdtrc(self.wafers - 1, self.chips - self.wafers, ratio) < 0.05)

    def is_refused(self) -> str:
        """Say how the chips differ from a normal distribution within wafers, if they do at 1 %."""
        if self.chips < 20 or scipy.stats.normaltest(self.apart).pvalue > _REFUSED_BELOW:
            return ""
        skewness, kurtosis = scipy.stats.skew(self.apart), scipy.stats.kurtosis(self.apart)
        return f"skewness {skewness:.2f}, excess kurtosis {kurtosis:.2f}"

    def fraction(self, level: float, confidence: float, noise: float) -> _Row:
        """Return the fraction below a level, its interval and a warning."""

        def below(mean, within, between):  # type: ignore[no-untyped-def]
            spread = np.sqrt(np.maximum(within - noise, 0.0) + between)
            with np.errstate(divide="ignore", invalid="ignore"):
                return special.ndtr(
                    np.where(spread > 0, (level - mean) / spread, np.inf * (level - mean))
                )

        value = float(below(self.mean, self.within, self.between))
        draws = below(self.mean_draws, self.within_draws, self.between_draws)
        low, high = np.quantile(draws, (0.5 - confidence / 2, 0.5 + confidence / 2))
        beyond = -np.log10(max(min(value, 1 - value), 1e-300) * self.chips)
        warning = ""
        refused = self.is_refused()
        if refused:
            warning = (
                f"the chips are not normal ({refused}): the distribution is wrong in its tails"
            )
        elif noise and self.within <= noise:
            warning = "the chips differ no more than the images alone explain"
        elif beyond > 1:
            warning = (
                f"rests on the normal distribution, {beyond:.1f} decades beyond {self.chips} chips"
            )
        elif 1 < self.wafers < 5:
            warning = f"{self.wafers} wafers say little of wafer-to-wafer variability"
        return value, float(low), float(high), warning


def _clustered(below: NDArray[np.bool_], wafer: NDArray, confidence: float) -> ClusteredProportion:
    """Interval of a fraction of chips, where chips of one wafer may resemble each other."""
    _, group, size = np.unique(wafer, return_inverse=True, return_counts=True)
    if len(size) == len(below):  # one chip of each wafer: independent
        return clustered_proportion([below.sum()], len(below), confidence)
    return clustered_proportion(np.bincount(group, below), size, confidence)


def _tail(y: NDArray[np.float64], wafer: NDArray, level: float, confidence: float) -> _Row:
    try:
        fit = fit_tail(y, side="lower", confidence=confidence)
        effective = float(_clustered(y < -fit.threshold, wafer, confidence).effective_fraction)
        wider = float(special.chdtr(1, special.chdtri(1, 1 - confidence) / effective))
        found = fit.probability(level, min(wider, 1 - 1e-12))
    except InputError as error:
        return np.nan, 0.0, 1.0, str(error)
    return found.value, found.low, found.high, found.warning
