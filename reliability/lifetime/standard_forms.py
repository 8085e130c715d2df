"""Standard forms: the logarithms of density, survival and failure probability in z.

A `StandardForm` has location 0 and scale 1. The four without a shape parameter also give the first
and second derivatives of the three logarithms, in closed form, which is what makes a fit of a
million rows quick; all are log-concave, so that a likelihood has one maximum only [1]_.

References
----------
.. [1] J. Burridge, J. R. Stat. Soc. B 43, 41 (1981).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


class Derivatives(NamedTuple):
    """Value, first and second derivative in z."""

    value: Array
    first: Array
    second: Array


@dataclass(frozen=True)
class StandardForm:
    """Function of a standardised variable; functions of ``z`` and of shape parameters, if any.

    ``mean`` and ``deviation`` (of a form without shapes) give starting values; the functions
    ``d_pdf``, ``d_sf`` and ``d_cdf`` return `Derivatives`, ``log_probability(low, high)`` the log
    of the probability between two points.
    """

    log_pdf: Callable[..., Array]
    log_sf: Callable[..., Array]
    log_cdf: Callable[..., Array]
    quantile: Callable[..., Array]
    mean: float = 0.0
    deviation: float = 1.0
    d_pdf: Callable[[Array], Derivatives] | None = None
    d_sf: Callable[[Array], Derivatives] | None = None
    d_cdf: Callable[[Array], Derivatives] | None = None
    log_probability: Callable[[Array, Array], Array] | None = None

    @property
    def analytic(self) -> bool:
        """Whether derivatives are known in closed form."""
        return self.d_pdf is not None


def log1mexp(x: Any) -> Array:
    """``log(1 - exp(x))`` for x <= 0, accurate near 0 and far from it.

    >>> float(log1mexp(-1e-20)), float(log1mexp(-50.0))
    (-46.051701859880914, -1.9287498479639178e-22)
    """
    x = np.asarray(x, float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x > -0.6931, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


def _exp(z: Array) -> Array:
    return np.exp(np.minimum(z, 700.0))


# --- smallest extreme value: F = 1 - exp(-exp(z)) -------------------------------------------------


def _sev_d_pdf(z: Array) -> Derivatives:
    e = _exp(z)
    return Derivatives(z - e, 1 - e, -e)


def _sev_d_sf(z: Array) -> Derivatives:
    e = -_exp(z)
    return Derivatives(e, e, e)


def _sev_d_cdf(z: Array) -> Derivatives:
    e = _exp(z)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        rate = np.where(e > 0, e / np.expm1(e), 1.0)
    return Derivatives(log1mexp(-e), rate, rate * (1 - e - rate))


def _sev_probability(low: Array, high: Array) -> Array:
    e = _exp(low)
    with np.errstate(divide="ignore"):
        return np.log(-np.expm1(e - _exp(high))) - e


SMALLEST_EXTREME = StandardForm(
    log_pdf=lambda z: z - _exp(z),
    log_sf=lambda z: -_exp(z),
    log_cdf=lambda z: np.where(z > -700.0, log1mexp(-_exp(z)), z),  # exp(z) is no double below
    quantile=lambda p: np.log(-np.log1p(-np.asarray(p, float))),
    mean=-0.5772156649015329,
    deviation=np.pi / np.sqrt(6),
    d_pdf=_sev_d_pdf,
    d_sf=_sev_d_sf,
    d_cdf=_sev_d_cdf,
    log_probability=_sev_probability,
)


# --- largest extreme value: the mirror image ------------------------------------------------------


def _mirror(derivatives: Callable[[Array], Derivatives]) -> Callable[[Array], Derivatives]:
    def mirrored(z: Array) -> Derivatives:
        value, first, second = derivatives(-z)
        return Derivatives(value, -first, second)

    return mirrored


LARGEST_EXTREME = StandardForm(
    log_pdf=lambda z: -z - _exp(-z),
    log_sf=lambda z: log1mexp(-_exp(-z)),
    log_cdf=lambda z: -_exp(-z),
    quantile=lambda p: -np.log(-np.log(np.asarray(p, float))),
    mean=0.5772156649015329,
    deviation=np.pi / np.sqrt(6),
    d_pdf=_mirror(_sev_d_pdf),
    d_sf=_mirror(_sev_d_cdf),
    d_cdf=_mirror(_sev_d_sf),
    log_probability=lambda low, high: _sev_probability(-high, -low),
)


# --- normal ---------------------------------------------------------------------------------------


def _normal_d_pdf(z: Array) -> Derivatives:
    return Derivatives(-0.5 * z * z - _HALF_LOG_2PI, -z, np.full_like(z, -1.0))


def _normal_d_cdf(z: Array) -> Derivatives:
    value = special.log_ndtr(z)
    mills = np.exp(-0.5 * z * z - _HALF_LOG_2PI - value)
    return Derivatives(value, mills, -mills * (z + mills))


def _normal_probability(low: Array, high: Array) -> Array:
    flip = low > 0  # work in the lower tail, where the difference keeps its digits
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log(special.ndtr(b) - special.ndtr(a))
        far = b < -30
        if np.any(far):
            upper = special.log_ndtr(b[far]) if np.ndim(b) else special.log_ndtr(b)
            lower = special.log_ndtr(a[far]) if np.ndim(a) else special.log_ndtr(a)
            tail = upper + log1mexp(lower - upper)
            if np.ndim(out):
                out[far] = tail
            else:
                out = tail
    return out


NORMAL = StandardForm(
    log_pdf=lambda z: -0.5 * np.square(z) - _HALF_LOG_2PI,
    log_sf=lambda z: special.log_ndtr(-np.asarray(z, float)),
    log_cdf=lambda z: special.log_ndtr(np.asarray(z, float)),
    quantile=lambda p: special.ndtri(np.asarray(p, float)),
    d_pdf=_normal_d_pdf,
    d_sf=_mirror(_normal_d_cdf),
    d_cdf=_normal_d_cdf,
    log_probability=_normal_probability,
)


# --- logistic -------------------------------------------------------------------------------------


def _logistic_d_pdf(z: Array) -> Derivatives:
    failed = special.expit(z)
    return Derivatives(z - 2 * np.logaddexp(0, z), 1 - 2 * failed, -2 * failed * (1 - failed))


def _logistic_d_cdf(z: Array) -> Derivatives:
    survived = special.expit(-z)
    return Derivatives(-np.logaddexp(0, -z), survived, -survived * (1 - survived))


def _logistic_probability(low: Array, high: Array) -> Array:
    return log1mexp(low - high) - np.logaddexp(0, -high) - np.logaddexp(0, low)


LOGISTIC = StandardForm(
    log_pdf=lambda z: z - 2 * np.logaddexp(0, z),
    log_sf=lambda z: -np.logaddexp(0, z),
    log_cdf=lambda z: -np.logaddexp(0, -np.asarray(z, float)),
    quantile=lambda p: special.logit(np.asarray(p, float)),
    deviation=np.pi / np.sqrt(3),
    d_pdf=_logistic_d_pdf,
    d_sf=_mirror(_logistic_d_cdf),
    d_cdf=_logistic_d_cdf,
    log_probability=_logistic_probability,
)


# --- defect clustering (Burr XII in t): S = (1 + exp(z)/alpha)^-alpha -----------------------------


def _clustered_log_sf(z: Array, log_alpha: Any) -> Array:
    return -np.exp(log_alpha) * np.log1p(_exp(z - log_alpha))


CLUSTERED = StandardForm(
    log_pdf=lambda z, a: z - (np.exp(a) + 1) * np.log1p(_exp(z - a)),
    log_sf=_clustered_log_sf,
    log_cdf=lambda z, a: log1mexp(_clustered_log_sf(z, a)),
    quantile=lambda p, a: a + np.log(np.expm1(-np.exp(-a) * np.log1p(-np.asarray(p, float)))),
)


# --- gamma and Prentice's generalised gamma -------------------------------------------------------


def log_gamma_function(x: Any) -> Array:
    """Logarithm of the gamma function."""
    return special.gammaln(x)


def _stirling_remainder(a: Array) -> Array:
    """``log Gamma(a) - ((a - 1/2) log a - a + log(2 pi)/2)``, without cancellation at large a."""
    a = np.asarray(a, float)
    big = np.maximum(a, 10.0)
    r = 1 / big**2
    series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r * (1 / 1680 - r / 1188)))) / big
    direct = special.gammaln(a) - ((a - 0.5) * np.log(a) - a + _HALF_LOG_2PI)
    return np.where(a >= 10, series, direct)


def _expm1_minus(x: Array) -> Array:
    """``exp(x) - 1 - x`` without cancellation near 0."""
    x = np.asarray(x, float)
    small = np.where(np.abs(x) < 0.1, x, 0.0)
    term, series = small**2 / 2, small**2 / 2
    for k in range(3, 14):
        term = term * small / k
        series = series + term
    with np.errstate(over="ignore"):
        return np.where(np.abs(x) < 0.1, series, np.expm1(x) - x)


def log_gamma_pdf(x: Array, a: Any) -> Array:
    """Log density of ``log x`` for x of the standard gamma distribution of shape a."""
    deviation = _expm1_minus(np.log(x / a))
    return -a * deviation + 0.5 * np.log(a) - _HALF_LOG_2PI - _stirling_remainder(a)


def log_gammaincc(a: Any, x: Array) -> Array:
    """Log of the regularised upper incomplete gamma function."""
    with np.errstate(divide="ignore"):
        upper = special.gammaincc(a, x)
        return np.where(upper > 0.5, np.log1p(-special.gammainc(a, x)), np.log(upper))


def log_gammainc(a: Any, x: Array) -> Array:
    """Log of the regularised lower incomplete gamma function."""
    with np.errstate(divide="ignore"):
        lower = special.gammainc(a, x)
        return np.where(lower > 0.5, np.log1p(-special.gammaincc(a, x)), np.log(lower))


def gamma_quantile(p: Any, a: Any) -> Array:
    """Quantile of the standard gamma distribution of shape a."""
    return special.gammaincinv(a, p)


_LEAST = 1e-5  # below, probabilities differ from the log-normal ones by less than 1e-5


def _away_from_zero(lam: Any) -> Array:
    lam = np.asarray(lam, float)
    return np.where(np.abs(lam) < _LEAST, np.where(lam < 0, -_LEAST, _LEAST), lam)


def _prentice_log_pdf(z: Array, lam: Any) -> Array:
    lam = _away_from_zero(lam)
    a = lam**-2.0
    return -a * _expm1_minus(lam * z) - _HALF_LOG_2PI - _stirling_remainder(a)


def _prentice_tail(z: Array, lam: Any, upper: bool) -> Array:
    lam = _away_from_zero(lam)
    a = lam**-2.0
    x = a * _exp(lam * z)
    return np.where((lam > 0) == upper, log_gammaincc(a, x), log_gammainc(a, x))


def _prentice_quantile(p: Any, lam: Any) -> Array:
    lam, p = _away_from_zero(lam), np.asarray(p, float)
    a = lam**-2.0
    x = np.where(lam > 0, special.gammaincinv(a, p), special.gammainccinv(a, p))
    return np.log(x / a) / lam


PRENTICE = StandardForm(
    log_pdf=_prentice_log_pdf,
    log_sf=lambda z, lam: _prentice_tail(z, lam, upper=True),
    log_cdf=lambda z, lam: _prentice_tail(z, lam, upper=False),
    quantile=_prentice_quantile,
)
