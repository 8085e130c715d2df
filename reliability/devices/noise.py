"""Noise: what one read of an unchanging cell differs by from another.

Three independent parts, all relative to the conductance G:

- white: sigma_w (G/G_ref)^-a at every read;
- flicker (1/f): spectral density Q^2/f per Hz up to f = 1/(2 t_r), so that the variance seen within
  a time t grows in log time,

      var(t) = Q^2 ln((t + t_r) / (2 t_r)),
      Q = min(Q_ref (G/G_ref)^-a, Q_max)      ``power``, as in PCM [1]_
      Q = Q_ref log10(G/G_ref) G_ref/G        ``logarithmic``, as in CMO/HfOx [2]_

  a path is a sum of Ornstein-Uhlenbeck processes, two a decade;
- telegraph (RTN): a fraction p of cells has one active trap, with exponentially distributed capture
  and emission times whose means are spread log-uniformly. Filled, it takes A of the current of the
  empty one; the amplitude grows as the filament gets thinner [3]_, has a heavier tail in HRS than
  in LRS [4]_, and stays below one half, that is a change of the resistance by its own size:

      A = a / sqrt(1 + 4 a^2),    ln a normal about ln[A_ref (G/G_ref)^-a]

  Capture and emission times are thermally activated with one barrier, t(T) = t_ref
  exp[(E/k) (1/T - 1/T_ref)]: heat makes traps faster and leaves how often they are filled. That
  Joule heating in the filament speeds them up is published [3]_, the barrier is assumed on cards.

G is the mean over the states of the trap and over white and 1/f noise, whose sum z is normal and
enters as the log-normal factor of mean 1 and standard deviation sigma, exp(s z - s^2/2) with
s^2 = ln(1 + sigma^2): 1 + sigma z as long as sigma is small, and no cell reads 0 S.

Valid for read voltages up to about 0.1 V; bias changes the times and amplitudes of traps [3]_.

The implementation that ``power`` is from [1]_ takes Q of the conductance as programmed, adds a
normal number to the drifted one and clips at 0; here Q is that of the present conductance, which
drift lowers (by 2^0.65 in Q where it has halved), and the factor is log-normal.

.. [1] S. R. Nandakumar et al., "Phase-change memory models for deep learning training and
   inference", ICECS 2019, doi:10.1109/ICECS46596.2019.8964852, as fitted in IBM aihwkit 1.1.0.
.. [2] Falcone et al. (CMO/HfOx), as fitted in IBM aihwkit 1.1.0.
.. [3] S. Ambrogio et al., "Statistical fluctuations in HfOx resistive-switching memory: Part II -
   random telegraph noise", IEEE Trans. Electron Devices 61 (2014), doi:10.1109/TED.2014.2330202,
   abstract.
.. [4] "Investigation of random telegraph noise amplitudes in hafnium oxide resistive memory
   devices", abstract (researcher.life b3aa938378c933e48280987abc29a9dc; authors and year could not
   be confirmed).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from reliability.errors import InputError
from reliability.lifetime.acceleration import arrhenius
from reliability.technology import Technology

_LEAST = 1e-12  # of the reference conductance; its inverse squared is still a float32
_PER_DECADE = 2  # Ornstein-Uhlenbeck processes: within 1 % of 1/f in the density


@dataclass(frozen=True)
class Noise:
    """Noise of a technology.

    Parameters
    ----------
    model : {"power", "logarithmic"}
        Of Q.
    reference_conductance : float
        G_ref, S.
    white, white_exponent : float
        sigma_w at G_ref, and a.
    flicker, flicker_exponent, flicker_limit : float
        Q_ref, a and Q_max; the last two are for the model ``power``.
    flicker_onset : float
        t_r, s: nothing is faster.
    telegraph_fraction : float
        Fraction of cells with an active trap.
    telegraph_amplitude, telegraph_exponent, telegraph_spread : float
        Median a at G_ref, its exponent, and the standard deviation of ln a.
    telegraph_shortest, telegraph_longest : float
        Range of mean capture and emission times at the reference temperature, s.
    telegraph_activation_energy, reference_temperature : float
        Barrier of capture and emission, eV, and K.
    """

    model: str
    reference_conductance: float
    white: float
    white_exponent: float
    flicker: float
    flicker_exponent: float
    flicker_limit: float
    flicker_onset: float
    telegraph_fraction: float
    telegraph_amplitude: float
    telegraph_exponent: float
    telegraph_spread: float
    telegraph_shortest: float
    telegraph_longest: float
    telegraph_activation_energy: float = 0.0
    reference_temperature: float = 298.15

    @classmethod
    def from_technology(cls, technology: Technology) -> "Noise":
        """Read the section ``noise`` of a card.

        A card that says nothing of the white part or of traps has none.
        """
        absent = {
            "white": 0.0, "white_exponent": 0.0, "flicker_exponent": 0.0, "flicker_limit": np.inf,
            "telegraph_fraction": 0.0, "telegraph_amplitude": 0.0, "telegraph_exponent": 0.0,
            "telegraph_spread": 0.0, "telegraph_shortest": 1.0, "telegraph_longest": 1.0,
            "telegraph_activation_energy": 0.0, "reference_temperature": 298.15,
        }  # fmt: skip
        names = [f.name for f in fields(cls) if f.name != "model"]
        values = {
            name: technology[f"noise.{name}"]
            for name in names
            if f"noise.{name}" in technology or name not in absent
        }
        return cls(model=technology.models["noise"], **{**absent, **values})


class Traps(NamedTuple):
    """One trap per cell; amplitude 0 where there is none."""

    amplitude: NDArray[np.float64]  # relative to G with an empty trap
    capture: NDArray[np.float64]  # mean time to capture, s
    emission: NDArray[np.float64]  # mean time to emission, s

    @property
    def filled(self) -> NDArray[np.float64]:
        """Stationary probability that the trap is filled."""
        return self.emission / (self.capture + self.emission)

    @property
    def correlation_time(self) -> NDArray[np.float64]:
        """1 / (1/capture + 1/emission), s."""
        return 1.0 / (1.0 / self.capture + 1.0 / self.emission)


def white_sigma(parameters: Noise, conductance: ArrayLike) -> NDArray[np.floating]:
    """Return the relative standard deviation of the white part."""
    relative = _relative(parameters, conductance)
    kind = relative.dtype.type
    return kind(parameters.white) * relative ** kind(-parameters.white_exponent)


def flicker_amplitude(parameters: Noise, conductance: ArrayLike) -> NDArray[np.floating]:
    """Return Q, the square root of the relative spectral density at 1 Hz.

    Examples
    --------
    >>> flicker_amplitude(_example(), [1e-4, 4e-4])
    array([0.01 , 0.005])
    """
    relative = _relative(parameters, conductance)
    kind = relative.dtype.type
    if parameters.model == "logarithmic":
        return kind(parameters.flicker) * np.abs(np.log10(relative)) / relative
    q = kind(parameters.flicker) * relative ** kind(-parameters.flicker_exponent)
    return (
        q if parameters.flicker_limit == np.inf else np.minimum(q, kind(parameters.flicker_limit))
    )


def flicker_sigma(
    parameters: Noise, conductance: ArrayLike, time: ArrayLike
) -> NDArray[np.floating]:
    """Return the relative standard deviation of the 1/f part within a time (s).

    Examples
    --------
    >>> flicker_sigma(_example(), 1e-4, [0.0, 1e-6, 1.0]).round(4)
    array([0.    , 0.    , 0.0362])
    """
    q = flicker_amplitude(parameters, conductance)
    t, t_r = np.asarray(time, float), parameters.flicker_onset
    return q * np.sqrt(np.log(np.maximum((t + t_r) / (2 * t_r), 1.0)))


def flicker_density(
    parameters: Noise, conductance: ArrayLike, frequency: ArrayLike
) -> NDArray[np.floating]:
    """Return the spectral density of the 1/f part over G^2, per Hz (one-sided).

    Q^2 / f; its integral from 1/t to 1/(2 t_r) is the variance within t.
    """
    q = flicker_amplitude(parameters, conductance)
    return q**2 / np.asarray(frequency, float)


def traps(
    parameters: Noise,
    conductance: ArrayLike,
    uniform: NDArray[np.floating],
    temperature: float | None = None,
) -> Traps:
    """Return the traps of cells.

    Parameters
    ----------
    parameters : Noise
    conductance : array_like, shape (...)
        S.
    uniform : ndarray, shape (4, ...)
        Uniform numbers of each cell: is there a trap, its amplitude, its capture and its emission
        time.
    temperature : float, optional
        K; the reference temperature by default.

    Examples
    --------
    >>> one = traps(_example(), 1e-4, np.array([[0.1], [0.5], [0.0], [0.5]]))
    >>> one.amplitude.round(3), one.capture, one.emission.round(3)
    (array([0.05]), array([1.e-05]), array([0.032]))
    """
    present, amplitude, capture, emission = (np.asarray(u, float) for u in uniform)
    median = parameters.telegraph_amplitude * (
        _relative(parameters, conductance) ** -parameters.telegraph_exponent
    )
    size = median * np.exp(parameters.telegraph_spread * ndtri(amplitude))
    decades = np.log(parameters.telegraph_longest / parameters.telegraph_shortest)
    shortest = parameters.telegraph_shortest
    if temperature is not None:
        cold = parameters.reference_temperature
        heat = arrhenius(cold, temperature, parameters.telegraph_activation_energy)
        shortest = shortest / float(heat)
    return Traps(
        np.where(present < parameters.telegraph_fraction, saturated(size), 0.0),
        shortest * np.exp(decades * capture),
        shortest * np.exp(decades * emission),
    )


def telegraph_density(traps: Traps, frequency: ArrayLike) -> NDArray[np.float64]:
    """Return the spectral density of each trap over G^2, per Hz (one-sided): a Lorentzian.

    4 A^2 p (1 - p) tau / (1 + (2 pi f tau)^2) over (1 - A p)^2, p the probability that the trap is
    filled, tau the correlation time. Frequencies are a trailing axis.
    """
    f = np.asarray(frequency, float)
    tau = traps.correlation_time[..., None]
    mean = 1 - traps.amplitude * traps.filled
    variance = (traps.amplitude**2 * traps.filled * (1 - traps.filled) / mean**2)[..., None]
    return 4 * variance * tau / (1 + (2 * np.pi * f * tau) ** 2)


def read(
    parameters: Noise,
    conductance: NDArray[np.floating],
    time: float,
    z: NDArray[np.floating],
    uniform: Sequence[NDArray[np.floating]] | NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Return single reads, S, at ``time`` (s) after the cells were last known.

    White and 1/f noise as one normal number a cell; the trap, if its numbers are given, is filled
    or not with its stationary probability.

    Parameters
    ----------
    parameters : Noise
    conductance : ndarray, shape (...)
        Without noise, S.
    time : float
    z : ndarray, shape (...)
        Standard normal deviate of this read.
    uniform : ndarray, shape (5, ...), optional
        Uniform numbers of the traps (see `traps`) and of this read's state of the trap.

    Examples
    --------
    >>> read(_example(), np.array([1e-4]), 1.0, np.array([1.0])).round(7)
    array([0.0001038])
    """
    kind = conductance.dtype.type
    t_r = parameters.flicker_onset
    growth = kind(np.sqrt(np.log(max((time + t_r) / (2 * t_r), 1.0))))
    variance = flicker_amplitude(parameters, conductance) * growth
    variance *= variance
    if parameters.white > 0:
        variance += white_sigma(parameters, conductance) ** 2
    out = _factor(variance, z)
    out *= conductance
    if uniform is not None:
        _scatter_by_traps(parameters, conductance, uniform, out)
    return out


def _factor(variance: NDArray[np.floating], z: NDArray[np.floating]) -> NDArray[np.floating]:
    """Log-normal factor of mean 1 and the given variance; the array of variances is used up."""
    log_variance = np.log1p(variance, out=variance)
    out = np.sqrt(log_variance)
    out *= z
    log_variance *= out.dtype.type(0.5)
    out -= log_variance
    return np.exp(out, out=out)


def _scatter_by_traps(
    parameters: Noise,
    conductance: NDArray[np.floating],
    uniform: Sequence[NDArray[np.floating]] | NDArray[np.floating],
    out: NDArray[np.floating],
) -> None:
    """Multiply reads by what the traps of `traps` make of them now, in the cells' own precision."""
    kind = conductance.dtype.type
    present, size, capture, emission, now = (np.asarray(u, kind).reshape(-1) for u in uniform)
    decades = kind(np.log(parameters.telegraph_longest / parameters.telegraph_shortest))
    has = np.flatnonzero(present < kind(parameters.telegraph_fraction))
    # filled: emission / (capture + emission) of times that are log-uniform
    filled = 1 / (1 + np.exp((capture[has] - emission[has]) * decades))
    log_size = ndtri(size[has])
    log_size *= kind(parameters.telegraph_spread)
    log_size += kind(np.log(max(parameters.telegraph_amplitude, 1e-30)))
    if parameters.telegraph_exponent:
        relative = _relative(parameters, conductance.ravel()[has])
        log_size -= kind(parameters.telegraph_exponent) * np.log(relative)
    amplitude = saturated(np.exp(np.minimum(log_size, kind(40.0))))
    factor = np.where(now[has] < filled, 1 - amplitude, kind(1.0)) / (1 - amplitude * filled)
    out.reshape(-1)[has] *= factor


def saturated(amplitude: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the relative amplitude of a trap, at most one half, from what a power law gives.

    >>> saturated(np.array([0.01, 0.2, 100.0])).round(4)
    array([0.01  , 0.1857, 0.5   ])
    """
    return amplitude / np.sqrt(1 + 4 * amplitude**2)


def series(
    parameters: Noise,
    conductance: NDArray[np.floating],
    times: NDArray[np.floating],
    trap: Traps,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return reads of the same cells at a sequence of times, S, shape (times, ...).

    Stationary: the first read is as noisy as the last, with all that is slower than the sequence
    as an offset. Exact at any sequence of times, equal steps or not. A read is a point in time:
    what is faster than the reads folds back into their spectrum.

    Parameters
    ----------
    parameters : Noise
    conductance : ndarray, shape (...)
        Without noise, S.
    times : ndarray, shape (times,)
        Increasing, s.
    trap : Traps
        One for each cell.
    generator : numpy.random.Generator
        From `reliability.random.stream`.

    Raises
    ------
    InputError
        Times that do not increase.

    Examples
    --------
    >>> from reliability.random import stream
    >>> g = np.array([1e-4])
    >>> quiet = Traps(np.zeros(1), np.ones(1), np.ones(1))
    >>> series(_example(), g, np.arange(3) * 1e-3, quiet, stream(1, "noise")).shape
    (3, 1)
    """
    t = np.asarray(times, float)
    if np.any(np.diff(t) <= 0):
        raise InputError("times: expected increasing times")
    g = np.asarray(conductance, float)
    rates, size = _lorentzians(parameters, t)
    weight = flicker_amplitude(parameters, g) * size
    white = white_sigma(parameters, g)
    out = np.empty((len(t), *g.shape))
    middle = 1 - trap.amplitude * trap.filled
    variance = np.maximum(len(rates) * weight**2 + white**2, 1e-300)
    slow = generator.standard_normal((len(rates), *g.shape))
    filled = generator.random(g.shape) < trap.filled
    column = (slice(None), *(None,) * g.ndim)
    for i in range(len(t)):
        if i:
            step = t[i] - t[i - 1]
            keep = np.exp(-rates * step)[column]
            slow = keep * slow
            slow += np.sqrt(1 - keep**2) * generator.standard_normal(slow.shape)
            stay = np.exp(-step / trap.correlation_time)
            probability = trap.filled + stay * (filled - trap.filled)
            filled = generator.random(g.shape) < probability
        noise = weight * slow.sum(axis=0) + white * generator.standard_normal(g.shape)
        factor = _factor(variance.copy(), noise / np.sqrt(variance))
        out[i] = g * factor * (1 - trap.amplitude * filled) / middle
    return out


def _lorentzians(
    parameters: Noise, times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Rates (1/s) of the Ornstein-Uhlenbeck processes that make 1/f, and the size of each over Q.

    A sum of Lorentzians of equal variance, spaced evenly in log rate by d, has the density
    variance / (d f): the variance of each is d.
    """
    fastest = np.pi / parameters.flicker_onset  # f = rate / 2 pi up to 1 / (2 t_r)
    slowest = 0.1 / max(float(times[-1] - times[0]), parameters.flicker_onset)
    count = max(int(np.ceil(_PER_DECADE * np.log10(fastest / slowest))), 1)
    rates = np.geomspace(slowest, fastest, count)
    pitch = np.log(fastest / slowest) / max(count - 1, 1)
    return rates, float(np.sqrt(pitch))


def _relative(parameters: Noise, conductance: ArrayLike) -> NDArray[np.floating]:
    g = np.asarray(conductance)
    g = g if g.dtype.kind == "f" else g.astype(float)
    kind = g.dtype.type
    # a cell of no conductance has no noise, and no power of 0 stands in its way
    return np.maximum(g / kind(parameters.reference_conductance), kind(_LEAST))


def _example() -> Noise:
    """Parameters for the examples."""
    return Noise("power", 1e-4, 0.01, 0.5, 0.01, 0.5, np.inf, 1e-6, 0.3, 0.05, 0.5, 0.7, 1e-5, 1e2)
