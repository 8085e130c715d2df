"""Retention: thermally activated loss of a filamentary state (OxRAM, CBRAM).

Each cell has its own activation energy E = Ea + sigma_Ea z and goes to an end conductance:

    G(t) = G_end + (G_0 - G_end) exp(-x^shape),    x = sum over segments of time / tau(T)
    tau(T) = tau_ref exp[ (Ea / k) (1/T - 1/T_ref) + sigma_Ea z / (k T) ]

so tau is log-normal with sigma_Ea / kT, and stress adds as equivalent time: ageing in two steps
equals ageing in one. Both states end at one resistance: the LRS conductance falls to it and the
median HRS conductance rises to it. Lost cells spread around it where the card says so
(`reliability.devices.path`); the closed forms here are for the median end. Arrhenius law with one
barrier; holds between room temperature and about 260 degC, below solder melting.

Sources: retention and switching share one barrier in HfO [1]_; direction of HRS loss [2]_;
acceleration as in JEDEC JEP122.

.. [1] doi:10.1016/j.mee.2017.04.032 (hourglass model).
.. [2] J. Frascaroli et al., doi:10.1016/j.mee.2015.04.043.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import logsumexp, ndtr

from reliability.lifetime.acceleration import arrhenius
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
    asymptotic_resistance : float or ndarray
        1 / G_end, ohm; one number, or one for each cell.
    """

    time_constant: float
    reference_temperature: float
    activation_energy: float
    sigma_activation_energy: float
    shape: float
    asymptotic_resistance: float | NDArray[np.floating]

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Retention":
        """Read the sections ``retention`` and ``retention.<state>`` of a card."""
        shared = {"asymptotic_resistance": technology["retention.asymptotic_resistance"]}
        own = {f.name for f in fields(cls)} - set(shared)
        return cls(**shared, **{name: technology[f"retention.{state}.{name}"] for name in own})


def acceleration(parameters: Retention, temperature: ArrayLike) -> NDArray[np.floating]:
    """Return tau_ref / tau(T) of the median cell.

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 88e3)
    >>> acceleration(model, [398.15, 358.15]).round(4)
    array([1.    , 0.0105])
    """
    return arrhenius(parameters.reference_temperature, temperature, parameters.activation_energy)


def stress(
    parameters: Retention, times: ArrayLike, temperatures: ArrayLike, z: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return x^shape of cells with deviates ``z`` after segments of times (s) and temperatures (K).

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> stress(model, [1.5e7, 1.5e7], [398.15, 398.15], np.zeros(1)).round(6)
    array([1.])
    """
    kind = z.dtype.type
    parts = _stresses(parameters, times, temperatures)
    # with one temperature the power goes into the exponent
    power = parameters.shape if len(parts) == 1 else 1.0
    total = np.zeros(z.shape, dtype=z.dtype)
    with np.errstate(over="ignore", divide="ignore"):  # x = inf: all is lost; 0: nothing
        for median, slope in parts:
            part = z * kind(-power * slope)
            part += kind(power * median)
            total += np.exp(part, out=part)
        if parameters.shape != power:
            np.log(total, out=total)
            total *= kind(parameters.shape)
            np.exp(total, out=total)
    return total


def _stresses(
    parameters: Retention, times: ArrayLike, temperatures: ArrayLike
) -> list[tuple[float, float]]:
    """For each temperature: ln x of the median cell, and how much a unit of z takes from it."""
    t, kelvin = (np.atleast_1d(np.asarray(x, float)) for x in (times, temperatures))
    out = []
    for temperature in np.unique(kelvin):
        time = t[kelvin == temperature].sum()
        if time > 0:
            inverse = 1.0 / temperature - 1.0 / parameters.reference_temperature
            median = np.log(time) - np.log(parameters.time_constant)
            median -= parameters.activation_energy / BOLTZMANN * inverse
            slope = parameters.sigma_activation_energy / (BOLTZMANN * temperature)
            out.append((float(median), float(slope)))
    return out


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
        Standard normal deviate of each cell.

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> g = np.array([1e-4])
    >>> conductance(model, g, np.array([3e7]), np.array([398.15]), np.zeros(1)).round(8)
    array([4.311e-05])
    """
    left = stress(parameters, times, temperatures, z)
    np.negative(left, out=left)
    np.exp(left, out=left)
    end = np.asarray(1.0 / parameters.asymptotic_resistance, dtype=initial.dtype)
    out = initial - end
    out *= left
    out += end
    return out


def probability_crossed(
    parameters: Retention,
    initial: float,
    times: ArrayLike,
    temperatures: ArrayLike,
    reference: float,
) -> float:
    """Return the probability that a cell has crossed ``reference`` (S) after a profile.

    Parameters
    ----------
    parameters : Retention
    initial : float
        Conductance before, S.
    times, temperatures : array_like, shape () or (segments,)
        s and K.
    reference : float
        S.

    Notes
    -----
    ln x falls with z, so the cells that crossed are those below one deviate z*: P = Phi(z*). At one
    temperature z* has a closed form, over several it is the root of one equation.

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> round(probability_crossed(model, 1e-4, 3e7 * np.log(2), 398.15, 5.5e-5), 3)
    0.5
    """
    end = 1.0 / float(parameters.asymptotic_resistance)
    if not min(initial, end) < reference < max(initial, end):
        return 0.0
    left = (reference - end) / (initial - end)
    needed = float(np.log(-np.log(left)) / parameters.shape)  # ln x at the crossing
    parts = _stresses(parameters, times, temperatures)
    if not parts:
        return 0.0
    median, slope = (np.array(column) for column in zip(*parts, strict=True))
    if not slope.all():
        return float(logsumexp(median) >= needed)
    # each temperature alone crosses at its own deviate, all together at the largest of them or
    # later
    low = float(np.max((median - needed) / slope))
    if len(parts) == 1:
        return float(ndtr(low))
    high = low + np.log(len(parts)) / slope.min()
    return float(ndtr(brentq(lambda z: logsumexp(median - slope * z) - needed, low, high)))
