"""Units that were not tested: failures of the next lot, life that most of them exceed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy import special

from reliability.errors import InputError, fraction
from reliability.lifetime.censored_fit import LifetimeFit, Stress
from reliability.lifetime.next_lot import next_lot_odds

if TYPE_CHECKING:
    from reliability.lifetime.priors import LifetimePosterior

Array = NDArray[np.float64]

_LEVELS = np.arange(0.75, 3.8, 0.75)  # normal deviates at which the bounds of F are computed
_POINTS = 400


@dataclass(frozen=True)
class Prediction:
    """Failures of units that are yet to be used.

    Attributes
    ----------
    expected : float
        Units times the estimated failure probability.
    low, high : int
        Ends of the prediction interval; ``high`` of a two-sided 80 % interval is the one-sided
        90 % bound.
    units : int
    """

    expected: float
    low: int
    high: int
    units: int


def predict_failures(
    fit: "LifetimeFit | LifetimePosterior", units: int, t: float, stress: Stress | None = None,
    confidence: float = 0.9,
) -> Prediction:  # fmt: skip
    """Predict how many units of the next lot fail by a time.

    Parameters
    ----------
    fit : LifetimeFit or LifetimePosterior
        Of the units that were tested; the next lot is of the same kind.
    units : int
        Number of units of the next lot.
    t : float
        In the unit of the fit.
    stress : mapping of str to float, optional
        Conditions of use, if the fit has an acceleration.
    confidence : float
        Two-sided.

    Returns
    -------
    Prediction

    Raises
    ------
    InputError
        A number of units that is not a whole one above 0, or what the fit itself refuses.

    Notes
    -----
    Two things are uncertain: the failure probability F(t), whose confidence bounds at all levels
    form a confidence distribution, and the number of failures given F, which is binomial. Their
    mixture is the predictive distribution [1]_ [2]_. Bounds of a `LifetimeFit` use Student's t with
    as many degrees of freedom as failures, as `assess_claim` does. A fit with ``lots`` predicts a
    typical lot; with ``lot_effect="random"`` the next lot has its own random deviate.

    References
    ----------
    .. [1] J. Shen, R. Y. Liu, M. Xie, J. Stat. Plan. Inference 195, 126 (2018),
       doi:10.1016/j.jspi.2017.09.012.
    .. [2] W. Q. Meeker, L. A. Escobar, "Statistical Methods for Reliability Data", Wiley, 1998,
       chapter 12.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> t = [54, 187, 216, 240, 244, 335, 361, 373, 375, 386]
    >>> fit = fit_lifetime([*t, 500], event=[1] * 10 + [0], frequency=[1] * 10 + [10])
    >>> predict_failures(fit, 1000, 50.0)  # doctest: +ELLIPSIS
    Prediction(expected=13.5..., low=1, high=76, units=1000)
    """
    if units != int(units) or units < 1:
        raise InputError(f"units: got {units!r}, allowed a whole number above 0")
    tail = (1 - fraction(confidence, "confidence")) / 2
    if isinstance(fit, LifetimeFit) and fit.distribution.name.endswith(" over lots"):
        value = float(fit.failure_probability(t, stress, method="wald").value)
        odds = next_lot_odds(fit, t, stress)
    else:
        value, odds = _confidence_distribution(fit, t, stress)
    counts = _Mixture(int(units), special.expit(odds))
    return Prediction(units * value, counts.quantile(tail), counts.quantile(1 - tail), int(units))


def _confidence_distribution(
    fit: "LifetimeFit | LifetimePosterior", t: float, stress: Stress | None
) -> tuple[float, Array]:
    """Estimate of F(t), and the log-odds of F(t) at equally likely confidence levels."""
    quantile = _LEVELS
    if isinstance(fit, LifetimeFit):  # Student's t with as many degrees of freedom as failures
        quantile = special.stdtrit(fit.failures, special.ndtr(_LEVELS))
    found = [fit.failure_probability(t, stress, _two_sided(q)) for q in quantile]
    with np.errstate(divide="ignore"):
        low, high = (
            special.logit(np.array([float(getattr(each, name)) for each in found]))
            for name in ("low", "high")
        )
        middle = float(special.logit(float(found[0].value)))
    ends = np.clip(np.concatenate([low[::-1], [middle], high]), -700.0, 700.0)
    levels = np.concatenate([-_LEVELS[::-1], [0.0], _LEVELS])
    curve = scipy.interpolate.PchipInterpolator(levels, np.maximum.accumulate(ends))
    equally_likely = special.ndtri((np.arange(_POINTS) + 0.5) / _POINTS)
    return float(found[0].value), curve(equally_likely)


def _two_sided(deviate: float) -> float:
    """Confidence of an interval of so many standard deviations: few failures ask for ten."""
    return float(min(2 * special.ndtr(deviate) - 1, 1 - 1e-15))


@dataclass(frozen=True)
class _Mixture:
    """Binomial counts with equally likely probabilities."""

    units: int
    probability: Array

    def quantile(self, level: float) -> int:
        """Smallest count that is not exceeded with that probability."""
        low, high = -1, self.units
        while high - low > 1:
            middle = (low + high) // 2
            inside = np.mean(scipy.stats.binom.cdf(middle, self.units, self.probability)) >= level
            low, high = (low, middle) if inside else (middle, high)
        return high


def tolerance_bound(
    fit: "LifetimeFit | LifetimePosterior", exceeding: float, stress: Stress | None = None,
    confidence: float = 0.9,
) -> float:  # fmt: skip
    """Life that at least a fraction of all units exceeds, at a one-sided confidence.

    Parameters
    ----------
    fit : LifetimeFit or LifetimePosterior
    exceeding : float
        Fraction of units, e.g. 0.99.
    stress : mapping of str to float, optional
    confidence : float
        One-sided; the lower confidence bound of the quantile ``1 - exceeding``.

    Returns
    -------
    float
        In the unit of the fit.

    Examples
    --------
    >>> from reliability.lifetime.censored_fit import fit_lifetime
    >>> fit = fit_lifetime([54, 187, 216, 240, 244, 335, 361, 373, 375, 386])
    >>> round(tolerance_bound(fit, 0.9, confidence=0.9))
    94
    """
    p = 1 - fraction(exceeding, "exceeding")
    if not 0.5 < confidence < 1:
        raise InputError(f"confidence: got {confidence!r}, allowed above 0.5, below 1")
    sure = 2 * confidence - 1
    if isinstance(fit, LifetimeFit):
        sure = _two_sided(special.stdtrit(fit.failures, confidence))
    return float(fit.quantile(p, stress, sure).low)
