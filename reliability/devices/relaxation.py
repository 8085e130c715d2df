"""Relaxation of two states: what a programmed conductance does in the next minutes and hours.

A cell's ln G moves by one normal step (mean ``shift``, standard
deviation ``sigma``, drawn once per cell) that unfolds in log time:

    ln G(t) = ln G(0) + (shift + sigma z) s(t),    s(t) = ln(1 + t/t_on) / ln(1 + t_ref/t_on)

- ``saturating``: s stays at 1 beyond t_ref (SPIRIT reports no change after the first hour [1]_);
- ``log_time``: s goes on growing (published 1T1R arrays still widen at 10 000 s [2]_).

Times are valid as the card says; temperature is not applied. Many levels: `level_relaxation`.

.. [1] A. Valentian et al., IEDM 2019, 14.3.1.
.. [2] Our computation on the data of github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from reliability.technology import Technology


@dataclass(frozen=True)
class Relaxation:
    """Relaxation of one state.

    Parameters
    ----------
    model : {"saturating", "log_time"}
    sigma, shift : float
        Standard deviation and mean of the change of ln G at the reference time.
    onset_time, reference_time : float
        s.
    """

    model: str
    sigma: float
    shift: float
    onset_time: float
    reference_time: float

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Relaxation":
        """Read the sections ``relaxation`` and ``relaxation.<state>`` of a card."""
        return cls(
            model=technology.models["relaxation"],
            sigma=technology[f"relaxation.{state}.sigma"],
            shift=technology[f"relaxation.{state}.shift"],
            onset_time=technology["relaxation.onset_time"],
            reference_time=technology["relaxation.reference_time"],
        )


def progress(parameters: Relaxation, time: float) -> float:
    """Return s(t): 0 at once, 1 at the reference time.

    Examples
    --------
    >>> model = Relaxation("saturating", 0.04, 0.0, onset_time=1e-3, reference_time=3600.0)
    >>> progress(model, 0.0), progress(model, 3600.0), progress(model, 1e8)
    (0.0, 1.0, 1.0)
    """
    if parameters.model == "saturating":
        time = min(time, parameters.reference_time)
    return log_progress(time, parameters.onset_time, parameters.reference_time)


def conductance(
    parameters: Relaxation, initial: NDArray[np.floating], time: float, z: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return the conductance, S, at ``time`` (s) of cells with relaxation deviates ``z``.

    Parameters
    ----------
    parameters : Relaxation
    initial : ndarray, shape (...)
        Conductance as programmed, S.
    time : float
        Since programming, s.
    z : ndarray, shape (...)
        Standard normal deviate of each cell.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, onset_time=1e-3, reference_time=1e4)
    >>> conductance(model, np.array([1e-4]), 1e4, np.array([1.0])).round(7)
    array([0.0001105])
    """
    s = progress(parameters, time)
    kind = initial.dtype.type
    return initial * np.exp(kind(parameters.shift * s) + kind(parameters.sigma * s) * z)


def probability_below(
    parameters: Relaxation, initial: float, time: float, reference: ArrayLike
) -> NDArray[np.floating]:
    """Return the probability that a cell programmed to ``initial`` (S) is below ``reference``.

    Examples
    --------
    >>> model = Relaxation("log_time", 0.1, 0.0, onset_time=1e-3, reference_time=1e4)
    >>> probability_below(model, 1e-4, 1e4, [1e-4, 1.1e-4]).round(4).tolist()
    [0.5, 0.8297]
    """
    s = progress(parameters, time)
    step = np.log(np.asarray(reference, float) / initial) - parameters.shift * s
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(s > 0, ndtr(step / (parameters.sigma * s)), (step > 0).astype(float))


def log_progress(time: float, onset: float, reference: float) -> float:
    """Return ln(1 + t/t_on) / ln(1 + t_ref/t_on)."""
    return math.log1p(time / onset) / math.log1p(reference / onset)
