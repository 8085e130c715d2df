"""What each of several causes adds to an effect, when all combinations of them are known."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError

MOST_CAUSES = 10  # 1024 combinations


def members(causes: int) -> NDArray[np.bool_]:
    """Return which causes are in each of the 2**causes combinations, in binary order.

    >>> members(2).astype(int).tolist()
    [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    number = np.arange(2**causes)
    return (number[:, None] >> np.arange(causes) & 1).astype(bool)


def shapley(effects: ArrayLike) -> NDArray[np.float64]:
    """Return each cause's Shapley value: its effect on top of others, over all orders of adding.

    Parameters
    ----------
    effects : array_like, shape (2**causes, ...)
        Effect of each combination of causes, in the order of `members`.

    Returns
    -------
    ndarray, shape (causes, ...)
        Their sum is the effect of all causes less that of none.

    Raises
    ------
    InputError
        A number of combinations that is no power of two.

    Notes
    -----
    ``phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S and i) - v(S))``: the only
    division that is efficient, symmetric, additive, and 0 for a cause that does nothing [1]_.

    References
    ----------
    .. [1] L. S. Shapley, "A value for n-person games", in Contributions to the Theory of Games II,
       Princeton, 1953, doi:10.1515/9781400881970-018.

    Examples
    --------
    Two causes that cost 1 and 2 alone, and 5 together:

    >>> shapley([0.0, 1.0, 2.0, 5.0]).tolist()
    [2.0, 3.0]
    """
    v = np.asarray(effects, float)
    causes = len(v).bit_length() - 1
    if len(v) != 2**causes:
        raise InputError(f"effects: got {len(v)} combinations, expected a power of two")
    inside = members(causes)
    size = inside.sum(axis=1)
    out = np.empty((causes, *v.shape[1:]))
    for i in range(causes):
        without = np.flatnonzero(~inside[:, i])
        weight = [1 / (causes * math.comb(causes - 1, int(s))) for s in size[without]]
        out[i] = np.tensordot(weight, v[without | 1 << i] - v[without], axes=1)
    return out
