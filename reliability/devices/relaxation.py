"""Relaxation: what a freshly programmed conductance does in the minutes and hours that follow.

Two states (`Relaxation`). A cell's ln G moves by one normal step (mean ``shift``, standard
deviation ``sigma``, drawn once per cell) that unfolds in log time:

    ln G(t) = ln G(0) + (shift + sigma z) s(t),    s(t) = ln(1 + t/t_on) / ln(1 + t_ref/t_on)

- ``saturating``: s stays at 1 beyond t_ref (SPIRIT reports no change after the first hour [1]_);
- ``log_time``: s goes on growing (published 1T1R arrays still widen at 10 000 s [2]_).

Many levels (`TargetRelaxation`): mean and spread depend on the programmed level g = target / G_max.

- ``random_walk``: independent steps in log time, G(t) = G(0) + shift(g) s(t) + sigma(g) W(s_T(t))
  with Var W(s) = s. The reads of one cell at two times correlate as those of a walk do (see [2]_:
  covariance of the change at 0.01 s and 1 s equals its variance at 0.01 s). The temperature moves
  the walk by its equivalent time (`equivalent_time`), s_T = s(t_eq), which gives the weak
  growth of sigma after bakes from 100 to 260 degC; the mean shift shows none and keeps the time.
  sigma(g) and shift(g) are straight between values at evenly spaced levels from g = 0 to g = 1.
- ``saturating``: the same walk, at rest beyond t_ref, as [1]_ reports of two states.
- ``log_linear``: mean shift and sigma straight in ln t, the same at every level (CMO/HfOx, [3]_).
- ``snapshots``: the total error, programming included, at given times; straight in ln t between
  them, constant after the last (Wan et al., [4]_).

Temperature is not applied in the models other than the two walks. Times are valid as the card says.

.. [1] A. Valentian et al., IEDM 2019, 14.3.1.
.. [2] Our computation on the data of github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff.
.. [3] Falcone et al., as fitted in IBM aihwkit 1.1.0, inference/noise/reram.py.
.. [4] W. Wan et al., Nature (2022), doi:10.1038/s41586-022-04992-8, fitted ibid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from reliability.devices.equivalent_time import equivalent_time
from reliability.devices.target import Coefficients, coefficients
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
    return _log_progress(time, parameters.onset_time, parameters.reference_time)


def conductance(
    parameters: Relaxation, initial: NDArray[np.floating], time: float, z: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Return the conductance, S, at ``time`` (s) of cells with relaxation latents ``z``.

    Parameters
    ----------
    parameters : Relaxation
    initial : ndarray, shape (...)
        Conductance as programmed, S.
    time : float
        Since programming, s.
    z : ndarray, shape (...)
        Standard normal latent of each cell.

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


@dataclass(frozen=True)
class Snapshot:
    """Total error at one time: sigma(g) = sum of error_k g^k, S."""

    time: float
    error: Coefficients


@dataclass(frozen=True)
class TargetRelaxation:
    """Relaxation of many levels.

    Parameters
    ----------
    model : {"random_walk", "saturating", "log_linear", "snapshots"}
    maximum : float
        G_max, S.
    sigma, shift : tuple of float
        Walks: at the reference time, S, one value for each of evenly spaced levels from
        0 to G_max. ``log_linear``: sigma at 1 s and its growth per e-fold of time, and the shift
        per e-fold, S.
    onset_time, reference_time, attempt_time, reference_temperature, decades_per_step : float
        Of the walks; s and K. One step of the walk unfolds over so many decades.
    snapshots : tuple of Snapshot
        Of the model ``snapshots``, in order of time, the first being the programming error.
    """

    model: str
    maximum: float
    sigma: Coefficients = ()
    shift: Coefficients = ()
    onset_time: float = 1.0
    reference_time: float = math.e
    attempt_time: float = 1e-6
    reference_temperature: float = 298.15
    decades_per_step: float = 3.0
    snapshots: tuple[Snapshot, ...] = ()

    @classmethod
    def from_technology(cls, technology: Technology) -> "TargetRelaxation":
        """Read the section ``relaxation.target`` of a card."""
        section = "relaxation.target"
        model, maximum = technology.models[section], technology["target.maximum"]
        if model == "log_linear":
            sigma = ("sigma_one_second", "sigma_per_efold")
            return cls(
                model,
                maximum,
                sigma=tuple(technology[f"{section}.{name}"] for name in sigma),
                shift=(technology[f"{section}.shift_per_efold"],),
            )
        if model == "snapshots":
            error = coefficients(technology, "programming.target.error")
            found = [Snapshot(technology[f"{section}.onset_time"], error)]
            for name in sorted(key.split(".")[2] for key in technology if _is_snapshot_time(key)):
                error = coefficients(technology, f"{section}.{name}.error")
                found.append(Snapshot(technology[f"{section}.{name}.time"], error))
            return cls(model, maximum, snapshots=tuple(sorted(found, key=lambda s: s.time)))
        return cls(
            model,
            maximum,
            sigma=coefficients(technology, f"{section}.sigma"),
            shift=coefficients(technology, f"{section}.shift"),
            onset_time=technology[f"{section}.onset_time"],
            reference_time=technology[f"{section}.reference_time"],
            attempt_time=technology[f"{section}.attempt_time"],
            reference_temperature=technology[f"{section}.reference_temperature"],
            decades_per_step=technology[f"{section}.decades_per_step"],
        )


def steps(parameters: TargetRelaxation, times: ArrayLike, temperatures: ArrayLike) -> list[float]:
    """Return the standard deviation that each latent of a cell has reached, in units of sigma(g).

    Parameters
    ----------
    parameters : TargetRelaxation
    times, temperatures : array_like, shape (segments,)
        s and K.

    Returns
    -------
    list of float
        One number per latent; the sum of squares is the variance that has been reached. Empty
        where nothing has happened yet.

    Examples
    --------
    >>> model = TargetRelaxation("random_walk", 1e-4, (1e-6,), (0.0,), 1e-3, 1e3)
    >>> [round(step, 3) for step in steps(model, [1e3], [298.15])]
    [0.707, 0.707]
    """
    total = float(np.sum(times))
    if parameters.model == "snapshots":
        return [1.0] if total > parameters.snapshots[0].time else []
    if parameters.model == "log_linear":
        first, growth = parameters.sigma
        reached = first + growth * math.log(total) if total > 0 else 0.0
        return [reached] if reached > 0 else []
    time = equivalent_time(
        times, temperatures, parameters.attempt_time, parameters.reference_temperature
    )
    time = _until_rest(parameters, time)
    out: list[float] = []
    done = 0.0
    end = parameters.onset_time
    while done < (s := _log_progress(time, parameters.onset_time, parameters.reference_time)):
        end *= 10.0**parameters.decades_per_step
        upto = min(s, _log_progress(end, parameters.onset_time, parameters.reference_time))
        out.append(math.sqrt(upto - done))
        done = upto
    return out


def mean_shift(
    parameters: TargetRelaxation, target: ArrayLike, times: ArrayLike
) -> NDArray[np.float64]:
    """Return the mean change of conductance, S, of cells programmed to ``target`` (S).

    Examples
    --------
    >>> model = TargetRelaxation("log_linear", 9e-5, sigma=(4e-7, 4e-8), shift=(-9e-8,))
    >>> mean_shift(model, [5e-5], [np.e]).round(9).tolist()
    [-9e-08]
    """
    g = np.asarray(target, float)
    total = float(np.sum(times))
    if parameters.model == "snapshots":
        return np.zeros_like(g)
    if parameters.model == "log_linear":
        return np.full_like(g, parameters.shift[0] * max(math.log(total), 0.0) if total > 0 else 0)
    total = _until_rest(parameters, total)
    s = _log_progress(total, parameters.onset_time, parameters.reference_time)
    return _between_levels(parameters.shift, g / parameters.maximum) * s


def sigma(
    parameters: TargetRelaxation,
    target: ArrayLike,
    times: ArrayLike,
    temperatures: ArrayLike,
) -> NDArray[np.float64]:
    """Return the standard deviation of the change of conductance, S.

    Under ``snapshots`` it is what the total error has beyond the programming error, in quadrature.

    Examples
    --------
    >>> model = TargetRelaxation("random_walk", 1e-4, (1e-6,), (0.0,), 1e-3, 1e3)
    >>> sigma(model, [5e-5], [1e3], [298.15]).round(9).tolist()
    [1e-06]
    """
    reached = math.sqrt(math.fsum(step**2 for step in steps(parameters, times, temperatures)))
    return level_sigma(parameters, target, times) * reached


def level_sigma(
    parameters: TargetRelaxation, target: ArrayLike, times: ArrayLike
) -> NDArray[np.float64]:
    """Return the standard deviation, S, that `steps` is a multiple of, for each target (S)."""
    g = np.asarray(target, float)
    if parameters.model == "log_linear":
        return np.ones_like(g)
    if parameters.model in ("random_walk", "saturating"):
        return _between_levels(parameters.sigma, g / parameters.maximum)
    error = np.array(
        [
            np.maximum(polyval(g / parameters.maximum, snapshot.error), 0.0)
            for snapshot in parameters.snapshots
        ]
    )
    log_times = np.log([snapshot.time for snapshot in parameters.snapshots])
    at = float(np.clip(np.log(max(float(np.sum(times)), 1e-300)), log_times[0], log_times[-1]))
    upper = int(np.clip(np.searchsorted(log_times, at), 1, len(log_times) - 1))
    share = (at - log_times[upper - 1]) / (log_times[upper] - log_times[upper - 1])
    total = error[upper - 1] + share * (error[upper] - error[upper - 1])
    return np.sqrt(np.maximum(total**2 - error[0] ** 2, 0.0))


def target_conductance(
    parameters: TargetRelaxation,
    initial: NDArray[np.floating],
    target: NDArray[np.floating],
    times: ArrayLike,
    temperatures: ArrayLike,
    latents: Sequence[NDArray[np.floating]],
) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with one array of latents for each of the `steps`.

    Parameters
    ----------
    parameters : TargetRelaxation
    initial : ndarray, shape (...)
        Conductance as programmed, S.
    target : ndarray, broadcast to ``initial``
        Programmed level, S.
    times, temperatures : array_like, shape (segments,)
        s and K.
    latents : sequence of ndarray, shape (...)
        Standard normal, at least as many as `steps` returns.

    Examples
    --------
    >>> model = TargetRelaxation("random_walk", 1e-4, (1e-6,), (0.0,), 1e-3, 1e3)
    >>> z = [np.array([1.0]), np.array([-1.0])]
    >>> target_conductance(model, np.array([5e-5]), np.array([5e-5]), [1e3], [298.15], z).round(9)
    array([5.e-05])
    """
    reached = steps(parameters, times, temperatures)
    kind = initial.dtype.type
    out = initial + mean_shift(parameters, target, times).astype(initial.dtype)
    if reached:
        walk = kind(reached[0]) * latents[0]
        for step, z in zip(reached[1:], latents[1:], strict=False):
            walk += kind(step) * z
        walk *= level_sigma(parameters, target, times).astype(initial.dtype)
        out += walk
    return np.maximum(out, kind(0.0), out=out)


def _until_rest(parameters: TargetRelaxation, time: float) -> float:
    return min(time, parameters.reference_time) if parameters.model == "saturating" else time


def _between_levels(values: Coefficients, g: NDArray[np.float64]) -> NDArray[np.float64]:
    """Straight between values at evenly spaced g from 0 to 1."""
    return np.asarray(np.interp(g, np.linspace(0.0, 1.0, len(values)), values))


def _log_progress(time: float, onset: float, reference: float) -> float:
    return math.log1p(time / onset) / math.log1p(reference / onset)


def _is_snapshot_time(key: str) -> bool:
    return key.startswith("relaxation.target.") and key.count(".") == 3 and key.endswith(".time")
