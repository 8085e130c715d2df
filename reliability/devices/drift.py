"""Drift of phase-change memory: the glass relaxes and its conductance falls as a power of time.

    G(t) = G_0 (t / t_0)^-nu,     nu = max(m(g) + s(g) z, 0),     g = target / G_max
    m(g) = clip(m_0 + m_1 ln g, m_min, m_max),   s(g) = clip(s_0 + s_1 ln g, s_min, s_max)

with one normal deviate z per cell and t counted from programming; the conductance as programmed is
the one at t_0, and nothing changes before. Low (amorphous) levels drift more [1]_.

Hotter stretches act as a longer time at the reference temperature, t_eq = t_a (t/t_a)^(T/T_ref)
(`equivalent_time`): annealing speeds drift up, cooling does not take it back. The attempt time t_a
of structural relaxation is what the card assumes. Reading at another temperature multiplies the
conductance by exp[-(E_c / k)(1/T - 1/T_ref)], with the conduction barrier E_c of the amorphous
phase, in proportion to what the amorphous phase contributes (`read_factor`).

Valid from t_0 on, 0 to 1 in g, near room temperature; ln g is taken at 1e-7 below that.

The cited implementation differs: its drift coefficient is |m + s z|, where a negative one is 0
here (no cell at g = 1, 0.4 % of the cells at g = 0.1, 1.3 % at g = 0); it counts time from the
first read, t = time + t_0, where here t is the time since programming and t_0 belongs to it.

.. [1] S. R. Nandakumar et al., "Phase-change memory models for deep learning training and
   inference", ICECS 2019, doi:10.1109/ICECS46596.2019.8964852, as in IBM aihwkit 1.1.0,
   inference/noise/pcm.py.
"""

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from reliability.devices.equivalent_time import equivalent_time
from reliability.lifetime.acceleration import arrhenius
from reliability.technology import Technology


@dataclass(frozen=True)
class Drift:
    """Drift of many levels.

    Parameters
    ----------
    maximum : float
        G_max, S.
    reference_time : float
        t_0, s.
    nu_intercept, nu_slope, nu_minimum, nu_maximum : float
        m_0, m_1 and the limits of the mean drift coefficient.
    sigma_intercept, sigma_slope, sigma_minimum, sigma_maximum : float
        s_0, s_1 and the limits of its standard deviation over cells.
    reference_temperature : float
        K, at which t_eq is the time.
    attempt_time : float
        t_a, s.
    conduction_energy : float
        E_c, eV.
    """

    maximum: float
    reference_time: float
    nu_intercept: float
    nu_slope: float
    nu_minimum: float
    nu_maximum: float
    sigma_intercept: float
    sigma_slope: float
    sigma_minimum: float
    sigma_maximum: float
    reference_temperature: float
    attempt_time: float
    conduction_energy: float

    @classmethod
    def from_technology(cls, technology: Technology) -> "Drift":
        """Read the section ``drift`` and ``target.maximum`` of a card."""
        own = {f.name: technology[f"drift.{f.name}"] for f in fields(cls) if f.name != "maximum"}
        return cls(maximum=technology["target.maximum"], **own)


def coefficient_moments(
    parameters: Drift, target: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return m(g) and s(g) of cells programmed to ``target`` (S).

    Examples
    --------
    >>> import reliability as rel
    >>> model = Drift.from_technology(rel.load_technology("pcm-mushroom"))
    >>> m, s = coefficient_moments(model, [2.5e-6, 25e-6])
    >>> m.round(4).tolist(), s.round(4).tolist()
    ([0.0601, 0.049], [0.0229, 0.008])
    """
    p = parameters
    log_g = np.log(np.maximum(np.asarray(target, float) / p.maximum, 1e-7))
    m = np.clip(p.nu_intercept + p.nu_slope * log_g, p.nu_minimum, p.nu_maximum)
    s = np.clip(p.sigma_intercept + p.sigma_slope * log_g, p.sigma_minimum, p.sigma_maximum)
    return m, s


def log_time(parameters: Drift, times: ArrayLike, temperatures: ArrayLike) -> float:
    """Return ln(t_eq / t_0) after segments of times (s) and temperatures (K), not below 0.

    Examples
    --------
    >>> import reliability as rel
    >>> model = Drift.from_technology(rel.load_technology("pcm-mushroom"))
    >>> log_time(model, [0.0], [298.15]), round(log_time(model, [2000.0], [298.15]), 4)
    (0.0, 4.6052)
    """
    time = equivalent_time(
        times, temperatures, parameters.attempt_time, parameters.reference_temperature
    )
    return max(math.log(time / parameters.reference_time), 0.0) if time > 0 else 0.0


def conductance(
    parameters: Drift,
    initial: NDArray[np.floating],
    target: NDArray[np.floating],
    times: ArrayLike,
    temperatures: ArrayLike,
    z: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Return the conductance, S, after a sequence of (time, temperature) segments.

    Parameters
    ----------
    parameters : Drift
    initial : ndarray, shape (...)
        G_0, S.
    target : ndarray, broadcast to ``initial``
        Programmed level, S.
    times, temperatures : array_like, shape (segments,)
        s and K.
    z : ndarray, shape (...)
        Standard normal deviate of each cell.

    Examples
    --------
    >>> import reliability as rel
    >>> model = Drift.from_technology(rel.load_technology("pcm-mushroom"))
    >>> g = np.array([25e-6])
    >>> day = conductance(model, g, g, [86400.0], [298.15], np.zeros(1))
    >>> bool(np.isclose(day[0], 25e-6 * (86400.0 / 20.0) ** -0.049))
    True
    """
    elapsed = log_time(parameters, times, temperatures)
    if elapsed == 0.0:
        return initial.copy()
    m, s = (part.astype(initial.dtype) for part in coefficient_moments(parameters, target))
    exponent = s * z
    exponent += m
    np.maximum(exponent, initial.dtype.type(0.0), out=exponent)
    exponent *= initial.dtype.type(-elapsed)
    return initial * np.exp(exponent, out=exponent)


def moments(
    parameters: Drift, target: ArrayLike, times: ArrayLike, temperatures: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of G(t) / G_0 over cells.

    Notes
    -----
    With L = ln(t_eq/t_0): E exp(-k L nu) = exp(-k L m + (k L s)^2 / 2) Phi(m/s - k L s)
    + Phi(-m/s), k = 1, 2; the second term are the cells that do not drift.

    Examples
    --------
    >>> import reliability as rel
    >>> model = Drift.from_technology(rel.load_technology("pcm-mushroom"))
    >>> mean, spread = moments(model, [25e-6], [2e6], [298.15])
    >>> round(float(mean[0]), 4), round(float(spread[0]), 4)
    (0.5713, 0.0527)
    """
    elapsed = log_time(parameters, times, temperatures)
    m, s = coefficient_moments(parameters, target)
    s = np.maximum(s, 1e-300)

    def power(k: int) -> NDArray[np.float64]:
        x = k * elapsed * s
        return np.exp(-k * elapsed * m + x**2 / 2) * ndtr(m / s - x) + ndtr(-m / s)

    mean = power(1)
    return mean, np.sqrt(np.maximum(power(2) - mean**2, 0.0))


def read_factor(
    parameters: Drift, target: ArrayLike, temperature: ArrayLike
) -> NDArray[np.float64]:
    """Return G(T) / G(T_ref) of cells read at ``temperature`` (K).

    The barrier falls from E_c at g = 0 to 0 at g = 1, where the crystalline path carries all the
    current: E_c (1 - g). An interpolation, not a measured model.

    Examples
    --------
    >>> import reliability as rel
    >>> model = Drift.from_technology(rel.load_technology("pcm-mushroom"))
    >>> read_factor(model, [0.0, 25e-6], 358.15).round(2).tolist()
    [7.07, 1.0]
    """
    barrier = parameters.conduction_energy * (
        1.0 - np.clip(np.asarray(target, float) / parameters.maximum, 0.0, 1.0)
    )
    return arrhenius(parameters.reference_temperature, temperature, barrier)
