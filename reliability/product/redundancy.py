"""Redundancy of cells: several cells for one bit.

- ``majority``: an odd number k of cells hold the bit, the majority of their reads decides;
- ``pair``: two cells hold the bit and its complement, a read compares their conductances (2T2R);
  it is wrong where the HRS cell conducts more than the LRS cell.

Spare rows, columns and blocks are `spared_failure` and the spare words of `macro_failures`.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, whole_number
from reliability.product.error_correction import uncorrectable_probability

Floats = NDArray[np.float64]


def majority_error_rate(error_rate: ArrayLike, *, cells: int) -> Floats | float:
    """Return the bit-error rate of the majority of independent cells.

    Parameters
    ----------
    error_rate : array_like
        Of one cell, 0 to 1.
    cells : int
        Odd.

    Raises
    ------
    InputError
        An even number of cells, a rate outside 0 to 1.

    Examples
    --------
    >>> print(f"{majority_error_rate(1e-3, cells=3):.3e}")  # 3 p^2 - 2 p^3
    2.998e-06
    """
    cells = whole_number(cells, "cells", low=1)
    if cells % 2 == 0:
        raise InputError(f"cells: got {cells}, allowed odd numbers")
    return uncorrectable_probability(error_rate, bits=cells, corrects=cells // 2)


def pair_misread_rate(lrs: ArrayLike, hrs: ArrayLike) -> float:
    """Return the error rate of pairs: P(HRS conducts at least as much as LRS) of all pairs.

    Parameters
    ----------
    lrs, hrs : array_like
        Conductances of cells in either state, S; each LRS cell is compared with each HRS cell,
        which are independent.

    Examples
    --------
    >>> pair_misread_rate([1e-4, 2e-4], [1e-5, 1.5e-4])
    0.25
    """
    low, high = np.sort(np.ravel(np.asarray(hrs, float))), np.ravel(np.asarray(lrs, float))
    if not low.size or not high.size:
        raise InputError("lrs, hrs: got no cells")
    below = np.searchsorted(low, high, side="left")  # HRS cells that conduct less
    return float(1 - below.mean() / low.size)
