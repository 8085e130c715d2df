"""Cycle-to-cycle variability: what ln R does from one SET/RESET cycle to the next.

A cell's deviate u in a state is a stationary Gaussian process of unit variance, a white part plus a
medium and a slow part that forget exponentially, correlated between LRS and HRS of one cycle:

    u_n = sqrt(1 - w_m - w_s) e_n + sqrt(w_m) a_n + sqrt(w_s) b_n
    a_n+1 = phi_m a_n + sqrt(1 - phi_m^2) e'_n,   phi = exp(-1/memory)   (b alike)
    cov(u_n, u_n+k) = w_m phi_m^k + w_s phi_s^k   for k > 0

It is the vector-autoregressive model of Hennen et al. [1]_ with the lags, of which their model has
many, summed up in two memories: measured ln R is nearly white from cycle to cycle and still
remembers after tens of cycles [2]_, [3]_. A sinh-arcsinh map h(u_n) [4]_ gives the deviate the
skew and the tails of a measured state (failed SET pulses are the tail of the LRS); what it adds to
a cell's deviation, and what resistance follows, is that of `devices.programming`.

Paths are stepped in the innovation form of the same process, the steady state of its Kalman filter,
which needs one normal number per state and cycle instead of three.

.. [1] T. Hennen et al., Front. Neurosci. 16, 941753 (2022), doi:10.3389/fnins.2022.941753.
.. [2] Range of about 40 cycles: doi:10.1109/LED.2016.2553370.
.. [3] Our computation on the data of github.com/akashlevy/RRAM-RADAR-Tuning @ 5038af3.
.. [4] M. C. Jones, A. Pewsey, Biometrika 96, 761 (2009), doi:10.1093/biomet/asp053.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from reliability.devices.shapes import inverse_sinh_arcsinh, sinh_arcsinh
from reliability.errors import InputError
from reliability.random import draw, stream
from reliability.random.xoshiro import normal
from reliability.technology import STATES, Technology


@dataclass(frozen=True)
class Cycles:
    """Correlated cycles of both states, each pair in the order (LRS, HRS).

    Parameters
    ----------
    memory : (float, float)
        Cycles after which the medium and the slow part have fallen to 1/e.
    medium, slow : (float, float)
        Fraction of the variance in the medium and in the slow part.
    correlation : (float, float, float)
        Between LRS and HRS of one cycle: of the white, the medium and the slow part.
    skew, tail : (float, float)
        Of the sinh-arcsinh map; 0 and 1 are the normal distribution, tail below 1 is heavier.
    """

    memory: tuple[float, float]
    medium: tuple[float, float]
    slow: tuple[float, float]
    correlation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    skew: tuple[float, float] = (0.0, 0.0)
    tail: tuple[float, float] = (1.0, 1.0)

    def __post_init__(self) -> None:
        for m, s in zip(self.medium, self.slow, strict=True):
            if not (m >= 0 and s >= 0 and m + s < 1):
                raise InputError(
                    f"cycles: got fractions {m:g} (medium) and {s:g} (slow), allowed 0 or more, "
                    "below 1 together"
                )
        if min(self.memory) <= 0:
            raise InputError(f"cycles: got memory {self.memory}, allowed more than 0 cycles")

    @classmethod
    def from_technology(cls, technology: Technology) -> "Cycles":
        """Read the section ``cycles`` of a card."""

        def pair(name: str) -> tuple[float, float]:
            lrs, hrs = (technology[f"cycles.{state}.{name}"] for state in STATES)
            return lrs, hrs

        white, medium, slow = (
            technology[f"cycles.correlation_{part}"] for part in ("white", "medium", "slow")
        )
        return cls(
            memory=(technology["cycles.memory_medium"], technology["cycles.memory_slow"]),
            correlation=(white, medium, slow),
            medium=pair("medium"),
            slow=pair("slow"),
            skew=pair("skew"),
            tail=pair("tail"),
        )

    @property
    def parts(self) -> NDArray[np.float64]:
        """Fraction of the white, medium and slow part of each state, shape (3, 2)."""
        medium, slow = np.array(self.medium), np.array(self.slow)
        return np.stack([1 - medium - slow, medium, slow])

    @property
    def phi(self) -> NDArray[np.float64]:
        """What the medium and the slow part keep from one cycle to the next, shape (2,)."""
        return np.exp(-1 / np.array(self.memory))


def autocovariance(parameters: Cycles, lag: ArrayLike) -> NDArray[np.float64]:
    """Return cov(u_n, u_n+lag) between the states, shape (*lag, 2, 2), for lags of 0 or more.

    Examples
    --------
    >>> model = Cycles(memory=(10, 100), medium=(0.08, 0.01), slow=(0.45, 0.28))
    >>> autocovariance(model, [0, 1, 50])[:, 0, 0].round(3)
    array([1.   , 0.518, 0.273])
    """
    k = np.asarray(lag, float)[..., None, None]
    root = np.sqrt(parameters.parts)
    rho = np.array(parameters.correlation)[:, None, None]
    fractions = root[:, :, None] * root[:, None, :] * np.where(np.eye(2, dtype=bool), 1.0, rho)
    phi_medium, phi_slow = parameters.phi
    return fractions[0] * (k == 0) + fractions[1] * phi_medium**k + fractions[2] * phi_slow**k


def from_deviate(parameters: Cycles, state: int, deviate: ArrayLike) -> NDArray[np.float64]:
    """Return h(u), the deviation in units of sigma: mean 0, variance 1.

    ``h(u) = (sinh((asinh(u) + skew) / tail) - m) / s``, with the mean m and the standard deviation
    s of the sinh in closed form.

    Examples
    --------
    >>> model = Cycles((10, 100), (0.08, 0.01), (0.45, 0.28), skew=(0.5, 0.0), tail=(0.7, 1.0))
    >>> from_deviate(model, 0, [-1.0, 0.0, 3.0]).round(2), from_deviate(model, 1, [3.0]).round(2)
    (array([-0.82, -0.26,  5.06]), array([3.]))
    """
    h = sinh_arcsinh(deviate, parameters.skew[state], parameters.tail[state])
    return np.array(h, dtype=np.float64)


def to_deviate(parameters: Cycles, state: int, deviation: ArrayLike) -> NDArray[np.float64]:
    """Return the deviate u with ``h(u) = deviation``, the inverse of `from_deviate`."""
    return inverse_sinh_arcsinh(deviation, parameters.skew[state], parameters.tail[state])


class Innovations(NamedTuple):
    """Innovation form: u = C x + L z, x <- phi (x + K L z), z standard normal, shape (2,).

    x is (medium, slow) of LRS, then of HRS; C adds the two of a state.
    """

    phi: NDArray[np.float64]  # (4,)
    step: NDArray[np.float64]  # K L, (4, 2)
    scale: NDArray[np.float64]  # L, (2, 2), lower triangle
    start: NDArray[np.float64]  # x_0 = start @ z, (4, 4): x is stationary from the first cycle


def innovations(parameters: Cycles) -> Innovations:
    """Return the innovation form of the process: the steady state of its Kalman filter.

    Examples
    --------
    The variance of u is that of what the past predicts and of the rest:

    >>> form = innovations(Cycles((10, 100), (0.08, 0.01), (0.45, 0.28)))
    >>> predicted = (form.start @ form.start.T)[:2, :2].sum()
    >>> round(float(predicted + form.scale[0, 0] ** 2), 6)
    1.0
    """
    phi = np.tile(parameters.phi, 2)
    rho_white, *rho = parameters.correlation
    roots = np.sqrt(parameters.parts[1:]).T.ravel()  # medium, slow of LRS, then of HRS
    state, part = np.divmod(np.arange(4), 2)
    same_part = np.equal.outer(part, part)
    cross = np.where(np.equal.outer(state, state), 1.0, np.array(rho)[part])
    stationary = np.outer(roots, roots) * cross * same_part
    noise = stationary * (1 - np.outer(phi, phi))
    w = np.sqrt(parameters.parts[0])
    white = np.outer(w, w) * np.array([[1.0, rho_white], [rho_white, 1.0]])
    c = np.array([[1.0, 1, 0, 0], [0, 0, 1, 1]])
    # covariance of x before u is seen; what has no variance is left out of the Riccati equation
    kept = np.flatnonzero(roots > 0)
    error = np.zeros((4, 4))
    pick = np.ix_(kept, kept)
    if len(kept):
        error[pick] = scipy.linalg.solve_discrete_are(
            np.diag(phi[kept]), c[:, kept].T, noise[pick], white
        )
    seen = c @ error @ c.T + white
    gain = np.linalg.solve(seen, c @ error).T
    scale = np.linalg.cholesky(seen)
    values, vectors = np.linalg.eigh(stationary - error)
    start = vectors * np.sqrt(np.maximum(values, 0.0))
    return Innovations(phi, gain @ scale, scale, start)


@dataclass
class Walk:
    """Where the paths of some cells are: the state of the process and of each cell's generator."""

    form: Innovations
    x: NDArray[np.float64]  # (cells, 4)
    generators: NDArray[np.uint64]  # (cells, 4), xoshiro256++


def start(parameters: Cycles, seed: int, address: ArrayLike, cells: int) -> Walk:
    """Return the walk of ``cells`` cells of each addressed chip before their first cycle.

    Parameters
    ----------
    parameters : Cycles
    seed : int
    address : array_like of int, shape (n, 3) or (n, 4)
        Wafer, die and chip, and the lot.
    cells : int
        Per chip. A cell's path does not depend on how many others there are.
    """
    rows = np.atleast_2d(np.asarray(address, dtype=np.int64))
    form = innovations(parameters)
    z = draw(seed, "cycles.start", rows, 4 * cells).reshape(-1, 4)
    words = [
        stream(seed, "cycles", *map(int, row)).integers(0, 2**64, (cells, 4), dtype=np.uint64)
        for row in rows
    ]
    return Walk(form, z @ form.start.T, np.concatenate(words))


def advance(walk: Walk, cycles: int) -> NDArray[np.float32]:
    """Step the walk and return the deviates of the next cycles, shape (cells, cycles, 2).

    Taking n1 and then n2 cycles gives the same path as taking n1 + n2.

    Examples
    --------
    >>> model = Cycles((10, 100), (0.08, 0.01), (0.45, 0.28))
    >>> whole = advance(start(model, 7, [0, 0, 0], 3), 10)
    >>> walk = start(model, 7, [0, 0, 0], 3)
    >>> parts = np.concatenate([advance(walk, 4), advance(walk, 6)], axis=1)
    >>> bool((whole == parts).all())
    True
    """
    out = np.empty((len(walk.x), cycles, 2), dtype=np.float32)
    form = walk.form

    def run(part: slice) -> None:
        _walk(walk.x[part], walk.generators[part], form.phi, form.step, form.scale, out[part])

    with ThreadPoolExecutor() as pool:
        list(pool.map(run, parts_of(len(walk.x))))
    return out


def parts_of(cells: int) -> Iterator[slice]:
    """Yield slices that share the cells out over the processors."""
    edges = np.linspace(0, cells, 4 * (os.cpu_count() or 1) + 1).astype(int)
    for low, high in pairwise(edges.tolist()):
        if high > low:
            yield slice(low, high)


def lag_sums(deviates: NDArray[np.float64], lags: int) -> NDArray[np.float64]:
    """Return sum_t (y_t - m)(y_t+k - m) of each cell, m its own mean, shape (cells, lags + 1)."""
    n = deviates.shape[1]
    deviation = deviates - deviates.mean(axis=1, keepdims=True)
    return np.stack(
        [(deviation[:, : n - k] * deviation[:, k:]).sum(axis=1) for k in range(lags + 1)], axis=1
    )


def fractions_of(
    sums: NDArray[np.float64], cycles: int, memory: tuple[float, float]
) -> tuple[NDArray[np.float64], float]:
    """Return the white, medium and slow variance that fit mean `lag_sums`, and what they miss."""
    lags = len(sums) - 1
    expected = np.column_stack([_expected_sum(m, cycles, lags) for m in (0.0, *memory)])
    fractions, miss = scipy.optimize.nnls(expected, sums)
    return fractions, float(miss)


@lru_cache(maxsize=256)
def _expected_sum(memory: float, n: int, lags: int) -> NDArray[np.float64]:
    """E sum_t (y_t - m)(y_t+k - m) of n values of unit variance that forget so, m their mean."""
    gamma = np.exp(-np.arange(n) / memory) if memory else np.r_[1.0, np.zeros(n - 1)]
    running = np.cumsum(gamma)
    with_mean = (running + running[::-1] - gamma[0]) / n  # cov(y_t, m)
    of_mean = with_mean.mean()
    return np.array(
        [
            (n - k) * (gamma[k] + of_mean) - with_mean[: n - k].sum() - with_mean[k:].sum()
            for k in range(lags + 1)
        ]
    )


@numba.njit(cache=True, nogil=True)
def _walk(
    x: NDArray[np.float64],
    generators: NDArray[np.uint64],
    phi: NDArray[np.float64],
    step: NDArray[np.float64],
    scale: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Fill ``out`` (cells, cycles, 2) with deviates; x and generators are left where they end."""
    (k00, k01), (k10, k11), (k20, k21), (k30, k31) = step
    l00, l10, l11 = scale[0, 0], scale[1, 0], scale[1, 1]
    f0, f1, f2, f3 = phi
    for i in range(len(x)):
        s0, s1, s2, s3 = generators[i]
        a, b, c, d = x[i]
        for n in range(out.shape[1]):
            z, s0, s1, s2, s3 = normal(s0, s1, s2, s3)
            y, s0, s1, s2, s3 = normal(s0, s1, s2, s3)
            out[i, n, 0] = a + b + l00 * z
            out[i, n, 1] = c + d + l10 * z + l11 * y
            a = f0 * (a + k00 * z + k01 * y)
            b = f1 * (b + k10 * z + k11 * y)
            c = f2 * (c + k20 * z + k21 * y)
            d = f3 * (d + k30 * z + k31 * y)
        x[i, 0], x[i, 1], x[i, 2], x[i, 3] = a, b, c, d
        generators[i, 0], generators[i, 1] = s0, s1
        generators[i, 2], generators[i, 3] = s2, s3
