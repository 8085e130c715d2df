"""Retention: thermally activated loss of a filamentary state (OxRAM, CBRAM).

Each cell has its own activation energy and loses the fraction u of its way to an end conductance:

    x = sum over segments of time / tau(T)
    arrhenius_loss        G    = G_end + (G_0 - G_end) (1 - u)        1 - u = exp(-x^shape)
    log_resistance_loss   ln R = ln R_end + (ln R_0 - ln R_end) (1 - u)   1 - u = exp(-x^shape)
    log_time_loss         ln R as above                              u = min(shape ln(1 + x), 1)

Stress adds as equivalent time in all of them: ageing in two steps equals ageing in one. The time
constant of a cell with the deviate z and the programmed resistance R_0 is

    ln tau = ln tau_ref - n ln(R_0 / R_ref) + (Ea / k) f(T) + sigma_Ea z / (k T)
    f(T) = w (1/T - 1/T_ref) + (1 - w) (T_ref - T) / T_ref^2

w = 1 is the Arrhenius law, w = 0 the T-model, in which ln tau is linear in T [3]_, with the same
slope at T_ref: beyond the bakes, towards lower temperatures, it gives shorter times. It was found
on floating gates; for resistive memories it is the standard rival of an extrapolation, between
which bakes at high temperatures cannot decide. n > 0 says that a thin filament, made with a low
compliance current, is lost earlier [4]_.

A fraction of weak cells has a time constant and a barrier of its own: tail cells that are lost
much earlier than the rest [2]_. All other parameters are those of the bulk.

Lost cells spread around the median end where the card says so (`reliability.devices.path`); the
closed forms here are for the median end. Between room temperature and about 260 degC, below solder
melting.

Sources: retention and switching share one barrier in HfO [1]_; direction of HRS loss and two
mechanisms, gradual and of tail cells [2]_; acceleration as in JEDEC JEP122.

.. [1] doi:10.1016/j.mee.2017.04.032 (retention in the hourglass model), abstract.
.. [2] J. Frascaroli, F. G. Volpe, S. Brivio, S. Spiga, "Effect of Al doping on the retention
   behavior of HfO2 resistive switching memories", Microelectron. Eng. (2015), pp. 104-107,
   doi:10.1016/j.mee.2015.04.043, abstract.
.. [3] B. De Salvo et al., "A new extrapolation law for data-retention time-to-failure of
   nonvolatile memories", IEEE Electron Device Lett. 20, 197 (1999), doi:10.1109/55.761013.
.. [4] Park et al., "state stability of the low-resistance state" in Pt/Cu:MoOx/GdOx/Pt, abstract:
   retention time falls as the resistance of the LRS rises. Its size in HfO2 is assumed on cards.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr, ndtri

from reliability.technology import Technology
from reliability.units import BOLTZMANN

_LEAST = 1e-12  # of a conductance over another; a cell of none has no filament of any size


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
        Exponent of the stretched exponential, or fraction lost per e-fold of time.
    asymptotic_resistance : float or ndarray
        1 / G_end, ohm; one number, or one for each cell.
    model : {"arrhenius_loss", "log_resistance_loss", "log_time_loss"}
        Kinetic form.
    arrhenius_weight : float
        w, 1 for the Arrhenius law and 0 for the T-model.
    weak_fraction : float
        Fraction of weak cells.
    weak_time_constant, weak_activation_energy : float
        tau_ref (s) and Ea (eV) of weak cells.
    resistance_exponent, reference_resistance : float
        n, and R_ref (ohm), at which the time constants are stated.
    """

    time_constant: float
    reference_temperature: float
    activation_energy: float
    sigma_activation_energy: float
    shape: float
    asymptotic_resistance: float | NDArray[np.floating]
    model: str = "arrhenius_loss"
    arrhenius_weight: float = 1.0
    weak_fraction: float = 0.0
    weak_time_constant: float = 1.0
    weak_activation_energy: float = 1.0
    resistance_exponent: float = 0.0
    reference_resistance: float = 1.0

    @classmethod
    def from_technology(cls, technology: Technology, state: str) -> "Retention":
        """Read the sections ``retention`` and ``retention.<state>`` of a card.

        What the card does not say of a state it says of both (``asymptotic_resistance``), or the
        state has none of it (weak cells, the T-model, an effect of the resistance).
        """
        section = f"retention.{state}"
        optional = {f.name for f in fields(cls)[6:]} - {"model"}
        own = {f.name for f in fields(cls)[:5]}
        values = {name: technology[f"{section}.{name}"] for name in own}
        values |= {
            name: technology[f"{section}.{name}"]
            for name in optional
            if f"{section}.{name}" in technology
        }
        values["asymptotic_resistance"] = of_state(technology, "asymptotic_resistance", state)
        return cls(**values, model=technology.models.get(section, "arrhenius_loss"))

    @property
    def of_weak_cells(self) -> "Retention":
        """The same loss with the time constant and barrier of weak cells."""
        return replace(
            self, time_constant=self.weak_time_constant,
            activation_energy=self.weak_activation_energy, weak_fraction=0.0,
        )  # fmt: skip


def of_state(technology: Technology, name: str, state: str, *default: float) -> float:
    """Return what a card says of retention for a state, else for all states, else a default."""
    if f"retention.{state}.{name}" in technology:
        return technology[f"retention.{state}.{name}"]
    whole = f"retention.{name}"
    return technology[whole] if not default else technology.get(whole, *default)


def acceleration(parameters: Retention, temperature: ArrayLike) -> NDArray[np.floating]:
    """Return tau_ref / tau(T) of the median cell.

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 88e3)
    >>> acceleration(model, [398.15, 358.15]).round(4)
    array([1.    , 0.0105])
    >>> acceleration(replace(model, arrhenius_weight=0.0), [398.15, 358.15]).round(4)
    array([1.    , 0.0166])
    """
    return np.exp(-_log_slowdown(parameters, np.asarray(temperature, float)))


def _log_slowdown(parameters: Retention, temperature: NDArray[np.float64]) -> NDArray[np.float64]:
    """ln tau(T) / tau_ref of the median cell."""
    cold, weight = parameters.reference_temperature, parameters.arrhenius_weight
    reach = weight * (1.0 / temperature - 1.0 / cold)
    reach = reach + (1.0 - weight) * (cold - temperature) / cold**2
    return np.asarray(parameters.activation_energy / BOLTZMANN * reach)


def stress(
    parameters: Retention,
    times: ArrayLike,
    temperatures: ArrayLike,
    z: NDArray[np.floating],
    power: float = 1.0,
) -> NDArray[np.floating]:
    """Return x^power of cells with deviates ``z`` after segments of times (s) and temperatures (K).

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> stress(model, [1.5e7, 1.5e7], [398.15, 398.15], np.zeros(1)).round(6)
    array([1.])
    """
    kind = z.dtype.type
    parts = _stresses(parameters, times, temperatures)
    # with one temperature the power goes into the exponent
    inside = power if len(parts) == 1 else 1.0
    total = np.zeros(z.shape, dtype=z.dtype)
    with np.errstate(over="ignore", divide="ignore"):  # x = inf: all is lost; 0: nothing
        for median, slope in parts:
            part = z * kind(-inside * slope)
            part += kind(inside * median)
            total += np.exp(part, out=part)
        if power != inside:
            np.log(total, out=total)
            total *= kind(power)
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
            median = np.log(time) - np.log(parameters.time_constant)
            median -= _log_slowdown(parameters, temperature)
            slope = parameters.sigma_activation_energy / (BOLTZMANN * temperature)
            out.append((float(median), float(slope)))
    return out


def conductance(
    parameters: Retention,
    initial: NDArray[np.floating],
    times: ArrayLike,
    temperatures: ArrayLike,
    z: NDArray[np.floating],
    weak: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Return the conductance, S, after a sequence of (time, temperature) segments.

    Parameters
    ----------
    parameters : Retention
    initial : ndarray, shape (...)
        Conductance before, S.
    times, temperatures : array_like, shape (segments,)
        s and K.
    z : ndarray, shape (...)
        Standard normal deviate of each cell.
    weak : ndarray, shape (...), optional
        Standard normal deviate that says which cells are weak: those below the quantile of the
        weak fraction. Without it none is.

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> g = np.array([1e-4])
    >>> conductance(model, g, np.array([3e7]), np.array([398.15]), np.zeros(1)).round(8)
    array([4.311e-05])
    """
    out = _conductance(parameters, initial, times, temperatures, z)
    if weak is not None and parameters.weak_fraction > 0:
        cells = np.nonzero(weak < ndtri(parameters.weak_fraction))
        end = np.broadcast_to(parameters.asymptotic_resistance, initial.shape)[cells]
        few = replace(parameters.of_weak_cells, asymptotic_resistance=end)
        out[cells] = _conductance(few, initial[cells], times, temperatures, z[cells])
    return out


def _conductance(
    parameters: Retention,
    initial: NDArray[np.floating],
    times: ArrayLike,
    temperatures: ArrayLike,
    z: NDArray[np.floating],
) -> NDArray[np.floating]:
    """Conductance of cells of one kind."""
    kind = initial.dtype.type
    p = parameters
    log_time = p.model == "log_time_loss"
    power = 1.0 if log_time else p.shape
    x = stress(p, times, temperatures, z, power)
    if p.resistance_exponent:
        thin = np.maximum(initial * kind(p.reference_resistance), kind(_LEAST))
        np.log(thin, out=thin)
        thin *= kind(-power * p.resistance_exponent)
        x *= np.exp(thin, out=thin)
    if log_time:
        np.log1p(x, out=x)
        x *= kind(-p.shape)
        x += kind(1.0)
        left = np.maximum(x, kind(0.0), out=x)
    else:
        left = np.exp(np.negative(x, out=x), out=x)
    end = np.asarray(1.0 / p.asymptotic_resistance, dtype=initial.dtype)
    if p.model == "arrhenius_loss":
        out = initial - end
        out *= left
        out += end
        return out
    out = initial / end
    np.power(out, left, out=out)
    out *= end
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
    temperature z* has a closed form, over several it is the root of one equation. Weak and other
    cells add up by their fractions.

    Examples
    --------
    >>> model = Retention(3e7, 398.15, 1.4, 0.05, 1.0, 1e5)
    >>> round(probability_crossed(model, 1e-4, 3e7 * np.log(2), 398.15, 5.5e-5), 3)
    0.5
    """
    p = parameters
    if p.weak_fraction > 0:
        bulk, weak = (
            probability_crossed(kind, initial, times, temperatures, reference)
            for kind in (replace(p, weak_fraction=0.0), p.of_weak_cells)
        )
        return (1 - p.weak_fraction) * bulk + p.weak_fraction * weak
    end = 1.0 / float(p.asymptotic_resistance)
    if not min(initial, end) < reference < max(initial, end):
        return 0.0
    needed = _log_stress_at(p, initial, end, reference)
    needed += p.resistance_exponent * np.log(max(initial * p.reference_resistance, _LEAST))
    parts = _stresses(p, times, temperatures)
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
    return float(
        ndtr(scipy.optimize.brentq(lambda z: logsumexp(median - slope * z) - needed, low, high))
    )


def _log_stress_at(p: Retention, initial: float, end: float, reference: float) -> float:
    """ln x at which a cell that starts at one conductance (S) has come to another."""
    if p.model == "arrhenius_loss":
        left = (reference - end) / (initial - end)
    else:
        left = np.log(reference / end) / np.log(max(initial, _LEAST * end) / end)
    if p.model == "log_time_loss":
        return float(np.log(np.expm1((1 - left) / p.shape)))
    return float(np.log(-np.log(left)) / p.shape)
