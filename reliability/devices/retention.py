"""Retention: thermally activated loss of a filamentary state (OxRAM, CBRAM).

Each cell has its own activation energy E = Ea + sigma_Ea z and goes to an end conductance:

    G(t) = G_end + (G_0 - G_end) exp(-x^shape),    x = sum over segments of time / tau(T)
    tau(T) = tau_ref exp[ (Ea / k) (1/T - 1/T_ref) + sigma_Ea z / (k T) ]

so tau is log-normal with sigma_Ea / kT, and stress adds as equivalent time: ageing in two steps
equals ageing in one. Both states end at one resistance: the LRS conductance falls to it and the
median HRS conductance rises to it. Arrhenius law with one barrier; holds
between room temperature and about 260 degC, below solder melting.

Sources: retention and switching share one barrier in HfO [1]_; direction of HRS loss [2]_;
acceleration as in JEDEC JEP122.

.. [1] doi:10.1016/j.mee.2017.04.032 (hourglass model).
.. [2] J. Frascaroli et al., doi:10.1016/j.mee.2015.04.043.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from reliability.technology import Technology
from reliability.units import BOLTZMANN


@dataclass(frozen=True)
class Retention:
    """Loss of one state.

    Parameters
    ----------
    time_constant : float
        tau_ref of the median cell at the reference temperature, s.
    reference_temperature : float
        K.
    activation_energy, sigma_activation_energy : float
        Median and spread over cells, eV.
    shape : float
        Exponent of the stretched exponential.
    final_resistance : float
        1 / G_end, ohm.
    """

    time_constant: float
    reference_temperature: float
    activation_energy: float
    sigma_activation_energy: float
    shape: float
    final_resistance: float

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Retention":
        """Read the sections ``retention`` and ``retention.<state>`` of a card."""
        shared = {"final_resistance": technology["retention.final_resistance"]}
        own = {f.name for f in fields(cls)} - set(shared)
        return cls(**shared, **{name: technology[f"retention.{state}.{name}"] for name in own})


def acceleration(parameters: Retention, temperature: ArrayLike) -> NDArray[np.floating]:
    """Return tau_ref / tau(T) of the median cell.

    Examples
    --------
    >>> law = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 88e3)
    >>> acceleration(law, [398.15, 358.15]).round(4)
    array([1.    , 0.0105])
    """
    t = np.asarray(temperature, float)
    inverse = 1.0 / t - 1.0 / parameters.reference_temperature
    return np.exp(-parameters.activation_energy / BOLTZMANN * inverse)


def log_stress(
    parameters: Retention,
    times: NDArray[np.floating],
    temperatures: NDArray[np.floating],
    z: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Return ln x of cells with latents ``z`` after segments of times (s) and temperatures (K).

    With no time at all, ln x is -inf.
    """
    kind = z.dtype.type
    total = np.full(z.shape, -np.inf, dtype=z.dtype)
    for temperature in np.unique(temperatures):
        time = times[temperatures == temperature].sum()
        if time > 0:
            median = np.log(time / parameters.time_constant * acceleration(parameters, temperature))
            slope = parameters.sigma_activation_energy / (BOLTZMANN * temperature)
            np.logaddexp(total, kind(median) - kind(slope) * z, out=total)
    return total


def conductance(
    parameters: Retention,
    initial: NDArray[np.floating],
    times: NDArray[np.floating],
    temperatures: NDArray[np.floating],
    z: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Return the conductance, S, after a sequence of (time, temperature) segments.

    Parameters
    ----------
    parameters : Retention
    initial : ndarray, shape (...)
        Conductance before, S.
    times, temperatures : ndarray, shape (segments,)
        s and K.
    z : ndarray, shape (...)
        Standard normal latent of each cell.

    Examples
    --------
    >>> law = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> g = np.array([1e-4])
    >>> conductance(law, g, np.array([3e7]), np.array([398.15]), np.zeros(1)).round(8)
    array([4.311e-05])
    """
    kind = initial.dtype.type
    x = np.exp(kind(parameters.shape) * log_stress(parameters, times, temperatures, z))
    end = kind(1.0 / parameters.final_resistance)
    return end + (initial - end) * np.exp(-x)


def probability_crossed(
    parameters: Retention, initial: float, time: float, temperature: float, reference: float
) -> float:
    """Return the probability that a cell has crossed ``reference`` (S) at constant temperature.

    Examples
    --------
    >>> law = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> round(probability_crossed(law, 1e-4, 3e7 * np.log(2), 398.15, 5.5e-5), 3)
    0.5
    """
    end = 1.0 / parameters.final_resistance
    left = (reference - end) / (initial - end)
    if not 0 < left < 1:
        return 0.0
    needed = np.log(-np.log(left)) / parameters.shape  # ln x at the crossing
    median = np.log(time / parameters.time_constant * acceleration(parameters, temperature))
    return float(
        ndtr((median - needed) * BOLTZMANN * temperature / parameters.sigma_activation_energy)
    )
