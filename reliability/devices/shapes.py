"""Shapes of distributions: monotone maps of a deviate that give it skew, bounds and tails.

- `sinh_arcsinh` [1]_ has two parameters and closed forms, for tails that are heavy or light:
  ``h(u) = (sinh((asinh(u) + skew) / tail) - m) / s`` with mean 0 and variance 1;
- `bent` is a quantile function: its slope is given at -3, -2, ..., 3 standard deviations, linear in
  between and constant beyond, so that the map is smooth and inverts by a square root. Slopes of 1
  leave the deviate as it is.

.. [1] M. C. Jones, A. Pewsey, Biometrika 96, 761 (2009), doi:10.1093/biomet/asp053.
"""

from functools import lru_cache

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import kv, ndtr

KNOTS = (-3, -2, -1, 0, 1, 2, 3)
Slopes = tuple[float, ...]
Floats = NDArray[np.floating]


def sinh_arcsinh(deviate: ArrayLike, skew: float, tail: float) -> Floats:
    """Return h(u) of standard normal deviates: mean 0, variance 1; a tail below 1 is heavier.

    Examples
    --------
    >>> sinh_arcsinh([-1.0, 0.0, 3.0], skew=0.5, tail=0.7).round(2)
    array([-0.82, -0.26,  5.06])
    """
    u = _floats(deviate)
    kind = u.dtype.type
    mean, sd = moments(skew, tail)
    # sinh and asinh by exp and log, which NumPy computes many at a time
    size = np.abs(u)
    size += np.sqrt(u * u + kind(1.0))
    grown = np.copysign(np.log(size), u)
    grown += kind(skew)
    grown *= kind(1.0 / tail)
    grown = np.exp(grown)
    grown -= kind(1.0) / grown
    grown *= kind(0.5 / sd)
    grown -= kind(mean / sd)
    return np.asarray(grown)


def inverse_sinh_arcsinh(value: ArrayLike, skew: float, tail: float) -> NDArray[np.float64]:
    """Return the deviate u with ``h(u) = value``."""
    mean, sd = moments(skew, tail)
    x = np.asarray(value, float) * sd + mean
    # as in `sinh_arcsinh`; the larger of two exponentials first, so that infinite values stay so
    size = np.abs(x)
    size += np.sqrt(x * x + 1.0)
    inner = np.copysign(np.log(size), x)
    inner *= tail
    inner -= skew
    grown = np.exp(np.abs(inner))
    grown -= 1.0 / grown
    grown *= 0.5
    return np.copysign(grown, inner)


def both_tails(deviate: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the probabilities below and above standard normal deviates, each to all its digits.

    Examples
    --------
    >>> both_tails([-10.0, 0.0])
    (array([7.61985302e-24, 5.00000000e-01]), array([1. , 0.5]))
    """
    u = np.asarray(deviate, float)
    small = ndtr(-np.abs(u))
    left, large = u < 0, 1.0 - small
    return np.where(left, small, large), np.where(left, large, small)


@lru_cache(maxsize=1024)
def moments(skew: float, tail: float) -> tuple[float, float]:
    """Return mean and standard deviation of sinh((asinh(z) + skew) / tail), z standard normal."""

    def p(q: float) -> float:
        scale = np.exp(0.25) / np.sqrt(8 * np.pi)
        return float(scale * (kv((q + 1) / 2, 0.25) + kv((q - 1) / 2, 0.25)))

    mean = np.sinh(skew / tail) * p(1 / tail)
    square = (np.cosh(2 * skew / tail) * p(2 / tail) - 1) / 2
    return float(mean), float(np.sqrt(square - mean**2))


def bent(deviate: ArrayLike, slopes: Slopes) -> Floats:
    """Return T(v), the integral from 0 of slopes that are given at `KNOTS`.

    Examples
    --------
    A distribution that is half as wide below its median:

    >>> bent([-4.0, -1.0, 0.0, 1.0, 2.0], slopes=(0.5, 0.5, 0.5, 0.5, 1.5, 1.5, 1.5)).tolist()
    [-2.0, -0.5, 0.0, 1.0, 2.5]
    """
    v = _floats(deviate)
    out = np.empty(v.shape, v.dtype)
    _bend(v.ravel(), np.asarray(slopes, float), knot_levels(slopes), out.reshape(-1))
    return out


def unbent(value: ArrayLike, slopes: Slopes) -> NDArray[np.float64]:
    """Return the deviate v with ``T(v) = value``, the inverse of `bent`."""
    y = np.asarray(value, float)
    s, levels = np.asarray(slopes, float), knot_levels(slopes)
    k = np.clip(np.searchsorted(levels, y, side="right") - 1, 0, len(s) - 2)
    over = np.clip(y, levels[0], levels[-1]) - levels[k]
    root = np.sqrt(np.maximum(s[k] ** 2 + 2 * (s[k + 1] - s[k]) * over, 0.0))
    inside = KNOTS[0] + k + 2 * over / (s[k] + root)  # the root that loses no digits
    below, above = np.minimum(y - levels[0], 0.0), np.maximum(y - levels[-1], 0.0)
    return np.asarray(inside + below / s[0] + above / s[-1])


def knot_levels(slopes: Slopes) -> NDArray[np.float64]:
    """Return T at the knots."""
    s = np.asarray(slopes, float)
    whole = np.concatenate([[0.0], np.cumsum((s[1:] + s[:-1]) / 2)])
    return np.asarray(whole - whole[KNOTS.index(0)])


def _floats(values: ArrayLike) -> Floats:
    given = np.asarray(values)
    return given if given.dtype == np.float32 else np.asarray(given, np.float64)


@numba.njit(cache=True, nogil=True)
def _bend(v, slopes, levels, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with T(v), computed in double precision."""
    last = len(slopes) - 1
    half = last // 2
    for i in range(len(v)):
        x = np.float64(v[i]) + half
        if x <= 0:
            out[i] = levels[0] + x * slopes[0]
        elif x >= last:
            out[i] = levels[last] + (x - last) * slopes[last]
        else:
            k = int(x)
            w = x - k
            out[i] = levels[k] + w * (slopes[k] + w * (slopes[k + 1] - slopes[k]) / 2)
