"""Outlier dies of a wafer map, with the rate of false discoveries under control."""

from typing import TYPE_CHECKING

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError, fraction

if TYPE_CHECKING:
    import pandas as pd

Array = NDArray[np.float64]

_SUSPECT = 3.5  # robust deviations beyond which a die does not enter the trend


def outlier_dies(
    values: ArrayLike, x: ArrayLike, y: ArrayLike, *, false_discovery_rate: float = 0.05
) -> "pd.DataFrame":
    """Find dies that do not follow the smooth trend of their wafer.

    Parameters
    ----------
    values : array_like, shape (n,)
        One value per die, at least 20; logarithms of skewed quantities.
    x, y : array_like, shape (n,)
        Position of the die, in any one unit.
    false_discovery_rate : float
        Expected fraction of good dies among those that are flagged.

    Returns
    -------
    pandas.DataFrame
        ``x``, ``y``, ``value``, ``expected`` (trend), ``deviation`` (in standard errors),
        ``p_value``, ``adjusted`` (for the number of dies) and ``outlier``.

    Raises
    ------
    InputError
        Fewer than 20 dies, columns of different lengths, or positions on a line.

    Notes
    -----
    The trend is a quadratic surface in x and y. A robust fit (Huber, statsmodels) marks suspects;
    the surface is fitted again by least squares to the others, each die is compared with the fit to
    all but itself (Student's t), and p-values are adjusted by Benjamini and Hochberg's method [1]_.

    References
    ----------
    .. [1] Y. Benjamini, Y. Hochberg, J. R. Stat. Soc. B 57, 289 (1995),
       doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> x, y = (a.ravel() for a in np.meshgrid(np.arange(10), np.arange(10)))
    >>> value = 5 + 0.1 * x + np.random.default_rng(0).normal(0, 0.2, 100)
    >>> value[34] += 2
    >>> found = outlier_dies(value, x, y)
    >>> found.index[found["outlier"]].tolist()
    [34]
    """
    import pandas as pd
    import statsmodels.api as sm
    from statsmodels.stats.multitest import multipletests

    fraction(false_discovery_rate, "false_discovery_rate")
    value, *place = (np.asarray(column, float).ravel() for column in (values, x, y))
    for name, column in zip(("values", "x", "y"), (value, *place), strict=True):
        if column.size != value.size:
            raise InputError(f"{name}: got {column.size} rows, expected {value.size}")
        if not np.all(np.isfinite(column)):
            row = int(np.argmin(np.isfinite(column)))
            raise InputError(f"{name}: row {row} is not a finite number")
    if value.size < 20:
        raise InputError(f"values: got {value.size} dies, at least 20 are required for a trend")
    a, b = ((p - p.mean()) / (np.std(p) or 1.0) for p in place)
    surface = np.column_stack([np.ones_like(a), a, b, a * a, a * b, b * b])
    if np.linalg.matrix_rank(surface) < surface.shape[1]:
        raise InputError("x, y: the dies do not span a surface, at least 3 rows and columns are")
    if np.ptp(value) == 0:
        raise InputError("values: all are equal")
    robust = sm.RLM(value, surface).fit()
    kept = np.abs(robust.resid) <= _SUSPECT * robust.scale
    design = surface[kept]
    inverse = np.linalg.pinv(design.T @ design)
    leverage = np.einsum("ij,jk,ik->i", surface, inverse, surface)
    trend = surface @ (inverse @ design.T @ value[kept])
    residual = value - trend
    degrees = int(kept.sum()) - surface.shape[1]
    total = float(np.sum(residual[kept] ** 2))
    # A die that is in the fit is taken out of it and of the variance; the others never were.
    left = np.where(kept, 1 - leverage, 1.0)
    of_others = np.where(kept, (total - residual**2 / left) / (degrees - 1), total / degrees)
    spread = np.where(kept, left, 1 + leverage)
    deviation = residual / np.sqrt(np.maximum(of_others, 1e-300) * spread)
    p_value = 2 * scipy.stats.t.sf(np.abs(deviation), np.where(kept, degrees - 1, degrees))
    flagged, adjusted, *_ = multipletests(p_value, false_discovery_rate, "fdr_bh")
    return pd.DataFrame(
        {"x": place[0], "y": place[1], "value": value, "expected": trend, "deviation": deviation,
         "p_value": p_value, "adjusted": adjusted, "outlier": flagged}
    )  # fmt: skip
