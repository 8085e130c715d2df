"""Words that fail although a code corrects: exact enumeration, published codes, simulation."""

from fractions import Fraction
from math import comb

import numpy as np
import pytest

import reliability as rel
from reliability.product import (
    Code,
    bch,
    block_failure,
    failure_over_reads,
    interleaved_failure,
    secded,
    spared_failure,
    uncorrectable_probability,
)


def exact(rate: Fraction, bits: int, corrects: int) -> Fraction:
    """One minus the sum of the binomial terms that are corrected, in exact arithmetic."""
    good = sum(comb(bits, k) * rate**k * (1 - rate) ** (bits - k) for k in range(corrects + 1))
    return 1 - good


@pytest.mark.parametrize(
    ("bits", "corrects"), [(1, 0), (7, 1), (39, 1), (72, 1), (72, 0), (552, 4), (64, 63), (8, 8)]
)
def test_words_follow_the_exact_sum(bits, corrects) -> None:
    rates = [Fraction(1, 10**k) for k in (0, 1, 2, 3, 6, 9, 12, 15)] + [Fraction(1, 2)]
    found = uncorrectable_probability([float(r) for r in rates], bits=bits, corrects=corrects)
    # float(1/10^k) is not 1/10^k: the exact sum is taken at the float
    wanted = [float(exact(Fraction(float(r)), bits, corrects)) for r in rates]
    assert found == pytest.approx(wanted, rel=1e-11, abs=0)


def test_tails_keep_their_digits_down_to_1e_300() -> None:
    """The leading term of the sum, C(72, 2) p^2, to its relative size."""
    rates = np.array([1e-10, 1e-50, 1e-150])
    found = uncorrectable_probability(rates, bits=72, corrects=1)
    assert found == pytest.approx(comb(72, 2) * rates**2, rel=1e-7, abs=0)


def test_codes_are_those_of_the_books() -> None:
    """Extended Hamming codes of memories; BCH over GF(2^13) with 13 bits an error, of NAND."""
    assert [secded(n).bits for n in (8, 16, 32, 64)] == [13, 22, 39, 72]
    nand = bch(4096, corrects=4)
    assert (nand.bits, nand.data_bits) == (4096 + 52, 4096)
    assert bch(512, corrects=4).overhead == pytest.approx(40 / 512)


def test_permanent_and_transient_errors_are_what_simulated_words_do() -> None:
    random = np.random.default_rng(5)
    bits, corrects, reads, words = 39, 1, 20, 40_000
    permanent, transient = 5e-3, 1e-3
    stuck = random.random((words, bits)) < permanent
    failed = stuck.sum(1) > corrects
    for _ in range(reads):
        noisy = stuck | (random.random((words, bits)) < transient)
        failed |= noisy.sum(1) > corrects
    found = failure_over_reads(permanent, transient, reads, bits=bits, corrects=corrects)
    assert failed.mean() == pytest.approx(found, abs=4 * np.sqrt(found * (1 - found) / words))


def test_limits_of_the_closed_forms() -> None:
    assert failure_over_reads(1e-3, 0.0, 1e9, bits=72, corrects=1) == pytest.approx(
        uncorrectable_probability(1e-3, bits=72, corrects=1), rel=1e-12
    )
    assert failure_over_reads(0.0, 1e-4, 1, bits=72, corrects=1) == pytest.approx(
        uncorrectable_probability(1e-4, bits=72, corrects=1), rel=1e-9
    )
    assert failure_over_reads(1e-3, 1e-4, 0, bits=72, corrects=1) == pytest.approx(
        uncorrectable_probability(1e-3, bits=72, corrects=1), rel=1e-12
    )
    assert failure_over_reads(0.0, 1e-4, 1e15, bits=72, corrects=1) == 1.0
    assert block_failure(1.0, 5) == 1.0
    assert block_failure(1e-18, 1e3) == pytest.approx(1e-15, rel=1e-9, abs=0)
    assert spared_failure(0.01, parts=10, spares=1) == pytest.approx(
        float(exact(Fraction(0.01), 11, 1)), rel=1e-12
    )


def test_chips_that_differ_fail_more_than_their_mean_rate_says() -> None:
    """Jensen: the failure of a corrected word is convex in the error rate."""
    rates = 1e-5 * np.exp(np.random.default_rng(1).normal(0, 1, 1000))
    each = uncorrectable_probability(rates, bits=72, corrects=1)
    assert np.mean(each) > 2 * uncorrectable_probability(rates.mean(), bits=72, corrects=1)


@pytest.mark.parametrize(
    ("says", "call"),
    [
        ("bit_error_rate: got 1.5", lambda: uncorrectable_probability(1.5, bits=72)),
        ("bit_error_rate: got nan", lambda: uncorrectable_probability([0.1, np.nan], bits=72)),
        ("bits: got 0", lambda: uncorrectable_probability(0.1, bits=0)),
        ("corrects: got 9", lambda: uncorrectable_probability(0.1, bits=8, corrects=9)),
        ("reads: got -1", lambda: failure_over_reads(0.1, 0.1, -1, bits=8)),
        ("data_bits: got 80", lambda: Code(72, 80, 1)),
        ("7 check bits can't correct 2 of 72 bits", lambda: Code(72, 65, 2)),
        ("spares: got -1", lambda: spared_failure(0.1, parts=5, spares=-1)),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(says, call) -> None:
    with pytest.raises(rel.InputError) as error:
        call()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("burst", "depth"), [(3, 3), (3, 8), (1, 1)])
def test_bursts_up_to_the_depth_leave_bits_independent(burst, depth) -> None:
    found = interleaved_failure(1e-3, 2e-4, burst, bits=39, corrects=1, depth=depth)
    rate = 1 - (1 - 1e-3) * (1 - 2e-4) ** burst
    assert found == pytest.approx(uncorrectable_probability(rate, bits=39, corrects=1), rel=1e-9)


@pytest.mark.parametrize("depth", [1, 2])
def test_longer_bursts_against_drawn_rows(depth) -> None:
    rng, burst, bits = np.random.default_rng(4), 5, 16
    cells = bits * depth
    begins = rng.random((200_000, cells + burst - 1)) < 3e-3
    wrong = np.zeros((200_000, cells), bool)
    for k in range(burst):
        wrong |= begins[:, k : k + cells]
    own = wrong[:, ::depth] | (rng.random((200_000, bits)) < 0.01)
    counted = np.mean(own.sum(axis=1) > 2)
    found = interleaved_failure(0.01, 3e-3, burst, bits=bits, corrects=2, depth=depth)
    assert found == pytest.approx(counted, abs=4 * np.sqrt(counted / 200_000))
