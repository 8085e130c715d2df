"""The vector generator against published words, SciPy's quantile and the laws it promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from reliability.errors import InputError
from reliability.random import draw, fill_float32, philox


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_words_are_those_of_the_known_answer_file(counter, key, words) -> None:
    """Known answers of philox4x32-10 in the Random123 library of Salmon et al."""
    out = np.empty((1, philox.TILE), np.uint32)
    joined = np.uint64(key[1] << 32 | key[0])
    block, first = counter[0] % 64, counter[0] // 64 * philox.TILE
    philox.fill_words(joined, np.array([counter[1:]], np.uint32), first, out)
    assert tuple(out[0, block::64].tolist()) == words


def test_normal_numbers_are_the_quantiles_of_their_words() -> None:
    ends = np.arange(50_000, dtype=np.uint32)
    words = np.concatenate(
        [ends, 2**31 - 1 - ends, 2**31 + ends, 2**32 - 1 - ends, np.arange(0, 2**32, 99_991)]
    ).astype(np.uint32)
    got = words.copy()
    philox.to_normal(got)
    z = got.view(np.float32).astype(float)
    signed = words.view(np.int32).astype(float) + 0.5  # from -2**31 to 2**31
    tail = (2.0**31 - np.abs(signed)) / 2.0**32
    expected = np.sign(signed) * -ndtri(tail)
    assert np.abs(z / expected - 1).max() < 1e-6
    assert np.abs(z).max() > 6.3


def test_uniform_numbers_are_the_upper_bits_of_their_words() -> None:
    words = np.array([0, 255, 256, 2**31, 2**32 - 1], np.uint32)
    philox.to_uniform(words)
    assert words.view(np.float32).tolist() == [0.0, 0.0, 2.0**-24, 0.5, 1 - 2.0**-24]


@given(st.integers(0, 20), st.integers(1, 600), st.sampled_from(["normal", "uniform"]))
@settings(max_examples=30, deadline=None)
def test_a_stream_can_be_entered_at_any_tile(tile, count, law) -> None:
    where = np.array([[1, 2, 3]])
    first = tile * philox.TILE
    whole = draw(5, "x", where, first + count, distribution=law, dtype=np.float32)
    part = np.empty((1, count), np.float32)
    fill_float32(part, 5, "x", where, first=first, distribution=law)
    assert (whole[0, first:] == part[0]).all()


def test_numbers_follow_their_laws_and_streams_are_independent() -> None:
    n = 2_000_000
    keys = [
        ("a", [0, 0, 0]),
        ("b", [0, 0, 0]),
        ("a", [1, 0, 0]),
        ("a", [0, 1, 0]),
        ("a", [0, 0, 1]),
    ]
    columns = [draw(0, p, [where], n, dtype=np.float32)[0].astype(float) for p, where in keys]
    together = np.concatenate(columns)
    for z in (2.0, 3.0, 4.0, 5.0):  # counts beyond z, each side, within five of their deviations
        expected = together.size * stats.norm.sf(z)
        for side in (together > z, together < -z):
            assert abs(side.sum() - expected) < 5 * np.sqrt(expected) + 1
    assert stats.kstest(together[:1_000_000], "norm").pvalue > 1e-4
    assert np.abs(np.corrcoef(columns) - np.eye(5)).max() < 5 / np.sqrt(n)
    for lag in (1, 64, 128, 256):
        assert abs(np.mean(columns[0][lag:] * columns[0][:-lag])) < 5 / np.sqrt(n)
    u = draw(0, "u", [[0, 0, 0]], n, distribution="uniform", dtype=np.float32)[0]
    assert stats.kstest(u[:1_000_000], "uniform").pvalue > 1e-4


def test_a_chip_beyond_the_counter_is_refused() -> None:
    with pytest.raises(InputError, match="address"):
        draw(0, "x", [[0, 0, 2**32]], 4, dtype=np.float32)
