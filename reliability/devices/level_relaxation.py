"""Relaxation of many levels: mean and spread of the change depend on the programmed level.

With g = target / G_max:

- ``random_walk``: independent steps in log time, G(t) = G(0) + shift(g) s(t) + sigma(g) W(s_T(t))
  with Var W(s) = s and s(t) of `reliability.devices.relaxation`. The reads of one cell at two times
  correlate as those of a walk do (see [1]_: covariance of the change at 0.01 s and 1 s equals its
  variance at 0.01 s). The temperature moves the walk by its equivalent time (`equivalent_time`),
  s_T = s(t_eq), which gives the weak growth of sigma after bakes from 100 to 260 degC; the mean
  shift shows none and keeps the time. sigma(g) and shift(g) are straight between values at evenly
  spaced levels from g = 0 to g = 1.
- ``saturating``: the same walk, at rest beyond t_ref, as reported of two states [2]_; on a card of
  unstable cells these, at rest beyond the last read at the reference temperature.
- ``log_linear``: mean shift and sigma straight in ln t, the same at every level (CMO/HfOx, [3]_).
- ``unstable_cells``: most cells hardly move, some jump far, each read fluctuates; temperature acts
  on spread and shift (`unstable_cells`). What measured arrays are fitted with.
- ``snapshots``: the total error, programming included, at given times; straight in ln t between
  them, constant after the last (Wan et al., [4]_).

Temperature is not applied in ``log_linear`` and ``snapshots``. Times are valid as the card says.

.. [1] Our computation on the data of github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff.
.. [2] A. Valentian et al., IEDM 2019, 14.3.1.
.. [3] Falcone et al., as fitted in IBM aihwkit 1.1.0, inference/noise/reram.py.
.. [4] W. Wan et al., "A compute-in-memory chip based on resistive random-access memory", Nature
   608, 504 (2022), doi:10.1038/s41586-022-04992-8, fitted ibid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike, NDArray

from reliability.devices import unstable_cells
from reliability.devices.equivalent_time import equivalent_time
from reliability.devices.relaxation import log_progress
from reliability.devices.target import Coefficients, coefficients
from reliability.devices.unstable_cells import UnstableCells
from reliability.technology import Technology

_SECTION = "relaxation.target"
Array = NDArray[np.float64]


@dataclass(frozen=True)
class RandomWalk:
    """Independent steps in log time.

    Parameters
    ----------
    maximum : float
        G_max, S.
    sigma, shift : tuple of float
        At the reference time, S, one value for each of evenly spaced levels from 0 to G_max.
    onset_time, reference_time : float
        s.
    attempt_time, reference_temperature : float
        s and K: what turns temperature into time.
    decades_per_step : float
        Decades of time that one step takes.
    at_rest : bool
        Whether nothing changes beyond the reference time (``saturating``).
    """

    maximum: float
    sigma: Coefficients
    shift: Coefficients
    onset_time: float
    reference_time: float
    attempt_time: float = 1e-6
    reference_temperature: float = 298.15
    decades_per_step: float = 3.0
    at_rest: bool = False

    def steps(self, times: ArrayLike, temperatures: ArrayLike) -> list[float]:
        """See `LevelRelaxation`."""
        time = equivalent_time(times, temperatures, self.attempt_time, self.reference_temperature)
        end_of_all = self._progress(time)
        out: list[float] = []
        done, end = 0.0, self.onset_time
        while done < end_of_all:
            end *= 10.0**self.decades_per_step
            upto = min(end_of_all, log_progress(end, self.onset_time, self.reference_time))
            out.append(math.sqrt(upto - done))
            done = upto
        return out

    def mean_shift(self, target: ArrayLike, times: ArrayLike) -> Array:
        """See `LevelRelaxation`."""
        return self._between_levels(self.shift, target) * self.mean_progress(times)

    def mean_progress(self, times: ArrayLike) -> float:
        """Return the part of the shift that has been reached, 1 at the reference time."""
        return self._progress(float(np.sum(times)))

    def level_sigma(self, target: ArrayLike, times: ArrayLike) -> Array:
        """See `LevelRelaxation`."""
        return self._between_levels(self.sigma, target)

    def _progress(self, time: float) -> float:
        if self.at_rest:
            time = min(time, self.reference_time)
        return log_progress(time, self.onset_time, self.reference_time)

    def _between_levels(self, values: Coefficients, target: ArrayLike) -> Array:
        """Straight between values at evenly spaced g from 0 to 1."""
        g = np.asarray(target, float) / self.maximum
        return np.asarray(np.interp(g, np.linspace(0.0, 1.0, len(values)), values))


@dataclass(frozen=True)
class LogLinear:
    """Mean and sigma straight in ln t, the same at every level.

    Parameters
    ----------
    sigma_one_second, sigma_per_efold, shift_per_efold : float
        Sigma at 1 s, its growth per e-fold of time, and the shift per e-fold, S.
    """

    sigma_one_second: float
    sigma_per_efold: float
    shift_per_efold: float

    def steps(self, times: ArrayLike, temperatures: ArrayLike) -> list[float]:
        """See `LevelRelaxation`."""
        total = float(np.sum(times))
        reached = self.sigma_one_second + self.sigma_per_efold * math.log(total) if total else 0.0
        return [reached] if reached > 0 else []

    def mean_shift(self, target: ArrayLike, times: ArrayLike) -> Array:
        """See `LevelRelaxation`."""
        efolds = math.log(max(float(np.sum(times)), 1.0))
        return np.full_like(np.asarray(target, float), self.shift_per_efold * efolds)

    def level_sigma(self, target: ArrayLike, times: ArrayLike) -> Array:
        """See `LevelRelaxation`."""
        return np.ones_like(np.asarray(target, float))


@dataclass(frozen=True)
class Snapshot:
    """Total error at one time: sigma(g) = sum of error_k g^k, S."""

    time: float
    error: Coefficients


@dataclass(frozen=True)
class Snapshots:
    """Total error at given times.

    Parameters
    ----------
    maximum : float
        G_max, S.
    snapshots : tuple of Snapshot
        In order of time, the first being the programming error.
    """

    maximum: float
    snapshots: tuple[Snapshot, ...]

    def steps(self, times: ArrayLike, temperatures: ArrayLike) -> list[float]:
        """See `LevelRelaxation`."""
        return [1.0] if float(np.sum(times)) > self.snapshots[0].time else []

    def mean_shift(self, target: ArrayLike, times: ArrayLike) -> Array:
        """See `LevelRelaxation`."""
        return np.zeros_like(np.asarray(target, float))

    def level_sigma(self, target: ArrayLike, times: ArrayLike) -> Array:
        """See `LevelRelaxation`: what the total error has beyond the programming error."""
        g = np.asarray(target, float) / self.maximum
        error = np.array([np.maximum(polyval(g, one.error), 0.0) for one in self.snapshots])
        # polynomials that were fitted one by one cross; what has relaxed does not come back
        error = np.maximum.accumulate(error, axis=0)
        log_times = np.log([one.time for one in self.snapshots])
        at = float(np.clip(np.log(max(float(np.sum(times)), 1e-300)), log_times[0], log_times[-1]))
        upper = int(np.clip(np.searchsorted(log_times, at), 1, len(log_times) - 1))
        weight = (at - log_times[upper - 1]) / (log_times[upper] - log_times[upper - 1])
        total = error[upper - 1] + weight * (error[upper] - error[upper - 1])
        return np.sqrt(np.maximum(total**2 - error[0] ** 2, 0.0))


# Each of these models answers three questions for times (s) and temperatures (K) of segments:
# ``steps``, the standard deviation that each deviate of a cell has reached, in units of sigma(g)
# (the sum of squares is the variance that has been reached; empty where nothing has happened);
# ``mean_shift`` of cells programmed to a target (S), S; and ``level_sigma``, sigma(g) in S.
LevelRelaxation = RandomWalk | LogLinear | Snapshots | UnstableCells


def from_technology(technology: Technology) -> LevelRelaxation:
    """Read the section ``relaxation.target`` of a card.

    Examples
    --------
    >>> import reliability as rel
    >>> type(from_technology(rel.load_technology("oxram-cmo-hfox"))).__name__
    'LogLinear'
    """
    model, maximum = technology.models[_SECTION], technology["target.maximum"]

    def value(name: str) -> float:
        return technology[f"{_SECTION}.{name}"]

    if model == "unstable_cells" or f"{_SECTION}.jump_fluctuation" in technology:
        return unstable_cells.from_technology(technology)
    if model == "log_linear":
        names = ("sigma_one_second", "sigma_per_efold", "shift_per_efold")
        return LogLinear(**{name: value(name) for name in names})
    if model == "snapshots":
        error = coefficients(technology, "programming.target.error")
        found = [Snapshot(value("onset_time"), error)]
        for name in sorted(key.split(".")[2] for key in technology if _is_snapshot_time(key)):
            error = coefficients(technology, f"{_SECTION}.{name}.error")
            found.append(Snapshot(value(f"{name}.time"), error))
        return Snapshots(maximum, tuple(sorted(found, key=lambda one: one.time)))
    single = ("onset_time", "reference_time", "attempt_time", "reference_temperature")
    return RandomWalk(
        maximum,
        coefficients(technology, f"{_SECTION}.sigma"),
        coefficients(technology, f"{_SECTION}.shift"),
        **{name: value(name) for name in (*single, "decades_per_step")},
        at_rest=model == "saturating",
    )


def streams(model: LevelRelaxation, times: ArrayLike, temperatures: ArrayLike) -> list[str]:
    """Return the names of the deviates that `conductance` takes, in their order.

    Examples
    --------
    >>> streams(RandomWalk(1e-4, (1e-6,), (0.0,), 1e-3, 1e3), [1e3], [298.15])
    ['relaxation', 'relaxation.1']
    """
    if isinstance(model, UnstableCells):
        return model.streams(times, temperatures)
    count = len(model.steps(times, temperatures))
    return ["relaxation" if k == 0 else f"relaxation.{k}" for k in range(count)]


def sigma(
    model: LevelRelaxation, target: ArrayLike, times: ArrayLike, temperatures: ArrayLike
) -> Array:
    """Return the standard deviation of the change of conductance, S.

    Examples
    --------
    >>> model = RandomWalk(1e-4, (1e-6,), (0.0,), 1e-3, 1e3)
    >>> sigma(model, [5e-5], [1e3], [298.15]).round(9).tolist()
    [1e-06]
    >>> [round(step, 3) for step in model.steps([1e3], [298.15])]
    [0.707, 0.707]
    """
    if isinstance(model, UnstableCells):
        return unstable_cells.moments(model, target, times, temperatures)[1]
    reached = math.sqrt(math.fsum(step**2 for step in model.steps(times, temperatures)))
    return model.level_sigma(target, times) * reached


def conductance(
    model: LevelRelaxation,
    initial: NDArray[np.floating],
    target: NDArray[np.floating],
    times: ArrayLike,
    temperatures: ArrayLike,
    deviates: Sequence[NDArray[np.floating]],
    stretch: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with one array of deviates for each of the `streams`.

    Parameters
    ----------
    model : RandomWalk, LogLinear, Snapshots or UnstableCells
    initial : ndarray, shape (...)
        Conductance as programmed, S.
    target : ndarray, broadcast to ``initial``
        Programmed level, S.
    times, temperatures : array_like, shape (segments,)
        s and K.
    deviates : sequence of ndarray, shape (...)
        Standard normal, at least as many as `streams` names.
    stretch : ndarray, broadcast to ``initial``, optional
        Factor on the spread of the change of each cell, of worn cells.

    Examples
    --------
    >>> model = RandomWalk(1e-4, (1e-6,), (0.0,), 1e-3, 1e3)
    >>> z = [np.array([1.0]), np.array([-1.0])]
    >>> conductance(model, np.array([5e-5]), np.array([5e-5]), [1e3], [298.15], z).round(9)
    array([5.e-05])
    """
    if isinstance(model, UnstableCells):
        return unstable_cells.conductance(
            model, initial, target, times, temperatures, deviates, stretch
        )
    reached = model.steps(times, temperatures)
    kind = initial.dtype.type
    out = initial + model.mean_shift(target, times).astype(initial.dtype)
    if reached:
        walk = kind(reached[0]) * deviates[0]
        for step, z in zip(reached[1:], deviates[1:], strict=False):
            walk += kind(step) * z
        walk *= model.level_sigma(target, times).astype(initial.dtype)
        if stretch is not None:
            walk = walk * stretch.astype(initial.dtype)
        out += walk
    return np.maximum(out, kind(0.0), out=out)


def reached(model: LevelRelaxation, times: ArrayLike, temperatures: ArrayLike) -> float:
    """Return the part that the mean relaxation has reached of that where the model is stated last.

    1 at any time of models that give the spread of each time by itself.

    Examples
    --------
    >>> reached(RandomWalk(1e-4, (1e-6,), (0.0,), 1e-3, 1e3), [1e3], [298.15])
    1.0
    """
    total = float(np.sum(times))
    if total == 0:
        return 0.0
    if isinstance(model, UnstableCells):
        last = max(model.progress(c.time, c.temperature) for c in model.conditions)
        return model.progress(times, temperatures) / last
    if isinstance(model, RandomWalk):
        return model.mean_progress(times)
    return 1.0


def _is_snapshot_time(key: str) -> bool:
    return key.startswith(f"{_SECTION}.") and key.count(".") == 3 and key.endswith(".time")
