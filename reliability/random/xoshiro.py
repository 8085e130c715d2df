"""Normal numbers inside compiled loops, each cell with a small generator of its own.

The ziggurat of the normal distribution with 256 layers [1]_ on 53 bits, fed by xoshiro256++ [2]_.
A keyed
stream (`reliability.random`) seeds the four words of each cell's generator, so that a cell's
numbers depend on nothing but its address; 256 random bits do not meet again.

.. [1] G. Marsaglia, W. W. Tsang, J. Stat. Softw. 5(8) (2000), doi:10.18637/jss.v005.i08.
.. [2] D. Blackman, S. Vigna, ACM Trans. Math. Softw. 47(4) (2021), doi:10.1145/3460772.
"""

import numba
import numpy as np
from numpy.typing import NDArray

_TAIL = 3.6541528853610088


def _ziggurat() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Edge of each layer over 2**53, fraction of it that is inside, density at the edge."""
    area = 0.00492867323399
    x = np.empty(257)
    x[0], x[1], x[256] = area / np.exp(-0.5 * _TAIL**2), _TAIL, 0.0
    for i in range(2, 256):
        x[i] = np.sqrt(-2 * np.log(area / x[i - 1] + np.exp(-0.5 * x[i - 1] ** 2)))
    return x[:256] / 2.0**53, x[1:] / x[:256] * 2.0**53, np.exp(-0.5 * x**2)


_WIDTH, _INSIDE, _DENSITY = _ziggurat()


# The four words of a generator are passed by value, which keeps them in registers.
_U = np.uint64


@numba.njit(inline="always")
def _next(s0, s1, s2, s3):  # type: ignore[no-untyped-def]
    """Next 64 bits of a xoshiro256++ generator, and its words."""
    u = s0 + s3
    bits = ((u << _U(23)) | (u >> _U(41))) + s0
    t = s1 << _U(17)
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << _U(45)) | (s3 >> _U(19))
    return bits, s0, s1, s2, s3


@numba.njit(cache=True)
def _unlikely_normal(bits, s0, s1, s2, s3):  # type: ignore[no-untyped-def]
    """Finish a normal number that fell outside the inner part of its layer (1 in 80)."""
    unit = 2.0**-53
    while True:
        layer = np.int64(bits & _U(0xFF))
        sign = -1.0 if bits & _U(0x100) else 1.0
        mantissa = np.float64(np.int64(bits >> _U(11)))
        x = mantissa * _WIDTH[layer]
        if mantissa < _INSIDE[layer]:
            return sign * x, s0, s1, s2, s3
        if layer == 0:
            while True:
                first, s0, s1, s2, s3 = _next(s0, s1, s2, s3)
                second, s0, s1, s2, s3 = _next(s0, s1, s2, s3)
                a = -np.log1p(-np.float64(first >> _U(11)) * unit) / _TAIL
                b = -np.log1p(-np.float64(second >> _U(11)) * unit)
                if b + b > a * a:
                    return sign * (_TAIL + a), s0, s1, s2, s3
        low, high = _DENSITY[layer], _DENSITY[layer + 1]
        bits, s0, s1, s2, s3 = _next(s0, s1, s2, s3)
        if low + np.float64(bits >> _U(11)) * unit * (high - low) < np.exp(-0.5 * x * x):
            return sign * x, s0, s1, s2, s3
        bits, s0, s1, s2, s3 = _next(s0, s1, s2, s3)


@numba.njit(inline="always")
def normal(s0, s1, s2, s3):  # type: ignore[no-untyped-def]
    """Return a standard normal number and the generator's words after it."""
    bits, s0, s1, s2, s3 = _next(s0, s1, s2, s3)
    layer = np.int64(bits & _U(0xFF))
    mantissa = np.float64(np.int64(bits >> _U(11)))
    if mantissa < _INSIDE[layer]:
        sign = 1.0 - 2.0 * np.float64(np.int64((bits >> _U(8)) & _U(1)))
        return sign * (mantissa * _WIDTH[layer]), s0, s1, s2, s3
    return _unlikely_normal(bits, s0, s1, s2, s3)
