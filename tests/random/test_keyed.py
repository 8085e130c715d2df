"""Streams are addressed, not consumed: who asks, when and with whom does not matter."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from reliability.random import draw, stream

addresses = st.lists(st.tuples(*[st.integers(0, 1000)] * 3), min_size=1, max_size=6, unique=True)


@given(addresses, st.integers(-(2**40), 2**40), st.integers(1, 50))
@settings(max_examples=30, deadline=None)
def test_each_chip_alone_equals_all_together(where, seed, cells) -> None:
    together = draw(seed, "x", where, cells)
    for row, address in zip(together, where, strict=True):
        assert (draw(seed, "x", [address], cells)[0] == row).all()


def test_fewer_cells_are_the_first_of_more() -> None:
    assert (draw(3, "x", [[1, 2, 0]], 10) == draw(3, "x", [[1, 2, 0]], 1000)[:, :10]).all()


def test_threads_change_nothing() -> None:
    where = [[w, d, 0] for w in range(3) for d in range(4)]
    large = draw(1, "x", where, 100_000)  # above the size that is filled in parallel
    assert (large[7] == draw(1, "x", [where[7]], 100_000)[0]).all()


def test_streams_of_neighbours_are_independent_normals() -> None:
    n = 20_000
    columns = [
        draw(0, p, [[w, d, c]], n)[0]
        for p, w, d, c in (
            ("a", 0, 0, 0),
            ("b", 0, 0, 0),
            ("a", 1, 0, 0),
            ("a", 0, 1, 0),
            ("a", 0, 0, 1),
        )
    ]
    correlation = np.corrcoef(columns) - np.eye(5)
    assert np.abs(correlation).max() < 5 / np.sqrt(n)
    assert min(stats.kstest(c, "norm").pvalue for c in columns) > 1e-4


def test_stream_is_the_published_philox() -> None:
    """Same words as NumPy's Philox at that key and counter, so the keying is what it says."""
    generator = stream(7, "relaxation", 3, 2, 1)
    state = generator.bit_generator.state["state"]
    assert list(state["counter"]) == [0, 3, 2, 1]


def test_both_dtypes_hold_the_same_numbers() -> None:
    where = [[0, 1, 2], [3, 4, 5]]
    single, double = (draw(9, "x", where, 1000, dtype=t) for t in (np.float32, np.float64))
    assert (single == double).all()
    single, double = (
        draw(9, "x", where, 1000, distribution="uniform", dtype=t) for t in (np.float32, np.float64)
    )
    assert (single == np.floor(double * 2**24) / 2**24).all()


def test_uniform_numbers_have_all_bits() -> None:
    u = draw(9, "x", [[0, 0, 0]], 200_000, distribution="uniform")[0]
    assert 0 < u.min() < u.max() < 1
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert stats.kstest((u * 2**40) % 1, "uniform").pvalue > 1e-3  # bits of the second word
