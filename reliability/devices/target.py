"""Programming to a target conductance: the error that program and verify leaves on many levels.

    G = max(target + sigma(g) z, 0),    g = target / G_max,    sigma(g) = sum over k of error_k g^k

with z standard normal and the coefficients in siemens. Published fits of this form, each a card:

- mushroom PCM, 2nd degree, G_max 25 uS (Nandakumar et al. [1]_; Joshi et al. [2]_);
- OxRAM, 4th degree, G_max 40 uS, 1 s after programming (Wan et al. [3]_);
- OxRAM, 1st degree, 50 to 225 uS (Milo et al. [4]_);
- CMO/HfOx, 1st degree (Falcone et al. [5]_).

A negative sigma of a polynomial counts as 0. Levels that a maker tuned one by one have no such
sigma: verify accepts a window of its own for each, and what lies in it is skewed towards the limit
that cells reach first. A card states each such level with its window: limits, beyond which no cell
is, and quantiles about the level, straight against the deviate from one to the next,

    G = max(level + Q(z), 0),    Q(0) = 0

between two levels in proportion. Valid on the levels from ``target.minimum`` to
``target.maximum`` of the card, at low read voltage and room temperature.

.. [1] S. R. Nandakumar et al., "Phase-change memory models for deep learning training and
   inference", ICECS 2019, doi:10.1109/ICECS46596.2019.8964852, as in IBM aihwkit.
.. [2] V. Joshi et al., "Accurate deep neural network inference using computational phase-change
   memory", Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9, Fig. 3b.
.. [3] W. Wan et al., "A compute-in-memory chip based on resistive random-access memory", Nature
   608, 504 (2022), doi:10.1038/s41586-022-04992-8, Ext. Data Fig. 3.
.. [4] V. Milo et al., "Optimized programming algorithms for multilevel RRAM in hardware neural
   networks", IRPS 2021, doi:10.1109/IRPS46558.2021.9405119, Fig. 4, as fitted in
   sandialabs/cross-sim.
.. [5] Falcone et al., as fitted in IBM aihwkit 1.1.0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from reliability.errors import InputError
from reliability.technology import Technology
from reliability.units import quantity

Coefficients = tuple[float, ...]
# Quantiles of a verify window on a card; its limits leave a quarter of a percent out on each side.
WINDOW = {"lower": 0.0025, "q05": 0.05, "q25": 0.25, "q75": 0.75, "q95": 0.95, "upper": 0.9975}
_SCORES = ndtri(np.insert(list(WINDOW.values()), 3, 0.5))
_EQUIPROBABLE = 2000  # deviates that the moments of a window are taken of
_LARGEST = 1e-3  # S; a larger number is a fraction of G_max


@dataclass(frozen=True)
class Target:
    """Programming to levels.

    Parameters
    ----------
    minimum, maximum : float
        Lowest and highest level, S; the highest is G_max.
    error : tuple of float
        Coefficients of sigma in g, S, constant first.
    level : tuple of float
        Levels with a verify window of their own, S, in increasing order.
    window : tuple of tuple of float
        Each quantile of `WINDOW` at each level, S about it.
    """

    minimum: float
    maximum: float
    error: Coefficients
    level: Coefficients = ()
    window: tuple[Coefficients, ...] = ()

    @classmethod
    def from_technology(cls, technology: Technology) -> "Target":
        """Read the sections ``target`` and ``programming.target`` of a card."""
        if "target.maximum" not in technology:
            raise InputError(f"state: {technology.name} has no levels, allowed: 'LRS' or 'HRS'")
        stem, own = "programming.target", "programming.target.level_0" in technology
        return cls(
            technology["target.minimum"],
            technology["target.maximum"],
            coefficients(technology, f"{stem}.error"),
            coefficients(technology, f"{stem}.level") if own else (),
            tuple(coefficients(technology, f"{stem}.window_{q}") for q in WINDOW) if own else (),
        )


def levels(parameters: Target, state: ArrayLike | str) -> NDArray[np.float64]:
    """Return target conductances, S, from siemens or fractions of G_max.

    Parameters
    ----------
    parameters : Target
    state : array_like of float, or str
        Text with a unit (``"12 uS"``), numbers up to 1e-3 (siemens), or, if any is larger,
        fractions of G_max from 0 to 1; one of them or an array of its kind.

    Raises
    ------
    InputError
        Negative, not finite, or above G_max.

    Examples
    --------
    >>> pcm = Target(0.0, 25e-6, (2.6e-7,))
    >>> levels(pcm, [0.0, 0.5, 1.0]).tolist(), levels(pcm, ["5 uS", "20 uS"]).round(9).tolist()
    ([0.0, 1.25e-05, 2.5e-05], [5e-06, 2e-05])
    """
    if np.asarray(state).dtype.kind == "U":
        texts = np.asarray(state)
        out = np.array([quantity(str(t), "S", "state") for t in texts.flat]).reshape(texts.shape)
    else:
        try:
            out = np.asarray(state, dtype=float)
        except (TypeError, ValueError):
            raise InputError(
                f"state: got {state!r}, expected 'LRS', 'HRS', a conductance or a fraction of G_max"
            ) from None
        if (out > _LARGEST).any():
            out = out * parameters.maximum
    top = parameters.maximum
    bad = ~((out >= 0) & (out <= top * (1 + 1e-12)))
    if bad.any():
        raise InputError(
            f"state: got {np.asarray(state, object)[bad].ravel()[0] if out.ndim else state!r}, "
            f"allowed 0 to {top:.3g} S, or a fraction of G_max from 0 to 1"
        )
    return out


def sigma(parameters: Target, target: ArrayLike) -> NDArray[np.float64]:
    """Return the standard deviation, S, of the normal programming error at ``target`` (S).

    Examples
    --------
    >>> pcm = Target(0.0, 25e-6, (0.26348e-6, 1.9650e-6, -1.1731e-6))
    >>> sigma(pcm, [0.0, 25e-6]).round(11).tolist()
    [2.6348e-07, 1.05538e-06]
    """
    g = np.asarray(target, float) / parameters.maximum
    return np.maximum(polyval(g, parameters.error), 0.0)


def conductance(
    parameters: Target,
    target: NDArray[np.floating],
    z: NDArray[np.floating],
    stretch: ArrayLike = 1.0,
) -> NDArray[np.floating]:
    """Return the conductance, S, of cells programmed to ``target`` (S) with deviates ``z``.

    Parameters
    ----------
    parameters : Target
    target : ndarray, broadcast to ``z``
    z : ndarray
        Standard normal.
    stretch : array_like, broadcast to ``z``
        Factor on the deviation from the target, of worn cells.

    Examples
    --------
    >>> pcm = Target(0.0, 25e-6, (1e-6,))
    >>> conductance(pcm, np.array([5e-6, 0.0]), np.array([1.0, -1.0])).round(9).tolist()
    [6e-06, 0.0]
    >>> window = tuple((1e-6 * q,) for q in (-1, -1, -1, 2, 2, 3))
    >>> tuned = Target(0.0, 25e-6, (2e-6,), (5e-6,), window)
    >>> conductance(tuned, np.array([5e-6]), np.array([-9.0, 0.0, 9.0])).round(9).tolist()
    [4e-06, 5e-06, 8e-06]
    """
    if parameters.level:
        out = _in_window(parameters, target, z).astype(z.dtype)
    else:
        out = sigma(parameters, target).astype(z.dtype) * z
    out *= np.asarray(stretch, z.dtype)
    out += np.asarray(target, z.dtype)
    return np.maximum(out, z.dtype.type(0.0), out=out)


def _in_window(
    parameters: Target, target: ArrayLike, z: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Return the deviation from ``target`` (S) inside the verify windows of the levels next to it.

    Quantiles that a draw of the card has put in a wrong order count as the one below.
    """
    known = np.insert(np.asarray(parameters.window, float), 3, 0.0, axis=0)
    known = np.maximum.accumulate(known, axis=0)
    last = len(parameters.level) - 1
    place = np.interp(np.asarray(target), parameters.level, np.arange(last + 1.0))
    below = np.minimum(place.astype(int), max(last - 1, 0))
    score = np.clip(z, _SCORES[0], _SCORES[-1])
    left = np.minimum(np.searchsorted(_SCORES, score, side="right") - 1, len(_SCORES) - 2)
    part = (score - _SCORES[left]) / (_SCORES[left + 1] - _SCORES[left])
    at_level = [
        (1 - part) * known[left, level] + part * known[left + 1, level]
        for level in (below, np.minimum(below + 1, last))
    ]
    return np.asarray(at_level[0] + (place - below) * (at_level[1] - at_level[0]))


def moments(
    parameters: Target, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation, S, of the programmed conductance, cut at 0 included.

    Notes
    -----
    For X = max(m + s z, 0): E X = m Phi(a) + s phi(a), E X^2 = (m^2 + s^2) Phi(a) + m s phi(a) with
    a = m / s.

    Examples
    --------
    >>> mean, spread = moments(Target(0.0, 25e-6, (1e-6,)), [0.0])
    >>> round(float(mean[0] * 1e6), 4), round(float(spread[0] * 1e6), 4)
    (0.3989, 0.5838)
    """
    m = np.asarray(target, float)
    if parameters.level:
        z = ndtri((np.arange(_EQUIPROBABLE) + 0.5) / _EQUIPROBABLE)
        g = conductance(parameters, m[..., None], np.broadcast_to(z, (*m.shape, len(z))))
        return g.mean(axis=-1), g.std(axis=-1)
    s = np.maximum(sigma(parameters, m), 1e-150)  # its square is still a double
    a = m / s
    density = np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi)
    above, below = ndtr(a), ndtr(-a)
    mean = m * above + s * density
    # E X^2 - (E X)^2 with what cancels for a large a taken out
    variance = (
        s**2 * (above - density**2) + m * above * m * below + m * s * density * (below - above)
    )
    return mean, np.sqrt(np.maximum(variance, 0.0))


def coefficients(technology: Technology, stem: str) -> Coefficients:
    """Read ``<stem>_0``, ``<stem>_1``, ... of a card."""
    out: list[float] = []
    while f"{stem}_{len(out)}" in technology:
        out.append(technology[f"{stem}_{len(out)}"])
    if not out:
        technology[f"{stem}_0"]  # refuses with the nearest name
    return tuple(out)
