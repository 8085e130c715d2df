"""How probable an observation is, given what draws of a card predict for it.

Counts are beta-binomial: the failure probability of the observed lot has the predicted mean p, and
the standard deviation of its logarithm (of ln(1 - p) where p is above 1/2) is that of the lots of
the card and of the observation's ``transfer`` together,

    k ~ Binomial(n, P),  P ~ Beta(a, b),  a/(a + b) = p,  trigamma(min(a, b)) = s^2.

Values are normal around the prediction with the observation's error, the spread over lots and the
transfer in quadrature. A qualification "at most F with confidence C" is the test of
ln(1 - C)/ln(1 - F) cells without a failure that just demonstrates it.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betainc, betaincinv, betaln, gammaln, logit, ndtr, polygamma

from reliability.conditioning.predictions import is_count
from reliability.technology import Observation

Array = NDArray[np.float64]
_LEAST = 1e-6  # ln-spread below which a count is binomial
_FLOOR = 1e-30  # of a probability
_QUANTILES = (np.arange(32) + 0.5) / 32  # of the failure probability, for predictive tails
_MANY = 30  # draws, of which a mean and a variance say something
_CONFIDENCE = 0.6  # of a qualification that says none, as JESD47 has it


@dataclass(frozen=True)
class Evidence:
    """An observation in the form of its likelihood.

    Parameters
    ----------
    counts : bool
    value, error : float
        Failures and cells of a count; else the value on its scale and its standard error.
    transfer : float
        Standard deviation of the logarithm, 0 for the same lot.
    """

    counts: bool
    value: float
    error: float
    transfer: float

    @classmethod
    def of(cls, o: Observation) -> "Evidence":
        """Return the evidence of an observation.

        >>> from reliability.technology import observations_of
        >>> (claim,) = observations_of([{"kind": "qualification", "failed_fraction": 1e-4,
        ...     "cycles": 1e5, "confidence": 0.9, "source": "data sheet"}])
        >>> round(Evidence.of(claim).error)  # cells without a failure
        23025
        """
        extra = math.log(o.transfer)
        if o.kind == "qualification":
            confidence = o.get("confidence", _CONFIDENCE)
            cells = math.log1p(-confidence) / math.log1p(-o["failed_fraction"])
            return cls(True, 0.0, cells, extra)
        if is_count(o):
            return cls(True, float(o.get("wrong", o.get("failed", 0))), float(o["cells"]), extra)
        if "fraction" in o.values:
            return cls(False, math.log(o["fraction"]), o["error"], extra)
        if o.kind == "accuracy":
            a = o["accuracy"]
            images = o.get("images", 10_000) * o.get("chips", 1)
            return cls(False, float(logit(a)), 1 / math.sqrt(images * a * (1 - a)), extra)
        value = o["decades"] if o.kind == "window" else math.log(o["resistance"])
        # a window's transfer is a factor of the ratio of the resistances
        return cls(False, value, o["error"], extra / (math.log(10) if o.kind == "window" else 1))

    @property
    def noise(self) -> float:
        """Standard deviation of the observation itself: of ln p of a count, else of the value."""
        own = 1 / math.sqrt(self.value + 0.5) if self.counts else self.error
        return math.hypot(own, self.transfer)

    def log_likelihood(self, location: Array, spread: Array) -> Array:
        """Return the log-likelihood at each prediction, shape (draws,)."""
        sigma = np.hypot(spread, self.transfer)
        if not self.counts:
            total = np.hypot(sigma, self.error)
            return -0.5 * ((self.value - location) / total) ** 2 - np.log(total)
        k, n = self.value, self.error
        p = np.clip(location, _FLOOR, 1 - 1e-15)
        binomial = k * np.log(p) + (n - k) * np.log1p(-p)
        binomial += gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        wide = sigma > _LEAST
        a, b = _beta(p, np.where(wide, sigma, 1.0))
        mixed = betaln(a + k, n - k + b) - betaln(a, b)
        mixed += gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        return np.where(wide, mixed, binomial)

    def tails(self, location: Array, spread: Array) -> tuple[float, float]:
        """Return the probabilities of at most and of at least what was observed, over the draws."""
        sigma = np.hypot(spread, self.transfer)
        if not self.counts:
            z = (self.value - location) / np.hypot(sigma, self.error)
            return float(ndtr(z).mean()), float(ndtr(-z).mean())
        k, n = self.value, self.error
        p = np.clip(location, _FLOOR, 1 - 1e-15)
        wide = sigma > _LEAST
        a, b = _beta(p, np.where(wide, sigma, 1.0))
        of_lot = betaincinv(a[:, None], b[:, None], _QUANTILES)
        of_lot = np.where(wide[:, None], of_lot, p[:, None])
        below = betainc(n - k, k + 1, 1 - of_lot).mean() if k < n else 1.0
        above = betainc(k, n - k + 1, of_lot).mean() if k > 0 else 1.0
        return float(below), float(above)

    def sample(self, location: Array, spread: Array, generator: np.random.Generator) -> Array:
        """Draw what would be observed, one for each prediction: failures, or a value."""
        sigma = np.hypot(spread, self.transfer)
        if not self.counts:
            return location + np.hypot(sigma, self.error) * generator.standard_normal(len(location))
        p = np.clip(location, _FLOOR, 1 - 1e-15)
        wide = sigma > _LEAST
        a, b = _beta(p, np.where(wide, sigma, 1.0))
        of_lot = np.where(wide, generator.beta(a, b), p)
        return generator.binomial(round(self.error), of_lot).astype(float)

    def predictive(self, location: Array, spread: Array) -> float:
        """Return the two-sided predictive probability of what was observed.

        A count of zero is no surprise from below, and all cells failed none from above. Draws say
        little of probabilities below one over their number: there the larger of their estimate and
        that of a normal distribution of the same mean and variance counts.
        """
        below, above = self.tails(location, spread)
        found = min(1.0, 2 * min(below, above))
        if len(location) < _MANY or found * len(location) > 2:
            return found
        x, observed = location, self.value
        if self.counts:
            x, observed = (
                np.log(np.maximum(x, _FLOOR)),
                math.log((observed + 0.5) / (self.error + 1)),
            )
        total = math.sqrt(float(x.var() + np.mean(spread**2)) + self.noise**2)
        return max(found, float(2 * ndtr(-abs(observed - float(x.mean())) / total)))

    def needed_transfer(self, location: Array, spread: Array, probability: float) -> float:
        """Return the transfer with which the predictive probability would be ``probability``.

        Infinite where none up to a factor of 1000 gives it.
        """

        def missing(extra: float) -> float:
            wider = replace(self, transfer=math.hypot(self.transfer, extra))
            return wider.predictive(location, spread) - probability

        most = math.log(1e3)
        if missing(most) < 0:
            return math.inf
        extra = brentq(missing, 0.0, most, xtol=1e-3) if missing(0.0) < 0 else 0.0
        return math.exp(math.hypot(self.transfer, extra))


def _beta(p: Array, sigma: Array) -> tuple[Array, Array]:
    """Parameters of the beta distribution of mean p whose smaller side varies by sigma."""
    least = _inverse_trigamma(sigma**2)
    small = np.minimum(p, 1 - p)
    most = least * (1 - small) / small
    return np.where(p <= 0.5, least, most), np.where(p <= 0.5, most, least)


def _inverse_trigamma(y: Array) -> Array:
    """Solve trigamma(a) = y by Newton steps in 1/trigamma, which is nearly linear in a."""
    a = 0.5 + 1 / y
    for _ in range(8):
        t = polygamma(1, a)
        a = a + t * (1 - t / y) / polygamma(2, a)
    return np.asarray(a)
