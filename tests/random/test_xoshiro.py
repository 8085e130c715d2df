"""The small generators of compiled loops against whole numbers of Python and the normal law."""

from math import exp, log1p

import numba
import numpy as np
import pytest
from scipy import stats

from reliability.random import xoshiro as normals

LOW = 2**64 - 1


def rotated(word: int, places: int) -> int:
    return (word << places | word >> (64 - places)) & LOW


class Xoshiro:
    """xoshiro256++ as its authors describe it."""

    def __init__(self, words) -> None:
        self.s = [int(word) for word in words]

    def bits(self) -> int:
        s = self.s
        out = (rotated((s[0] + s[3]) & LOW, 23) + s[0]) & LOW
        t = s[1] << 17 & LOW
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)
        return out

    def unit(self) -> float:
        return (self.bits() >> 11) / 2**53

    def normal(self, edges) -> float:
        """Marsaglia and Tsang's ziggurat: a layer, a sign and a place in it, until one is under
        the curve.
        """
        tail = edges[1]
        while True:
            bits = self.bits()
            layer, sign = bits & 0xFF, -1 if bits & 0x100 else 1
            x = (bits >> 11) / 2**53 * edges[layer]
            if x < edges[layer + 1]:
                return sign * x
            if layer == 0:
                while True:
                    a, b = -log1p(-self.unit()) / tail, -log1p(-self.unit())
                    if 2 * b > a * a:
                        return sign * (tail + a)
            low, high = (exp(-(edges[k] ** 2) / 2) for k in (layer, layer + 1))
            if low + self.unit() * (high - low) < exp(-x * x / 2):
                return sign * x


@numba.njit
def many(words, count):  # type: ignore[no-untyped-def]
    out = np.empty(count)
    s0, s1, s2, s3 = words
    for i in range(count):
        out[i], s0, s1, s2, s3 = normals.normal(s0, s1, s2, s3)
    return out, (s0, s1, s2, s3)


@pytest.fixture(scope="module")
def edges():
    """Outer edge of each layer: the base with its tail, then boxes of the same area to the top."""
    return np.append(normals._WIDTH * 2.0**53, 0.0)


def test_bits_are_those_of_the_published_generator() -> None:
    """First words of the state 1, 2, 3, 4, as the authors' C program prints them."""
    generator = Xoshiro([1, 2, 3, 4])
    words = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205]
    assert [generator.bits() for _ in words] == words


def test_layers_have_one_area(edges) -> None:
    density = np.exp(-(edges**2) / 2)
    areas = edges[1:-1] * np.diff(density[1:])
    tail = np.sqrt(2 * np.pi) * stats.norm.sf(edges[1])
    assert areas == pytest.approx(edges[1] * density[1] + tail, rel=1e-9)
    assert edges[0] * density[1] == pytest.approx(areas[0], rel=1e-9)


def test_normal_numbers_are_those_of_plain_python(edges) -> None:
    """Enough of them for the sides of layers and both tails, 1 in 4000 of all."""
    words = np.random.default_rng(8).integers(0, 2**64, 4, dtype=np.uint64)
    found, after = many(words, 60_000)
    generator = Xoshiro(words)
    expected = [generator.normal(edges) for _ in found]
    np.testing.assert_allclose(found, expected, rtol=1e-13)
    assert list(after) == generator.s
    assert min(np.sum(found > edges[1]), np.sum(found < -edges[1])) > 0
