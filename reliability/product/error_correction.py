"""Error correction: words and blocks that fail although a code corrects some of their bits.

A code of ``bits`` bits per word corrects every pattern of at most ``corrects`` wrong bits. With
independent bits of error rate p the word fails with probability

    P(X > t) = I_p(t + 1, n - t),    X ~ Binomial(n, p),

I being the regularised incomplete beta function [1]_, which keeps its digits down to the smallest
float. Permanent errors (stuck cells, lost states) and transient errors (noise of one read) are kept
apart: a permanent error uses up the correction of its word for good, `failure_over_reads`.

Valid for bits that fail independently with one error rate. Chips that differ in p fail more often
than their mean rate says: average the failure probability over chips, not p. Bits of one word that
share a failing line need interleaving to come close to independence (`interleaved_failure`).
Miscorrection of patterns beyond ``corrects`` counts as failure.

.. [1] NIST Digital Library of Mathematical Functions, section 8.17(i),
   https://dlmf.nist.gov/8.17#i.
.. [2] S. Lin, D. J. Costello, "Error Control Coding", 2nd ed., Pearson, 2004, chapters 3 and 6.
"""

from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy import special

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
        check = bits - whole_number(self.data_bits, "data_bits", 1, bits)
        patterns = sum(special.comb(bits, k, exact=True) for k in range(corrects + 1))
        if patterns > 2**check:
            raise InputError(f"code: {check} check bits can't correct {corrects} of {bits} bits")

    @property
    def overhead(self) -> float:
        """Check bits per data bit."""
        return self.bits / self.data_bits - 1


def secded(data_bits: int) -> Code:
    """Return the extended Hamming code: corrects one wrong bit and detects two [2]_.

    >>> [secded(n).bits for n in (8, 16, 32, 64, 128)]
    [13, 22, 39, 72, 137]
    """
    whole_number(data_bits, "data_bits", low=1)
    check = next(r for r in range(2, 64) if 2**r >= data_bits + r + 1)
    return Code(data_bits + check + 1, data_bits, 1)


def bch(data_bits: int, *, corrects: int) -> Code:
    """Return the shortened primitive BCH code: m check bits for each corrected bit [2]_.

    The field GF(2^m) is the smallest that holds the word. Some BCH codes need fewer check bits
    than m times ``corrects``; this is the bound that always suffices.
    """
    whole_number(corrects, "corrects", low=1)
    whole_number(data_bits, "data_bits", low=1)
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
        found = found + scipy.stats.binom.pmf(k, bits, stays) * _ever(each, reads)
    found = np.minimum(found, 1.0)
    return found if found.ndim else float(found)


def failure_of_weak_cells(
    probability: ArrayLike, rate: ArrayLike, reads: float, *, bits: int, corrects: int = 0
) -> Floats:
    """Return the probability that a word fails in at least one of many reads, its cells unlike.

    A cell belongs to class c with probability p_c and is misread in a fraction r_c of its reads,
    again and again the same cell: a cell near the reference, or with a large trap. Classes of the
    largest rates are enumerated; the others enter as one mean rate, which gives no less, since
    1 - (1 - f)^reads is concave in f (Jensen); patterns of more than ``corrects + 2`` enumerated
    cells count as failures. Of all numbers of enumerated classes the least bound is returned: an
    upper bound, exact for one read.

    Parameters
    ----------
    probability : array_like, shape (..., classes)
        Of a cell to be in each class; the rest up to 1 is never misread.
    rate : array_like, shape (classes,)
        Fraction of its reads in which a cell of the class is misread.
    reads : float
        Reads of the word, 1 or more.
    bits, corrects : int
        As for `uncorrectable_probability`.

    Returns
    -------
    ndarray, shape (...)

    Raises
    ------
    InputError
        A probability or rate outside 0 to 1, fewer reads than one, sizes that do not match.

    Examples
    --------
    Two cells of 39 that each err once in a million reads hardly ever err together:

    >>> bound = failure_of_weak_cells([1e-4], [1e-6], 1e6, bits=39, corrects=1)
    >>> print(f"{bound:.1e}")
    7.4e-12
    """
    p, r = _probability("probability", probability), _probability("rate", rate)
    bits, corrects = _word(bits, corrects)
    if not reads >= 1 or not np.isfinite(reads):
        raise InputError(f"reads: got {reads!r}, allowed 1 or more")
    if r.ndim != 1 or p.shape[-1:] != r.shape:
        raise InputError(f"rate: got {r.size} classes for probabilities of {p.shape[-1:]}")
    order = np.argsort(-r)
    p, r = p[..., order], r[order]
    most = r.size if corrects < 3 else min(r.size, 4)
    tries = [_weak_bound(p, r, reads, bits, corrects, top) for top in range(most + 1)]
    return np.minimum(np.min(tries, axis=0), 1.0)


def _weak_bound(p: Floats, r: Floats, reads: float, bits: int, corrects: int, top: int) -> Floats:
    """Bound with the ``top`` classes of the largest rates enumerated, the others as one rate."""
    background = p[..., top:] @ r[top:]
    weak, logs = p[..., :top].sum(-1), np.log(np.maximum(p[..., :top], 1e-300))
    if top == 0:
        one = np.asarray(uncorrectable_probability(background, bits=bits, corrects=corrects))
        return _ever(one, reads)
    size = min(corrects + 2, bits)
    total = np.asarray(uncorrectable_probability(weak, bits=bits, corrects=size)).copy()
    for m in range(size + 1):
        left = bits - m
        tails = [  # of the background, where the enumerated cells leave so many to correct
            np.asarray(
                uncorrectable_probability(background, bits=left, corrects=corrects - j)
                if left > corrects - j >= 0
                else np.full_like(background, float(corrects - j < 0))
            )
            for j in range(m + 1)
        ]
        with np.errstate(divide="ignore"):
            others = special.gammaln(bits + 1) - special.gammaln(left + 1)
            others = others + left * np.log1p(-np.minimum(weak, 1.0))
        for chosen in combinations_with_replacement(range(top), m):
            count = np.bincount(chosen, minlength=top)
            wrong = np.ones(1)
            for k in chosen:
                wrong = np.convolve(wrong, [1 - r[k], r[k]])
            fails = sum(w * tail for w, tail in zip(wrong, tails, strict=True))
            ways = others - special.gammaln(count + 1).sum() + logs @ count
            total += np.exp(ways) * _ever(np.asarray(fails), reads)
    return total


def _ever(each: Floats, reads: float) -> Floats:
    """Return the probability of at least one failure in so many reads."""
    with np.errstate(divide="ignore"):
        return np.asarray(-np.expm1(reads * np.log1p(-np.minimum(each, 1.0))))


def interleaved_failure(
    bit_error_rate: float, burst_rate: float, burst: int, *, bits: int, corrects: int = 0,
    depth: int = 1,
) -> float:  # fmt: skip
    """Return the probability that a word fails where bursts hit neighbouring cells of its row.

    Neighbouring cells belong to ``depth`` words in turn, so that a burst of at most that length
    takes one bit of each. Exact, by following the cells of the row one after the other with the
    cells of a burst that are left and the wrong bits of the word so far.

    Parameters
    ----------
    bit_error_rate : float
        Of cells outside bursts, which are independent.
    burst_rate : float
        Probability that a burst begins at a cell: a line defect, a short to the next line.
    burst : int
        Cells that it makes wrong.
    bits, corrects : int
        As for `uncorrectable_probability`.
    depth : int
        Words that are interleaved.

    Raises
    ------
    InputError
        A rate outside 0 to 1, or fewer cells or words than one.

    Examples
    --------
    Bursts of four cells, of one word and of four in turn:

    >>> [f"{interleaved_failure(0.0, 1e-6, 4, bits=72, corrects=1, depth=d):.1e}" for d in (1, 4)]
    ['7.3e-05', '4.1e-08']
    """
    p, q = (float(_probability(name, rate)) for name, rate in
            (("bit_error_rate", bit_error_rate), ("burst_rate", burst_rate)))  # fmt: skip
    bits, corrects = _word(bits, corrects)
    burst = whole_number(burst, "burst", low=1)
    depth = whole_number(depth, "depth", low=1)
    # rows: cells of a burst that are left; columns: wrong bits so far, the last: too many
    state = np.zeros((burst + 1, corrects + 2))
    state[0, 0] = 1.0
    for cell in range(-burst, bits * depth):
        begun = q * state.sum(axis=0)
        state *= 1 - q
        state[burst] += begun
        if cell >= 0 and cell % depth == 0:
            wrong = np.where(np.arange(burst + 1) > 0, 1.0, p)[:, None] * state
            state = state - wrong
            state[:, 1:] += wrong[:, :-1]
            state[:, -1] += wrong[:, -1]
        state[0] += state[1]
        state[1:] = np.vstack([state[2:], np.zeros(corrects + 2)])
    return float(state[:, -1].sum())


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
    whole_number(parts, "parts", low=1)
    whole_number(spares, "spares")
    return uncorrectable_probability(
        _probability("part_failure", part_failure), bits=parts + spares, corrects=spares
    )


def _probability(name: str, value: ArrayLike) -> Floats:
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError):
        raise InputError(f"{name}: got {value!r}, expected numbers from 0 to 1") from None
    if not ((array >= 0) & (array <= 1)).all():
        bad = array[~((array >= 0) & (array <= 1))].ravel()[0]
        raise InputError(f"{name}: got {bad:g}, allowed 0 to 1")
    return array


def _word(bits: int, corrects: int) -> tuple[int, int]:
    bits = whole_number(bits, "bits", low=1)
    return bits, whole_number(corrects, "corrects", high=bits)
