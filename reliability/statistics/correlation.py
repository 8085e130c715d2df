"""Correlation from cycle to cycle, and how many values carry the information of one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.errors import InputError

Array = NDArray[np.float64]

_WINDOW = 5.0  # lags summed, in integrated times (Sokal)


def _series(values: ArrayLike) -> Array:
    x = np.atleast_2d(np.asarray(values, float))
    if x.ndim != 2 or x.shape[1] < 4:
        raise InputError(f"values: got shape {x.shape}, expected (cells, cycles), 4 cycles or more")
    if not np.all(np.isfinite(x)):
        raise InputError("values: got a value that is not finite; leave such cells out")
    return x


def autocovariance(values: ArrayLike, lags: int | None = None) -> Array:
    """Autocovariance of each cell, its own mean removed.

    Parameters
    ----------
    values : array_like, shape (cells, cycles) or (cycles,)
    lags : int, optional
        Largest lag; default: a quarter of the cycles.

    Returns
    -------
    ndarray, shape (cells, lags + 1)

    Raises
    ------
    InputError
        Too few cycles, or a value that is not finite.
    """
    x = _series(values)
    n = x.shape[1]
    most = n // 4 if lags is None else lags
    if not 0 <= most < n:
        raise InputError(f"lags: got {most}, allowed 0 to {n - 1}")
    from statsmodels.tsa.stattools import acovf

    return np.array([acovf(row, adjusted=True, fft=True, nlag=most) for row in x])


def autocorrelation(values: ArrayLike, lags: int | None = None) -> Array:
    """Autocorrelation pooled over cells, shape (lags + 1,); parameters as `autocovariance`.

    Notes
    -----
    Removing the mean of each cell makes the covariance too small by the variance of that mean;
    this is added back with the integrated time that the estimate itself gives.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 400))
    >>> bool(np.abs(autocorrelation(x, 5)[1:]).max() < 0.03)
    True
    """
    covariance = autocovariance(values, lags).mean(0)
    if covariance[0] <= 0:
        raise InputError("values: constant, there is no correlation to estimate")
    cycles = _series(values).shape[1]
    corrected = covariance
    for _ in range(20):
        time = _integrated(corrected / corrected[0])
        corrected = covariance + min(time / cycles, 0.5) * corrected[0]
    return corrected / corrected[0]


def _integrated(correlation: Array) -> float:
    """Integrated time with a window of five times itself."""
    times = 2 * np.cumsum(correlation) - 1
    beyond = np.arange(times.size) >= _WINDOW * times
    return max(float(times[np.argmax(beyond)] if beyond.any() else times[-1]), 1.0)


def integrated_time(values: ArrayLike) -> float:
    """Number of cycles that carry the information of one independent value, at least 1 [1]_.

    Parameters
    ----------
    values : array_like, shape (cells, cycles) or (cycles,)

    References
    ----------
    .. [1] A. Sokal, "Monte Carlo Methods in Statistical Mechanics", in "Functional Integration",
       Springer, 1997, doi:10.1007/978-1-4899-0319-8_6.

    Examples
    --------
    >>> x = np.random.default_rng(0).standard_normal((50, 400))
    >>> integrated_time(x) < 1.2
    True
    """
    cycles = _series(values).shape[1]
    return _integrated(autocorrelation(values, max(cycles // 2, 1)))
