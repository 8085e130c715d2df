"""Error correction: words and blocks that fail although a code corrects some of their bits.

A code of ``bits`` bits per word corrects every pattern of at most ``corrects`` wrong bits. With
independent bits of error rate p the word fails with probability

    P(X > t) = I_p(t + 1, n - t),    X ~ Binomial(n, p),

I being the regularised incomplete beta function [1]_, which keeps its digits down to the smallest
float. Permanent errors (stuck cells, lost states) and transient errors (noise of one read) are kept
apart: a permanent error uses up the correction of its word for good, `failure_over_reads`.

Valid for bits that fail independently with one error rate. Chips that differ in p fail more often
than their mean rate says: average the failure probability over chips, not p. Bits of one word that
share a failing line need interleaving to come close to independence. Miscorrection of patterns
beyond ``corrects`` counts as failure.

.. [1] NIST Digital Library of Mathematical Functions, section 8.17(i),
   https://dlmf.nist.gov/8.17#i.
.. [2] S. Lin, D. J. Costello, "Error Control Coding", 2nd ed., Pearson, 2004, chapters 3 and 6.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from reliability.errors import InputError, whole_number

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Code:
    """A block code.

    Parameters
    ----------
    bits : int
        Bits of a word, check bits included.
    data_bits : int
        Bits of a word that hold data.
    corrects : int
        Wrong bits of a word that are always corrected.

    Raises
    ------
    InputError
        Numbers that no binary code has: more data bits than bits, or fewer check bits than the
        sphere-packing (Hamming) bound requires.

    Examples
    --------
    >>> secded(64)
    Code(bits=72, data_bits=64, corrects=1)
    >>> bch(512, corrects=4).bits
    552
    """

    bits: int
    data_bits: int
    corrects: int

    def __post_init__(self) -> None:
        bits, corrects = _word(self.bits, self.corrects)
        if isinstance(self.data_bits, bool) or not 1 <= self.data_bits <= bits:
            raise InputError(f"data_bits: got {self.data_bits!r}, allowed 1 to {bits}")
        patterns = sum(special.comb(bits, k, exact=True) for k in range(corrects + 1))
        if patterns > 2 ** (bits - self.data_bits):
            raise InputError(
                f"code: {bits - self.data_bits} check bits can't correct {corrects} of {bits} bits"
            )

    @property
    def overhead(self) -> float:
        """Check bits per data bit."""
        return self.bits / self.data_bits - 1


def secded(data_bits: int) -> Code:
    """Return the extended Hamming code: corrects one wrong bit and detects two [2]_.

    >>> [secded(n).bits for n in (8, 16, 32, 64, 128)]
    [13, 22, 39, 72, 137]
    """
    if isinstance(data_bits, bool) or data_bits < 1:
        raise InputError(f"data_bits: got {data_bits!r}, allowed 1 or more")
    check = next(r for r in range(2, 64) if 2**r >= data_bits + r + 1)
    return Code(data_bits + check + 1, data_bits, 1)


def bch(data_bits: int, *, corrects: int) -> Code:
    """Return the shortened primitive BCH code: m check bits for each corrected bit [2]_.

    The field GF(2^m) is the smallest that holds the word. Some BCH codes need fewer check bits
    than m times ``corrects``; this is the bound that always suffices.
    """
    if isinstance(corrects, bool) or corrects < 1:
        raise InputError(f"corrects: got {corrects!r}, allowed 1 or more")
    if isinstance(data_bits, bool) or data_bits < 1:
        raise InputError(f"data_bits: got {data_bits!r}, allowed 1 or more")
    m = next(m for m in range(2, 64) if 2**m - 1 >= data_bits + m * corrects)
    return Code(data_bits + m * corrects, data_bits, corrects)


def uncorrectable_probability(
    bit_error_rate: ArrayLike, *, bits: int, corrects: int = 0
) -> Floats | float:
    """Return the probability that a word has more wrong bits than its code corrects.

    Parameters
    ----------
    bit_error_rate : array_like
        Probability that a bit is wrong, 0 to 1; bits are independent.
    bits : int
        Bits of a word, check bits included.
    corrects : int
        Wrong bits of a word that are corrected.

    Returns
    -------
    ndarray or float
        Of the shape of ``bit_error_rate``; relative error below 1e-12 down to 1e-300.

    Raises
    ------
    InputError
        A rate outside 0 to 1, a word without bits, more corrected bits than there are.

    Examples
    --------
    >>> print(f"{uncorrectable_probability(1e-6, bits=72, corrects=1):.4e}")
    2.5559e-09
    """
    rate = _probability("bit_error_rate", bit_error_rate)
    bits, corrects = _word(bits, corrects)
    if corrects == bits:
        found = np.zeros_like(rate)
    elif corrects == 0:
        with np.errstate(divide="ignore"):
            found = -np.expm1(bits * np.log1p(-rate))
    else:
        found = special.betainc(corrects + 1.0, float(bits - corrects), rate)
    return found if found.ndim else float(found)


def failure_over_reads(
    permanent: ArrayLike, transient: ArrayLike, reads: float, *, bits: int, corrects: int = 0
) -> Floats | float:
    """Return the probability that a word fails in at least one of many reads.

    A word with k permanent errors still corrects ``corrects - k`` transient ones in each read:
    the sum over k ~ Binomial(bits, permanent) of 1 - (1 - P(T > corrects - k))^reads with
    T ~ Binomial(bits - k, transient).

    Parameters
    ----------
    permanent, transient : array_like
        Probability that a bit is wrong for good, and that a read of a good bit is wrong.
    reads : float
        Reads of the word, each with transient errors of its own.
    bits, corrects : int
        As for `uncorrectable_probability`.

    Examples
    --------
    >>> one = failure_over_reads(1e-6, 0.0, 1e9, bits=72, corrects=1)
    >>> abs(one / uncorrectable_probability(1e-6, bits=72, corrects=1) - 1) < 1e-9
    True
    """
    stays = _probability("permanent", permanent)
    passing = _probability("transient", transient)
    bits, corrects = _word(bits, corrects)
    if not reads >= 0 or not np.isfinite(reads):
        raise InputError(f"reads: got {reads!r}, allowed 0 or more")
    stays, passing = np.broadcast_arrays(stays, passing)
    found = np.asarray(uncorrectable_probability(stays, bits=bits, corrects=corrects), float)
    for k in range(corrects + 1 if reads else 0):
        each = np.asarray(
            uncorrectable_probability(passing, bits=bits - k, corrects=corrects - k)
            if bits > k
            else np.zeros_like(passing)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ever = np.where(each < 1, -np.expm1(reads * np.log1p(-np.minimum(each, 1.0))), 1.0)
        found = found + stats.binom.pmf(k, bits, stays) * ever
    found = np.minimum(found, 1.0)
    return found if found.ndim else float(found)


def block_failure(word_failure: ArrayLike, words: float) -> Floats | float:
    """Return the probability that at least one of the independent words of a block fails.

    >>> print(f"{block_failure(2.556e-9, 16384):.3e}")
    4.188e-05
    """
    rate = _probability("word_failure", word_failure)
    if not words >= 0:
        raise InputError(f"words: got {words!r}, allowed 0 or more")
    with np.errstate(divide="ignore"):
        found = -np.expm1(words * np.log1p(-rate))
    return found if found.ndim else float(found)


def spared_failure(part_failure: ArrayLike, *, parts: int, spares: int) -> Floats | float:
    """Return the probability that more parts fail than spares replace.

    Parts (rows, columns, blocks) and their spares fail alike and independently: more than
    ``spares`` of ``parts + spares`` are bad.

    >>> print(f"{spared_failure(1e-4, parts=1024, spares=4):.2e}")
    8.70e-08
    """
    if isinstance(parts, bool) or parts < 1:
        raise InputError(f"parts: got {parts!r}, allowed 1 or more")
    if isinstance(spares, bool) or spares < 0:
        raise InputError(f"spares: got {spares!r}, allowed 0 or more")
    return uncorrectable_probability(
        _probability("part_failure", part_failure), bits=parts + spares, corrects=spares
    )


def _probability(name: str, value: ArrayLike) -> Floats:
    array = np.asarray(value, float)
    if not ((array >= 0) & (array <= 1)).all():
        bad = array[~((array >= 0) & (array <= 1))].ravel()[0]
        raise InputError(f"{name}: got {bad:g}, allowed 0 to 1")
    return array


def _word(bits: int, corrects: int) -> tuple[int, int]:
    bits = whole_number(bits, "bits", low=1)
    return bits, whole_number(corrects, "corrects", high=bits)
