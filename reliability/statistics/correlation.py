"""Correlation from cycle to cycle: its shape, its memory, and how many values really count."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft, optimize

from reliability.errors import InputError
from reliability.random import stream

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
    x = x - x.mean(1, keepdims=True)
    size = fft.next_fast_len(2 * n, real=True)
    power = np.abs(fft.rfft(x, size, axis=1)) ** 2
    covariance = fft.irfft(power, size, axis=1)[:, : most + 1]
    return np.asarray(covariance / (n - np.arange(most + 1)), float)


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


def effective_sample_size(values: ArrayLike) -> float:
    """Number of independent values that estimate a mean as well as all cycles of all cells.

    Examples
    --------
    >>> x = np.repeat(np.random.default_rng(0).standard_normal((50, 100)), 4, axis=1)
    >>> 4000 < effective_sample_size(x) < 6000
    True
    """
    return _series(values).size / integrated_time(values)


class CycleMemory(NamedTuple):
    """A white part and a slow part: correlation ``share * exp(-lag / memory)`` at lags from 1.

    Each of ``share`` and ``memory`` (cycles) with its interval.
    """

    share: float
    share_low: float
    share_high: float
    memory: float
    memory_low: float
    memory_high: float


def cycle_memory(
    values: ArrayLike, *, lags: int = 50, confidence: float = 0.9, samples: int = 200, seed: int = 0
) -> CycleMemory:
    """Fit a fast, white part and a slow part with a memory to cycles.

    Parameters
    ----------
    values : array_like, shape (cells, cycles)
        At least 8 cells; the interval is a bootstrap over them.
    lags : int
        Largest lag that is fitted.
    confidence : float
    samples, seed : int
        Of the bootstrap.

    Returns
    -------
    CycleMemory

    Raises
    ------
    InputError
        Fewer than 8 cells, or fewer cycles than four times the lags.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> slow = np.zeros((200, 400))
    >>> for k in range(1, 400):
    ...     slow[:, k] = 0.95 * slow[:, k - 1] + rng.normal(0, 0.312, 200)
    >>> found = cycle_memory(slow[:, 100:] + rng.normal(0, 1, (200, 300)))
    >>> found.share_low < 0.5 < found.share_high, found.memory_low < 19.5 < found.memory_high
    (True, True)
    """
    x = _series(values)
    if len(x) < 8:
        raise InputError(f"values: got {len(x)} cells, at least 8 are required")
    if x.shape[1] < 4 * lags:
        raise InputError(f"lags: got {lags}, allowed up to a quarter of {x.shape[1]} cycles")
    each = autocovariance(x, x.shape[1] // 2)
    rng = stream(seed, "statistics.cycle_memory")
    picks = rng.integers(0, len(x), (samples, len(x)))
    fits = np.array([_fit_memory(each[pick].mean(0), x.shape[1], lags) for pick in picks])
    share, memory = _fit_memory(each.mean(0), x.shape[1], lags)
    ends = [0.5 - confidence / 2, 0.5 + confidence / 2]
    (s_low, m_low), (s_high, m_high) = np.quantile(fits, ends, axis=0)
    return CycleMemory(share, float(s_low), float(s_high), memory, float(m_low), float(m_high))


def _fit_memory(covariance: Array, cycles: int, lags: int) -> tuple[float, float]:
    """Least squares in which the mean of each series is removed from the model as from the data."""
    k = np.arange(1, lags + 1)
    data = covariance[1 : lags + 1] / covariance[0]
    distance = np.arange(1, cycles)

    def model(share: float, memory: float) -> Array:
        # Variance of the mean of `cycles` values, in units of the variance of one.
        slow = 2 * np.sum((1 - distance / cycles) * np.exp(-distance / memory)) * share
        lost = (1 + slow) / cycles
        return (share * np.exp(-k / memory) - lost) / (1 - lost)

    def residual(u: Array) -> Array:
        return model(1 / (1 + np.exp(-u[0])), np.exp(u[1])) - data

    found = optimize.least_squares(
        residual, [0.0, np.log(lags / 3)], bounds=([-12, np.log(0.2)], [12, np.log(20.0 * cycles)])
    )
    return float(1 / (1 + np.exp(-found.x[0]))), float(np.exp(found.x[1]))
