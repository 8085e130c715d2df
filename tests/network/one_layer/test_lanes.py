"""Eight lanes against NumPy arrays of eight."""

import numpy as np
import pytest
from numba import njit

from reliability.network.one_layer.lanes import LANES, bits, choose, load, repeat, store

A = np.array([0.1, -2.5, 3e-8, 4.0, -0.0, 1e30, 7.7, -1.0], dtype=np.float32)
B = np.array([0.2, -2.5, 1e8, -4.0, 0.0, 1e29, 7.6, 3.0], dtype=np.float32)
I = np.array([3, -2, 2**31 - 1, 0, 5, 5, -7, 1], dtype=np.int32)  # noqa: E741
J = np.array([2, -2, 1, 0, 6, 4, -9, 2], dtype=np.int32)


@njit
def arithmetic(a, b, out):  # type: ignore[no-untyped-def]
    """Sum and difference."""
    x, y = load(a, 0), load(b, 0)
    store(out, 0, x + y)
    store(out, LANES, x - y)


@njit
def compare(a, b, out):  # type: ignore[no-untyped-def]
    """Masks of >=, <= and >, their conjunction, and the larger of each pair."""
    x, y = load(a, 0), load(b, 0)
    store(out, 0, choose(x > y, x, y))
    return bits(x >= y), bits(x <= y), bits(x > y), bits((x >= y) & (x <= y))


@njit
def scale(a, number, out):  # type: ignore[no-untyped-def]
    """Product with one number."""
    store(out, 0, load(a, 0) * repeat(number))


@pytest.mark.parametrize(("a", "b"), [(A, B), (I, J)])
def test_every_lane_is_computed_as_a_number_alone(a, b) -> None:
    out = np.empty(2 * LANES, a.dtype)
    arithmetic(a, b, out)
    with np.errstate(over="ignore"):
        assert out.tolist() == np.concatenate([a + b, a - b]).tolist()
    masks = compare(a, b, out)
    expected = (a >= b, a <= b, a > b, a == b)
    assert masks == tuple(int((m << np.arange(LANES)).sum()) for m in expected)
    assert out[:LANES].tolist() == np.maximum(a, b).tolist()


def test_a_product_is_rounded_once() -> None:
    out = np.empty(LANES, np.float32)
    scale(A, np.float32(0.97), out)
    assert out.tolist() == (A * np.float32(0.97)).tolist()
