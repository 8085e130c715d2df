"""Philox-4x32-10 in vector instructions: a keyed stream of float32 numbers at any place of it.

A block of the generator [1]_ turns a 128-bit counter (place along the stream, wafer, die, chip) and
a 64-bit key into four words of 32 bits. Blocks know nothing of each other, so a plain loop over 64
of them becomes vector instructions, and a stream can be entered at any multiple of `TILE` numbers.

A word becomes a normal number through the quantile of the normal distribution, in the form of
Giles [2]_:
for uniform u in (0, 1) and t = 2u - 1 the quantile is t p(w), w = -ln(1 - t^2), with one polynomial
for w < 5 and one in sqrt(w) beyond. The distance of u to the nearer end is exact, so the smallest
tail probability is 2^-33 (6.3 sigma). The relative error is below 1e-6 everywhere. Products are
added with one rounding (fused), so that every machine gives the same bits.

.. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11,
   doi:10.1145/2063384.2063405.
.. [2] M. Giles, "Approximating the erfinv function", GPU Computing Gems, Jade Edition (2011),
   doi:10.1016/B978-0-12-385963-1.00010-1. The coefficients are fits of our own, as his end at
   what 24 bits can reach.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic

TILE = 256  # numbers: 64 blocks of four words
_BLOCKS = TILE // 4

_U, _I, _F = np.uint64, np.int32, np.float32
_HIGH, _LOW = _U(32), _U(0xFFFFFFFF)
_MULTIPLY = _U(0xD2511F53), _U(0xCD9E8D57)
_WEYL = _U(0x9E3779B9), _U(0xBB67AE85)


def _numbers(*values: float) -> tuple[np.float32, ...]:
    return tuple(np.array(values, np.float32))


# t p(w): lowest power first, around the middle of the range
_MIDDLE = _F(2.5)
_P = _numbers(
    2.12331343,
    0.348802716,
    -0.00590765988,
    -0.00177308277,
    0.000308741175,
    -6.19474577e-06,
    -4.88579599e-06,
    4.83978852e-07,
    3.19696802e-08,
)
_TAIL_MIDDLE = _F(3.479177713394165)  # of sqrt(w), from sqrt(5) to that of the last word
_Q = _numbers(
    4.68742704,
    1.42443025,
    0.00482620904,
    -0.00298811123,
    0.00160196074,
    -0.00117354514,
    0.000769117614,
    -0.000250187848,
    1.83070479e-05,
)
# ln(1 + f) / f for f from sqrt(1/2) - 1 to sqrt(2) - 1
_LOG_MIDDLE = _F(0.06066017225384712)
_L = _numbers(
    0.970843077,
    -0.462151557,
    0.291949362,
    -0.207055956,
    0.154856339,
    -0.121735215,
    0.119244725,
    -0.0989535078,
)
_LN2, _FIVE, _ONE, _HALF = _F(np.log(2.0)), _F(5.0), _F(1.0), _F(0.5)
_LAST = _I(2**31 - 1)
_PER_WORD = _F(2.0**-31)
_SQRT_HALF_BITS, _FRACTION = _I(0x3F3504F3), _I(23)


@intrinsic
def _fused(typing, a, b, c):  # type: ignore[no-untyped-def]
    """Return a * b + c, rounded once."""

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FloatType()
        function = ir.FunctionType(kind, [kind] * 3)
        return builder.call(
            get_or_insert_function(builder.module, function, "llvm.fma.f32"), arguments
        )

    number = types.float32
    return number(number, number, number), emit


@njit(cache=True, nogil=True)
def _words(key0, key1, tile, wafer, die, chip, out):  # type: ignore[no-untyped-def]
    """Write the words of one tile: word w of block b at 64 w + b."""
    for b in range(_BLOCKS):
        c0, c1, c2, c3 = _U(tile * _BLOCKS + b), _U(wafer), _U(die), _U(chip)
        k0, k1 = key0, key1
        for _ in range(10):
            # products of two 32-bit words; what lies above 32 bits is cut where it would matter
            p0, p1 = _MULTIPLY[0] * c0, _MULTIPLY[1] * c2
            c0, c2 = ((p1 >> _HIGH) ^ c1 ^ k0) & _LOW, ((p0 >> _HIGH) ^ c3 ^ k1) & _LOW
            c1, c3 = p1 & _LOW, p0 & _LOW
            k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
        out[b], out[_BLOCKS + b] = np.uint32(c0), np.uint32(c1)
        out[2 * _BLOCKS + b], out[3 * _BLOCKS + b] = np.uint32(c2), np.uint32(c3)


@njit(cache=True, nogil=True)
def fill_words(key, address, first, out):  # type: ignore[no-untyped-def]
    """Fill the rows of ``out`` with words.

    Parameters
    ----------
    key : uint64
    address : ndarray of uint32, shape (n, 3)
        Wafer, die and chip of each row.
    first : int
        Place in the stream of the first number of a row, a multiple of `TILE`.
    out : ndarray of uint32, shape (n, m)
    """
    words = np.empty(TILE, np.uint32)
    key0, key1 = key & _LOW, key >> _HIGH
    for row in range(out.shape[0]):
        wafer, die, chip = address[row]
        for start in range(0, out.shape[1], TILE):
            _words(key0, key1, (first + start) // TILE, wafer, die, chip, words)
            part = out[row, start : start + TILE]
            for i in range(part.size):  # a slice would compile for two seconds: it can fail
                part[i] = words[i]


@njit(cache=True, nogil=True)
def to_normal(words):  # type: ignore[no-untyped-def]
    """Turn each word into a standard normal number, kept as the bits of a float32."""
    for i in range(words.size):
        v = _I(words[i])
        a = v ^ (
            v >> _I(31)
        )  # distance to the middle of the distribution, and the side in the sign of v
        t = (_F(a) + _HALF) * _PER_WORD
        y = (_F(_I(_LAST - a)) + _HALF) * _PER_WORD * (_ONE + t)  # 1 - t^2
        bits = _F(y).view(np.int32)
        exponent = _I(_I(bits - _SQRT_HALF_BITS) >> _FRACTION)
        f = _I(bits - _I(exponent << _FRACTION)).view(np.float32) - _ONE
        d = f - _LOG_MIDDLE
        s = _fused(d, _fused(d, _L[7], _L[6]), _L[5])
        s = _fused(d, _fused(d, s, _L[4]), _L[3])
        s = _fused(d, _fused(d, _fused(d, s, _L[2]), _L[1]), _L[0])
        w = -_fused(_F(exponent), _LN2, f * s)
        d = w - _MIDDLE
        s = _fused(d, _fused(d, _P[8], _P[7]), _P[6])
        s = _fused(d, _fused(d, _fused(d, s, _P[5]), _P[4]), _P[3])
        s = _fused(d, _fused(d, _fused(d, s, _P[2]), _P[1]), _P[0])
        d = np.sqrt(w) - _TAIL_MIDDLE
        e = _fused(d, _fused(d, _Q[8], _Q[7]), _Q[6])
        e = _fused(d, _fused(d, _fused(d, e, _Q[5]), _Q[4]), _Q[3])
        e = _fused(d, _fused(d, _fused(d, e, _Q[2]), _Q[1]), _Q[0])
        z = t * (s if w < _FIVE else e)
        words[i] = _F(z if v >= 0 else -z).view(np.uint32)


@njit(cache=True, nogil=True)
def to_uniform(words):  # type: ignore[no-untyped-def]
    """Turn each word into a number from 0 in steps of 2**-24, kept as the bits of a float32."""
    for i in range(words.size):
        u = _F(_I(words[i] >> np.uint32(8))) * _F(2.0**-24)
        words[i] = _F(u).view(np.uint32)
