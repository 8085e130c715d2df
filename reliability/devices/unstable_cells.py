"""Relaxation of many levels by unstable cells: most cells hardly move, some jump far.

Model ``unstable_cells`` of `level_relaxation`. The conductance of a cell, t after programming, is

    G(t) = G_0 + shift + sigma [sqrt(1 - f) z_0 + sqrt(f) z_read] + J,
    P(J != 0) = 1 - exp(-jumps)

- the first terms are those of every cell: a mean shift and a normal spread, of whose variance the
  fraction f (``fluctuation``) is drawn anew by each read;
- J is the displacement of cells that have become unstable: two-sided exponential, with the mean
  distances ``down`` and ``up`` (the probability of each side is proportional to its distance, so
  that the density has no step), ending at G = 0. A cell becomes unstable at a latent time of its
  own; of the normal deviate of its displacement the fraction ``jump_fluctuation`` of the variance
  is drawn anew by each read, the rest keeps the correlation exp(-decades/memory) over time;
- the fraction ``rare`` of the cells lands anywhere from 0 to G_max.

All five functions of the level are straight (in ln sigma, ln jumps, ln down, ln up, and shift)
between values at evenly spaced levels from 0 to G_max, and in x = ln(1 + t_eq/t_on) between the
conditions (time, temperature) at which the card states them; t_eq is the equivalent time at the
reference temperature (`equivalent_time`), so that heat acts on spread and shift. Before the first
condition shift, variance and jumps grow in proportion to x, beyond the last one the trend of the
last two goes on. Reads less than 2 % apart in time see one fluctuation.

The form was chosen on published array data [1]_: held-out reads refuse a normal walk, and bounded
jumps are what low conductances need. Valid for the levels, times and temperatures on the card.

.. [1] Our computation on the data of github.com/akashlevy/RRAM-Relaxation-Master-Model @ ca0cfff.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from reliability.devices.equivalent_time import equivalent_time
from reliability.technology import Technology

_SECTION = "relaxation.target"
_GRID = 513  # levels from 0 to G_max at which the functions of the level are held
_EPOCH = 0.02  # of x: reads closer than this share their fluctuation
_FORGOTTEN = 1e-4  # of the variance of a displacement
_FLOOR = 0.01  # of G_max; below, conductances approach 0 exponentially
_MOST_JUMPS, _MOST_RARE = 20.0, 0.5
PROFILES = ("shift", "sigma", "jumps", "down", "up", "rare")
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """Functions of the level after a time at a temperature.

    Parameters
    ----------
    time, temperature : float
        s and K.
    profiles : ndarray, shape (6, levels)
        shift, sigma (S), jumps, down, up (S) and rare at evenly spaced levels from 0 to G_max.
    """

    time: float
    temperature: float
    profiles: Array


@dataclass(frozen=True)
class UnstableCells:
    """Relaxation of many levels by unstable cells.

    Parameters
    ----------
    maximum : float
        G_max, S.
    conditions : tuple of Condition
    onset_time, attempt_time, reference_temperature : float
        t_on and t_a, s, and K.
    memory : float
        Decades of time over which the correlation of a displacement falls to 1/e.
    fluctuation, jump_fluctuation : float
        Part of the variance that each read draws anew, of stable and of unstable cells, 0 to 1.
    decades_per_step : float
        Decades of time after which a displacement gets a new deviate.
    at_rest : bool
        Whether nothing changes beyond the last condition at the reference temperature, or beyond
        the first one at another (model ``saturating``).
    """

    maximum: float
    conditions: tuple[Condition, ...]
    onset_time: float
    attempt_time: float
    reference_temperature: float
    memory: float
    fluctuation: float
    jump_fluctuation: float = 0.0
    decades_per_step: float = 1.0
    at_rest: bool = False

    def progress(self, times: ArrayLike, temperatures: ArrayLike) -> float:
        """Return x = ln(1 + t_eq/t_on) after segments of times (s) and temperatures (K)."""
        x = self._progress(times, temperatures)
        if not self.at_rest:
            return x
        near = [c for c in self.conditions if abs(c.temperature - self.reference_temperature) < 10]
        ends = [self._progress(one.time, one.temperature) for one in near or self.conditions[:1]]
        return min(x, max(ends))

    def _progress(self, times: ArrayLike, temperatures: ArrayLike) -> float:
        time = equivalent_time(times, temperatures, self.attempt_time, self.reference_temperature)
        return math.log1p(time / self.onset_time)

    def profiles(self, x: float) -> Array:
        """Return the functions at the stated levels and progress x, shape (6, levels)."""
        at = sorted(
            ((self._progress(one.time, one.temperature), one.profiles) for one in self.conditions),
            key=lambda pair: pair[0],
        )
        first, before = at[0]
        if x <= first or len(at) == 1:
            out, part = before.copy(), x / first
            out[[0, 2, 5]] *= part
            out[1] *= math.sqrt(part)
            return out
        upper = min(max(sum(x > one for one, _ in at), 1), len(at) - 1)
        (low, start), (high, end) = at[upper - 1 : upper + 1]
        part = (x - low) / (high - low)
        start, end = (np.vstack([p[:1], np.log(np.maximum(p[1:], 1e-300))]) for p in (start, end))
        out = start + part * (end - start)
        top = np.array([self.maximum, _MOST_JUMPS, self.maximum, self.maximum, _MOST_RARE])
        out[1:] = np.exp(np.minimum(out[1:], np.log(top)[:, None]))
        return np.asarray(out)

    def table(self, x: float) -> Array:
        """Return the functions on a fine grid; of jumps and rare the limit of a deviate."""
        stated = self.profiles(x)
        levels = np.linspace(0.0, 1.0, stated.shape[1])
        grid = np.linspace(0.0, 1.0, _GRID)
        positive = np.log(np.maximum(stated[1:], 1e-300))
        out = np.array([np.interp(grid, levels, row) for row in (stated[0], *positive)])
        out[1:] = np.exp(out[1:])
        out[2] = np.maximum(ndtri(-np.expm1(-np.minimum(out[2], _MOST_JUMPS))), -40.0)
        out[5] = np.maximum(ndtri(np.minimum(out[5], _MOST_RARE)), -40.0)
        return out

    def steps(self, x: float) -> list[tuple[int, float]]:
        """Return number and amplitude of each deviate that makes up a displacement at x."""
        length = self.decades_per_step * math.log(10.0)
        rate = 2.0 / (self.memory * math.log(10.0))
        count = max(math.ceil(x / length - 1e-12), 1)
        ends = np.minimum(length * np.arange(count + 1), x)
        left = np.exp(rate * (ends - x))
        variance = np.diff(left) / (1.0 - left[0])
        kept = np.flatnonzero(variance >= _FORGOTTEN)
        amplitude = np.sqrt(variance[kept] / variance[kept].sum())
        return list(zip(kept.tolist(), amplitude.tolist(), strict=True))

    def streams(self, times: ArrayLike, temperatures: ArrayLike) -> list[str]:
        """Return the names of the deviates that `conductance` takes, in their order."""
        x = self.progress(times, temperatures)
        if x <= 0:
            return []
        jumps = [f"relaxation.jump/{k}" for k, _ in self.steps(x)]
        epoch = round(x / _EPOCH)
        reads = [f"relaxation.fluctuation/{epoch}", f"relaxation.jump_fluctuation/{epoch}"]
        return ["relaxation", *reads, "relaxation.unstable", "relaxation.rare", *jumps]


def from_technology(technology: Technology) -> UnstableCells:
    """Read the section ``relaxation.target`` of a card.

    Examples
    --------
    >>> import reliability as rel
    >>> len(from_technology(rel.load_technology("techB")).conditions)
    7
    """
    found: dict[str, dict[str, float]] = {}
    for key in technology:
        head, _, rest = key.partition(f"{_SECTION}.")
        name, dot, quantity = rest.partition(".")
        if not head and dot:
            found.setdefault(name, {})[quantity] = technology[key]

    def condition(values: dict[str, float]) -> Condition:
        count = sum(name.startswith("sigma_") for name in values)
        rows = [[values[f"{profile}_{k}"] for k in range(count)] for profile in PROFILES]
        return Condition(values["time"], values["temperature"], np.array(rows))

    single = ("onset_time", "attempt_time", "reference_temperature", "memory", "fluctuation")
    more = ("jump_fluctuation", "decades_per_step")
    return UnstableCells(
        technology["target.maximum"],
        tuple(condition(values) for values in found.values()),
        **{name: technology[f"{_SECTION}.{name}"] for name in (*single, *more)},
        at_rest=technology.models[_SECTION] == "saturating",
    )


def conductance(
    model: UnstableCells,
    initial: NDArray[np.floating],
    target: NDArray[np.floating],
    times: ArrayLike,
    temperatures: ArrayLike,
    deviates: Sequence[NDArray[np.floating]],
    stretch: NDArray[np.floating] | None = None,
) -> NDArray[np.floating]:
    """Return the conductance, S, of cells with the deviates that `UnstableCells.streams` names.

    Parameters
    ----------
    model : UnstableCells
    initial : ndarray, shape (...)
        Conductance as programmed, S.
    target : ndarray, broadcast to ``initial``
        Programmed level, S.
    times, temperatures : array_like, shape (segments,)
        s and K.
    deviates : sequence of ndarray, shape (...)
        Standard normal.
    stretch : ndarray, broadcast to ``initial``, optional
        Factor on sigma, down and up of each cell, of worn cells.

    Examples
    --------
    >>> room = Condition(1e4, 298.15, np.array([[0.0], [1e-6], [1.0], [1e-5], [5e-6], [0.0]]))
    >>> model = UnstableCells(1e-4, (room,), 1e-3, 1e-13, 298.15, memory=3.0, fluctuation=0.5)
    >>> names = model.streams([1e4], [298.15])
    >>> g = np.full(2, 5e-5)
    >>> z = [np.array([0.0, -2.0]) if "jump" in name or name.endswith("unstable") else np.ones(2)
    ...      for name in names]
    >>> conductance(model, g, g, [1e4], [298.15], z).round(7).tolist()
    [4.86e-05, 1.4e-06]
    """
    x = model.progress(times, temperatures)
    if x <= 0:
        return initial.copy()
    own, read, jump_read, unstable, rare, *each = deviates
    kind = initial.dtype.type
    amplitudes = [amplitude for _, amplitude in model.steps(x)]
    jump = kind(amplitudes[0]) * each[0]
    for amplitude, z in zip(amplitudes[1:], each[1:], strict=True):
        jump += kind(amplitude) * z
    jump *= kind(math.sqrt(1.0 - model.jump_fluctuation))
    jump += kind(math.sqrt(model.jump_fluctuation)) * jump_read
    spread = kind(math.sqrt(1.0 - model.fluctuation)) * own
    spread += kind(math.sqrt(model.fluctuation)) * read
    from reliability.devices.unstable_kernel import move  # compiled code, which takes time to load

    out = np.empty_like(initial)
    levels = np.ascontiguousarray(np.atleast_1d(target))
    wide = np.ones(1)
    if stretch is not None:
        wide = np.ascontiguousarray(np.broadcast_to(stretch, initial.shape), float)
    move(
        initial.reshape(-1), levels.reshape(-1), spread.reshape(-1), unstable.reshape(-1),
        rare.reshape(-1), jump.reshape(-1), wide.reshape(-1), model.table(x), model.maximum,
        _FLOOR * model.maximum, out.reshape(-1),
    )  # fmt: skip
    return out


def probability_below(
    model: UnstableCells,
    initial: float,
    target: float,
    times: ArrayLike,
    temperatures: ArrayLike,
    reference: ArrayLike,
) -> Array:
    """Return the probability that a cell programmed to ``initial`` (S) is below ``reference``.

    Closed form of what `conductance` samples.

    Examples
    --------
    >>> import reliability as rel
    >>> card = from_technology(rel.load_technology("techB"))
    >>> float(probability_below(card, 82e-6, 82e-6, [1e4], [298.15], 54e-6)) > 1e-4
    True
    """
    x = model.progress(times, temperatures)
    reference = np.asarray(reference, float)
    y = _unbounded(reference, _FLOOR * model.maximum) - initial
    if x <= 0:
        return np.asarray(y > 0, float)
    place = min(max(target / model.maximum, 0.0), 1.0) * (_GRID - 1)
    table = model.table(x)
    at_level = [np.interp(place, np.arange(_GRID), row) for row in table]
    shift, sigma, limit, down, up, anywhere_limit = at_level
    stable = ndtr((y - shift) / sigma)
    moved = two_sided_below(y - shift, sigma, down, up, initial)
    unstable, rare = ndtr(limit), ndtr(anywhere_limit)
    anywhere = _anywhere_below(y + initial - shift, sigma, model.maximum)
    return np.asarray((1 - rare) * ((1 - unstable) * stable + unstable * moved) + rare * anywhere)


def moments(
    model: UnstableCells, initial: ArrayLike, times: ArrayLike, temperatures: ArrayLike
) -> tuple[Array, Array]:
    """Return mean and standard deviation of the change of cells programmed to ``initial``, S.

    Closed form of what `conductance` samples at levels well above 0.

    Examples
    --------
    >>> import reliability as rel
    >>> card = from_technology(rel.load_technology("techB"))
    >>> mean, spread = moments(card, [40e-6, 120e-6], [1e4], [298.15])
    >>> bool(mean[0] < mean[1]), bool(spread[0] > 5 * spread[1])
    (True, True)
    """
    g = np.asarray(initial, float)
    x = model.progress(times, temperatures)
    if x <= 0:
        return np.zeros_like(g), np.zeros_like(g)
    place = np.clip(g / model.maximum, 0.0, 1.0) * (_GRID - 1)
    table = model.table(x)
    at_level = [np.interp(place, np.arange(_GRID), row) for row in table]
    shift, sigma, limit, down, up, anywhere_limit = at_level
    g = np.maximum(g, 1e-6 * model.maximum)
    lost = np.exp(-g / down)
    fall = down - g * lost / (1 - lost)  # of an exponential that ends at G = 0
    fall_square = 2 * down * fall - g**2 * lost / (1 - lost)
    unstable, rare = ndtr(limit), ndtr(anywhere_limit)
    jump = unstable * (up**2 - down * fall) / (down + up)
    square = unstable * (2 * up**3 + down * fall_square) / (down + up)
    anywhere = model.maximum / 2 - g
    mean = (1 - rare) * jump + rare * anywhere
    second = (1 - rare) * square + rare * (anywhere**2 + model.maximum**2 / 12)
    return shift + mean, np.sqrt(sigma**2 + second - mean**2)


def two_sided_below(y: ArrayLike, sigma: float, down: float, up: float, reach: float) -> Array:
    """Return P(N + J <= y): N normal with ``sigma``, J two-sided exponential down to -``reach``.

    Examples
    --------
    >>> two_sided_below([-50.0, 0.0, 1e3], 1.0, 10.0, 10.0, 50.0).round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    y = np.asarray(y, float)
    lost = math.exp(-reach / down)
    falls = (_minus_exponential(y, sigma, down) - lost * _minus_exponential(
        y + reach, sigma, down
    )) / (1.0 - lost)  # fmt: skip
    rises = 1.0 - _minus_exponential(-y, sigma, up)
    return np.asarray((down * falls + up * rises) / (down + up))


def _minus_exponential(y: Array, sigma: float, mean: float) -> Array:
    """P(N - E <= y) with E exponential."""
    below = log_ndtr(-(sigma / mean + y / sigma)) + 0.5 * (sigma / mean) ** 2 + y / mean
    return np.asarray(ndtr(y / sigma) + np.exp(np.minimum(below, 0.0)))


def _anywhere_below(v: Array, sigma: float, maximum: float) -> Array:
    """P(U + N <= v) with U uniform from 0 to ``maximum``."""

    def integral(a: Array) -> Array:
        z = a / sigma
        return np.asarray(sigma * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)))

    return (integral(v) - integral(v - maximum)) / maximum


def _unbounded(g: Array, floor: float) -> Array:
    """Inverse of what keeps conductances above 0."""
    small = floor * (1.0 + np.log(np.maximum(g, 1e-300) / floor))
    return np.where(g < floor, small, g)
